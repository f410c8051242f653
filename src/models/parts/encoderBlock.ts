/**
 * The pre-norm transformer block of every tower here (Dosovitskiy et al. 2021, equations 2 and 3): ViT-g, CLIP,
 * InternViT (layer scale, Touvron et al. 2021; normalised queries and keys) and Whisper differ only in the options.
 */
import { attention, joinHeads, splitHeads } from '../../tensor/ops';
import { need, tf, type Tensor } from '../../tensor/tf';
import type { Activation } from './activation';
import { dense, linearParameters, norm, normParameters, type Declared, type NormKind, type Part } from './part';

export interface BlockOptions {
  width: number;
  hidden: number;
  heads: number;
  epsilon: number;
  activation: Activation;
  norm: NormKind;
  /** queries, keys and values by one matrix [3 width, width], in this order */
  fused: boolean;
  /** biases of queries, keys and values; Whisper has none for keys */
  bias: boolean | 'no keys';
  /** each branch is multiplied by a learned vector before it is added */
  layerScale: boolean;
  /** RMS norms over the whole width of queries and keys, before they are split into heads */
  queryKeyNorm: boolean;
}

/** The block of Vaswani et al. with its norms first, as most towers have it. */
export const plainBlock = {
  norm: 'layer',
  fused: false,
  bias: true,
  layerScale: false,
  queryKeyNorm: false,
} as const satisfies Partial<BlockOptions>;

export const blockParameters = (name: string, o: BlockOptions): Declared[] => [
  ...normParameters(`${name}.attentionNorm`, o.width, o.norm),
  ...(o.fused
    ? linearParameters(`${name}.qkv`, 3 * o.width, o.width, o.bias !== false)
    : ['q', 'k', 'v'].flatMap((part) =>
        linearParameters(
          `${name}.${part}`,
          o.width,
          o.width,
          o.bias === true || (o.bias === 'no keys' && part !== 'k'),
        ),
      )),
  ...(o.queryKeyNorm
    ? [...normParameters(`${name}.queryNorm`, o.width, 'rms'), ...normParameters(`${name}.keyNorm`, o.width, 'rms')]
    : []),
  ...linearParameters(`${name}.o`, o.width, o.width),
  ...(o.layerScale ? [{ name: `${name}.attentionScale`, shape: [o.width] }] : []),
  ...normParameters(`${name}.feedForwardNorm`, o.width, o.norm),
  ...linearParameters(`${name}.up`, o.hidden, o.width),
  ...linearParameters(`${name}.down`, o.width, o.hidden),
  ...(o.layerScale ? [{ name: `${name}.feedForwardScale`, shape: [o.width] }] : []),
];

/** InternVL's norms of queries and keys keep this epsilon whatever the other norms have. */
const queryKeyEpsilon = 1e-6;

/** x [B, S, width] -> [B, S, width]. */
export function encoderBlock(part: Part, name: string, x: Tensor, o: BlockOptions): Tensor {
  const scaled = (branch: Tensor, scale: string) =>
    o.layerScale ? tf.mul(branch, need(part.tensors, `${name}.${scale}`)) : branch;
  const seen = norm(part, x, `${name}.attentionNorm`, o.epsilon, o.norm);
  const [query, key, v] = (
    o.fused
      ? tf.split(dense(part, seen, `${name}.qkv`), 3, -1)
      : ['q', 'k', 'v'].map((which) => dense(part, seen, `${name}.${which}`))
  ) as [Tensor, Tensor, Tensor];
  const q = o.queryKeyNorm ? norm(part, query, `${name}.queryNorm`, queryKeyEpsilon, 'rms') : query;
  const k = o.queryKeyNorm ? norm(part, key, `${name}.keyNorm`, queryKeyEpsilon, 'rms') : key;
  const mixed = joinHeads(attention(splitHeads(q, o.heads), splitHeads(k, o.heads), splitHeads(v, o.heads)));
  const attended = tf.add(x, scaled(dense(part, mixed, `${name}.o`), 'attentionScale'));
  const fed = norm(part, attended, `${name}.feedForwardNorm`, o.epsilon, o.norm);
  return tf.add(
    attended,
    scaled(dense(part, o.activation(dense(part, fed, `${name}.up`)), `${name}.down`), 'feedForwardScale'),
  );
}
