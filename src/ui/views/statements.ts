/** The views *Claims* and *Figures*: what the analysis states of an experiment, by its own code. */
import { existsSync } from 'node:fs';
import { readClaims } from '../../../analysis/claims/claim';
import { claimsTable, countText, reasonLines } from '../../../analysis/claims/claimsTable';
import { evaluateFolder } from '../../../analysis/claims/sources';
import { allClaims } from '../../../analysis/claims/referenceFile';
import type { Journals } from '../../../analysis/aggregate';
import { figures } from '../../../analysis/figures/registry';
import type { DataRow } from '../../../analysis/database';
import { figureDrawing, figureFiles, rounded, tableFiles, type MadeFile } from '../../../analysis/files';
import { besideCommitted, isFull } from '../../../analysis/reportClaims';
import { tables } from '../../../analysis/tables/registry';
import { NotListed, type ExperimentPlace, type Library } from '../library';

/** Verdicts of the claims on this experiment's runs. */
export async function claimsView(library: Library, place: ExperimentPlace) {
  const files = readClaims();
  const evaluations = await library.whileSame(place, 'claims', () => evaluateFolder(allClaims(files), place.folder));
  return {
    experiment: place.key,
    own: place.own,
    count: countText(evaluations),
    tables: [claimsTable(files, evaluations, { statements: true, reference: place.own })].filter(isFull),
    reasons: reasonLines(evaluations),
  };
}

/** One's own runs beside the committed ones, as `equipoise reproduce` ends; it reads all of these, and takes longer. */
export async function rerunView(library: Library, place: ExperimentPlace) {
  const { committed } = library.options;
  if (!place.own || !existsSync(committed)) return null;
  const { sum, tables: beside } = await besideCommitted(await library.folder(place), committed);
  return { sum, tables: beside };
}

/** Every figure and table by name, in the order of the page; what each shows is a question of its own, since many take long. */
export async function figuresView(library: Library, place: ExperimentPlace) {
  const journals = await library.journals(place);
  return {
    experiment: place.key,
    runs: journals.runs.length,
    names: [...figures, ...tables].map(({ name }) => name),
    notices: [...journals.notices, ...journals.ignored.map(({ id, reason }) => `${id} does not count: ${reason}`)],
  };
}

/** What the runs allow of one figure or table: its caption and, of a table, its cells; or what it needs. Throws NotListed. */
export async function figureView(library: Library, place: ExperimentPlace, name: string) {
  const journals = await library.journals(place);
  const { figure, table } = named(name);
  const { title, needs } = (figure ?? table)!;
  const rows = await rowsOf(journals, name);
  if (rows.length === 0) return { name, title, missing: `${title}: needs ${needs}`, caption: '', layout: null };
  const caption = (figure ?? table)!.caption(rows);
  return { name, title, missing: null, caption, layout: table?.layout(rows) ?? null };
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

/** A figure or a table of that name. Throws NotListed. */
function named(name: string) {
  const figure = figures.find((each) => each.name === name);
  const table = tables.find((each) => each.name === name);
  if (figure === undefined && table === undefined) throw new NotListed('there is no such figure or table');
  return { figure, table };
}

/** What was made of journals, by name, as long as these are kept. */
const kept = new WeakMap<Journals, Map<string, Promise<unknown>>>();

function once<T>(journals: Journals, name: string, make: () => Promise<T>): Promise<T> {
  const known = kept.get(journals) ?? new Map<string, Promise<unknown>>();
  kept.set(journals, known);
  const made = (known.get(name) as Promise<T> | undefined) ?? make();
  known.set(name, made);
  return made;
}

/** The rows of a figure or table. Throws NotListed. */
const rowsOf = (journals: Journals, name: string): Promise<DataRow[]> =>
  once(journals, name, async () => {
    const { figure, table } = named(name);
    return rounded(await (figure ?? table)!.select(journals));
  });

/** One file of a figure or table. Throws NotListed. */
export async function drawnFile(library: Library, place: ExperimentPlace, name: string, ending: string) {
  const journals = await library.journals(place);
  const type = drawnTypes[ending];
  const files = type === undefined ? [] : await filesOf(journals, name, ending);
  const content = files.find(([kind]) => kind === ending)?.[1];
  if (content === undefined || type === undefined) throw new NotListed('there is no such figure or table');
  return { content, type };
}

/** The files of a figure or table; of a figure to be looked at the drawing alone, which takes half of the time. */
async function filesOf(journals: Journals, name: string, ending: string): Promise<MadeFile[]> {
  const { figure, table } = named(name);
  const rows = await rowsOf(journals, name);
  if (rows.length === 0) return [];
  if (table !== undefined) return tableFiles(table, journals, rows);
  return ending === 'svg'
    ? once(journals, `${name} drawn`, async () => [['svg', (await figureDrawing(figure!, journals, rows, [])).svg]])
    : once(journals, `${name} files`, () => figureFiles(figure!, journals, rows, []));
}
