/** What the claims say of an experiment, and its runs beside the committed ones: a section of the report. */
import type { Journals } from './aggregate';
import { readClaims } from './claims/claim';
import { claimsTable, countText, reasonLines } from './claims/claimsTable';
import { evaluateClaims } from './claims/evaluate';
import { allClaims } from './claims/referenceFile';
import { compareRerun, noisePathOf } from './claims/rerun';
import { cellsTable, comparedClaimsTable, sumText } from './claims/rerunTable';
import { unpackedRuns } from './keep';
import { listHtml, proseHtml, tableElement, wideBox, type PageTable } from './reportHtml';

/** A heading with sentences, tables and a list of reasons. */
export interface ClaimsPart {
  title: string;
  sum: string;
  tables: PageTable[];
  reasons: string[];
}

/** Whether there is a table, with a row. */
export const isFull = (each: PageTable | null): each is PageTable => each !== null && each.layout.groups.length > 0;

/**
 * The verdicts of `equipoise claims` on an experiment's runs. Claims that need other runs are only counted: that is the
 * case of most.
 * @param own whether the committed verdicts stand beside them
 */
async function verdicts(journals: Journals, own: boolean): Promise<ClaimsPart> {
  const files = readClaims();
  const all = await evaluateClaims(allClaims(files), () => [journals]);
  const told = all.filter(({ verdict }) => verdict !== 'not evaluable');
  const others = all.length - told.length;
  return {
    title: 'Verdicts',
    sum: [
      told.length === 0
        ? 'No claim of `claims/` is about these runs.'
        : `${told.length} claim${told.length === 1 ? '' : 's'}: ${countText(told)}.`,
      ...(others === 0
        ? []
        : [`${others} more need other runs; \`equipoise claims ${journals.experiment}\` says which.`]),
    ].join(' '),
    tables: [claimsTable(files, told, { statements: true, reference: own })].filter(isFull),
    reasons: reasonLines(told),
  };
}

/** The runs of a folder against those of `committed`, as `equipoise reproduce` ends. */
export async function besideCommitted(folder: string, committed: string): Promise<ClaimsPart> {
  const claims = allClaims(readClaims());
  const rerun = await compareRerun(await unpackedRuns(folder), committed, noisePathOf(committed), claims);
  return {
    title: 'Committed against yours',
    sum: sumText(rerun),
    tables: [cellsTable(rerun), comparedClaimsTable(rerun)].filter(isFull),
    reasons: [],
  };
}

/** The parts of the section; `committed`: the folder of committed runs, absent for one of these and where there are none. */
export async function claimsParts(
  journals: Journals,
  folder: string,
  committed: string | undefined,
): Promise<ClaimsPart[]> {
  const said = await verdicts(journals, committed !== undefined);
  return committed === undefined ? [said] : [said, await besideCommitted(folder, committed)];
}

/** The section as HTML, without its heading. */
export const claimsHtml = (parts: readonly ClaimsPart[]): string =>
  parts
    .map(
      ({ title, sum, tables, reasons }) =>
        `<h3>${title}</h3><p>${proseHtml(sum)}</p>${tables
          .map(
            (table) =>
              `<section id="table-${table.name}">${wideBox(`Table: ${table.title}`, tableElement(table.layout))}<p class="caption">${proseHtml(table.caption)}</p></section>`,
          )
          .join('\n')}${reasons.length === 0 ? '' : listHtml(reasons)}`,
    )
    .join('\n');
