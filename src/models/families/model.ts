/**
 * A loaded family as the two modules whose balance is studied: which parameters are trained and to which module each
 * belongs, and the passes from pixels or sound to log-probabilities. Trained towers are part of the graph; what is frozen is
 * state that programs read.
 */
import type { ModuleName } from '../../modules';
import type { PartTuning } from '../tuningKinds';
import { oneHot, logSoftmax, pickRows } from '../../tensor/ops';
import { byName, type ParameterSpec } from '../../tensor/parameters';
import { tf, type Tensor, type Tensors } from '../../tensor/tf';
import { embedTokens } from '../backbones/decoder';
import { loraParameters, type LoraSpec } from '../lora';
import type { BackbonePass, GenerativeModel } from '../multimodal';
import { within, type Part } from '../parts/part';
import type { WeightTensor } from '../weights';
import { familyParameters, moduleOf, partNames, type Family, type PartName } from './family';
import type { LoadedFamily } from './index';

export interface FamilyOptions {
  /** the module that the connector counts to; default `encoder` */
  connectorSide?: ModuleName;
  /** instead of the published tuning, part by part */
  tuning?: Partial<Record<PartName, PartTuning>>;
  /** images or sounds in a row of a batch; default 1 */
  items?: number;
}

export interface FamilyModel {
  family: Family;
  tuning: Record<PartName, PartTuning>;
  /** trainable parameters of both modules, in the order of their flat vectors */
  trainable: Record<ModuleName, ParameterSpec[]>;
  /** weights that no step changes, by name */
  frozen: Record<string, WeightTensor>;
  /** shapes as published, by name */
  shapes: Record<string, number[]>;
  /** tokens that the inputs of one row become */
  prefixTokens: number;
  /** the model as programs know it, on the tensors of its frozen weights */
  bind(frozen: Tensors): GenerativeModel;
  /** what stands in the places of the inputs, [B, prefixTokens, width] */
  features(parts: Record<ModuleName, Tensor[]>, frozen: Tensors, input: Tensor): Tensor;
  /** logits [N, V] at the positions; the prefix comes from the bound model */
  logits(pass: BackbonePass): Tensor;
}

/** Matrices that are read by row and not by a linear layer: no adapter sits on them. */
const tables: readonly string[] = ['positions', 'queries', 'tokenEmbedding', 'lmHead'];

/** Padding in a batch of tokens: a place that does not count holds -1 - id. */
export const padded = (id: number): number => -1 - id;

/** Length of the sequence that T tokens make: features take the places of placeholders, or stand before the text. */
export const familySequence = (family: Family, prefixTokens: number, textTokens: number): number =>
  (family.placeholder === null ? prefixTokens : 0) + textTokens;

/** A family without weights: its tensors have shapes and no values, so that a model of any size can be planned. */
export function withoutWeights(family: Family): LoadedFamily {
  const used = familyParameters(family).filter(({ use }) => use !== 'unused');
  return {
    family,
    weights: Object.fromEntries(used.map(({ name, shape }) => [name, { shape, data: new Float32Array(0) }])),
    shapes: Object.fromEntries(used.map(({ name, shape }) => [name, shape])),
  };
}

/** Puts a model together. Throws UserError for a target that names no linear layer. */
export function familyModel({ family, weights, shapes }: LoadedFamily, options: FamilyOptions = {}): FamilyModel {
  const tuning = { ...family.tuning, ...options.tuning };
  const side = options.connectorSide ?? 'encoder';
  const prefixTokens = family.featureTokens * (options.items ?? 1);
  const trainable: Record<ModuleName, ParameterSpec[]> = { encoder: [], backbone: [] };
  const frozen: Record<string, WeightTensor> = {};
  const adapters: Partial<Record<PartName, LoraSpec>> = {};
  for (const part of partNames) {
    const parameters = familyParameters(family).filter(
      (parameter) => parameter.part === part && parameter.use !== 'unused',
    );
    const spec = tuning[part];
    const module = moduleOf(part, side);
    for (const { name, shape, use } of parameters) {
      if (spec.kind === 'full' && use !== 'fixed')
        trainable[module].push({ name, shape, initial: { kind: 'value', data: weights[name]!.data } });
      else frozen[name] = { shape, data: weights[name]!.data };
    }
    if (spec.kind === 'lora') {
      const layers = parameters.filter(
        ({ name, shape }) => shape.length === 2 && !tables.includes(name.split('.').at(-1)!),
      );
      const lora: LoraSpec = {
        rank: spec.rank,
        alpha: spec.alpha,
        targets:
          spec.targets ??
          (part === 'backbone'
            ? family.decoder.adapted
            : [...new Set(layers.map(({ name }) => name.split('.').at(-1)!))]),
      };
      adapters[part] = lora;
      trainable[module].push(...loraParameters(lora, layers, `tuning.${part}.targets`));
    }
  }

  const partOf = (name: PartName, tensors: Tensors): Part => ({ tensors: within(tensors, name), lora: adapters[name] });
  const tower = (tensors: Tensors, input: Tensor) =>
    family.tower(partOf('tower', tensors), tf.reshape(input, [-1, ...family.input.shape]));
  const connector = (tensors: Tensors, features: Tensor) =>
    tf.reshape(family.connector(partOf('connector', tensors), features), [-1, prefixTokens, family.decoder.width]);
  const prefix = (encoder: Tensor[], frozenTensors: Tensors, input: Tensor) => {
    const tensors = { ...frozenTensors, ...byName(trainable.encoder, encoder) };
    return side === 'encoder' ? connector(tensors, tower(tensors, input)) : tower(tensors, input);
  };
  const embedded = (tensors: Tensors, seen: Tensor, tokens: Tensor) =>
    sequence(family, partOf('backbone', tensors), side === 'encoder' ? seen : connector(tensors, seen), tokens);
  const logits = ({ backbone, frozen: frozenTensors, prefix: seen, tokens, positions }: BackbonePass) => {
    const tensors = { ...frozenTensors, ...byName(trainable.backbone, backbone) };
    const part = partOf('backbone', tensors);
    const { embeddings, counts } = embedded(tensors, seen, tokens);
    const hidden = family.decoder.hidden(part, embeddings, counts);
    return family.decoder.logits(part, pickRows(tf.reshape(hidden, [-1, hidden.shape[2]!]), positions));
  };
  return {
    family,
    tuning,
    trainable,
    frozen,
    shapes,
    prefixTokens,
    logits,
    features(parts, frozenTensors, input) {
      const seen = prefix(parts.encoder, frozenTensors, input);
      return side === 'encoder'
        ? seen
        : connector({ ...frozenTensors, ...byName(trainable.backbone, parts.backbone) }, seen);
    },
    bind: (frozenTensors) => ({
      connector: {
        tokens: prefixTokens,
        parameters: trainable[side].filter(({ name }) => name.startsWith('connector.')),
        apply: (parameters, features) => connector({ ...frozenTensors, ...parameters }, features),
      },
      trainable,
      frozen,
      prefix: (encoder, input) => prefix(encoder, frozenTensors, input),
      logProbabilities: (pass) => logSoftmax(logits(pass)),
      decoding: {
        decoder: family.decoder,
        before: familySequence(family, prefixTokens, 0),
        part: (backbone, state) => partOf('backbone', { ...state, ...byName(trainable.backbone, backbone) }),
        prompt: (backbone, state, seen, tokens) =>
          embedded({ ...state, ...byName(trainable.backbone, backbone) }, seen, tokens),
      },
    }),
  };
}

/** Prefix [B, n, D] among the embeddings of tokens int32 [B, T] -> embeddings [B, S, D] and which places count [B, S]. */
function sequence(family: Family, part: Part, prefix: Tensor, tokens: Tensor): { embeddings: Tensor; counts: Tensor } {
  const [batch, length] = tokens.shape as [number, number];
  const [, count, width] = prefix.shape as [number, number, number];
  const given = tf.cast(tokens, 'float32'); // exact: vocabularies are far below 2^24
  const padding = tf.cast(tf.less(given, 0), 'float32');
  const ids = tf.abs(tf.add(given, padding));
  const counts = tf.sub(1, padding);
  if (family.placeholder === null) {
    const text = tf.reshape(embedTokens(part, tf.cast(tf.reshape(ids, [-1]), 'int32')), [batch, length, width]);
    return { embeddings: tf.concat([prefix, text], 1), counts: tf.concat([tf.ones([batch, count]), counts], 1) };
  }
  const isFeature = tf.mul(tf.cast(tf.equal(ids, family.placeholder), 'float32'), counts);
  // A placeholder's id may lie outside the vocabulary; its row is not used.
  const text = tf.reshape(embedTokens(part, tf.cast(tf.reshape(tf.mul(ids, tf.sub(1, isFeature)), [-1]), 'int32')), [
    batch,
    length,
    width,
  ]);
  // The n-th placeholder of a row shows the row's n-th feature.
  const which = tf.cast(tf.reshape(tf.relu(tf.sub(tf.cumsum(isFeature, 1), 1)), [-1]), 'int32');
  const shown = tf.reshape(isFeature, [batch, length, 1]);
  const chosen = count === 1 ? shown : tf.mul(tf.reshape(oneHot(which, count), [batch, length, count]), shown);
  return { embeddings: tf.add(tf.mul(text, tf.sub(1, shown)), tf.matMul(chosen, prefix)), counts };
}
