/**
 * The sizes that the batches of a run have. Programs are recorded for fixed shapes. Where images are cut into tiles, a
 * batch has room in each row for as many as its fullest row needs, rounded up to one of a few numbers, and there are
 * programs for each of these; rows with fewer tiles are padded. All other runs have one size.
 */
import type { FeatureTable } from '../models/inputs/featureTable';
import type { GenerativeModel } from '../models/multimodal';
import { padded } from '../models/sequence';
import type { BatchShape } from './batches';

export interface Size {
  /** ends the names of the programs of this size; empty where a run has one size only */
  suffix: string;
  /** the model on rows of this size; models of all sizes have the same parameters */
  model: GenerativeModel;
  shape(batch: number): BatchShape;
}

export interface Sizes {
  /** the smallest first; one at least */
  all: readonly Size[];
  /** the smallest that has room for each of the media in a row */
  of(media: readonly string[]): Size;
  /** rows of an evaluation pass */
  evaluationRows: number;
}

/** Rows of an evaluation pass; a constant of the product, so that results do not depend on memory. */
export const evaluationBatch = 32;

/**
 * Rows of an evaluation pass over images of at most so many tiles: as many tiles in all as other passes have images,
 * since each takes as many places as one of these.
 */
export const evaluationRows = (mostItems: number): number => Math.max(1, Math.floor(evaluationBatch / mostItems));

/** A run whose batches are all alike. */
export function oneSize(model: GenerativeModel, shape: Size['shape']): Sizes {
  const size: Size = { suffix: '', model, shape };
  return { all: [size], of: () => size, evaluationRows: evaluationBatch };
}

/** The biggest size. */
export const largest = ({ all }: Sizes): Size => all.at(-1)!;

/** Tiles for which programs are made: at most two more than the fullest row of a batch has. */
const steps = [1, 3, 5, 7, 10, 13] as const;

/** Tiles of the sizes for images of at most `most` tiles. */
export const tileSteps = (most: number): number[] => [...steps.filter((step) => step < most), most];

/** A model whose rows have room for so many tiles, and what stands before the text about an image of so many. */
export interface Tiled {
  model(items: number): GenerativeModel;
  lead(items: number): readonly number[];
}

/** Text tokens of a set, and its longest answer. */
interface TextLengths {
  tokens: number;
  labels: number;
}

/** The sizes of a set's images in tiles. */
export function tiledSizes(
  { model, lead }: Tiled,
  table: Pick<FeatureTable, 'rows' | 'width' | 'items'>,
  media: Iterable<string>,
  { tokens, labels }: TextLengths,
): Sizes {
  const fullest = (keys: Iterable<string>) => {
    let most = 1;
    for (const key of keys) most = Math.max(most, table.items(key));
    return most;
  };
  const most = fullest(media);
  const all = tileSteps(most).map((items): Size & { items: number } => ({
    items,
    suffix: `/tiles-${items}`,
    model: model(items),
    shape: (batch) => tiledShape({ batch, tokens, labels }, lead(items).length, items, table),
  }));
  return {
    all,
    of: (asked) => {
      const needed = fullest(asked);
      return all.find(({ items }) => items >= needed) ?? all.at(-1)!;
    },
    evaluationRows: evaluationRows(most),
  };
}

/**
 * The shape of a batch of images in tiles.
 * @param lead tokens before the text
 * @param size of one tile's features
 */
export const tiledShape = (
  { batch, tokens, labels }: TextLengths & { batch: number },
  lead: number,
  items: number,
  { rows, width }: { rows: number; width: number },
): BatchShape => ({
  batch,
  tokens: lead + tokens,
  labels,
  rows: items * rows,
  width,
  // Nothing stands before a row's tokens, and the first of them predicts what is not asked for.
  prefixTokens: -1,
  padding: padded(0),
});
