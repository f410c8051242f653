/** Pieces of the report's HTML. Whatever journals and manifests say becomes text. */
import type { TableCell, TableLayout } from './table';

/** A table of a page with its heading and what stands below it. */
export interface PageTable {
  name: string;
  title: string;
  caption: string;
  layout: TableLayout;
}

export const escapeHtml = (text: string) =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');

/** Text whose `names in backticks` are set as code. */
export const proseHtml = (text: string) => escapeHtml(text).replace(/`([^`]+)`/g, '<code>$1</code>');

/** A box that scrolls by itself, by keyboard too, and says what is in it. */
export const wideBox = (label: string, content: string, kind = '') =>
  `<div class="wide${kind === '' ? '' : ` ${kind}`}" tabindex="0" role="region" aria-label="${escapeHtml(label)}">${content}</div>`;

/** Letters from which a text is broken into lines instead of widening its column. */
const longText = 60;

/** A head of columns and groups of rows; `rowId` names a row, `link` leads from a cell to a place of the page. */
export function tableElement(
  { columns, groups }: TableLayout,
  rowId: (row: readonly TableCell[]) => string | undefined = () => undefined,
  link: (row: readonly TableCell[], column: number) => string | undefined = () => undefined,
): string {
  const side = (column: number, text = '') => {
    const kind = columns[column]?.numeric === true ? 'number' : text.length > longText ? 'long' : '';
    return kind === '' ? '' : ` class="${kind}"`;
  };
  const cell = (row: readonly TableCell[], column: number) => {
    const { text, best = false } = row[column]!;
    const to = link(row, column);
    const plain = proseHtml(text);
    const linked = to === undefined ? plain : `<a href="#${to}">${plain}</a>`;
    return `<td${side(column, text)}>${best ? `<strong>${linked}</strong>` : linked}</td>`;
  };
  const line = (row: readonly TableCell[]) => {
    const id = rowId(row);
    return `<tr${id === undefined ? '' : ` id="${id}"`}>${row.map((_, column) => cell(row, column)).join('')}</tr>`;
  };
  const head = columns.map(({ header }, i) => `<th scope="col"${side(i)}>${escapeHtml(header)}</th>`).join('');
  return `<table><thead><tr>${head}</tr></thead>
${groups.map((group) => `<tbody>${group.map(line).join('\n')}</tbody>`).join('\n')}</table>`;
}

/** A layout without the columns in which no row says anything. */
export function withoutEmptyColumns({ columns, groups }: TableLayout): TableLayout {
  const rows = groups.flat();
  const kept = (_: unknown, column: number) => rows.some((row) => row[column]?.text !== '');
  return { columns: columns.filter(kept), groups: groups.map((group) => group.map((row) => row.filter(kept))) };
}

/** Pairs of a name and a text. */
export const pairsHtml = (rows: readonly [string, string][]) =>
  `<dl>${rows.map(([name, text]) => `<dt>${escapeHtml(name)}</dt><dd>${proseHtml(text)}</dd>`).join('\n')}</dl>`;

/** A list of sentences, in which `place` makes a link of a word that names one. */
export const listHtml = (texts: readonly string[], place: (word: string) => string | undefined = () => undefined) =>
  `<ul>${texts
    .map((text) => {
      const word = text.split(/[ :]/, 1)[0]!;
      const to = place(word);
      const rest = proseHtml(text.slice(word.length));
      return `<li>${to === undefined ? proseHtml(text) : `<a href="#${to}">${escapeHtml(word)}</a>${rest}`}</li>`;
    })
    .join('\n')}</ul>`;
