/**
 * What the runs of a crate have read beside data manifests: tasks of released files with the hashes of those, and
 * checkpoints of a user's own. A crate holds a record of each, by which its runs are identified where none of the files
 * are.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { isSha256 } from '../../files';
import { placesOfLock, type PinnedFile, type PinnedPlace } from '../../data/readers/pin';
import { isObject, readObject } from '../../json';
import type { RunSpec } from '../../manifest/run';
import { findTask, type FoundTask } from '../../manifest/taskManifest';
import { userError } from '../../problems';
import { isOwnCheckpoint, type CheckpointFile } from '../../sources/checkpoints';
import type { DataManifest } from '../../sources/dataManifest';
import { lookingUpIn } from '../../userFolders';
import { tasksOf } from '../identify';
import { readLimits } from './container';
import { checkpointPath, crateNames, taskFolders, taskLockPath, taskPath } from './paths';

/** A place of a task; with the data, also what a folder holds. */
export type CratePlace = PinnedPlace & { contents?: PinnedFile[] };

/** A task of released files, and what these were. */
export interface CrateTask {
  task: FoundTask;
  places: CratePlace[];
}

/** A checkpoint of a user's own. */
export interface CrateCheckpoint {
  name: string;
  /** as its model card states them, if it does */
  license: string | null;
  citeAs: string | null;
  files: CheckpointFile[];
}

/** All that the runs of a crate have read, each by name. */
export interface Inputs {
  sources: readonly DataManifest[];
  tasks: readonly CrateTask[];
  checkpoints: readonly CrateCheckpoint[];
}

/** What `work` gives where the names of tasks and checkpoints mean those of a crate. */
export function insideCrate<T>(crate: string, work: () => T): T {
  const at = (path: string) => join(crate, ...path.split('/'));
  const [tasks, publishedTasks] = [at(taskFolders.own), at(taskFolders.published)];
  return lookingUpIn({ tasks, publishedTasks, checkpoints: at(crateNames.checkpoints) }, work);
}

/** Names of the tasks of released files that a run reads. */
export const releasedTasksOf = (spec: RunSpec): string[] =>
  tasksOf(spec).filter((name) => findTask(name) !== undefined);

/** The checkpoint of the user's own that a run trains from, if it does. */
export const ownCheckpointOf = ({ checkpoint: name }: RunSpec): string | undefined =>
  name !== undefined && isOwnCheckpoint(name) ? name : undefined;

/** Paths in a crate of the records of a run's inputs; `of` narrows them to what the crate holds. */
export function recordsOf(spec: RunSpec, { tasks, checkpoints }: Inputs): string[] {
  const read = tasksOf(spec);
  return [
    ...tasks
      .filter(({ task: { manifest } }) => read.includes(manifest.name))
      .flatMap(({ task: { manifest, kind } }) => [taskPath(manifest.name, kind), taskLockPath(manifest.name)]),
    ...checkpoints
      .filter(({ name }) => name === spec.checkpoint)
      .flatMap(({ name }) => [checkpointPath(name, 'config.json'), checkpointPath(name, 'lock.json')]),
  ];
}

/** A file as a record lists it. */
const isListed = (file: unknown): file is CheckpointFile =>
  isObject(file) && typeof file['name'] === 'string' && Number.isSafeInteger(file['bytes']) && isSha256(file['sha256']);

/** The text of a checkpoint's record. */
export const checkpointLockText = (record: CrateCheckpoint): string =>
  `${JSON.stringify({ format: 'equipoise-checkpoint/1', ...record }, null, 2)}\n`;

/** The record of a task in a crate; call it inside the crate. Throws UserError when a part is missing or no record. */
export function readCrateTask(crate: string, name: string): CrateTask {
  const found = findTask(name);
  const path = taskLockPath(name);
  if (found === undefined || !existsSync(join(crate, path)))
    throw userError({
      where: found === undefined ? `tasks/*/${name}.json` : path,
      what: 'is not there, but runs read it',
    });
  const places = placesOfLock(readObject(join(crate, path), readLimits.lock), path) as CratePlace[];
  if (
    !places.every(
      ({ contents }: { contents?: unknown }) =>
        contents === undefined || (Array.isArray(contents) && contents.every(isListed)),
    )
  )
    throw userError({
      where: path,
      what: 'lists files without name, bytes and sha256',
      expected: 'what `export ro-crate` writes',
    });
  return { task: found, places };
}

/** The record of a checkpoint in a crate. Throws UserError when it is missing or no record. */
export function readCrateCheckpoint(crate: string, name: string): CrateCheckpoint {
  const path = checkpointPath(name, 'lock.json');
  if (!existsSync(join(crate, path))) throw userError({ where: path, what: 'is not there, but runs read it' });
  const value = readObject(join(crate, path), readLimits.lock);
  const isText = (text: unknown): text is string | null => text === null || typeof text === 'string';
  const { license, citeAs, files } = value;
  if (value['name'] !== name || !Array.isArray(files) || !files.every(isListed) || !isText(license) || !isText(citeAs))
    throw userError({ where: path, what: 'is no record of a checkpoint', expected: 'what `export ro-crate` writes' });
  return { name, license, citeAs, files };
}

/**
 * Licence and citation of a checkpoint as its model card states them (README.md on the hub: `license` between lines of
 * three dashes, a block of BibTeX); null for what it does not say.
 */
export function statedBy(folder: string): Pick<CrateCheckpoint, 'license' | 'citeAs'> {
  const path = join(folder, 'README.md');
  const card = existsSync(path) ? readFileSync(path, 'utf8').slice(0, 2 ** 20) : '';
  const head = /^---\r?\n([\s\S]*?)\r?\n---/.exec(card)?.[1] ?? '';
  const license = /^license:[ \t]*["']?([^"'\r\n]{1,200}?)["']?[ \t]*$/m.exec(head)?.[1];
  const name = /^license_name:[ \t]*["']?([^"'\r\n]{1,200}?)["']?[ \t]*$/m.exec(head)?.[1];
  const cited = /```(?:bibtex|bib|latex)?\s*\n(@[\s\S]{1,4000}?)```/.exec(card)?.[1];
  return { license: (license === 'other' ? name : undefined) ?? license ?? null, citeAs: cited?.trim() ?? null };
}

/** Licences by which files may be passed on as they are, as their identifiers (spdx.org/licenses) say it. */
const passedOn =
  /^(?:CC0(?:-1\.0)?|CC-BY(?:-NC)?(?:-SA|-ND)?-\d\.\d|PDDL-1\.0|ODC-By-1\.0|ODbL-1\.0|CDLA-(?:Permissive|Sharing)-\d\.\d|MIT|ISC|0BSD|BSD-[23]-Clause|Apache-2\.0|OFL-1\.1|Unlicense)$/;

/**
 * Whether a licence field says that files may be passed on: identifiers alone, joined by AND or OR. What is said in
 * other words is for a person to judge.
 */
export const maybePassedOn = (license: string): boolean =>
  license.split(/ (?:AND|OR) /).every((each) => passedOn.test(each.trim()));
