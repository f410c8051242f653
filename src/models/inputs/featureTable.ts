/** Features as they lie in the cache (features.ts writes them): checked against their index and hash, then read. */
import { createHash } from 'node:crypto';
import { closeSync, existsSync, fstatSync, openSync, readFileSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { canonicalJson } from '../../files';
import { objectIn } from '../../json';
import { userError } from '../../problems';

export interface FeatureTable {
  /** feature vectors per image or sound, or per tile of an image */
  rows: number;
  /** length of one feature vector */
  width: number;
  /**
   * Features of one medium, rows x width, row by row, of each of its tiles: a view, do not write to it. Throws RangeError
   * for an unknown key.
   */
  of(media: string): Float32Array;
  /** Tiles of one medium; 1 where it is seen whole. Throws RangeError for an unknown key. */
  items(media: string): number;
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
  /** tiles of each; absent where all are seen whole */
  items?: number[];
  notices?: string[];
}

/** Whether media may have several tiles. */
export interface StoredItems {
  /** most tiles of an image, which have the same rows each; left out: every medium is seen whole */
  mostItems?: number;
}

/** Whether a medium can have so many tiles. */
export const areItems = (count: unknown, { mostItems = 1 }: StoredItems): count is number =>
  Number.isSafeInteger(count) && (count as number) >= 1 && (count as number) <= mostItems;

/** What the features in a folder must be of. */
export interface FeatureShape extends StoredItems {
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

function indexOf(folder: string): Partial<FeatureIndex> {
  const path = join(folder, 'index.json');
  const index = existsSync(path) ? (objectIn(readFileSync(path, 'utf8')) as Partial<FeatureIndex> | null) : null;
  if (index === null) throw damaged(folder, 'its index is missing or not JSON');
  return index;
}

/** The media whose features a folder has. Throws UserError when its index does not say. */
export function mediaIn(folder: string): string[] {
  const { media } = indexOf(folder);
  if (!Array.isArray(media) || !media.every((key) => typeof key === 'string'))
    throw damaged(folder, 'its index names no media');
  return media;
}

function readIndex(folder: string, { media, rows, width }: FeatureShape): Partial<FeatureIndex> {
  const index = indexOf(folder);
  if (
    index.rows !== rows ||
    index.width !== width ||
    !Array.isArray(index.media) ||
    canonicalJson(index.media) !== canonicalJson(media)
  )
    throw damaged(folder, 'its index names other media or another shape');
  return index;
}

/** How many tiles each medium has. */
function itemsIn(index: Partial<FeatureIndex>, shape: FeatureShape, folder: string): readonly number[] {
  if (shape.mostItems === undefined) return shape.media.map(() => 1);
  const { items } = index;
  if (!Array.isArray(items) || items.length !== shape.media.length || !items.every((count) => areItems(count, shape)))
    throw damaged(folder, 'its index does not say how many tiles each image has');
  return items;
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
  const items = itemsIn(index, shape, folder);
  let length = 0;
  const places = new Map(
    keys.map((key, i) => [key, { from: length, to: (length += items[i]! * rows * width), items: items[i]! }]),
  );
  const path = join(folder, 'features.bin');
  if (!existsSync(path)) throw damaged(folder, 'features.bin is missing');
  const total = 4 * length;
  const held = total <= inMemory ? new Float32Array(length) : null;
  const file = openSync(path, 'r');
  let staysOpen = false;
  try {
    check(file, total, index.sha256, held, folder);
    staysOpen = held === null;
  } finally {
    if (!staysOpen) closeSync(file);
  }
  const placeOf = (media: string) => {
    const place = places.get(media);
    if (place === undefined) throw new RangeError(`no features of ${JSON.stringify(media)}`);
    return place;
  };
  return {
    rows,
    width,
    notices: Array.isArray(index.notices) ? index.notices.filter((notice) => typeof notice === 'string') : [],
    items: (media) => placeOf(media).items,
    of(media) {
      const { from, to } = placeOf(media);
      if (held !== null) return held.subarray(from, to);
      const values = new Float32Array(to - from);
      fill(file, new Uint8Array(values.buffer), 4 * from, folder);
      return values;
    },
  };
}

/** Several tables of one shape as one. */
export function joinedTable(
  parts: readonly { media: readonly string[]; table: FeatureTable }[],
  { rows, width }: Pick<FeatureTable, 'rows' | 'width'>,
): FeatureTable {
  const tables = new Map(parts.flatMap(({ media, table }) => media.map((key) => [key, table] as const)));
  const tableOf = (media: string) => {
    const table = tables.get(media);
    if (table === undefined) throw new RangeError(`no features of ${JSON.stringify(media)}`);
    return table;
  };
  return {
    rows,
    width,
    notices: parts.flatMap(({ table }) => table.notices),
    of: (media) => tableOf(media).of(media),
    items: (media) => tableOf(media).items(media),
  };
}
