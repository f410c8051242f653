/**
 * Statistics for a handful of seeds: means, quantiles, Student's t. Every function here, in bootstrap.ts and in
 * comparison.ts is checked against SciPy (test/fixtures/statistics). The error function and the correlation come from
 * mathjs; sums, which resampling takes many thousand times, are written out.
 */
import type { MathJsInstance } from 'mathjs';
import { createRequire } from 'node:module';

// On first use: mathjs takes half a second to load, and the command line loads this file for its help texts.
let loaded: Pick<MathJsInstance, 'corr' | 'erf'> | undefined;
const math = () => (loaded ??= createRequire(__filename)('mathjs/number') as NonNullable<typeof loaded>);

/** A mean with its interval; `low` and `high` are null where one value leaves nothing to estimate a spread from. */
export interface Estimate {
  n: number;
  mean: number;
  low: number | null;
  high: number | null;
}

function refuseEmpty(values: readonly number[]): void {
  if (values.length === 0) throw new RangeError('no values');
}

/** Arithmetic mean. Throws RangeError when there are no values. */
export function mean(values: readonly number[]): number {
  refuseEmpty(values);
  return values.reduce((sum, value) => sum + value) / values.length;
}

/** Sample standard deviation (divisor n - 1). Throws RangeError with fewer than two values. */
export function standardDeviation(values: readonly number[]): number {
  if (values.length < 2) throw new RangeError('a standard deviation needs two values');
  const centre = mean(values);
  const squares = values.reduce((sum, value) => sum + (value - centre) * (value - centre), 0);
  return Math.sqrt(squares / (values.length - 1));
}

/**
 * Quantile with linear interpolation between order statistics (Hyndman and Fan's type 7, the default of NumPy and R).
 */
export function quantile(values: readonly number[], probability: number): number {
  refuseEmpty(values);
  if (!(probability >= 0 && probability <= 1)) throw new RangeError(`probability ${probability} is outside 0..1`);
  const sorted = [...values].sort((a, b) => a - b);
  const place = probability * (sorted.length - 1);
  const below = Math.floor(place);
  const share = place % 1;
  return share === 0 ? sorted[place]! : sorted[below]! * (1 - share) + sorted[below + 1]! * share;
}

/**
 * Interquartile mean: the mean of what is left when a quarter of the values (rounded down) is cut off at either end; of
 * up to three values the plain mean. Throws RangeError when there are no values.
 */
export function interquartileMean(values: readonly number[]): number {
  refuseEmpty(values);
  const cut = Math.floor(values.length / 4);
  return mean([...values].sort((a, b) => a - b).slice(cut, values.length - cut));
}

/** Distribution function of the standard normal. */
export function normalProbability(z: number): number {
  return (1 + math().erf(z / Math.SQRT2)) / 2;
}

/** Quantile of the standard normal for `probability` in (0, 1), by bisection. Throws RangeError outside. */
export function normalQuantile(probability: number): number {
  if (!(probability > 0 && probability < 1)) throw new RangeError(`probability ${probability} is outside (0, 1)`);
  let [low, high] = [-40, 40];
  for (let i = 0; i < 200 && low < high; i++) {
    const middle = (low + high) / 2;
    if (middle === low || middle === high) break;
    if (normalProbability(middle) < probability) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}

/**
 * P(|T| <= t) for Student's t with a whole number of degrees of freedom: the finite sums of Abramowitz and Stegun
 * 26.7.3 and 26.7.4.
 */
export function centralProbability(t: number, degrees: number): number {
  const angle = Math.atan(t / Math.sqrt(degrees));
  const [sin, cos] = [Math.sin(angle), Math.cos(angle)];
  const odd = degrees % 2 === 1;
  let term = odd ? cos : 1;
  let sum = degrees === 1 ? 0 : term;
  for (let k = odd ? 3 : 2; k <= degrees - 2; k += 2) {
    term *= (cos * cos * (k - 1)) / k;
    sum += term;
  }
  return odd ? (2 / Math.PI) * (angle + sin * sum) : sin * sum;
}

/** Quantile of Student's t for `probability` in (0, 1) and a whole number of degrees of freedom >= 1, by bisection. */
export function tQuantile(probability: number, degrees: number): number {
  if (!(probability > 0 && probability < 1)) throw new RangeError(`probability ${probability} is outside (0, 1)`);
  if (!Number.isInteger(degrees) || degrees < 1)
    throw new RangeError(`degrees of freedom ${degrees} is not a whole number from 1`);
  if (probability < 0.5) return -tQuantile(1 - probability, degrees);
  const central = 2 * probability - 1;
  let [low, high] = [0, 1];
  while (centralProbability(high, degrees) < central) high *= 2;
  for (let i = 0; i < 200 && low < high; i++) {
    const middle = (low + high) / 2;
    if (middle === low || middle === high) break;
    if (centralProbability(middle, degrees) < central) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}

/** Mean with Student's t interval; no interval for one value. Throws RangeError when there are no values. */
export function tInterval(values: readonly number[], level = 0.95): Estimate {
  const centre = mean(values);
  const n = values.length;
  if (n < 2) return { n, mean: centre, low: null, high: null };
  const half = (tQuantile((1 + level) / 2, n - 1) * standardDeviation(values)) / Math.sqrt(n);
  return { n, mean: centre, low: centre - half, high: centre + half };
}

/** An interval for a share: the same, cut to 0..1, outside which no share can lie. */
export function shareInterval(values: readonly number[], level = 0.95): Estimate {
  const estimate = tInterval(values, level);
  return {
    ...estimate,
    low: estimate.low === null ? null : Math.max(0, estimate.low),
    high: estimate.high === null ? null : Math.min(1, estimate.high),
  };
}

/** Slope of the least-squares line of y over x, values at equal places. */
export function leastSquaresSlope(x: readonly number[], y: readonly number[]): number {
  const mx = mean(x);
  const my = mean(y);
  const together = x.reduce((sum, value, i) => sum + (value - mx) * (y[i]! - my), 0);
  const alone = x.reduce((sum, value) => sum + (value - mx) ** 2, 0);
  return together / alone;
}

/** Ranks from 1, ties given their average rank. */
function ranks(values: readonly number[]): number[] {
  const order = Float64Array.from(values).sort();
  // The ranks of equal values are those of their places in order, whose mean is that of the first and the last.
  const rankOf = new Map<number, number>();
  for (let first = 0; first < order.length;) {
    let end = first + 1;
    while (end < order.length && order[end] === order[first]) end++;
    rankOf.set(order[first]!, (first + 1 + end) / 2);
    first = end;
  }
  return values.map((value) => rankOf.get(value)!);
}

/** Pearson's correlation of values at equal places; NaN when either side has no spread or there are fewer than two. */
export function pearson(x: readonly number[], y: readonly number[]): number {
  return x.length < 2 ? NaN : (math().corr([...x], [...y]) as number);
}

/**
 * Spearman's rank correlation of pairs [x, y]; NaN when either side has no spread or there are fewer than two pairs.
 */
export function spearman(pairs: readonly (readonly [number, number])[]): number {
  return pearson(ranks(pairs.map((pair) => pair[0])), ranks(pairs.map((pair) => pair[1])));
}
