import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import {
  acceleratedInterval,
  bootstrapInterval,
  improvementEstimate,
  interquartileEstimate,
} from '../../analysis/bootstrap';
import {
  correctedRows,
  holm,
  pairedDifferences,
  pairedEffect,
  pairedTest,
  probabilityOfImprovement,
} from '../../analysis/comparison';
import {
  interquartileMean,
  mean,
  normalProbability,
  normalQuantile,
  quantile,
  shareInterval,
  spearman,
  standardDeviation,
  tInterval,
  tQuantile,
} from '../../analysis/statistics';
import { random } from '../../src/random';
import { notEmpty } from '../../testing/lists';

interface Sample {
  values: number[];
  other: number[];
  mean: number;
  standardDeviation: number;
  quantiles: Record<string, number>;
  interquartileMean: number;
  pairedTest: number;
  pairedEffect: number;
  accelerated: [number, number];
  tInterval: [number, number];
  pairedInterval: [number, number];
  bootstrap: [number, number];
  probabilityOfImprovement: number;
  spearman: number;
}
interface Fixture {
  tQuantiles: { probability: number; degrees: number; value: number }[];
  normal: { probability: number; quantile: number }[];
  holm: { given: number[]; adjusted: number[] }[];
  samples: Record<string, Sample>;
}

const fixture = JSON.parse(readFileSync(join(__dirname, '../fixtures/statistics/scipy.json'), 'utf8')) as Fixture;
const bySeed = (values: number[]) => new Map(values.map((value, seed) => [seed, value]));

describe('against SciPy', () => {
  test('quantiles of Student t', () => {
    for (const { probability, degrees, value } of notEmpty(fixture.tQuantiles)) {
      expect(Math.abs(tQuantile(probability, degrees) / value - 1), `t(${probability}, ${degrees})`).toBeLessThan(1e-9);
      expect(tQuantile(1 - probability, degrees)).toBeCloseTo(-value, 6);
    }
  });

  test('quantiles of the normal', () => {
    for (const { probability, quantile: value } of notEmpty(fixture.normal)) {
      expect(normalQuantile(probability)).toBeCloseTo(value, 9);
      expect(normalProbability(value)).toBeCloseTo(probability, 12);
    }
  });

  test("Holm's correction", () => {
    for (const { given, adjusted } of notEmpty(fixture.holm))
      notEmpty(holm(given)).forEach((value, i) => expect(value).toBeCloseTo(adjusted[i]!, 12));
  });

  for (const [name, sample] of notEmpty(Object.entries(fixture.samples))) {
    test(`moments, quantiles and intervals of ${name}`, () => {
      expect(mean(sample.values)).toBeCloseTo(sample.mean, 12);
      expect(standardDeviation(sample.values)).toBeCloseTo(sample.standardDeviation, 12);
      for (const [p, value] of notEmpty(Object.entries(sample.quantiles)))
        expect(quantile(sample.values, Number(p))).toBeCloseTo(value, 12);
      const interval = tInterval(sample.values);
      expect(interval.low).toBeCloseTo(sample.tInterval[0], 10);
      expect(interval.high).toBeCloseTo(sample.tInterval[1], 10);
      expect(interquartileMean(sample.values)).toBeCloseTo(sample.interquartileMean, 12);
      const differences = pairedDifferences(bySeed(sample.values), bySeed(sample.other)).map(
        ({ difference }) => difference,
      );
      const paired = tInterval(differences);
      expect(paired.low).toBeCloseTo(sample.pairedInterval[0], 10);
      expect(paired.high).toBeCloseTo(sample.pairedInterval[1], 10);
      expect(pairedTest(differences)).toBeCloseTo(sample.pairedTest, 9);
      expect(pairedEffect(differences)).toBeCloseTo(sample.pairedEffect, 9);
      expect(probabilityOfImprovement(sample.values, sample.other)).toBeCloseTo(sample.probabilityOfImprovement, 12);
      expect(spearman(sample.values.map((value, i) => [value, sample.other[i]!]))).toBeCloseTo(sample.spearman, 12);
    });

    test(`bootstrap of ${name} agrees within sampling error, and is a function of its seed`, () => {
      const interval = bootstrapInterval(sample.values, mean, { seed: 1, resamples: 20_000 })!;
      const slack = 0.06 * standardDeviation(sample.values);
      expect(Math.abs(interval.low - sample.bootstrap[0])).toBeLessThan(slack);
      expect(Math.abs(interval.high - sample.bootstrap[1])).toBeLessThan(slack);
      const accelerated = acceleratedInterval(sample.values, mean, { seed: 1, resamples: 20_000 })!;
      // Three values have ten distinct resamples: a corrected quantile falls on a step between two of them, this side
      // or that.
      const step = sample.values.length === 3 ? 0.5 * standardDeviation(sample.values) : slack;
      expect(Math.abs(accelerated.low - sample.accelerated[0])).toBeLessThan(step);
      expect(Math.abs(accelerated.high - sample.accelerated[1])).toBeLessThan(step);
      expect(bootstrapInterval(sample.values, mean, { seed: 1, resamples: 20_000 })).toEqual(interval);
      const first =
        sample.values.length > 5 ? bootstrapInterval(sample.values, mean, { seed: 2, resamples: 500 }) : null;
      if (first !== null)
        expect(bootstrapInterval(sample.values, mean, { seed: 3, resamples: 500 })).not.toEqual(first);
    });
  }
});

describe('bootstrap intervals of tables', () => {
  test('at five values they hold the truth in about nine of ten cases, as docs/method.md says', () => {
    const source = random(1, 'coverage');
    const trials = 300;
    const draw = () => Array.from({ length: 5 }, () => source.normal());
    const holds = (interval: { low: number | null; high: number | null }, truth: number) =>
      interval.low !== null && interval.low <= truth && interval.high! >= truth ? 1 : 0;
    let [middle, improvement] = [0, 0];
    for (let i = 0; i < trials; i++) {
      middle += holds(interquartileEstimate(draw(), String(i)), 0);
      improvement += holds(improvementEstimate(draw(), draw(), String(i)), 0.5);
    }
    // Three standard errors of 300 trials are .05.
    for (const share of [middle / trials, improvement / trials]) expect(Math.abs(share - 0.9)).toBeLessThan(0.05);
  });
  test('pairs stay pairs: a seed that is drawn brings both its values', () => {
    // b is a with a small loss: over unpaired draws anything could come, over pairs b never exceeds a by more than ties
    // do.
    const a = [0.1, 0.3, 0.5, 0.7, 0.9];
    const paired = improvementEstimate(
      a,
      a.map((value) => value - 0.01),
      'pairs',
    );
    expect(paired.probability).toBeCloseTo(15 / 25, 12);
    expect(paired.low).toBeGreaterThan(0.5);
  });
  test('none for fewer than five, and none without spread', () => {
    expect(interquartileEstimate([1, 2, 3, 4], '')).toEqual({ middle: null, low: null, high: null });
    expect(interquartileEstimate([2, 2, 2, 2, 2], '')).toEqual({ middle: 2, low: null, high: null });
    expect(improvementEstimate([2, 3], [1, 1], '')).toEqual({ probability: 1, low: null, high: null });
    expect(improvementEstimate([2, 3, 4, 5, 6], [1, 1, 1, 1, 1], '')).toEqual({
      probability: 1,
      low: null,
      high: null,
    });
  });
});

describe('edges', () => {
  test('one value has a mean and no interval', () => {
    expect(tInterval([0.5])).toEqual({ n: 1, mean: 0.5, low: null, high: null });
    expect(bootstrapInterval([0.5], mean, { seed: 0 })).toBeNull();
    expect(acceleratedInterval([0.5], mean, { seed: 0 })).toBeNull();
    expect(acceleratedInterval([0.5, 0.5, 0.5], mean, { seed: 0 })).toBeNull();
    expect([pairedTest([0.1]), pairedEffect([0.1]), pairedEffect([1, 1])]).toEqual([null, null, null]);
    expect([pairedTest([0, 0]), pairedTest([1, 1])]).toEqual([1, 0]);
  });
  test('an interval of shares stays within 0..1', () => {
    expect(shareInterval([0.9, 1])).toMatchObject({ high: 1 });
    expect(shareInterval([0, 0.3])).toMatchObject({ low: 0 });
    expect(shareInterval([0.4, 0.5, 0.6]).low).toBeCloseTo(tInterval([0.4, 0.5, 0.6]).low!, 12);
  });
  test('pairs are made by seed, and seeds without a partner are left out', () => {
    expect(
      pairedDifferences(
        new Map([
          [3, 1],
          [1, 5],
          [2, 7],
        ]),
        new Map([
          [1, 4],
          [3, 3],
          [9, 0],
        ]),
      ),
    ).toEqual([
      { seed: 1, difference: 1 },
      { seed: 3, difference: -2 },
    ]);
  });
  test('no spread gives no correlation; nothing gives an error', () => {
    expect(
      spearman([
        [1, 2],
        [1, 3],
      ]),
    ).toBeNaN();
    expect(() => mean([])).toThrow(RangeError);
    expect(() => standardDeviation([1])).toThrow(RangeError);
    expect(() => quantile([1], 2)).toThrow(RangeError);
    expect(() => tQuantile(0.9, 1.5)).toThrow(RangeError);
    expect(() => tQuantile(1, 2)).toThrow(RangeError);
  });
});

test('a correction over a table: rows without a test stay without one and do not count, order and other fields stay', () => {
  const rows = [
    { method: 'a', corrected: 0.01 },
    { method: 'b', corrected: null },
    { method: 'c', corrected: 0.04 },
    { method: 'd', corrected: 0.03 },
  ];
  // By hand: three tests; 3 × .01, then 2 × .03, then the larger of that and 1 × .04.
  const corrected = correctedRows(rows);
  expect(corrected.map((row) => row.method)).toEqual(['a', 'b', 'c', 'd']);
  [0.03, null, 0.06, 0.06].forEach((expected, i) =>
    expected === null
      ? expect(corrected[i]!.corrected).toBeNull()
      : expect(corrected[i]!.corrected).toBeCloseTo(expected, 12),
  );
  expect(correctedRows([])).toEqual([]);
});
