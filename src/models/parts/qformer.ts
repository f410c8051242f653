/**
 * BLIP-2's Q-Former (Li et al. 2023, section 3.1) without its text side: a post-norm BERT whose learned queries attend to
 * each other and, in every n-th layer, to the tower's features.
 */
import { attention, joinHeads, splitHeads } from '../../tensor/ops';
import { need, tf, type Tensor } from '../../tensor/tf';
import { limits, type Fields } from '../checkpoint/config';
import type { NameRow } from '../checkpoint/names';
import { activationOf, type Activation } from './activation';
import { dense, linearParameters, norm, normParameters, type Declared, type Part } from './part';

export interface QformerOptions {
  width: number;
  hidden: number;
  layers: number;
  heads: number;
  epsilon: number;
  activation: Activation;
  /** width of the features that are looked at */
  features: number;
  queries: number;
  /** layers 0, n, 2n ... look at the features */
  crossEvery: number;
  /** the checkpoint holds the feed-forward layers for text too */
  textLayers: boolean;
}

/** Options from a `Blip2QFormerConfig`, with its published defaults. */
export function qformerOptions(fields: Fields, features: number, queries: number): QformerOptions {
  const width = fields.whole('hidden_size', 768, limits.width),
    heads = fields.whole('num_attention_heads', 12, limits.heads);
  if (width % heads !== 0) fields.bad('num_attention_heads', `a divisor of hidden_size ${width}`);
  return {
    width,
    heads,
    features,
    queries,
    hidden: fields.whole('intermediate_size', 3072, limits.hidden),
    layers: fields.whole('num_hidden_layers', 12, limits.layers),
    epsilon: fields.positive('layer_norm_eps', 1e-12),
    activation: activationOf(fields, 'hidden_act', 'gelu'),
    crossEvery: fields.whole('cross_attention_frequency', 2, limits.layers),
    textLayers: fields.flag('use_qformer_text_input', false),
  };
}

const isCross = (o: QformerOptions, layer: number) => layer % o.crossEvery === 0;

export function qformerParameters(o: QformerOptions): Declared[] {
  const attend = (name: string, input: number) => [
    ...linearParameters(`${name}.q`, o.width, o.width),
    ...linearParameters(`${name}.k`, o.width, input),
    ...linearParameters(`${name}.v`, o.width, input),
    ...linearParameters(`${name}.o`, o.width, o.width),
    ...normParameters(`${name}.norm`, o.width),
  ];
  const feed = (name: string) => [
    ...linearParameters(`${name}.up`, o.hidden, o.width),
    ...linearParameters(`${name}.down`, o.width, o.hidden),
    ...normParameters(`${name}.norm`, o.width),
  ];
  return [
    { name: 'queries', shape: [o.queries, o.width] },
    ...normParameters('norm', o.width),
    ...Array.from({ length: o.layers }, (_, i) => [
      ...attend(`layers.${i}.self`, o.width),
      ...(isCross(o, i) ? attend(`layers.${i}.cross`, o.features) : []),
      ...feed(`layers.${i}.feedForward`),
      ...(o.textLayers ? feed(`layers.${i}.text`).map((parameter) => ({ ...parameter, use: 'unused' as const })) : []),
    ]).flat(),
  ];
}

/** Published names, below the module `theirs`; the queries stand outside it. */
export const qformerNames = (theirs: string, queries: string): NameRow[] => [
  ['queries', queries, 'bare'],
  ['norm', `${theirs}.layernorm`],
  ...(
    [
      ['self', 'attention'],
      ['cross', 'crossattention'],
    ] as const
  ).flatMap(([ours, name]): NameRow[] => [
    [`layers.*.${ours}.q`, `${theirs}.encoder.layer.*.${name}.attention.query`],
    [`layers.*.${ours}.k`, `${theirs}.encoder.layer.*.${name}.attention.key`],
    [`layers.*.${ours}.v`, `${theirs}.encoder.layer.*.${name}.attention.value`],
    [`layers.*.${ours}.o`, `${theirs}.encoder.layer.*.${name}.output.dense`],
    [`layers.*.${ours}.norm`, `${theirs}.encoder.layer.*.${name}.output.LayerNorm`],
  ]),
  ...(
    [
      ['feedForward', '_query'],
      ['text', ''],
    ] as const
  ).flatMap(([ours, suffix]): NameRow[] => [
    [`layers.*.${ours}.up`, `${theirs}.encoder.layer.*.intermediate${suffix}.dense`],
    [`layers.*.${ours}.down`, `${theirs}.encoder.layer.*.output${suffix}.dense`],
    [`layers.*.${ours}.norm`, `${theirs}.encoder.layer.*.output${suffix}.LayerNorm`],
  ]),
];

/** features [B, F, features] -> [B, queries, width]. */
export function qformer(part: Part, features: Tensor, o: QformerOptions): Tensor {
  const attend = (x: Tensor, to: Tensor, name: string) => {
    const heads = (input: Tensor, which: string) => splitHeads(dense(part, input, `${name}.${which}`), o.heads);
    const mixed = joinHeads(attention(heads(x, 'q'), heads(to, 'k'), heads(to, 'v')));
    return norm(part, tf.add(dense(part, mixed, `${name}.o`), x), `${name}.norm`, o.epsilon);
  };
  const queries = tf.tile(tf.reshape(need(part.tensors, 'queries'), [1, o.queries, o.width]), [
    features.shape[0]!,
    1,
    1,
  ]);
  let x = norm(part, queries, 'norm', o.epsilon);
  for (let i = 0; i < o.layers; i++) {
    const layer = `layers.${i}`;
    x = attend(x, x, `${layer}.self`);
    if (isCross(o, i)) x = attend(x, features, `${layer}.cross`);
    const fed = dense(part, o.activation(dense(part, x, `${layer}.feedForward.up`)), `${layer}.feedForward.down`);
    x = norm(part, tf.add(fed, x), `${layer}.feedForward.norm`, o.epsilon);
  }
  return x;
}

/** Window-level Q-Former (Tang et al. 2024, SALMONN, section 3.1): each window of frames [B, T, features] is queried alone -> [B, windows * queries, width]. */
export function windowQformer(part: Part, frames: Tensor, window: number, o: QformerOptions): Tensor {
  const [batch, length, features] = frames.shape as [number, number, number];
  const windows = Math.floor(length / window);
  const whole = windows * window === length ? frames : tf.slice(frames, [0, 0, 0], [batch, windows * window, features]);
  return tf.reshape(qformer(part, tf.reshape(whole, [batch * windows, window, features]), o), [
    batch,
    windows * o.queries,
    o.width,
  ]);
}
