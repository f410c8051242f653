/**
 * Checkpoints of a run in results/<experiment>/<id>/checkpoints/: tensors as safetensors, the rest as one JSON file
 * that carries the hash of the tensors, of the journal up to there, and of itself. The JSON file is written last, so a
 * checkpoint is whole or absent. The last two are kept: when the last is damaged, the one before it serves. Beside a
 * checkpoint may lie what has been evaluated since (evaluated.ts).
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, rmSync } from 'node:fs';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { sha256, writeWhole } from '../files';
import { readSafetensors, writeSafetensors } from '../models/weights/safetensors';
import type { LoopState, RunCheckpoint } from '../train/checkpoint';
import type { JournalPosition } from './journal';
import type { RunFile } from './runFile';
import { sealedContent, sealedText } from './sealed';

const format = 'equipoise-checkpoint/1';

/** On what a checkpoint was made; a run goes on exactly only on the same. */
export interface CheckpointOrigin {
  version: string;
  commit: string | null;
  backend: string;
  device: string;
  threads: number;
  node: string;
  tensorflow: string | null;
  processor: string;
}

/** Sealed (sealed.ts). Keys keep their order: the journal's records are made of these objects. */
interface CheckpointFile {
  format: typeof format;
  identity: string;
  origin: CheckpointOrigin;
  tensors: { file: string; bytes: number; sha256: string };
  journal: JournalPosition;
  loop: LoopState;
}

/** A checkpoint that was read and found whole. */
export interface StoredCheckpoint {
  name: string;
  checkpoint: RunCheckpoint;
  journal: JournalPosition;
  origin: CheckpointOrigin;
  /** sha256 of its tensors file */
  tensors: string;
}

/** What a run.json says about where the run is being trained, as an origin. */
export function originOf({ code, machine }: Pick<RunFile, 'code' | 'machine'>): CheckpointOrigin {
  const { backend, device, threads, node, tensorflow } = machine;
  return {
    version: code.version,
    commit: code.commit,
    backend,
    device,
    threads,
    node,
    tensorflow,
    processor: cpus()[0]?.model ?? 'unknown',
  };
}

/** Names sort by how far the run had come. */
function nameOf({ step, reached }: LoopState): string {
  return `${String(step).padStart(9, '0')}-${['trained', 'validated', 'closed'].indexOf(reached)}`;
}

/**
 * Writes a checkpoint and returns its name and the hash of its tensors. Throws the system's error when the disk does
 * not take it; older ones stay.
 */
export function writeCheckpoint(
  folder: string,
  identity: string,
  checkpoint: RunCheckpoint,
  journal: JournalPosition,
  origin: CheckpointOrigin,
): Pick<StoredCheckpoint, 'name' | 'tensors'> {
  mkdirSync(folder, { recursive: true });
  const name = nameOf(checkpoint.loop);
  const tensors = writeSafetensors(checkpoint.tensors);
  const content: CheckpointFile = {
    format,
    identity,
    origin,
    tensors: { file: `${name}.safetensors`, bytes: tensors.length, sha256: sha256(tensors) },
    journal,
    loop: checkpoint.loop,
  };
  writeWhole(join(folder, content.tensors.file), tensors);
  writeWhole(join(folder, `${name}.json`), sealedText(content));
  return { name, tensors: content.tensors.sha256 };
}

/**
 * Removes every checkpoint but these, what killed processes left half written, and the folder when nothing is left.
 * Files of other formats stay.
 */
export function pruneCheckpoints(folder: string, keep: readonly string[]): void {
  if (!existsSync(folder)) return;
  for (const file of readdirSync(folder).sort()) {
    const name = /^(\d{9}-\d)\.(json|safetensors|evaluated\.json)(\..*\.tmp)?$/.exec(file);
    if (name === null || (name[3] === undefined && keep.includes(name[1]!))) continue;
    if (name[2] === 'json' && name[3] === undefined && isForeign(join(folder, file))) continue;
    rmSync(join(folder, file), { force: true });
  }
  if (readdirSync(folder).length === 0) rmdirSync(folder);
}

/** Step of the newest checkpoint by its name, which says nothing about whether it is whole; null when there is none. */
export function checkpointStep(folder: string): number | null {
  const newest = !existsSync(folder)
    ? undefined
    : readdirSync(folder)
        .filter((file) => /^\d{9}-\d\.json$/.test(file))
        .sort()
        .at(-1);
  return newest === undefined ? null : Number(newest.slice(0, 9));
}

function isForeign(path: string): boolean {
  try {
    const found = (JSON.parse(readFileSync(path, 'utf8')) as { format?: unknown }).format;
    return typeof found === 'string' && /^equipoise-checkpoint\/\d+$/.test(found) && found !== format;
  } catch {
    return false;
  }
}

/**
 * The newest checkpoint that can be used, null when there is none, and why newer ones cannot.
 * @param journal whole lines of the run's journal: a checkpoint counts only while its records are still there
 */
export function newestCheckpoint(
  folder: string,
  identity: string,
  journal: Uint8Array,
): { found: StoredCheckpoint | null; refused: string[] } {
  const refused: string[] = [];
  const names = !existsSync(folder)
    ? []
    : readdirSync(folder)
        .filter((file) => /^\d{9}-\d\.json$/.test(file))
        .map((file) => file.slice(0, -5))
        .sort()
        .reverse();
  for (const name of names) {
    try {
      return { found: readCheckpoint(folder, name, identity, journal), refused };
    } catch (error) {
      refused.push(
        `the checkpoint of step ${Number(name.split('-')[0])} cannot be used: ${error instanceof Error ? error.message : String(error)}`,
      );
    }
  }
  return { found: null, refused };
}

function readCheckpoint(folder: string, name: string, identity: string, journal: Uint8Array): StoredCheckpoint {
  const content = sealedContent(
    readFileSync(join(folder, `${name}.json`), 'utf8'),
    format,
    'its JSON file',
  ) as CheckpointFile;
  if (content.identity !== identity) throw new Error('it belongs to another run');
  if (nameOf(content.loop) !== name) throw new Error('it was renamed');
  const position = content.journal;
  if (journal.length < position.bytes || sha256(journal.subarray(0, position.bytes)) !== position.sha256)
    throw new Error(`the journal no longer begins with its ${position.records} records`);
  const path = join(folder, `${name}.safetensors`);
  const bytes = readFileSync(path);
  if (bytes.length !== content.tensors.bytes || sha256(bytes) !== content.tensors.sha256)
    throw new Error('its tensors are damaged');
  return {
    name,
    checkpoint: { loop: content.loop, tensors: readSafetensors(bytes, path).tensors },
    journal: position,
    origin: content.origin,
    tensors: content.tensors.sha256,
  };
}

/** In what two origins differ, in words; empty when exactness is promised. */
export function originDifferences(then: CheckpointOrigin, now: CheckpointOrigin): string[] {
  const names = Object.keys(now) as (keyof CheckpointOrigin)[];
  return names
    .filter((name) => then[name] !== now[name])
    .map((name) => `${name} ${then[name] ?? 'unknown'} then, ${now[name] ?? 'unknown'} now`);
}
