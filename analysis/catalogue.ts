/** The page that lists all figures and tables (docs/figures.md), from what each says of itself. */
import { figures } from './figures/registry';
import { tables } from './tables/registry';

interface Listed {
  name: string;
  title: string;
  shows: string;
  needs: string;
}

const sentence = (text: string) => `${text[0]!.toUpperCase()}${text.slice(1)}.`;

function section({ name, title, shows, needs }: Listed): string {
  return [`### ${name}`, `*${title}.* ${sentence(shows)}`, `Needs ${needs}.`].join('\n\n');
}

/** The page as Markdown. */
export function catalogue(): string {
  return [
    '# Figures and tables',
    'Written from what each figure and table says of itself (`analysis/catalogue.ts`); a test holds it. `equipoise figures NAME` and `equipoise tables NAME` make those for which an experiment has runs, and say what the others need.',
    'Each figure comes as SVG, PDF (its font embedded), PNG, Vega-Lite specification and CSV, laid out for a column of 3.3 in or a page of 6.75 in with labels of 7 pt. For a paper `figures --width` draws it at the width where it will stand with labels of 8 pt, `--font` in the paper’s font, `--outlines` with text that needs no font, and `--snippets` adds its LaTeX with caption and label; `tables --venue` fits a table into the column of a venue ([commands.md](commands.md#figures-tables)). `equipoise report` shows all of them on one page.',
    '## Figures',
    ...figures.map(section),
    '## Tables',
    ...tables.map(section),
    '',
  ]
    .join('\n\n')
    .replace(/\n+$/, '\n');
}
