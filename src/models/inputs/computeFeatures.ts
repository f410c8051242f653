/** Computes features of media and writes them as `featureTable.ts` reads them: a folder that is whole or absent. */
import { createHash, type Hash } from 'node:crypto';
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
import type { DataSet } from '../../data/types';
import { canonicalJson, writeWhole } from '../../files';
import { userError } from '../../problems';
import type { OpenTower } from '../zoo/encoders';
import { areItems, type FeatureIndex, type StoredItems } from './featureTable';

/** Grows with the layout of the stored files. */
export const layout = 1;

/** Media whose features are held before they are written; a multiple of every tower's batch, so that batches do not depend on it. */
export const together = 64;

/** So many notices of a set are kept word for word. */
const usuallyNoticed = 8;

/** Keys of media that are computed together; null: a place that is left empty. */
type Pass = readonly (string | null)[];

export interface FeatureJob {
  tower: StoredItems & { width: number; open(rows: number): Promise<OpenTower> };
  rows: number;
  /** which media, and in which passes, by a tower that takes so many at once */
  passes(batch: number): readonly Pass[];
  onProgress: ((done: number, total: number) => void) | undefined;
  /** how many notices are kept word for word */
  mostNotices?: number;
}

/** What stands in a folder of features beside the numbers. */
interface Written extends Pick<FeatureJob, 'tower' | 'rows'> {
  media: readonly string[];
  sha256: string;
  /** of each medium */
  items: readonly number[];
  /** of the tower, with the media by their keys */
  notices: readonly string[];
}

/** All media, one after the other. */
export const inOrder = (media: readonly string[]): Pass[] =>
  Array.from({ length: Math.ceil(media.length / together) }, (_, i) => media.slice(i * together, (i + 1) * together));

/**
 * Some of the media, each in the place of its batch that it has where all are computed: what comes of it is the same to
 * the last digit, since a row of a batch of one shape depends on nothing but its place and what is in it.
 */
export function inTheirPlaces(all: readonly string[], some: ReadonlySet<string>, batch: number): Pass[] {
  const passes: (string | null)[][] = [];
  const filled = new Array<number>(batch).fill(0);
  all.forEach((key, i) => {
    if (!some.has(key)) return;
    const place = i % batch;
    const at = filled[place]!++;
    (passes[at] ??= new Array<string | null>(batch).fill(null))[place] = key;
  });
  return passes;
}

const isKey = (key: string | null): key is string => key !== null;

/**
 * Computes the features of media on the current backend, and puts them and their index into a folder. The caller holds
 * its lock. Throws UserError for a file that cannot be taken or gives no numbers.
 */
export async function computeFeatures(
  folder: string,
  set: DataSet,
  open: OpenTower,
  { tower, rows, passes, onProgress, mostNotices }: FeatureJob,
): Promise<void> {
  const all = passes(open.batch ?? together);
  const media = all.flat().filter(isKey);
  const before = open.notices?.length ?? 0;
  await writeFolder(folder, async (temporary) => ({
    tower,
    rows,
    media,
    ...(await writeFeatures(join(temporary, 'features.bin'), set, { tower, rows, open }, all, (done) =>
      onProgress?.(done, media.length),
    )),
    notices: briefly(byKey((open.notices ?? []).slice(before), set.media), mostNotices),
  }));
}

/** Has a folder of features written under another name and puts it in its place with its index. The caller holds its lock. */
export async function writeFolder(folder: string, write: (temporary: string) => Promise<Written>): Promise<void> {
  // A process that was killed while writing leaves its folder; we hold the lock, so nobody writes there now.
  const parent = dirname(folder);
  if (existsSync(parent))
    for (const name of readdirSync(parent))
      if (name.startsWith(`${basename(folder)}.`) && /^\d+\.tmp$/.test(name.slice(basename(folder).length + 1)))
        rmSync(join(parent, name), { recursive: true, force: true });
  const temporary = `${folder}.${process.pid}.tmp`;
  try {
    mkdirSync(temporary, { recursive: true });
    const { rows, tower, media, sha256, items, notices } = await write(temporary);
    const index: FeatureIndex = {
      layout,
      rows,
      width: tower.width,
      sha256,
      media: [...media],
      ...(tower.mostItems === undefined ? {} : { items: [...items] }),
      ...(notices.length === 0 ? {} : { notices: [...notices] }),
    };
    writeWhole(join(temporary, 'index.json'), canonicalJson(index));
    renameSync(temporary, folder);
  } catch (error) {
    rmSync(temporary, { recursive: true, force: true });
    // Whoever took over a lock that looked abandoned may have finished first, with the same content.
    if (!existsSync(folder)) throw error;
  }
}

/** Writes the features of all passes, one after the other; their hash, and how many items each medium became. */
async function writeFeatures(
  path: string,
  set: DataSet,
  { tower, rows, open }: Pick<FeatureJob, 'tower' | 'rows'> & { open: OpenTower },
  passes: readonly Pass[],
  onDone: (done: number) => void,
): Promise<{ sha256: string; items: number[] }> {
  const file = openSync(path, 'w');
  const hash = createHash('sha256');
  const items: number[] = [];
  try {
    for (const pass of passes) {
      const before = items.length;
      const features = await open.extract(
        pass.map((key) => (key === null ? null : set.media.get(key)!)),
        (done) => onDone(before + pass.slice(0, done).filter(isKey).length),
      );
      pass.forEach((key, i) => {
        if (key === null) return;
        const values = features[i]!;
        const count = values.length / (rows * tower.width);
        // A NaN here would spread into every result that uses this medium.
        if (!areItems(count, tower) || values.some((value) => !Number.isFinite(value)))
          throw userError({ where: set.media.get(key)!, what: 'its features are not finite numbers' });
        items.push(count);
        writeAll(file, hash, values);
      });
    }
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  return { sha256: hash.digest('hex'), items };
}

/** Writes numbers to a file and into its hash. */
export function writeAll(file: number, hash: Hash, values: Float32Array): void {
  const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  hash.update(bytes);
  for (let at = 0; at < bytes.length;) at += writeSync(file, bytes, at);
}

/** Notices with keys of media for their paths. */
function byKey(found: readonly string[], media: ReadonlyMap<string, string>): string[] {
  if (found.length === 0) return [];
  const names = new Map([...media].map(([key, path]) => [path, key]));
  return found.map((notice) => {
    const at = notice.indexOf(': ');
    return `${names.get(notice.slice(0, at)) ?? notice.slice(0, at)}${notice.slice(at)}`;
  });
}

/** The first of many notices, sorted, and how many more there are. */
export function briefly(notices: readonly string[], most = usuallyNoticed): string[] {
  const more = notices.length - most;
  return [...[...notices].sort().slice(0, most), ...(more > 0 ? [`and ${more} more like these`] : [])];
}
