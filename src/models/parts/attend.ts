/**
 * How the queries of a layer find keys and values: the only place where a pass over whole texts and one with a cache
 * differ.
 */
import { causalMask, groupedAttention } from '../../tensor/ops';
import { tf, type Tensor } from '../../tensor/tf';
import type { Shared } from './layers';

/** Layer, q [B, H, S, d], k and v [B, G, S, d], of the tokens of this pass -> [B, H, S, d]. */
export type Attend = (layer: number, q: Tensor, k: Tensor, v: Tensor) => Tensor;

/** Each place sees itself and those before it. */
export function causally(length: number): Attend {
  const mask = causalMask(length);
  return (_layer, q, k, v) => groupedAttention(q, k, v, mask);
}

/**
 * The same, with places that do not count [B, S] (1 or 0) hidden. A row that sees nothing spreads evenly and means
 * nothing.
 */
export function causalAmong(counts: Tensor): Attend {
  const [batch, length] = counts.shape as [number, number];
  const mask = tf.add(causalMask(length), tf.reshape(tf.mul(tf.sub(counts, 1), 1e9), [batch, 1, 1, length]));
  return (_layer, q, k, v) => groupedAttention(q, k, v, mask);
}

/** The same of either kind, for the layers of a pass; `counts` null: all places count. */
export const causalLayers = (length: number, counts: Tensor | null): Shared<Attend> => ({
  of: counts === null ? [] : [counts],
  make: ([counted]) => (counted === undefined ? causally(length) : causalAmong(counted)),
});
