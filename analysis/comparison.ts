/**
 * One method against another: paired differences, effect sizes, p-values and their correction for many comparisons.
 * Checked against SciPy (test/fixtures/statistics).
 */
import { centralProbability, mean, standardDeviation } from './statistics';

/** a - b for each seed that both have, in order of seed. */
export function pairedDifferences(
  a: ReadonlyMap<number, number>,
  b: ReadonlyMap<number, number>,
): { seed: number; difference: number }[] {
  return [...a.keys()]
    .filter((seed) => b.has(seed))
    .sort((x, y) => x - y)
    .map((seed) => ({ seed, difference: a.get(seed)! - b.get(seed)! }));
}

/**
 * Probability of improvement: the chance that a value of `a` exceeds one of `b`, ties counted half (Mann-Whitney U / (n
 * m)).
 */
export function probabilityOfImprovement(a: readonly number[], b: readonly number[]): number {
  if (a.length === 0 || b.length === 0) throw new RangeError('no values');
  const wins = a.reduce((sum, x) => sum + b.reduce((inner, y) => inner + (x > y ? 1 : x === y ? 0.5 : 0), 0), 0);
  return wins / (a.length * b.length);
}

/**
 * Two-sided p-value of the paired t test; null for fewer than two differences; 1 when all are zero, 0 when all are
 * equal and not zero.
 */
export function pairedTest(differences: readonly number[]): number | null {
  if (differences.length < 2) return null;
  const [centre, deviation] = [mean(differences), standardDeviation(differences)];
  if (deviation === 0) return centre === 0 ? 1 : 0;
  return 1 - centralProbability((Math.abs(centre) * Math.sqrt(differences.length)) / deviation, differences.length - 1);
}

/**
 * Cohen's d of paired differences: their mean over their standard deviation; null for fewer than two or without spread.
 */
export function pairedEffect(differences: readonly number[]): number | null {
  if (differences.length < 2) return null;
  const deviation = standardDeviation(differences);
  return deviation === 0 ? null : mean(differences) / deviation;
}

/**
 * Holm's step-down correction of a family of p-values, in their order: the chance that any true null among them is
 * rejected stays below the level (Holm 1979).
 */
export function holm(probabilities: readonly number[]): number[] {
  const order = probabilities.map((_, i) => i).sort((a, b) => probabilities[a]! - probabilities[b]! || a - b);
  const adjusted = [...probabilities];
  let largest = 0;
  order.forEach((place, rank) => {
    largest = Math.max(largest, Math.min(1, probabilities[place]! * (probabilities.length - rank)));
    adjusted[place] = largest;
  });
  return adjusted;
}

/** Holm's correction over a family some of whose members were not tested: null stays null and does not count. */
export function holmOfTested(probabilities: readonly (number | null)[]): (number | null)[] {
  const adjusted = holm(probabilities.flatMap((p) => p ?? []));
  let next = 0;
  return probabilities.map((p) => (p === null ? null : adjusted[next++]!));
}

/**
 * Rows whose `corrected` holds a plain p-value, or null for one without a test, with that value corrected over all rows
 * of the table.
 */
export function correctedRows<Row extends { corrected: number | null }>(rows: readonly Row[]): Row[] {
  const adjusted = holmOfTested(rows.map((row) => row.corrected));
  return rows.map((row, i) => ({ ...row, corrected: adjusted[i]! }));
}

/**
 * McNemar's exact test of two runs on the same questions: the two-sided binomial p-value of a split as uneven as `first`
 * to `second`, the questions that only one of them answered rightly; 1 where there are none.
 */
export function mcNemar(first: number, second: number): number {
  const n = first + second;
  // Terms of the binomial of n and 1/2, each from the one before, in logarithms: 2^-n alone would vanish for large n.
  let term = -n * Math.log(2);
  let tail = 0;
  for (let k = 0; k <= Math.min(first, second); k++) {
    tail += Math.exp(term);
    term += Math.log((n - k) / (k + 1));
  }
  return Math.min(1, 2 * tail);
}
