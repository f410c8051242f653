/** Parts of a user's own for tests: the examples of docs/extending.md, as files of a folder outside the repository. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { projectRoot } from '../src/files';

const page = readFileSync(join(projectRoot, 'docs', 'extending.md'), 'utf8');
const example = (name: string): string => page.split(`<!-- example: ${name} -->\n\`\`\`ts\n`)[1]!.split('```')[0]!;

/** A part of the repository as one outside it: everything comes from one place. */
const outside = (text: string, from: string, to: string): string =>
  [
    ...new Set(text.match(/^import .*;$/gm)!.map((line) => line.replace(/'[^']+'/, "'equipoise/parts'"))),
    text.replace(/^import .*;$/gm, '').replace(`export const ${from} =`, `export const ${to} =`),
  ].join('\n');

/**
 * A scheduler `brake`, a regulariser `even`, a connector `mean-tokens` and a tower `colour-grid`, each as the text of its
 * file.
 */
export const exampleParts = {
  brake: example('own brake.ts'),
  even: example('own even.ts'),
  meanTokens: `${outside(example('meanTokens.ts'), 'meanTokens', 'connector')
    .replace('tokensOption(2)', "whole('tokens given to the backbone', 1, 256, 2)")
    .replace('tokensOption', 'whole')}\nexport const name = 'mean-tokens';\n`,
  colourGrid: outside(example('colourGrid.ts'), 'colourGrid', 'tower').replaceAll('encoderTower', 'defineTower'),
} as const;
