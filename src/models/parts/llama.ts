/**
 * The Llama architecture: RMSNorm, rotary positions, grouped keys, SwiGLU (Touvron et al. 2023; Su et al. 2021;
 * Ainslie et al. 2023; Shazeer 2020). Every Llama-like backbone is a `LlamaConfig`. Weights [out, in].
 */
import { gated, joinHeads, linear, rmsNorm, rotary, silu, splitHeads } from '../../tensor/ops';
import { need, tf, type Tensor, type Tensors } from '../../tensor/tf';
import { adaptedLinear } from './lora';
import { causalLayers, type Attend } from './attend';
import { layersOf, type Shared } from './layers';
import type { Part } from './part';

export interface LlamaConfig {
  width: number;
  hiddenWidth: number;
  layers: number;
  heads: number;
  keyValueHeads: number;
  vocabulary: number;
  context: number;
  normEpsilon: number;
  ropeBase: number;
  /** the output projection is the token embedding */
  tied: boolean;
  /** what other members of the family add; left out, the model is Llama's own */
  variant?: LlamaVariant;
}

/** Differences of Llama-like published models. */
export interface LlamaVariant {
  /** width of a head; else width / heads */
  headWidth?: number;
  /** biases of queries, keys and values (Qwen2), of the attention's output, of the feed-forward layers */
  bias?: { qkv: boolean; output: boolean; feedForward: boolean };
  /** instead of SiLU */
  activation?: (x: Tensor) => Tensor;
  /**
   * queries, keys and values by one matrix, whose rows are, for each group of heads, its queries, its keys, its values
   * (InternLM2's wqkv)
   */
  fused?: boolean;
  /** divides each rotary frequency (positions per radian), [head width / 2] */
  ropeDivisors?: readonly number[];
}

/** Width of a head. */
export const headWidth = (config: LlamaConfig): number => config.variant?.headWidth ?? config.width / config.heads;

/** Names and shapes of all weights of a configuration. */
export function llamaWeights(config: LlamaConfig): { name: string; shape: number[] }[] {
  const { width, hiddenWidth, heads, keyValueHeads, vocabulary, variant = {} } = config;
  const queryWidth = headWidth(config) * heads,
    keyWidth = headWidth(config) * keyValueHeads;
  const { qkv = false, output = false, feedForward = false } = variant.bias ?? {};
  const matrix = (name: string, out: number, input: number, bias: boolean) => [
    { name, shape: [out, input] },
    ...(bias ? [{ name: `${name}.bias`, shape: [out] }] : []),
  ];
  const layer = (i: number) => [
    { name: `layers.${i}.attentionNorm`, shape: [width] },
    ...(variant.fused
      ? matrix(`layers.${i}.qkv`, queryWidth + 2 * keyWidth, width, qkv)
      : [
          ...matrix(`layers.${i}.q`, queryWidth, width, qkv),
          ...matrix(`layers.${i}.k`, keyWidth, width, qkv),
          ...matrix(`layers.${i}.v`, keyWidth, width, qkv),
        ]),
    ...matrix(`layers.${i}.o`, width, queryWidth, output),
    { name: `layers.${i}.feedForwardNorm`, shape: [width] },
    ...matrix(`layers.${i}.gate`, hiddenWidth, width, feedForward),
    ...matrix(`layers.${i}.up`, hiddenWidth, width, feedForward),
    ...matrix(`layers.${i}.down`, width, hiddenWidth, feedForward),
  ];
  return [
    { name: 'tokenEmbedding', shape: [vocabulary, width] },
    ...Array.from({ length: config.layers }, (_, i) => layer(i)).flat(),
    { name: 'finalNorm', shape: [width] },
    ...(config.tied ? [] : [{ name: 'lmHead', shape: [vocabulary, width] }]),
  ];
}

/** What turns queries and keys by their places: tables that broadcast to [B, H, S, size]. */
export interface Rotary {
  cos: Tensor;
  sin: Tensor;
}

/** cos and sin [length, size] for the half-split rotation at the places 0 to length - 1. */
function rotaryTables(config: LlamaConfig, length: number): Rotary {
  const size = headWidth(config),
    divisors = config.variant?.ropeDivisors;
  const cos = new Float32Array(length * size);
  const sin = new Float32Array(length * size);
  for (let position = 0; position < length; position++) {
    for (let i = 0; i < size; i++) {
      const angle = position / config.ropeBase ** ((2 * (i % (size / 2))) / size) / (divisors?.[i % (size / 2)] ?? 1);
      cos[position * size + i] = Math.cos(angle);
      sin[position * size + i] = Math.sin(angle) * (i < size / 2 ? -1 : 1);
    }
  }
  return { cos: tf.tensor2d(cos, [length, size]), sin: tf.tensor2d(sin, [length, size]) };
}

/** The same for one token a row, at positions int32 [B], all below `length`. */
export function rotaryAt(config: LlamaConfig, positions: Tensor, length: number): Rotary {
  const tables = rotaryTables(config, length);
  const at = (table: Tensor) =>
    tf.reshape(tf.gather(table, positions as tf.Tensor1D), [positions.shape[0]!, 1, 1, headWidth(config)]);
  return { cos: at(tables.cos), sin: at(tables.sin) };
}

/** What the layers of a pass share: how they attend, and the rotary tables of its places. */
export interface LlamaShared {
  attend: Attend;
  tables: Rotary;
}

/** What the layers of a pass over texts of so many places share. */
export function wholeTexts(config: LlamaConfig, length: number, attention: Shared<Attend>): Shared<LlamaShared> {
  return {
    of: attention.of,
    make: (of) => ({ attend: attention.make(of), tables: rotaryTables(config, length) }),
  };
}

/** Embeddings [B, S, D] -> hidden states after the final norm [B, S, D]; unless `shared` says otherwise all places count. */
export function llama(
  config: LlamaConfig,
  part: Part,
  embeddings: Tensor,
  shared: Shared<LlamaShared> = wholeTexts(config, embeddings.shape[1]!, causalLayers(embeddings.shape[1]!, null)),
): Tensor {
  const inLayer = layersOf(part, shared);
  let x = embeddings;
  for (let i = 0; i < config.layers; i++)
    x = inLayer(`layers.${i}`, x, (own, input, among) => llamaLayer(config, own, i, input, among));
  return rmsNorm(x, need(part.tensors, 'finalNorm'), config.normEpsilon);
}

/** x [B, S, D] -> [B, S, D]. */
function llamaLayer(
  config: LlamaConfig,
  { tensors: weights, lora }: Part,
  index: number,
  x: Tensor,
  { attend, tables }: LlamaShared,
): Tensor {
  const activation = config.variant?.activation ?? silu;
  const rotate = (heads: Tensor) => rotary(heads, tables.cos, tables.sin);
  const layer = `layers.${index}`;
  const normed = rmsNorm(x, need(weights, `${layer}.attentionNorm`), config.normEpsilon);
  const project = (name: string) => adaptedLinear(normed, `${layer}.${name}`, weights, lora);
  const fused = config.variant?.fused ? splitGroups(config, project('qkv')) : undefined;
  const q = rotate(fused?.q ?? splitHeads(project('q'), config.heads));
  const k = rotate(fused?.k ?? splitHeads(project('k'), config.keyValueHeads));
  const v = fused?.v ?? splitHeads(project('v'), config.keyValueHeads);
  const attended = tf.add(x, adaptedLinear(joinHeads(attend(index, q, k, v)), `${layer}.o`, weights, lora));
  const fed = rmsNorm(attended, need(weights, `${layer}.feedForwardNorm`), config.normEpsilon);
  const gate = adaptedLinear(fed, `${layer}.gate`, weights, lora);
  const fedOn = gated(activation, gate, () => adaptedLinear(fed, `${layer}.up`, weights, lora));
  return tf.add(attended, adaptedLinear(fedOn, `${layer}.down`, weights, lora));
}

/** Fused projection [B, S, groups * (heads a group + 2) * d] -> heads [B, heads or groups, S, d]. */
function splitGroups(config: LlamaConfig, fused: Tensor): { q: Tensor; k: Tensor; v: Tensor } {
  const [batch, length] = fused.shape as [number, number, number];
  const size = headWidth(config),
    groups = config.keyValueHeads,
    each = config.heads / groups;
  const grouped = tf.reshape(fused, [batch, length, groups, (each + 2) * size]);
  const [q, k, v] = tf.split(grouped, [each * size, size, size], 3) as [Tensor, Tensor, Tensor];
  const heads = (x: Tensor, count: number) => splitHeads(tf.reshape(x, [batch, length, count * size]), count);
  return { q: heads(q, config.heads), k: heads(k, groups), v: heads(v, groups) };
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
