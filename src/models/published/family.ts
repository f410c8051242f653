/**
 * What the four published families have in common: compositions whose sizes and names come from a published
 * configuration. A family is plain data and pure functions, built from its configuration alone.
 */
import type { NameTable } from '../checkpoint/names';
import { parametersOf, type Composition } from '../composition';
import { buildModel, withoutTower, type Model, type ModelOptions } from '../build';
import type { PublishedDecoder } from '../parts/decoder';
import type { StoredTensor, WeightTensor } from '../weights/weight';

export interface Family extends Composition {
  /** e.g. `llava` */
  kind: string;
  input: {
    /** published name of the input */
    name: 'pixel_values' | 'input_features';
    /** of one image or sound, e.g. [channels, height, width] */
    shape: number[];
  };
  /** id in whose place features stand; null: they stand before the text */
  placeholder: number | null;
  /** how images may be cut into tiles, each an item of a row; absent where they are seen whole */
  tiles?: {
    /** whether a picture of the whole image stands beside several */
    thumbnail: boolean;
  };
  /** published names; ours begin with the part, e.g. `tower.blocks.0.q` */
  table: NameTable;
  decoder: PublishedDecoder;
}

/** Our names of a family's parameters begin with their part. */
export const stems: Family['stems'] = { tower: 'tower.', connector: 'connector.', backbone: 'backbone.' };

export interface LoadedFamily {
  family: Family;
  /** float32, by our names; what no output depends on is left out */
  weights: Record<string, WeightTensor>;
  /** shapes as published, by our names: theirs may have leading axes of length one */
  shapes: Record<string, number[]>;
}

/** The same with weights of frozen parts in files, and their matrices in bfloat16, where a run keeps them so. */
export interface StoredFamily extends Omit<LoadedFamily, 'weights'> {
  weights: Record<string, StoredTensor>;
}

/** A family without weights: its tensors have shapes and no values, so that a model of any size can be planned. */
export function withoutWeights(family: Family): LoadedFamily {
  const used = parametersOf(family).filter(({ use }) => use !== 'unused');
  return {
    family,
    weights: Object.fromEntries(used.map(({ name, shape }) => [name, { shape, data: new Float32Array(0) }])),
    shapes: Object.fromEntries(used.map(({ name, shape }) => [name, shape])),
  };
}

export type FamilyModel = Model<Family>;
export type FamilyOptions = Omit<ModelOptions, 'layout'>;

/**
 * The whole family on conversations as its processor encodes them, its tower part of the graph. Throws UserError as
 * `buildModel`.
 */
export const familyModel = (
  { family, weights }: Pick<StoredFamily, 'family' | 'weights'>,
  options: FamilyOptions = {},
): FamilyModel =>
  buildModel(family, weights, {
    items: 1,
    ...options,
    layout: family.placeholder === null ? { kind: 'before' } : { kind: 'places', id: family.placeholder },
  });

/**
 * A family as runs know it whose tower is frozen. It sees each image or sound by itself, so what it gives is computed
 * once and kept with the features of the small zoo. In a conversation about one image or sound the features stand
 * behind the same tokens in every question, `head`. Throws UserError as `buildModel`.
 */
export const cachedFamilyModel = (
  { family, weights }: Pick<StoredFamily, 'family' | 'weights'>,
  head: readonly number[],
  options: Omit<FamilyOptions, 'items'> = {},
): FamilyModel => tunedFamilyModel({ family: withoutTower(family), weights }, head, options);

/** The same from the pixels or the log-mel on: the tower is run in every step, because something of it is trained. */
export const tunedFamilyModel = (
  { family, weights }: Pick<StoredFamily, 'family' | 'weights'>,
  head: readonly number[],
  options: Omit<FamilyOptions, 'items'> = {},
): FamilyModel =>
  buildModel(family, weights, { ...options, items: 1, layout: { kind: 'question', head, form: 'families' } });

/**
 * The same for images in tiles: a row has room for `items` of them, and its tokens say how many it has, by as many
 * places. All sizes of a family have the same parameters. Throws UserError as `buildModel`, Error for a family without a
 * token for its places.
 */
export function tiledFamilyModel(
  { family, weights }: Pick<StoredFamily, 'family' | 'weights'>,
  items: number,
  options: Omit<FamilyOptions, 'items'> = {},
): FamilyModel {
  if (family.placeholder === null) throw new Error(`${family.kind} has no token in whose places tiles could stand`);
  return buildModel(family, weights, { ...options, items, layout: { kind: 'tiles', id: family.placeholder } });
}
