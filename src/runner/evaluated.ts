/**
 * What a run has evaluated since a checkpoint, in `<checkpoint>.evaluated.json` beside it: one JSON file, written
 * whole, that names the checkpoint's tensors and the conditions, and carries its own hash. It is used only for exactly
 * these.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { writeWhole } from '../files';
import type { KeptEvaluation, KeptRow } from '../train/batchLog';
import { originDifferences, type CheckpointOrigin, type StoredCheckpoint } from './checkpoints';
import { sealedContent, sealedText } from './sealed';

const format = 'equipoise-evaluated/1';

/** Sealed (sealed.ts). */
interface EvaluatedFile {
  format: typeof format;
  identity: string;
  /** sha256 of the checkpoint's tensors */
  tensors: string;
  origin: CheckpointOrigin;
  evaluated: KeptEvaluation;
}

type Place = Pick<StoredCheckpoint, 'name' | 'tensors'>;
const pathOf = (folder: string, name: string) => join(folder, `${name}.evaluated.json`);

/**
 * Writes what was evaluated since a checkpoint, in place of what was written for it before. Throws the system's error
 * when the disk does not take it.
 */
export function writeEvaluated(
  folder: string,
  { name, tensors }: Place,
  identity: string,
  origin: CheckpointOrigin,
  evaluated: KeptEvaluation,
): void {
  const content: EvaluatedFile = { format, identity, tensors, origin, evaluated };
  writeWhole(pathOf(folder, name), sealedText(content));
}

/**
 * What was evaluated since a checkpoint, null when nothing was kept; else why it cannot be used under these conditions.
 */
export function readEvaluated(
  folder: string,
  { name, tensors }: Place,
  identity: string,
  origin: CheckpointOrigin,
): { found: KeptEvaluation | null; refused: string | null } {
  const path = pathOf(folder, name);
  if (!existsSync(path)) return { found: null, refused: null };
  try {
    return { found: parse(readFileSync(path, 'utf8'), { tensors, identity, origin }), refused: null };
  } catch (error) {
    return {
      found: null,
      refused: `what was evaluated after step ${Number(name.split('-')[0])} cannot be used and is evaluated again: ${error instanceof Error ? error.message : String(error)}`,
    };
  }
}

function parse(text: string, wanted: Pick<EvaluatedFile, 'tensors' | 'identity' | 'origin'>): KeptEvaluation {
  const content = sealedContent(text, format, 'its file') as EvaluatedFile;
  if (!isEvaluation(content.evaluated)) throw new Error('its file is damaged');
  if (content.identity !== wanted.identity) throw new Error('it belongs to another run');
  if (content.tensors !== wanted.tensors) throw new Error('it belongs to other weights');
  const differences = originDifferences(content.origin, wanted.origin);
  if (differences.length > 0) throw new Error(`it was made under other conditions: ${differences.join('; ')}`);
  return content.evaluated;
}

const isRow = (row: unknown): row is KeptRow =>
  typeof row === 'string' ||
  (Array.isArray(row) && row.every((number) => typeof number === 'number' && Number.isFinite(number)));

function isEvaluation(value: unknown): value is KeptEvaluation {
  if (typeof value !== 'object' || value === null) return false;
  const { batches, seconds } = value as Partial<Record<keyof KeptEvaluation, unknown>>;
  return (
    typeof seconds === 'number' &&
    seconds >= 0 &&
    Array.isArray(batches) &&
    batches.every((rows) => Array.isArray(rows) && rows.every(isRow))
  );
}
