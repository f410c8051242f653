/** `equipoise report`: an experiment as one HTML page. */
import { basename, dirname, join, relative } from 'node:path';
import { readPaperValues } from '../../analysis/paperValues';
import { makeReport, type MadeReport } from '../../analysis/report';
import { writeWhole } from '../files';
import { printable } from '../printable';
import { makeStandalone } from '../ui/standalone';
import { experimentFolders, figuresFolder } from './analysis';
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
    .action(
      async (experiment: string | undefined, options: { out?: string; json?: boolean; interactive?: boolean }) => {
        const outcomes: { experiment: string; path: string; runs: number; notices: string[] }[] = [];
        for (const folder of experimentFolders(experiment)) {
          const name = basename(folder);
          const { html, runs, notices } = await (options.interactive === true ? interactive : written)(folder, name);
          const file = options.interactive === true ? 'interactive.html' : 'report.html';
          const path = join(figuresFolder(options), name, file);
          writeWhole(path, html);
          for (const notice of notices) note(`note: ${printable(notice)}`);
          if (options.json !== true)
            say(
              `${name}: ${count(runs, options.interactive === true ? 'run' : 'finished run')} in ${relative(process.cwd(), path)}`,
            );
          outcomes.push({ experiment: name, path, runs, notices });
        }
        if (options.json === true) sayJson('report', { pages: outcomes });
      },
    );
};

/** The report, with what the manifest says where there is one. */
function written(folder: string, name: string): Promise<MadeReport> {
  const about = findManifest(name)?.about;
  return makeReport(folder, { paper: readPaperValues(), ...(about === undefined ? {} : { about }) });
}

/** The page of `equipoise ui` with its data inside. */
function interactive(folder: string, name: string): Promise<MadeReport> {
  const library = libraryOf(dirname(folder));
  // A committed experiment is listed twice then, the second time as what it is.
  const place = library.experiments().findLast((each) => each.folder === folder) ?? library.place(name);
  return makeStandalone(library, place);
}
