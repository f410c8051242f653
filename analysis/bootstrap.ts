/** Seeded bootstrap intervals, checked against SciPy (test/fixtures/statistics). */
import { random } from '../src/random';
import { probabilityOfImprovement } from './comparison';
import { interquartileMean, normalProbability, normalQuantile, quantile } from './statistics';

export interface BootstrapOptions {
  /** the interval is a function of it */
  seed: number | string;
  resamples?: number;
  level?: number;
}

/**
 * Percentile bootstrap interval of any statistic over cases drawn with replacement; resamples on which the statistic is
 * not finite (a correlation of equal values) are left out. Null when fewer than two cases or no finite resample.
 */
export function bootstrapInterval<Case>(
  cases: readonly Case[],
  statistic: (resample: Case[]) => number,
  { seed, resamples = 10_000, level = 0.95 }: BootstrapOptions,
): { low: number; high: number } | null {
  const values = resampled(cases, statistic, seed, resamples);
  return values.length === 0
    ? null
    : { low: quantile(values, (1 - level) / 2), high: quantile(values, (1 + level) / 2) };
}

/**
 * Bias-corrected and accelerated bootstrap interval (Efron 1987), the acceleration from the jackknife. Null when fewer
 * than two cases, when no resample is finite, or when the statistic is the same on all resamples or on all jackknife
 * samples, where the correction is not defined.
 */
export function acceleratedInterval<Case>(
  cases: readonly Case[],
  statistic: (resample: Case[]) => number,
  { seed, resamples = 10_000, level = 0.95 }: BootstrapOptions,
): { low: number; high: number } | null {
  const values = resampled(cases, statistic, seed, resamples);
  if (values.length === 0) return null;
  const found = statistic([...cases]);
  // Ties counted half: with few cases many resamples give exactly the value found.
  const below = values.reduce((sum, value) => sum + (value < found ? 1 : value === found ? 0.5 : 0), 0) / values.length;
  const left = cases.map((_, i) => statistic(cases.filter((__, j) => j !== i)));
  const centre = left.reduce((sum, value) => sum + value, 0) / left.length;
  const squares = left.reduce((sum, value) => sum + (centre - value) ** 2, 0);
  const acceleration = left.reduce((sum, value) => sum + (centre - value) ** 3, 0) / (6 * squares ** 1.5);
  if (!(below > 0 && below < 1) || !Number.isFinite(acceleration)) return null;
  const bias = normalQuantile(below);
  const at = (probability: number) => {
    const shifted = bias + normalQuantile(probability);
    return quantile(values, normalProbability(bias + shifted / (1 - acceleration * shifted)));
  };
  return { low: at((1 - level) / 2), high: at((1 + level) / 2) };
}

/**
 * Values from which on tables show bootstrap intervals: fewer have too few distinct resamples. At five an interval that
 * is called one of 95 % covers about 90 % (docs/method.md section 8).
 */
export const fewestForBootstrap = 5;
/** Resamples of the intervals in tables. */
const tableResamples = 2000;

/** What the interval of a probability of improvement is, for captions. */
export const improvementText = `with percentile bootstrap interval over seeds (95 % in name, ${tableResamples.toLocaleString('en')} seeded resamples) for ${fewestForBootstrap} seeds or more`;

/**
 * Interquartile mean with its accelerated interval for tables; all null below `fewestForBootstrap` values, the interval
 * null where it is not defined (values without spread).
 */
export function interquartileEstimate(
  values: readonly number[],
  seed: string,
): { middle: number | null; low: number | null; high: number | null } {
  if (values.length < fewestForBootstrap) return { middle: null, low: null, high: null };
  const interval = acceleratedInterval(values, interquartileMean, { seed, resamples: tableResamples });
  return { middle: interquartileMean(values), low: interval?.low ?? null, high: interval?.high ?? null };
}

/**
 * Probability of improvement of `a` over `b`, values at equal places from one seed, with the percentile interval over
 * seeds drawn with replacement, both values of a seed together. No interval below `fewestForBootstrap` seeds, nor when
 * all resamples give the same, as when every value of one side exceeds every one of the other: a bootstrap cannot see
 * how nearly they overlap.
 */
export function improvementEstimate(
  a: readonly number[],
  b: readonly number[],
  seed: string,
): { probability: number; low: number | null; high: number | null } {
  const probability = probabilityOfImprovement(a, b);
  if (a.length < fewestForBootstrap) return { probability, low: null, high: null };
  const improvement = (pairs: (readonly [number, number])[]) =>
    probabilityOfImprovement(
      pairs.map(([x]) => x),
      pairs.map(([, y]) => y),
    );
  const interval = bootstrapInterval(
    a.map((x, i) => [x, b[i]!] as const),
    improvement,
    { seed, resamples: tableResamples },
  );
  return interval === null || interval.low === interval.high
    ? { probability, low: null, high: null }
    : { probability, ...interval };
}

/** The finite values of the statistic on cases drawn with replacement; none for fewer than two cases. */
function resampled<Case>(
  cases: readonly Case[],
  statistic: (resample: Case[]) => number,
  seed: number | string,
  resamples: number,
): number[] {
  if (cases.length < 2) return [];
  const source = random(seed, 'bootstrap');
  const values: number[] = [];
  for (let i = 0; i < resamples; i++) {
    const value = statistic(cases.map(() => cases[source.integer(cases.length)]!));
    if (Number.isFinite(value)) values.push(value);
  }
  return values;
}
