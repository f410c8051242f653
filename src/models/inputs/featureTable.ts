/** Features as they lie in the cache (features.ts writes them): checked against their index and hash, then read. */
import { createHash } from 'node:crypto';
import { closeSync, existsSync, fstatSync, openSync, readFileSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { canonicalJson } from '../../files';
import { objectIn } from '../../json';
import { userError } from '../../problems';

export interface FeatureTable {
  /** feature vectors per image or sound */
  rows: number;
  /** length of one feature vector */
  width: number;
  /** Features of one medium, rows x width, row by row: a view, do not write to it. Throws RangeError for an unknown key. */
  of(media: string): Float32Array;
  /** what was cut or dropped while media were read, for the records of a run */
  notices: readonly string[];
}

/** index.json beside the features. */
export interface FeatureIndex {
  layout: number;
  rows: number;
  width: number;
  sha256: string;
  media: string[];
  notices?: string[];
}

/** What the features in a folder must be of. */
export interface FeatureShape {
  /** keys in the order of the file */
  media: readonly string[];
  rows: number;
  width: number;
}

/** Bytes that are read and hashed at once. */
const chunk = 2 ** 26;

const damaged = (folder: string, what: string) =>
  userError({
    where: folder,
    what,
    expected: 'the features as they were stored',
    hint: 'remove this folder: features are computed again',
  });

function readIndex(folder: string, { media, rows, width }: FeatureShape): Partial<FeatureIndex> {
  const path = join(folder, 'index.json');
  const index = existsSync(path) ? (objectIn(readFileSync(path, 'utf8')) as Partial<FeatureIndex> | null) : null;
  if (index === null) throw damaged(folder, 'its index is missing or not JSON');
  if (
    index.rows !== rows ||
    index.width !== width ||
    !Array.isArray(index.media) ||
    canonicalJson(index.media) !== canonicalJson(media)
  )
    throw damaged(folder, 'its index names other media or another shape');
  return index;
}

/** Fills `bytes` from a place of the file on. */
function fill(file: number, bytes: Uint8Array, from: number, folder: string): void {
  for (let at = 0; at < bytes.length;) {
    const got = readSync(file, bytes, at, bytes.length - at, from + at);
    if (got === 0) throw damaged(folder, 'features.bin breaks off');
    at += got;
  }
}

/** Reads the whole file, into `held` if that is given, and compares it with its size and hash. */
function check(file: number, total: number, hash: string | undefined, held: Float32Array | null, folder: string): void {
  const { size } = fstatSync(file);
  if (size !== total) throw damaged(folder, `features.bin has ${size} bytes instead of ${total}`);
  const found = createHash('sha256');
  const buffer = new Uint8Array(held === null ? chunk : 0);
  for (let at = 0; at < total; at += chunk) {
    const length = Math.min(chunk, total - at);
    const bytes = held === null ? buffer.subarray(0, length) : new Uint8Array(held.buffer, at, length);
    fill(file, bytes, at, folder);
    found.update(bytes);
  }
  if (found.digest('hex') !== hash) throw damaged(folder, 'features.bin does not have its hash');
}

/**
 * The table of a folder; of more than `inMemory` bytes it stays on disk and is read one medium at a time. Throws
 * UserError when the folder is not what was stored, or is of other media or another shape.
 */
export function readFeatures(folder: string, shape: FeatureShape, inMemory: number): FeatureTable {
  const index = readIndex(folder, shape);
  const { media: keys, rows, width } = shape;
  const each = rows * width;
  const path = join(folder, 'features.bin');
  if (!existsSync(path)) throw damaged(folder, 'features.bin is missing');
  const total = 4 * keys.length * each;
  const held = total <= inMemory ? new Float32Array(keys.length * each) : null;
  const file = openSync(path, 'r');
  let staysOpen = false;
  try {
    check(file, total, index.sha256, held, folder);
    staysOpen = held === null;
  } finally {
    if (!staysOpen) closeSync(file);
  }
  const places = new Map(keys.map((key, i) => [key, i * each]));
  return {
    rows,
    width,
    notices: Array.isArray(index.notices) ? index.notices.filter((notice) => typeof notice === 'string') : [],
    of(media) {
      const at = places.get(media);
      if (at === undefined) throw new RangeError(`no features of ${JSON.stringify(media)}`);
      if (held !== null) return held.subarray(at, at + each);
      const values = new Float32Array(each);
      fill(file, new Uint8Array(values.buffer), 4 * at, folder);
      return values;
    },
  };
}
