/** Arithmetic of the benchmark: medians, quartiles and the figures made of them. Times in ms. */

interface Spread {
  median: number;
  /** first and third quartile */
  low: number;
  high: number;
  count: number;
}

/** Median and quartiles by linear interpolation between order statistics. Throws RangeError for no values. */
export function spread(values: readonly number[]): Spread {
  if (values.length === 0) throw new RangeError('no values to summarise');
  const sorted = [...values].sort((a, b) => a - b);
  const at = (share: number) => {
    const place = share * (sorted.length - 1);
    const below = Math.floor(place);
    const [a, b] = [sorted[below]!, sorted[Math.min(below + 1, sorted.length - 1)]!];
    return a + (b - a) * (place - below);
  };
  return { median: at(0.5), low: at(0.25), high: at(0.75), count: values.length };
}

/** Mean time of a step when one in `every` is a measured one. */
export const withMeasure = (plain: number, measured: number, every: number): number =>
  (plain * (every - 1) + measured) / every;

/** How much longer `value` is than `base`, as a share: 0.05 for 5 % more. */
export const overhead = (value: number, base: number): number => value / base - 1;

/**
 * Steps a second of `workers` processes that each did `steps` steps in `wall` ms, over those of one that did `steps` in
 * `alone` ms.
 */
export const throughputRatio = (workers: number, wall: number, alone: number): number => (workers * alone) / wall;

/** Share of the measured limit of matrix products that a step reaches. */
export const limitShare = (flops: number, ms: number, gflops: number): number => flops / ms / 1e6 / gflops;
