/** The layout of tables with a row a kind of question and a column a method. */
import { orderMethods } from '../labels';
import { consecutive, type TableCell, type TableLayout } from '../table';

interface KindRow {
  panel: string;
  setting: string;
  kind: string;
  method: string;
}

/**
 * Rows in order of task, setting and kind as a table: a column a method with `cell`, before them the columns `beside`,
 * which say the same of every method.
 */
export function kindLayout<Row extends KindRow>(
  rows: readonly Row[],
  cell: (row: Row) => TableCell,
  beside: Readonly<Record<string, (row: Row) => string>> = {},
): TableLayout {
  const methods = orderMethods(rows.map((row) => row.method));
  return {
    columns: [
      ...['Task', 'Learning rates', 'Kind'].map((header) => ({ header, numeric: false })),
      ...[...Object.keys(beside), ...methods].map((header) => ({ header, numeric: true })),
    ],
    groups: consecutive(rows, (row) => JSON.stringify([row.panel, row.setting])).map((group) =>
      consecutive(group, (row) => row.kind).map((line) => [
        { text: line[0]!.panel },
        { text: line[0]!.setting },
        { text: line[0]!.kind },
        ...Object.values(beside).map((text) => ({ text: text(line[0]!) })),
        ...methods.map((method) => {
          const row = line.find((each) => each.method === method);
          return row === undefined ? { text: '–' } : cell(row);
        }),
      ]),
    ),
  };
}
