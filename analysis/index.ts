/** Figures and tables of an experiment, from its journals to files. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { writeWhole } from '../src/files';
import { nearestName } from '../src/nearest';
import { userError } from '../src/problems';
import { openJournals, type Journals } from './aggregate';
import type { DataRow } from './database';
import type { FigureDefinition } from './figure';
import { figures } from './figures/registry';
import { figureFiles, rounded, tableFiles, type MadeFile } from './files';
import type { Print } from './look';
import type { IgnoredRun } from './runs';
import type { TableDefinition } from './table';
import { tables } from './tables/registry';
import type { VenueName } from './venue';

export type { IgnoredRun } from './runs';

export interface MakeOptions {
  /** names of figures or tables; all without it */
  only?: string[];
  /** ids of the runs that count; all finished ones without it */
  runs?: string[];
  /** figures also as LaTeX to be read into a document: picture, caption and label */
  snippets?: boolean;
  /** width, font and outlines of figures for a paper */
  print?: Print;
  /** venue whose column the LaTeX of tables fits */
  venue?: VenueName;
}

interface Made {
  /** files, in order of making */
  written: string[];
  /** runs that do not count, with reasons */
  ignoredRuns: IgnoredRun[];
  /** finished runs that count */
  runs: number;
  /** oddities of journals and drawings that a reader must know */
  notices: string[];
}
export interface MadeFigures extends Made {
  skipped: { figure: string; reason: string }[];
}
export interface MadeTables extends Made {
  skipped: { table: string; reason: string }[];
}

/** Names of all figures and of all tables, in the order in which they are made. */
export const figureNames = figures.map((figure) => figure.name);
export const tableNames = tables.map((table) => table.name);

function chosen<Definition extends { name: string }>(
  all: readonly Definition[],
  only: readonly string[] | undefined,
  what: string,
): Definition[] {
  const names = all.map((each) => each.name);
  for (const name of only ?? []) {
    if (names.includes(name)) continue;
    const nearest = nearestName(name, names);
    throw userError({
      where: '--only',
      what: `there is no ${what} "${name}"`,
      expected: names.join(', '),
      ...(nearest === undefined ? {} : { hint: `did you mean ${nearest}?` }),
    });
  }
  return all.filter((each) => only === undefined || only.length === 0 || only.includes(each.name));
}

/** Makes each of `definitions` that has data, and lists those that have none. */
async function makeAll<Definition extends FigureDefinition | TableDefinition>(
  definitions: Definition[],
  folder: string,
  out: string,
  options: MakeOptions,
  files: (definition: Definition, journals: Journals, rows: DataRow[], notices: string[]) => Promise<MadeFile[]>,
): Promise<Made & { skipped: { name: string; reason: string }[] }> {
  const named = options.runs === undefined ? undefined : new Set(options.runs);
  const journals = await openJournals(folder, named && (({ id }) => named.has(id)));
  const made = {
    written: [] as string[],
    skipped: [] as { name: string; reason: string }[],
    ignoredRuns: journals.ignored,
    runs: journals.runs.length,
    notices: [...journals.notices],
  };
  try {
    for (const definition of definitions) {
      const path = (extension: string) => join(out, `${definition.name}.${extension}`);
      const rows = rounded(await definition.select(journals));
      if (rows.length === 0) {
        const old = existsSync(path('csv')) ? '; its files from an earlier time are still there' : '';
        made.skipped.push({ name: definition.name, reason: `needs ${definition.needs}${old}` });
        continue;
      }
      for (const [extension, content] of await files(definition, journals, rows, made.notices)) {
        writeWhole(path(extension), content);
        made.written.push(path(extension));
      }
    }
  } finally {
    journals.close();
  }
  return made;
}

/**
 * Makes the figures of one experiment: for each an SVG, PDF, PNG, its Vega-Lite specification and its data as CSV.
 * A figure without data is skipped with a reason. `experimentFolder` is results/<experiment>.
 * Throws a UserError when the folder is not there or a name is unknown.
 */
export async function makeFigures(
  experimentFolder: string,
  outFolder: string,
  options: MakeOptions = {},
): Promise<MadeFigures> {
  const { skipped, ...made } = await makeAll(
    chosen(figures, options.only, 'figure'),
    experimentFolder,
    outFolder,
    options,
    (figure, journals, rows, notices) => figureFiles(figure, journals, rows, notices, options),
  );
  return { ...made, skipped: skipped.map(({ name, reason }) => ({ figure: name, reason })) };
}

/** Makes the tables of one experiment: for each its data as CSV, Markdown and LaTeX. Otherwise like makeFigures. */
export async function makeTables(
  experimentFolder: string,
  outFolder: string,
  options: MakeOptions = {},
): Promise<MadeTables> {
  const { skipped, ...made } = await makeAll(
    chosen(tables, options.only, 'table'),
    experimentFolder,
    outFolder,
    options,
    (table, journals, rows, notices) => tableFiles(table, journals, rows, notices, options.venue),
  );
  return { ...made, skipped: skipped.map(({ name, reason }) => ({ table: name, reason })) };
}
