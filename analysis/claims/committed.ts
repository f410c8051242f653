/**
 * Committed against yours, cell by cell: what a rerun may say, by what the two have in common. The same seeds: equal
 * bytes, else differences held against the noise of reruns, or an equivalence test where that noise is not known.
 * Other seeds: a prediction interval. Too little data is said to be too little.
 */
import { pairedDifferences } from '../comparison';
import { grouped } from '../grouped';
import { bySeed } from '../scores';
import { mean, standardDeviation, tInterval, tQuantile } from '../statistics';
import type { ComparedRun } from './committedRuns';
import type { Noise } from './noise';

/** `identical`: the same journals to the byte. `within` and `outside`: of the prediction interval. */
export type Answer = 'identical' | 'agrees' | 'differs' | 'within' | 'outside' | 'too noisy to say' | 'too few to say';

/** How large a difference may be and still agree: accuracy, nats. */
export const margins = { choice: 0.03, loss: 0.02 } as const;
export type ComparedQuantity = keyof typeof margins;
export const comparedQuantities: readonly ComparedQuantity[] = ['choice', 'loss'];

/** What is said of one quantity: yours minus committed, over pairs or between means. */
export interface Shift {
  shift: number;
  /** what it was held to: of pairs the interval of the shift, of other seeds where the shift was expected; null without */
  low: number | null;
  high: number | null;
  answer: Answer;
}

/** One cell of your runs beside the committed ones: the seeds that both have, or those that are new. */
export interface ComparedCell {
  /** a run of the cell, for its names */
  example: ComparedRun;
  case: 'same seeds' | 'other seeds';
  /** pairs, or your new seeds */
  n: number;
  /** committed runs of the cell */
  committed: number;
  choice: Shift;
  loss: Shift;
}

interface Opposed {
  case: ComparedCell['case'];
  yours: ComparedRun[];
  committed: ComparedRun[];
}

/** Your cells that the committed runs have too: paired seeds and new seeds apart, since only new ones are independent. */
function opposed(yours: readonly ComparedRun[], committed: readonly ComparedRun[]): Opposed[] {
  const theirs = new Map(grouped(committed, ({ cell }) => cell).map((own) => [own[0]!.cell, own]));
  return grouped(yours, ({ cell }) => cell).flatMap((own): Opposed[] => {
    const other = theirs.get(own[0]!.cell);
    if (other === undefined) return [];
    const seeds = new Set(other.map(({ seed }) => seed));
    const [same, fresh] = [own.filter(({ seed }) => seeds.has(seed)), own.filter(({ seed }) => !seeds.has(seed))];
    const parts: Opposed[] = [
      { case: 'same seeds', yours: same, committed: other },
      { case: 'other seeds', yours: fresh, committed: other },
    ];
    return parts.filter((part) => part.yours.length > 0);
  });
}

const isIdentical = ({ yours, committed }: Opposed) => {
  const hashes = new Map(committed.map(({ id, journal }) => [id, journal]));
  return yours.every(({ id, journal }) => journal !== undefined && hashes.get(id) === journal);
};

/**
 * The same seeds: with known noise, both a test of no difference at `level` and one of equivalence; without it the
 * equivalence alone, by the spread of the differences themselves.
 */
export function pairedShift(
  differences: readonly number[],
  margin: number,
  noise: { rms: number; differences: number } | undefined,
  level: number,
): Shift {
  const [n, shift] = [differences.length, mean(differences)];
  const within = (half: number) => Math.abs(shift) + half < margin;
  if (noise !== undefined) {
    const half = (probability: number) => (tQuantile(probability, noise.differences) * noise.rms) / Math.sqrt(n);
    const [test, equivalence] = [half((1 + level) / 2), half(0.95)];
    const answer = Math.abs(shift) > test ? 'differs' : within(equivalence) ? 'agrees' : 'too noisy to say';
    return { shift, low: shift - equivalence, high: shift + equivalence, answer };
  }
  const { low, high } = tInterval(differences, 0.9);
  if (low === null || high === null) return { shift, low, high, answer: 'too few to say' };
  return { shift, low, high, answer: within((high - low) / 2) ? 'agrees' : 'too noisy to say' };
}

/**
 * Other seeds: does the mean of `yours` lie where the mean of as many new seeds is expected, given the committed ones?
 * `spread` is a standard deviation with its degrees of freedom; null where there is none.
 */
export function predictedShift(
  yours: readonly number[],
  committed: readonly number[],
  spread: { sd: number; degrees: number } | null,
  level: number,
): Shift {
  const shift = mean(yours) - mean(committed);
  if (spread === null) return { shift, low: null, high: null, answer: 'too few to say' };
  const half =
    tQuantile((1 + level) / 2, spread.degrees) * spread.sd * Math.sqrt(1 / committed.length + 1 / yours.length);
  return { shift, low: -half, high: half, answer: Math.abs(shift) <= half ? 'within' : 'outside' };
}

/** Runs of a cell from which on its own spread is enough; below, that of all methods of its task and rates is taken. */
const ownSpreadFrom = 5;

/** The spread of a committed cell over seeds, or where it has few that of its family together; null without any. */
function spreadOf(
  cell: readonly ComparedRun[],
  family: readonly ComparedRun[],
  quantity: ComparedQuantity,
): { sd: number; degrees: number } | null {
  const values = (runs: readonly ComparedRun[]) => [...bySeed(runs, (run) => run[quantity]).values()];
  const groups = cell.length >= ownSpreadFrom ? [cell] : grouped(family, (run) => run.cell);
  const spreads = groups.map(values).filter((own) => own.length >= 2);
  const degrees = spreads.reduce((sum, own) => sum + own.length - 1, 0);
  if (degrees === 0) return null;
  const squares = spreads.reduce((sum, own) => sum + standardDeviation(own) ** 2 * (own.length - 1), 0);
  return { sd: Math.sqrt(squares / degrees), degrees };
}

/** Every cell that both have, each with what is said of it, at a level of .05 over all cells together. */
export function compareCells(
  yours: readonly ComparedRun[],
  committed: readonly ComparedRun[],
  noise: readonly Noise[],
): ComparedCell[] {
  const pairs = opposed(yours, committed);
  const level = 1 - 0.05 / Math.max(1, pairs.length * comparedQuantities.length);
  const families = new Map(grouped(committed, ({ family }) => family).map((own) => [own[0]!.family, own]));
  return pairs.map((pair) => {
    const example = pair.yours[0]!;
    const { task, learningRate: rates } = example.spec;
    const known = noise.find(
      (each) => each.task === task && each.rates.encoder === rates.encoder && each.rates.backbone === rates.backbone,
    );
    const of = (quantity: ComparedQuantity): Shift => {
      const valueOf = (run: ComparedRun) => run[quantity];
      const [own, other] = [bySeed(pair.yours, valueOf), bySeed(pair.committed, valueOf)];
      if (pair.case === 'other seeds') {
        const spread = spreadOf(pair.committed, families.get(example.family) ?? [], quantity);
        return predictedShift([...own.values()], [...other.values()], spread, level);
      }
      if (isIdentical(pair)) return { shift: 0, low: null, high: null, answer: 'identical' };
      const differences = pairedDifferences(own, other).map(({ difference }) => difference);
      const rms = known === undefined ? undefined : { rms: known[quantity], differences: known.differences };
      return pairedShift(differences, margins[quantity], rms, level);
    };
    return {
      example,
      case: pair.case,
      n: pair.yours.length,
      committed: pair.committed.length,
      choice: of('choice'),
      loss: of('loss'),
    };
  });
}
