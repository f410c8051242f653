/**
 * Tasks made of released files as recipes of the set store, and their import: the first reading, which writes the lock.
 */
import { existsSync, lstatSync, mkdirSync, rmSync, statSync, symlinkSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { findTask, type FoundTask } from '../../manifest/taskManifest';
import { ownTaskNames, publishedTaskNames } from '../../manifest/taskNames';
import { userError } from '../../problems';
import type { SetGenerator, SourceProvider } from '../sets/generator';
import { placeAt } from './folder';
import {
  lockPath,
  pinRelease,
  placesOf,
  readLock,
  releaseFolder,
  releaseIdentity,
  requirePinned,
  writeLock,
  type PinnedPlace,
} from './pin';
import { releasedGenerator } from './releasedSet';

interface ReleasedTask {
  task: FoundTask;
  generator: SetGenerator;
  provider: SourceProvider;
}

/**
 * The recipe of a task made of released files; undefined when there is no such task. Throws UserError for a manifest
 * that cannot be used.
 */
export function releasedTask(name: string): ReleasedTask | undefined {
  const task = findTask(name);
  if (task === undefined) return undefined;
  const provider: SourceProvider = {
    identity: () => releaseIdentity(task),
    open: async () => {
      requirePinned(task);
      return { name: task.manifest.name, folder: releaseFolder(task), licence: task.manifest.license };
    },
  };
  return { task, generator: releasedGenerator(task.manifest), provider };
}

/** Names of all tasks made of released files, a user's own included, sorted. */
export function releasedTaskNames(): string[] {
  return [...publishedTaskNames(), ...ownTaskNames()].sort();
}

/**
 * Hashes the files of a task and, for a published set, writes the lock on the first import; later the files must be
 * what the lock says, unless `again` is given. Throws UserError when the files are not there or have changed.
 */
export function pinTask(
  name: string,
  again = false,
): {
  task: FoundTask;
  places: PinnedPlace[];
  /** path of the lock, where there is one */
  lock?: string;
} {
  const { task } = known(name);
  if (task.kind === 'own') return { task, places: pinRelease(task) };
  const lock = lockPath(name);
  const locked = again || !existsSync(lock) ? null : readLock(name);
  if (locked !== null && existsSync(releaseFolder(task))) requirePinned(task);
  if (locked !== null) return { task, places: locked, lock };
  const places = pinRelease(task);
  writeLock(name, places);
  return { task, places, lock };
}

/** How far a task made of released files is: no file there, files there, or (published) also pinned by a lock. */
interface ReleaseState {
  name: string;
  modality: string;
  state: 'absent' | 'in place' | 'pinned';
  folder: string;
  license: string;
}

/** The state of one task by the presence of its files and lock. Throws UserError for an unknown name. */
export function releaseState(name: string): ReleaseState {
  const { task } = known(name);
  const folder = releaseFolder(task);
  const there = placesOf(task.manifest, folder).some((place) => placeAt(folder, place) !== undefined);
  const state = task.kind === 'published' && existsSync(lockPath(name)) ? 'pinned' : there ? 'in place' : 'absent';
  return { name, modality: task.manifest.modality, state, folder, license: task.manifest.license };
}

/**
 * Makes the folder where a published set is looked for a link to `from`; nothing is copied.
 * Throws UserError for a task of a user's own, for what is no folder, and when another folder lies there.
 */
export function linkRelease(name: string, from: string): void {
  const { task } = known(name);
  const where = '--from';
  if (task.kind === 'own')
    throw userError({ where, what: `${name} is a task of your own`, expected: `its files beside ${task.path}` });
  if (statSync(from, { throwIfNoEntry: false })?.isDirectory() !== true)
    throw userError({ where, what: `${from} is no folder` });
  const folder = releaseFolder(task);
  const before = lstatSync(folder, { throwIfNoEntry: false });
  if (resolve(from) === resolve(folder)) return;
  if (before !== undefined && !before.isSymbolicLink())
    throw userError({
      where,
      what: `${folder} is a folder already`,
      expected: 'a link or nothing there',
      hint: 'import without --from, or move that folder away',
    });
  rmSync(folder, { force: true });
  mkdirSync(dirname(folder), { recursive: true });
  symlinkSync(resolve(from), folder);
}

function known(name: string): ReleasedTask {
  const found = releasedTask(name);
  if (found === undefined)
    throw userError({
      where: `task ${name}`,
      what: 'is not made of released files',
      expected: `one of ${releasedTaskNames().join(', ')}`,
    });
  return found;
}
