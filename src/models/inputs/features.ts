/**
 * Features of a whole set by a frozen tower, computed once and kept in the cache: `features/<identity>/{features.bin,
 * index.json}`, float32 little-endian, media in sorted order. The folder appears whole by renaming; two processes that want
 * the same features wait for each other.
 */
import { createHash } from 'node:crypto';
import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { withLock } from '../../sources/lock';
import { sourceIdentity } from '../../sources/sources';
import type { DataSet } from '../../data/types';
import { cachePath, canonicalJson, sha256, writeWhole } from '../../files';
import { userError } from '../../problems';
import { tensorflowBinding } from '../../tensor/backend';
import { tf } from '../../tensor/tf';
import type { Code } from '../../parts/code';
import { findEncoder, type EncoderTower } from '../zoo/encoders';
import { saidOfTower } from './modelCode';
import { areItems, readFeatures, type FeatureIndex, type FeatureTable, type StoredItems } from './featureTable';

/** A frozen tower whose features are stored. */
export interface FeatureTower
  extends Pick<EncoderTower, 'modality' | 'version' | 'rows' | 'width' | 'open'>, StoredItems {
  /** enters the identity of what is stored */
  name: string;
  /** hash of its weights and of all else that its features depend on */
  weights: string;
  /** what is said of its code (`saidOfTower`) */
  code?: string | Code | undefined;
  /** `any`: computed without one, the same everywhere */
  backend?: 'any';
}

export interface FeatureOptions {
  /** one of the tower's `rowChoices`; its default otherwise */
  rows?: number;
  /** features of more bytes stay on disk and are read one medium at a time; default 1 GiB */
  inMemory?: number;
  /** hears the number of finished media while features are computed; not called when they were stored */
  onProgress?: (done: number, total: number) => void;
  /** hears who is computing the same features when this process has to wait */
  onWait?: (owner: string) => void;
}

/** Grows with the layout of the stored files. */
const layout = 1;

/** Features of more bytes stay on disk. */
export const usuallyInMemory = 2 ** 30;

/** Media whose features are held before they are written; a multiple of every tower's batch, so that batches do not depend on it. */
const together = 64;

/** So many notices of a set are kept word for word. */
const mostNotices = 8;

/** Library and device class that computes now: results of one class are alike, between classes they differ in the last digits. */
function backendClass(): string {
  const native = tensorflowBinding();
  return native === null ? tf.getBackend() : `tensorflow-${native.backend.isUsingGpuDevice ? 'gpu' : 'cpu'}`;
}

/** sha256 over all that features depend on: the set, the tower with its weights and version, the number of rows, the backend class. */
export const featureIdentity = (set: Pick<DataSet, 'identity'>, encoder: string, rows?: number): string =>
  identityOf(set, towerOf(encoder), rows);

const identityOf = (
  set: Pick<DataSet, 'identity'>,
  { name, version, weights, rows: usual, backend, code, mostItems }: FeatureTower,
  rows: number | undefined,
): string =>
  sha256(
    canonicalJson({
      layout,
      set: set.identity,
      encoder: name,
      version,
      weights,
      rows: rows ?? usual,
      backend: backend ?? backendClass(),
      ...(code === undefined ? {} : { code }),
      ...(mostItems === undefined ? {} : { mostItems }),
    }),
  );

function towerOf(encoder: string): FeatureTower {
  const tower = findEncoder(encoder);
  const { modality, source, version, rows, width, open } = tower;
  return {
    name: encoder,
    weights: source === undefined ? 'none' : sourceIdentity(source),
    code: saidOfTower(tower),
    modality,
    version,
    rows,
    width,
    open: (asked) => open.call(tower, asked),
  };
}

/**
 * Features of every medium of the set by an encoder of the small zoo, from the cache or computed on the current backend.
 * Throws UserError when set and tower differ in modality, a file cannot be read, weights cannot be had, or stored features are damaged.
 */
export const featuresOf = (set: DataSet, encoder: string, options: FeatureOptions = {}): Promise<FeatureTable> =>
  featuresBy(set, towerOf(encoder), options);

/** The same by any tower. */
export async function featuresBy(
  set: DataSet,
  tower: FeatureTower,
  options: FeatureOptions = {},
): Promise<FeatureTable> {
  if (tower.modality !== set.modality)
    throw userError({
      where: `task ${set.task} with encoder ${tower.name}`,
      what: `the encoder takes ${tower.modality}, the task gives ${set.modality}`,
      expected: `an encoder of ${set.modality}`,
    });
  const folder = cachePath('features', identityOf(set, tower, options.rows));
  if (!existsSync(folder)) {
    await withLock(
      `${folder}.lock`,
      async () => {
        if (!existsSync(folder)) await compute(folder, set, tower, options);
      },
      options.onWait,
    );
  }
  const { width, mostItems } = tower;
  const shape = {
    media: sortedMedia(set),
    rows: options.rows ?? tower.rows,
    width,
    ...(mostItems === undefined ? {} : { mostItems }),
  };
  return readFeatures(folder, shape, options.inMemory ?? usuallyInMemory);
}

/** The order in which features lie in their file. */
const sortedMedia = (set: DataSet): string[] => [...set.media.keys()].sort();

async function compute(folder: string, set: DataSet, tower: FeatureTower, options: FeatureOptions): Promise<void> {
  const rows = options.rows ?? tower.rows;
  const media = sortedMedia(set);
  // A process that was killed while writing leaves its folder; we hold the lock, so nobody writes there now.
  const parent = dirname(folder);
  if (existsSync(parent))
    for (const name of readdirSync(parent))
      if (name.startsWith(`${basename(folder)}.`) && name.endsWith('.tmp'))
        rmSync(join(parent, name), { recursive: true, force: true });
  const temporary = `${folder}.${process.pid}.tmp`;
  const open = await tower.open(rows);
  try {
    mkdirSync(temporary, { recursive: true });
    const file = openSync(join(temporary, 'features.bin'), 'w');
    const hash = createHash('sha256');
    const items: number[] = [];
    try {
      for (let from = 0; from < media.length; from += together) {
        const some = media.slice(from, from + together);
        const features = await open.extract(
          some.map((key) => set.media.get(key)!),
          (done) => options.onProgress?.(from + done, media.length),
        );
        features.forEach((values, i) => {
          const count = values.length / (rows * tower.width);
          // A NaN here would spread into every result that uses this medium.
          if (!areItems(count, tower) || values.some((value) => !Number.isFinite(value)))
            throw userError({ where: set.media.get(some[i]!)!, what: 'its features are not finite numbers' });
          items.push(count);
          const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
          hash.update(bytes);
          for (let at = 0; at < bytes.length;) at += writeSync(file, bytes, at);
        });
      }
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    const index: FeatureIndex = {
      layout,
      rows,
      width: tower.width,
      sha256: hash.digest('hex'),
      media,
      ...(tower.mostItems === undefined ? {} : { items }),
      ...noticesOf(open.notices ?? [], set.media),
    };
    writeWhole(join(temporary, 'index.json'), canonicalJson(index));
    renameSync(temporary, folder);
  } catch (error) {
    rmSync(temporary, { recursive: true, force: true });
    // Whoever took over a lock that looked abandoned may have finished first, with the same content.
    if (!existsSync(folder)) throw error;
  } finally {
    open.close();
  }
}

/** The first of many notices with names of media for their paths, and how many more there are. */
function noticesOf(found: readonly string[], media: ReadonlyMap<string, string>): { notices?: string[] } {
  if (found.length === 0) return {};
  const names = new Map([...media].map(([key, path]) => [path, key]));
  const notices = found
    .map((notice) => {
      const at = notice.indexOf(': ');
      return `${names.get(notice.slice(0, at)) ?? notice.slice(0, at)}${notice.slice(at)}`;
    })
    .sort();
  const more = notices.length - mostNotices;
  return { notices: [...notices.slice(0, mostNotices), ...(more > 0 ? [`and ${more} more like these`] : [])] };
}
