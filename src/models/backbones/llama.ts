/**
 * The Llama architecture: RMSNorm, rotary positions, grouped keys, SwiGLU (Touvron et al. 2023; Su et al. 2021;
 * Ainslie et al. 2023; Shazeer 2020). Every Llama-like backbone is a `LlamaConfig`. Weights [out, in].
 */
import { causalMask, groupedAttention, joinHeads, linear, rmsNorm, silu, splitHeads } from '../../tensor/ops';
import { need, tf, type Tensor, type Tensors } from '../../tensor/tf';
import { adaptedLinear, type LoraSpec } from '../lora';

export interface LlamaConfig {
  width: number; hiddenWidth: number; layers: number; heads: number; keyValueHeads: number;
  vocabulary: number; context: number; normEpsilon: number; ropeBase: number;
  /** the output projection is the token embedding */ tied: boolean;
}

/** Names and shapes of all weights of a configuration. */
export function llamaWeights(config: LlamaConfig): { name: string; shape: number[] }[] {
  const { width, hiddenWidth, heads, keyValueHeads, vocabulary } = config;
  const keyWidth = (width / heads) * keyValueHeads;
  const layer = (i: number) => [
    { name: `layers.${i}.attentionNorm`, shape: [width] },
    { name: `layers.${i}.q`, shape: [width, width] },
    { name: `layers.${i}.k`, shape: [keyWidth, width] },
    { name: `layers.${i}.v`, shape: [keyWidth, width] },
    { name: `layers.${i}.o`, shape: [width, width] },
    { name: `layers.${i}.feedForwardNorm`, shape: [width] },
    { name: `layers.${i}.gate`, shape: [hiddenWidth, width] },
    { name: `layers.${i}.up`, shape: [hiddenWidth, width] },
    { name: `layers.${i}.down`, shape: [width, hiddenWidth] },
  ];
  return [
    { name: 'tokenEmbedding', shape: [vocabulary, width] },
    ...Array.from({ length: config.layers }, (_, i) => layer(i)).flat(),
    { name: 'finalNorm', shape: [width] },
    ...(config.tied ? [] : [{ name: 'lmHead', shape: [vocabulary, width] }]),
  ];
}

/** cos and sin tables [S, size] for the half-split rotation. */
function rotaryTables(length: number, size: number, base: number): { cos: Tensor; sin: Tensor } {
  const cos = new Float32Array(length * size);
  const sin = new Float32Array(length * size);
  for (let position = 0; position < length; position++) {
    for (let i = 0; i < size; i++) {
      const angle = position / base ** ((2 * (i % (size / 2))) / size);
      cos[position * size + i] = Math.cos(angle);
      sin[position * size + i] = Math.sin(angle) * (i < size / 2 ? -1 : 1);
    }
  }
  return { cos: tf.tensor2d(cos, [length, size]), sin: tf.tensor2d(sin, [length, size]) };
}

/** Rotates x [B, H, S, d]: halves swapped, times the signed sine, plus x times the cosine. */
function rotate(x: Tensor, tables: { cos: Tensor; sin: Tensor }): Tensor {
  const [first, second] = tf.split(x, 2, 3) as [Tensor, Tensor];
  return tf.add(tf.mul(x, tables.cos), tf.mul(tf.concat([second, first], 3), tables.sin));
}

/** Embeddings [B, S, D] -> hidden states after the final norm [B, S, D]. `weights` holds adapters too, by name. */
export function llama(config: LlamaConfig, weights: Tensors, embeddings: Tensor, lora?: LoraSpec): Tensor {
  const length = embeddings.shape[1]!;
  const mask = causalMask(length);
  const tables = rotaryTables(length, config.width / config.heads, config.ropeBase);
  let x = embeddings;
  for (let i = 0; i < config.layers; i++) {
    const layer = `layers.${i}`;
    const normed = rmsNorm(x, need(weights, `${layer}.attentionNorm`), config.normEpsilon);
    const project = (name: string) => adaptedLinear(normed, `${layer}.${name}`, weights, lora);
    const q = rotate(splitHeads(project('q'), config.heads), tables);
    const k = rotate(splitHeads(project('k'), config.keyValueHeads), tables);
    const v = splitHeads(project('v'), config.keyValueHeads);
    x = tf.add(x, adaptedLinear(joinHeads(groupedAttention(q, k, v, mask)), `${layer}.o`, weights, lora));
    const fed = rmsNorm(x, need(weights, `${layer}.feedForwardNorm`), config.normEpsilon);
    const gate = silu(adaptedLinear(fed, `${layer}.gate`, weights, lora));
    x = tf.add(x, adaptedLinear(tf.mul(gate, adaptedLinear(fed, `${layer}.up`, weights, lora)), `${layer}.down`, weights, lora));
  }
  return rmsNorm(x, need(weights, 'finalNorm'), config.normEpsilon);
}

/** Hidden states [n, D] -> logits [n, V]. */
export const llamaLogits = (config: LlamaConfig, weights: Tensors, hidden: Tensor): Tensor =>
  linear(hidden, need(weights, config.tied ? 'tokenEmbedding' : 'lmHead'));

/**
 * llama2.c stores q and k for the interleaved rotation (pairs 2i, 2i+1); the half-split rotation wants the first
 * elements of all pairs first. Reorders the rows of a [heads * d, in] weight accordingly.
 */
export function interleavedToHalf(data: Float32Array, heads: number, input: number): Float32Array {
  const size = data.length / input / heads;
  const out = new Float32Array(data.length);
  for (let head = 0; head < heads; head++) {
    for (let i = 0; i < size; i++) {
      const from = head * size + (i < size / 2 ? 2 * i : 2 * (i - size / 2) + 1);
      out.set(data.subarray(from * input, (from + 1) * input), (head * size + i) * input);
    }
  }
  return out;
}
