/** The journals of an experiment as tables to query. */
import { basename, dirname, resolve } from 'node:path';
import type { DuckDBConnection } from '@duckdb/node-api';
import { literal, openDatabase, query, type DataRow } from './database';
import { grouped } from './grouped';
import { allFields, kappaFields, readLines, type Judged } from './journalLines';
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
   * runs(id, task, panel, method, setting, scheduler, seed, rateEncoder, rateBackbone), train(id, step, loss, rateEncoder, rateBackbone, gradientEncoder, gradientBackbone, distanceEncoder, distanceBackbone) with norms before clipping and Prodigy's estimates,
   * measure(id, step, kappa, logKappa, floor, bothTrained (no module was frozen in the step, else kappa is not
   * defined), normalisedEncoder, normalisedBackbone, tightnessEncoder, tightnessBackbone, convergenceFactor, updateEncoder, updateBackbone: ||dtheta|| / ||theta||, dEncoder, dBackbone,
   * probeLogKappa, withoutEndLogKappa: of what stands beside the measure, null where nothing does or a divergence was floored),
   * evaluate(id, step, split, loss, choice, generation) with accuracies in 0..1, null where no question was scored so,
   * shown(panel, step): the measured steps that curves show, at most 150 and the last one of each panel, and kinds(id,
   * kind, choice, generation) of each run's final evaluation; final(id, choice, generation) is its accuracy,
   * texts(id, metric, value) are its scores of generated text beyond the exact match.
   * transfer(id, task, choice, generation): evaluations on tasks that the run was not trained on. State an order:
   * without one DuckDB promises none.
   */
  rows<Row extends DataRow>(sql: string): Promise<Row[]>;
  close(): void;
}

/** Two scores as columns `choice` and `generation`: 0 of 0, of a set without such questions, is no accuracy. */
const accuracies = (choice: string, generation: string) =>
  Object.entries({ choice, generation })
    .map(([name, score]) => `case when ${score}.total > 0 then ${score}.accuracy end as ${name}`)
    .join(', ');

/** Steps of a panel that a curve over measures shows; a panel is about 200 pt wide. */
const shownSteps = 150;

/** Columns of the tables of records. */
const trainColumns = `id, step, loss, learningRate.encoder as rateEncoder, learningRate.backbone as rateBackbone,
  gradientNorm.encoder as gradientEncoder, gradientNorm.backbone as gradientBackbone,
  distance.encoder as distanceEncoder, distance.backbone as distanceBackbone`;
const kappaColumns = 'id, step, logKappa, floor, learningRate.encoder > 0 and learningRate.backbone > 0 as bothTrained';
const measureColumns = `${kappaColumns}, kappa, normalisedGradient.encoder as normalisedEncoder, normalisedGradient.backbone as normalisedBackbone,
  tightness.encoder as tightnessEncoder, tightness.backbone as tightnessBackbone, convergenceFactor,
  updateRatio.encoder as updateEncoder, updateRatio.backbone as updateBackbone, dEncoder, dBackbone,
  case when not probe.floor then probe.logKappa end as probeLogKappa,
  case when not withoutEnd.floor then withoutEnd.logKappa end as withoutEndLogKappa`;
const evaluateColumns = `id, step, split, loss, ${accuracies('choice', 'generation')}, choiceByKind, generationByKind, texts`;
const transferColumns = `id, task, ${accuracies('choice', 'generation')}`;

/** The tables of records, each with its columns and which records it takes. */
const recordTables: readonly (readonly [string, string, string])[] = [
  ['train', trainColumns, "kind = 'train' and isfinite(loss)"],
  ['measure', measureColumns, "kind = 'measure' and isfinite(logKappa)"],
  ['evaluate', evaluateColumns, "kind = 'evaluate' and task is null"],
  ['transfer', transferColumns, "kind = 'evaluate' and task is not null"],
];

/** The same of those alone that mean log kappa is computed from. */
const kappaTables: typeof recordTables = [
  ['train', 'id, step', recordTables[0]![2]],
  ['measure', kappaColumns, recordTables[1]![2]],
];

/** Takes records from the table `lines`, after those that are there already. */
const addRecords =
  (connection: DuckDBConnection, tables: typeof recordTables) =>
  async (isFirst: boolean, ignored: readonly IgnoredRun[]): Promise<void> => {
    const bad = ignored.map(({ id }) => literal(id));
    const counts = bad.length === 0 ? '' : ` and id not in (${bad.join(', ')})`;
    for (const [table, columns, which] of tables) {
      const rows = `select ${columns} from lines where ${which}${counts}`;
      await connection.run(isFirst ? `create table ${table} as ${rows}` : `insert into ${table} ${rows}`);
    }
  };

/** The tables that are made of those of the records; returns what is left out of curves. */
async function makeTables(connection: DuckDBConnection, runs: readonly Run[]): Promise<string[]> {
  await connection.run(
    'create table runs (id run_id, task varchar, panel varchar, method varchar, setting varchar, scheduler varchar, seed integer, rateEncoder double, rateBackbone double)',
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
  await connection.run(`create table final as select * exclude (place) from (select *, row_number() over (partition by id order by step desc) as place
    from evaluate where split = 'evaluation') where place = 1`);
  await connection.run(`create table kinds as select id, kind, ${accuracies('choiceByKind[kind]', 'generationByKind[kind]')}
    from (select *, unnest(map_keys(choiceByKind)) as kind from final)`);
  await connection.run(`create table texts as select id, metric, texts[metric].value as value
    from (select *, unnest(map_keys(texts)) as metric from final) where isfinite(texts[metric].value)`);
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
export function mixedMethods(runs: readonly { file: RunFile }[]): string[] {
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
  const { ignored, notices } = await readLines(connection, found, allFields, addRecords(connection, recordTables));
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
 * Opens the finished runs of `folder` (results/<experiment>, or an experiment that was kept compact); `asked` says
 * which are meant, all without it. Close it after use. Throws a UserError when the folder cannot be listed.
 */
export async function openJournals(folder: string, asked?: (file: RunFile) => boolean): Promise<Journals> {
  const { runs: found, ignored } = readRuns(await unpackedRuns(folder), asked);
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

/**
 * Of the finished runs that `only` names what mean log kappa is computed from, in a third of the time: the tables train(id,
 * step) and measure(id, step, logKappa, floor, bothTrained). Close it after use. Throws a UserError when the folder
 * cannot be listed.
 */
export async function openKappas(
  folder: string,
  only: ReadonlySet<string>,
): Promise<Judged & Pick<Journals, 'rows' | 'close'>> {
  const { runs: found, ignored } = readRuns(await unpackedRuns(folder), ({ id }) => only.has(id));
  if (found.length === 0) return { ignored, notices: [], rows: () => Promise.resolve([]), close: () => undefined };
  const { connection, close } = await openDatabase();
  const judged = await readLines(connection, found, kappaFields, addRecords(connection, kappaTables));
  return {
    ignored: [...ignored, ...judged.ignored],
    notices: judged.notices,
    rows: (sql) => query(connection, sql),
    close,
  };
}
