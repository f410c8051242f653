/**
 * Published checkpoints that a manifest may name: those that a data manifest fetches, and a user's own folders. By
 * their names and config.json alone.
 */
import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { projectRoot } from '../files';
import { jsonLimits, readObject } from '../json';
import type { Modality } from '../modules';
import { lookUp } from '../parts/define';
import { UserError } from '../problems';
import { lookedUp } from '../userFolders';

/** What a manifest may name and a data manifest fetches whole. */
export interface CheckpointName {
  modality: Modality;
  about: string;
}

/** Published checkpoints by the name of their data manifest. */
export const checkpoints: Readonly<Record<string, CheckpointName>> = {
  'blip2-opt-2-7b': { modality: 'image', about: 'BLIP-2 with OPT-2.7B' },
  'llava-1-5-7b': { modality: 'image', about: 'LLaVA-1.5 with Vicuna-7B' },
};

/**
 * What a tower reads, and whether images may be cut into tiles for it, by the `model_type` of config.json, for every
 * family that is read (src/models/published).
 */
const readByType: Readonly<Record<string, { modality: Modality; tiles: boolean }>> = {
  'blip-2': { modality: 'image', tiles: false },
  llava: { modality: 'image', tiles: false },
  internvl: { modality: 'image', tiles: true },
  internvl_chat: { modality: 'image', tiles: true },
  salmonn_whisper: { modality: 'audio', tiles: false },
};

/** The family that is read in tiles, for people. */
export const tiledFamily = 'InternVL2';

/**
 * Folder of a user's own checkpoints, one folder each: EQUIPOISE_CHECKPOINTS, else `checkpoints/` in the project. It
 * need not exist.
 */
export const ownCheckpointFolder = (): string => lookedUp().checkpoints;

/** Where a checkpoint's files come from. */
export type FoundCheckpoint = { kind: 'own'; folder: string } | { kind: 'published' };

/** The checkpoint of a name; undefined when there is none. */
export function findCheckpoint(name: string): FoundCheckpoint | undefined {
  if (lookUp(checkpoints, name) !== undefined) return { kind: 'published' };
  const folder = join(ownCheckpointFolder(), name);
  return wholeCheckpointName.test(name) && existsSync(join(folder, 'config.json'))
    ? { kind: 'own', folder }
    : undefined;
}

/** What a checkpoint may be called, as a part of a pattern. */
export const checkpointNameForm = '[a-z0-9][a-z0-9.-]{0,63}';

const wholeCheckpointName = new RegExp(`^${checkpointNameForm}$`);

/** Whether the name stands for other data or weights that come with Equipoise. */
export const isTakenName = (name: string): boolean =>
  lookUp(checkpoints, name) === undefined && existsSync(join(projectRoot, 'data-manifests', `${name}.json`));

/** Names that a manifest may use here, sorted: a user's own and the published ones. */
export function checkpointNames(): string[] {
  const base = ownCheckpointFolder();
  const own =
    existsSync(base) && statSync(base).isDirectory()
      ? readdirSync(base).filter((name) => findCheckpoint(name)?.kind === 'own')
      : [];
  return [...new Set([...own, ...Object.keys(checkpoints)])].sort();
}

/**
 * What a checkpoint's tower reads; undefined when there is no such checkpoint or its config.json says nothing that is
 * known.
 */
export function checkpointModality(name: string): Modality | undefined {
  const found = findCheckpoint(name);
  if (found?.kind === 'published') return lookUp(checkpoints, name)?.modality;
  return ownCheckpointReads(found)?.modality;
}

/** Whether images may be cut into tiles for a checkpoint; undefined where that is not known. */
export function checkpointTiles(name: string): boolean | undefined {
  const found = findCheckpoint(name);
  return found?.kind === 'published' ? false : ownCheckpointReads(found)?.tiles;
}

function ownCheckpointReads(found: FoundCheckpoint | undefined): { modality: Modality; tiles: boolean } | undefined {
  if (found?.kind !== 'own') return undefined;
  try {
    return lookUp(readByType, readObject(join(found.folder, 'config.json'), jsonLimits.config)['model_type']);
  } catch (error) {
    if (error instanceof UserError) return undefined; // told in full when the run reads it
    throw error;
  }
}
