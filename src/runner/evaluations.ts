/**
 * Evaluations made of finished runs afterwards, in `evaluations/` of the run's folder: `<task>-<weights>.jsonl` with
 * the predictions as in predictions.jsonl, and `<task>-<weights>.json` that says of what they are and carries their
 * hash. An answer comes from there when run, weights, questions and method are the same.
 */
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { sha256, writeWhole } from '../files';
import { evaluationRecord } from '../train/evaluate';
import type { Evaluated } from '../train/evaluateTrained';
import { predictionLines, readPredictions } from '../train/predictions';
import type { EvaluateRecord } from '../train/records';
import type { RunFolder } from './folders';

const format = 'equipoise-evaluation/1';

/** On what an evaluation depends. */
export interface EvaluationKey {
  /** of the run, sha256 */
  identity: string;
  weights: {
    which: 'last' | 'best';
    /** of the file */
    sha256: string;
  };
  /** task, and the identity of its set */
  data: { task: string; identity: string };
  /** methodVersion */
  method: string;
}

const parts: Record<keyof EvaluationKey, string> = {
  identity: 'another run',
  weights: 'other weights',
  data: 'other questions',
  method: 'another method',
};

interface EvaluationFile extends EvaluationKey {
  format: typeof format;
  machine: { backend: string; device: string };
  predictions: { sha256: string; lines: number };
  record: EvaluateRecord;
}

const pathsOf = ({ folder }: Pick<RunFolder, 'folder'>, { data, weights }: EvaluationKey) => {
  const base = join(folder, 'evaluations', `${data.task}-${weights.which}`);
  return { json: `${base}.json`, lines: `${base}.jsonl` };
};

/**
 * Keeps an evaluation, in place of an older one of this task and these weights. The JSON file comes last: without it
 * the predictions count for nothing.
 */
export function writeEvaluation(
  run: Pick<RunFolder, 'folder'>,
  key: EvaluationKey,
  machine: EvaluationFile['machine'],
  { record, predictions }: Evaluated,
): void {
  const paths = pathsOf(run, key);
  mkdirSync(join(run.folder, 'evaluations'), { recursive: true });
  const lines = predictionLines(predictions);
  writeWhole(paths.lines, lines);
  writeWhole(
    paths.json,
    `${JSON.stringify({ format, ...key, machine, predictions: { sha256: sha256(lines), lines: predictions.length }, record } satisfies EvaluationFile, null, 2)}\n`,
  );
}

/**
 * A kept evaluation; null when there is none of exactly this, with the reason when files of this name cannot be used.
 */
export async function readEvaluation(
  run: Pick<RunFolder, 'folder'>,
  key: EvaluationKey,
): Promise<{ found: Evaluated | null; refused: string | null }> {
  const paths = pathsOf(run, key);
  if (!existsSync(paths.json)) return { found: null, refused: null };
  const refuse = (refused: string) => ({ found: null, refused });
  try {
    const file = JSON.parse(readFileSync(paths.json, 'utf8')) as Partial<EvaluationFile> | null;
    if (file?.format !== format)
      return refuse(`${paths.json} has the format ${JSON.stringify(file?.format)}, not "${format}"`);
    for (const [part, name] of Object.entries(parts) as [keyof EvaluationKey, string][])
      if (!isDeepStrictEqual(file[part], key[part])) return refuse(`what was kept is of ${name}`);
    const text = readFileSync(paths.lines, 'utf8');
    if (sha256(text) !== file.predictions?.sha256) return refuse(`${paths.lines} was changed`);
    const predictions = readPredictions(text, paths.lines);
    const { task, step } = file.record ?? {};
    const record = {
      ...(await evaluationRecord(predictions, Number(step), 'evaluation')),
      ...(task === undefined ? {} : { task }),
    };
    if (!isDeepStrictEqual(JSON.parse(JSON.stringify(record)), file.record))
      return refuse(`${paths.json} has other numbers than its predictions give`);
    return { found: { record, predictions }, refused: null };
  } catch (error) {
    return refuse(`${paths.json} cannot be read: ${error instanceof Error ? error.message : String(error)}`);
  }
}
