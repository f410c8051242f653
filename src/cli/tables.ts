/** `equipoise tables`: the tables of an experiment from its journals. */
import { Option } from 'commander';
import { makeTables, tableNames } from '../../analysis/index';
import { venueNames, type VenueName } from '../../analysis/venue';
import { userError } from '../problems';
import { analyse, type AnalysisOptions } from './analysis';
import type { Define } from './command';

interface TablesOptions extends AnalysisOptions {
  venue?: VenueName;
}

/**
 * Adds `tables` to the program. Its failures are UserErrors, which `main` prints; a table without data is no failure.
 */
export const define: Define = (command) => {
  command
    .option('--only <names...>', `make only these of ${tableNames.join(', ')}`)
    .option('--out <folder>', 'write below this folder instead of figures')
    .option('--reference', 'from the committed runs of results/reference alone, into the committed paper-figures')
    .addOption(
      new Option('--venue <venue>', 'LaTeX that is compact and fits the column of a venue').choices(venueNames),
    )
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      '\nExamples:\n  equipoise tables\n  equipoise tables quickstart\n  equipoise tables quickstart --only results --out my-paper\n  equipoise tables quickstart --venue neurips --out my-paper\n  equipoise tables paper-rate-ratio --reference',
    )
    .action(writeTables);
};

/**
 * Makes them and tells the outcome. Throws UserError for an experiment that has no results; a table without data is no
 * failure.
 */
export async function writeTables(experiment: string | undefined, options: TablesOptions): Promise<void> {
  if (options.venue !== undefined && options.reference === true && options.out === undefined)
    throw userError({
      where: '--venue',
      what: 'is nothing for the committed tables',
      hint: 'name a folder with --out',
    });
  await analyse('tables', experiment, options, async (folder, out, only) => {
    const { skipped, ...made } = await makeTables(folder, out, { only, venue: options.venue });
    return { ...made, skipped: skipped.map(({ table, reason }) => ({ name: table, reason })) };
  });
}
