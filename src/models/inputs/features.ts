/**
 * Features of a set by a frozen tower, computed once and kept in the cache: `features/<identity>/{features.bin,
 * index.json}`, float32 little-endian, media in sorted order. Where few media are asked for, only theirs are computed, to
 * the same bytes, and kept as parts in `features/<identity>.parts/`. Folders appear whole by renaming; processes that want
 * the same features share the work (`stretches.ts`).
 */
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { withLock } from '../../sources/lock';
import { sourceIdentity } from '../../sources/sources';
import type { DataSet } from '../../data/types';
import { cachePath, canonicalJson, isSha256, sha256 } from '../../files';
import { userError } from '../../problems';
import { tensorflowBinding } from '../../tensor/backend';
import { tf } from '../../tensor/tf';
import type { Code } from '../../parts/code';
import { findEncoder, towerSources, type EncoderTower } from '../zoo/encoders';
import { saidOfTower } from './modelCode';
import { computeFeatures, inTheirPlaces, inOrder, layout } from './computeFeatures';
import { computeTogether } from './stretches';
import { joinedTable, mediaIn, readFeatures, type FeatureTable, type StoredItems } from './featureTable';

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
  /**
   * media that are asked for; where they are few, the table may have these alone. Default: all. Not for towers that see
   * images in tiles
   */
  asked?: ReadonlySet<string>;
  /** features of more bytes stay on disk and are read one medium at a time; default 1 GiB */
  inMemory?: number;
  /** hears the number of finished media while features are computed; not called when they were stored */
  onProgress?: (done: number, total: number) => void;
  /** hears who is computing the same features when this process has to wait */
  onWait?: (owner: string) => void;
}

/** Features of more bytes stay on disk. */
export const usuallyInMemory = 2 ** 30;

/** Parts are computed of at most this share of a set's media; whoever asks for more has all of them computed. */
const mostInParts = 1 / 4;

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
  const { modality, version, rows, width, open } = tower;
  const weights = towerSources(tower).map((source) => sourceIdentity(source));
  return {
    name: encoder,
    weights: weights.length === 0 ? 'none' : weights.join(),
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
  const { asked } = options;
  if (asked !== undefined && asked.size < set.media.size && !existsSync(folder)) {
    const part = await partOf(folder, set, tower, asked, options);
    if (part !== null) return part;
  }
  const media = sortedMedia(set);
  if (!existsSync(folder))
    await computeTogether(folder, set, { ...job(tower, options), media, onWait: options.onWait });
  return readFeatures(folder, { media, ...shapeOf(tower, options) }, options.inMemory ?? usuallyInMemory);
}

/** The features of the media that are asked for, or null where these are so many that all should be computed. */
async function partOf(
  folder: string,
  set: DataSet,
  tower: FeatureTower,
  asked: ReadonlySet<string>,
  options: FeatureOptions,
): Promise<FeatureTable | null> {
  const parts = `${folder}.parts`;
  const shape = shapeOf(tower, options);
  const known = () =>
    (existsSync(parts) ? readdirSync(parts).filter(isSha256).sort() : []).map((name) => join(parts, name));
  const missing = () => {
    const there = new Set(known().flatMap(mediaIn));
    return { there, media: [...asked].filter((key) => !there.has(key)).sort() };
  };
  const { there, media: first } = missing();
  if (first.length > 0) {
    if (there.size + first.length > set.media.size * mostInParts) return null;
    await withLock(
      `${parts}.lock`,
      async () => {
        const { media } = missing(); // another process may have computed some meanwhile
        if (media.length === 0) return;
        const all = sortedMedia(set);
        const of = job(tower, options);
        const open = await tower.open(of.rows);
        try {
          await computeFeatures(join(parts, sha256(canonicalJson(media))), set, open, {
            ...of,
            // Without threads what comes of a row does not depend on its place: it need not be kept.
            passes: (batch) =>
              tf.getBackend() === 'wasm' ? inOrder(media) : inTheirPlaces(all, new Set(media), batch),
          });
        } finally {
          open.close();
        }
      },
      options.onWait,
    );
  }
  const wanted = known()
    .map((part) => ({ part, media: mediaIn(part) }))
    .filter(({ media }) => media.some((key) => asked.has(key)));
  return joinedTable(
    wanted.map(({ part, media }) => ({
      media,
      table: readFeatures(part, { media, ...shape }, options.inMemory ?? usuallyInMemory),
    })),
    shape,
  );
}

const job = (tower: FeatureTower, { rows = tower.rows, onProgress }: FeatureOptions) => ({ tower, rows, onProgress });

const shapeOf = ({ rows: usual, width, mostItems }: FeatureTower, { rows = usual }: FeatureOptions) => ({
  rows,
  width,
  ...(mostItems === undefined ? {} : { mostItems }),
});

/** The order in which features lie in their file. */
const sortedMedia = (set: DataSet): string[] => [...set.media.keys()].sort();
