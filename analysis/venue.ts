/**
 * Tables as a paper of a venue takes them: compact, and no wider than its column. Widths are measured with the metrics of Times, which
 * the styles of all three set, and of Computer Modern, in which they leave mathematics: a real LaTeX finds none too wide
 * (test/analysis/latex.test.ts). What a document loads beside them may change them a little.
 */
import type { Provenance } from './provenance';
import { wrapped } from './wrapped';
import { escapeLatex, type TableCell, type TableLayout } from './table';

/** Width of a column and of the page's text, and size of the text; points of TeX (72.27 an inch). */
interface Venue {
  column: number;
  page: number;
  size: number;
  /** where the widths are stated */
  source: string;
}

/** Points of TeX in an inch. */
export const pointsAnInch = 72.27;

export const venues = {
  neurips: { column: 397.48, page: 397.48, size: 10, source: 'neurips style: textwidth 5.5in, one column' },
  icml: { column: 234.88, page: 487.82, size: 10, source: 'icml style: textwidth 6.75in, columnsep 0.25in' },
  acl: { column: 219.09, page: 455.24, size: 11, source: 'acl style: textwidth 16cm, columns of 7.7cm' },
} as const satisfies Record<string, Venue>;
export type VenueName = keyof typeof venues;
export const venueNames = Object.keys(venues) as VenueName[];

/** A size of text, and of the intervals in it; points. */
interface Size {
  name: string;
  size: number;
  small: number;
}

/** Sizes from the largest; LaTeX's of 10 and 11 pt documents. */
const sizes: Record<10 | 11, Size[]> = {
  10: [
    { name: '', size: 10, small: 7 },
    { name: '\\small', size: 9, small: 7 },
    { name: '\\footnotesize', size: 8, small: 7 },
    { name: '\\scriptsize', size: 7, small: 7 },
  ],
  11: [
    { name: '', size: 10.95, small: 8 },
    { name: '\\small', size: 10, small: 8 },
    { name: '\\footnotesize', size: 9, small: 8 },
    { name: '\\scriptsize', size: 8, small: 8 },
  ],
};
/** Points of height that a page has for a table beside its caption. */
const tallest = 570;
/** Space on each side of a column, points: LaTeX's own, then less. */
const separations = [6, 4, 3];

/** Width of the widest mathematical signs (−, ±, ×) by size: Computer Modern is drawn wider where it is smaller. */
const signWidths: Readonly<Record<number, number>> = { 10.95: 8.52, 10: 7.78, 9: 7.2, 8: 6.62, 7: 6.26 };
/** What `escapeLatex` sets as mathematics. */
const signs = /[−±×·κρθΔ⟨⟩‖<>|]/g;
/** Width of a raised dagger at most. */
const daggerWidth = 4.3;

/** Width of a text in Times at one point. */
type Measure = (text: string, bold: boolean) => number;

/** Width of a text as LaTeX sets it at a size. */
function widthAt(text: string, bold: boolean, size: number, measure: Measure): number {
  const plain = text.replace(signs, '');
  return measure(plain, bold) * size + ([...text].length - [...plain].length) * signWidths[size]!;
}

/** The metrics of Times that pdfkit brings. */
export async function timesMetrics(): Promise<Measure> {
  const { default: PDFDocument } = await import('pdfkit');
  const document = new PDFDocument();
  return (text, bold) => document.font(bold ? 'Times-Bold' : 'Times-Roman', 1000).widthOfString(text) / 1000;
}

/** A value, what stands small behind it, and whether it is not significantly worse than the best. */
interface Part {
  value: string;
  interval: string;
  near: boolean;
  best: boolean;
}

/** `0.649 [0.579, 0.719] †` taken apart; an interval whose value is its middle, to the last digit, becomes `±0.070`. */
function partOf({ text, best = false }: TableCell): Part {
  const near = text.endsWith(' †');
  const told = near ? text.slice(0, -2) : text;
  const found = /^(−?\d+\.(\d+)) (\[(−?[\d.]+), (−?[\d.]+)\])$/.exec(told);
  if (found === null) return { value: told, interval: '', near, best };
  const scale = 10 ** found[2]!.length;
  const [value, low, high] = [found[1]!, found[4]!, found[5]!].map((number) =>
    Math.round(Number(number.replace('−', '-')) * scale),
  ) as [number, number, number];
  const half = (high - low) / 2;
  // Three rounded numbers of a symmetric interval are at most one digit apart.
  const symmetric = Math.abs(high - value - (value - low)) <= 1;
  const digits = found[2]!.length;
  const interval = symmetric ? `±${(Math.ceil(half) / scale).toFixed(digits)}` : found[3]!;
  return { value: found[1]!, interval, near, best };
}

const latexOf = ({ value, interval, near, best }: Part): string => {
  const text = best ? `\\textbf{${escapeLatex(value)}}` : escapeLatex(value);
  return `${text}${near ? '$^{\\dagger}$' : ''}${interval === '' ? '' : `\\,{\\scriptsize ${escapeLatex(interval)}}`}`;
};

/** A table without the columns in front that say the same in all rows of a group: these stand above the group. */
interface Compact {
  columns: TableLayout['columns'];
  groups: { head: string; rows: Part[][] }[];
}

function compactOf({ columns, groups }: TableLayout): Compact {
  let lifted = 0;
  const same = (column: number) =>
    groups.every((rows) => rows.every((row) => row[column]!.text === rows[0]![column]!.text));
  if (groups.some((rows) => rows.length > 1))
    while (lifted < columns.length - 1 && !columns[lifted]!.numeric && same(lifted)) lifted += 1;
  return {
    columns: columns.slice(lifted),
    groups: groups.map((rows) => ({
      head: rows[0]!
        .slice(0, lifted)
        .map(({ text }) => text)
        .join(', '),
      rows: rows.map((row) => row.slice(lifted).map(partOf)),
    })),
  };
}

interface Sized {
  size: Size;
  separation: number;
  headers: string[][];
  width: number;
}

/** The table at a size: how its headers break, and how wide it is. */
function sized(table: Compact, size: Size, separation: number, measure: Measure): Sized {
  const of = ({ value, interval, near, best }: Part) =>
    widthAt(value, best, size.size, measure) +
    (near ? daggerWidth : 0) +
    (interval === '' ? 0 : size.size / 6 + widthAt(interval, false, size.small, measure));
  const bodies = table.columns.map((_, i) =>
    Math.max(0, ...table.groups.flatMap(({ rows }) => rows.map((row) => of(row[i]!)))),
  );
  const line = (text: string) => widthAt(text, false, size.size, measure);
  const headers = table.columns.map(({ header }, i) => wrapped(header, bodies[i]!, line));
  const columns = headers.map((lines, i) => Math.max(bodies[i]!, ...lines.map(line)));
  const body = columns.reduce((sum, column) => sum + column) + 2 * separation * (columns.length - 1);
  const heads = table.groups.map(({ head }) => line(head));
  return { size, separation, headers, width: Math.max(body, ...heads) };
}

/** The largest form that fits a width; null where none does. */
function fitting(table: Compact, most: number, venue: Venue, measure: Measure): Sized | null {
  for (const size of sizes[venue.size as 10 | 11])
    for (const separation of separations) {
      const form = sized(table, size, separation, measure);
      if (form.width <= most) return form;
    }
  return null;
}

const headerOf = (lines: readonly string[], numeric: boolean): string =>
  lines.length < 2
    ? escapeLatex(lines[0] ?? '')
    : `\\begin{tabular}[b]{@{}${numeric ? 'r' : 'l'}@{}}${lines.map(escapeLatex).join(' \\\\ ')}\\end{tabular}`;

function bodyOf(table: Compact, headers: readonly string[][]): string[] {
  const row = (cells: string[]) => `${cells.join(' & ')} \\\\`;
  const groups = table.groups.map(({ head, rows }) => [
    ...(head === '' ? [] : [`\\multicolumn{${table.columns.length}}{@{}l@{}}{\\textit{${escapeLatex(head)}}} \\\\`]),
    ...rows.map((cells) => row(cells.map(latexOf))),
  ]);
  return [
    `\\begin{tabular}{@{}${table.columns.map(({ numeric }) => (numeric ? 'r' : 'l')).join('')}@{}}`,
    '\\toprule',
    row(table.columns.map(({ numeric }, i) => headerOf(headers[i]!, numeric))),
    '\\midrule',
    groups.map((lines) => lines.join('\n')).join('\n\\midrule\n'),
    '\\bottomrule',
    '\\end{tabular}',
  ];
}

/** The caption with the marks as they stand here. */
function captionOf(table: Compact, caption: string): string {
  const parts = table.groups.flatMap(({ rows }) => rows.flat());
  const half = parts.some(({ interval }) => interval.startsWith('±')) ? ' ±: half the width of the interval.' : '';
  return escapeLatex(`${caption}${half}`);
}

/**
 * The table for a venue, which needs `\usepackage{booktabs}`: in one column where it fits, else over the page; then at smaller sizes. One that is
 * wider than the page even at the smallest is scaled (`\usepackage{graphicx}`), one that is taller is several tables, and `notices` says so.
 */
export function toVenueLatex(
  layout: TableLayout,
  name: string,
  about: Provenance,
  venueName: VenueName,
  measure: Measure,
  notices: string[],
): string {
  const venue: Venue = venues[venueName];
  const table = compactOf(layout);
  const inColumn = fitting(table, venue.column, venue, measure);
  const smallest = sizes[venue.size as 10 | 11].at(-1)!;
  const form =
    inColumn ?? fitting(table, venue.page, venue, measure) ?? sized(table, smallest, separations.at(-1)!, measure);
  const wide = form.width > venue.page;
  if (wide)
    notices.push(
      `${name}: ${Math.round(form.width)} pt wide at its smallest, ${Math.round(venue.page)} pt is the page of ${venueName}: it is scaled to fit`,
    );
  // A line is 1.2 times its size high.
  const most = Math.floor(tallest / (1.2 * form.size.size));
  const parts = partsOf(table, most - Math.max(...form.headers.map((lines) => lines.length)) - 1);
  if (parts.length > 1)
    notices.push(`${name}: taller than a page of ${venueName}: it is split into ${parts.length} tables`);
  const environment = inColumn !== null || venue.column === venue.page ? 'table' : 'table*';
  const oneOf = (part: Compact, index: number) => {
    const body = bodyOf(part, form.headers);
    const first = index === 0;
    const caption = first ? captionOf(table, about.caption) : `Table~\\ref{tab:${name}} continued`;
    return [
      `\\begin{${environment}}[t]`,
      '\\centering',
      `\\caption{${caption}${parts.length === 1 ? '' : ` (${index + 1} of ${parts.length})`}}`,
      `\\label{tab:${name}${first ? '' : `-${index + 1}`}}`,
      ...(form.size.name === '' ? [] : [form.size.name]),
      `\\setlength{\\tabcolsep}{${form.separation}pt}`,
      ...(wide ? ['\\resizebox{\\linewidth}{!}{%', ...body.slice(0, -1), `${body.at(-1)!}}`] : body),
      `\\end{${environment}}`,
    ];
  };
  return [
    `% ${about.command}`,
    `% sha256 of the data: ${about.dataSha256}`,
    `% ${venueName}: ${form.width.toFixed(0)} pt of ${(inColumn === null ? venue.page : venue.column).toFixed(0)} pt, measured in Times`,
    ...parts.flatMap(oneOf),
    '',
  ].join('\n');
}

/**
 * A table as several of at most so many lines each; heads of groups are lines, too. A group that fits no part whole is
 * split between rows, and its head stands above each piece.
 */
function partsOf({ columns, groups }: Compact, most: number): Compact[] {
  const linesOf = ({ head, rows }: Compact['groups'][number]) => rows.length + (head === '' ? 0 : 1);
  const pieces = groups.flatMap((group) => {
    const room = Math.max(1, most - (group.head === '' ? 0 : 1));
    return group.rows.length <= room
      ? [group]
      : Array.from({ length: Math.ceil(group.rows.length / room) }, (_, i) => ({
          head: group.head,
          rows: group.rows.slice(i * room, (i + 1) * room),
        }));
  });
  const parts: Compact['groups'][] = [];
  for (const piece of pieces) {
    const last = parts.at(-1);
    const filled = last?.reduce((sum, group) => sum + linesOf(group), 0) ?? most;
    if (last !== undefined && filled + linesOf(piece) <= most) last.push(piece);
    else parts.push([piece]);
  }
  return parts.map((part) => ({ columns, groups: part }));
}
