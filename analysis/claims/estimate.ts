/**
 * An estimate with what is needed for an interval of any level, and the verdict of a claim's rule on it. The statistics
 * themselves are those of statistics.ts, comparison.ts and meta.ts.
 */
import { centralProbability, mean, standardDeviation, tQuantile } from '../statistics';
import type { Combined } from '../meta';
import type { Rule } from './claim';

export interface Estimate {
  value: number;
  /** standard error of the value; null where one number leaves nothing to estimate it from */
  error: number | null;
  /** degrees of freedom of Student's t */
  degrees: number;
  /** standard deviation of the values; null for a mean over cells */
  sd: number | null;
  /** seeds, cells or counted values */
  n: number;
}

/** Mean of values, one a seed. Throws RangeError for none. */
export function estimateOf(values: readonly number[]): Estimate {
  const n = values.length;
  if (n < 2) return { value: mean(values), error: null, degrees: 0, sd: null, n };
  const sd = standardDeviation(values);
  return { value: mean(values), error: sd / Math.sqrt(n), degrees: n - 1, sd, n };
}

/** The mean effect over cells. */
export function estimateOfCells(combined: Combined): Estimate {
  const { k, mean: value, error } = combined;
  return { value, error, degrees: k - 1, sd: null, n: k };
}

/** Student's t interval; null where there is no error to make one from. */
export function intervalOf({ value, error, degrees }: Estimate, level: number): { low: number; high: number } | null {
  if (error === null) return null;
  const half = tQuantile((1 + level) / 2, degrees) * error;
  return { low: value - half, high: value + half };
}

/** Largest share that `n` values without a single hit leave possible, as the rule of three has it: -ln(1 - level) / n. */
export const ruleOfThree = (n: number, level: number): number => -Math.log(1 - level) / n;

/**
 * The verdict of a rule. `above`: the whole interval above the margin supports, below it contradicts; `below` mirrored.
 * `equivalent`: the interval of two one-sided tests (90 % at level .95) within the margin on both sides of `around`
 * supports, the one of the level wholly outside contradicts. `countZero`: the value is a share, and any above 0
 * contradicts. What has no interval is undecided.
 */
export function verdictOf(rule: Rule, estimate: Estimate): 'supported' | 'contradicted' | 'undecided' {
  if (rule.kind === 'countZero') return estimate.value > 0 ? 'contradicted' : 'supported';
  const outer = intervalOf(estimate, rule.level);
  if (outer === null) return 'undecided';
  if (rule.kind === 'equivalent') {
    const around = rule.around ?? 0;
    const inner = intervalOf(estimate, 2 * rule.level - 1)!;
    if (inner.low > around - rule.margin && inner.high < around + rule.margin) return 'supported';
    return outer.low > around + rule.margin || outer.high < around - rule.margin ? 'contradicted' : 'undecided';
  }
  const [isAbove, isBelow] = [outer.low > rule.margin, outer.high < rule.margin];
  const [supports, contradicts] = rule.kind === 'above' ? [isAbove, isBelow] : [isBelow, isAbove];
  return supports ? 'supported' : contradicts ? 'contradicted' : 'undecided';
}

/** P(T > t) for Student's t. */
function upperTail(t: number, degrees: number): number {
  const outside = 1 - centralProbability(Math.abs(t), degrees);
  return t > 0 ? outside / 2 : 1 - outside / 2;
}

/**
 * The p-value that belongs to the rule: two-sided against the margin for `above` and `below`, the larger of two
 * one-sided ones for `equivalent`; null for a count, and where there is no error.
 */
export function probabilityOf(rule: Rule, { value, error, degrees }: Estimate): number | null {
  if (rule.kind === 'countZero' || error === null) return null;
  /** P of a value as large or larger if the truth were `from`. */
  const exceeds = (from: number) =>
    error === 0 ? (value > from ? 0 : value < from ? 1 : 0.5) : upperTail((value - from) / error, degrees);
  if (rule.kind === 'equivalent') {
    const around = rule.around ?? 0;
    return Math.max(exceeds(around - rule.margin), 1 - exceeds(around + rule.margin));
  }
  const one = exceeds(rule.margin);
  return 2 * Math.min(one, 1 - one);
}
