/** `equipoise figures`: the figures of an experiment from its journals. */
import { figureNames, makeFigures } from '../../analysis/index';
import { analyse, type AnalysisOptions } from './analysis';
import type { Define } from './command';
import { userError } from '../problems';

interface FiguresOptions extends AnalysisOptions {
  snippets?: boolean;
}

/**
 * Adds `figures` to the program. Its failures are UserErrors, which `main` prints; a figure without data is no failure.
 */
export const define: Define = (command) => {
  command
    .option('--only <names...>', `draw only these of ${figureNames.join(', ')}`)
    .option('--out <folder>', 'write below this folder instead of figures')
    .option('--reference', 'from the committed runs of results/reference alone, into the committed paper-figures')
    .option('--snippets', 'also NAME.tex, which sets the PDF with caption and label, for a paper')
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      '\nExamples:\n  equipoise figures\n  equipoise figures quickstart\n  equipoise figures quickstart --only kappa-curves rate-settings\n  equipoise figures quickstart --out my-paper --json\n  equipoise figures paper-rate-ratio --reference',
    )
    .action(drawFigures);
};

/**
 * Draws them and tells the outcome. Throws UserError for an experiment that has no results; a figure without data is no
 * failure.
 */
export async function drawFigures(experiment: string | undefined, options: FiguresOptions): Promise<void> {
  if (options.snippets === true && options.reference === true)
    throw userError({
      where: '--snippets',
      what: 'is nothing for the committed figures',
      hint: 'leave --reference out, and name a folder with --out',
    });
  await analyse('figures', experiment, options, async (folder, out, only) => {
    const { skipped, ...made } = await makeFigures(folder, out, { only, snippets: options.snippets });
    return { ...made, skipped: skipped.map(({ figure, reason }) => ({ name: figure, reason })) };
  });
}
