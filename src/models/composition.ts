/**
 * A multimodal model before it is put together: a tower turns pixels or sound into features, a connector turns features
 * into tokens of the backbone's width, a language model reads them among the text. Plain data and pure functions, so
 * that sizes are known before any weight is read. The small zoo (zoo/compose.ts) and the published families
 * (published/family.ts) are compositions; build.ts makes a model of either.
 */
import type { PartTuning } from './tuningKinds';
import type { ModuleName } from '../modules';
import type { Tensor } from '../tensor/tf';
import type { Decoder } from './parts/decoder';
import type { Declared, Part } from './parts/part';

export type PartName = 'tower' | 'connector' | 'backbone';
/** In the order in which parameters stand in the flat vector of their module. */
export const partNames: readonly PartName[] = ['tower', 'connector', 'backbone'];

/**
 * How each part is tuned. `scale-shift`: the tower is frozen, and a scale and a shift of its features are trained
 * behind it.
 */
export interface Tuning {
  tower: PartTuning | { kind: 'scale-shift' };
  connector: PartTuning;
  backbone: PartTuning;
}

export interface Composition {
  input: {
    /** of one image or sound: pixels or log-mel, or the features themselves where the tower is run beforehand */
    shape: number[];
  };
  /** what the tower makes of one image or sound: feature vectors, and the length of one */
  towerFeatures: { rows: number; width: number };
  /** tokens that one image or sound becomes */
  featureTokens: number;
  /** parameters of each part, names relative to it */
  parameters: Record<PartName, Declared[]>;
  /**
   * what the names of a part's parameters begin with in flat vectors, files and the seeds of initial values; may be
   * empty
   */
  stems: Record<PartName, string>;
  /** [N, ...input.shape] -> features [N, rows, width] */
  tower(part: Part, input: Tensor): Tensor;
  /** features [N, rows, width] -> [N, featureTokens, decoder.width] */
  connector(part: Part, features: Tensor): Tensor;
  decoder: Decoder;
  /** how each part is tuned when nothing else is said */
  tuning: Tuning;
}

/** A parameter of the whole model. */
export interface ModelParameter extends Declared {
  part: PartName;
  /** its name in its part */
  own: string;
}

/** All parameters of a composition by their full names, in the order of parts. */
export const parametersOf = ({ parameters, stems }: Composition): ModelParameter[] =>
  partNames.flatMap((part) =>
    parameters[part].map((parameter) => ({
      ...parameter,
      part,
      own: parameter.name,
      name: `${stems[part]}${parameter.stored ?? parameter.name}`,
    })),
  );

/**
 * The module whose balance a part counts to. The tower is the encoder, the language model the backbone, the connector
 * an option.
 */
export const moduleOf = (part: PartName, connectorSide: ModuleName): ModuleName =>
  part === 'tower' ? 'encoder' : part === 'backbone' ? 'backbone' : connectorSide;
