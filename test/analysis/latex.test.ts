/**
 * Tables and figures for a venue in a real LaTeX, at the venue's measures: nothing is too wide and every character is
 * set. Skipped with one line where there is no LaTeX.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { makeFigures, makeTables } from '../../analysis/index';
import { printWidth } from '../../analysis/look';
import { escapeLatex } from '../../analysis/table';
import { tableNames } from '../../analysis/index';
import { pointsAnInch, timesMetrics, toVenueLatex, venueNames, venues } from '../../analysis/venue';
import { projectRoot } from '../../src/files';
import { latexFaults, missingLatex } from '../../testing/latex';
import { notEmpty } from '../../testing/lists';

const missing = missingLatex();
if (missing !== null) console.log(`LaTeX tests skipped: ${missing}`);

const reference = join(projectRoot, 'results', 'reference', 'quickstart');
let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'equipoise-latex-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe.skipIf(missing !== null)('in a real LaTeX', () => {
  test('the reader sees what is too wide, and what it cannot set', () => {
    const { column } = venues.icml;
    expect(latexFaults(folder, 'icml', `\\begin{table}\\rule{${column}pt}{1pt}\\end{table}`)).toEqual([]);
    expect(latexFaults(folder, 'icml', `\\begin{table}\\rule{${column + 3}pt}{1pt}\\end{table}`)).toEqual([
      expect.stringMatching(/^Overfull \\hbox \(3\.\d+pt too wide\)/),
    ]);
    expect(latexFaults(folder, 'icml', 'κ')).toEqual([expect.stringMatching(/Unicode character κ/)]);
    expect(
      latexFaults(folder, 'icml', escapeLatex('κ ρ Δθ ⟨g⟩ ‖g‖ |x| < 1 − 2 × 3 · 4 ± 5 – a_b 10 % #~^\\{}')),
    ).toEqual([]);
  }, 60_000);

  test.each(venueNames)(
    'no table is too wide for %s',
    async (venue) => {
      const { written } = await makeTables(reference, join(folder, venue), { venue });
      const paths = written.filter((path) => path.endsWith('.tex'));
      expect(paths.length).toBeGreaterThan(5);
      expect(paths.length).toBeLessThanOrEqual(tableNames.length);
      const body = paths.map((path) => `${readFileSync(path, 'utf8')}\\clearpage`).join('\n');
      expect(latexFaults(folder, venue, body)).toEqual([]);
    },
    60_000,
  );

  test('a table of a hundred rows is split into such as are no taller than a page', async () => {
    const groups = [7, 90].map((length, task) =>
      Array.from({ length }, (_, row) => [{ text: `task ${task}` }, { text: `method ${row}` }, { text: '0.5 †' }]),
    );
    const columns = ['Task', 'Method', 'Accuracy'].map((header, i) => ({ header, numeric: i === 2 }));
    const about = { title: 'T', caption: 'A caption. '.repeat(40), dataSha256: 'f', command: 'c' };
    for (const venue of venueNames) {
      const made = toVenueLatex({ columns, groups }, 'tall', about, venue, await timesMetrics(), []);
      expect(latexFaults(folder, venue, made)).toEqual([]);
    }
  }, 60_000);

  test.each(venueNames)(
    'figures at the width of %s are set as large as they were drawn',
    async (venue) => {
      const print = { width: printWidth(venue) };
      const only = ['rate-settings', 'bounds'];
      const { written, notices } = await makeFigures(reference, folder, { only, snippets: true, print });
      expect(notices).toEqual([]);
      const body = written.filter((path) => path.endsWith('.tex')).map((path) => readFileSync(path, 'utf8'));
      expect(body).toHaveLength(2);
      expect(latexFaults(folder, venue, body.join('\n'))).toEqual([]);
      const { column, page } = venues[venue];
      for (const [name, points] of notEmpty([
        ['rate-settings', Math.min(column, 3.3 * pointsAnInch)],
        ['bounds', page],
      ] as const)) {
        const [, width] = /\/MediaBox \[0 0 ([\d.]+) /.exec(readFileSync(join(folder, `${name}.pdf`), 'latin1'))!;
        expect(Number(width)).toBeCloseTo((points * 72) / pointsAnInch, 1);
      }
    },
    60_000,
  );
});
