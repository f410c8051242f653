/** The tidy tables as Parquet or CSV, with a description that programs read (datapackage.json). */
import { join } from 'node:path';
import type { DuckDBAppender } from '@duckdb/node-api';
import { sha256OfFile, writeWhole } from '../../src/files';
import { literalPath, openDatabase } from '../database';
import {
  metricColumns,
  metricNames,
  predictionColumns,
  tableAbouts,
  type Column,
  type ColumnType,
  type TidyCell,
  type TidyTableName,
} from './columns';
import { metricRows, predictionRows, runTable, type ExportedRuns, type TidyRow } from './tidy';

/** Formats of tables. */
export type TableFormat = 'parquet' | 'csv';

/** A table that was written. */
export interface WrittenTable {
  table: TidyTableName;
  file: string;
  rows: number;
}

const sqlTypes: Record<ColumnType, string> = {
  text: 'varchar',
  integer: 'bigint',
  number: 'double',
  boolean: 'boolean',
  texts: 'varchar[]',
  numbers: 'double[]',
};

const identifier = (name: string): string => `"${name.replaceAll('"', '""')}"`;

type Append = (appender: DuckDBAppender, cell: TidyCell, type: ColumnType) => void;

/** A function that puts a cell into its column; DuckDB is loaded when it is needed. */
async function appending(): Promise<Append> {
  const { LIST, VARCHAR, DOUBLE, listValue } = await import('@duckdb/node-api');
  const lists = { texts: LIST(VARCHAR), numbers: LIST(DOUBLE) };
  return (appender, cell, type) => {
    if (cell === null) appender.appendNull();
    else if (type === 'texts' || type === 'numbers')
      appender.appendList(listValue([...(cell as readonly (string | number)[])]), lists[type]);
    else if (type === 'text') appender.appendVarchar(String(cell));
    else if (type === 'integer') appender.appendBigInt(BigInt(cell as number));
    else if (type === 'number') appender.appendDouble(cell as number);
    else appender.appendBoolean(cell as boolean);
  };
}

/** Fills a table of the database; returns the number of its rows. */
function fill(append: Append, appender: DuckDBAppender, columns: readonly Column[], rows: Iterable<TidyRow>): number {
  let count = 0;
  for (const row of rows) {
    for (const { name, type } of columns) append(appender, row[name] ?? null, type);
    appender.endRow();
    count += 1;
  }
  appender.closeSync();
  return count;
}

/** What COPY writes: lists as JSON in CSV, which has none of its own. */
function copyOf(table: TidyTableName, columns: readonly Column[], format: TableFormat, path: string): string {
  const cells = columns.map(({ name, type }) =>
    format === 'csv' && (type === 'texts' || type === 'numbers')
      ? `to_json(${identifier(name)})::varchar as ${identifier(name)}`
      : identifier(name),
  );
  const how = format === 'csv' ? 'format csv, header' : 'format parquet, compression zstd';
  return `copy (select ${cells.join(', ')} from ${table} order by rowid) to ${literalPath(path)} (${how})`;
}

const fieldTypes: Record<ColumnType, string> = {
  text: 'string',
  integer: 'integer',
  number: 'number',
  boolean: 'boolean',
  texts: 'array',
  numbers: 'array',
};

/** A Data Package after Frictionless: every file with hash and columns, each with what it means and its unit. */
function dataPackage(experiment: string, folder: string, format: TableFormat, tables: [WrittenTable, Column[]][]) {
  return {
    name: experiment.toLowerCase(),
    profile: 'data-package',
    resources: tables.map(([{ table, file }, columns]) => {
      const { bytes, sha256 } = sha256OfFile(join(folder, file));
      return {
        name: table,
        path: file,
        format,
        mediatype: format === 'csv' ? 'text/csv' : 'application/vnd.apache.parquet',
        bytes,
        hash: `sha256:${sha256}`,
        description: tableAbouts[table],
        schema: {
          fields: columns.map(({ name, type, about, unit }) => ({
            name,
            type: fieldTypes[type],
            description: about,
            ...(unit === undefined ? {} : { unit }),
          })),
        },
        ...(table === 'metrics' ? { metricNames } : {}),
      };
    }),
  };
}

/**
 * Writes runs, metrics and predictions, and datapackage.json, into `folder`. Equal runs give equal bytes; predictions
 * are written without rows where no run kept any.
 */
export async function writeTables(
  { experiment, runs }: Pick<ExportedRuns, 'experiment' | 'runs'>,
  folder: string,
  format: TableFormat,
): Promise<WrittenTable[]> {
  const ofRuns = runTable(runs);
  const tables: [TidyTableName, Column[], Iterable<TidyRow>][] = [
    ['runs', ofRuns.columns, ofRuns.rows],
    ['metrics', [...metricColumns], metricRows(runs)],
    ['predictions', [...predictionColumns], predictionRows(runs)],
  ];
  const written: [WrittenTable, Column[]][] = [];
  const { connection, close } = await openDatabase();
  try {
    const append = await appending();
    for (const [table, columns, rows] of tables) {
      const types = columns.map(({ name, type }) => `${identifier(name)} ${sqlTypes[type]}`);
      await connection.run(`create table ${table} (${types.join(', ')})`);
      const count = fill(append, await connection.createAppender(table), columns, rows);
      const file = `${table}.${format}`;
      await connection.run(copyOf(table, columns, format, join(folder, file)));
      written.push([{ table, file, rows: count }, columns]);
    }
  } finally {
    close();
  }
  const described = dataPackage(experiment, folder, format, written);
  writeWhole(join(folder, 'datapackage.json'), `${JSON.stringify(described, null, 2)}\n`);
  return written.map(([table]) => table);
}
