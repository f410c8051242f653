/** The report as one HTML page: no network, its font and its one small script within. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { projectRoot } from '../src/files';
import { houseFont } from './fonts';
import { claimsHtml, type ClaimsPart } from './reportClaims';
import { figureHtml, type PageFigure } from './reportFigure';
import { escapeHtml, listHtml, pairsHtml, proseHtml, tableElement, wideBox, type PageTable } from './reportHtml';
import { runsHtml, type CellLink } from './reportRuns';
import { fontFamily } from './style';
import type { TableLayout } from './table';

export interface Page {
  experiment: string;
  /** finished runs that count */
  runs: number;
  /** pairs of a heading and a text */
  about: [string, string][];
  figures: PageFigure[];
  tables: PageTable[];
  /** figures and tables for which runs are missing, one sentence each */
  missing: string[];
  claims: ClaimsPart[];
  settings: { shared: [string, string][]; varied: [string, string][] };
  provenance: [string, string][];
  runList: TableLayout;
  /** from a table's rows to their runs */
  runLinks: (layout: TableLayout) => CellLink;
  notices: string[];
  /** where a run that a notice names stands on the page */
  runPlace: (id: string) => string | undefined;
}

/** A file of the page, from the folder where the pages of this project lie. */
const pageFile = (name: string) => `\n${readFileSync(join(projectRoot, 'ui', 'report', name), 'utf8')}`;

/** Links to the parts of the page, those of each section below it. */
function contentsHtml({ figures, tables }: Page): string {
  const link = (id: string, title: string) => `<a href="#${id}">${escapeHtml(title)}</a>`;
  const parts = (kind: string, listed: readonly { name: string; title: string }[]) =>
    listed.length === 0
      ? ''
      : `<details open><summary>${listed.length} ${kind}${listed.length === 1 ? '' : 's'}</summary><ul>${listed.map(({ name, title }) => `<li>${link(`${kind}-${name}`, title)}</li>`).join('')}</ul></details>`;
  return `<nav id="contents" aria-label="Contents"><ul>
<li>${link('figures', 'Figures')}${parts('figure', figures)}</li>
<li>${link('tables', 'Tables')}${parts('table', tables)}</li>
<li>${link('claims', 'Claims')}</li>
<li>${link('settings', 'Settings')}</li>
<li>${link('provenance', 'Provenance')}</li>
<li>${link('runs', 'Runs')}</li>
</ul></nav>`;
}

const tableHtml = ({ name, title, caption, layout }: PageTable, link: CellLink) =>
  `<section id="table-${name}"><h3>${escapeHtml(title)}</h3>${wideBox(`Table: ${title}`, tableElement(layout, undefined, link))}<p class="caption">${proseHtml(caption)}</p></section>`;

/** What the page shows, section by section. */
function sectionsHtml(page: Page): string {
  const { settings, runPlace } = page;
  return `${page.about.length === 0 ? '' : pairsHtml(page.about)}
<h2 id="figures">Figures</h2>
${page.figures.map(figureHtml).join('\n')}
<h2 id="tables">Tables</h2>
${page.tables.map((table) => tableHtml(table, page.runLinks(table.layout))).join('\n')}
${page.missing.length === 0 ? '' : `<h3>Not shown</h3>${listHtml(page.missing)}`}
<h2 id="claims">Claims</h2>
${claimsHtml(page.claims)}
<h2 id="settings">Settings</h2>
<h3>That vary</h3>${settings.varied.length === 0 ? '<p>None.</p>' : pairsHtml(settings.varied)}
<details><summary>Shared by all runs (${settings.shared.length})</summary>${pairsHtml(settings.shared)}</details>
<h2 id="provenance">Provenance</h2>
${pairsHtml(page.provenance)}
<h3>Notices</h3>${page.notices.length === 0 ? '<p>None.</p>' : listHtml(page.notices, runPlace)}
${runsHtml(page.runList)}`;
}

/** The page as text; the same content gives the same bytes. */
export function reportPage(page: Page): string {
  const font = `@font-face { font-family: "${fontFamily}"; src: url(data:font/ttf;base64,${readFileSync(houseFont.regular).toString('base64')}) format("truetype"); }`;
  const script = pageFile('runs.mjs');
  // Drawings have styles of their own in attributes, which only 'unsafe-inline' allows; scripts are named by their hash.
  const policy = [
    "default-src 'none'",
    `script-src 'sha256-${createHash('sha256').update(script).digest('base64')}'`,
    "style-src 'unsafe-inline'",
    'font-src data:',
    'img-src data:',
    "base-uri 'none'",
    "form-action 'none'",
  ].join('; ');
  const name = escapeHtml(page.experiment);
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<title>${name} · Equipoise</title><style>${font}${pageFile('style.css')}</style></head><body>
<a class="skip" href="#main">Skip to the content</a>
<header><h1>${name}</h1><p>${page.runs} finished run${page.runs === 1 ? '' : 's'}. Made by <code>equipoise report ${name}</code>.</p></header>
${contentsHtml(page)}
<main id="main">${sectionsHtml(page)}</main>
<a class="to-contents" href="#contents">Contents</a>
<script type="module">${script}</script></body></html>
`;
}
