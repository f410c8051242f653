/** Tasks made of released files as recipes of the set store, and their import: the first reading, which writes the lock. */
import { existsSync } from 'node:fs';
import { findTask, type FoundTask } from '../../manifest/taskManifest';
import { ownTaskNames, publishedTaskNames } from '../../manifest/taskNames';
import { userError } from '../../problems';
import type { SetGenerator, SourceProvider } from '../sets/generator';
import { lockPath, pinRelease, readLock, releaseFolder, releaseIdentity, requirePinned, writeLock, type PinnedPlace } from './pin';
import { releasedGenerator } from './releasedSet';

export interface ReleasedTask { task: FoundTask; generator: SetGenerator; provider: SourceProvider }

/** The recipe of a task made of released files; undefined when there is no such task. Throws UserError for a manifest that cannot be used. */
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
 * Hashes the files of a task and, for a published set, writes the lock on the first import; later the files must be what the lock says, unless
 * `again` is given. Throws UserError when the files are not there or have changed.
 */
export function pinTask(name: string, again = false): { task: FoundTask; places: PinnedPlace[]; /** path of the lock, where there is one */ lock?: string } {
  const found = releasedTask(name);
  if (found === undefined) throw userError({ where: `task ${name}`, what: 'is not made of released files', expected: `one of ${releasedTaskNames().join(', ')}` });
  const { task } = found;
  if (task.kind === 'own') return { task, places: pinRelease(task) };
  const lock = lockPath(name);
  const locked = again || !existsSync(lock) ? null : readLock(name);
  if (locked !== null && existsSync(releaseFolder(task))) requirePinned(task);
  if (locked !== null) return { task, places: locked, lock };
  const places = pinRelease(task);
  writeLock(name, places);
  return { task, places, lock };
}
