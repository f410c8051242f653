/**
 * The package, tried from a second project: packed, unpacked, required, imported, type-checked; docs/api.md's examples
 * run.
 */
import { spawnSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { extract } from 'tar';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { figureNames, makeFigures } from '../analysis/index';
import { canonicalJson, projectRoot } from '../src/files';
import { expand } from '../src/manifest/expand';
import { loadManifest } from '../src/manifest/load';
import { readJournal } from '../src/runner/journal';
import { libraryFolder } from '../src/sources/libraries';
import { taskFor, writeCheckpoint, writeTasks } from '../testing/checkpoints';

const modules = join(projectRoot, 'node_modules');
let project: string;
let files: string[];
let bytes: number;

/** Runs Node in the second project and gives back what it printed. The cache is its own. */
const node = (...words: string[]) => nodeIn(project, ...words);

function nodeIn(folder: string, ...words: string[]): { code: number | null; out: string; err: string } {
  const { status, stdout, stderr } = spawnSync(process.execPath, words, {
    cwd: folder,
    encoding: 'utf8',
    env: {
      ...Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('EQUIPOISE_'))),
      EQUIPOISE_CACHE: join(project, 'cache'),
      EQUIPOISE_LIBRARIES: dirname(libraryFolder('pictures')),
    },
  });
  return { code: status, out: stdout, err: stderr };
}

function npm(...words: string[]): string {
  const { status, stdout, stderr } = spawnSync('npm', [...words, '--silent'], {
    cwd: projectRoot,
    encoding: 'utf8',
    shell: process.platform === 'win32',
  });
  expect(stderr + (status === 0 ? '' : stdout)).toBe('');
  return stdout;
}

/** Links what is installed here into the second project, as `npm install` would put it there. */
function linkModules(into: string): void {
  for (const name of readdirSync(modules).filter((each) => !each.startsWith('.')))
    symlinkSync(join(modules, name), join(into, name), 'junction');
}

const sweep = {
  $schema: './node_modules/equipoise/src/manifest/manifest.schema.json',
  name: 'sweep',
  about: { what: 'a test', command: 'node sweep.cjs', expectedTime: 'seconds', lookFor: 'records' },
  fixed: { task: taskFor('llava-1.5'), checkpoint: 'small-llava', batch: 4, learningRate: 0.01 },
  steps: 4,
  measure: { every: 2 },
  evaluate: { every: 2, validation: 3 },
  axes: { scheduler: ['constant', 'commit-clr'], seed: [1, 2] },
};

beforeAll(async () => {
  project = mkdtempSync(join(tmpdir(), 'equipoise-package-'));
  npm('run', 'build');
  const [packed] = JSON.parse(npm('pack', '--json', '--ignore-scripts', '--pack-destination', project)) as [
    { filename: string; size: number; files: { path: string }[] },
  ];
  files = packed.files.map(({ path }) => path);
  bytes = packed.size;
  mkdirSync(join(project, 'node_modules'));
  linkModules(join(project, 'node_modules'));
  await extract({ file: join(project, packed.filename), cwd: project });
  renameSync(join(project, 'package'), join(project, 'node_modules', 'equipoise'));
  const page = readFileSync(join(projectRoot, 'docs', 'api.md'), 'utf8');
  const examples = [...page.matchAll(/<!-- example: (\S+) -->\n```js\n([^]*?)```/g)];
  expect(examples.map(([, name]) => name)).toEqual(['sweep.cjs', 'compare.mjs']);
  for (const [, name, code] of examples) writeFileSync(join(project, name!), code!);
  writeFileSync(join(project, 'sweep.json'), JSON.stringify(sweep));
  await writeTasks(join(project, 'tasks'));
  writeCheckpoint(join(project, 'checkpoints', 'small-llava'), 'llava-1.5');
}, 900_000);
afterAll(() => rmSync(project, { recursive: true, force: true }));

describe('the package', () => {
  it('is small and holds neither tests nor results nor figures', () => {
    expect(bytes).toBeLessThan(3 * 1024 ** 2);
    expect(files).toEqual(
      expect.arrayContaining(['LICENSE', 'README.md', 'dist/src/api/index.js', 'dist/src/api/index.d.ts']),
    );
    expect(files.length).toBeGreaterThan(300);
    expect(
      files.filter((path) => /^(test|testing|bench|results|paper-figures|docs|node_modules)\//.test(path)),
    ).toEqual([]);
    expect(files.filter((path) => path.endsWith('.ts') && !path.endsWith('.d.ts'))).toEqual([]);
  });

  it('plans the runs that a checkout plans, with its own command too', () => {
    const manifest = join('node_modules', 'equipoise', 'experiments', 'quickstart.json');
    const script = `const { expandManifest, loadManifest } = require('equipoise');
      process.stdout.write(JSON.stringify(expandManifest(loadManifest(${JSON.stringify(manifest)}))));`;
    const { out } = node('-e', script);
    const here = expand(loadManifest(join(projectRoot, 'experiments', 'quickstart.json')));
    expect(here.length).toBeGreaterThan(0);
    expect(canonicalJson(JSON.parse(out))).toBe(canonicalJson(here));
    const ids = (text: string) => (JSON.parse(text) as { runs: { id: string }[] }).runs.map(({ id }) => id);
    const plan = ['plan', manifest, '--backend', 'wasm', '--json'];
    const theirs = node(command, ...plan);
    expect(theirs.err).toBe('');
    expect(ids(theirs.out)).toHaveLength(here.length);
    plan[1] = join(projectRoot, 'experiments', 'quickstart.json');
    expect(ids(node(join(projectRoot, 'bin', 'equipoise.cjs'), ...plan).out)).toEqual(ids(theirs.out));
  });

  it('says what is wrong with a manifest as data', () => {
    writeFileSync(join(project, 'wrong.json'), JSON.stringify({ ...sweep, steps: -1 }));
    const script = `import { loadManifest, UserError } from 'equipoise';
      try { loadManifest('wrong.json'); } catch (error) {
        console.log(JSON.stringify([error instanceof UserError, error.problems.map(({ where }) => where)])); }`;
    expect(JSON.parse(node('--input-type=module', '-e', script).out)).toEqual([true, ['wrong.json /steps']]);
  });
});

const command = join('node_modules', 'equipoise', 'bin', 'equipoise.cjs');

describe('a project of one’s own', () => {
  it('is begun by the installed package and worked in from any of its folders', () => {
    const begun = node(command, 'init', 'study', '--with-part', '--ts');
    expect(begun.err).toBe('');
    expect(begun.out.match(/^ {2}wrote {2}\S+$/gm)).toHaveLength(4);
    const below = join(project, 'study', 'parts');
    const planned = nodeIn(
      below,
      join(project, command),
      'plan',
      'first',
      '--profile',
      'smoke',
      '--backend',
      'wasm',
      '--json',
    );
    expect(planned.err).toBe('');
    expect((JSON.parse(planned.out) as { runs: unknown[] }).runs).toHaveLength(3);
    expect(nodeIn(below, join(project, command)).out).toMatch(
      /^project of .*study.equipoise\.config\.ts; results are in /,
    );
    expect(readFileSync(join(project, 'study', 'experiments', 'first.json'), 'utf8')).toContain(
      '"$schema": "../../node_modules/equipoise/src/manifest/manifest.schema.json"',
    );
  }, 180_000);

  it('works where each package sees its own dependencies alone, as pnpm puts them', () => {
    const [home, store] = [
      join(project, 'pnpm'),
      join(project, 'pnpm', 'node_modules', '.pnpm', 'equipoise', 'node_modules'),
    ];
    mkdirSync(store, { recursive: true });
    linkModules(store);
    cpSync(join(project, 'node_modules', 'equipoise'), join(store, 'equipoise'), { recursive: true });
    symlinkSync(join(store, 'equipoise'), join(home, 'node_modules', 'equipoise'), 'junction');
    expect(nodeIn(home, command, 'init').err).toBe('');
    const script = `import { expandManifest, loadManifest, resultsFolder } from 'equipoise';
      const runs = expandManifest(loadManifest('experiments/first.json', { profile: 'smoke' }));
      console.log(JSON.stringify([runs.length, resultsFolder()]));`;
    expect(JSON.parse(nodeIn(home, '--input-type=module', '-e', script).out)).toEqual([
      2,
      join(realpathSync(home), 'results'),
    ]);
  }, 180_000);
});

describe('the examples of docs/api.md', () => {
  it('train, hand out every record of the journals, and draw, in CommonJS', async () => {
    const first = node('sweep.cjs');
    expect(first.err).toBe('');
    const lines = first.out.trimEnd().split('\n');
    expect(lines.filter((line) => / new: .*seed [12]/.test(line))).toHaveLength(4);
    const results = join(project, 'results', 'sweep');
    const ids = readdirSync(results);
    expect(ids).toHaveLength(4);
    const kappas = ids.flatMap((id) =>
      readJournal(join(results, id, 'metrics.jsonl')).records.flatMap((record) =>
        record.kind === 'measure' ? [`  step ${record.step}: kappa ${record.kappa.toFixed(2)}`] : [],
      ),
    );
    expect(kappas).toHaveLength(8);
    expect(lines.filter((line) => line.startsWith('  step')).sort()).toEqual(kappas.sort());
    const svg = join(project, 'drawn', 'learning-curves.svg');
    expect(lines).toContain(join('drawn', 'learning-curves.svg'));
    expect(figureNames).toContain('learning-curves');
    await makeFigures(results, join(project, 'drawn-here'), { only: ['learning-curves'] });
    expect(readFileSync(svg).equals(readFileSync(join(project, 'drawn-here', 'learning-curves.svg')))).toBe(true);
    const trained = statSync(join(results, ids[0]!, 'run.json')).mtimeMs;
    const again = node('sweep.cjs');
    expect(again.out.replaceAll(' done: ', ' new: ')).toBe(first.out);
    expect(statSync(join(results, ids[0]!, 'run.json')).mtimeMs).toBe(trained);
  }, 300_000);

  it('compare journals, as an ES module', () => {
    const { out, err } = node('compare.mjs');
    expect(err).toBe('');
    expect(out).toMatch(/^coordinated rates gain -?\d\.\d{3} \[-?\d\.\d{3}, -?\d\.\d{3}\], n = 2\n$/);
  }, 120_000);

  it('stop when their reader leaves, and go on to the same journal', () => {
    const id = readdirSync(join(project, 'results', 'sweep'))[0]!;
    const script = `const { loadManifest, planManifest, trainRun } = require('equipoise');
      const { experiment, plan } = planManifest(loadManifest('sweep.json'), { backend: 'wasm', results: 'elsewhere' });
      const run = plan.find(({ id }) => id === '${id}');
      const options = { experiment, results: 'elsewhere', checkpoint: { steps: 1 } };
      (async () => {
        for await (const record of trainRun(run, options)) if (record.step === 2) break;
        const [half] = planManifest(loadManifest('sweep.json'), { backend: 'wasm', results: 'elsewhere' }).plan.filter(({ id }) => id === run.id);
        const records = [];
        for await (const record of trainRun(run, options)) records.push(record);
        console.log(JSON.stringify({ state: half.state, records }));
      })();`;
    const { out } = node('-e', script);
    const { state, records } = JSON.parse(out) as { state: string; records: unknown[] };
    expect(state).toBe('partial');
    expect(records).toEqual(readJournal(join(project, 'results', 'sweep', id, 'metrics.jsonl')).records);
    expect(existsSync(join(project, 'elsewhere', 'sweep', id, 'claim'))).toBe(false);
  }, 120_000);
});

describe('its types', () => {
  it('check the examples and a program in TypeScript, and refuse a wrong one', () => {
    const good = `import { loadManifest, planManifest, trainRun, type JournalRecord, type RunFile } from 'equipoise';
      export async function losses(path: string): Promise<number[]> {
        const { plan, experiment } = planManifest(loadManifest(path, { profile: 'smoke' }));
        const records = trainRun(plan[0]!, { experiment, onStage: (stage: string) => void stage });
        const found: number[] = [];
        for (let next = await records.next(); ; next = await records.next()) {
          if (next.done) { const file: RunFile = next.value; return [...found, file.step]; }
          const record: JournalRecord = next.value;
          if (record.kind === 'train') found.push(record.loss);
        }
      }`;
    writeFileSync(join(project, 'good.mts'), good);
    writeFileSync(join(project, 'good.cts'), good);
    const guide = readFileSync(join(projectRoot, 'docs', 'extending.md'), 'utf8');
    const own = [...guide.matchAll(/<!-- example: own (\S+) -->\n```ts\n([^]*?)```/g)].map(([, name, code]) => {
      writeFileSync(join(project, name!), code!);
      return name!;
    });
    expect(own).toEqual(['brake.ts', 'even.ts']);
    writeFileSync(
      join(project, 'wrongPart.ts'),
      readFileSync(join(project, 'even.ts'), 'utf8').replace('-lambda', '-x'),
    );
    writeFileSync(join(project, 'wrong.mts'), good.replace('record.loss', 'record.kappa'));
    const { out } = node(
      join(modules, 'typescript', 'bin', 'tsc'),
      ...['--noEmit', '--allowJs', '--checkJs', '--module', 'nodenext', '--target', 'es2022', '--lib', 'es2023'],
      ...['--strict', '--noImplicitAny', 'false', '--skipLibCheck', '--types', 'node'],
      ...['good.mts', 'good.cts', 'sweep.cjs', 'compare.mjs', ...own, join('study', 'equipoise.config.ts')],
      ...['wrongPart.ts', 'wrong.mts'],
    );
    expect(out.trimEnd().split('\n')).toEqual([
      expect.stringMatching(/^wrong\.mts\(.*Property 'kappa' does not exist on type 'TrainRecord'/),
      expect.stringMatching(/^wrongPart\.ts\(.*Cannot find name 'x'/),
    ]);
  }, 300_000);
});
