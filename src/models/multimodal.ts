/**
 * A multimodal model as the paper sees it: a feature encoder S (here: the connector on top of a frozen tower whose
 * features are cached) and a backbone X. Every trainable parameter belongs to exactly one of the two.
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
import type { WeightTensor } from './weights';

/** Length S of the sequence that T text tokens make: the last one predicts nothing that is asked for. */
const sequenceLength = (prefixTokens: number, textTokens: number): number => prefixTokens + textTokens;

/** Where in the flattened [B, S] hidden states text token t of row b is predicted. */
export const predictedAt = (row: number, t: number, prefixTokens: number, textTokens: number): number => row * sequenceLength(prefixTokens, textTokens) + prefixTokens + t;

/** A pretrained backbone over a pruned vocabulary. */
export interface Backbone { config: LlamaConfig; weights: Record<string, WeightTensor>; /** pruned id that begins a text and ends an answer */ beginToken: number }

export interface MultimodalModel {
  connector: Connector;
  /** trainable parameters of both modules, in the order of their flat vectors */ trainable: Record<ModuleName, ParameterSpec[]>;
  /** frozen backbone weights by name */ frozen: Record<string, WeightTensor>;
  /** features [B, rows, width] -> prefix [B, n, D] */ prefix(encoder: Tensor[], features: Tensor): Tensor;
  /** prefix [B, n, D], tokens int32 [B, T], positions int32 [N] into the flattened hidden states [B, S] -> log-probabilities of what follows there [N, V] */
  logProbabilities(backbone: Tensor[], frozen: Tensors, prefix: Tensor, tokens: Tensor, positions: Tensor): Tensor;
}

/** A model that can continue a prompt token by token. */
export interface GenerativeModel extends MultimodalModel { decoding: Decoding }

/** Puts a model together from a run's spec, the encoder's feature shape, a loaded backbone and what the connector starts from. Throws UserError for a partition that leaves a module untrained. */
export function buildModel(spec: Pick<RunSpec, 'connector' | 'tuning'>, features: { rows: number; width: number }, backbone: Backbone, start?: ConnectorStart): GenerativeModel {
  const { config, weights } = backbone;
  const embedding = weights['tokenEmbedding']!.data;
  const embeddingScale = Math.sqrt(embedding.reduce((sum, value) => sum + value * value, 0) / embedding.length);
  const connector = buildConnector(spec.connector, { rows: features.rows, features: features.width, width: config.width, embeddingScale }, start);
  const layout = llamaWeights(config);
  const tuning = spec.tuning.backbone;
  if (tuning.kind === 'published') throw new Error('published tuning without a checkpoint');
  const lora: LoraSpec | undefined = tuning.kind === 'lora' ? { rank: tuning.rank, alpha: tuning.alpha, targets: tuning.targets ?? ['q', 'k', 'v', 'o', 'gate', 'up', 'down'] } : undefined;
  const backboneParameters: ParameterSpec[] =
    lora !== undefined ? loraParameters(lora, layout)
    : tuning.kind === 'full' ? layout.map(({ name, shape }) => ({ name, shape, initial: { kind: 'value', data: weights[name]!.data } }))
    : [];
  const frozen = tuning.kind === 'full' ? {} : weights;
  const embed = (all: Tensors, ids: Tensor) => (tuning.kind === 'full' ? pickRows(need(all, 'tokenEmbedding'), ids) : lookUp(need(all, 'tokenEmbedding'), ids));

  const begun = (all: Tensors, batch: number) => tf.tile(tf.reshape(embed(all, tf.tensor1d([backbone.beginToken], 'int32')), [1, 1, config.width]), [batch, 1, 1]);

  return {
    connector,
    trainable: { encoder: connector.parameters, backbone: backboneParameters },
    frozen,
    prefix: (encoder, input) => connector.apply(byName(connector.parameters, encoder), input),
    logProbabilities(parts, frozenTensors, prefix, tokens, positions) {
      const all: Tensors = { ...frozenTensors, ...byName(backboneParameters, parts) };
      const [batch, length] = tokens.shape as [number, number];
      const sequence = sequenceLength(prefix.shape[1]!, length);
      const begin = begun(all, batch);
      const text = tf.reshape(embed(all, tf.reshape(tf.slice(tokens, [0, 0], [batch, length - 1]), [-1])), [batch, length - 1, config.width]);
      const hidden = llama(config, all, tf.concat([begin, prefix, text], 1), lora);
      const asked = pickRows(tf.reshape(hidden, [batch * sequence, config.width]), positions);
      return logSoftmax(llamaLogits(config, all, asked));
    },
    decoding: {
      decoder: llamaPasses(config),
      before: 1 + connector.tokens,
      part: (parts, frozenTensors) => ({ tensors: { ...frozenTensors, ...byName(backboneParameters, parts) }, lora }),
      prompt(parts, frozenTensors, prefix, tokens) {
        const all: Tensors = { ...frozenTensors, ...byName(backboneParameters, parts) };
        const [batch, length] = tokens.shape as [number, number];
        const counts = tf.cast(tf.greaterEqual(tokens, 0), 'float32');
        const ids = tf.cast(tf.reshape(tf.relu(tf.cast(tokens, 'float32')), [-1]), 'int32');
        const text = tf.reshape(embed(all, ids), [batch, length, config.width]);
        return { embeddings: tf.concat([begun(all, batch), prefix, text], 1), counts: tf.concat([tf.ones([batch, 1 + connector.tokens]), counts], 1) };
      },
    },
  };
}
