/** What tables of paired differences have in common: the part of a row, its cells, and what the caption says of the tests. */
import { pairedTest } from '../comparison';
import { tInterval } from '../statistics';
import { estimateText, probabilityText, type TableCell } from '../table';

/** How a row differs from the one that it is compared with, seed by seed. */
export type Paired = {
  /** null for the row that the others are compared with, and without a seed in common */
  difference: number | null;
  differenceLow: number | null;
  differenceHigh: number | null;
  /** p of the paired t test, corrected by Holm over the table; null as `difference` is, and for one seed */
  corrected: number | null;
};

/** Mean and interval of differences, one a seed; `corrected` holds the plain p-value. Nulls where there are none. */
export function pairedOver(differences: readonly number[]): Paired {
  if (differences.length === 0) return { difference: null, differenceLow: null, differenceHigh: null, corrected: null };
  const { mean, low, high } = tInterval(differences);
  return { difference: mean, differenceLow: low, differenceHigh: high, corrected: pairedTest(differences) };
}

/** The cells of a difference, bold above 0, and of its p-value. */
export const pairedCells = ({ difference, differenceLow, differenceHigh, corrected }: Paired): TableCell[] => [
  {
    text: difference === null ? '' : estimateText(difference, differenceLow, differenceHigh),
    best: differenceLow !== null && differenceLow > 0,
  },
  { text: probabilityText(corrected) },
];

/** What was tested and corrected over these rows, for a caption; without a full stop. */
export const testsText = (rows: readonly { corrected: number | null }[]): string =>
  `p: paired t test, corrected by Holm for the ${rows.filter(({ corrected }) => corrected !== null).length} comparisons of the table`;
