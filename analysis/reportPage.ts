/** The report as one HTML page: no script, no network, its font within. */
import { readFileSync } from 'node:fs';
import { fontFiles } from './render';
import { figureWidths, fontFamily } from './style';
import type { TableLayout } from './table';

export interface PageTable {
  name: string;
  title: string;
  caption: string;
  layout: TableLayout;
}
export interface Page {
  experiment: string;
  /** finished runs that count */
  runs: number;
  /** pairs of a heading and a text */
  about: [string, string][];
  figures: { name: string; title: string; caption: string; svg: string }[];
  tables: PageTable[];
  /** figures and tables for which runs are missing, one sentence each */
  missing: string[];
  settings: { shared: [string, string][]; varied: [string, string][] };
  provenance: [string, string][];
  runList: PageTable;
  notices: string[];
}

const escapeHtml = (text: string) =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');

/** An SVG for use inside a page: ids get the figure's name, since all figures share one document. */
function inlined(name: string, svg: string): string {
  return svg
    .slice(svg.indexOf('<svg'))
    .replace(/\bid="([^"]+)"/g, `id="${name}-$1"`)
    .replace(/url\(#([^)]+)\)/g, `url(#${name}-$1)`)
    .replace(/href="#([^"]+)"/g, `href="#${name}-$1"`);
}

function tableHtml({ name, title, caption, layout }: PageTable): string {
  const side = (column: number) => (layout.columns[column]?.numeric === true ? ' class="number"' : '');
  const cells = (row: TableLayout['groups'][number][number]) =>
    row
      .map(
        ({ text, best }, i) =>
          `<td${side(i)}>${best === true ? `<strong>${escapeHtml(text)}</strong>` : escapeHtml(text)}</td>`,
      )
      .join('');
  return `<section id="table-${name}"><h3>${escapeHtml(title)}</h3><div class="wide"><table><thead><tr>${layout.columns.map(({ header }, i) => `<th${side(i)}>${escapeHtml(header)}</th>`).join('')}</tr></thead>
${layout.groups.map((group) => `<tbody>${group.map((row) => `<tr>${cells(row)}</tr>`).join('\n')}</tbody>`).join('\n')}</table></div><p class="caption">${escapeHtml(caption)}</p></section>`;
}

const pairs = (rows: readonly [string, string][]) =>
  `<dl>${rows.map(([name, text]) => `<dt>${escapeHtml(name)}</dt><dd>${escapeHtml(text)}</dd>`).join('\n')}</dl>`;

/** Links to the parts of a section, where there are several. */
const contents = (parts: readonly [string, string][]) =>
  parts.length < 2
    ? ''
    : `<ul class="contents">${parts.map(([id, title]) => `<li><a href="#${id}">${escapeHtml(title)}</a></li>`).join('\n')}</ul>`;

const style = `
@font-face { font-family: "${fontFamily}"; src: url(data:font/ttf;base64,@font) format("truetype"); }
:root { color-scheme: light; }
body { font: 15px/1.5 "${fontFamily}", "DejaVu Sans", Verdana, sans-serif; color: #111; background: #fff; max-width: 75rem; margin: 0 auto; padding: 1.5rem; }
h1, h2, h3 { line-height: 1.25; margin: 2rem 0 .5rem; } h1 { margin-top: 0; }
nav a { margin-right: 1rem; } a { color: #0072b2; }
figure { margin: 1rem 0 2rem; } figure svg { max-width: 100%; height: auto; display: block; }
figure svg[width="${figureWidths.page}in"] { width: 60rem; } figure svg[width="${figureWidths.column}in"] { width: ${((60 * figureWidths.column) / figureWidths.page).toFixed(1)}rem; }
.contents { columns: 20rem; font-size: .87rem; padding-left: 1.2rem; } figcaption { margin-top: .4rem; }
dl, header p { max-width: 60rem; }
figcaption, .caption { color: #444; font-size: .87rem; max-width: 48rem; }
.wide { overflow-x: auto; } table { border-collapse: collapse; font-size: .87rem; border-top: 1.5px solid #111; border-bottom: 1.5px solid #111; }
th, td { padding: .15rem .6rem; text-align: left; white-space: nowrap; } th { border-bottom: 1px solid #111; font-weight: normal; } tbody + tbody { border-top: 1px solid #bbb; } .number { text-align: right; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .1rem 1rem; font-size: .87rem; } dt { color: #444; } dd { margin: 0; overflow-wrap: anywhere; }
@media (max-width: 40rem) { dl { grid-template-columns: 1fr; } dd { margin-bottom: .4rem; } }
details summary { cursor: pointer; }`;

/** The page as text; the same content gives the same bytes. */
export function reportPage(page: Page): string {
  const font = readFileSync(fontFiles.regular).toString('base64');
  const list = (texts: readonly string[]) =>
    texts.length === 0 ? '<p>None.</p>' : `<ul>${texts.map((text) => `<li>${escapeHtml(text)}</li>`).join('\n')}</ul>`;
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; font-src data:; img-src data:">
<title>${escapeHtml(page.experiment)} · Equipoise</title><style>${style.replace('@font', font)}</style></head><body>
<header><h1>${escapeHtml(page.experiment)}</h1><p>${page.runs} finished run${page.runs === 1 ? '' : 's'}. Made by <code>equipoise report ${escapeHtml(page.experiment)}</code>.</p>
<nav><a href="#figures">Figures</a><a href="#tables">Tables</a><a href="#settings">Settings</a><a href="#provenance">Provenance</a><a href="#runs">Runs</a></nav></header>
<main>${page.about.length === 0 ? '' : pairs(page.about)}
<h2 id="figures">Figures</h2>
${contents(page.figures.map(({ name, title }) => [`figure-${name}`, title]))}
${page.figures.map(({ name, title, caption, svg }) => `<figure id="figure-${name}"><h3>${escapeHtml(title)}</h3>${inlined(name, svg)}<figcaption>${escapeHtml(caption)}</figcaption></figure>`).join('\n')}
<h2 id="tables">Tables</h2>
${contents(page.tables.map(({ name, title }) => [`table-${name}`, title]))}
${page.tables.map(tableHtml).join('\n')}
${page.missing.length === 0 ? '' : `<h3>Without runs to show</h3>${list(page.missing)}`}
<h2 id="settings">Settings</h2>
<h3>That vary</h3>${page.settings.varied.length === 0 ? '<p>None.</p>' : pairs(page.settings.varied)}
<details><summary>Shared by all runs (${page.settings.shared.length})</summary>${pairs(page.settings.shared)}</details>
<h2 id="provenance">Provenance</h2>
${pairs(page.provenance)}
<h3>Notices</h3>${list(page.notices)}
<div id="runs">${tableHtml(page.runList)}</div>
</main></body></html>
`;
}
