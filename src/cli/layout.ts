/** Text on a terminal of some width: lines broken between words, tables that fit. Pure; the width may be Infinity. */
import { stripVTControlCharacters } from 'node:util';

/** Characters that take two columns: East Asian ones, and emoji that are shown as such. */
const wide =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]|\p{Emoji_Presentation}|[\u{20000}-\u{3fffd}]/u;
const combining = /\p{Mn}|\p{Me}/u;

/** Columns that a text takes on a terminal. */
export function widthOf(text: string): number {
  const plain = text.includes('\u001b') ? stripVTControlCharacters(text) : text;
  if (/^[\x20-\x7e]*$/.test(plain)) return plain.length;
  let width = 0;
  for (const character of plain) width += combining.test(character) ? 0 : wide.test(character) ? 2 : 1;
  return width;
}

/** The text filled with spaces to a width. */
export const padded = (text: string, width: number): string => text + ' '.repeat(Math.max(0, width - widthOf(text)));

/**
 * Lines of a text that are no wider than `width`, broken at spaces alone: a word that is wider stands whole on its line.
 * Each line but the first begins with `indent`.
 */
export function wrap(text: string, width: number, indent = ''): string[] {
  if (widthOf(text) <= width) return [text];
  const lead = /^ */.exec(text)![0];
  const lines: string[] = [];
  let line = lead;
  let isEmpty = true;
  for (const piece of text.slice(lead.length).match(/\s*\S+/g) ?? []) {
    if (!isEmpty && widthOf(line) + widthOf(piece) > width) {
      lines.push(line);
      line = indent + piece.trimStart();
    } else line += isEmpty ? piece.trimStart() : piece;
    isEmpty = false;
  }
  return [...lines, line];
}

/** Where the second of two columns of a line begins, if it stands far enough to the left; else a little further in. */
function hangingIndent(line: string, width: number): string {
  const column = /^ *\S+(?: \S+)* {2,}(?=\S)/.exec(line)?.[0].length ?? Infinity;
  return ' '.repeat(column <= width * 0.45 ? column : /^ */.exec(line)![0].length + 2);
}

/** Every line of a text wrapped; what is continued stands further in than its line, below the second of two columns. */
export function wrapLines(text: string, width: number): string {
  if (!Number.isFinite(width)) return text;
  return text
    .split('\n')
    .flatMap((line) => wrap(line, width, hangingIndent(line, width)))
    .join('\n');
}

export interface TableOptions {
  width: number;
  /** the first row names the columns, which may be empty; default true */
  head?: boolean;
  /** paints a cell that has its width already; `row` counts from the head on */
  paint?: (padded: string, text: string, row: number, column: number) => string;
}

const gap = 2;
/** A column that is narrower is not broken into lines. */
const shortCell = 18;
/** A column that is broken has at least so much room, or stands below its row. */
const leastRoom = 22;

/**
 * Rows as lines with columns aligned to the left, two spaces between. Where they are wider than there is room, wide cells go
 * on below themselves; where that would leave columns of a word or two, they stand below their row.
 */
export function tableLines(rows: readonly (readonly string[])[], options: TableOptions): string[] {
  const natural = columnsOf(rows, widthOf);
  if (total(natural) <= options.width) return grid(rows, natural, options);
  const room = roomOf(natural, columnsOf(rows, longestWord), options.width);
  return room === null ? stacked(rows, natural, options) : grid(rows, room, options);
}

const total = (widths: readonly number[]): number =>
  widths.reduce((sum, width) => sum + width, 0) + gap * Math.max(0, widths.length - 1);

const columnsOf = (rows: readonly (readonly string[])[], of: (cell: string) => number): number[] => {
  const widths: number[] = [];
  for (const row of rows) row.forEach((cell, column) => (widths[column] = Math.max(widths[column] ?? 0, of(cell))));
  return widths;
};

const longestWord = (text: string): number => Math.max(0, ...text.split(/\s+/).map(widthOf));

/** A width for each column, so that all fit; null where that leaves too little for one of them. */
function roomOf(natural: readonly number[], words: readonly number[], width: number): number[] | null {
  const least = natural.map((all, column) =>
    all <= shortCell ? all : Math.max(words[column]!, Math.min(all, leastRoom)),
  );
  let left = width - total(least);
  if (left < 0) return null;
  const room = [...least];
  // The narrowest of those that want more gets a column, until all is given.
  while (left > 0) {
    const wanting = room.flatMap((has, column) => (has < natural[column]! ? [column] : []));
    if (wanting.length === 0) break;
    const narrowest = wanting.reduce((a, b) => (room[b]! < room[a]! ? b : a));
    room[narrowest]! += 1;
    left -= 1;
  }
  return room;
}

/** Lines of rows in columns of given widths; the last column is not filled up. */
function grid(rows: readonly (readonly string[])[], widths: readonly number[], { paint }: TableOptions): string[] {
  return rows.flatMap((row, at) => {
    const cells = row.map((cell, column) => wrap(cell, widths[column]!));
    const height = Math.max(1, ...cells.map((lines) => lines.length));
    return Array.from({ length: height }, (_, line) =>
      cells
        .map((lines, column) => {
          const text = lines[line] ?? '';
          const filled = padded(text, widths[column]!);
          return paint === undefined ? filled : paint(filled, row[column]!, at, column);
        })
        .join(' '.repeat(gap)),
    ).map(trimmed);
  });
}

/** Without spaces at its end, painted or not. */
const trimmed = (line: string): string => line.replace(/ +((?:\u001b\[[\d;]*m)*)$/, '$1');

/** The first columns of a row on a line, the others below it with their names. */
function stacked(rows: readonly (readonly string[])[], natural: readonly number[], options: TableOptions): string[] {
  const { width, head = true } = options;
  if (natural[0]! > width) return rows.flatMap((row) => wrapLines(row.join('  ').trimEnd(), width).split('\n'));
  let first = 0;
  while (first < natural.length && natural[first]! <= shortCell && total(natural.slice(0, first + 1)) <= width)
    first += 1;
  first = Math.max(1, first);
  const names = head ? (rows[0] ?? []) : [];
  const above = grid(
    rows.map((row) => row.slice(0, first)),
    natural.slice(0, first),
    options,
  );
  return rows.flatMap((row, at) => {
    if (head && at === 0) return [above[0]!];
    const named = row.slice(first).flatMap((cell, i) => {
      const name = names[first + i] ?? '';
      return cell === '' ? [] : [{ text: name === '' ? cell : `${name} ${cell}`, isLong: widthOf(cell) > shortCell }];
    });
    const short = named.filter(({ isLong }) => !isLong).map(({ text }) => text);
    const below = [
      ...(short.length === 0 ? [] : [short.join(', ')]),
      ...named.filter(({ isLong }) => isLong).map(({ text }) => text),
    ];
    return [above[at]!, ...below.flatMap((text) => wrap(`  ${text}`, width, '    '))];
  });
}
