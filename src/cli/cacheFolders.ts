/** What lies in the cache: for what, and what it costs to be without it. `doctor`, `clean` and docs/data.md say it. */
import { existsSync, readdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { isClaimed } from '../claim';
import { bytesAt, cachePath } from '../files';

interface CacheFolder {
  /** what it holds */
  holds: string;
  /**
   * how it comes back when it is removed: `computed` here, `fetched` again from where it came, or `never`, since it is
   * a person's own
   */
  again: 'computed' | 'fetched' | 'never';
  /** in words, what that takes */
  cost: string;
}

/** By the name of the folder (or file) in the cache. */
export const cacheFolders: Readonly<Record<string, CacheFolder>> = {
  alignment: { holds: 'modules after the alignment phase', again: 'computed', cost: 'a minute a seed and setting' },
  apt: { holds: "lists of Debian's packages", again: 'fetched', cost: 'seconds' },
  checkpoints: { holds: 'hashes of your checkpoints', again: 'computed', cost: 'reading each checkpoint once' },
  code: { holds: "the program's TypeScript as JavaScript, also of older versions", again: 'computed', cost: 'seconds' },
  content: {
    holds: 'fetched packages as they came, by their sha256',
    again: 'fetched',
    cost: 'the network, about 1 GB',
  },
  features: {
    holds: 'features and inputs of encoders, for whole sets or what short runs ask for',
    again: 'computed',
    cost: 'minutes a set and encoder',
  },
  frozen: {
    holds: 'frozen weights, a tensor a file, which all workers map into memory',
    again: 'computed',
    cost: 'reading each model once',
  },
  kept: { holds: 'kept experiments, unpacked for figures', again: 'computed', cost: 'seconds an experiment' },
  libraries: {
    holds: 'libraries under the LGPL, which are not installed: sharp with libvips, decoders of sounds',
    again: 'fetched',
    cost: 'the network, 10 MB',
  },
  problems: { holds: 'faults that were found in imported sets', again: 'computed', cost: 'importing the set' },
  published: { holds: 'published sets that you put there', again: 'never', cost: 'your own files' },
  sets: {
    holds: 'questions, pictures and sounds of prepared sets',
    again: 'computed',
    cost: 'minutes a set, from `sources`',
  },
  'setup.json': { holds: 'what set-up found', again: 'computed', cost: 'seconds' },
  sources: { holds: 'fetched packages, unpacked', again: 'computed', cost: 'unpacking, from `content`' },
  temporary: {
    holds: 'files of running processes; what ended ones left is removed by itself',
    again: 'never',
    cost: '',
  },
  tensorflow: { holds: 'the linked TensorFlow', again: 'fetched', cost: 'equipoise doctor --link, minutes' },
  texts: { holds: 'lengths of the texts of sets, in tokens', again: 'computed', cost: 'seconds' },
  weights: { holds: 'published weights turned into float32', again: 'computed', cost: 'seconds, from `sources`' },
};

export interface CachePart {
  name: string;
  bytes: number;
  /** undefined: nothing of this program */
  folder: CacheFolder | undefined;
}

/**
 * What lies in the cache now, by name, with sizes; of `which` alone. Every file is looked at: `onPart` hears whose turn
 * it is.
 */
export function cacheParts(
  which: (name: string) => boolean = () => true,
  onPart: (name: string) => void = () => undefined,
): CachePart[] {
  const base = cachePath();
  if (!existsSync(base)) return [];
  return readdirSync(base)
    .filter(which)
    .sort()
    .map((name) => {
      onPart(name);
      return { name, bytes: bytesAt(join(base, name)), folder: cacheFolders[name] };
    });
}

/** Removes what lies in a folder of the cache, but what a living process is making there. */
export function emptyCacheFolder(name: string): void {
  removeBelow(cachePath(name));
}

/** Removes an entry of the cache, unless it, or something in it, is locked by a living process. */
function removeBelow(path: string): void {
  const lock = path.endsWith('.lock') ? path : `${path.replace(/\.building$/, '')}.lock`;
  if (isClaimed(lock)) return;
  if (holdsLock(path)) for (const name of readdirSync(path)) removeBelow(join(path, name));
  else rmSync(path, { recursive: true, force: true });
}

/** Whether a folder has a lock of a living process somewhere below it. */
function holdsLock(path: string): boolean {
  return (
    statSync(path, { throwIfNoEntry: false })?.isDirectory() === true &&
    readdirSync(path, { withFileTypes: true }).some((entry) =>
      entry.isDirectory()
        ? holdsLock(join(path, entry.name))
        : entry.name.endsWith('.lock') && isClaimed(join(path, entry.name)),
    )
  );
}
