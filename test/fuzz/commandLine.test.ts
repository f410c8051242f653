/** A few spoilt inputs through the real command line: an exit code of 1 to 3, one clear line for each fault, no trace. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { projectRoot } from '../../src/files';
import { withCache } from '../../testing/environment';
import { annotationTargets } from '../../testing/fuzz/annotations';
import { documentTargets } from '../../testing/fuzz/documents';
import { changesOf, inputOf, type Target } from '../../testing/fuzz/fuzz';
import { fuzzRuns, fuzzSeed } from '../../testing/fuzz/runs';
import { picture, put } from '../../testing/releases';

const { folder } = withCache();
const tasks = join(folder, 'tasks');

/** What the command says and how it ends, with a task `mine` of one's own beside it. */
function equipoise(...words: string[]): { code: number | null; lines: string[] } {
  const env = {
    ...process.env,
    EQUIPOISE_CACHE: join(folder, 'cache'),
    EQUIPOISE_TASKS: tasks,
    EQUIPOISE_LOCKS: join(folder, 'locks'),
    EQUIPOISE_RESULTS: join(folder, 'results'),
  };
  const cli = join(projectRoot, 'bin', 'equipoise.cjs');
  const { status, stderr } = spawnSync(process.execPath, [cli, ...words], { env, encoding: 'utf8', timeout: 120_000 });
  return { code: status, lines: stderr.split('\n').filter((line) => line !== '') };
}

const manifestOf = {
  name: 'mine',
  about: 'x',
  modality: 'image',
  format: 'jsonl',
  questions: [{ file: 'mine.jsonl' }],
  media: ['pics'],
  license: 'CC0-1.0',
  citeAs: 'x',
  pictureSide: 16,
};

/** Each: the target whose inputs are tried, and the command that reads one. */
const commands: [
  name: string,
  targets: () => Target[] | Promise<Target[]>,
  run: (input: Buffer) => ReturnType<typeof equipoise>,
][] = [
  [
    'manifest of an experiment',
    documentTargets,
    (input) => {
      writeFileSync(join(folder, 'm.json'), input);
      return equipoise('plan', join(folder, 'm.json'), '--backend', 'cpu');
    },
  ],
  [
    'own task: mine.jsonl',
    annotationTargets,
    (input) => {
      put(tasks, 'mine.json', JSON.stringify(manifestOf));
      put(tasks, 'mine.jsonl', input);
      return equipoise('data', 'import', 'mine');
    },
  ],
];

describe('the command line', () => {
  it.each(commands)('takes %s for what it is', { timeout: 1_200_000 }, async (name, targets, run) => {
    mkdirSync(join(tasks, 'pics'), { recursive: true });
    writeFileSync(join(tasks, 'pics', 'a.png'), await picture([1, 2, 3], { format: 'png' }));
    const target = (await targets()).find((each) => each.name === name)!;
    for (const changes of fc.sample(changesOf(target), { seed: fuzzSeed, numRuns: Math.ceil(fuzzRuns / 100) })) {
      const { code, lines } = run(inputOf(target, changes));
      const said = `${JSON.stringify(changes)}: ${lines.join('\n')}`;
      expect([0, 1, 2, 3], said).toContain(code);
      expect(lines.join('\n')).not.toMatch(/^\s+at |a fault of the program|\bundefined\b/m);
      if (code !== 0)
        expect(
          lines.filter((line) => line.startsWith('error: ')),
          said,
        ).not.toEqual([]);
    }
  });
});
