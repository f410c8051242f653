/**
 * A multimodal model as the paper sees it: a feature encoder S (here: a frozen tower whose features are cached, what is
 * trained behind it, and the connector) and a backbone X. Every trainable parameter belongs to exactly one of the two;
 * the connector may belong to either.
 *
 * Sequence: [begin token, prefix tokens, text tokens]; hidden state n + t predicts text token t (n prefix tokens).
 * Texts are padded on the right; with causal attention the padding is never seen by a position that counts.
 */
import type { ModuleName, RunSpec } from '../manifest/run';
import { lookUp, logSoftmax, pickRows } from '../tensor/ops';
import { byName, type ParameterSpec } from '../tensor/parameters';
import { need, tf, type Tensor, type Tensors } from '../tensor/tf';
import { llamaPasses } from './backbones/decoder';
import { llama, llamaLogits, llamaWeights, type LlamaConfig } from './backbones/llama';
import { buildConnector, type Connector, type ConnectorStart } from './connectors';
import type { Decoding } from './generation/decoding';
import { loraParameters, type LoraSpec } from './lora';
import { scaleShift } from './scaleShift';
import type { WeightTensor } from './weights';

/** Length S of the sequence that T text tokens make: the last one predicts nothing that is asked for. */
const sequenceLength = (prefixTokens: number, textTokens: number): number => prefixTokens + textTokens;

/** Where in the flattened [B, S] hidden states text token t of row b is predicted. */
export const predictedAt = (row: number, t: number, prefixTokens: number, textTokens: number): number =>
  row * sequenceLength(prefixTokens, textTokens) + prefixTokens + t;

/** A pretrained backbone over a pruned vocabulary. */
export interface Backbone {
  config: LlamaConfig;
  weights: Record<string, WeightTensor>;
  /** pruned id that begins a text and ends an answer */
  beginToken: number;
}

/** What a pass through the backbone is given. */
export interface BackbonePass {
  /** trained parameters of the backbone's module, in their order */
  backbone: Tensor[];
  /** frozen weights by name */
  frozen: Tensors;
  /** what `MultimodalModel.prefix` gave */
  prefix: Tensor;
  /** int32 [B, T] */
  tokens: Tensor;
  /** int32 [N] into the flattened hidden states [B, S] */
  positions: Tensor;
}

export interface MultimodalModel {
  connector: Connector;
  /** trainable parameters of both modules, in the order of their flat vectors */
  trainable: Record<ModuleName, ParameterSpec[]>;
  /** frozen backbone weights by name */
  frozen: Record<string, WeightTensor>;
  /** features [B, rows, width] -> what the backbone's module is given: the prefix [B, n, D], or features still, where the connector belongs to the backbone */
  prefix(encoder: Tensor[], features: Tensor): Tensor;
  /** log-probabilities of what follows at the positions [N, V] */
  logProbabilities(pass: BackbonePass): Tensor;
}

/** A model that can continue a prompt token by token. */
export interface GenerativeModel extends MultimodalModel {
  decoding: Decoding;
}

/** Puts a model together from a run's spec, the encoder's feature shape, a loaded backbone and what the connector starts from. Throws UserError for a partition that leaves a module untrained. */
export function buildModel(
  spec: Pick<RunSpec, 'connector' | 'tuning'> & Partial<Pick<RunSpec, 'connectorSide'>>,
  features: { rows: number; width: number },
  backbone: Backbone,
  start?: ConnectorStart,
): GenerativeModel {
  const { config, weights } = backbone;
  const embedding = weights['tokenEmbedding']!.data;
  const embeddingScale = Math.sqrt(embedding.reduce((sum, value) => sum + value * value, 0) / embedding.length);
  const connector = buildConnector(
    spec.connector,
    { rows: features.rows, features: features.width, width: config.width, embeddingScale },
    start,
  );
  const side = spec.connectorSide ?? 'encoder';
  const scaling = spec.tuning.encoder === 'scale-shift' ? scaleShift(features.width) : undefined;
  const layout = llamaWeights(config);
  const tuning = spec.tuning.backbone;
  if (tuning.kind === 'published') throw new Error('published tuning without a checkpoint');
  const lora: LoraSpec | undefined =
    tuning.kind === 'lora'
      ? {
          rank: tuning.rank,
          alpha: tuning.alpha,
          targets: tuning.targets,
        }
      : undefined;
  const languageParameters: ParameterSpec[] =
    lora !== undefined
      ? loraParameters(lora, layout)
      : tuning.kind === 'full'
        ? layout.map(({ name, shape }) => ({ name, shape, initial: { kind: 'value', data: weights[name]!.data } }))
        : [];
  const frozen = tuning.kind === 'full' ? {} : weights;
  const embed = (all: Tensors, ids: Tensor) =>
    tuning.kind === 'full' ? pickRows(need(all, 'tokenEmbedding'), ids) : lookUp(need(all, 'tokenEmbedding'), ids);

  const trainable = {
    encoder: [...(scaling?.parameters ?? []), ...(side === 'encoder' ? connector.parameters : [])],
    backbone: [...(side === 'backbone' ? connector.parameters : []), ...languageParameters],
  };
  /** The connector, where it belongs to this module; otherwise nothing is done here. */
  const connect = (module: ModuleName, parts: Tensor[], seen: Tensor) =>
    side === module ? connector.apply(byName(trainable[module], parts), seen) : seen;
  const begun = (all: Tensors, batch: number) =>
    tf.tile(tf.reshape(embed(all, tf.tensor1d([backbone.beginToken], 'int32')), [1, 1, config.width]), [batch, 1, 1]);

  return {
    connector,
    trainable,
    frozen,
    prefix: (encoder, input) =>
      connect(
        'encoder',
        encoder,
        scaling === undefined ? input : scaling.apply(byName(trainable.encoder, encoder), input),
      ),
    logProbabilities({ backbone: parts, frozen: frozenTensors, prefix: seen, tokens, positions }) {
      const all: Tensors = { ...frozenTensors, ...byName(trainable.backbone, parts) };
      const prefix = connect('backbone', parts, seen);
      const [batch, length] = tokens.shape as [number, number];
      const sequence = sequenceLength(prefix.shape[1]!, length);
      const begin = begun(all, batch);
      const text = tf.reshape(embed(all, tf.reshape(tf.slice(tokens, [0, 0], [batch, length - 1]), [-1])), [
        batch,
        length - 1,
        config.width,
      ]);
      const hidden = llama(config, all, tf.concat([begin, prefix, text], 1), lora);
      const asked = pickRows(tf.reshape(hidden, [batch * sequence, config.width]), positions);
      return logSoftmax(llamaLogits(config, all, asked));
    },
    decoding: {
      decoder: llamaPasses(config),
      before: 1 + connector.tokens,
      part: (parts, frozenTensors) => ({ tensors: { ...frozenTensors, ...byName(trainable.backbone, parts) }, lora }),
      prompt(parts, frozenTensors, seen, tokens) {
        const all: Tensors = { ...frozenTensors, ...byName(trainable.backbone, parts) };
        const [batch, length] = tokens.shape as [number, number];
        const counts = tf.cast(tf.greaterEqual(tokens, 0), 'float32');
        const ids = tf.cast(tf.reshape(tf.relu(tf.cast(tokens, 'float32')), [-1]), 'int32');
        const text = tf.reshape(embed(all, ids), [batch, length, config.width]);
        return {
          embeddings: tf.concat([begun(all, batch), connect('backbone', parts, seen), text], 1),
          counts: tf.concat([tf.ones([batch, 1 + connector.tokens]), counts], 1),
        };
      },
    },
  };
}
