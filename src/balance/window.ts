/** What a window of measured log kappas says about balance (docs/method.md section 3). */

/** Measures in the moving statistics of a run whose scheduler has no window of its own. */
export const defaultWindow = 5;

export interface WindowStatistics {
  /** geometric mean of kappa */
  average: number;
  /** |mean log kappa|: biased learning */
  bias: number;
  /** standard deviation of log kappa (population); 0 with one measure */
  oscillation: number;
  /** share of consecutive pairs whose log kappa changes sign; 0 with one measure */
  signChangeRate: number;
}

/** The window with one more value, its oldest dropped once it holds `size`. */
export const pushWindow = (window: readonly number[], value: number, size: number): number[] =>
  [...window, value].slice(-size);

/** Throws RangeError for an empty window. */
export function windowStatistics(logKappas: readonly number[]): WindowStatistics {
  const count = logKappas.length;
  if (count === 0) throw new RangeError('a window of log kappa is empty');
  const mean = logKappas.reduce((sum, value) => sum + value, 0) / count;
  const variance = logKappas.reduce((sum, value) => sum + (value - mean) ** 2, 0) / count;
  const changes = logKappas.slice(1).filter((value, i) => Math.sign(value) * Math.sign(logKappas[i]!) < 0).length;
  return {
    average: Math.exp(mean),
    bias: Math.abs(mean),
    oscillation: Math.sqrt(variance),
    signChangeRate: count > 1 ? changes / (count - 1) : 0,
  };
}
