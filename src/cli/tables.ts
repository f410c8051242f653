/** `equipoise tables`: the tables of an experiment from its journals. */
import type { Command } from 'commander';
import { makeTables, tableNames } from '../../analysis/index';
import { analyse, type AnalysisOptions } from './analysis';

/** Adds `tables` to the program. Its failures are UserErrors, which `main` prints; a table without data is no failure. */
export function tablesCommand(program: Command): void {
  program
    .command('tables [experiment]')
    .description('make the tables of an experiment, by default of all: CSV, Markdown and LaTeX')
    .option('--only <names...>', `make only these of ${tableNames.join(', ')}`)
    .option('--out <folder>', 'write below this folder instead of paper-figures')
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      '\nExamples:\n  equipoise tables\n  equipoise tables quickstart\n  equipoise tables quickstart --only results --out my-paper',
    )
    .action((experiment: string | undefined, options: AnalysisOptions) =>
      analyse(experiment, options, async (folder, out, only) => {
        const { skipped, ...made } = await makeTables(folder, out, { only });
        return { ...made, skipped: skipped.map(({ table, reason }) => ({ name: table, reason })) };
      }),
    );
}
