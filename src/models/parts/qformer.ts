/**
 * The Q-Former (Li et al. 2023, BLIP-2, section 3.1) without its text side: learned queries attend to each other and,
 * in every n-th layer, to the tower's features. As published its layers are a post-norm BERT's.
 */
import { attention, joinHeads, splitHeads } from '../../tensor/ops';
import { need, tf, type Tensor } from '../../tensor/tf';
import { attentionSizes, limits, type Fields } from '../checkpoint/config';
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
  /**
   * each branch has its norm before it, and the last layer a norm behind it; else (BERT) a norm follows each branch,
   * and one the queries
   */
  normFirst: boolean;
}

/** Options from a `Blip2QFormerConfig`, with its published defaults. */
export function qformerOptions(fields: Fields, features: number, queries: number): QformerOptions {
  return {
    ...attentionSizes(fields, { width: 768, heads: 12 }),
    features,
    queries,
    hidden: fields.whole('intermediate_size', 3072, limits.hidden),
    layers: fields.whole('num_hidden_layers', 12, limits.layers),
    epsilon: fields.positive('layer_norm_eps', 1e-12),
    activation: activationOf(fields, 'hidden_act', 'gelu'),
    crossEvery: fields.whole('cross_attention_frequency', 2, limits.layers),
    textLayers: fields.flag('use_qformer_text_input', false),
    normFirst: false,
  };
}

const isCross = (o: QformerOptions, layer: number) => layer % o.crossEvery === 0;

export function qformerParameters(o: QformerOptions): Declared[] {
  const branch = (name: string, layers: Declared[]): Declared[] => {
    const norms = normParameters(`${name}.norm`, o.width);
    return o.normFirst ? [...norms, ...layers] : [...layers, ...norms];
  };
  const attend = (name: string, input: number) =>
    branch(name, [
      ...linearParameters(`${name}.q`, o.width, o.width),
      ...linearParameters(`${name}.k`, o.width, input),
      ...linearParameters(`${name}.v`, o.width, input),
      ...linearParameters(`${name}.o`, o.width, o.width),
    ]);
  const feed = (name: string) =>
    branch(name, [
      ...linearParameters(`${name}.up`, o.hidden, o.width),
      ...linearParameters(`${name}.down`, o.width, o.hidden),
    ]);
  const outer = normParameters('norm', o.width);
  return [
    { name: 'queries', shape: [o.queries, o.width] },
    ...(o.normFirst ? [] : outer),
    ...Array.from({ length: o.layers }, (_, i) => [
      ...attend(`layers.${i}.self`, o.width),
      ...(isCross(o, i) ? attend(`layers.${i}.cross`, o.features) : []),
      ...feed(`layers.${i}.feedForward`),
      ...(o.textLayers ? feed(`layers.${i}.text`).map((parameter) => ({ ...parameter, use: 'unused' as const })) : []),
    ]).flat(),
    ...(o.normFirst ? outer : []),
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
  const normed = (x: Tensor, name: string) => norm(part, x, name, o.epsilon);
  const branch = (x: Tensor, name: string, apply: (seen: Tensor) => Tensor): Tensor =>
    o.normFirst ? tf.add(x, apply(normed(x, `${name}.norm`))) : normed(tf.add(apply(x), x), `${name}.norm`);
  const attend = (x: Tensor, name: string, to: Tensor | null) =>
    branch(x, name, (seen) => {
      const heads = (input: Tensor, which: string) => splitHeads(dense(part, input, `${name}.${which}`), o.heads);
      const mixed = attention(heads(seen, 'q'), heads(to ?? seen, 'k'), heads(to ?? seen, 'v'));
      return dense(part, joinHeads(mixed), `${name}.o`);
    });
  const queries = tf.tile(tf.reshape(need(part.tensors, 'queries'), [1, o.queries, o.width]), [
    features.shape[0]!,
    1,
    1,
  ]);
  let x = o.normFirst ? queries : normed(queries, 'norm');
  for (let i = 0; i < o.layers; i++) {
    const layer = `layers.${i}`;
    x = attend(x, `${layer}.self`, null);
    if (isCross(o, i)) x = attend(x, `${layer}.cross`, features);
    x = branch(x, `${layer}.feedForward`, (seen) =>
      dense(part, o.activation(dense(part, seen, `${layer}.feedForward.up`)), `${layer}.feedForward.down`),
    );
  }
  return o.normFirst ? normed(x, 'norm') : x;
}

/**
 * Window-level Q-Former (Tang et al. 2024, SALMONN, section 3.1): each window of frames [B, T, features] is queried
 * alone -> [B, windows * queries, width].
 */
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
