/**
 * One model of any composition: which parameters are trained and to which module and part each belongs, and the passes
 * from features, pixels or sound to log-probabilities. What is trained is an argument of a pass; what is frozen is
 * state that programs read.
 */
import { moduleNames, type ModuleName } from '../modules';
import { pickRows } from '../tensor/ops';
import { byName } from '../tensor/parameters';
import type { Precision } from '../tensor/precision';
import { tf, type Tensor, type Tensors } from '../tensor/tf';
import type { Composition, PartName, Tuning } from './composition';
import type { Checkpointing } from './tuningKinds';
import type { BackbonePass, EncoderPass, GenerativeModel } from './multimodal';
import type { Part } from './parts/part';
import { scaleShift } from './scaleShift';
import { flatStates, placesBefore, promptSequence, trainedSequence, type Layout } from './sequence';
import { partition, type Partition } from './tuning';
import type { StoredTensor } from './weights/weight';

export interface ModelOptions {
  layout: Layout;
  /** the module that the connector counts to; default `encoder` */
  connectorSide?: ModuleName;
  /** instead of the composition's own tuning, part by part */
  tuning?: Partial<Tuning>;
  /**
   * images or sounds in a row of a batch, which its tower and connector see one by one; left out, a row is one of them
   */
  items?: number;
  /** in which the matrices of frozen parts are kept; default float32 */
  precision?: Precision;
  /** `layers`: those of tower and decoder are computed again for the gradient, which then needs less memory */
  checkpointing?: Checkpointing;
}

export interface Model<C extends Composition = Composition> extends GenerativeModel {
  composition: C;
  tuning: Tuning;
  /** tokens that the inputs of one row become */
  prefixTokens: number;
  /** what `prefix` gave, as it stands among the embeddings, [B, prefixTokens, width] */
  connected(pass: Pick<BackbonePass, 'backbone' | 'frozen' | 'prefix'>): Tensor;
}

/** Gives a part its tensors by its own names for them, and its adapters. */
function partReader({ names, adapters, trainable }: Omit<Partition, 'frozen'>, checkpointing: Checkpointing) {
  const trained = new Set(moduleNames.flatMap((module) => trainable[module].map(({ name }) => name)));
  const trainedOf = (part: PartName): ReadonlySet<string> =>
    new Set([...names[part]].flatMap(([own, full]) => (trained.has(full) ? [own] : [])));
  const recomputed =
    checkpointing === 'none'
      ? undefined
      : { tower: trainedOf('tower'), connector: trainedOf('connector'), backbone: trainedOf('backbone') };
  return (name: PartName, tensors: Tensors): Part => ({
    tensors: Object.fromEntries(
      [...names[name]].flatMap(([own, full]) => (full in tensors ? [[own, tensors[full]!]] : [])),
    ),
    lora: adapters[name],
    recomputed: recomputed?.[name],
  });
}

/** For generation: what it keeps in a cache is made inside layers, and a layer that is recomputed gives that back. */
const kept = (part: Part): Part => ({ ...part, recomputed: undefined });

/**
 * Puts a model together. `weights`: pretrained values by full names, of all that does not start otherwise.
 * Throws UserError for a target that names no linear layer, and for a part that starts at random and would never be
 * trained.
 */
export function buildModel<C extends Composition>(
  composition: C,
  weights: Record<string, StoredTensor>,
  options: ModelOptions,
): Model<C> {
  const { layout, connectorSide: side = 'encoder', items, precision = 'float32', checkpointing = 'none' } = options;
  const { decoder, towerFeatures, input } = composition;
  const tuning: Tuning = { ...composition.tuning, ...options.tuning };
  const prefixTokens = composition.featureTokens * (items ?? 1);
  const { trainable, frozen, ...placed } = partition(composition, weights, { tuning, side, precision });
  const partOf = partReader({ ...placed, trainable }, checkpointing);
  // Left out where a row is one item: TensorFlow's optimiser rounds otherwise around a reshape, even one that changes
  // nothing.
  const apart = (x: Tensor, shape: readonly number[]) => (items === undefined ? x : tf.reshape(x, [-1, ...shape]));
  const withTrained = (module: ModuleName, parts: Tensor[], given: Tensors): Tensors => ({
    ...given,
    ...byName(trainable[module], parts),
  });

  function towerOf(tensors: Tensors, seen: Tensor): Tensor {
    const features = composition.tower(partOf('tower', tensors), apart(seen, input.shape));
    return tuning.tower.kind === 'scale-shift' ? scaleShift(towerFeatures.width).apply(tensors, features) : features;
  }
  const connectorOf = (tensors: Tensors, features: Tensor): Tensor =>
    apart(composition.connector(partOf('connector', tensors), features), [prefixTokens, decoder.width]);
  const connected: Model['connected'] = ({ backbone, frozen: given, prefix }) =>
    side === 'encoder' ? prefix : connectorOf(withTrained('backbone', backbone, given), prefix);
  const languageOf = (backbone: Tensor[], given: Tensors) =>
    partOf('backbone', withTrained('backbone', backbone, given));

  function hidden(pass: BackbonePass): Tensor {
    const part = languageOf(pass.backbone, pass.frozen);
    const { embeddings, counts } = trainedSequence(layout, part, connected(pass), pass.tokens);
    return pickRows(flatStates(layout, decoder.hidden(part, embeddings, counts)), pass.positions);
  }
  const words: Model['words'] = ({ backbone, frozen: given }, states) =>
    decoder.logits(languageOf(backbone, given), states);
  return {
    composition,
    tuning,
    trainable,
    frozen,
    prefixTokens,
    prefix({ encoder, frozen: given, features }: EncoderPass) {
      const tensors = withTrained('encoder', encoder, given);
      const seen = towerOf(tensors, features);
      return side === 'encoder' ? connectorOf(tensors, seen) : seen;
    },
    connected,
    hidden,
    words,
    decoding: {
      decoder,
      before: placesBefore(layout, prefixTokens),
      part: (backbone, given) => kept(languageOf(backbone, given)),
      prompt: (backbone, given, prefix, tokens) =>
        promptSequence(layout, languageOf(backbone, given), connected({ backbone, frozen: given, prefix }), tokens),
    },
  };
}

/**
 * A composition from its tower's features [B, rows, width] on: what a frozen tower gives is computed once and cached.
 */
export const withoutTower = <C extends Composition>(composition: C): C => ({
  ...composition,
  input: { ...composition.input, shape: [composition.towerFeatures.rows, composition.towerFeatures.width] },
  parameters: { ...composition.parameters, tower: [] },
  tower: (_part: Part, features: Tensor) => features,
});
