/**
 * Finished runs of an experiment in one compact file, `runs.parquet`: a row for each run.json, metrics.jsonl and
 * measured landscape, and on request predictions.jsonl, with its text to the byte, compressed with zstd. What is
 * unpacked is what was trained, so figures from it equal figures from the original journals.
 */
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { cachePath, sha256, writeWhole } from '../src/files';
import { isRunId } from '../src/manifest/identity';
import { userError } from '../src/problems';
import { landscapeName, predictionsName } from '../src/runner/folders';
import { literalPath, openDatabase, query } from './database';
import { readRuns, type IgnoredRun } from './runs';

/** Name of the compact file in the folder of a kept experiment. */
export const keptName = 'runs.parquet';

/** Files of a run that are kept: a landscape only where it was measured, answers only where that is asked for. */
const keptFiles: readonly string[] = [landscapeName, 'metrics.jsonl', predictionsName, 'run.json'];
/** A kept file grows beyond this only by mistake or malice. */
const mostBytes = 512 * 1024 ** 2;

/** What was kept, of how many runs with answers, and which runs were not, with reasons. `bytes`: size of the compact file. */
export interface Kept {
  path: string;
  runs: number;
  answers: number;
  bytes: number;
  ignored: IgnoredRun[];
}

/**
 * Writes the finished runs of `folder` (results/<experiment>) to `out`/runs.parquet, in order of id; equal runs give
 * equal bytes. `answers`: with what they answered, where they kept that. Throws UserError when there is no finished run.
 */
export async function keepRuns(folder: string, out: string, { answers = false } = {}): Promise<Kept> {
  const { runs, ignored } = readRuns(folder);
  if (runs.length === 0)
    throw userError({ where: folder, what: 'has no finished run to keep', hint: 'train first: equipoise run' });
  const path = join(out, keptName);
  const { connection, close } = await openDatabase();
  const part = `${path}.part`;
  const kept = runs.map(({ file, journal }) => ({
    id: file.id,
    folder: dirname(journal),
    files: keptFiles.filter(
      (name) => (answers || name !== predictionsName) && existsSync(join(dirname(journal), name)),
    ),
  }));
  try {
    mkdirSync(out, { recursive: true });
    await connection.run('create table kept (id varchar, file varchar, text varchar)');
    const insert = await connection.prepare('insert into kept values ($1, $2, $3)');
    for (const { id, folder: from, files } of kept)
      for (const file of files) {
        [id, file, readFileSync(join(from, file), 'utf8')].forEach((value, i) => insert.bindVarchar(i + 1, value));
        await insert.run();
      }
    await connection.run(
      `copy (select * from kept order by id, file) to ${literalPath(part)} (format parquet, compression zstd, compression_level 19)`,
    );
  } finally {
    close();
  }
  const content = readFileSync(part);
  writeWhole(path, content);
  rmSync(part, { force: true });
  const withAnswers = kept.filter(({ files }) => files.includes(predictionsName));
  return { path, runs: runs.length, answers: withAnswers.length, bytes: content.length, ignored };
}

/**
 * The folder with the runs of a kept experiment, unpacked once into the cache; `folder` itself when it holds no compact
 * file. Throws UserError for a file that is not one of ours.
 */
export async function unpackedRuns(folder: string): Promise<string> {
  const path = join(folder, keptName);
  if (!existsSync(path)) return folder;
  const target = cachePath('kept', sha256(readFileSync(path)).slice(0, 32), basename(resolve(folder)));
  if (existsSync(target)) return target;
  const { connection, close } = await openDatabase();
  try {
    const from = `from read_parquet(${literalPath(resolve(path))})`;
    const [size] = await query<{ bytes: number; files: number }>(
      connection,
      `select sum(strlen(text))::double as bytes, count(*) as files ${from}`,
    ).catch((error: unknown) => {
      throw userError({
        where: path,
        what: `cannot be read: ${(error as Error).message.split('\n')[0]}`,
        expected: 'a Parquet file written by `equipoise keep`',
      });
    });
    if (size!.bytes > mostBytes)
      throw userError({
        where: path,
        what: `holds ${Math.round(size!.bytes / 1024 ** 2)} MB of text`,
        expected: `at most ${mostBytes / 1024 ** 2} MB`,
      });
    const rows = await query<{ id: string; file: string; text: string }>(
      connection,
      `select id, file, text ${from} order by id, file`,
    );
    const odd = rows.find(
      ({ id, file, text }) => !isRunId(String(id)) || !keptFiles.includes(file) || typeof text !== 'string',
    );
    if (odd !== undefined)
      throw userError({
        where: path,
        what: `holds ${JSON.stringify(odd.file)} of run ${JSON.stringify(odd.id)}`,
        expected: `only ${keptFiles.join(', ')} of runs with an id of 16 hexadecimal digits`,
      });
    const part = `${target}.${process.pid}`;
    rmSync(part, { recursive: true, force: true });
    for (const { id, file, text } of rows) {
      mkdirSync(join(part, id), { recursive: true });
      writeFileSync(join(part, id, file), text);
    }
    place(part, target);
  } finally {
    close();
  }
  return target;
}

/** Puts the finished folder in its place; when another process was first, that one's stays. */
function place(part: string, target: string): void {
  try {
    renameSync(part, target);
  } catch (error) {
    rmSync(part, { recursive: true, force: true });
    if (!existsSync(target)) throw error;
  }
}
