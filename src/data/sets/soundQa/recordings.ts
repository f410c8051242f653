/**
 * The recordings that mixtures are made of: the curated list, their decoding, and their division into splits by take.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { exitCode, UserError, userError } from '../../../problems';
import { random } from '../../../random';
import { decodeSound } from '../../audio';
import { openQtResource, type QtResource } from '../../../sources/qtResource';
import type { OnProgress, Source } from '../generator';
import { trimSilence } from './clip';

/** One line of the curated list (data-manifests/recordings/sound-qa.json). */
interface RecordingEntry {
  /** name of the data manifest */
  source: string;
  /** path inside the source */
  path: string;
  /** name inside the Qt resource at `path` */
  inside?: string;
  class: string;
  /**
   * recordings of one take (same speaker, same session, same series) share this name and never stand on both sides of a
   * split
   */
  take: string;
  licence: string;
}

export interface RecordingList {
  about: string;
  classes: string[];
  /** sources that are only evaluated on: slice `held-out-package` */
  heldOutSources: string[];
  recordings: RecordingEntry[];
}

/** A decoded recording without silence at its ends. */
export interface Recording extends RecordingEntry {
  /** 16 kHz mono */
  samples: Float32Array;
}

/** The file of a recording, with its name inside a resource file. */
export function fileOf({ path, inside }: Pick<RecordingEntry, 'path' | 'inside'>): string {
  return inside === undefined ? path : `${path}#${inside}`;
}

/** Where a recording may be heard. */
export type Pool = 'train' | 'validation' | 'held-out-recordings' | 'held-out-package';
export const pools: readonly Pool[] = ['train', 'validation', 'held-out-recordings', 'held-out-package'];

/** Recordings by pool, class and take, in the list's order. */
export type Pools = Record<Pool, Map<string, Recording[][]>>;

/** Share of a class's takes that validation and evaluation get, at least `least` each. */
export interface SplitShares {
  validation: number;
  evaluation: number;
  least: number;
}

/** What decoding gave: the recordings, and for each one refused a line that says why. */
export interface Decoded {
  recordings: Recording[];
  refused: string[];
}

/**
 * A seldom file that a decoder refuses is counted and left out; more than this share means that the sources changed.
 */
const mostRefused = 0.05;

/** Only this much of a recording is used, seconds from its beginning: it bounds memory. */
const longest = 12;

/**
 * Decodes every recording of the list. Files that cannot be decoded are left out and named in `refused`.
 * Throws UserError when a file is missing or when too many are refused.
 */
export async function decodeRecordings(
  list: RecordingList,
  source: (name: string) => Source,
  onProgress: OnProgress,
): Promise<Decoded> {
  const recordings: Recording[] = [];
  const refused: string[] = [];
  let archive: { path: string; files: QtResource } | undefined;
  for (const [index, entry] of list.recordings.entries()) {
    const where = `${entry.source}/${entry.inside ?? entry.path}`;
    let bytes: Uint8Array = readSourceFile(join(source(entry.source).folder, entry.path), where);
    if (entry.inside !== undefined) {
      if (archive?.path !== `${entry.source}/${entry.path}`)
        archive = {
          path: `${entry.source}/${entry.path}`,
          files: openQtResource(bytes, `${entry.source}/${entry.path}`),
        };
      bytes = archive.files.read(entry.inside);
    }
    try {
      const samples = trimSilence(await decodeSound(bytes, where, longest));
      if (samples.length === 0) refused.push(`${where}: the sound is silent`);
      else recordings.push({ ...entry, samples });
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      refused.push(error.message);
    }
    if (index % 20 === 0) onProgress('decoding', index, list.recordings.length);
  }
  if (refused.length > mostRefused * list.recordings.length) {
    throw userError(
      {
        where: 'sound-qa',
        what: `${refused.length} of ${list.recordings.length} recordings cannot be read: ${refused.slice(0, 3).join('; ')}`,
        hint: 'the source packages have changed; compare them with data-manifests/recordings/sound-qa.json',
      },
      exitCode.failed,
    );
  }
  return { recordings, refused };
}

function readSourceFile(path: string, where: string): Uint8Array {
  try {
    return readFileSync(path);
  } catch {
    throw userError(
      {
        where,
        what: 'the source has no such file',
        hint: 'the file globs of its data manifest must include every recording of data-manifests/recordings/sound-qa.json',
      },
      exitCode.failed,
    );
  }
}

/**
 * Divides recordings into pools: held-out sources first; of every class's other takes, a seeded draw goes to validation
 * and evaluation and the rest to training. Throws UserError when a take would stand in two pools or a class be without
 * training takes.
 */
export function divide(
  recordings: readonly Recording[],
  list: Pick<RecordingList, 'classes' | 'heldOutSources'>,
  shares: SplitShares,
  seed: number,
): Pools {
  const pools: Pools = {
    train: new Map(),
    validation: new Map(),
    'held-out-recordings': new Map(),
    'held-out-package': new Map(),
  };
  const place = (pool: Pool, name: string, takes: Recording[][]) => {
    if (takes.length > 0) pools[pool].set(name, takes);
  };
  for (const name of list.classes) {
    const ofClass = recordings.filter((recording) => recording.class === name);
    const isHeldOut = (recording: Recording) => list.heldOutSources.includes(recording.source);
    place('held-out-package', name, byTake(ofClass.filter(isHeldOut)));
    const takes = random(seed, `sound-qa/takes/${name}`).shuffle(
      byTake(ofClass.filter((recording) => !isHeldOut(recording))),
    );
    const evaluated = Math.max(shares.least, Math.round(shares.evaluation * takes.length));
    const validated = Math.max(shares.least, Math.round(shares.validation * takes.length));
    if (takes.length <= evaluated + validated) {
      throw userError({
        where: 'sound-qa',
        what: `class ${name} has ${takes.length} takes`,
        expected: `more than ${evaluated + validated}, so that some are left for training`,
      });
    }
    place('held-out-recordings', name, takes.slice(0, evaluated));
    place('validation', name, takes.slice(evaluated, evaluated + validated));
    place('train', name, takes.slice(evaluated + validated));
  }
  requireDisjoint(pools);
  return pools;
}

function byTake(recordings: readonly Recording[]): Recording[][] {
  const takes = new Map<string, Recording[]>();
  for (const recording of recordings) takes.set(recording.take, [...(takes.get(recording.take) ?? []), recording]);
  return [...takes].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, of]) => of);
}

function requireDisjoint(divided: Pools): void {
  const poolOf = new Map<string, Pool>();
  for (const pool of pools) {
    for (const takes of divided[pool].values()) {
      for (const { take } of takes.flat()) {
        const before = poolOf.get(take);
        if (before !== undefined && before !== pool)
          throw userError({
            where: 'sound-qa',
            what: `take ${take} stands in ${before} and in ${pool}`,
            expected: 'one pool a take',
            hint: 'give recordings of different classes or packages takes of their own',
          });
        poolOf.set(take, pool);
      }
    }
  }
}
