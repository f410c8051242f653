/**
 * The model of the step benchmark, as the product's programs take a model: a pre-norm transformer encoder over patches,
 * prefixed to a causal decoder with tied embeddings; every parameter is trained. The same model in PyTorch is
 * bench/reference/step_torch.py.
 */
import { regularisers } from '../src/balance/regularisers';
import { completeSpec } from '../src/parts/define';
import { optimisers } from '../src/tensor/optimiserKinds';
import type { Setting } from '../src/train/programs';
import type { BatchArrays, BatchShape } from '../src/train/batches';
import type { PartName } from '../src/models/composition';
import type { MultimodalModel } from '../src/models/multimodal';
import type { Precision } from '../src/tensor/precision';
import { random } from '../src/random';
import { attention, causalMask, gelu, joinHeads, layerNorm, linear, pickRows } from '../src/tensor/ops';
import { byName, type Initial, type ParameterSpec } from '../src/tensor/parameters';
import { need, tf, type Tensor, type Tensors } from '../src/tensor/tf';

interface BenchConfig {
  width: number;
  heads: number;
  /** blocks of the decoder */
  layers: number;
  /** blocks of the encoder */
  encoderLayers: number;
  vocabulary: number;
  /** text tokens that are seen and predicted */
  textTokens: number;
  patches: number;
  patchWidth: number;
}

/** `stories15m` has the size of the default backbone; `tiny` is for tests. */
export const benchConfigs = {
  tiny: { width: 16, heads: 4, layers: 2, encoderLayers: 1, vocabulary: 30, textTokens: 6, patches: 3, patchWidth: 8 },
  small: {
    width: 128,
    heads: 4,
    layers: 4,
    encoderLayers: 2,
    vocabulary: 2048,
    textTokens: 48,
    patches: 16,
    patchWidth: 192,
  },
  stories15m: {
    width: 288,
    heads: 6,
    layers: 6,
    encoderLayers: 2,
    vocabulary: 3000,
    textTokens: 48,
    patches: 16,
    patchWidth: 2048,
  },
} as const satisfies Record<string, BenchConfig>;
export type BenchConfigName = keyof typeof benchConfigs;

const epsilon = 1e-5; // PyTorch's default of LayerNorm

const zeros: Initial = { kind: 'zeros' };
const ones: Initial = { kind: 'constant', value: 1 };
/** PyTorch's default start of a linear layer is uniform with this standard deviation. */
const weight = (name: string, out: number, from: number): ParameterSpec => ({
  name,
  shape: [out, from],
  initial: { kind: 'normal', deviation: 1 / Math.sqrt(3 * from) },
});
const bias = (name: string, size: number): ParameterSpec => ({ name, shape: [size], initial: zeros });
const norm = (name: string, width: number): ParameterSpec[] => [
  { name: `${name}.gain`, shape: [width], initial: ones },
  bias(`${name}.bias`, width),
];
const table = (name: string, rows: number, width: number): ParameterSpec => ({
  name,
  shape: [rows, width],
  initial: { kind: 'normal', deviation: 0.02 },
});

function blockParameters(name: string, width: number): ParameterSpec[] {
  return [
    ...norm(`${name}.attentionNorm`, width),
    weight(`${name}.qkv`, 3 * width, width),
    bias(`${name}.qkvBias`, 3 * width),
    weight(`${name}.o`, width, width),
    bias(`${name}.oBias`, width),
    ...norm(`${name}.feedForwardNorm`, width),
    weight(`${name}.up`, 4 * width, width),
    bias(`${name}.upBias`, 4 * width),
    weight(`${name}.down`, width, 4 * width),
    bias(`${name}.downBias`, width),
  ];
}

/** One block on x [B, S, D]; mask [S, S] is added to the scores. */
function block(all: Tensors, name: string, heads: number, x: Tensor, mask?: Tensor): Tensor {
  const of = (part: string) => need(all, `${name}.${part}`);
  const [batch, length, width] = x.shape as [number, number, number];
  const normed = layerNorm(x, of('attentionNorm.gain'), of('attentionNorm.bias'), epsilon);
  const projected = tf.reshape(linear(normed, of('qkv'), of('qkvBias')), [batch, length, 3, heads, width / heads]);
  const [q, k, v] = tf.unstack(tf.transpose(projected, [2, 0, 3, 1, 4])) as [Tensor, Tensor, Tensor];
  const attended = tf.add(x, linear(joinHeads(attention(q, k, v, mask)), of('o'), of('oBias')));
  const fed = layerNorm(attended, of('feedForwardNorm.gain'), of('feedForwardNorm.bias'), epsilon);
  return tf.add(attended, linear(gelu(linear(fed, of('up'), of('upBias'))), of('down'), of('downBias')));
}

const ofPart = (part: PartName, parameters: readonly ParameterSpec[]) =>
  parameters.map((parameter) => ({ ...parameter, part }));

/** The model of a configuration. Its labels are all text tokens, so a pass does not read `positions`. */
export function benchModel(config: BenchConfig): MultimodalModel {
  const { width, heads, layers, encoderLayers, vocabulary, textTokens, patches, patchWidth } = config;
  const encoderNames = Array.from({ length: encoderLayers }, (_, i) => `blocks.${i}`);
  const backboneNames = Array.from({ length: layers }, (_, i) => `blocks.${i}`);
  const encoder: ParameterSpec[] = [
    table('position', patches, width),
    weight('patch', width, patchWidth),
    bias('patchBias', width),
    ...encoderNames.flatMap((name) => blockParameters(name, width)),
  ];
  const backbone: ParameterSpec[] = [
    table('embedding', vocabulary, width),
    table('position', patches + textTokens, width),
    ...backboneNames.flatMap((name) => blockParameters(name, width)),
    ...norm('norm', width),
  ];
  const encode = (all: Tensors, features: Tensor) =>
    encoderNames.reduce(
      (x, name) => block(all, name, heads, x),
      tf.add(linear(features, need(all, 'patch'), need(all, 'patchBias')), need(all, 'position')),
    );
  const hidden: MultimodalModel['hidden'] = ({ backbone: parts, prefix, tokens }) => {
    const all = byName(backbone, parts);
    const batch = tokens.shape[0]!;
    const text = tf.reshape(pickRows(need(all, 'embedding'), tf.reshape(tokens, [-1])), [batch, textTokens, width]);
    const mask = causalMask(patches + textTokens);
    const states = backboneNames.reduce(
      (x, name) => block(all, name, heads, x, mask),
      tf.add(tf.concat([prefix, text], 1), need(all, 'position')),
    );
    const normed = layerNorm(
      tf.slice(states, [0, patches, 0], [batch, textTokens, width]),
      need(all, 'norm.gain'),
      need(all, 'norm.bias'),
      epsilon,
    );
    return tf.reshape(normed, [batch * textTokens, width]);
  };
  return {
    trainable: { encoder: ofPart('tower', encoder), backbone: ofPart('backbone', backbone) },
    frozen: {},
    prefix: ({ encoder: parts, features }) => encode(byName(encoder, parts), features),
    hidden,
    words: ({ backbone: parts }, states) => linear(states, need(byName(backbone, parts), 'embedding')),
  };
}

/**
 * What is trained: Adam without clipping, as in the reference; `regularised` adds the term of docs/method.md section 5.
 */
export function benchSetting(config: BenchConfig, regularised = false, precision?: Precision): Setting {
  return {
    model: benchModel(config),
    vocabulary: config.vocabulary,
    optimiser: completeSpec(optimisers, { kind: 'adam', clip: 0 }),
    ...(precision === undefined ? {} : { precision }),
    regulariser: regularised ? completeSpec(regularisers, { kind: 'commit', lambda: 0.1 }) : { kind: 'none' },
  };
}

export const benchShape = (config: BenchConfig, batch: number): BatchShape => ({
  batch,
  tokens: config.textTokens,
  labels: config.textTokens,
  rows: config.patches,
  width: config.patchWidth,
  prefixTokens: config.patches,
});

/** A random batch; the label of each text token is the one after it. */
export function benchBatch(config: BenchConfig, batch: number, purpose: string): BatchArrays {
  const { textTokens, patches, patchWidth, vocabulary } = config;
  const source = random(0, `bench/${purpose}`);
  const tokens = new Int32Array(batch * textTokens),
    labels = new Int32Array(batch * textTokens);
  for (let row = 0; row < batch; row++) {
    const text = Array.from({ length: textTokens + 1 }, () => source.integer(vocabulary));
    tokens.set(text.slice(0, -1), row * textTokens);
    labels.set(text.slice(1), row * textTokens);
  }
  return {
    features: Float32Array.from({ length: batch * patches * patchWidth }, () => source.normal()),
    tokens,
    labels,
    positions: Int32Array.from(
      labels,
      (_, i) => Math.floor(i / textTokens) * (patches + textTokens) + patches + (i % textTokens),
    ),
    mask: new Float32Array(batch * textTokens).fill(1),
  };
}

/**
 * Multiplications and additions in the matrix products of one training step: twice that of the forward pass again for
 * the backward pass, except that patches have no gradient. Attention counts whole squares, as it is computed here.
 */
export function stepFlops(config: BenchConfig, batch: number): number {
  const { width, layers, encoderLayers, vocabulary, textTokens, patches, patchWidth } = config;
  const blockFlops = (length: number) => batch * length * (2 * 12 * width * width + 2 * 2 * length * width);
  const patch = 2 * batch * patches * patchWidth * width;
  const rest =
    encoderLayers * blockFlops(patches) +
    layers * blockFlops(patches + textTokens) +
    2 * batch * textTokens * width * vocabulary;
  return 2 * patch + 3 * rest;
}
