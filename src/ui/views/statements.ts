/** The views *Claims* and *Figures*: what the analysis states of an experiment, by its own code. */
import { existsSync } from 'node:fs';
import { readClaims } from '../../../analysis/claims/claim';
import { claimsTable, countText, reasonLines } from '../../../analysis/claims/claimsTable';
import { evaluateClaims } from '../../../analysis/claims/evaluate';
import { allClaims } from '../../../analysis/claims/referenceFile';
import { compareRerun, noisePathOf } from '../../../analysis/claims/rerun';
import { cellsTable, comparedClaimsTable, sumText } from '../../../analysis/claims/rerunTable';
import type { Journals } from '../../../analysis/aggregate';
import { figures } from '../../../analysis/figures/registry';
import { figureFiles, rounded, tableFiles, type MadeFile } from '../../../analysis/files';
import type { PageTable } from '../../../analysis/reportHtml';
import { tables } from '../../../analysis/tables/registry';
import { NotListed, type ExperimentPlace, type Library } from '../library';

const full = (each: PageTable | null): each is PageTable => each !== null && each.layout.groups.length > 0;

/** Verdicts of the claims on this experiment's runs. */
export async function claimsView(library: Library, place: ExperimentPlace) {
  const files = readClaims();
  const journals = await library.journals(place);
  const evaluations = await evaluateClaims(allClaims(files), () => [journals]);
  return {
    experiment: place.key,
    own: place.own,
    count: countText(evaluations),
    tables: [claimsTable(files, evaluations, { statements: true, reference: place.own })].filter(full),
    reasons: reasonLines(evaluations),
  };
}

/** One's own runs beside the committed ones, as `equipoise reproduce` ends; it reads all of these, and takes longer. */
export async function rerunView(library: Library, place: ExperimentPlace) {
  const { committed } = library.options;
  if (!place.own || !existsSync(committed)) return null;
  const folder = await library.folder(place);
  const rerun = await compareRerun(folder, committed, noisePathOf(committed), allClaims(readClaims()));
  return { sum: sumText(rerun), tables: [cellsTable(rerun), comparedClaimsTable(rerun)].filter(full) };
}

/** Figures and tables that the runs allow, and what the others need. */
export async function figuresView(library: Library, place: ExperimentPlace) {
  const journals = await library.journals(place);
  const found: { name: string; title: string; caption: string }[] = [];
  const stated: {
    name: string;
    title: string;
    caption: string;
    layout: ReturnType<(typeof tables)[number]['layout']>;
  }[] = [];
  const missing: string[] = [];
  for (const figure of figures) {
    const rows = rounded(await figure.select(journals));
    if (rows.length === 0) missing.push(`${figure.title}: needs ${figure.needs}`);
    else found.push({ name: figure.name, title: figure.title, caption: figure.caption(rows) });
  }
  for (const table of tables) {
    const rows = rounded(await table.select(journals));
    if (rows.length === 0) missing.push(`${table.title}: needs ${table.needs}`);
    else
      stated.push({ name: table.name, title: table.title, caption: table.caption(rows), layout: table.layout(rows) });
  }
  return {
    experiment: place.key,
    runs: journals.runs.length,
    figures: found,
    tables: stated,
    missing,
    notices: [...journals.notices, ...journals.ignored.map(({ id, reason }) => `${id} does not count: ${reason}`)],
  };
}

/** Content types of what a figure or a table is made into, by ending. */
export const drawnTypes: Readonly<Record<string, string>> = {
  svg: 'image/svg+xml',
  pdf: 'application/pdf',
  png: 'image/png',
  'vl.json': 'application/json',
  csv: 'text/csv; charset=utf-8',
  md: 'text/markdown; charset=utf-8',
  tex: 'application/x-tex; charset=utf-8',
};

/** What was drawn from journals, as long as these are kept. */
const drawn = new WeakMap<Journals, Map<string, Promise<MadeFile[]>>>();

/** One file of a figure or table. Throws NotListed. */
export async function drawnFile(library: Library, place: ExperimentPlace, name: string, ending: string) {
  const journals = await library.journals(place);
  const known = drawn.get(journals) ?? new Map<string, Promise<MadeFile[]>>();
  drawn.set(journals, known);
  const files = known.get(name) ?? makeFiles(journals, name);
  known.set(name, files);
  const content = (await files).find(([kind]) => kind === ending)?.[1];
  const type = drawnTypes[ending];
  if (content === undefined || type === undefined) throw new NotListed('there is no such figure or table');
  return { content, type };
}

async function makeFiles(journals: Journals, name: string): Promise<MadeFile[]> {
  const figure = figures.find((each) => each.name === name);
  const table = tables.find((each) => each.name === name);
  const select = figure ?? table;
  if (select === undefined) return [];
  const rows = rounded(await select.select(journals));
  if (rows.length === 0) return [];
  return figure !== undefined ? figureFiles(figure, journals, rows, []) : tableFiles(table!, journals, rows);
}
