/** The report's table of runs: an anchor for each, filtered and sorted by a script of the page. */
import type { Run } from './aggregate';
import { escapeHtml, tableElement, wideBox } from './reportHtml';
import { byPlace } from './scores';
import type { TableCell, TableLayout } from './table';
import { toldAccuracy } from '../src/train/records';

/** The place of the page to which a cell leads. */
export type CellLink = (row: readonly TableCell[], column: number) => string | undefined;

/** Where a run stands on the page. */
export const runAnchor = (id: string) => `run-${id}`;

/** Runs by task, setting, method and seed. */
export function orderedRuns(runs: readonly Run[]): Run[] {
  const order = byPlace(runs);
  return [...runs].sort((a, b) => order(a, b) || a.seed - b.seed);
}

/** A run for each row, in the order given. */
export function runList(runs: readonly Run[]): TableLayout {
  return {
    columns: [
      { header: 'Run', numeric: false },
      { header: 'Task', numeric: false },
      { header: 'Learning rates', numeric: false },
      { header: 'Method', numeric: false },
      { header: 'Seed', numeric: true },
      { header: 'Steps', numeric: true },
      { header: 'Accuracy', numeric: true },
      { header: 'Loss', numeric: true },
      { header: 'ms a step', numeric: true },
    ],
    groups: [
      runs.map(({ file, ...run }) =>
        [
          run.id,
          run.panel,
          run.setting,
          run.method,
          String(run.seed),
          String(file.steps),
          file.final === null ? '–' : toldAccuracy(file.final).toFixed(3),
          file.final === null ? '–' : file.final.loss.toFixed(3),
          (1000 * file.times.secondsPerStep).toFixed(0),
        ].map((text) => ({ text })),
      ),
    ],
  };
}

/**
 * From a row of a table by task, setting and method to the first of its runs, which stand together; nothing from other
 * tables.
 */
export function runLinks(ordered: readonly Run[]): (layout: TableLayout) => CellLink {
  const key = (parts: readonly string[]) => JSON.stringify(parts);
  const first = new Map<string, string>();
  for (const { id, panel, setting, method } of ordered) {
    const place = key([panel, setting, method]);
    if (!first.has(place)) first.set(place, runAnchor(id));
  }
  const front = key(['Task', 'Learning rates', 'Method']);
  return ({ columns }) =>
    key(columns.slice(0, 3).map(({ header }) => header)) === front
      ? (row, column) => (column === 2 ? first.get(key(row.slice(0, 3).map(({ text }) => text))) : undefined)
      : () => undefined;
}
/** The section: a filter, which the script shows, and the table. */
export function runsHtml(layout: TableLayout): string {
  const id = ([run]: readonly TableCell[]) => escapeHtml(runAnchor(run!.text));
  const table = tableElement(layout, id, (row, column) => (column === 0 ? id(row) : undefined));
  return `<section id="runs"><h2>Runs</h2>
<p class="caption">Every run that counts, with its final loss and accuracy: of its choices, or of greedy generation where no question has any. <code>equipoise why ID</code> says what one differs in.</p>
<p class="filter" hidden><label>Filter <input type="search" placeholder="words, or seed:3 method:commit"></label> <output role="status"></output></p>
${wideBox('Table: Runs', table)}</section>`;
}
