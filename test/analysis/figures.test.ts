import { execFile } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import Ajv from 'ajv';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { figureNames, makeFigures, tableNames, type MadeFigures } from '../../analysis/index';
import { logAxis } from '../../analysis/axes';
import { inRows, pages, setupPanels } from '../../analysis/panels';
import { tInterval } from '../../analysis/statistics';
import { distinguish, houseRoom, type Spec } from '../../analysis/style';
import { sha256 } from '../../src/files';
import type { RunSpec } from '../../src/manifest/run';
import type { JournalRecord, MeasureRecord, TrainRecord } from '../../src/train/records';
import { expectEvery, notEmpty } from '../../testing/lists';
import {
  syntheticGrid,
  syntheticRecords,
  syntheticSpec,
  writeSyntheticGrid,
  writeSyntheticRun,
} from '../../testing/syntheticJournals';
import { schedulerOf, tuningOf } from '../../testing/specs';
import { sharp } from '../../testing/sharp';

const options = { steps: 60, seeds: 2, validateEvery: 20 };
type Row = Record<string, string | number | null>;
interface Written extends Spec {
  data: { name: string; values: Row[] };
  usermeta: { dataSha256: string; caption: string; command: string; runs: number };
}

/** Figures that the synthetic grid has data for; the others have tests of their own. */
let drawn: string[];

let folder: string;
let out: string;
let made: MadeFigures;

const specOf = (name: string, from = out) => JSON.parse(readFileSync(join(from, `${name}.vl.json`), 'utf8')) as Written;
const rowsOf = (name: string, from = out) => specOf(name, from).data.values;
const grid = () => syntheticGrid(options);
const journal = (spec: RunSpec) => syntheticRecords(spec, options);
const only = <Kind extends JournalRecord['kind']>(records: JournalRecord[], kind: Kind) =>
  records.filter((record): record is Extract<JournalRecord, { kind: Kind }> => record.kind === kind);
const average = (values: number[]) => values.reduce((a, b) => a + b, 0) / values.length;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'equipoise-figures-'));
  out = join(folder, 'out');
  writeSyntheticGrid(join(folder, 'quick'), options);
  made = await makeFigures(join(folder, 'quick'), out);
  const skipped = made.skipped.map(({ figure }) => figure);
  drawn = figureNames.filter((name) => !skipped.includes(name));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('files', () => {
  test('five of each figure that is drawn, a reason for each other one, nothing to complain about', () => {
    const extensions = ['svg', 'pdf', 'png', 'vl.json', 'csv'];
    expect(made.written).toEqual(
      drawn.flatMap((name) => extensions.map((extension) => join(out, `${name}.${extension}`))),
    );
    expect(readdirSync(out).sort()).toEqual(
      drawn.flatMap((name) => extensions.map((extension) => `${name}.${extension}`)).sort(),
    );
    expect(made).toMatchObject({ ignoredRuns: [], notices: [], runs: grid().length });
    // The grid is that of the quickstart: what is committed of it is drawn here, too.
    const committed = readdirSync(join(resolve(__dirname, '..', '..'), 'paper-figures', 'quickstart'));
    expect(drawn.map((name) => `${name}.svg`).sort()).toEqual(committed.filter((name) => name.endsWith('.svg')).sort());
    expect(made.skipped.map(({ reason }) => reason).filter((reason) => !/^needs .*finished runs/.test(reason))).toEqual(
      [],
    );
  });

  test('each names the sha256 of its data and the command that made it', () => {
    for (const name of notEmpty(drawn)) {
      const hash = sha256(readFileSync(join(out, `${name}.csv`)));
      const command = `equipoise figures quick --only ${name}`;
      expect(specOf(name).usermeta).toMatchObject({ dataSha256: hash, command, runs: grid().length });
      const svg = readFileSync(join(out, `${name}.svg`), 'utf8');
      expect(svg).toMatch(new RegExp(`<desc>[^<]*${hash}[^<]*${command}</desc>`));
      const png = readFileSync(join(out, `${name}.png`));
      expect(png.includes(hash) && png.includes(command)).toBe(true);
      const pdf = readFileSync(join(out, `${name}.pdf`), 'latin1');
      expect(pdf).toContain(`(data sha256 ${hash})`);
      expect(pdf).toContain(command);
      expect(pdf).toContain('DejaVuSansCondensed');
      expect(pdf).not.toContain('/Type3');
    }
  });

  test('widths are those of a column and a page, and the PNG has 300 dots per inch', () => {
    for (const [name, inches] of [
      ['kappa-curves', 6.75],
      ['rate-settings', 3.3],
    ] as const) {
      expect(readFileSync(join(out, `${name}.svg`), 'utf8')).toContain(`width="${inches}in"`);
      expect(readFileSync(join(out, `${name}.png`)).readUInt32BE(16)).toBe(inches * 300);
      expect(readFileSync(join(out, `${name}.pdf`), 'latin1')).toMatch(new RegExp(`/MediaBox \\[0 0 ${inches * 72}`));
    }
  });

  test('PNGs carry ink and colour, not an empty page', async () => {
    for (const name of notEmpty(drawn)) {
      const { channels } = await sharp(join(out, `${name}.png`)).stats();
      const colours = channels.slice(0, 3);
      expect(Math.max(...colours.map((channel) => channel.mean))).toBeLessThan(254);
      expect(Math.min(...colours.map((channel) => channel.min))).toBeLessThan(60);
    }
  });

  test('every specification obeys the schema of Vega-Lite', () => {
    const schema = createRequire(__filename)('vega-lite/vega-lite-schema.json') as object;
    const validate = new Ajv({ strict: false, validateFormats: false }).compile(schema);
    for (const name of notEmpty(drawn))
      expect(validate(specOf(name)), `${name}: ${JSON.stringify(validate.errors?.slice(0, 3))}`).toBe(true);
  });
});

describe('content', () => {
  test('kappa-curves: a row a measured step, geometric mean and range over seeds, the rule at 1', () => {
    const rows = rowsOf('kappa-curves');
    expect(rows).toHaveLength(2 * 2 * 3 * 12);
    const runs = grid().filter(
      (spec) => spec.task === 'sound-qa' && spec.scheduler.kind === 'commit-clr' && spec.learningRate.backbone > 1e-3,
    );
    const logs = runs.map((spec) => only(journal(spec), 'measure').find((record) => record.step === 35)!.logKappa);
    const row = rows.find(
      (each) =>
        each['panel'] === 'sound-qa' &&
        each['method'] === 'commit-clr' &&
        each['setting'] === 'backbone ×10' &&
        each['step'] === 35,
    )!;
    expect(row['n']).toBe(2);
    expect(row['kappa']).toBeCloseTo(Math.exp(average(logs)), 3);
    expect(row['low']).toBeCloseTo(Math.exp(Math.min(...logs)), 3);
    expect(row['high']).toBeCloseTo(Math.exp(Math.max(...logs)), 3);
    const layers = (
      specOf('kappa-curves')['spec'] as {
        layer: { mark: { type?: string }; encoding: { y: { datum?: number; scale?: { type: string } } } }[];
      }
    ).layer;
    expect(layers.filter((layer) => layer.mark.type === 'rule').map((layer) => layer.encoding.y.datum)).toEqual([1]);
    expect(layers.at(-1)!.encoding.y.scale?.type).toBe('log');
    expect(specOf('kappa-curves').usermeta.caption).toContain('2 seeds');
  });

  test('normalised-gradients: both modules, moving average of five measures', () => {
    const rows = rowsOf('normalised-gradients');
    expect(rows).toHaveLength(2 * 3 * 2 * 12);
    const runs = grid().filter(
      (spec) => spec.task === 'emoji-icon-qa' && spec.scheduler.kind === 'constant' && spec.learningRate.encoder > 1e-3,
    );
    const value = average(
      runs.map((spec) =>
        average(
          (only(journal(spec), 'measure') as MeasureRecord[])
            .filter((record) => record.step > 15 && record.step <= 40)
            .map((record) => record.normalisedGradient.encoder),
        ),
      ),
    );
    expect(
      rows.find(
        (row) =>
          row['panel'] === 'emoji-icon-qa' &&
          row['setting'] === 'encoder ×10' &&
          row['module'] === 'encoder' &&
          row['step'] === 40,
      )!['value'],
    ).toBeCloseTo(value, 5);
  });

  test('learning-curves: moving average of the loss at equal rates, and validation accuracy', () => {
    const rows = rowsOf('learning-curves');
    expect(rows.filter((row) => row['quantity'] === 'validation accuracy')).toHaveLength(2 * 5 * 3);
    const losses = rows.filter((row) => row['quantity'] === 'training loss');
    expect(losses).toHaveLength(2 * 5 * 60);
    expect(new Set(losses.map((row) => row['averaged']))).toEqual(new Set([3]));
    const runs = grid().filter(
      (spec) =>
        spec.task === 'sound-qa' &&
        spec.scheduler.kind === 'constant' &&
        spec.learningRate.encoder === spec.learningRate.backbone,
    );
    const value = average(
      runs.map((spec) =>
        average((only(journal(spec), 'train') as TrainRecord[]).slice(27, 30).map((record) => record.loss)),
      ),
    );
    expect(
      losses.find((row) => row['panel'] === 'sound-qa' && row['method'] === 'constant' && row['step'] === 30)!['value'],
    ).toBeCloseTo(value, 4);
    expect(JSON.stringify(specOf('learning-curves')['title'])).toContain('moving average of 3 steps');
  });

  test('balance-against-accuracy: a point a run', () => {
    const rows = rowsOf('balance-against-accuracy');
    expect(rows).toHaveLength(grid().length);
    const spec = grid().find(
      (each) => each.task === 'sound-qa' && each.scheduler.kind === 'commit' && each.seed === 1,
    )!;
    const row = rows.find((each) => each['panel'] === 'sound-qa' && each['method'] === 'commit' && each['seed'] === 1)!;
    expect(row['bias']).toBeCloseTo(
      average(only(journal(spec), 'measure').map((record) => Math.abs(record.logKappa))),
      4,
    );
    expect(row['accuracy']).toBeCloseTo(only(journal(spec), 'evaluate').at(-1)!.choice.accuracy, 5);
    expect(specOf('balance-against-accuracy').usermeta.caption).toMatch(/sound-qa: ρ = −?\d\.\d\d \[.*\], n = 18 runs/);
  });

  test('rate-settings: runs and means of the methods that have several settings', () => {
    const rows = rowsOf('rate-settings');
    expect(rows).toHaveLength(2 * 2 * 3 * (2 + 1));
    expect(new Set(rows.map((row) => row['method']))).toEqual(new Set(['constant', 'commit-clr']));
    expectEvery(
      rows.filter((row) => row['level'] === 'mean'),
      (row) => row['n'] === 2 && row['low'] !== null,
    );
  });

  test('rate-ratio: a row for each ratio of the rates, accuracy with its interval and the loss of the last quarter', () => {
    const rows = rowsOf('rate-ratio');
    expect([...new Set(rows.map((row) => row['method']))]).toEqual(['commit-clr', 'constant']);
    expect([...new Set(rows.map((row) => row['ratio']))].sort()).toEqual([0.1, 1, 10]);
    const runs = grid().filter(
      (spec) => spec.task === 'sound-qa' && spec.scheduler.kind === 'constant' && spec.learningRate.backbone > 1e-3,
    );
    const at = (quantity: string) =>
      rows.find(
        (row) =>
          row['quantity'] === quantity &&
          row['panel'] === 'sound-qa' &&
          row['method'] === 'constant' &&
          row['ratio'] === 10,
      )!;
    const losses = runs.map((spec) =>
      average(
        only(journal(spec), 'train')
          .filter(({ step }) => step > 45)
          .map(({ loss }) => loss),
      ),
    );
    expect(at('training loss')['value']).toBeCloseTo(average(losses), 4);
    const accuracies = runs.map((spec) => only(journal(spec), 'evaluate').at(-1)!.choice.accuracy);
    expect(at('final accuracy')).toMatchObject({ n: 2 });
    expect(at('final accuracy')['value']).toBeCloseTo(average(accuracies), 5);
  });

  test('data in the CSV are those in the specification', () => {
    for (const name of notEmpty(drawn)) {
      const lines = readFileSync(join(out, `${name}.csv`), 'utf8')
        .trimEnd()
        .split('\n');
      expect(lines).toHaveLength(rowsOf(name).length + 1);
      expect(lines[0]).toBe(Object.keys(rowsOf(name)[0]!).join(','));
    }
  });
});

test('steps-to-target: runs that get there, medians, and methods that never do', async () => {
  const results = join(folder, 'targets');
  // Losses of constant rates end at .5, from step 41 on.
  const losses = {
    constant: (step: number, seed: number) => (step > 40 ? 0.5 : seed + 1),
    'commit-clr': (step: number, seed: number) => (step > 10 * seed ? 0.5 : seed + 1),
    'feature-cd': (step: number, seed: number) => (seed === 1 ? 0.4 : step),
    'language-cd': () => 3,
  };
  for (const scheduler of ['constant', 'commit-clr', 'feature-cd', 'language-cd'] as const)
    for (const seed of [1, 2, 3])
      writeSyntheticRun(
        results,
        syntheticSpec('sound-qa', scheduler, 'equal rates', seed, 60),
        options,
        { times: { started: '', finished: '', trainSeconds: 30, evaluateSeconds: 0, secondsPerStep: 0.5 } },
        (text) =>
          text
            .trimEnd()
            .split('\n')
            .map((line) => {
              const record = JSON.parse(line) as JournalRecord;
              return record.kind === 'train' ? { ...record, loss: losses[scheduler](record.step, seed) } : record;
            })
            .map((record) => `${JSON.stringify(record)}\n`)
            .join(''),
      );
  const targetOut = join(folder, 'targets-out');
  const { skipped, notices } = await makeFigures(results, targetOut, { only: ['steps-to-target'] });
  expect([skipped, notices]).toEqual([[], []]);
  const rows = rowsOf('steps-to-target', targetOut);
  const values = (quantity: string, method: string, level: string) =>
    rows.flatMap((row) =>
      row['quantity'] === quantity && row['method'] === method && row['level'] === level ? [row['value']] : [],
    );
  // The mean of 20 losses is .5 once 20 have been so.
  expect(values('steps', 'constant', 'run')).toEqual([60, 60, 60]);
  expect(values('steps', 'commit-clr', 'run')).toEqual([30, 40, 50]);
  expect(values('steps', 'commit-clr', 'method')).toEqual([40]);
  expect(values('seconds', 'commit-clr', 'method')).toEqual([20]);
  // One of three gets there: no median. None: no stroke either, but a row that says so.
  expect([values('steps', 'feature-cd', 'run'), values('steps', 'feature-cd', 'method')]).toEqual([[20], [null]]);
  expect([values('steps', 'language-cd', 'run'), values('steps', 'language-cd', 'method')]).toEqual([[], [null]]);
  expect(rows.find((row) => row['method'] === 'language-cd')!['reached']).toBe(0);
  expect(specOf('steps-to-target', targetOut).usermeta.caption).toContain('Runs that never get there have no stroke');
  // (seed + 1 - .5) over 40 and over 10 seed of 60 steps
  const areas = [1, 2, 3].map((seed) => ((seed + 0.5) * (10 * seed - 40)) / 60);
  const mean = rows.find(
    (row) => row['quantity'] === 'area' && row['method'] === 'commit-clr' && row['level'] === 'method',
  )!;
  expect(mean['value']).toBeCloseTo(average(areas), 5);
  expect(mean['low']).toBeCloseTo(tInterval(areas).low!, 5);
});

test('gain-by-size: paired gains over constant rates by the size of the backbone, in panels of runs that are alike in all else', async () => {
  const results = join(folder, 'sizes');
  const run = (scheduler: 'constant' | 'commit-clr' | 'commit', seed: number, over: Partial<RunSpec>): RunSpec => ({
    ...syntheticSpec('emoji-icon-qa', scheduler, 'backbone', seed, 60),
    ...over,
  });
  // Synthetic runs do not depend on their model: other seeds make other gains.
  const sides = [
    { over: { backbone: 'stories15m' }, seeds: [1, 2, 3] },
    { over: { backbone: 'smollm2-135m-instruct' }, seeds: [4, 5] },
    { over: { backbone: 'stories15m', encoder: 'dinov2-small' }, seeds: [6] },
    { over: { backbone: 'smollm2-135m-instruct', encoder: 'dinov2-small' }, seeds: [7] },
    { over: { backbone: 'of-ones-own' }, seeds: [1, 2] },
  ];
  for (const { over, seeds } of sides)
    for (const seed of seeds)
      for (const scheduler of ['constant', 'commit-clr'] as const)
        writeSyntheticRun(results, run(scheduler, seed, over), options);
  writeSyntheticRun(results, run('commit', 1, sides[0]!.over), options); // before one size alone
  const sizesOut = join(folder, 'sizes-out');
  expect((await makeFigures(results, sizesOut, { only: ['gain-by-size'] })).skipped).toEqual([]);
  const rows = rowsOf('gain-by-size', sizesOut);
  const names = (encoder: string) => `emoji-icon-qa · ${encoder} · backbone ×10`;
  expect(
    rows
      .map(({ quantity, panel, method, backbone, n }) => `${quantity}, ${panel}, ${method}, ${backbone}, ${n}`)
      .sort(),
  ).toEqual(
    ['accuracy', 'loss']
      .flatMap((quantity) => [
        `${quantity}, ${names('dinov2-small')}, commit-clr, smollm2-135m-instruct, 1`,
        `${quantity}, ${names('dinov2-small')}, commit-clr, stories15m, 1`,
        `${quantity}, ${names('resnet50')}, commit-clr, smollm2-135m-instruct, 2`,
        `${quantity}, ${names('resnet50')}, commit-clr, stories15m, 3`,
      ])
      .sort(),
  );
  const found = (quantity: string) => rows.find((row) => row['quantity'] === quantity && row['n'] === 3)!;
  const of = (scheduler: 'constant' | 'commit-clr', seed: number) => journal(run(scheduler, seed, sides[0]!.over));
  const accuracy = (scheduler: 'constant' | 'commit-clr', seed: number) =>
    only(of(scheduler, seed), 'evaluate').at(-1)!.choice.accuracy;
  const loss = (scheduler: 'constant' | 'commit-clr', seed: number) =>
    average(only(of(scheduler, seed), 'train').map((record) => record.loss));
  const gains = [1, 2, 3].map((seed) => accuracy('commit-clr', seed) - accuracy('constant', seed));
  const falls = [1, 2, 3].map((seed) => loss('constant', seed) - loss('commit-clr', seed));
  expect(found('accuracy')['gain']).toBeCloseTo(average(gains), 5);
  expect(found('loss')['gain']).toBeCloseTo(average(falls), 4);
  expect(found('accuracy')['low']).toBeCloseTo(tInterval(gains).low!, 5);
  // As published (Hugging Face says 134,515,008 of SmolLM2-135M).
  expect(rows.find((row) => row['backbone'] === 'smollm2-135m-instruct')!['parameters']).toBeCloseTo(134.515, 3);
  expect(specOf('gain-by-size', sizesOut).usermeta.caption).toContain(
    'stories15m (15 M), smollm2-135m-instruct (135 M)',
  );
});

test('option-sweep: a line holds runs that differ in one option and the seed only; options with fewer than three values are no sweep', async () => {
  const results = join(folder, 'sweep');
  const base = syntheticSpec('emoji-icon-qa', 'commit-clr', 'equal rates', 0, 60);
  for (const seed of [1, 2]) {
    for (const exponent of [0.1, 0.2, 0.4])
      for (const rule of ['symmetric', 'lagging'] as const)
        writeSyntheticRun(
          results,
          { ...base, seed, scheduler: schedulerOf({ kind: 'commit-clr', rule, exponent, window: 5 }) },
          options,
        );
    for (const window of [1, 10])
      writeSyntheticRun(
        results,
        { ...base, seed, scheduler: schedulerOf({ kind: 'commit-clr', rule: 'symmetric', exponent: 0.2, window }) },
        options,
      );
    for (const rank of [4, 8])
      writeSyntheticRun(
        results,
        { ...base, seed: seed + 10, tuning: { ...base.tuning, backbone: tuningOf({ kind: 'lora', rank, alpha: 32 }) } },
        options,
      );
  }
  const sweepOut = join(folder, 'sweep-out');
  expect((await makeFigures(results, sweepOut, { only: ['option-sweep'] })).skipped).toEqual([]);
  const rows = rowsOf('option-sweep', sweepOut);
  expect(new Set(rows.map((row) => row['option']))).toEqual(new Set(['scheduler.exponent', 'scheduler.window']));
  const of = (option: string) => rows.filter((row) => row['option'] === option);
  expect(
    of('scheduler.exponent')
      .map((row) => `${row['line']} ${row['value']} n=${row['n']}`)
      .sort(),
  ).toEqual(
    ['lagging', 'symmetric']
      .flatMap((rule) => [0.1, 0.2, 0.4].map((value) => `commit-clr, rule=${rule} ${value} n=2`))
      .sort(),
  );
  expect(of('scheduler.window').map((row) => row['value'])).toEqual([1, 5, 10]);
  // the same at a tenfold rate: a line is told by its setting, not by the number of a rate
  for (const seed of [1, 2])
    for (const window of [1, 5, 10])
      writeSyntheticRun(
        results,
        {
          ...base,
          seed,
          learningRate: { encoder: 3e-4, backbone: 3e-3 },
          scheduler: schedulerOf({ kind: 'commit-clr', rule: 'symmetric', exponent: 0.2, window }),
        },
        options,
      );
  await makeFigures(results, sweepOut, { only: ['option-sweep'] });
  const windows = rowsOf('option-sweep', sweepOut).filter((row) => row['option'] === 'scheduler.window');
  expect([...new Set(windows.map((row) => row['line']))]).toEqual([
    'commit-clr, equal rates',
    'commit-clr, backbone ×10',
  ]);
});

test('a figure without data is skipped with a reason, and old files of it are pointed out', async () => {
  const results = join(folder, 'few');
  const few = join(folder, 'few-out');
  writeSyntheticRun(results, syntheticSpec('emoji-icon-qa', 'feature-cd', 'equal rates', 0, 60), {
    ...options,
    validateEvery: 0,
  });
  const first = await makeFigures(results, few);
  const skipped = first.skipped.map(({ figure }) => figure);
  const madeNames = figureNames.filter((name) => existsSync(join(few, `${name}.svg`)));
  expect(skipped).toEqual(figureNames.filter((name) => !madeNames.includes(name)));
  expect(madeNames).toContain('learning-curves');
  const { reason } = first.skipped.find(({ figure }) => figure === 'kappa-curves')!;
  expect(reason).toBe('needs finished runs of `constant` or `commit-clr` with measures of kappa');
  expect(first.notices).toEqual([]);
  expect(existsSync(join(few, 'learning-curves.svg'))).toBe(true);
  expectEvery(rowsOf('learning-curves', few), (row) => row['quantity'] === 'training loss' && row['n'] === 1);
  expect(JSON.stringify(specOf('learning-curves', few)['title'])).toContain('1 seed');
  writeFileSync(join(few, 'kappa-curves.csv'), '');
  const second = await makeFigures(results, few, { only: ['kappa-curves'] });
  expect(second.written).toEqual([]);
  expect(second.skipped[0]!.reason).toContain('its files from an earlier time are still there');
});

test('an unknown figure is an error with the nearest name; names of figures and tables do not collide', async () => {
  await expect(makeFigures(join(folder, 'quick'), out, { only: ['kapa-curves'] })).rejects.toThrow(
    /there is no figure "kapa-curves".*did you mean kappa-curves\?/,
  );
  expect(new Set([...figureNames, ...tableNames]).size).toBe(figureNames.length + tableNames.length);
});

test('log axes hold every value, tick at decades, and refuse what has no logarithm', () => {
  const wide = logAxis([1e-8, 1e6], [1]);
  const [low, high] = wide.scale['domain'] as [number, number];
  expect(low < 1e-8 && high > 1e6).toBe(true);
  expect((wide.axis['values'] as number[]).length).toBeLessThan(9);
  expect(wide.axis['values']).toContain(1);
  expect(logAxis([0.9, 4]).axis['values']).toEqual([1, 2]);
  expect(logAxis([3], [1]).axis['values']).toEqual([1, 2]);
  expect(() => logAxis([0, 1])).toThrow(RangeError);
});

test('curves over more measures than a panel can show are thinned evenly over all seeds, with a notice', async () => {
  const results = join(folder, 'dense');
  const dense = { steps: 400, every: 1, validateEvery: 0 };
  for (const seed of [1, 2])
    writeSyntheticRun(results, syntheticSpec('emoji-icon-qa', 'constant', 'equal rates', seed, 400), dense);
  const drawn = await makeFigures(results, join(folder, 'dense-out'), {
    only: ['kappa-curves', 'normalised-gradients'],
  });
  expect(drawn.notices).toEqual(['emoji-icon-qa: curves over measures show 134 of 400 measured steps, evenly spread']);
  const shown = Array.from({ length: 133 }, (_, i) => 3 * (i + 1)).concat(400);
  for (const [name, curves] of [
    ['kappa-curves', 1],
    ['normalised-gradients', 2],
  ] as const) {
    const rows = rowsOf(name, join(folder, 'dense-out'));
    expect(rows).toHaveLength(curves * shown.length);
    expect(rows.slice(0, shown.length).map((row) => row['step'])).toEqual(shown);
    expectEvery(rows, (row) => row['n'] === 2);
  }
});

test('panels: a full grid shares its axes, an unfilled last row has its own; many set-ups stand in rows of four', () => {
  expect(inRows(4, 2)).toEqual({ columns: 2 });
  expect(inRows(3, 2)).toEqual({ columns: 2, resolve: { axis: { x: 'independent' } } });
  expect(inRows(1, 3)).toEqual({ columns: 1 });
  expect(pages(['a', 'b', 'c', 'd', 'e', 'f'])).toEqual([
    ['a', 'b', 'c'],
    ['d', 'e', 'f'],
  ]);
  const names = Array.from({ length: 12 }, (_, i) => `task · measure.probe=${i}`);
  const rows = (setups: string[], methods: string[]) =>
    setups.flatMap((panel) => methods.map((method) => ({ panel, method })));
  expect(
    Object.keys(
      setupPanels(rows(['a', 'b'], ['constant', 'commit-clr']), 'method', houseRoom('page'))['facet'] as object,
    ),
  ).toEqual(['row', 'column']);
  expect(setupPanels(rows(names, ['constant']), 'method', houseRoom('page'))).toMatchObject({
    columns: 4,
    facet: { field: 'place', sort: names },
  });
  // With a pair missing a grid would put panels under each other's names.
  expect(
    setupPanels([...rows(['a', 'b'], ['constant']), { panel: 'b', method: 'commit-clr' }], 'method', houseRoom('page')),
  ).toMatchObject({ columns: 3, facet: { field: 'place', sort: ['a · constant', 'b · constant', 'b · commit-clr'] } });
});

test('a legend takes as many columns as its entries need, not as the longest would', () => {
  const columns = (names: string[], width: 'column' | 'page') =>
    (distinguish('method', names, 'points', houseRoom(width)).color['legend'] as { columns: number }).columns;
  const seven = [
    'constant',
    'warmup-cosine',
    'gradnorm',
    'ogm-ge',
    'commit-clr',
    'commit-clr (rule=lagging)',
    'commit',
  ];
  expect([columns(seven, 'column'), columns(seven, 'page')]).toEqual([2, 7]);
  expect(columns(['a'.repeat(60), 'b'.repeat(60)], 'column')).toBe(1);
});

test('a variant looks like its method, nothing looks like constant, and no two of a figure look alike', () => {
  const colours = (names: string[]) =>
    (distinguish('method', names, 'lines', houseRoom('page')).color['scale'] as { range: string[] }).range;
  const [constant, clr] = colours(['constant', 'commit-clr']);
  expect(colours(['constant', 'commit-clr (rule=lagging)'])).toEqual([constant, clr]);
  const variants = colours(['commit-clr (rule=lagging)', 'commit-clr (rule=symmetric)', 'commit']);
  expect(variants[0]).toBe(clr);
  expect(variants).not.toContain(constant);
  expect(new Set(variants).size).toBe(3);
});

test('two processes with other time zones, languages and folders write the same bytes', async () => {
  const root = resolve(__dirname, '..', '..');
  const hashes = await Promise.all(
    [
      { TZ: 'UTC', LANG: 'C', place: 'a' },
      { TZ: 'Asia/Kathmandu', LANG: 'de_DE.UTF-8', place: 'b' },
    ].map(async ({ place, ...env }) => {
      const results = join(folder, place, 'quick');
      cpSync(join(folder, 'quick'), results, { recursive: true });
      const target = join(folder, place, 'out');
      await new Promise<void>((done, fail) =>
        execFile(
          process.execPath,
          ['-r', 'ts-node/register', join(root, 'testing/drawAll.ts'), results, target],
          { cwd: root, env: { ...process.env, ...env, LC_ALL: env.LANG } },
          (error) => (error === null ? done() : fail(error)),
        ),
      );
      return Object.fromEntries(
        readdirSync(target)
          .sort()
          .map((name) => [name, sha256(readFileSync(join(target, name)))]),
      );
    }),
  );
  const written = Object.keys(hashes[0]!);
  const stated = tableNames.filter((name) => written.includes(`${name}.md`));
  expect(stated).toContain('results');
  expect(written).toHaveLength(drawn.length * 5 + stated.length * 3);
  expect(hashes[1]).toEqual(hashes[0]);
  for (const name of notEmpty(drawn))
    expect(hashes[0]![`${name}.svg`]).toBe(sha256(readFileSync(join(out, `${name}.svg`))));
});

test('no file names a folder of this machine or a date', () => {
  for (const name of notEmpty(readdirSync(out))) {
    const text = readFileSync(join(out, name), 'latin1');
    const years = [...text.matchAll(/\(D:(\d{4})/g)].map((date) => date[1]);
    expect(years).toEqual(name.endsWith('.pdf') ? ['1970', '1970'] : []);
    expect(
      text.includes(folder) || text.includes(tmpdir() + '/') || text.includes(resolve(__dirname, '..', '..')),
    ).toBe(false);
  }
});
