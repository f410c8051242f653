/** Where features stand among the tokens of a text, and the sequence of embeddings that the language model reads. */
import { oneHot } from '../tensor/ops';
import { inFloat32 } from '../tensor/products';
import { tf, type Tensor } from '../tensor/tf';
import { embedTokens } from './parts/decoder';
import type { Part } from './parts/part';

/**
 * `places` and `before` read whole conversations, of which every token is embedded and padding is marked (`padded`):
 * features take the places of the token `id`, or stand before the text. `question` is a question with its answer,
 * padded on the right without marks: the sequence is [head, features, text], and the last token, which predicts nothing
 * that is asked for, is left out. With causal attention such padding is never seen by a place that counts.
 * `tiles` is the same where rows have different numbers of features: a row's tokens are head, a place for each feature
 * that it has, and text, so that every token has the position that it has alone; padding follows, and is marked.
 */
export type Layout =
  | { kind: 'places'; id: number }
  | { kind: 'tiles'; id: number }
  | { kind: 'before' }
  | {
      kind: 'question';
      head: readonly number[];
      /**
       * Whose form the same sequence has in TensorFlow's graph: the zoo embeds the head first, writes its shapes out
       * and has no mask beside the causal one; families embed the text first, leave the number of rows open and mask
       * nothing by ones. TensorFlow's optimiser rounds by such a form, and gradients of a trained table add up in this
       * order: kept runs of the two need each their own.
       */
      form: 'zoo' | 'families';
    };

/** Padding in a batch of tokens: a place that does not count holds -1 - id. */
export const padded = (id: number): number => -1 - id;

const headOf = (layout: Layout): readonly number[] => (layout.kind === 'question' ? layout.head : []);

/** Whether the tokens themselves have a place for each feature. */
const takesPlaces = (layout: Layout): layout is Extract<Layout, { id: number }> =>
  layout.kind === 'places' || layout.kind === 'tiles';

/** Places before the text. */
export const placesBefore = (layout: Layout, prefixTokens: number): number =>
  takesPlaces(layout) ? 0 : headOf(layout).length + prefixTokens;

/**
 * Where in the flattened hidden states [B, S] of a `question` text token t of row b is predicted, S = prefixTokens +
 * textTokens.
 * @param prefixTokens places before the text, without the first, which predicts nothing that is asked for
 */
export const predictedAt = (row: number, t: number, prefixTokens: number, textTokens: number): number =>
  row * (prefixTokens + textTokens) + prefixTokens + t;

/** Embeddings [B, S, D]; which places count [B, S] (1 or 0), or null when all do. */
export interface Sequence<Counts extends Tensor | null = Tensor | null> {
  embeddings: Tensor;
  counts: Counts;
}

/**
 * Prefix [B, n, D] among the embeddings of tokens int32 [B, T], as they are read in training and when answers are
 * scored.
 */
export function trainedSequence(layout: Layout, part: Part, prefix: Tensor, tokens: Tensor): Sequence {
  const [batch, length] = tokens.shape as [number, number];
  if (layout.kind === 'tiles')
    return promptSequence(layout, part, prefix, tf.slice(tokens, [0, 0], [batch, length - 1]));
  if (layout.kind !== 'question') return promptSequence(layout, part, prefix, tokens);
  const embeddings = behind(layout, part, prefix, tokens, [batch, length - 1]);
  return { embeddings, counts: isZoo(layout) ? null : tf.ones([batch, embeddings.shape[1]!]) };
}

/** The same for prompts, whose padding is marked in every layout. */
export function promptSequence(layout: Layout, part: Part, prefix: Tensor, tokens: Tensor): Sequence<Tensor> {
  const { ids, counts } = marked(tokens);
  if (takesPlaces(layout)) return { embeddings: inPlaces(layout.id, part, prefix, ids, counts), counts };
  const before = tf.ones([tokens.shape[0]!, placesBefore(layout, prefix.shape[1]!)]);
  return {
    embeddings: behind(layout, part, prefix, tf.cast(ids, 'int32'), tokens.shape as [number, number]),
    counts: tf.concat([before, counts], 1),
  };
}

/** Ids [B, T] and which of them count (1 or 0), both float32: exact, since vocabularies are far below 2^24. */
function marked(tokens: Tensor): { ids: Tensor; counts: Tensor } {
  const given = tf.cast(tokens, 'float32');
  const padding = tf.cast(tf.less(given, 0), 'float32');
  return { ids: tf.abs(tf.add(given, padding)), counts: tf.sub(1, padding) };
}

/** Embeddings [count, T, D] of ids int32 [count * T]; a count of -1 leaves it open. */
const embedded = (part: Part, ids: Tensor, count: number, length: number, width: number): Tensor =>
  tf.reshape(embedTokens(part, ids), [count, length, width]);

const flat = (x: Tensor): Tensor => tf.reshape(x, [-1]);

/** See `form` of `Layout`. */
const isZoo = (layout: Layout): boolean => layout.kind === 'question' && layout.form === 'zoo';

/** [head, prefix, text] of the first T places of `ids`. */
function behind(layout: Layout, part: Part, prefix: Tensor, ids: Tensor, [batch, length]: [number, number]): Tensor {
  const head = headOf(layout);
  const width = prefix.shape[2]!;
  const rows = (of: Tensor, count: number, each: number) => embedded(part, of, isZoo(layout) ? count : -1, each, width);
  const headRows = () =>
    head.length === 0 ? [] : [tf.tile(rows(tf.tensor1d([...head], 'int32'), 1, head.length), [batch, 1, 1])];
  const textRows = () => {
    const read = ids.shape[1] === length ? ids : tf.slice(ids, [0, 0], [batch, length]);
    return length === 0 ? [] : [rows(flat(read), batch, length)];
  };
  if (isZoo(layout)) return tf.concat([...headRows(), prefix, ...textRows()], 1);
  const text = textRows();
  return tf.concat([...headRows(), prefix, ...text], 1);
}

/** Hidden states [B, S, D] as [B * S, D]. */
export const flatStates = (layout: Layout, hidden: Tensor): Tensor => {
  const [batch, length, width] = hidden.shape as [number, number, number];
  return tf.reshape(hidden, [isZoo(layout) ? batch * length : -1, width]);
};

/** The product of [B, S, n] that picks one row or none with rows [B, n, D]: nothing is summed, so nothing is rounded. */
const picked = (chosen: Tensor, rows: Tensor): Tensor =>
  (
    tf.customGrad((...given) => {
      const save = given[1] as unknown as (tensors: Tensor[]) => void;
      save([chosen]);
      return {
        value: inFloat32(() => tf.matMul(chosen, given[0] as Tensor)),
        gradFunc: (dy: Tensor, saved: Tensor[]) => inFloat32(() => tf.matMul(saved[0]!, dy, true, false)),
      };
    }) as (x: Tensor) => Tensor
  )(rows);

/** The n-th place of a row that holds `place` shows the row's n-th prefix token. */
function inPlaces(place: number, part: Part, prefix: Tensor, ids: Tensor, counts: Tensor): Tensor {
  const [batch, length] = ids.shape as [number, number];
  const [, count, width] = prefix.shape as [number, number, number];
  const isFeature = tf.mul(tf.cast(tf.equal(ids, place), 'float32'), counts);
  // A placeholder's id may lie outside the vocabulary; its row is not used.
  const text = embedded(part, tf.cast(flat(tf.mul(ids, tf.sub(1, isFeature))), 'int32'), batch, length, width);
  const which = tf.cast(tf.reshape(tf.relu(tf.sub(tf.cumsum(isFeature, 1), 1)), [-1]), 'int32');
  const shown = tf.reshape(isFeature, [batch, length, 1]);
  const chosen = count === 1 ? shown : tf.mul(tf.reshape(oneHot(which, count), [batch, length, count]), shown);
  return tf.add(tf.mul(text, tf.sub(1, shown)), picked(chosen, prefix));
}
