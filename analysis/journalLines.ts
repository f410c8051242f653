/**
 * The lines of journals in DuckDB, and which journals can be used. DuckDB reads the JSON lines itself, a part of the
 * journals at a time: all lines of many runs at once would take several times the memory of the tables made of them.
 */
import { closeSync, fstatSync, openSync, readSync, statSync } from 'node:fs';
import { resolve } from 'node:path';
import type { DuckDBConnection } from '@duckdb/node-api';
import { literal, literalPath, query } from './database';
import type { FoundRun, IgnoredRun } from './runs';

const perModule = 'STRUCT(encoder DOUBLE, backbone DOUBLE)';
const score = 'STRUCT(correct INTEGER, total INTEGER, accuracy DOUBLE)';
/** What may stand beside a measure (`measure.beside`, `measure.withoutEnd`). */
const besides = 'STRUCT(logKappa DOUBLE, floor BOOLEAN)';
const columns = {
  kind: 'VARCHAR',
  step: 'INTEGER',
  loss: 'DOUBLE',
  kappa: 'DOUBLE',
  logKappa: 'DOUBLE',
  floor: 'BOOLEAN',
  learningRate: perModule,
  gradientNorm: perModule,
  updateRatio: perModule,
  distance: perModule,
  dEncoder: 'DOUBLE',
  dBackbone: 'DOUBLE',
  normalisedGradient: perModule,
  tightness: perModule,
  convergenceFactor: 'DOUBLE',
  probe: besides,
  withoutEnd: besides,
  split: 'VARCHAR',
  task: 'VARCHAR',
  choice: score,
  generation: score,
  choiceByKind: `MAP(VARCHAR, ${score})`,
  generationByKind: `MAP(VARCHAR, ${score})`,
  texts: 'MAP(VARCHAR, STRUCT(value DOUBLE, total INTEGER))',
};

/** A field of a record. */
export type Field = keyof typeof columns;

export const allFields = Object.keys(columns) as Field[];

/** What judging a journal needs, and mean log kappa with it. */
export const kappaFields: readonly Field[] = ['kind', 'step', 'loss', 'logKappa', 'floor', 'learningRate'];

/** Whether the file's last line lacks its line end and is not JSON: a writer was stopped in the middle of it. */
function lastLineTorn(path: string): boolean {
  const file = openSync(path, 'r');
  try {
    const { size } = fstatSync(file);
    let tail = Buffer.alloc(0);
    for (let end = size; end > 0 && !tail.includes(10);) {
      const start = Math.max(0, end - 65_536);
      const part = Buffer.alloc(end - start);
      readSync(file, part, 0, part.length, start);
      tail = Buffer.concat([part, tail]);
      end = start;
    }
    const line = tail.subarray(tail.lastIndexOf(10) + 1).toString('utf8');
    if (line.trim() === '') return false;
    try {
      JSON.parse(line);
      return false;
    } catch {
      return true;
    }
  } finally {
    closeSync(file);
  }
}

/** Why runs cannot be used, and what is odd about the others. */
export interface Judged {
  ignored: IgnoredRun[];
  notices: string[];
}

/** Bytes of the journals that are read at once. */
const partBytes = 24 * 1024 * 1024;

/** Runs in their order, in parts whose journals are read at once. */
function partsOf(runs: readonly FoundRun[]): FoundRun[][] {
  const parts: FoundRun[][] = [];
  let room = 0;
  for (const run of runs) {
    const { size } = statSync(run.journal);
    if (parts.length === 0 || size > room) {
      parts.push([]);
      room = partBytes;
    }
    parts.at(-1)!.push(run);
    room -= size;
  }
  return parts;
}

/** The type of the column `id`: the runs by name in their order, which takes less room and time than texts. */
async function createIds(connection: DuckDBConnection, runs: readonly FoundRun[]): Promise<void> {
  const names = runs.map(({ file }) => literal(file.id));
  await connection.run(`create type run_id as enum (${names.join(', ')})`);
}

/**
 * Loads fields of the lines of journals as the table `lines`, and judges them: returns why a run cannot be used, and
 * what is odd about the others.
 */
async function loadLines(
  connection: DuckDBConnection,
  runs: readonly FoundRun[],
  fields: readonly Field[],
): Promise<Judged> {
  const paths = runs.map((run) => literalPath(resolve(run.journal))).join(', ');
  // The file's place in the list, because taking its name apart in every line costs a fifth of the reading.
  const ids = runs.map((run) => literal(run.file.id)).join(', ');
  const read = fields.map((name) => `${name}: '${columns[name]}'`).join(', ');
  await connection.run(`create table lines as select ([${ids}]::run_id[])[file_index::bigint + 1] as id, *
    from read_json([${paths}], format = 'newline_delimited', ignore_errors = true, maximum_object_size = 16777216, columns = {${read}})`);
  const counts = await query<{ id: string; bad: number; repeated: number; gaps: number }>(
    connection,
    `select id,
      count(*) filter (kind is null or step is null) as bad,
      count(*) filter (kind = 'train') - count(distinct step) filter (kind = 'train') as repeated,
      count(*) filter ((kind = 'train' and not coalesce(isfinite(loss), false)) or (kind = 'measure' and not coalesce(isfinite(logKappa), false))) as gaps
    from lines group by id order by id`,
  );
  const ignored: IgnoredRun[] = [];
  const notices: string[] = [];
  for (const run of runs) {
    const { id } = run.file;
    const found = counts.find((row) => row.id === id) ?? { bad: 0, repeated: 0, gaps: 0 };
    const torn = lastLineTorn(run.journal);
    const unreadable = found.bad - (torn ? 1 : 0);
    if (unreadable > 0)
      ignored.push({ id, reason: `metrics.jsonl has ${unreadable} unreadable line${unreadable === 1 ? '' : 's'}` });
    else if (found.repeated > 0)
      ignored.push({ id, reason: `metrics.jsonl has ${found.repeated} train records more than steps` });
    else {
      if (torn) notices.push(`${id}: the last line of metrics.jsonl is torn; it was cut`);
      if (found.gaps > 0)
        notices.push(`${id}: ${found.gaps} records without a finite loss or kappa; they are left out`);
    }
  }
  return { ignored, notices };
}

/**
 * Reads fields of the journals of runs, a part after the other, and judges them. `add` takes over the table `lines` of a
 * part, of which the runs that are ignored do not count; `isFirst`: there was no part before.
 */
export async function readLines(
  connection: DuckDBConnection,
  runs: readonly FoundRun[],
  fields: readonly Field[],
  add: (isFirst: boolean, ignored: readonly IgnoredRun[]) => Promise<void>,
): Promise<Judged> {
  const all: Judged = { ignored: [], notices: [] };
  await createIds(connection, runs);
  for (const [i, part] of partsOf(runs).entries()) {
    const { ignored, notices } = await loadLines(connection, part, fields);
    await add(i === 0, ignored);
    await connection.run('drop table lines');
    all.ignored.push(...ignored);
    all.notices.push(...notices);
  }
  return all;
}
