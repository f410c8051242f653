/**
 * Parts of a user's own from a folder outside the repository: checked, refused, hashed into identities, carried to
 * workers and jobs.
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { projectRoot } from '../../src/files';
import { loadParts } from '../../src/ownParts';
import { UserError } from '../../src/problems';
import { runFolder } from '../../src/runner/folders';
import { readJournal } from '../../src/runner/journal';
import { exampleParts } from '../../testing/ownParts';

const base = mkdtempSync(join(tmpdir(), 'equipoise-own-'));
afterAll(() => rmSync(base, { recursive: true, force: true }));

let count = 0;
function folderOf(files: Record<string, string>): string {
  const folder = join(base, `parts-${++count}`);
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(join(folder, name, '..'), { recursive: true });
    writeFileSync(join(folder, name), text);
  }
  return folder;
}

const { brake, even, meanTokens, colourGrid } = exampleParts;
/** The regulariser `commit` under another name. */
const twin = `import { above0, defineRegulariser, number, tf } from 'equipoise/parts';
export const name = 'twin';
export const regulariser = defineRegulariser({
  about: 'a',
  options: { lambda: number('weight', 0, 1000, 0.1), cap: above0('cap', 1000, 1) },
  facts: { joins: 'loss', cap: ({ cap }) => cap },
  make: ({ lambda, cap }) => ({ encoder, backbone }, weights) => {
    const capped = { encoder: tf.minimum(encoder, cap), backbone: tf.minimum(backbone, cap) };
    return tf.mul(tf.add(tf.mul(weights.encoder, capped.encoder), tf.mul(weights.backbone, capped.backbone)), -lambda);
  },
});
`;

const scheduler = (
  body: string,
  name = 'own',
) => `import { defineScheduler, number, bothActive } from 'equipoise/parts';
export const name = '${name}';
export const scheduler = defineScheduler({ about: 'a', options: {}, facts: { ignoresKappa: true },
  make: () => ({ initial: null, next: () => ({ state: null, decision: bothActive() }) }), ...(${body}) });`;

function refusal(files: Record<string, string>): string {
  try {
    loadParts(folderOf(files));
  } catch (error) {
    expect(error).toBeInstanceOf(UserError);
    return (error as UserError).message;
  }
  throw new Error('nothing was refused');
}

describe('a folder of parts is refused', () => {
  it.each<[string, Record<string, string>, RegExp]>([
    ['without a part', { 'readme.md': '' }, /holds no part/],
    ['for a fault of syntax', { 'a.ts': 'export const = 1;' }, /a\.ts:1.*cannot be compiled/s],
    ['when it throws', { 'a.js': "throw new Error('no luck');" }, /a\.js.*no luck/s],
    ['without an export', { 'a.ts': 'export const other = 1;' }, /exports no part/],
    ['with two', { 'a.ts': 'export const scheduler = {}, connector = {};' }, /exports scheduler and connector/],
    ['without a name', { 'a.ts': 'export const scheduler = {};' }, /has no name/],
    ['without its form', { 'a.ts': "export const name = 'own'; export const scheduler = {};" }, /has no text `about`/],
    ['with a taken name', { 'a.ts': scheduler('{}', 'constant') }, /the name is taken/],
    ['with one name twice', { 'a.ts': scheduler('{}', 'twice'), 'b.js': scheduler('{}', 'twice') }, /b\.js.*taken/s],
    ['with a bad option', { 'a.ts': scheduler('{ options: { x: 1 } }') }, /its option x is not one of/],
    [
      'with a default outside',
      { 'a.ts': scheduler("{ options: { x: number('x', 0, 1, 2) } }") },
      /outside its own limits/,
    ],
    ['without a decision', { 'a.ts': scheduler('{ make: () => ({ initial: 0, next: () => ({}) }) }') }, /no decision/],
    ['with NaN for a state', { 'a.ts': scheduler('{ make: () => ({ initial: NaN, next: () => ({}) }) }') }, /not JSON/],
    ['that throws at work', { 'a.ts': scheduler("{ make: () => { throw new Error('later'); } }") }, /a\.ts.*later/s],
    ['with a package', { 'a.ts': "import 'left-pad';" }, /imports "left-pad"/],
    ['with files from outside', { 'a.ts': "import '../../outside';" }, /outside/],
    ['for a regulariser that joins nowhere', { 'a.ts': even.replace("'loss'", "'step'") }, /facts\.joins/],
    ['for a regulariser without a share', { 'a.ts': even.replace("'loss'", "'update'") }, /facts\.share/],
    ['for a term that is no scalar', { 'a.ts': even.replace('-lambda / 2', 'tf.ones([2])') }, /gives no scalar/],
    [
      'for a term without a gradient',
      { 'a.ts': even.replace('tf.add(encoder, backbone)', 'encoder') },
      /no gradient for both divergences/,
    ],
    [
      'for a connector of another shape',
      { 'a.ts': meanTokens.replace('      tokens,\n      p', '      tokens: 7,\n      p') },
      /gives \[2,2,32\] instead of \[2,7,32\]/,
    ],
    [
      'for a tower of another width',
      { 'a.ts': colourGrid.replace('width: 3', 'width: 4') },
      /gives \[2,4,3\] instead of \[2,4,4\]/,
    ],
  ])('%s', (_what, files, expected) => {
    expect(refusal(files)).toMatch(expected);
  });

  it('that is not there', () => {
    expect(() => loadParts(join(base, 'nowhere'))).toThrow(/is no folder/);
  });
});

const manifest = join(base, 'own.json');
writeFileSync(
  manifest,
  JSON.stringify({
    name: 'own',
    about: { what: 'a test', command: 'none', expectedTime: 'none', lookFor: 'nothing' },
    fixed: {
      task: 'emoji-icon-qa',
      encoder: 'resnet50',
      backbone: 'stories15m',
      vocabulary: 'task',
      connector: { kind: 'mlp', tokens: 2, width: 12 },
      'tuning.backbone.rank': 2,
      'align.steps': 2,
      warmup: 1,
      batch: 4,
      seed: 1,
    },
    steps: 6,
    measure: { every: 2, on: 'batch' },
    evaluate: { every: 0, limit: 0, validation: 8 },
    axes: { scheduler: [{ kind: 'brake', factor: 0.25 }, 'constant'] },
    slurm: { partition: 'normal', time: '0:30:00', memory: '100M' },
  }),
);

const results = join(base, 'results');
function command(...args: string[]): { status: number | null; out: string; err: string } {
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [join(projectRoot, 'testing', 'tinyCli.cjs'), ...args, ...(args[0] === 'why' ? [] : ['--backend', 'cpu'])],
    { env: { ...process.env, EQUIPOISE_RESULTS: results }, encoding: 'utf8' },
  );
  return { status, out: stdout, err: stderr };
}
interface Planned {
  parts?: { kind: string; name: string; sha256: string }[];
  runs: { id: string; state: string; why: string; spec: { scheduler: { kind: string } } }[];
}
const planOf = (parts: string, path = manifest) =>
  JSON.parse(command('plan', path, '--json', '--parts', parts).out) as Planned;
const idOf = (plan: Planned, kind: string) => plan.runs.find(({ spec }) => spec.scheduler.kind === kind)!.id;
const hash: unknown = expect.stringMatching(/^[0-9a-f]{64}$/);

describe('a part of a user', () => {
  const parts = folderOf({ 'brake.ts': brake, 'meanTokens.ts': meanTokens, 'colourGrid.ts': colourGrid });

  it('is listed with the hash of its code, trained by workers, kept in run.json, and explained when it changes', () => {
    const without = command('plan', manifest);
    expect([without.status, without.err]).toEqual([2, expect.stringMatching(/"brake".*--parts/)]);

    const plan = planOf(parts);
    expect(plan.parts).toContainEqual(expect.objectContaining({ kind: 'scheduler', name: 'brake', sha256: hash }));
    expect(plan.parts!.map(({ name }) => name)).toEqual(['brake', 'colour-grid', 'mean-tokens']);

    const trained = command('run', manifest, '--parts', parts, '--workers', '1');
    expect([trained.status, trained.err]).toEqual([0, expect.anything()]);
    const run = (kind: string) => join(results, 'own', idOf(plan, kind));
    const fileOf = (kind: string) =>
      JSON.parse(readFileSync(join(run(kind), 'run.json'), 'utf8')) as { parts?: object };
    expect(fileOf('brake').parts).toEqual({
      'scheduler brake': plan.parts!.find(({ name }) => name === 'brake')!.sha256,
    });
    expect(fileOf('constant').parts).toBeUndefined();
    const factors = readJournal(runFolder(results, 'own', idOf(plan, 'brake')).journal).records.flatMap((record) =>
      record.kind === 'measure' ? [record.factor] : [],
    );
    expect(factors[0]).toEqual({ encoder: 1, backbone: 1 });
    expect(factors.some(({ encoder, backbone }) => encoder === 0.25 || backbone === 0.25)).toBe(true);

    const otherForm = brake.replaceAll('\n', '\n\n').replaceAll(': ', ':   ').replace('export', '/* a word */ export');
    expect(otherForm).not.toBe(brake);
    const formatted = planOf(folderOf({ 'brake.ts': `// another comment\n${otherForm}` }));
    expect(formatted.runs.map(({ id, state }) => [id, state])).toEqual(plan.runs.map(({ id }) => [id, 'done']));

    const changed = folderOf({ 'brake.ts': brake.replace('logKappa > 0', 'logKappa > 0.5') });
    const other = planOf(changed);
    expect(idOf(other, 'constant')).toBe(idOf(plan, 'constant'));
    expect(idOf(other, 'brake')).not.toBe(idOf(plan, 'brake'));
    expect(other.runs.map(({ state }) => state)).toEqual(['new', 'done']);
    expect(other.runs[0]!.why).toBe(`your own scheduler brake (brake.ts) has changed since run ${idOf(plan, 'brake')}`);
    const why = command('why', idOf(other, 'brake'), '--manifest', manifest, '--backend', 'cpu', '--parts', changed);
    expect(why.out).toMatch(/your own scheduler brake: "[0-9a-f]{16}" here, "[0-9a-f]{16}" there/);
  }, 120_000);

  it('is hashed with all files of the folder that it needs, and goes to a job by its absolute path', () => {
    const files = {
      'brake.ts': brake.replace("from 'equipoise/parts';", "from 'equipoise/parts';\nimport './lib/help';"),
      'lib/help.ts': 'export const help = 1;',
      'unused.js': scheduler('{}', 'unused'),
    };
    const plan = planOf(folderOf(files));
    const helped = planOf(folderOf({ ...files, 'lib/help.ts': 'export const help = 2;' }));
    const besides = planOf(folderOf({ ...files, 'unused.js': `${scheduler('{}', 'unused')}\n` }));
    expect(idOf(helped, 'brake')).not.toBe(idOf(plan, 'brake'));
    expect(idOf(besides, 'brake')).toBe(idOf(plan, 'brake'));
    expect(idOf(helped, 'constant')).toBe(idOf(plan, 'constant'));

    const script = command('run', manifest, '--parts', parts, '--launcher', 'slurm', '--print');
    expect(readdirSync(parts)).toContain('brake.ts');
    // The run with the part is done already where it was trained; another folder's is not.
    const other = folderOf(files);
    const printed = command('run', manifest, '--parts', other, '--launcher', 'slurm', '--print').out;
    expect([script.status, printed.includes(`--parts ${other} "$id"`)]).toEqual([0, true]);
  }, 120_000);

  it('may be a regulariser, which trains as one of the repository does', () => {
    const path = join(base, 'regularised.json');
    const content = JSON.parse(readFileSync(manifest, 'utf8')) as Record<string, unknown>;
    const terms = [
      { kind: 'twin', lambda: 0.5 },
      { kind: 'commit', lambda: 0.5 },
      { kind: 'even', lambda: 0.5 },
      'none',
    ];
    writeFileSync(path, JSON.stringify({ ...content, name: 'regularised', axes: { regulariser: terms } }));
    const without = command('plan', path);
    expect([without.status, without.err]).toEqual([2, expect.stringMatching(/"twin".*--parts/s)]);

    const own = folderOf({ 'twin.ts': twin, 'even.ts': even });
    const trained = command('run', path, '--parts', own, '--workers', '1');
    expect([trained.status, trained.err]).toEqual([0, expect.anything()]);
    const { runs } = JSON.parse(command('plan', path, '--json', '--parts', own).out) as {
      runs: { id: string; state: string; spec: { regulariser: { kind: string } } }[];
    };
    expect(runs.map(({ state }) => state)).toEqual(['done', 'done', 'done', 'done']);
    const folder = (kind: string) =>
      runFolder(results, 'regularised', runs.find(({ spec }) => spec.regulariser.kind === kind)!.id);
    const records = (kind: string) => readJournal(folder(kind).journal).records;
    expect(records('twin').length).toBeGreaterThan(6);
    expect(records('twin')).toEqual(records('commit'));
    const values = (kind: string) =>
      records(kind).flatMap((record) => (record.kind === 'measure' ? [record.regulariser] : []));
    expect(values('none')).toEqual(values('none').map(() => 0));
    expect(values('even').at(-1)).toBeLessThan(0);
    expect(values('even')).not.toEqual(values('commit'));
    const file = JSON.parse(readFileSync(folder('even').runJson, 'utf8')) as { parts?: object };
    expect(file.parts).toEqual({ 'regulariser even': hash });

    const changed = folderOf({ 'twin.ts': twin, 'even.ts': even.replace('-lambda / 2', '-lambda / 3') });
    const other = JSON.parse(command('plan', path, '--json', '--parts', changed).out) as { runs: typeof runs };
    expect(other.runs.map(({ id }, i) => id === runs[i]!.id)).toEqual([true, true, false, true]);
  }, 240_000);

  it('may be a connector and a tower', () => {
    const path = join(base, 'model.json');
    const content = JSON.parse(readFileSync(manifest, 'utf8')) as Record<string, unknown>;
    writeFileSync(
      path,
      JSON.stringify({
        ...content,
        name: 'model',
        fixed: { task: 'emoji-icon-qa', backbone: 'stories15m', seed: 1 },
        axes: { encoder: ['resnet50', 'colour-grid'], connector: ['mlp', 'mean-tokens'] },
      }),
    );
    const plan = planOf(parts, path);
    const again = planOf(folderOf({ 'm.ts': meanTokens, 'c.ts': colourGrid.replace('width: 3', 'width:  3') }), path);
    const same = plan.runs.map(({ id }, i) => id === again.runs[i]!.id);
    expect(same).toEqual([true, true, true, true]);
    const renamed = planOf(folderOf({ 'm.ts': meanTokens, 'c.ts': `${colourGrid}\nvoid 0;` }), path);
    expect(plan.runs.map(({ id }, i) => id === renamed.runs[i]!.id)).toEqual([true, true, false, false]);
  }, 60_000);
});
