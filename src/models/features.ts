/**
 * Features of a whole set by a frozen tower, computed once and kept in the cache: `features/<identity>/{features.bin,
 * index.json}`, float32 little-endian, media in sorted order. The folder appears whole by renaming; two processes that want
 * the same features wait for each other.
 */
import { closeSync, existsSync, fstatSync, fsyncSync, mkdirSync, openSync, readdirSync, readFileSync, readSync, renameSync, rmSync, writeSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { withLock } from '../data/lock';
import { sourceIdentity } from '../data/sources';
import type { DataSet } from '../data/types';
import { cachePath, canonicalJson, sha256, writeWhole } from '../files';
import { userError } from '../problems';
import { tensorflowBinding } from '../tensor/backend';
import { tf } from '../tensor/tf';
import { findEncoder, type EncoderTower } from './encoders';

export interface FeatureTable {
  /** feature vectors per image or sound */ rows: number;
  /** length of one feature vector */ width: number;
  /** Features of one medium, rows x width, row by row: a view, do not write to it. Throws RangeError for an unknown key. */
  of(media: string): Float32Array;
}

export interface FeatureOptions {
  /** one of the tower's `rowChoices`; its default otherwise */ rows?: number;
  /** hears the number of finished media while features are computed; not called when they were stored */ onProgress?: (done: number, total: number) => void;
  /** hears who is computing the same features when this process has to wait */ onWait?: (owner: string) => void;
}

/** Grows with the layout of the stored files. */
const layout = 1;

interface Index { layout: number; rows: number; width: number; sha256: string; media: string[] }

/** Library and device class that computes now: results of one class are alike, between classes they differ in the last digits. */
function backendClass(): string {
  const native = tensorflowBinding();
  return native === null ? tf.getBackend() : `tensorflow-${native.backend.isUsingGpuDevice ? 'gpu' : 'cpu'}`;
}

/** sha256 over all that features depend on: the set, the tower with its weights and version, the number of rows, the backend class. */
export function featureIdentity(set: Pick<DataSet, 'identity'>, encoder: string, rows?: number): string {
  const tower = findEncoder(encoder);
  return sha256(canonicalJson({ layout, set: set.identity, encoder, version: tower.version, weights: sourceIdentity(tower.source), rows: rows ?? tower.rows, backend: backendClass() }));
}

/**
 * Features of every medium of the set, from the cache or computed on the current backend.
 * Throws UserError when set and tower differ in modality, a file cannot be read, weights cannot be had, or stored features are damaged.
 */
export async function featuresOf(set: DataSet, encoder: string, options: FeatureOptions = {}): Promise<FeatureTable> {
  const tower = findEncoder(encoder);
  if (tower.modality !== set.modality) throw userError({ where: `task ${set.task} with encoder ${encoder}`, what: `the encoder takes ${tower.modality}, the task gives ${set.modality}`, expected: `an encoder of ${set.modality}` });
  const folder = cachePath('features', featureIdentity(set, encoder, options.rows));
  if (!existsSync(folder)) {
    await withLock(`${folder}.lock`, async () => {
      if (!existsSync(folder)) await compute(folder, set, tower, options);
    }, options.onWait);
  }
  return readTable(folder, set, tower, options.rows ?? tower.rows);
}

async function compute(folder: string, set: DataSet, tower: EncoderTower, options: FeatureOptions): Promise<void> {
  const rows = options.rows ?? tower.rows;
  const media = [...set.media.keys()].sort();
  const open = await tower.open(rows);
  let features: Float32Array[];
  try {
    features = await open.extract(media.map((key) => set.media.get(key)!), (done) => options.onProgress?.(done, media.length));
  } finally {
    open.close();
  }
  const bytes = Buffer.alloc(4 * media.length * rows * tower.width);
  features.forEach((values, i) => {
    // A NaN here would spread into every result that uses this medium.
    if (values.length !== rows * tower.width || values.some((value) => !Number.isFinite(value))) throw userError({ where: set.media.get(media[i]!)!, what: 'its features are not finite numbers' });
    bytes.set(new Uint8Array(values.buffer, values.byteOffset, values.byteLength), 4 * i * rows * tower.width);
  });
  const index: Index = { layout, rows, width: tower.width, sha256: sha256(bytes), media };
  // A process that was killed while writing leaves its folder; we hold the lock, so nobody writes there now.
  for (const name of readdirSync(dirname(folder))) if (name.startsWith(`${basename(folder)}.`) && name.endsWith('.tmp')) rmSync(join(dirname(folder), name), { recursive: true, force: true });
  const temporary = `${folder}.${process.pid}.tmp`;
  try {
    mkdirSync(temporary, { recursive: true });
    writeLarge(join(temporary, 'features.bin'), bytes);
    writeWhole(join(temporary, 'index.json'), canonicalJson(index));
    renameSync(temporary, folder);
  } catch (error) {
    rmSync(temporary, { recursive: true, force: true });
    // Whoever took over a lock that looked abandoned may have finished first, with the same content.
    if (!existsSync(folder)) throw error;
  }
}

const chunk = 2 ** 28;

/** Writes and flushes bytes of any number; a single system call takes less than 2 GiB. */
function writeLarge(path: string, bytes: Buffer): void {
  const file = openSync(path, 'w');
  try {
    for (let at = 0; at < bytes.length;) at += writeSync(file, bytes, at, Math.min(chunk, bytes.length - at));
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

function readTable(folder: string, set: DataSet, tower: EncoderTower, rows: number): FeatureTable {
  const damaged = (what: string) => userError({ where: folder, what, expected: 'the features as they were stored', hint: 'remove this folder: features are computed again' });
  let index: Partial<Index>;
  try {
    index = JSON.parse(readFileSync(join(folder, 'index.json'), 'utf8')) as Partial<Index>;
  } catch {
    throw damaged('its index is missing or not JSON');
  }
  const keys = [...set.media.keys()].sort();
  if (index.rows !== rows || index.width !== tower.width || !Array.isArray(index.media) || canonicalJson(index.media) !== canonicalJson(keys)) throw damaged('its index names other media or another shape');
  const each = rows * tower.width;
  const path = join(folder, 'features.bin');
  const values = new Float32Array(keys.length * each);
  const bytes = new Uint8Array(values.buffer);
  if (!existsSync(path)) throw damaged('features.bin is missing');
  const file = openSync(path, 'r');
  try {
    if (fstatSync(file).size !== bytes.length) throw damaged(`features.bin has ${fstatSync(file).size} bytes instead of ${bytes.length}`);
    for (let at = 0; at < bytes.length;) {
      const got = readSync(file, bytes, at, Math.min(chunk, bytes.length - at), at);
      if (got === 0) throw damaged('features.bin breaks off');
      at += got;
    }
  } finally {
    closeSync(file);
  }
  if (sha256(bytes) !== index.sha256) throw damaged('features.bin does not have its hash');
  const places = new Map(keys.map((key, i) => [key, i * each]));
  return {
    rows,
    width: tower.width,
    of(media) {
      const at = places.get(media);
      if (at === undefined) throw new RangeError(`no features of ${JSON.stringify(media)}`);
      return values.subarray(at, at + each);
    },
  };
}
