/**
 * Tasks made of released files: the published sets of `data-manifests/published/`, and a user's own in `tasks/` (or the
 * folder in EQUIPOISE_TASKS), each described by one JSON file (task.schema.json). Their names are task names like any
 * other.
 */
import { existsSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Modality } from '../modules';
import { lookUp } from '../parts/define';
import { UserError, userError, type Problem } from '../problems';
import { tasks } from './names';
import { readDocument } from './parse';
import { lookedUp } from '../userFolders';
import { isTaskFileName } from './taskNames';
import { taskFaults } from './validate';

export type TaskFormat =
  'jsonl' | 'textvqa' | 'iconqa' | 'a-okvqa' | 'clotho-aqa' | 'macs' | 'song-describer' | 'daquar';

/** A task manifest as its JSON says it; the meaning of each field is in task.schema.json. */
export interface TaskManifest {
  $schema?: string;
  name: string;
  about: string;
  modality: Modality;
  format: TaskFormat;
  questions: { file: string; split?: 'train' | 'validation' | 'evaluation' }[];
  media: string[];
  license: string;
  citeAs: string;
  url?: string;
  download?: { file: string; url: string }[];
  notVerified?: string[];
  prompt?: string;
  kinds?: string[];
  /** share of faulty records, 0 to 1 */
  tolerance?: number;
  limit?: Partial<Record<'train' | 'validation' | 'evaluation', number>>;
  divide?: { validation?: number; evaluation?: number };
  /** pixels */
  pictureSide?: number;
  seconds?: number;
  /** samples a second */
  sampleRate?: number;
  agreement?: 'majority' | 'unanimous';
  captions?: 'valid' | 'all';
}

/**
 * A task manifest and where it was read. `own`: its files lie beside it; `published`: in the data folder
 * (docs/data.md).
 */
export interface FoundTask {
  manifest: TaskManifest;
  kind: 'own' | 'published';
  /** the JSON file */
  path: string;
  /** its folder */
  folder: string;
}

/**
 * The manifest of a task made of released files; undefined for other tasks.
 * Throws UserError with every problem of the file.
 */
export function findTask(name: string): FoundTask | undefined {
  if (!isTaskFileName(name)) return undefined;
  const folders = lookedUp();
  const own = join(folders.tasks, `${name}.json`);
  if (existsSync(own)) return { manifest: readTaskManifest(own, name), kind: 'own', path: own, folder: dirname(own) };
  const ours = join(folders.publishedTasks, `${name}.json`);
  return existsSync(ours)
    ? { manifest: readTaskManifest(ours, name), kind: 'published', path: ours, folder: folders.publishedTasks }
    : undefined;
}

/**
 * The modality of any task by name; undefined when there is no such task or its manifest cannot be used (which
 * `findTask` says why).
 */
export function taskModality(name: unknown): Modality | undefined {
  const builtIn = lookUp(tasks, name)?.modality;
  if (builtIn !== undefined || typeof name !== 'string') return builtIn;
  try {
    return findTask(name)?.manifest.modality;
  } catch (error) {
    if (error instanceof UserError) return undefined;
    throw error;
  }
}

/** Manifests that were read, with the state of their files: a sweep of ten thousand runs asks for each run. */
const known = new Map<string, { state: string; manifest: TaskManifest }>();

/** Reads and checks one task manifest; its name must be its file's. Throws UserError with every problem. */
function readTaskManifest(path: string, name: string): TaskManifest {
  const { mtimeMs, size } = statSync(path);
  const state = `${mtimeMs} ${size}`;
  const before = known.get(path);
  if (before?.state === state) return before.manifest;
  const { value } = readDocument(path);
  const faults = taskFaults(value);
  if (faults.length > 0)
    throw new UserError(
      faults.map(({ place, ...fault }): Problem => ({ where: place === '' ? path : `${path} ${place}`, ...fault })),
    );
  const manifest = value as TaskManifest;
  if (manifest.name !== name)
    throw userError({
      where: `${path} /name`,
      what: `name \`${manifest.name}\` differs from the file's name`,
      expected: `\`${name}\``,
    });
  known.set(path, { state, manifest });
  return manifest;
}
