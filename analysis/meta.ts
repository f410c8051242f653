/** Effects of several cells together: a random-effects mean with its interval, and what it is equivalent to. */
import { standardDeviation, mean, tQuantile } from './statistics';

/** The mean effect of one cell and the variance of that mean. */
export interface CellEffect {
  effect: number;
  variance: number;
}

export interface Combined {
  /** cells */
  k: number;
  mean: number;
  /** standard error of the mean */
  error: number;
  /** 95 % interval */
  low: number;
  high: number;
  /** 90 % interval, that of the two one-sided tests at 5 % */
  low90: number;
  high90: number;
  /** standard deviation of the true effects between cells */
  tau: number;
}

/** Smallest variance that a cell is given: seeds that agree to the last digit do not make a cell know everything. */
const smallestVariance = 1e-8;

/**
 * The mean of each cell's paired differences, with the variance of that mean from the spread of all cells together:
 * that of a single cell with three or five seeds is too uncertain to weigh it by. Throws RangeError for a cell with
 * fewer than two differences.
 */
export function cellEffects(cells: readonly (readonly number[])[]): CellEffect[] {
  const squares = cells.reduce((sum, cell) => sum + standardDeviation(cell) ** 2 * (cell.length - 1), 0);
  const degrees = cells.reduce((sum, cell) => sum + cell.length - 1, 0);
  return cells.map((cell) => ({ effect: mean(cell), variance: squares / degrees / cell.length }));
}

/**
 * Random effects after DerSimonian and Laird 1986, with the interval of Hartung and Knapp 2001 (Student's t with k - 1
 * degrees of freedom), which holds its level for few cells. Null for fewer than two cells.
 */
export function randomEffects(cells: readonly CellEffect[]): Combined | null {
  const k = cells.length;
  if (k < 2) return null;
  const effects = cells.map(({ effect }) => effect);
  const variances = cells.map(({ variance }) => Math.max(variance, smallestVariance));
  const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);
  const weighted = (weights: readonly number[]) => {
    const centre = sum(effects.map((effect, i) => weights[i]! * effect)) / sum(weights);
    return { centre, q: sum(effects.map((effect, i) => weights[i]! * (effect - centre) ** 2)) };
  };
  const fixed = variances.map((variance) => 1 / variance);
  const spread = sum(fixed) - sum(fixed.map((weight) => weight ** 2)) / sum(fixed);
  const tau2 = Math.max(0, (weighted(fixed).q - (k - 1)) / spread);
  const weights = variances.map((variance) => 1 / (variance + tau2));
  const { centre, q } = weighted(weights);
  const error = Math.sqrt(q / (k - 1) / sum(weights));
  const half = (level: number) => tQuantile((1 + level) / 2, k - 1) * error;
  return {
    k,
    mean: centre,
    error,
    low: centre - half(0.95),
    high: centre + half(0.95),
    low90: centre - half(0.9),
    high90: centre + half(0.9),
    tau: Math.sqrt(tau2),
  };
}

/** Smallest margin d for which the effect is shown to lie within -d and d: both one-sided tests reject at 5 %. */
export const equivalenceMargin = ({ low90, high90 }: Pick<Combined, 'low90' | 'high90'>): number =>
  Math.max(Math.abs(low90), Math.abs(high90));
