/** `--json` as a contract: each command has a published schema, what it prints is held to it, and errors are objects, too. */
import { Ajv2020 } from 'ajv/dist/2020';
import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { define as claims } from '../../src/cli/claims';
import { define as clean } from '../../src/cli/clean';
import { define as compare } from '../../src/cli/compare';
import { define as list } from '../../src/cli/data/list';
import { define as dataTasks } from '../../src/cli/data/tasks';
import { define as dataVerify } from '../../src/cli/data/verify';
import { define as metrics } from '../../src/cli/export/metrics';
import { define as figures } from '../../src/cli/figures';
import { define as keep } from '../../src/cli/keep';
import { outputs, outputSchema, outputSchemaText, outputTable } from '../../src/cli/outputs';
import { formatOf } from '../../src/cli/outputs/format';
import { define as remove } from '../../src/cli/remove';
import { define as report } from '../../src/cli/report';
import { define as resources } from '../../src/cli/resources';
import { define as score } from '../../src/cli/score';
import { define as tables } from '../../src/cli/tables';
import { define as why } from '../../src/cli/why';
import { projectRoot } from '../../src/files';
import { commandOutput } from '../../testing/commandOutput';
import { smallExperiment, type SmallExperiment } from '../../testing/exportedRuns';
import { jsonOutput } from '../../testing/outputs';

// The page itself takes seconds to draw, and test/ui looks at it.
vi.mock('../../src/ui/standalone', () => ({
  makeStandalone: () => Promise.resolve({ html: '', runs: 4, notices: ['one'] }),
}));

let small: SmallExperiment;
let before: string | undefined;
beforeAll(() => {
  before = process.env['EQUIPOISE_RESULTS'];
  small = smallExperiment();
  process.env['EQUIPOISE_RESULTS'] = dirname(small.experiment);
});
afterAll(() => {
  if (before === undefined) delete process.env['EQUIPOISE_RESULTS'];
  else process.env['EQUIPOISE_RESULTS'] = before;
  small.remove();
});

const files = {
  claims,
  clean,
  compare,
  list,
  tasks: dataTasks,
  metrics,
  figures,
  keep,
  remove,
  report,
  resources,
  score,
  tables,
  why,
};

describe('the published schema', () => {
  it('is what the table of outputs says, and so is the page; else run: npx ts-node src/cli/outputs/write.ts', () => {
    expect(readFileSync(join(projectRoot, 'src', 'cli', 'output.schema.json'), 'utf8')).toBe(outputSchemaText());
    expect(readFileSync(join(projectRoot, 'docs', 'commands.md'), 'utf8')).toContain(outputTable());
  });

  it('is a schema, which tells outputs apart by their format and refuses others', () => {
    const validate = new Ajv2020({ strict: true, strictRequired: false }).compile(outputSchema());
    expect(validate({ format: formatOf('status'), experiments: [] })).toBe(true);
    expect(validate({ format: formatOf('status'), experiments: [], more: 1 })).toBe(true);
    expect(validate({ format: 'equipoise-status-output/2', experiments: [] })).toBe(false);
    expect(validate({ format: formatOf('status') })).toBe(false);
    expect(validate([])).toBe(false);
  });

  it('has an output for each command that has --json, and for no other', () => {
    // In a process of its own: a test's runner loads TypeScript in another way.
    const script = `
      require(${JSON.stringify(join(projectRoot, 'bin', 'typescript.cjs'))});
      const load = (name) => require(${JSON.stringify(join(projectRoot, 'src', 'cli'))} + '/' + name + '.ts');
      const all = load('completion').completedOf(load('commands').commands);
      console.log(JSON.stringify(all.filter(({ options }) => options.some(({ flag }) => flag === '--json')).map(({ path }) => path.join(' '))));`;
    const commands = JSON.parse(execFileSync(process.execPath, ['-e', script], { encoding: 'utf8' })) as string[];
    const described = Object.values(outputs).map(({ command }) => /^[a-z -]+?(?= EXPERIMENT| --|$)/.exec(command)![0]);
    expect([...new Set(described)].filter((name) => name !== 'any with').sort()).toEqual(commands.sort());
  });
});

describe('a command with --json', () => {
  it.each([
    ['figures', 'small', '--only', 'loss-contours', '--out', 'OUT'],
    ['tables', 'small', '--only', 'results', '--out', 'OUT'],
    ['report', 'small', '--interactive', '--out', 'OUT'],
    ['claims', 'small', '--out', 'OUT'],
    ['keep', 'small', '--answers', '--out', 'OUT'],
    ['score', 'small'],
    ['remove', 'small'],
    ['clean', 'failed', 'partial', 'best'],
    ['compare', 'scheduler=constant', 'scheduler=commit-clr'],
    ['export', 'metrics', 'small', 'OUT/csv', '--format', 'csv'],
    ['export', 'metrics', 'small', 'OUT/events', '--format', 'tensorboard'],
    ['data', 'list'],
    ['data', 'tasks'],
    ['resources', 'blip2-opt-125m'],
  ])('%s %s prints what its schema says', async (...words) => {
    const at = words.map((word) => word.replace('OUT', join(small.folder, 'out')));
    // Held to its schema by commandOutput.
    const printed = await commandOutput(files, ...at, '--json').catch((error: unknown) => {
      if (words[0] !== 'score') throw error;
    });
    if (printed !== undefined) expect(jsonOutput(printed.out).format).toMatch(/^equipoise-[a-z-]+-output\/1$/);
  });

  it('why and compare tell of runs', async () => {
    const [a, b] = [...small.runs.keys()];
    expect(jsonOutput((await commandOutput(files, 'why', a!, '--json')).out)).toMatchObject({ id: a, state: 'done' });
    const compared = jsonOutput((await commandOutput(files, 'compare', a!, b!, '--json')).out);
    expect(compared).toMatchObject({ what: 'runs', a: { id: a }, b: { id: b } });
    expect(
      jsonOutput((await commandOutput({ verify: dataVerify }, 'data', 'verify', 'emoji-names', '--json')).out),
    ).toMatchObject({
      sources: [{ name: 'emoji-names' }],
    });
  });

  const spawned = (...words: string[]) => {
    const { stdout, stderr, status } = spawnSync(
      process.execPath,
      [join(projectRoot, 'bin', 'equipoise.cjs'), ...words],
      {
        encoding: 'utf8',
      },
    );
    return { said: jsonOutput(stdout), stderr, status };
  };

  it('says an error as an object on standard output, with the exit code and the lines of before', () => {
    const { said, stderr, status } = spawned('status', 'smal', '--json');
    expect(said).toEqual({
      format: 'equipoise-error-output/1',
      exitCode: 2,
      problems: [
        expect.objectContaining({ where: 'experiment "smal"', what: 'has no results', hint: 'did you mean small?' }),
      ],
    });
    expect(status).toBe(2);
    expect(stderr).toMatch(/^error: experiment "smal": has no results/);
  });

  it('tells settings', () => {
    const { said, status } = spawned('status', 'small', '--group', 'seed', '--sort', 'accuracy', '--json');
    expect(status).toBe(0);
    expect(said).toMatchObject({ format: 'equipoise-status-settings-output/1', total: 2 });
  });
});
