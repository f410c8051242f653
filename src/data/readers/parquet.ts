/**
 * Parquet files through DuckDB, row by row in bounded memory, with everything switched off that could leave the file.
 */
import { DuckDBBlobValue, DuckDBInstance, DuckDBListValue, type DuckDBValue } from '@duckdb/node-api';
import { userError } from '../../problems';
import { whatIsAt } from './archiveKind';

/**
 * How a column is wanted: a text (whole numbers become one), a list of texts, or the `bytes` of an image as the hub
 * stores it.
 */
type ColumnKind = 'text' | 'texts' | 'bytes';

const settings = {
  memory_limit: '1GB',
  threads: '2',
  autoinstall_known_extensions: 'false',
  autoload_known_extensions: 'false',
  allow_community_extensions: 'false',
};

/**
 * The rows of a Parquet file, in its order; a column that the file lacks, and a null, is undefined.
 * Throws UserError for what is no Parquet file or is damaged.
 */
export async function* readParquet(
  path: string,
  columns: Readonly<Record<string, ColumnKind>>,
): AsyncGenerator<Record<string, unknown>> {
  const instance = await DuckDBInstance.create(':memory:', settings);
  const connection = await instance.connect();
  try {
    // The path is a bound parameter; a star or bracket in it would be a pattern.
    if (/[*?[\]{}]/.test(path))
      throw userError({
        where: path,
        what: 'its path has a pattern character',
        expected: 'a path without *, ?, [, ], { and }',
      });
    const described = await connection.runAndReadAll(
      'select column_name from (describe select * from read_parquet($1))',
      [path],
    );
    const there = new Set(described.getRows().map(([name]) => String(name)));
    const chosen = Object.keys(columns).filter((name) => there.has(name));
    if (chosen.length === 0)
      throw userError({
        where: path,
        what: `has none of the columns ${Object.keys(columns).join(', ')}`,
        expected: 'the file as it is on the hub',
      });
    const terms = chosen.map((name) =>
      columns[name] === 'bytes'
        ? `struct_extract("${name}", 'bytes')`
        : columns[name] === 'text'
          ? `cast("${name}" as varchar)`
          : `cast("${name}" as varchar[])`,
    );
    const result = await connection.stream(`select ${terms.join(', ')} from read_parquet($1)`, [path]);
    for (
      let chunk = await result.fetchChunk();
      chunk !== null && chunk.rowCount > 0;
      chunk = await result.fetchChunk()
    ) {
      for (const row of chunk.getRows())
        yield Object.fromEntries(chosen.map((name, column) => [name, plain(row[column] ?? null)]));
    }
  } catch (error) {
    if (error instanceof Error && error.name === 'UserError') throw error;
    const what = whatIsAt(path);
    if (what !== 'a Parquet file' && !what.startsWith('a file '))
      throw userError({ where: path, what: `is ${what}`, expected: 'the Parquet file of that name; fetch it again' });
    throw userError({
      where: path,
      what: `cannot be read as Parquet (${(error as Error).message.split('\n')[0]})`,
      expected: 'a whole Parquet file',
    });
  } finally {
    connection.closeSync();
    instance.closeSync();
  }
}

function plain(value: DuckDBValue): unknown {
  if (value === null) return undefined;
  if (value instanceof DuckDBBlobValue) return Uint8Array.from(value.bytes);
  if (value instanceof DuckDBListValue) return value.items.map(plain);
  return value;
}
