/** Words and columns for a person at a terminal. */
import type { TableLayout } from '../../analysis/table';
import { printableLines } from '../printable';

/** A length of time in the two largest units that matter: `8 s`, `3 min 20 s`, `2 h 5 min`, `1 d 3 h`. */
export function duration(seconds: number): string {
  if (!Number.isFinite(seconds)) return 'an unknown time';
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 60) return `${whole} s`;
  const minutes = Math.round(whole / 60);
  if (whole < 600) return whole % 60 === 0 ? `${whole / 60} min` : `${Math.floor(whole / 60)} min ${whole % 60} s`;
  if (minutes < 60) return `${minutes} min`;
  if (minutes < 24 * 60)
    return minutes % 60 === 0 ? `${minutes / 60} h` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
  const hours = Math.round(whole / 3600);
  return hours % 24 === 0 ? `${hours / 24} d` : `${Math.floor(hours / 24)} d ${hours % 24} h`;
}

/** `1 run`, `2 runs`. */
export function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`;
}

/** Rows with columns aligned to the left, two spaces between; no spaces at the ends of lines. */
export function columns(rows: readonly (readonly string[])[]): string {
  const widths: number[] = [];
  for (const row of rows)
    row.forEach((cell, index) => {
      widths[index] = Math.max(widths[index] ?? 0, cell.length);
    });
  return rows
    .map((row) =>
      row
        .map((cell, index) => cell.padEnd(widths[index] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

/** A table of the analysis for a terminal: a line a row, an empty line between groups, an asterisk where it is bold. */
export function layoutText({ columns: heads, groups }: TableLayout): string {
  const rows = groups.map((group) =>
    group.map((row) => row.map(({ text, best }) => (best === true ? `${text} *` : text))),
  );
  const empty = heads.map(() => '');
  return columns([
    heads.map(({ header }) => header),
    ...rows.flatMap((group, i) => (i === 0 ? group : [empty, ...group])),
  ]);
}

/** A number as it is read at a glance: three significant digits. */
export function short(value: number): string {
  return Number.isInteger(value) && Math.abs(value) < 1e6 ? String(value) : String(Number(value.toPrecision(3)));
}

/** Bytes as `12.3 kB` or `4.5 MB`. */
export function megabytes(bytes: number): string {
  return bytes < 100_000 ? `${(bytes / 1000).toFixed(1)} kB` : `${(bytes / 1e6).toFixed(1)} MB`;
}

/** Prints lines on standard output. What a terminal would obey is shown instead, whatever the text came from. */
export function say(line: string): void {
  process.stdout.write(`${printableLines(line)}\n`);
}

/** Prints lines on standard error, as safely: what accompanies the result and is not it. */
export function note(line: string): void {
  process.stderr.write(`${printableLines(line)}\n`);
}

/**
 * Prints a value as JSON on standard output. Escapes are valid in JSON: a program that reads it gets the value as it
 * was.
 */
export function sayJson(value: unknown): void {
  say(JSON.stringify(value, null, 2));
}
