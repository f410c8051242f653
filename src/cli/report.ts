/** `equipoise report`: an experiment as one HTML page. */
import { basename, join, relative } from 'node:path';
import { readPaperValues } from '../../analysis/paperValues';
import { makeReport } from '../../analysis/report';
import { writeWhole } from '../files';
import { printable } from '../printable';
import { experimentFolders, figuresFolder } from './analysis';
import type { Define } from './command';
import { findManifest } from './findManifest';
import { count, note, say, sayJson } from './text';

/** Adds `report` to the program. Throws UserErrors, which `main` prints. */
export const define: Define = (command) => {
  command
    .option('--out <folder>', 'write below this folder instead of figures')
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExamples:\n  equipoise report quickstart\n  equipoise report quickstart --out pages')
    .action(async (experiment: string | undefined, options: { out?: string; json?: boolean }) => {
      const outcomes: { experiment: string; path: string; runs: number; notices: string[] }[] = [];
      for (const folder of experimentFolders(experiment)) {
        const name = basename(folder);
        const about = findManifest(name)?.about;
        const { html, runs, notices } = await makeReport(folder, {
          paper: readPaperValues(),
          ...(about === undefined ? {} : { about }),
        });
        const path = join(figuresFolder(options), name, 'report.html');
        writeWhole(path, html);
        for (const notice of notices) note(`note: ${printable(notice)}`);
        if (options.json !== true) say(`${name}: ${count(runs, 'finished run')} in ${relative(process.cwd(), path)}`);
        outcomes.push({ experiment: name, path, runs, notices });
      }
      if (options.json === true) sayJson(outcomes);
    });
};
