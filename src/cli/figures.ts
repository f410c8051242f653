/** `equipoise figures`: the figures of an experiment from its journals. */
import { basename } from 'node:path';
import { findFont } from '../../analysis/fonts';
import { figureNames, makeFigures } from '../../analysis/index';
import { printWidth, type Print } from '../../analysis/look';
import { analyse, type AnalysisOptions } from './analysis';
import type { Define } from './command';
import { userError } from '../problems';

interface FiguresOptions extends AnalysisOptions {
  snippets?: boolean;
  width?: string;
  font?: string;
  outlines?: boolean;
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
    .option('--width <width>', 'as wide as a paper has room, labels 8 pt: neurips, icml, acl, or 84mm, 3.25in, 234.9pt')
    .option('--font <font>', 'a font file (.ttf, .otf) or a family, such as "DejaVu Serif"')
    .option('--outlines', 'text of the SVG as outlines, alike everywhere; --width and --font do so by themselves')
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      '\nExamples:\n  equipoise figures\n  equipoise figures quickstart\n  equipoise figures quickstart --only kappa-curves rate-settings\n  equipoise figures quickstart --out my-paper --json\n  equipoise figures quickstart --width icml --snippets --out my-paper\n  equipoise figures paper-rate-ratio --reference',
    )
    .action(drawFigures);
};

/**
 * Draws them and tells the outcome. Throws UserError for an experiment that has no results; a figure without data is no
 * failure.
 */
export async function drawFigures(experiment: string | undefined, options: FiguresOptions): Promise<void> {
  for (const name of ['snippets', 'width', 'font', 'outlines'] as const)
    if (options[name] !== undefined && options.reference === true && options.out === undefined)
      throw userError({
        where: `--${name}`,
        what: 'is nothing for the committed figures',
        hint: 'name a folder with --out',
      });
  const print = await printOf(options);
  await analyse('figures', experiment, options, async (folder, out, only) => {
    const { skipped, ...made } = await makeFigures(folder, out, { only, snippets: options.snippets, print });
    return { ...made, skipped: skipped.map(({ figure, reason }) => ({ name: figure, reason })) };
  });
}

/** How figures are to be drawn, with the options as the command that is written into them says them. */
async function printOf({ width, font, outlines }: FiguresOptions): Promise<Print> {
  const found = font === undefined ? undefined : await findFont(font);
  const told = [
    ...(width === undefined ? [] : [`--width ${width}`]),
    // Of a file its name: a path of this machine helps nobody.
    ...(font === undefined ? [] : [`--font "${basename(font)}"`]),
    ...(outlines === true && width === undefined && font === undefined ? ['--outlines'] : []),
  ];
  return {
    told: told.map((each) => ` ${each}`).join(''),
    outlines: outlines === true,
    ...(width === undefined ? {} : { width: printWidth(width) }),
    ...(found === undefined ? {} : { font: found }),
  };
}
