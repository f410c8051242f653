/** From questions to the arrays of a program, and the order in which training examples are seen. */
import { predictedAt } from '../models/sequence';
import { random } from '../random';
import type { TextCodec } from './codec';

/** A prompt and the answer that continues it: `tokens` = prompt, answer, end. */
export interface Example {
  media: string;
  tokens: number[];
  /** index of the answer's first token */
  answerFrom: number;
}

/** Encodes a question with one answer; the end token closes it. */
export function encodeExample(codec: TextCodec, media: string, prompt: string, answer: string): Example {
  const before = promptTokens(codec, media, prompt);
  return { media, tokens: [...before, ...codec.answer(prompt, answer), codec.end], answerFrom: before.length };
}

/** Tokens up to the answer to a question about a medium. */
export const promptTokens = (codec: TextCodec, media: string, prompt: string): readonly number[] =>
  codec.lead === undefined ? codec.prompt(prompt) : [...codec.lead(media), ...codec.prompt(prompt)];

/** Fixed shapes of a batch: B rows of T text tokens of which at most A are labels. */
export interface BatchShape {
  batch: number;
  tokens: number;
  labels: number;
  rows: number;
  width: number;
  /** places before the text, without the first, which predicts nothing that is asked for */
  prefixTokens: number;
  /** what follows a row's tokens; 0 where it is left out, which no place that counts can see */
  padding?: number;
}

/** The arrays of one batch, in the order that programs declare them. */
export interface BatchArrays extends Record<string, Float32Array | Int32Array> {
  /** [B, rows, width] */
  features: Float32Array;
  /** [B, T] */
  tokens: Int32Array;
  /** [B * A] flattened hidden state that predicts each label */
  positions: Int32Array;
  /** [B * A] */
  labels: Int32Array;
  /** [B * A] 1 for labels, 0 for padding */
  mask: Float32Array;
}

/** Fills the arrays; rows beyond the examples stay empty with mask 0. Throws Error for an example that does not fit. */
export function fillBatch(
  examples: readonly Example[],
  features: (media: string) => Float32Array,
  shape: BatchShape,
): BatchArrays {
  const { batch, tokens: length, labels: count, prefixTokens, padding = 0 } = shape;
  const size = shape.rows * shape.width;
  const arrays: BatchArrays = {
    features: new Float32Array(batch * size),
    tokens: new Int32Array(batch * length).fill(padding),
    positions: new Int32Array(batch * count),
    labels: new Int32Array(batch * count),
    mask: new Float32Array(batch * count),
  };
  if (examples.length > batch) throw new Error(`${examples.length} examples for a batch of ${batch}`);
  examples.forEach(({ media, tokens, answerFrom }, row) => {
    if (tokens.length > length || tokens.length - answerFrom > count)
      throw new Error(
        `an example of ${tokens.length} tokens, ${tokens.length - answerFrom} of them labels, does not fit [${length}, ${count}]`,
      );
    arrays.features.set(features(media), row * size);
    arrays.tokens.set(tokens, row * length);
    tokens.slice(answerFrom).forEach((label, i) => {
      const at = row * count + i;
      arrays.positions[at] = predictedAt(row, answerFrom + i, prefixTokens, length);
      arrays.labels[at] = label;
      arrays.mask[at] = 1;
    });
  });
  return arrays;
}

/**
 * Index of the example at each place of a step's batch: epochs of seeded permutations, one after the other. A pure
 * function of (seed, purpose, step), so all methods of a seed see the same examples and a resumed run needs no cursor.
 */
export function batchIndices(
  examples: number,
  batch: number,
  seed: number,
  purpose: string,
): (step: number) => number[] {
  const permutations = new Map<number, number[]>();
  const permutation = (epoch: number) => {
    let order = permutations.get(epoch);
    if (order === undefined) {
      order = random(seed, `order/${purpose}`, epoch).shuffle(Array.from({ length: examples }, (_, i) => i));
      permutations.clear();
      permutations.set(epoch, order);
    }
    return order;
  };
  return (step) =>
    Array.from({ length: batch }, (_, i) => {
      const at = (step - 1) * batch + i;
      return permutation(Math.floor(at / examples))[at % examples]!;
    });
}
