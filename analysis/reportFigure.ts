/** A figure on the report: the drawing, its caption, and its numbers for whoever does not see it. */
import type { DataRow } from './database';
import { escapeHtml, proseHtml, tableElement, wideBox } from './reportHtml';
import type { FigureWidth } from './style';

/** A drawn figure; `csv` holds all its rows. */
export interface PageFigure {
  name: string;
  title: string;
  caption: string;
  width: FigureWidth;
  svg: string;
  csv: string;
  rows: readonly DataRow[];
}

/**
 * An SVG for use inside a page: ids get the figure's name, since all figures share one document, and it is one picture
 * with a name: Vega's roles of its parts are left out.
 */
function inlined(name: string, svg: string): string {
  return svg
    .slice(svg.indexOf('<svg'))
    .replace(/ (?:role|aria-[a-z]+)="[^"]*"/g, '')
    .replace(/\bid="([^"]+)"/g, `id="${name}-$1"`)
    .replace(/url\(#([^)]+)\)/g, `url(#${name}-$1)`)
    .replace(/href="#([^"]+)"/g, `href="#${name}-$1"`)
    .replace('<svg', `<svg role="img" aria-labelledby="title-${name}" aria-describedby="caption-${name}"`)
    .replace(/<title>.*?<\/title><desc>.*?<\/desc>/s, '');
}

/** Rows beyond which a table shows only some steps. */
const mostRows = 120;
/** Steps that stand for a curve. */
const steps = 5;

/** The rows to read out: all, or those of a few steps over the run; none where neither is few. */
function readable(rows: readonly DataRow[]): { rows: readonly DataRow[]; which: string } {
  if (rows.length <= mostRows) return { rows, which: `all ${rows.length} rows` };
  const known = [...new Set(rows.flatMap(({ step }) => (typeof step === 'number' ? [step] : [])))].sort(
    (a, b) => a - b,
  );
  const at = new Set(
    Array.from({ length: steps }, (_, i) => known[Math.round((i * (known.length - 1)) / (steps - 1))]),
  );
  const found = rows.filter(({ step }) => typeof step === 'number' && at.has(step));
  return found.length === 0 || found.length > 4 * mostRows
    ? { rows: [], which: '' }
    : { rows: found, which: `at steps ${[...at].join(', ')}` };
}

/** A number to four digits, a dash for none. */
const valueText = (value: DataRow[string]): string =>
  value === null
    ? '–'
    : typeof value === 'number'
      ? String(Number(value.toPrecision(4))).replace('-', '−')
      : String(value);

/** The figure's numbers: a table where they are few, and all of them as a file. */
function numbersHtml({ name, title, csv, rows }: PageFigure): string {
  const names = Object.keys(rows[0] ?? {});
  const { rows: some, which } = readable(rows);
  const numeric = (column: string) => rows.every((row) => typeof row[column] !== 'string');
  const table = tableElement({
    columns: names.map((header) => ({ header, numeric: numeric(header) })),
    groups: [some.map((row) => names.map((column) => ({ text: valueText(row[column] ?? null) })))],
  });
  // Whole characters only: encodeURI throws at half of one.
  const text = Buffer.from(csv).toString();
  const file = `<a download="${name}.csv" href="data:text/csv;charset=utf-8,${escapeHtml(encodeURI(text)).replaceAll('#', '%23')}">${name}.csv</a>`;
  const all = `All ${rows.length} rows: ${file}`;
  return some.length === 0
    ? `<p class="caption">${all}</p>`
    : `<details><summary>Numbers, ${which}</summary>${wideBox(`Numbers: ${title}`, table)}<p class="caption">${all}</p></details>`;
}

/** The figure as HTML. */
export function figureHtml(figure: PageFigure): string {
  const { name, title, caption, width, svg } = figure;
  return `<figure id="figure-${name}"><h3 id="title-${name}">${escapeHtml(title)}</h3>${wideBox(`Figure: ${title}`, inlined(name, svg), `drawing ${width}`)}<figcaption id="caption-${name}">${proseHtml(caption)}</figcaption>${numbersHtml(figure)}</figure>`;
}
