/** `equipoise claims`: what runs say of every claim in claims/. */
import { existsSync } from 'node:fs';
import { basename, join, relative } from 'node:path';
import { readClaims } from '../../analysis/claims/claim';
import { claimsTable, countText, hasTurned, reasonLines } from '../../analysis/claims/claimsTable';
import type { Evaluation } from '../../analysis/claims/evaluate';
import { allClaims } from '../../analysis/claims/referenceFile';
import { evaluateFolder, evaluateNamed, folderBelow } from '../../analysis/claims/sources';
import { toMarkdown } from '../../analysis/table';
import { sha256, writeWhole } from '../files';
import { printable } from '../printable';
import { exitCode, userError } from '../problems';
import { committedRuns, listExperiments, resultsFolder } from '../runner/folders';
import { committedFolders, experimentFolders, figuresFolder, type PlaceOptions } from './analysis';
import type { Define } from './command';
import { layoutText, say, sayJson } from './text';

interface ClaimsOptions extends PlaceOptions {
  all?: boolean;
  json?: boolean;
  strict?: boolean;
}

const help = `
Without an experiment each claim is held against the experiments that it names; with one, against that one alone.
Nothing is trained: what runs a claim lacks is said.

Examples:
  equipoise claims --reference
  equipoise claims quickstart
  equipoise claims quickstart --strict --json`;

/** Adds `claims [experiment]`. Exit code 1 with --strict when a verdict is the opposite of the committed one. */
export const define: Define = (command) => {
  command
    .option('--reference', 'from the committed runs of results/reference alone')
    .option('--out <folder>', 'write claims.md below this folder instead of figures')
    .option('--all', 'say also what claims need of which there is no run at all')
    .option('--strict', 'fail when a claim that the committed runs support is contradicted, or the other way round')
    .option('--json', 'print JSON')
    .addHelpText('after', help)
    .action(tellClaims);
};

/** Evaluates the claims and tells the outcome. Throws UserError for claims that are not well-formed, or no results. */
async function tellClaims(experiment: string | undefined, options: ClaimsOptions): Promise<void> {
  const files = readClaims();
  const claims = allClaims(files);
  const folder = folderOf(experiment, options.reference === true);
  const evaluations =
    folder === undefined
      ? await evaluateNamed(claims, folderBelow(options.reference === true ? committedRuns : resultsFolder()))
      : await evaluateFolder(claims, folder);
  const turned = evaluations.filter(hasTurned);
  if (options.strict === true && turned.length > 0) process.exitCode = exitCode.failed;
  if (options.json === true) return sayJson('claims', { claims: evaluations });
  const beside = options.reference !== true;
  const table = claimsTable(files, evaluations, { statements: false, reference: beside });
  if (table.layout.groups.length > 0) say(`${layoutText(table.layout)}\n* supported`);
  for (const line of reasonLines(evaluations, options.all)) say(`  ${printable(line)}`);
  say(`${evaluations.length} claims: ${countText(evaluations)}`);
  if (turned.length > 0) say(`turned against the committed runs: ${turned.map(({ claim }) => claim.id).join(', ')}`);
  // The committed figures of one experiment hold nothing but what is drawn from it.
  if (options.reference === true && experiment !== undefined && options.out === undefined) return;
  const path = join(figuresFolder(options), ...(folder === undefined ? [] : [basename(folder)]), 'claims.md');
  writeWhole(
    path,
    page(
      claimsTable(files, evaluations, { statements: true, reference: beside }),
      evaluations,
      folder === undefined ? undefined : basename(folder),
      options,
    ),
  );
  say(`written to ${relative(process.cwd(), path)}`);
}

/** The folder of the experiment that is meant; undefined for all that the claims name. */
function folderOf(experiment: string | undefined, reference: boolean): string | undefined {
  if (experiment !== undefined) return (reference ? committedFolders(experiment) : experimentFolders(experiment))[0];
  const results = reference ? committedRuns : resultsFolder();
  if (existsSync(results) && listExperiments(results).length > 0) return undefined;
  throw userError(
    {
      where: relative(process.cwd(), results),
      what: 'there are no results of your own yet',
      hint: 'equipoise claims --reference evaluates the committed runs',
    },
    exitCode.unavailable,
  );
}

function page(
  { title, caption, layout }: ReturnType<typeof claimsTable>,
  evaluations: readonly Evaluation[],
  experiment: string | undefined,
  { reference, all }: ClaimsOptions,
): string {
  const command = ['equipoise claims', experiment, reference === true ? '--reference' : undefined];
  const table = toMarkdown(layout, {
    title,
    caption,
    command: command.filter((word) => word !== undefined).join(' '),
    dataSha256: sha256(JSON.stringify(evaluations)),
  });
  const reasons = reasonLines(evaluations, all).map((line) => `- ${line}`);
  return [
    `${table.trimEnd()}`,
    '',
    `${evaluations.length} claims: ${countText(evaluations)}.`,
    '',
    ...reasons,
    '',
  ].join('\n');
}
