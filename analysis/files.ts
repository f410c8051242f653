/** The files of a figure or table: picture, specification, data. */
import { sha256 } from '../src/files';
import type { Journals } from './aggregate';
import type { DataRow } from './database';
import type { FigureDefinition } from './figure';
import { lookOf, overColumns, type Look, type Print } from './look';
import type { Spec } from './style';
import type { Provenance } from './provenance';
import { renderFigure, renderSvg } from './render';
import { timesMetrics, toVenueLatex, type VenueName } from './venue';
import { escapeLatex, toLatex, toMarkdown, type TableDefinition } from './table';

/** Six significant digits: beyond what any figure shows. */
export function rounded(rows: DataRow[]): DataRow[] {
  return rows.map((row) =>
    Object.fromEntries(
      Object.entries(row).map(([name, value]) => [
        name,
        typeof value === 'number' ? Number(value.toPrecision(6)) : value,
      ]),
    ),
  );
}

/** Comma-separated values with a header line; nothing between the commas for null. */
async function toCsv(rows: DataRow[]): Promise<string> {
  const { stringify } = await import('csv-stringify/sync');
  return stringify(rows, { header: true, columns: Object.keys(rows[0] ?? {}) });
}

/** A specification as JSON with one line for each row of its data. */
function specText(spec: Spec, rows: DataRow[]): string {
  const lines = rows.map((row) => JSON.stringify(row)).join(',\n');
  return `${JSON.stringify({ ...spec, data: { name: 'table', values: '@rows' } }, null, 1).replace('"@rows"', () => `[\n${lines}\n]`)}\n`;
}

/** A file of a figure or table: its extension and content. */
export type MadeFile = [extension: string, content: string | Uint8Array];

/** A figure without its drawing: data, caption and specification. */
interface FigureText {
  data: string;
  about: Provenance;
  spec: Spec;
}

async function figureText(
  figure: FigureDefinition,
  journals: Journals,
  rows: DataRow[],
  { room }: Look,
  told = '',
): Promise<FigureText> {
  const data = await toCsv(rows);
  const caption = figure.caption(rows);
  const about = {
    title: figure.title,
    caption,
    dataSha256: sha256(data),
    command: `equipoise figures ${journals.experiment} --only ${figure.name}${told}`,
  };
  const spec = {
    $schema: 'https://vega.github.io/schema/vega-lite/v6.json',
    description: caption,
    usermeta: { figure: figure.name, experiment: journals.experiment, runs: journals.runs.length, ...about },
    data: { name: 'table', values: rows },
    ...figure.build(rows, room),
  };
  return { data, about, spec };
}

const warned = (figure: FigureDefinition, warnings: readonly string[]) =>
  [...new Set(warnings)].map((warning) => `${figure.name}: ${warning}`);

/** What a page shows of a figure: its drawing, caption and data as CSV; complaints are added to `notices`. */
export async function figureDrawing(
  figure: FigureDefinition,
  journals: Journals,
  rows: DataRow[],
  notices: string[],
): Promise<{ svg: string; csv: string; caption: string }> {
  const look = await lookOf(figure.width);
  const { data, about, spec } = await figureText(figure, journals, rows, look);
  const { svg, warnings } = await renderSvg(spec, look, about);
  notices.push(...warned(figure, warnings));
  return { svg, csv: data, caption: about.caption };
}

/** All files of a figure from its rows, with `snippet` also its LaTeX; what the drawing complained about is added to `notices`. */
export async function figureFiles(
  figure: FigureDefinition,
  journals: Journals,
  rows: DataRow[],
  notices: string[],
  { snippets = false, print = {} }: { snippets?: boolean; print?: Print } = {},
): Promise<MadeFile[]> {
  const look = await lookOf(figure.width, print);
  const { data, about, spec } = await figureText(figure, journals, rows, look, print.told);
  const drawn = await renderFigure(spec, look, about);
  notices.push(...warned(figure, drawn.warnings));
  return [
    ['svg', drawn.svg],
    ['pdf', drawn.pdf],
    ['png', drawn.png],
    ['vl.json', specText(drawn.spec, rows)],
    ['csv', data],
    ...(snippets ? [['tex', figureLatex(figure, journals.experiment, about, print)] satisfies MadeFile] : []),
  ];
}

/**
 * A figure to be read by `\\input` beside its PDF; the document needs `\\usepackage{graphicx}`. One that was drawn at the
 * width of the paper is not scaled.
 */
function figureLatex(
  { name, width }: FigureDefinition,
  experiment: string,
  about: Provenance,
  { width: print }: Print,
): string {
  const environment = overColumns(width, print) ? 'figure*' : 'figure';
  return [
    `% ${about.command}`,
    `% sha256 of the data: ${about.dataSha256}`,
    `\\begin{${environment}}[t]`,
    '\\centering',
    `\\includegraphics${print === undefined ? '[width=\\linewidth]' : ''}{${name}.pdf}`,
    `\\caption{${escapeLatex(about.caption)}}`,
    `\\label{fig:${experiment}-${name}}`,
    `\\end{${environment}}`,
    '',
  ].join('\n');
}

/** All files of a table from its rows; its LaTeX for `venue` where one is named. */
export async function tableFiles(
  table: TableDefinition,
  journals: Journals,
  rows: DataRow[],
  notices: string[] = [],
  venue?: VenueName,
): Promise<MadeFile[]> {
  const data = await toCsv(rows);
  const about = {
    title: table.title,
    caption: table.caption(rows),
    dataSha256: sha256(data),
    command: `equipoise tables ${journals.experiment} --only ${table.name}${venue === undefined ? '' : ` --venue ${venue}`}`,
  };
  const layout = table.layout(rows);
  const name = `${journals.experiment}-${table.name}`;
  return [
    ['csv', data],
    ['md', toMarkdown(layout, about)],
    [
      'tex',
      venue === undefined
        ? toLatex(layout, name, about)
        : toVenueLatex(layout, name, about, venue, await timesMetrics(), notices),
    ],
  ];
}
