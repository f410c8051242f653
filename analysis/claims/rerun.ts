/** A rerun's verdict: cells and claims beside the committed ones, and the sum of both in one word. */
import { basename, join } from 'node:path';
import { labelRuns, type RunLabels } from '../labels';
import { tQuantile } from '../statistics';
import type { Claim } from './claim';
import { hasTurned } from './claimsTable';
import { comparedQuantities, compareCells, type Answer, type ComparedCell } from './committed';
import { committedRunsOf, ownRuns } from './committedRuns';
import type { Evaluation } from './evaluate';
import { readNoise } from './noise';
import { evaluateFolder } from './sources';

/** A claim on your runs, with the shift of its estimate from the committed one. */
export interface ComparedClaim extends Evaluation {
  /** yours minus committed; null where either has no estimate */
  shift: number | null;
  /** half the prediction interval of the shift; null where the committed spread is not known */
  expected: number | null;
}

/**
 * `not reproduced`: a claim has turned, or every cell that can be told differs. `partly reproduced`: some do. The shifts
 * of claims are told and not counted: of many, some go far by chance.
 */
export type Outcome = 'reproduced' | 'partly reproduced' | 'not reproduced' | 'nothing to say';

export interface Rerun {
  experiment: string;
  /** your finished runs */
  runs: number;
  cells: (ComparedCell & RunLabels)[];
  claims: ComparedClaim[];
  outcome: Outcome;
}

/** Level of the prediction interval of each claim by itself. */
const level = 0.95;

/** The claim's estimate beside its reference: the shift, and how far that of as many new seeds goes. */
export function comparedClaim(evaluation: Evaluation): ComparedClaim {
  const { claim, estimate } = evaluation;
  const reference = claim.reference;
  if (estimate === null || reference === undefined || reference.estimate === null)
    return { ...evaluation, shift: null, expected: null };
  const shift = estimate.value - reference.estimate;
  if (reference.sd === null || reference.n < 2) return { ...evaluation, shift, expected: null };
  const spread = reference.sd * Math.sqrt(1 / reference.n + 1 / estimate.n);
  return { ...evaluation, shift, expected: tQuantile((1 + level) / 2, reference.n - 1) * spread };
}

/** Whether the shift of a claim is farther than new seeds go. */
export const isOutside = ({ shift, expected }: ComparedClaim): boolean =>
  shift !== null && expected !== null && Math.abs(shift) > expected;

const apart: readonly Answer[] = ['differs', 'outside'];
const alike: readonly Answer[] = ['identical', 'agrees', 'within'];

/** The sum: what is said of a rerun when all cells and claims are seen together. */
export function outcomeOf(cells: readonly ComparedCell[], claims: readonly ComparedClaim[]): Outcome {
  const answers = cells.flatMap((cell) => comparedQuantities.map((quantity) => cell[quantity].answer));
  const differ = answers.filter((answer) => apart.includes(answer)).length;
  const agree = answers.filter((answer) => alike.includes(answer)).length;
  if (claims.some(hasTurned) || (differ > 0 && agree === 0)) return 'not reproduced';
  if (differ > 0) return 'partly reproduced';
  return agree > 0 ? 'reproduced' : 'nothing to say';
}

/**
 * Your runs in `folder` against the committed ones of `reference`, with the noise of reruns where it is known, and
 * every claim that they can evaluate. Throws a UserError when the folder cannot be listed.
 */
export async function compareRerun(
  folder: string,
  reference: string,
  noisePath: string,
  claims: readonly Claim[],
): Promise<Rerun> {
  const yours = ownRuns(folder);
  const committed = await committedRunsOf(
    reference,
    yours.map(({ id }) => id),
  );
  const labels = new Map(labelRuns(yours.map(({ spec }) => spec)).map((label, i) => [yours[i]!.id, label]));
  const cells = compareCells(yours, committed, readNoise(noisePath)).map((cell) => ({
    ...cell,
    ...labels.get(cell.example.id)!,
  }));
  const evaluated = (await evaluateFolder(claims, folder)).filter(({ verdict }) => verdict !== 'not evaluable');
  const compared = evaluated.map(comparedClaim);
  const experiment = basename(folder);
  return { experiment, runs: yours.length, cells, claims: compared, outcome: outcomeOf(cells, compared) };
}

/** Where the noise of reruns is kept, beside the committed runs. */
export const noisePathOf = (reference: string): string => join(reference, '..', 'rerun-noise.json');
