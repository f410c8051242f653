/** Runs as the comparison with the committed ones needs them: set-up, seed, last evaluation, and a hash of the journal. */
import { existsSync, readdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { canonicalJson, sha256OfFile } from '../../src/files';
import { isRunId } from '../../src/manifest/identity';
import type { RunSpec } from '../../src/manifest/run';
import { checkedRunFile } from '../../src/runner/folders';
import type { RunFile } from '../../src/runner/runFile';
import { toldAccuracy } from '../../src/train/records';
import { literalPath, openDatabase, query } from '../database';
import { keptName } from '../keep';
import { readRuns } from '../runs';

export interface ComparedRun {
  id: string;
  seed: number;
  spec: RunSpec;
  /** everything but the seed and the device: runs that agree in it are one cell */
  cell: string;
  /** the cell without its method: what shares a spread */
  family: string;
  /** accuracy of its choices, or of greedy generation where no question has any */
  choice: number;
  loss: number;
  /** sha256 of metrics.jsonl; absent where nobody asks for it */
  journal?: string;
}

function comparedRun(file: RunFile, journal?: string): ComparedRun | null {
  if (file.status !== 'done' || file.final === null) return null;
  const { seed, device: _, ...cell } = file.spec;
  const { scheduler: _s, regulariser: _r, ...family } = cell;
  return {
    id: file.id,
    seed,
    spec: file.spec,
    cell: canonicalJson(cell),
    family: canonicalJson(family),
    choice: toldAccuracy(file.final),
    loss: file.final.loss,
    ...(journal === undefined ? {} : { journal }),
  };
}

/** The finished runs of an experiment's folder. Throws a UserError when it cannot be listed. */
export function ownRuns(folder: string): ComparedRun[] {
  return readRuns(folder).runs.flatMap(({ file, journal }) => comparedRun(file, sha256OfFile(journal).sha256) ?? []);
}

/**
 * The committed runs of every experiment below `reference`, each once; journals are hashed of those whose ids are in
 * `ids`. Without committed runs there are none: an installed package brings none along.
 */
export async function committedRunsOf(reference: string, ids: readonly string[]): Promise<ComparedRun[]> {
  const paths = (existsSync(reference) ? readdirSync(reference).sort() : [])
    .map((name) => join(reference, name, keptName))
    .filter((path) => existsSync(path));
  if (paths.length === 0) return [];
  const { connection, close } = await openDatabase();
  try {
    const from = `from read_parquet([${paths.map((path) => literalPath(resolve(path))).join(', ')}])`;
    const files = await query<{ id: string; text: string }>(
      connection,
      `select id, any_value(text) as text ${from} where file = 'run.json' group by id order by id`,
    );
    const wanted = ids.filter(isRunId).map((id) => `'${id}'`);
    const journals = await query<{ id: string; hash: string }>(
      connection,
      `select id, any_value(sha256(text)) as hash ${from} where file = 'metrics.jsonl' and id in ('', ${wanted.join(', ') || "''"}) group by id order by id`,
    );
    const hashes = new Map(journals.map(({ id, hash }) => [id, hash]));
    return files.flatMap(({ id, text }) => {
      const read = checkedRunFile(text);
      return read.state === 'read' ? (comparedRun(read.file, hashes.get(id)) ?? []) : [];
    });
  } finally {
    close();
  }
}

/** A committed run: the experiment that it was kept with, and its run.json. */
export interface CommittedRun {
  experiment: string;
  file: RunFile;
}

/**
 * The committed runs whose ids begin so, of one experiment or of all; in the order of experiments and ids. Those that
 * cannot be read are left out.
 */
export async function committedRunsNamed(
  reference: string,
  beginning: string,
  experiment?: string,
): Promise<CommittedRun[]> {
  const names = (existsSync(reference) ? readdirSync(reference).sort() : []).filter(
    (name) => (experiment ?? name) === name && existsSync(join(reference, name, keptName)),
  );
  if (names.length === 0 || !/^[0-9a-f]*$/.test(beginning)) return [];
  const { connection, close } = await openDatabase();
  try {
    const found: CommittedRun[] = [];
    for (const name of names) {
      const rows = await query<{ text: string }>(
        connection,
        `select text from read_parquet(${literalPath(resolve(join(reference, name, keptName)))})
         where file = 'run.json' and starts_with(id, '${beginning}') order by id`,
      );
      for (const { text } of rows) {
        const read = checkedRunFile(text);
        if (read.state === 'read') found.push({ experiment: name, file: read.file });
      }
    }
    return found;
  } finally {
    close();
  }
}
