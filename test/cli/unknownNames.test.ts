/** What nothing is called so is bad input for every command alike, and what is only not trained yet is not available. */
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { commands } from '../../src/cli/commands';
import { nameOf, type CommandEntry } from '../../src/cli/command';
import { projectRoot } from '../../src/files';
import { exitCode } from '../../src/problems';
import { withCache } from '../../testing/environment';

const { folder } = withCache('file', (base) => ({
  EQUIPOISE_RESULTS: join(base, 'results'),
  EQUIPOISE_FIGURES: join(base, 'figures'),
}));

/** Words behind each command that takes the name of a manifest, an experiment, a run, a crate, a source or a model. */
const wanting: Readonly<Record<string, readonly string[]>> = {
  reproduce: ['nosuch'],
  plan: ['nosuch'],
  run: ['nosuch'],
  status: ['nosuch'],
  compare: ['nosuch', 'nosuch-2'],
  cancel: ['nosuch'],
  why: ['nosuch'],
  remove: ['nosuch'],
  clean: ['--experiment', 'nosuch'],
  figures: ['nosuch'],
  tables: ['nosuch'],
  report: ['nosuch'],
  claims: ['nosuch'],
  ui: ['nosuch'],
  keep: ['nosuch'],
  score: ['nosuch'],
  evaluate: ['nosuch'],
  landscape: ['nosuch'],
  'export metrics': ['nosuch', join(folder, 'out')],
  'export peft': ['nosuch', join(folder, 'out')],
  'export backbone': ['nosuch', join(folder, 'out')],
  'export ro-crate': ['nosuch'],
  verify: ['nosuch'],
  'data preview': ['nosuch'],
  'data probe': ['nosuch'],
  'data baseline': ['nosuch'],
  'data fetch': ['nosuch'],
  'data import': ['nosuch'],
  'data verify': ['nosuch'],
  'check-model': ['nosuch'],
  resources: ['nosuch'],
};

/** Those that ask the results for an experiment that a manifest says. */
const asking = ['status', 'figures', 'tables', 'report', 'claims', 'ui', 'keep', 'score', 'cancel', 'landscape'];

let codes: ReadonlyMap<string, number>;
beforeAll(() => {
  const calls = [
    ...Object.entries(wanting).map(([name, words]) => [...name.split(' '), ...words]),
    ...asking.map((name) => [name, 'daquar']),
  ];
  // All in one process of its own, which loads the program as a person's call does.
  const script = `const { main } = require('../src/cli/main.ts');
    void (async () => {
      const codes = [];
      for (const words of ${JSON.stringify(calls)}) {
        process.exitCode = undefined;
        await main(['node', 'equipoise', ...words]);
        codes.push([words.join(' '), process.exitCode ?? 0]);
      }
      require('node:fs').writeFileSync(${JSON.stringify(join(folder, 'codes.json'))}, JSON.stringify(codes));
      process.exit(0);
    })();`;
  writeFileSync(join(folder, 'script.cjs'), script.replace('../src', join(projectRoot, 'src')));
  const preload = join(projectRoot, 'testing', 'typescript.cjs');
  const { stderr } = spawnSync(process.execPath, ['-r', preload, join(folder, 'script.cjs')], { encoding: 'utf8' });
  expect(stderr).not.toMatch(/^\s+at |fault of the program/m);
  codes = new Map(JSON.parse(readFileSync(join(folder, 'codes.json'), 'utf8')) as [string, number][]);
});

/** Every command by its words, but those that take nothing, or a word of a short list or a new name. */
const names = (entries: readonly CommandEntry[], above = ''): string[] =>
  entries.flatMap((entry) =>
    'commands' in entry ? names(entry.commands, `${above}${nameOf(entry)} `) : [`${above}${nameOf(entry)}`],
  );
const without = ['init', 'doctor', 'completion', 'data list', 'data tasks', 'worker-run', 'complete-names'];

describe('a name that nothing has', () => {
  it('is tried with every command that takes one', () => {
    expect(Object.keys(wanting).sort()).toEqual(
      names(commands)
        .filter((name) => !without.includes(name))
        .sort(),
    );
  });

  it.each(Object.entries(wanting))('is bad input for %s', (name, words) => {
    expect(codes.get([name, ...words].join(' '))).toBe(exitCode.badInput);
  });
});

it.each(asking)('an experiment that was not trained is not available for %s', (name) => {
  expect(codes.get(`${name} daquar`)).toBe(exitCode.unavailable);
});
