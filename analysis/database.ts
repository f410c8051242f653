/**
 * DuckDB in memory: one thread, so that sums are taken in the same order on every machine, and no extension from the
 * network.
 */
import type { DuckDBConnection } from '@duckdb/node-api';

/** A value of a figure's data: what CSV and JSON can both carry. */
export type Cell = string | number | null;
export type DataRow = Record<string, Cell>;

/** A text as a SQL string. */
export const literal = (text: string): string => `'${text.replaceAll("'", "''")}'`;

/** A path as a SQL string that DuckDB's file names with wildcards take literally. */
export const literalPath = (path: string): string => literal(path.replace(/[[*?]/g, '[$&]'));

function asCell(value: unknown): Cell {
  if (value === null || typeof value === 'string' || typeof value === 'number') return value;
  if (typeof value === 'boolean') return value ? 1 : 0;
  if (typeof value === 'bigint') return Number(value);
  throw new TypeError(`a query gave a ${typeof value}; cast it to text or a number`);
}

/** Rows of a query, as cells. State an order: without one DuckDB promises none. */
export async function query<Row extends DataRow>(connection: DuckDBConnection, sql: string): Promise<Row[]> {
  const found = await connection.runAndReadAll(sql);
  const names = found.deduplicatedColumnNames();
  // By columns: of rows DuckDB's library makes objects several times more slowly.
  const columns = found.getColumnsJS();
  const rows: DataRow[] = [];
  for (let i = 0; i < found.currentRowCount; i++) {
    const row: DataRow = {};
    for (let j = 0; j < names.length; j++) row[names[j]!] = asCell(columns[j]![i]);
    rows.push(row);
  }
  return rows as Row[];
}

/** An empty database; `close` it after use. */
export async function openDatabase(): Promise<{ connection: DuckDBConnection; close: () => void }> {
  const { DuckDBInstance } = await import('@duckdb/node-api');
  const instance = await DuckDBInstance.create(':memory:', {
    threads: '1',
    autoinstall_known_extensions: 'false',
    autoload_known_extensions: 'false',
  });
  const connection = await instance.connect();
  return {
    connection,
    close: () => {
      connection.closeSync();
      instance.closeSync();
    },
  };
}
