/** Tables for the columns of venues: what is compacted, what is kept, and that no table is wider than it says. */
import { beforeAll, expect, test } from 'vitest';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { openJournals } from '../../analysis/aggregate';
import { rounded } from '../../analysis/files';
import { makeFigures } from '../../analysis/index';
import type { TableLayout } from '../../analysis/table';
import { tables } from '../../analysis/tables/registry';
import { timesMetrics, toVenueLatex, venueNames, venues } from '../../analysis/venue';
import { projectRoot } from '../../src/files';
import { notEmpty } from '../../testing/lists';

const about = { title: 'T', caption: 'Bold: best; †: not worse.', dataSha256: 'f', command: 'c' };
const layout = (value: string): TableLayout => ({
  columns: ['Task', 'Method', 'A long name of a column'].map((header, i) => ({ header, numeric: i === 2 })),
  groups: [
    [
      [{ text: 'a_b' }, { text: 'm' }, { text: value, best: true }],
      [{ text: 'a_b' }, { text: 'n' }, { text: `${value} †` }],
    ],
    [[{ text: 'c' }, { text: 'm' }, { text: '–' }]],
  ],
});
let measure: Awaited<ReturnType<typeof timesMetrics>>;
beforeAll(async () => {
  measure = await timesMetrics();
});
const tex = (value: string) => toVenueLatex(layout(value), 'x', about, 'icml', measure, []);

test('metrics are those of Times (Adobe’s AFM files)', () => {
  // 444 for a, 611 for T, 500 for 0; in bold 500, 667, 500.
  expect(measure('T', false)).toBeCloseTo(0.611, 6);
  expect(measure('00', false)).toBeCloseTo(1, 6);
  expect(measure('a', true)).toBeCloseTo(0.5, 6);
});

test('what a group shares stands above it, intervals are halved where they are symmetric, and daggers are raised', () => {
  const made = tex('0.600 [0.541, 0.660]');
  expect(made).toContain(
    '\\multicolumn{2}{@{}l@{}}{\\textit{a\\_b}} \\\\\nm & \\textbf{0.600}\\,{\\scriptsize $\\pm$0.060} \\\\',
  );
  expect(made).toContain('n & 0.600$^{\\dagger}$\\,{\\scriptsize $\\pm$0.060} \\\\\n\\midrule\n');
  expect(made).toContain('\\caption{Bold: best; $^{\\dagger}$: not worse. $\\pm$: half the width of the interval.}');
  expect(made).toContain('\\begin{tabular}[b]{@{}r@{}}');
  expect(tex('0.980 [0.900, 1.000]')).toContain('\\textbf{0.980}\\,{\\scriptsize [0.900, 1.000]}');
  expect(tex('−0.052 [−0.159, 0.055]')).toContain('\\textbf{$-$0.052}\\,{\\scriptsize $\\pm$0.107}');
});

test('a table too wide at its smallest is scaled, and told', () => {
  const notices: string[] = [];
  const made = toVenueLatex(layout('x'.repeat(300)), 'x', about, 'neurips', measure, notices);
  expect(made).toMatch(/\\resizebox\{\\linewidth\}\{!\}\{%\n\\begin\{tabular\}[^]*\\end\{tabular\}\}\n\\end\{table\}/);
  expect(notices).toEqual([expect.stringMatching(/^x: \d+ pt wide at its smallest, 397 pt is the page of neurips/)]);
});

const tall: TableLayout = {
  columns: ['Task', 'Method'].map((header) => ({ header, numeric: false })),
  groups: [3, 100, 3].map((length, task) =>
    Array.from({ length }, (_, method) => [{ text: `task ${task}` }, { text: `${task}-${method}` }]),
  ),
};

test('a table taller than a page is several, which no row is missing from and which refer to the first', () => {
  const notices: string[] = [];
  const made = toVenueLatex(tall, 'x', about, 'acl', measure, notices);
  // 570 pt of 13.14 pt a line: 43, of which two are the header and its rule; a head of a group is a line.
  const parts = made.split('\\end{table}').slice(0, -1);
  const rows = parts.map((part) => [...part.matchAll(/^(\d-\d+) \\\\$/gm)].map(([, row]) => row));
  expect(rows.map(({ length }) => length)).toEqual([3, 40, 40, 23]);
  expect(rows.flat()).toEqual(tall.groups.flat().map(([, method]) => method!.text));
  expect(parts.map((part) => part.match(/textit\{task \d\}/g))).toEqual([
    ['textit{task 0}'],
    ['textit{task 1}'],
    ['textit{task 1}'],
    ['textit{task 1}', 'textit{task 2}'],
  ]);
  expect(parts[1]).toContain('\\caption{Table~\\ref{tab:x} continued (2 of 4)}\n\\label{tab:x-2}');
  expect(notices).toEqual(['x: taller than a page of acl: it is split into 4 tables']);
});

test('every committed table fits the column or the page of each venue, or says that it does not', async () => {
  const journals = await openJournals(join(projectRoot, 'results', 'reference', 'quickstart'));
  for (const table of notEmpty(tables)) {
    const rows = rounded(await table.select(journals));
    if (rows.length === 0) continue;
    for (const venue of venueNames) {
      const notices: string[] = [];
      const made = toVenueLatex(table.layout(rows), table.name, about, venue, measure, notices);
      const [, width, of] = /: (\d+) pt of (\d+) pt/.exec(made)!.map(Number);
      const whole = Math.round(made.includes('\\begin{table*}') ? venues[venue].page : venues[venue].column);
      expect(of).toBe(whole);
      expect(width! <= of!).toBe(notices.length === 0);
    }
  }
  journals.close();
});

test('a figure brings its LaTeX where that is asked for: picture, caption and label', async () => {
  const out = mkdtempSync(join(tmpdir(), 'equipoise-snippet-'));
  const reference = join(projectRoot, 'results', 'reference', 'quickstart');
  const { written } = await makeFigures(reference, out, { only: ['kappa-curves'], snippets: true });
  expect(written.map((path) => basename(path))).toContain('kappa-curves.tex');
  const made = readFileSync(join(out, 'kappa-curves.tex'), 'utf8');
  expect(made).toMatch(
    /\\includegraphics\[width=\\linewidth\]\{kappa-curves\.pdf\}\n\\caption\{Balance coefficient \$\\kappa\$ .*\}\n\\label\{fig:quickstart-kappa-curves\}\n/,
  );
  rmSync(out, { recursive: true });
});
