/**
 * What the four published families have in common: a tower turns pixels or sound into features, a connector turns features
 * into tokens of the backbone's width, a language model reads them among the text. A family is plain data and pure functions,
 * built from its configuration alone, so that sizes are known before any weight is read.
 */
import type { ModuleName } from '../../modules';
import type { PartTuning } from '../tuningKinds';
import type { Decoder } from '../backbones/decoder';
import type { NameTable } from '../checkpoint/names';
import type { Declared, Part } from '../parts/part';
import type { Tensor } from '../../tensor/tf';

export type PartName = 'tower' | 'connector' | 'backbone';
export const partNames: readonly PartName[] = ['tower', 'connector', 'backbone'];

export interface Family {
  /** e.g. `llava` */
  kind: string;
  input: {
    /** published name of the input */
    name: 'pixel_values' | 'input_features';
    /** of one image or sound, e.g. [channels, height, width] */
    shape: number[];
  };
  /** what the tower makes of one image or sound: feature vectors, and the length of one */
  towerFeatures: { rows: number; width: number };
  /** tokens that one image or sound becomes */
  featureTokens: number;
  /** id in whose place features stand; null: they stand before the text */
  placeholder: number | null;
  /** parameters of each part, names relative to it */
  parameters: Record<PartName, Declared[]>;
  /** published names; ours begin with the part, e.g. `tower.blocks.0.q` */
  table: NameTable;
  /** [N, ...input.shape] -> features [N, rows, width] */
  tower(part: Part, input: Tensor): Tensor;
  /** features [N, rows, width] -> [N, featureTokens, decoder.width] */
  connector(part: Part, features: Tensor): Tensor;
  decoder: Decoder;
  /** how each part is tuned when nothing else is said */
  tuning: Record<PartName, PartTuning>;
}

/** A parameter of the whole model. */
export interface FamilyParameter extends Declared {
  part: PartName;
}

/** All parameters of a family by their full names. */
export const familyParameters = (family: Family): FamilyParameter[] =>
  partNames.flatMap((part) =>
    family.parameters[part].map((parameter) => ({ ...parameter, name: `${part}.${parameter.name}`, part })),
  );

/** The module whose balance a part counts to. The tower is the encoder, the language model the backbone, the connector an option. */
export const moduleOf = (part: PartName, connectorSide: ModuleName): ModuleName =>
  part === 'tower' ? 'encoder' : part === 'backbone' ? 'backbone' : connectorSide;
