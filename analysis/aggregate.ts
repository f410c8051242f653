/**
 * The journals of an experiment as tables to query. DuckDB reads the JSON lines itself.
 */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { basename, dirname, resolve } from 'node:path';
import type { DuckDBConnection } from '@duckdb/node-api';
import { literalPath, openDatabase, query, type DataRow } from './database';
import { grouped } from './grouped';
import { unpackedRuns } from './keep';
import { labelRuns, type RunLabels } from './labels';
import { readRuns, type FoundRun, type IgnoredRun } from './runs';
import type { RunFile } from '../src/runner/runFile';

/** A finished run with its labels; `file` is its run.json, `folder` where it lies. */
export interface Run extends RunLabels {
  id: string;
  task: string;
  seed: number;
  scheduler: string;
  file: RunFile;
  folder: string;
}

export interface Journals {
  /** name of the experiment's folder */
  experiment: string;
  /** finished runs, in order of id */
  runs: Run[];
  ignored: IgnoredRun[];
  /** what a reader must know about the journals that count: torn lines, values that are not finite */
  notices: string[];
  /**
   * Rows of a query over the tables
   * runs(id, task, panel, method, setting, scheduler, seed, rateEncoder, rateBackbone), train(id, step, loss, rateEncoder, rateBackbone, gradientEncoder, gradientBackbone) with norms before clipping,
   * measure(id, step, kappa, logKappa, floor, bothTrained (no module was frozen in the step, else kappa is not
   * defined), normalisedEncoder, normalisedBackbone, tightnessEncoder, tightnessBackbone, convergenceFactor, updateEncoder, updateBackbone: ||dtheta|| / ||theta||, dEncoder, dBackbone),
   * evaluate(id, step, split, loss, choice, generation) with accuracies in 0..1, null where no question was scored so,
   * shown(panel, step): the measured steps that curves show, at most 150 and the last one of each panel, and kinds(id,
   * kind, choice, generation) of each run's final evaluation; final(id, choice, generation) is its accuracy.
   * transfer(id, task, choice, generation): evaluations on tasks that the run was not trained on. State an order:
   * without one DuckDB promises none.
   */
  rows<Row extends DataRow>(sql: string): Promise<Row[]>;
  close(): void;
}

const perModule = 'STRUCT(encoder DOUBLE, backbone DOUBLE)';
const score = 'STRUCT(correct INTEGER, total INTEGER, accuracy DOUBLE)';
const columns = Object.entries({
  kind: 'VARCHAR',
  step: 'INTEGER',
  loss: 'DOUBLE',
  kappa: 'DOUBLE',
  logKappa: 'DOUBLE',
  floor: 'BOOLEAN',
  learningRate: perModule,
  gradientNorm: perModule,
  updateRatio: perModule,
  dEncoder: 'DOUBLE',
  dBackbone: 'DOUBLE',
  normalisedGradient: perModule,
  tightness: perModule,
  convergenceFactor: 'DOUBLE',
  split: 'VARCHAR',
  task: 'VARCHAR',
  choice: score,
  generation: score,
  choiceByKind: `MAP(VARCHAR, ${score})`,
  generationByKind: `MAP(VARCHAR, ${score})`,
})
  .map(([name, type]) => `${name}: '${type}'`)
  .join(', ');

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

/**
 * Loads the lines of every journal, and judges them: returns why a run cannot be used, and what is odd about the
 * others.
 */
async function loadLines(
  connection: DuckDBConnection,
  runs: readonly FoundRun[],
): Promise<{ ignored: IgnoredRun[]; notices: string[] }> {
  const paths = runs.map((run) => literalPath(resolve(run.journal))).join(', ');
  // The file's place in the list, because taking its name apart in every line costs a fifth of the reading.
  const ids = runs.map((run) => `'${run.file.id.replaceAll("'", "''")}'`).join(', ');
  await connection.run(`create table lines as select [${ids}][file_index::bigint + 1] as id, *
    from read_json([${paths}], format = 'newline_delimited', ignore_errors = true, maximum_object_size = 16777216, columns = {${columns}})`);
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

/** Two scores as columns `choice` and `generation`: 0 of 0, of a set without such questions, is no accuracy. */
const accuracies = (choice: string, generation: string) =>
  Object.entries({ choice, generation })
    .map(([name, score]) => `case when ${score}.total > 0 then ${score}.accuracy end as ${name}`)
    .join(', ');

/** Steps of a panel that a curve over measures shows; a panel is about 200 pt wide. */
const shownSteps = 150;

/** The tables to query; returns what is left out of curves. */
async function makeTables(connection: DuckDBConnection, runs: readonly Run[]): Promise<string[]> {
  await connection.run(
    'create table runs (id varchar, task varchar, panel varchar, method varchar, setting varchar, scheduler varchar, seed integer, rateEncoder double, rateBackbone double)',
  );
  const insert = await connection.prepare('insert into runs values ($1, $2, $3, $4, $5, $6, $7, $8, $9)');
  for (const run of runs) {
    [run.id, run.task, run.panel, run.method, run.setting, run.scheduler].forEach((value, i) =>
      insert.bindVarchar(i + 1, value),
    );
    insert.bindInteger(7, run.seed);
    insert.bindDouble(8, run.file.spec.learningRate.encoder);
    insert.bindDouble(9, run.file.spec.learningRate.backbone);
    await insert.run();
  }
  const counted = 'from lines semi join runs using (id)';
  await connection.run(
    `create table train as select id, step, loss, learningRate.encoder as rateEncoder, learningRate.backbone as rateBackbone,
      gradientNorm.encoder as gradientEncoder, gradientNorm.backbone as gradientBackbone ${counted} where kind = 'train' and isfinite(loss)`,
  );
  await connection.run(`create table measure as select id, step, kappa, logKappa, floor, learningRate.encoder > 0 and learningRate.backbone > 0 as bothTrained, normalisedGradient.encoder as normalisedEncoder,
    normalisedGradient.backbone as normalisedBackbone, tightness.encoder as tightnessEncoder, tightness.backbone as tightnessBackbone, convergenceFactor,
    updateRatio.encoder as updateEncoder, updateRatio.backbone as updateBackbone, dEncoder, dBackbone ${counted} where kind = 'measure' and isfinite(logKappa)`);
  await connection.run(`create table evaluate as select id, step, split, loss, ${accuracies('choice', 'generation')}, choiceByKind, generationByKind
    ${counted} where kind = 'evaluate' and task is null`);
  await connection.run(
    `create table transfer as select id, task, ${accuracies('choice', 'generation')} ${counted} where kind = 'evaluate' and task is not null`,
  );
  await connection.run(`create table final as select * exclude (place) from (select *, row_number() over (partition by id order by step desc) as place
    from evaluate where split = 'evaluation') where place = 1`);
  await connection.run(`create table kinds as select id, kind, ${accuracies('choiceByKind[kind]', 'generationByKind[kind]')}
    from (select *, unnest(map_keys(choiceByKind)) as kind from final)`);
  const places =
    '(select panel, step, row_number() over (partition by panel order by step) as nth, count(*) over (partition by panel) as total from (select distinct panel, step from measure join runs using (id)))';
  await connection.run(
    `create table shown as select panel, step from ${places} where nth % ceil(total / ${shownSteps})::integer = 0 or nth = total`,
  );
  const thinned = await query<{ panel: string; shown: number; total: number }>(
    connection,
    `select panel, count(*) as shown, total from shown join ${places} using (panel, step) where total > ${shownSteps} group by panel, total order by panel`,
  );
  return thinned.map(
    ({ panel, shown, total }) =>
      `${panel}: curves over measures show ${shown} of ${total} measured steps, evenly spread`,
  );
}

/** Runs by different versions of the method are different experiments: a mean over both says so. */
function mixedMethods(runs: readonly Run[]): string[] {
  const counts = grouped(runs, ({ file }) => file.code.method ?? 'unknown').map(
    (alike) => `${alike[0]!.file.code.method ?? 'unknown'} (${alike.length} run${alike.length === 1 ? '' : 's'})`,
  );
  return counts.length < 2
    ? []
    : [`runs by different versions of the method stand together: ${counts.sort().join(', ')}`];
}

async function openTables(
  connection: DuckDBConnection,
  found: readonly FoundRun[],
): Promise<{ runs: Run[]; ignored: IgnoredRun[]; notices: string[] }> {
  const { ignored, notices } = await loadLines(connection, found);
  const bad = new Set(ignored.map((run) => run.id));
  const good = found.filter((run) => !bad.has(run.file.id));
  const labels = labelRuns(good.map(({ file }) => file.spec));
  const runs = good.map(({ file, journal }, i) => ({
    folder: dirname(journal),
    id: file.id,
    task: file.spec.task,
    seed: file.spec.seed,
    scheduler: file.spec.scheduler.kind,
    file,
    ...labels[i]!,
  }));
  return { runs, ignored, notices: [...mixedMethods(runs), ...notices, ...(await makeTables(connection, runs))] };
}

/**
 * Opens the finished runs of `folder` (results/<experiment>, or an experiment that was kept compact); `only` names the
 * ids that count. Close it after use. Throws a UserError when the folder cannot be listed.
 */
export async function openJournals(folder: string, only?: readonly string[]): Promise<Journals> {
  const { runs: found, ignored } = readRuns(await unpackedRuns(folder), only);
  const experiment = basename(resolve(folder));
  if (found.length === 0)
    return { experiment, runs: [], ignored, notices: [], rows: () => Promise.resolve([]), close: () => undefined };
  const { connection, close } = await openDatabase();
  const opened = await openTables(connection, found);
  return {
    experiment,
    runs: opened.runs,
    ignored: [...ignored, ...opened.ignored].sort((a, b) => (a.id < b.id ? -1 : 1)),
    notices: opened.notices,
    rows: (sql) => query(connection, sql),
    close,
  };
}
