/** Words and columns for a person at a terminal. */
import type { TableLayout } from '../../analysis/table';
import { printable, printableLines } from '../printable';
import type { Problem } from '../problems';
import type { OutputName } from './outputs';
import { formatOf } from './outputs/format';
import { colourOf, hasColours, painted, paintedLines } from './colour';
import { tableLines, wrapLines } from './layout';

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

type Stream = Pick<NodeJS.WriteStream, 'isTTY' | 'columns'>;

/** Columns of a terminal; Infinity where a stream is none, so that every program that reads it finds whole lines. */
export const terminalWidth = ({ isTTY, columns }: Stream): number => (isTTY && columns > 0 ? columns : Infinity);

/** Rows with columns aligned to the left, as wide as the terminal at most; no spaces at the ends of lines. */
export function columns(rows: readonly (readonly string[])[], width = terminalWidth(process.stdout)): string {
  return tableLines(rows, { width }).join('\n');
}

/** Prints a table; its head, if it has one, and the words of states are painted where there are colours. */
export function sayTable(rows: readonly (readonly string[])[], head = true): void {
  const safe = rows.map((row) => row.map(printable));
  const paint = (filled: string, text: string, row: number) => {
    const colour = head && row === 0 ? 'bold' : colourOf(text.trim());
    return colour === undefined ? filled : painted(colour, filled);
  };
  const colours = hasColours(process.stdout) ? { paint } : {};
  const lines = tableLines(safe, { width: terminalWidth(process.stdout), head, ...colours });
  process.stdout.write(`${lines.join('\n')}\n`);
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

/**
 * A number as it is read at a glance, alike wherever a command prints one: three significant digits, with a power of ten
 * from 100,000 on and below 0.001. `ui/dom.mjs` does the same.
 */
export function short(value: number): string {
  const size = Math.abs(value);
  if (size !== 0 && (size >= 1e5 || size < 1e-3)) return value.toExponential(2).replace('e+', 'e');
  return String(Number(value.toPrecision(3)));
}

/** Bytes as `12.3 kB` or `4.5 MB`. */
export function megabytes(bytes: number): string {
  return bytes < 100_000 ? `${(bytes / 1000).toFixed(1)} kB` : `${(bytes / 1e6).toFixed(1)} MB`;
}

/**
 * Prints lines on standard output, on a terminal broken between words. What a terminal would obey is shown instead, whatever
 * the text came from.
 */
export function say(line: string): void {
  write(process.stdout, line);
}

/** Prints lines on standard error, as safely: what accompanies the result and is not it. */
export function note(line: string): void {
  write(process.stderr, line);
}

function write(stream: NodeJS.WriteStream, line: string): void {
  const text = wrapLines(printableLines(line), terminalWidth(stream));
  stream.write(`${hasColours(stream) ? paintedLines(text) : text}\n`);
}

/** Whether the one object of --json has been printed. */
let hasSaidJson = false;

/** Prints why a command failed as JSON, unless it has printed its own object before it did. */
export function sayJsonError(code: number, problems: readonly Problem[]): void {
  if (!hasSaidJson) sayJson('error', { exitCode: code, problems });
}

/**
 * Prints what a command says as JSON on standard output, once, with its format (outputs.ts). Escapes are valid in JSON: a program that reads it gets the value as it
 * was.
 */
export function sayJson(name: OutputName, value: object): void {
  hasSaidJson = true;
  process.stdout.write(`${printableLines(JSON.stringify({ format: formatOf(name), ...value }, null, 2))}\n`);
}
