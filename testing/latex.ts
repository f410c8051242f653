/** A real LaTeX for tests: what its log says of tables and figures in columns of a width; it is looked for and not needed. */
import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { venues, type VenueName } from '../analysis/venue';

/** What is missing for setting a page in Times, in one line; null where nothing is. */
export function missingLatex(): string | null {
  if (spawnSync('pdflatex', ['--version']).error !== undefined)
    return 'there is no pdflatex (Debian: texlive-latex-recommended)';
  const found = spawnSync('kpsewhich', ['booktabs.sty', 'graphicx.sty', 'ptmr7t.tfm'], { encoding: 'utf8' });
  return found.status === 0 ? null : 'LaTeX has no booktabs, graphicx or Times (Debian: texlive-fonts-recommended)';
}

/** The page of a venue by its measures: its own style file is its authors' and is not needed for widths. */
function documentFor(venueName: VenueName, body: string): string {
  const { column, page, size } = venues[venueName];
  const two = column < page;
  return `\\documentclass[${size}pt${two ? ',twocolumn' : ''}]{article}
\\usepackage[T1]{fontenc}
\\usepackage{times,booktabs,graphicx}
\\setlength{\\textwidth}{${page}pt}\\setlength{\\columnsep}{${page - 2 * column > 0 ? (page - 2 * column).toFixed(2) : 10}pt}
\\setlength{\\oddsidemargin}{0pt}\\setlength{\\textheight}{650pt}
\\begin{document}
${body}
\\end{document}
`;
}

/** What LaTeX found wrong with a body on the page of a venue: too wide, unknown characters, errors. */
export function latexFaults(folder: string, venue: VenueName, body: string): string[] {
  writeFileSync(join(folder, 'page.tex'), documentFor(venue, body));
  try {
    execFileSync('pdflatex', ['-interaction=nonstopmode', '-halt-on-error', 'page.tex'], {
      cwd: folder,
      env: { ...process.env, max_print_line: '2000' },
      stdio: 'pipe',
    });
  } catch (error) {
    const said = String((error as { stdout?: Buffer }).stdout ?? error);
    return [said.split('\n').find((line) => line.startsWith('!')) ?? said.slice(-300)];
  }
  const log = readFileSync(join(folder, 'page.log'), 'latin1');
  return log.split('\n').filter((line) => /^Overfull \\hbox|Missing character|^LaTeX Warning: .*too large/.test(line));
}
