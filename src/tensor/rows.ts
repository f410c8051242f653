/** Tables over the vocabulary for some rows after the others: whole, those of long answers in many words would not fit. */
import { after } from './recompute';
import { tf, type Tensor } from './tf';

/**
 * Values of a table that are kept at a time: 256 MiB, more than any set of this project asks for. A product of some rows
 * may have other last digits than the same rows of a product of all.
 */
const tableValues = 2 ** 26;

/** Rows whose tables over so many words are kept at a time. */
export const rowsAtOnce = (vocabulary: number): number => Math.max(1, Math.floor(tableValues / vocabulary));

/** Some rows of a tensor [n] or [n, width]. */
export type Cut = (x: Tensor) => Tensor;

/**
 * What `work` makes of at most `size` of `count` rows at a time, joined along the rows: each of its results is [rows].
 * Where all rows fit, they are not cut. In a recorded program rows are cut when what was made of those before is there.
 */
export function byRows(count: number, size: number, work: (cut: Cut) => Tensor[]): Tensor[] {
  if (count <= size) return work((x) => x);
  const made: Tensor[][] = [];
  for (let from = 0; from < count; from += size) {
    const rows = Math.min(size, count - from);
    const ended = made.flat();
    const cut: Cut = (x) =>
      tf.slice(after(x, ended), [from, ...x.shape.slice(1).map(() => 0)], [rows, ...x.shape.slice(1)]);
    made.push(tf.tidy(() => work(cut)));
  }
  return made[0]!.map((_, i) => tf.concat(made.map((results) => results[i]!)));
}
