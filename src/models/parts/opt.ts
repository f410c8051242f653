/**
 * OPT (Zhang et al. 2022): learned positions, layer norms before (or, in the 350M model, after) each branch, biases,
 * tied embeddings.
 */
import { joinHeads, layerNorm, linear, normaliseRms, pickRows, splitHeads } from '../../tensor/ops';
import { need, tf, type Tensor } from '../../tensor/tf';
import type { Activation } from './activation';
import { dense, linearParameters, normParameters, type Declared, type Part } from './part';
import type { Attend } from './attend';
import { layersOf, type Shared } from './layers';

export interface OptConfig {
  width: number;
  hidden: number;
  layers: number;
  heads: number;
  vocabulary: number;
  /** longest sequence; the table of positions has two rows more */
  context: number;
  activation: Activation;
  normFirst: boolean;
  finalNorm: boolean;
  bias: boolean;
  /** norms have a gain and a bias */
  affine: boolean;
  tied: boolean;
}

const epsilon = 1e-5;
/** OPT's position 0 is row 2 of the table; padding reads row 1. */
const positionOffset = 2;

export const optParameters = (c: OptConfig): Declared[] => {
  const norm = (name: string) => (c.affine ? normParameters(name, c.width) : []);
  return [
    { name: 'tokenEmbedding', shape: [c.vocabulary, c.width] },
    { name: 'positions', shape: [c.context + positionOffset, c.width] },
    ...Array.from({ length: c.layers }, (_, i) => [
      ...['q', 'k', 'v', 'o'].flatMap((part) => linearParameters(`layers.${i}.${part}`, c.width, c.width, c.bias)),
      ...norm(`layers.${i}.attentionNorm`),
      ...linearParameters(`layers.${i}.up`, c.hidden, c.width, c.bias),
      ...linearParameters(`layers.${i}.down`, c.width, c.hidden, c.bias),
      ...norm(`layers.${i}.feedForwardNorm`),
    ]).flat(),
    ...(c.finalNorm ? norm('finalNorm') : []),
    ...(c.tied ? [] : [{ name: 'lmHead', shape: [c.vocabulary, c.width] }]),
  ];
};

/**
 * Rows of the position table for places that count or not [B, S] (1 or 0): the n-th counted place of a row is position
 * n.
 */
export const optPlaces = (counts: Tensor): Tensor =>
  tf.cast(tf.reshape(tf.add(tf.mul(tf.cumsum(counts, 1), counts), positionOffset - 1), [-1]), 'int32');

/** Rows of the position table for positions int32 [B] of one token a row. */
export const optPlacesAt = (positions: Tensor): Tensor => tf.add(positions, tf.scalar(positionOffset, 'int32'));

/** Embeddings [B, S, width] and rows of the position table int32 [B * S] -> hidden states [B, S, width]. */
export function opt(c: OptConfig, part: Part, embeddings: Tensor, places: Tensor, attention: Shared<Attend>): Tensor {
  const [batch, length] = embeddings.shape as [number, number, number];
  if (length > c.context) throw new RangeError(`${length} tokens for ${c.context} positions`);
  const inLayer = layersOf(part, attention);
  const positions = tf.reshape(pickRows(need(part.tensors, 'positions'), places), [batch, length, c.width]);
  let x: Tensor = tf.add(embeddings, positions);
  for (let i = 0; i < c.layers; i++)
    x = inLayer(`layers.${i}`, x, (own, input, attend) => optLayer(c, own, i, input, attend));
  return c.finalNorm ? optNorm(c, part, x, 'finalNorm') : x;
}

const optNorm = (c: OptConfig, part: Part, x: Tensor, name: string): Tensor =>
  c.affine
    ? layerNorm(x, need(part.tensors, name), need(part.tensors, `${name}.bias`), epsilon)
    : normaliseRms(tf.sub(x, tf.mean(x, -1, true)), epsilon);

/** x [B, S, width] -> [B, S, width]. */
function optLayer(c: OptConfig, part: Part, index: number, input: Tensor, attend: Attend): Tensor {
  const layer = `layers.${index}`;
  let x = input;
  const branch = (name: string, apply: (seen: Tensor) => Tensor) => {
    x = c.normFirst ? tf.add(x, apply(optNorm(c, part, x, name))) : optNorm(c, part, tf.add(x, apply(x)), name);
  };
  branch(`${layer}.attentionNorm`, (seen) => {
    const heads = (which: string) => splitHeads(dense(part, seen, `${layer}.${which}`), c.heads);
    return dense(part, joinHeads(attend(index, heads('q'), heads('k'), heads('v'))), `${layer}.o`);
  });
  branch(`${layer}.feedForwardNorm`, (seen) =>
    dense(part, c.activation(dense(part, seen, `${layer}.up`)), `${layer}.down`),
  );
  return x;
}

/** Hidden states [n, width] -> logits [n, V]. */
export const optLogits = (c: OptConfig, part: Part, hidden: Tensor): Tensor =>
  linear(hidden, need(part.tensors, c.tied ? 'tokenEmbedding' : 'lmHead'));
