/** What a table is, and how it becomes Markdown and LaTeX. Its data as CSV is the table's rows themselves. */
import type { Journals } from './aggregate';
import type { DataRow } from './database';
import { numberText } from './figure';
import type { Provenance } from './provenance';
import type { Place } from './scores';

export interface TableCell {
  text: string;
  /** set in bold */
  best?: boolean;
}
export interface TableLayout {
  columns: {
    header: string;
    /** aligned to the right */
    numeric: boolean;
  }[];
  /** rows in groups, between which a rule is drawn */
  groups: TableCell[][][];
}

/**
 * One table, all that there is to say about it. Adding one is a file that exports this and a line in
 * tables/registry.ts.
 */
export interface TableDefinition<Row extends DataRow = DataRow> {
  /** of its files, e.g. `results` */
  name: string;
  title: string;
  /** what it shows, in one sentence, for docs/figures.md */
  shows: string;
  /** its condition in words, the runs without which there is nothing to state */
  needs: string;
  /** The table's data in a stated order; empty when the condition is not met. */
  select(journals: Journals): Promise<Row[]>;
  caption(rows: Row[]): string;
  layout(rows: Row[]): TableLayout;
}

/** `0.683 [0.640, 0.726]`, without an interval where there is none; a dash for no value. */
export function estimateText(mean: number | null, low: number | null, high: number | null, digits = 3): string {
  const text = (value: number) => numberText(value, digits);
  if (mean === null) return '–';
  return low === null || high === null ? text(mean) : `${text(mean)} [${text(low)}, ${text(high)}]`;
}

/** A p-value as papers print it: `.034`, `< .001`; nothing for null. */
export const probabilityText = (p: number | null): string =>
  p === null ? '' : p < 0.001 ? '< .001' : p.toFixed(3).replace(/^0/, '');

/** Rows split where `key` changes. */
export function consecutive<Row>(rows: readonly Row[], key: (row: Row) => string): Row[][] {
  const groups: Row[][] = [];
  for (const row of rows) {
    const last = groups.at(-1);
    if (last !== undefined && key(last[0]!) === key(row)) last.push(row);
    else groups.push([row]);
  }
  return groups;
}

/** A column of a table by setting: what stands above it, and what a row has in it. */
export interface TableColumn<Row> {
  header: string;
  /** aligned to the right, as all are that do not say otherwise */
  numeric?: boolean;
  cell(row: Row): TableCell;
}

/** A table by task, setting and method: those in front with the number of runs, a rule between settings. */
export function bySetting<Row extends Place & { n: number }>(
  rows: readonly Row[],
  columns: readonly TableColumn<Row>[],
): TableLayout {
  const all: readonly TableColumn<Row>[] = [
    { header: 'Task', numeric: false, cell: (row) => ({ text: row.panel }) },
    { header: 'Learning rates', numeric: false, cell: (row) => ({ text: row.setting }) },
    { header: 'Method', numeric: false, cell: (row) => ({ text: row.method }) },
    { header: 'n', cell: (row) => ({ text: String(row.n) }) },
    ...columns,
  ];
  return {
    columns: all.map(({ header, numeric = true }) => ({ header, numeric })),
    groups: consecutive(rows, (row) => JSON.stringify([row.panel, row.setting])).map((group) =>
      group.map((row) => all.map(({ cell }) => cell(row))),
    ),
  };
}

/** GitHub's Markdown table with title, caption and provenance. */
export function toMarkdown(layout: TableLayout, about: Provenance): string {
  const plain = (text: string) =>
    text
      .replaceAll('\\', '\\\\')
      .replaceAll('|', '\\|')
      .replaceAll('<', '&lt;')
      .replace(/[\r\n]+/g, ' ');
  const line = (cells: string[]) => `| ${cells.join(' | ')} |`;
  const rows = layout.groups
    .flat()
    .map((cells) => line(cells.map(({ text, best }) => (best === true ? `**${plain(text)}**` : plain(text)))));
  return [
    `# ${plain(about.title)}`,
    '',
    line(layout.columns.map(({ header }) => plain(header))),
    line(layout.columns.map(({ numeric }) => (numeric ? '--:' : ':--'))),
    ...rows,
    '',
    plain(about.caption),
    '',
    `Made by \`${about.command}\`; sha256 of the data: \`${about.dataSha256}\`.`,
    '',
  ].join('\n');
}

const latexText: Record<string, string> = {
  '\\': '\\textbackslash{}',
  '&': '\\&',
  '%': '\\%',
  $: '\\$',
  '#': '\\#',
  _: '\\_',
  '{': '\\{',
  '}': '\\}',
  '~': '\\textasciitilde{}',
  '^': '\\textasciicircum{}',
  '×': '$\\times$',
  '·': '$\\cdot$',
  '−': '$-$',
  '±': '$\\pm$',
  '–': '--',
  '†': '$^{\\dagger}$',
  κ: '$\\kappa$',
  ρ: '$\\rho$',
  θ: '$\\theta$',
  Δ: '$\\Delta$',
  '⟨': '$\\langle$',
  '⟩': '$\\rangle$',
  '‖': '$\\Vert$',
  // In LaTeX's first encoding of fonts these are other characters.
  '<': '$<$',
  '>': '$>$',
  '|': '$|$',
  '\n': ' ',
  '\r': ' ',
};

/** Text that LaTeX sets as it is written. */
export function escapeLatex(text: string): string {
  return text.replace(/[\\&%$#_{}~^×·−±–†κρθΔ⟨⟩‖<>|\r\n]/g, (character) => latexText[character] ?? character);
}

/**
 * A LaTeX table in the manner of booktabs (the document needs `\usepackage{booktabs}`), over both columns when it is
 * wide.
 */
export function toLatex(layout: TableLayout, name: string, about: Provenance): string {
  const environment = layout.columns.length > 5 ? 'table*' : 'table';
  const row = (cells: string[]) => `${cells.join(' & ')} \\\\`;
  const body = layout.groups.map((group) =>
    group
      .map((cells) =>
        row(cells.map(({ text, best }) => (best === true ? `\\textbf{${escapeLatex(text)}}` : escapeLatex(text)))),
      )
      .join('\n'),
  );
  return [
    `% ${about.command}`,
    `% sha256 of the data: ${about.dataSha256}`,
    `\\begin{${environment}}[t]`,
    '\\centering',
    `\\caption{${escapeLatex(about.caption)}}`,
    `\\label{tab:${name}}`,
    `\\begin{tabular}{@{}${layout.columns.map(({ numeric }) => (numeric ? 'r' : 'l')).join('')}@{}}`,
    '\\toprule',
    row(layout.columns.map(({ header }) => escapeLatex(header))),
    '\\midrule',
    body.join('\n\\midrule\n'),
    '\\bottomrule',
    '\\end{tabular}',
    `\\end{${environment}}`,
    '',
  ].join('\n');
}
