/**
 * Attention with a key/value cache in two parts of fixed shapes. The prompt's part is written once and read by all
 * beams of a prompt; the new tokens' part has a slot for each step, the same for all rows.
 * Shapes: prompts B, beams K (1 without beam search), rows R = B K, prompt places S, slots N, query heads H in G
 * groups, head width d.
 */
import { causalAmong, type Attend } from '../parts/attend';
import { tf, type Tensor } from '../../tensor/tf';

/** Keys and values of each layer: [B, G, S, d] of prompts, [R, G, N, d] of new tokens. */
export interface Cache {
  keys: Tensor[];
  values: Tensor[];
}

/** Attention of whole prompts, places that count [B, S]; `cache` fills as the layers pass. */
export function promptAttention(counts: Tensor): { attend: Attend; cache: Cache } {
  const cache: Cache = { keys: [], values: [] };
  const plain = causalAmong(counts);
  return {
    cache,
    attend(layer, q, k, v) {
      cache.keys[layer] = k;
      cache.values[layer] = v;
      return plain(layer, q, k, v);
    },
  };
}

export interface CachedStep {
  prompt: Cache;
  /** places of the prompt that count [B, S] */
  counts: Tensor;
  fresh: Cache;
  /** [N] 1 at the slot that this step writes, which holds zeros, else 0 */
  slot: Tensor;
  /** [N] 1 at slots that are written, this step's among them, else 0 */
  written: Tensor;
  beams: number;
}

/**
 * Attention of one new token a row: to its prompt, to the new tokens before it, to itself. `fresh` is the cache with
 * this token's slot written.
 */
export function stepAttention(step: CachedStep): { attend: Attend; fresh: Cache } {
  const fresh: Cache = { keys: [], values: [] };
  const { beams } = step;
  const [prompts, places] = step.counts.shape as [number, number];
  const slots = step.slot.size;
  const hide = (counts: Tensor) => tf.mul(tf.sub(counts, 1), 1e9);
  const promptMask = tf.reshape(hide(step.counts), [prompts, 1, 1, places]);
  const freshMask = tf.reshape(hide(step.written), [1, 1, 1, slots]);
  const at = tf.reshape(step.slot, [1, 1, slots, 1]);
  return {
    fresh,
    attend(layer, q, k, v) {
      const [rows, heads, , size] = q.shape as [number, number, number, number];
      const groups = k.shape[1]!,
        each = heads / groups;
      // The queries of a group, and of the beams of a prompt, stand below each other, so that no key is copied.
      const together = (x: Tensor, width: number) =>
        beams === 1
          ? x
          : tf.reshape(tf.transpose(tf.reshape(x, [prompts, beams, groups, each, width]), [0, 2, 1, 3, 4]), [
              prompts,
              groups,
              beams * each,
              width,
            ]);
      const apart = (x: Tensor, width: number) =>
        beams === 1
          ? x
          : tf.reshape(tf.transpose(tf.reshape(x, [prompts, groups, beams, each, width]), [0, 2, 1, 3, 4]), [
              rows,
              groups,
              each,
              width,
            ]);
      const keys = (fresh.keys[layer] = tf.add(step.fresh.keys[layer]!, tf.mul(k, at)));
      const values = (fresh.values[layer] = tf.add(step.fresh.values[layer]!, tf.mul(v, at)));
      const queries = tf.reshape(tf.mul(q, 1 / Math.sqrt(size)), [rows, groups, each, size]);
      const toPrompt = apart(
        tf.add(tf.matMul(together(queries, size), step.prompt.keys[layer]!, false, true), promptMask),
        places,
      );
      const toFresh = tf.add(tf.matMul(queries, keys, false, true), freshMask);
      const [onPrompt, onFresh] = tf.split(tf.softmax(tf.concat([toPrompt, toFresh], 3)), [places, slots], 3) as [
        Tensor,
        Tensor,
      ];
      const seen = tf.add(
        apart(tf.matMul(together(onPrompt, places), step.prompt.values[layer]!), size),
        tf.matMul(onFresh, values),
      );
      return tf.reshape(seen, [rows, heads, 1, size]);
    },
  };
}
