/** `equipoise report`: an experiment as one HTML page. */
import { existsSync } from 'node:fs';
import { basename, dirname, join, relative, resolve } from 'node:path';
import { readPaperValues } from '../../analysis/paperValues';
import { makeReport, type MadeReport } from '../../analysis/report';
import { writeWhole } from '../files';
import { printable } from '../printable';
import { exitCode, userError, UserError } from '../problems';
import { committedRuns } from '../runner/folders';
import { makeStandalone } from '../ui/standalone';
import { experimentFolders, figuresFolder, staleNoticeOf } from './analysis';
import type { Define } from './command';
import { findManifest } from './findManifest';
import { count, note, say, sayJson } from './text';
import { libraryOf } from './ui';

/** Adds `report` to the program. Throws UserErrors, which `main` prints. */
export const define: Define = (command) => {
  command
    .option('--out <folder>', 'write below this folder instead of figures')
    .option('--interactive', 'write the page of equipoise ui with its data inside, for a browser without a server')
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      '\nExamples:\n  equipoise report quickstart\n  equipoise report quickstart --out pages\n  equipoise report quickstart --interactive',
    )
    .action(report);
};

interface ReportCommandOptions {
  out?: string;
  json?: boolean;
  interactive?: boolean;
}

async function report(experiment: string | undefined, options: ReportCommandOptions): Promise<void> {
  const outcomes: { experiment: string; path: string; runs: number; notices: string[] }[] = [];
  const folders = experimentFolders(experiment);
  const live = options.interactive === true;
  for (const folder of folders) {
    const name = basename(folder);
    const made = await (live ? interactive : written)(folder, name).catch((error: unknown) =>
      unlessAlone(error, folders.length),
    );
    if (made === null) continue;
    const stale = staleNoticeOf(folder);
    const { html, runs } = made;
    const notices = [...made.notices, ...(stale === null ? [] : [stale])];
    const path = join(figuresFolder(options), name, live ? 'interactive.html' : 'report.html');
    writeWhole(path, html);
    for (const notice of notices) note(`note: ${printable(notice)}`);
    if (options.json !== true)
      say(`${name}: ${count(runs, live ? 'run' : 'finished run')} in ${relative(process.cwd(), path)}`);
    outcomes.push({ experiment: name, path, runs, notices });
  }
  if (outcomes.length === 0)
    throw userError({ where: 'report', what: 'no experiment has a finished run' }, exitCode.unavailable);
  if (options.json === true) sayJson('report', { pages: outcomes });
}

/** Among several experiments one without finished runs is told and left out; alone it is an error. */
function unlessAlone(error: unknown, experiments: number): null {
  if (experiments < 2 || !(error instanceof UserError) || error.code !== exitCode.unavailable) throw error;
  note(`note: ${printable(error.message)}`);
  return null;
}

/** The report, with what the manifest says where there is one. */
function written(folder: string, name: string): Promise<MadeReport> {
  const about = findManifest(name)?.about;
  const isCommitted = resolve(dirname(folder)) === resolve(committedRuns);
  return makeReport(folder, {
    paper: readPaperValues(),
    ...(about === undefined ? {} : { about }),
    ...(isCommitted || !existsSync(committedRuns) ? {} : { committed: committedRuns }),
  });
}

/** The page of `equipoise ui` with its data inside. */
async function interactive(folder: string, name: string): Promise<MadeReport> {
  const library = libraryOf(dirname(folder));
  // A committed experiment is listed twice then, the second time as what it is.
  const place = library.experiments().findLast((each) => each.folder === folder) ?? library.place(name);
  const made = await makeStandalone(library, place);
  if (made.runs > 0) return made;
  throw userError(
    { where: `experiment "${name}"`, what: 'has no run to show', hint: 'train first: equipoise run' },
    exitCode.unavailable,
  );
}
