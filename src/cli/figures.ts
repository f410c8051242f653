/** `equipoise figures`: the figures of an experiment from its journals. */
import type { Command } from 'commander';
import { figureNames, makeFigures } from '../../analysis/index';
import { analyse, type AnalysisOptions } from './analysis';

/** Adds `figures` to the program. Its failures are UserErrors, which `main` prints; a figure without data is no failure. */
export function figuresCommand(program: Command): void {
  program
    .command('figures [experiment]')
    .description(
      'draw the figures of an experiment, by default of all: SVG, PDF, PNG, Vega-Lite specification and data as CSV',
    )
    .option('--only <names...>', `draw only these of ${figureNames.join(', ')}`)
    .option('--out <folder>', 'write below this folder instead of paper-figures')
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      '\nExamples:\n  equipoise figures\n  equipoise figures quickstart\n  equipoise figures quickstart --only kappa-curves rate-settings\n  equipoise figures quickstart --out my-paper --json',
    )
    .action((experiment: string | undefined, options: AnalysisOptions) =>
      analyse(experiment, options, async (folder, out, only) => {
        const { skipped, ...made } = await makeFigures(folder, out, { only });
        return { ...made, skipped: skipped.map(({ figure, reason }) => ({ name: figure, reason })) };
      }),
    );
}
