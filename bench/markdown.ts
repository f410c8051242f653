/** Numbers and tables of the benchmarks as Markdown. */

/** A share in per cent. */
export const percent = (share: number, sign = false): string =>
  `${sign && share >= 0 ? '+' : ''}${(100 * share).toFixed(Math.abs(share) < 0.1 ? 1 : 0)} %`;
/** Milliseconds. */
export const ms = (value: number): string => (value < 100 ? value.toFixed(1) : value.toFixed(0));
/** Bytes as MiB. */
export const mebibytes = (bytes: number): string => `${Math.round(bytes / 2 ** 20)}`;
const row = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
/** A table with its first column to the left and all others to the right. */
export const table = (head: readonly string[], rows: readonly (readonly string[])[]): string =>
  [row(head), row(head.map((_, i) => (i === 0 ? '---' : '--:'))), ...rows.map(row)].join('\n');

/** A ratio. */
export const times = (value: number): string => `${value.toFixed(2)} x`;

/** Lines of a document between which a program writes. */
export interface Markers {
  begin: string;
  end: string;
}

/**
 * The document with the text between the markers replaced. Throws Error when the markers are not there once each, in
 * order.
 */
export function replaceBetween(document: string, text: string, markers: Markers): string {
  const [before, rest, ...more] = document.split(markers.begin);
  const [, after, ...others] = (rest ?? '').split(markers.end);
  if (before === undefined || after === undefined || more.length > 0 || others.length > 0)
    throw new Error(`the document needs "${markers.begin}" and "${markers.end}" once each`);
  return `${before}${markers.begin}\n\n${text}\n\n${markers.end}${after}`;
}
