/**
 * The figures and tables of experiments/paper/: what is drawn against what the test computes from the same journals.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse } from 'csv-parse/sync';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { swing } from '../../analysis/figures/stability';
import { makeFigures, makeTables, type MadeFigures } from '../../analysis/index';
import { holm, pairedTest } from '../../analysis/comparison';
import { noiseRates, signChangeRate } from '../../analysis/signChanges';
import { pearson, tInterval } from '../../analysis/statistics';
import { notWorse } from '../../analysis/tables/results';
import type { RunSpec, SchedulerSpec } from '../../src/manifest/run';
import { random } from '../../src/random';
import type { EvaluateRecord, JournalRecord, MeasureRecord, TrainRecord } from '../../src/train/records';
import { syntheticRecords, syntheticSpec, writeSyntheticRun } from '../../testing/syntheticJournals';
import { measureOf, optimiserOf, schedulerOf } from '../../testing/specs';

const options = { steps: 100, validateEvery: 50 };
type Row = Record<string, string | number | null>;
type Change = (record: JournalRecord) => void;

let folder: string;
let made: MadeFigures;
const out = () => join(folder, 'out');

const spec = (task: string, kind: SchedulerSpec['kind'], seed: number, change: Partial<RunSpec> = {}): RunSpec => ({
  ...syntheticSpec(task, kind, 'equal rates', seed, 100),
  ...change,
});
const average = (values: number[]) => values.reduce((a, b) => a + b, 0) / values.length;
const records = (of: RunSpec, change: Change): JournalRecord[] =>
  syntheticRecords(of, options).map((record) => {
    change(record);
    return record;
  });
const measures = (of: JournalRecord[]) => of.filter((record): record is MeasureRecord => record.kind === 'measure');
function write(experiment: string, of: RunSpec, change: Change): JournalRecord[] {
  const all = records(of, change);
  writeSyntheticRun(join(folder, experiment), of, options, {}, () =>
    all.map((record) => `${JSON.stringify(record)}\n`).join(''),
  );
  return all;
}
const drawn = (name: string) =>
  JSON.parse(readFileSync(join(out(), `${name}.vl.json`), 'utf8')) as {
    data: { values: Row[] };
    usermeta: { caption: string };
  };
async function draw(experiment: string, name: string): Promise<Row[]> {
  made = await makeFigures(join(folder, experiment), out(), { only: [name] });
  expect(made.skipped).toEqual([]);
  expect(made.notices).toEqual([]);
  return drawn(name).data.values;
}
async function table(experiment: string, name: string): Promise<Record<string, string>[]> {
  const result = await makeTables(join(folder, experiment), out(), { only: [name] });
  expect(result.skipped).toEqual([]);
  return parse(readFileSync(join(out(), `${name}.csv`)), { columns: true });
}

/** Intercept and slope of the least-squares line through the points [x, y], by the normal equations. */
function lineThrough(points: readonly (readonly [number, number])[]): { intercept: number; slope: number } {
  const n = points.length;
  const sum = (of: (x: number, y: number) => number) => points.reduce((total, [x, y]) => total + of(x, y), 0);
  const sx = sum((x) => x);
  const sy = sum((_, y) => y);
  const sxx = sum((x) => x * x);
  const sxy = sum((x, y) => x * y);
  const slope = (n * sxy - sx * sy) / (n * sxx - sx * sx);
  return { slope, intercept: (sy - slope * sx) / n };
}

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'equipoise-paper-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test('bounds: median and range over seeds of progress over bound; values of 0 left out, those above 1 counted', async () => {
  const tightness = (seed: number, step: number, module: string) =>
    step === 50 && seed === 1 ? 0 : 10 ** ((module === 'encoder' ? -2 : -1) + seed / 4 + Math.sin(step / 9) / 3);
  for (const task of ['emoji-icon-qa', 'sound-qa'])
    for (const kind of ['constant', 'commit-clr', 'commit'] as const)
      for (const seed of [1, 2, 3]) {
        write('bounds', spec(task, kind, seed), (record) => {
          if (record.kind === 'measure')
            record.tightness = {
              encoder: tightness(seed, record.step, 'encoder'),
              backbone: 4 * tightness(seed, record.step, 'backbone'),
            };
        });
      }
  const rows = await draw('bounds', 'bounds');
  expect(rows).toHaveLength(2 * 2 * 2 * 20);
  const at = (step: number, module: string) =>
    rows.find(
      (row) =>
        row['panel'] === 'sound-qa' && row['method'] === 'constant' && row['module'] === module && row['step'] === step,
    )!;
  const values = [1, 2, 3].map((seed) => tightness(seed, 35, 'encoder'));
  expect(at(35, 'encoder')).toMatchObject({ n: 3, above: 0 });
  expect(at(35, 'encoder')['tightness']).toBeCloseTo(values[1]!, 6);
  expect([at(35, 'encoder')['low'], at(35, 'encoder')['high']].map((value) => Number(value).toPrecision(4))).toEqual(
    [values[0]!, values[2]!].map((value) => value.toPrecision(4)),
  );
  expect(at(50, 'encoder')['n']).toBe(2);
  const above = [1, 2, 3].filter((seed) => 4 * tightness(seed, 35, 'backbone') > 1).length;
  expect(above).toBeGreaterThan(0);
  expect(at(35, 'backbone')['above']).toBe(above);
  expect(drawn('bounds').usermeta.caption).toContain('values are above 1');
});

test('slope-law: the fitted slope is the mean of one slope a seed, from the first tenth of the steps', async () => {
  const log = (seed: number, ratio: number, step: number) =>
    1.2 + (1.7 + 0.1 * seed) * Math.log(ratio) + 0.2 * Math.sin(seed + ratio + step);
  const all: { seed: number; ratio: number; early: number }[] = [];
  for (const task of ['emoji-icon-qa', 'sound-qa'])
    for (const seed of [1, 2, 3])
      for (const [encoder, backbone] of [
        [3e-3, 3e-4],
        [1e-3, 3e-4],
        [3e-4, 3e-4],
        [3e-4, 1e-3],
        [3e-4, 3e-3],
      ] as const) {
        const ratio = backbone / encoder;
        const journal = write(
          'slope',
          spec(task, 'constant', seed, { learningRate: { encoder, backbone } }),
          (record) => {
            if (record.kind === 'measure') {
              record.logKappa = log(seed, ratio, record.step);
              record.kappa = Math.exp(record.logKappa);
            }
          },
        );
        if (task === 'sound-qa')
          all.push({
            seed,
            ratio,
            early: average(
              measures(journal)
                .filter((record) => record.step <= 10)
                .map((record) => record.logKappa),
            ),
          });
      }
  const rows = (await draw('slope', 'slope-law')).filter((row) => row['panel'] === 'sound-qa');
  expect(rows.filter((row) => row['level'] === 'run')).toHaveLength(15);
  const slopes = [1, 2, 3].map((seed) => {
    const own = all.filter((run) => run.seed === seed);
    return lineThrough(own.map((run) => [Math.log(run.ratio), run.early] as const)).slope;
  });
  const expected = tInterval(slopes);
  expect(Number(rows[0]!['slope'])).toBeCloseTo(expected.mean, 5);
  expect(Number(rows[0]!['slopeLow'])).toBeCloseTo(expected.low!, 5);
  expect(Number(rows[0]!['slopeHigh'])).toBeCloseTo(expected.high!, 5);
  const rise = (level: string) => {
    const [a, b] = rows.filter((row) => row['level'] === level);
    return Math.log(Number(b!['kappa']) / Number(a!['kappa'])) / Math.log(Number(b!['ratio']) / Number(a!['ratio']));
  };
  expect(rise('derived')).toBeCloseTo(2, 4);
  expect(rise('fitted')).toBeCloseTo(expected.mean, 4);
  expect(drawn('slope-law').usermeta.caption).toContain(`sound-qa: ${expected.mean.toFixed(2)} [`);
});

test('convergence-factor: 1 / running mean of c_t, and the loss over that of constant rates with the same seed', async () => {
  const factor = (kind: string, seed: number, step: number) =>
    kind === 'constant' ? 1 : kind === 'commit' ? 0.8 + 0.02 * seed : 0.5 + step / 150 + 0.02 * seed;
  const journals = new Map<string, JournalRecord[]>();
  for (const task of ['emoji-icon-qa', 'sound-qa'])
    for (const kind of ['constant', 'commit-clr', 'commit', 'feature-cd'] as const)
      for (const seed of [1, 2]) {
        journals.set(
          `${task} ${kind} ${seed}`,
          write('convergence', spec(task, kind, seed), (record) => {
            if (record.kind === 'measure') record.convergenceFactor = factor(kind, seed, record.step);
          }),
        );
      }
  const rows = await draw('convergence', 'convergence-factor');
  expect(new Set(rows.map((row) => row['method']))).toEqual(new Set(['commit-clr', 'commit']));
  const at = (quantity: string, step: number) =>
    rows.find(
      (row) =>
        row['quantity'] === quantity &&
        row['panel'] === 'sound-qa' &&
        row['method'] === 'commit-clr' &&
        row['step'] === step,
    )!;
  const geometric = (values: number[]) => Math.exp(average(values.map(Math.log)));
  const bound = [1, 2].map((seed) => 1 / average([5, 10, 15, 20].map((step) => factor('commit-clr', seed, step))));
  expect(Number(at('bound', 20)['ratio'])).toBeCloseTo(geometric(bound), 5);
  expect(Number(at('bound', 20)['low'])).toBeCloseTo(Math.min(...bound), 5);
  const loss = (kind: string, seed: number) =>
    average(
      journals
        .get(`sound-qa ${kind} ${seed}`)!
        .filter((record): record is TrainRecord => record.kind === 'train' && record.step > 35 && record.step <= 40)
        .map((record) => record.loss),
    );
  expect(at('loss', 40)).toMatchObject({ n: 2, averaged: 5 });
  expect(Number(at('loss', 40)['ratio'])).toBeCloseTo(
    geometric([1, 2].map((seed) => loss('commit-clr', seed) / loss('constant', seed))),
    5,
  );
});

test('kappa-cost: median distance from the largest probe, and time over the sparsest run, paired by seed', async () => {
  const sizes = [4, 12, 96];
  const seeds = [1, 2, 3];
  const truth = (seed: number, step: number) => Math.sin(seed + step / 7);
  // Alternating about the truth by 2 / sqrt(size), one measure in five by far more, which a median does not see.
  const seen = (seed: number, step: number, size: number) => {
    if (size === 96) return truth(seed, step);
    const sign = (step / 5) % 2 === 0 ? 1 : -1;
    const outlying = step % 25 === 0;
    const distance = ((outlying ? 40 : 2) / Math.sqrt(size)) * (1 + seed / 10);
    return truth(seed, step) + sign * distance;
  };
  const one = (seed: number, measure: RunSpec['measure'], secondsPerStep: number) => {
    const of = spec('emoji-icon-qa', 'constant', seed, { measure });
    const size = measure.on === 'probe' ? measure.probe! : 1;
    const all = records(of, (record) => {
      if (record.kind === 'measure') {
        record.logKappa = seen(seed, record.step, size);
        record.kappa = Math.exp(record.logKappa);
      }
    });
    const times = {
      started: '1970-01-01T00:00:00Z',
      finished: '1970-01-01T00:01:00Z',
      trainSeconds: 60,
      evaluateSeconds: 1,
      secondsPerStep,
    };
    writeSyntheticRun(join(folder, 'cost'), of, options, { times }, () =>
      all
        .filter((record) => record.kind !== 'measure' || record.step % measure.every === 0)
        .map((record) => `${JSON.stringify(record)}\n`)
        .join(''),
    );
  };
  for (const seed of seeds) {
    for (const probe of sizes) one(seed, measureOf({ every: 5, on: 'probe', probe }), 0.1 * seed * (1 + probe / 1000));
    for (const every of [5, 10]) one(seed, measureOf({ every, on: 'batch' }), 0.1 * seed * (1 + 0.5 / every));
    one(seed, measureOf({ every: 100, on: 'batch' }), 0.1 * seed);
  }
  const rows = await draw('cost', 'kappa-cost');
  const at = (quantity: string, on: string, x: number) =>
    rows.find((row) => row['quantity'] === quantity && row['on'] === on && row['x'] === x)!;
  expect(rows.map((row) => row['quantity']).sort()).toEqual([
    ...Array<string>(2).fill('cost by interval'),
    ...Array<string>(4).fill('cost by questions'),
    ...Array<string>(3).fill('error'),
  ]);
  const error = tInterval(seeds.map((seed) => (2 / Math.sqrt(12)) * (1 + seed / 10)));
  expect(at('error', 'probe', 12)).toMatchObject({
    n: 3,
    panel: 'emoji-icon-qa',
    reference: 96,
    every: 5,
    sparsest: 100,
  });
  for (const [name, value] of [
    ['value', error.mean],
    ['low', error.low!],
    ['high', error.high!],
  ] as const)
    expect(at('error', 'probe', 12)[name]).toBeCloseTo(value, 6);
  expect(at('cost by questions', 'probe', 96)['value']).toBeCloseTo(9.6, 6);
  expect(at('cost by questions', 'batch', 8)['value']).toBeCloseTo(10, 6);
  expect(at('cost by interval', 'batch', 10)['value']).toBeCloseTo(5, 6);
});

describe('batch-and-probe', () => {
  const wave = (step: number) => 0.8 * Math.sin(step / 16);
  test('pairs that differ only in what kappa is measured on: correlation, sign changes and the null', async () => {
    const found = new Map<string, { batch: number[]; probe: number[] }>();
    for (const task of ['emoji-icon-qa', 'sound-qa'])
      for (const seed of [1, 2, 3]) {
        const source = random(seed, 'noise');
        const on = (measure: RunSpec['measure'], kind: SchedulerSpec['kind'], noise: number) =>
          measures(
            write('pairs', spec(task, kind, seed, { measure }), (record) => {
              if (record.kind !== 'measure') return;
              record.logKappa = wave(record.step) + noise * source.normal() - (noise > 0.5 ? 0.3 : 0);
              record.kappa = Math.exp(record.logKappa);
            }),
          ).map((record) => record.logKappa);
        found.set(`${task} ${seed}`, {
          batch: on(measureOf({ every: 5, on: 'batch' }), 'constant', 0.8),
          probe: on(measureOf({ every: 5, on: 'probe', probe: 24 }), 'constant', 0.05),
        });
        on(measureOf({ every: 5, on: 'batch' }), 'commit-clr', 0.8);
        on(measureOf({ every: 5, on: 'probe', probe: 24 }), 'commit-clr', 0.8);
      }
    const rows = await draw('pairs', 'batch-and-probe');
    expect(rows).toHaveLength(2 * 3 * (2 * 20 + 3));
    expect(new Set(rows.map((row) => row['panel']))).toEqual(new Set(['emoji-icon-qa', 'sound-qa']));
    const { batch, probe } = found.get('sound-qa 2')!;
    const own = rows.filter((row) => row['panel'] === 'sound-qa' && row['seed'] === 2);
    const [mb, mp] = [average(batch), average(probe)];
    const covariance = batch.reduce((sum, value, i) => sum + (value - mb) * (probe[i]! - mp), 0);
    const squares = (of: number[], centre: number) => of.reduce((sum, value) => sum + (value - centre) ** 2, 0);
    expect(Number(own[0]!['correlation'])).toBeCloseTo(
      covariance / Math.sqrt(squares(batch, mb) * squares(probe, mp)),
      5,
    );
    expect(Number(own[0]!['bias'])).toBeCloseTo(mb - mp, 5);
    const changes = (of: number[]) =>
      of.slice(1).filter((value, i) => Math.sign(value) !== Math.sign(of[i]!)).length / 19;
    const rate = (on: string) => own.find((row) => row['quantity'] === 'sign changes' && row['on'] === on)!;
    expect(Number(rate('batch')['value'])).toBeCloseTo(changes(batch), 5);
    expect(Number(rate('probe')['value'])).toBeCloseTo(changes(probe), 5);
    expect(Number(rate('null')['low'])).toBeLessThanOrEqual(changes(batch));
    expect(Number(rate('null')['high'])).toBeGreaterThanOrEqual(changes(batch));
  });

  test('the null: independent signs about a probe at 1 change half of the time, deviations without spread follow the probe, equal seeds agree', () => {
    const probe = Array.from({ length: 200 }, () => 0);
    const rates = noiseRates(
      probe,
      probe.map((_, i) => (i % 2 === 0 ? 1 : -1)),
      'a',
    );
    expect(average(rates)).toBeCloseTo(0.5, 2);
    // Of 199 changes with probability 1/2 each the standard deviation is sqrt(1 / (4 · 199)).
    expect(Math.sqrt(average(rates.map((rate) => (rate - 0.5) ** 2)))).toBeCloseTo(Math.sqrt(1 / (4 * 199)), 2);
    const curve = [1, 1, -1, 1, -1, -1];
    expect(new Set(noiseRates(curve, curve, 'a'))).toEqual(new Set([signChangeRate(curve)]));
    expect(signChangeRate(curve)).toBe(3 / 5);
    expect(noiseRates(probe.slice(0, 9), [1, -1, 1, 1, -1, 2, -2, 1, 1], 'a')).toEqual(
      noiseRates(probe.slice(0, 9), [1, -1, 1, 1, -1, 2, -2, 1, 1], 'a'),
    );
  });

  test("Pearson's correlation of a line is 1 or -1, without spread not a number", () => {
    expect(pearson([1, 2, 4], [3, 5, 9])).toBeCloseTo(1, 12);
    expect(pearson([1, 2, 4], [9, 7, 3])).toBeCloseTo(-1, 12);
    expect(pearson([1, 1, 1], [1, 2, 3])).toBeNaN();
    expect(pearson([1], [1])).toBeNaN();
  });
});

test('stability: spread of log kappa about its trend in the second half, by rule and exponent, beside constant rates', async () => {
  const amplitude = { symmetric: 2.4, lagging: 1.3, integral: 1.5 };
  const values: number[] = [];
  for (const seed of [1, 2, 3]) {
    write('stability', spec('emoji-icon-qa', 'constant', seed), () => undefined);
    for (const rule of ['symmetric', 'lagging', 'integral'] as const)
      for (const exponent of [0.1, 0.2, 0.3, 0.5, 0.8]) {
        const source = random(seed, `${rule} ${exponent}`);
        const journal = write(
          'stability',
          spec('emoji-icon-qa', 'commit-clr', seed, {
            scheduler: { kind: 'commit-clr', rule, exponent, interval: 5, window: 1, clip: 30 },
          }),
          (record) => {
            if (record.kind === 'measure')
              record.logKappa =
                0.5 -
                record.step / 60 +
                (record.step % 10 === 0 ? 1 : -1) * amplitude[rule] * exponent +
                0.1 * source.normal();
          },
        );
        if (rule === 'lagging' && exponent === 0.3) {
          const own = measures(journal).filter((record) => record.step > 50);
          const { slope, intercept } = lineThrough(own.map((record) => [record.step, record.logKappa] as const));
          const residuals = own.map((record) => record.logKappa - intercept - slope * record.step);
          const squares = residuals.reduce((sum, residual) => sum + residual ** 2, 0);
          values.push(Math.sqrt(squares / (own.length - 1)));
        }
      }
  }
  const rows = await draw('stability', 'stability');
  expect(rows).toHaveLength(3 * 5 + 1);
  const limits = new Set(rows.map((row) => `${row['rule']} ${row['limit']}`));
  expect([...limits].sort()).toEqual(['constant null', 'integral 0.5', 'lagging 0.5', 'symmetric 0.25']);
  const row = rows.find((each) => each['rule'] === 'lagging' && each['exponent'] === 0.3)!;
  const expected = tInterval(values);
  expect(row['n']).toBe(3);
  for (const [name, value] of [
    ['oscillation', expected.mean],
    ['low', expected.low],
    ['high', expected.high],
  ] as const)
    expect(Number(row[name])).toBeCloseTo(value!, 4);
  expect(swing([1, 2, 3, 4], [5, 7, 9, 11])).toBeCloseTo(0, 12);
});

describe('fair-fight', () => {
  const pairs = [
    [3e-4, 3e-4],
    [1e-3, 3e-4],
    [3e-4, 1e-3],
  ] as const;
  const score = (accuracy: number) => ({ correct: Math.round(accuracy * 1000), total: 1000, accuracy });
  // Validation prefers another pair than evaluation does: choosing on the test would show.
  const validation = (kind: string, pair: number) =>
    ({ constant: [0.5, 0.7, 0.6], 'commit-clr': [0.6, 0.5, 0.65], commit: [0.4, 0.4, 0.4] })[kind]![pair]!;
  const final = (kind: string, pair: number, seed: number) =>
    ({ constant: [0.66, 0.6, 0.5], 'commit-clr': [0.6, 0.5, 0.64], commit: [0.5, 0.51, 0.52] })[kind]![pair]! +
    0.01 * seed +
    (kind === 'commit-clr' ? 0.004 * (seed % 2) : 0);
  test('each method at the pair that validation prefers, paired against constant rates at theirs, with the seeds that all have', async () => {
    for (const kind of ['constant', 'commit-clr', 'commit'] as const)
      for (const seed of [1, 2, 3, 4])
        pairs.forEach(([encoder, backbone], pair) => {
          write('fight', spec('sound-qa', kind, seed, { learningRate: { encoder, backbone } }), (record) => {
            if (record.kind !== 'evaluate') return;
            record.choice = score(record.split === 'validation' ? validation(kind, pair) : final(kind, pair, seed));
            record.loss = 2 - 0.1 * pair;
          });
        });
    // A pair with one seed and a seed with one pair do not count.
    write('fight', spec('sound-qa', 'commit', 1, { learningRate: { encoder: 3e-3, backbone: 3e-3 } }), (record) => {
      if (record.kind === 'evaluate') record.choice = score(0.99);
    });
    write('fight', spec('sound-qa', 'commit', 5), (record) => {
      if (record.kind === 'evaluate') record.choice = score(0.99);
    });
    const rows = await table('fight', 'fair-fight');
    expect(rows.map((row) => row['method'])).toEqual(['per-module-lr', 'commit-clr', 'commit']);
    expect(rows.map((row) => [row['pairs'], row['n'], row['encoder'], row['backbone']])).toEqual([
      ['3', '4', '0.001', '0.0003'],
      ['3', '4', '0.0003', '0.001'],
      ['3', '4', '0.0003', '0.001'],
    ]);
    const seeds = [1, 2, 3, 4];
    const apart = [
      seeds.map((seed) => final('commit-clr', 2, seed) - final('constant', 1, seed)),
      seeds.map((seed) => final('commit', 2, seed) - final('constant', 1, seed)),
    ];
    const expected = tInterval(apart[0]!);
    for (const [name, value] of [
      ['difference', expected.mean],
      ['differenceLow', expected.low],
      ['differenceHigh', expected.high],
      ['accuracy', average(seeds.map((seed) => final('commit-clr', 2, seed)))],
    ] as const)
      expect(Number(rows[1]![name])).toBeCloseTo(value!, 5);
    const corrected = holm(apart.map((values) => pairedTest(values)!));
    expect(Number(rows[1]!['corrected'])).toBeCloseTo(corrected[0]!, 6);
    const wins = seeds.flatMap((a) => seeds.map((b) => (final('commit', 2, a) > final('constant', 1, b) ? 1 : 0)));
    expect(Number(rows[2]!['probabilityOfImprovement'])).toBeCloseTo(average(wins), 5);
    expect(rows[0]!['difference']).toBe('');
    const shown = readFileSync(join(out(), 'fair-fight.md'), 'utf8');
    expect(shown).toContain('| 3 × 4 |');
    expect(shown).toContain('Where the same seeds chose the pair and are reported');
  });

  test('other seeds are told than chose, evaluated on more; one method has a wider grid; an edge is marked', async () => {
    const put = (
      kind: 'constant' | 'commit-clr',
      seed: number,
      encoder: number,
      backbone: number,
      validated: number,
      told: number,
    ) => {
      const isChooser = seed > 10;
      const evaluate = { every: 50, validation: 64, limit: isChooser ? 48 : 0 };
      write('apart', spec('sound-qa', kind, seed, { learningRate: { encoder, backbone }, evaluate }), (record) => {
        if (record.kind === 'evaluate') record.choice = score(record.split === 'validation' ? validated : told);
      });
    };
    for (const seed of [11, 12]) {
      // Constant rates: a cross about (1e-3, 1e-3), best in its middle. Coordinated ones: best at the smallest rate.
      for (const [encoder, backbone] of [
        [3e-4, 1e-3],
        [1e-3, 3e-4],
        [3e-3, 1e-3],
        [1e-3, 3e-3],
      ] as const)
        put('constant', seed, encoder, backbone, 0.5, 0.9);
      put('constant', seed, 1e-3, 1e-3, 0.6, 0.1);
      put('commit-clr', seed, 3e-4, 1e-3, 0.7, 0.1);
      put('commit-clr', seed, 1e-3, 3e-4, 0.6, 0.9);
    }
    for (const seed of [1, 2, 3]) {
      put('constant', seed, 1e-3, 1e-3, 0.1, 0.5 + 0.01 * seed);
      put('commit-clr', seed, 3e-4, 1e-3, 0.1, 0.55 + 0.01 * seed);
    }
    const rows = await table('apart', 'fair-fight');
    expect(
      rows.map((row) => ['panel', 'method', 'pairs', 'choosers', 'n', 'edge', 'reported'].map((name) => row[name])),
    ).toEqual([
      ['sound-qa', 'per-module-lr', '5', '2', '3', '', 'other seeds'],
      ['sound-qa', 'commit-clr', '2', '2', '3', 'encoder, backbone', 'other seeds'],
    ]);
    expect(rows.map((row) => Number(row['validation']))).toEqual([0.6, 0.7]);
    expect(Number(rows[0]!['accuracy'])).toBeCloseTo(0.52, 6);
    expect(Number(rows[1]!['difference'])).toBeCloseTo(0.05, 6);
    const shown = readFileSync(join(out(), 'fair-fight.md'), 'utf8');
    expect(shown).toContain('| 5 × 2 | 3, other seeds | 0.001 | 0.001 |');
    expect(shown).toContain('| 2 × 2 | 3, other seeds | 0.0003 † | 0.001 † |');
    expect(shown).toContain('methods had different numbers of pairs. †: the smallest or largest rate');
    expect(shown).toContain('Other seeds chose than are reported.');
  });
});

test('variants: runs equal in everything but an option and the seed, paired against the usual variant', async () => {
  const level = (kind: string) => ({ adamw: 0.6, adam: 0.58, sgd: 0.4 })[kind]!;
  const accuracy = (kind: string, seed: number) =>
    level(kind) + 0.01 * seed + (kind === 'adam' ? 0.003 * (seed % 2) : 0);
  const put = (of: RunSpec, value: number) =>
    write('variants', of, (record) => {
      if (record.kind === 'evaluate') record.choice = { correct: 0, total: 1, accuracy: value };
    });
  for (const seed of [1, 2, 3]) {
    for (const kind of ['adamw', 'adam', 'sgd'] as const)
      put(
        spec('emoji-icon-qa', 'constant', seed, {
          optimiser: optimiserOf({ kind }),
          ...(kind === 'sgd' ? { learningRate: { encoder: 0.1, backbone: 0.1 } } : {}),
        }),
        accuracy(kind, seed),
      );
    put(
      spec('emoji-icon-qa', 'constant', seed, {
        optimiser: optimiserOf({ kind: 'adamw' }),
        tuning: { tower: { kind: 'frozen' }, connector: { kind: 'full' }, backbone: { kind: 'full' } },
      }),
      0.7 + 0.01 * seed,
    );
    for (const rule of ['symmetric', 'lagging'] as const)
      put(
        spec('emoji-icon-qa', 'commit-clr', seed, {
          scheduler: schedulerOf({ kind: 'commit-clr', rule, exponent: 0.2 }),
        }),
        rule === 'symmetric' ? 0.5 : 0.52,
      );
  }
  const rows = await table('variants', 'variants');
  expect(rows.map((row) => `${row['option']}: ${row['line']}: ${row['variant']} n=${row['n']}`)).toEqual([
    'optimiser: constant: adamw (rates 0.0003) n=3',
    'optimiser: constant: adam (rates 0.0003) n=3',
    'optimiser: constant: sgd (rates 0.1) n=3',
    'tuning of the backbone: constant: lora n=3',
    'tuning of the backbone: constant: full n=3',
    'rule: commit-clr: symmetric n=3',
    'rule: commit-clr: lagging n=3',
  ]);
  const apart = [1, 2, 3].map((seed) => accuracy('adam', seed) - accuracy('adamw', seed));
  const expected = tInterval(apart);
  expect(Number(rows[1]!['difference'])).toBeCloseTo(expected.mean, 5);
  expect(Number(rows[1]!['differenceLow'])).toBeCloseTo(expected.low!, 5);
  expect(Number(rows[6]!['difference'])).toBeCloseTo(0.02, 5);
});

describe('results', () => {
  const bySeed = (values: number[]) => new Map(values.map((value, seed) => [seed, value]));
  test('notWorse: Holm over the tested methods; the best itself and methods with one common seed are not marked', () => {
    const best = [0.7, 0.71, 0.72, 0.73, 0.74];
    const near = [0.69, 0.72, 0.71, 0.74, 0.73];
    const far = [0.5, 0.52, 0.51, 0.55, 0.53];
    expect(notWorse([bySeed(best), bySeed(near), bySeed(far), bySeed([0.6])], [true, false, false, false])).toEqual([
      false,
      true,
      false,
      false,
    ]);
    expect(notWorse([bySeed(best)], [false])).toEqual([false]);
    // p of .03 alone is significant; as the smaller of two it is not.
    const middling = best.map((value, seed) => value - [0.01, 0.02, 0.04, 0.05, 0.01][seed]!);
    const p = pairedTest(best.map((value, seed) => middling[seed]! - value))!;
    expect(p > 0.025 && p < 0.05).toBe(true);
    expect(notWorse([bySeed(best), bySeed(middling)], [true, false])).toEqual([false, false]);
    expect(notWorse([bySeed(best), bySeed(middling), bySeed(near)], [true, false, false])).toEqual([false, true, true]);
  });

  test('marked beside the best one', async () => {
    for (const seed of [1, 2, 3])
      for (const kind of ['constant', 'commit-clr', 'commit'] as const)
        write('marked', spec('sound-qa', kind, seed), (record) => {
          if (record.kind === 'evaluate')
            (record as EvaluateRecord).choice = {
              correct: 0,
              total: 1,
              accuracy:
                { constant: 0.7, 'commit-clr': 0.69 + 0.01 * (seed % 2), commit: 0.5 }[kind as 'constant'] +
                0.001 * seed * seed,
            };
        });
    const rows = await table('marked', 'results');
    expect(rows.map((row) => [row['method'], row['choiceBest'], row['choiceNear']])).toEqual([
      ['constant', '1', '0'],
      ['commit-clr', '0', '1'],
      ['commit', '0', '0'],
    ]);
    expect(readFileSync(join(out(), 'results.md'), 'utf8')).toMatch(/\| commit-clr \| 3 \| 0\.\d+ \[[^|]*\] † \|/);
  });
});
