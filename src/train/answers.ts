/** Greedy answers to the questions of an evaluation, with a key/value cache. */
import type { Item } from '../data/types';
import type { Continuer } from '../models/generation/continuer';
import { generate, type Generated, type GenerationOptions } from '../models/generation/generate';
import { promptTokens } from './batches';
import type { TextCodec } from './codec';
import type { GenerationShape } from './generationPrograms';
import type { Prepared } from './prepare';

/**
 * From so many label tokens (the end token among them) on, a cache is faster than scoring passes over prompt and
 * answer: it reads each prompt once more, and its programs must be made. Estimated from what stories15M took with two
 * label tokens (4.0 ms an item by scoring, 4.8 with a cache); a constant, so that results do not depend on the machine.
 */
const leastLabels = 4;

/** The shapes for the questions of the evaluation split; null where its answers are too short for a cache to help. */
export function answerShape({ items, codec, model, shape }: Prepared, batch: number): GenerationShape | null {
  const { labels, rows, width } = shape(batch);
  if (labels < leastLabels || items.evaluation.length === 0) return null;
  const longest = items.evaluation.reduce(
    (most, { media, prompt }) => Math.max(most, promptTokens(codec, media, prompt).length),
    0,
  );
  const { before, decoder } = model.decoding;
  // Reference answers fit behind their own prompts; the longest need not fit behind the longest prompt.
  return {
    prompts: batch,
    beams: 1,
    promptTokens: longest,
    newTokens: Math.min(labels, decoder.context - before - longest),
    rows,
    width,
  };
}

/**
 * The answers in the order of `items`, whose ids key the random numbers of sampling; `text` as answers are compared.
 */
export const generateAnswers = (
  continuer: Continuer,
  items: readonly Item[],
  codec: TextCodec,
  features: (media: string) => Float32Array,
  options: Omit<GenerationOptions, 'endTokens'>,
): Promise<Generated[]> =>
  generate(
    continuer,
    items.map(({ id, media, prompt }) => ({
      features: features(media),
      tokens: promptTokens(codec, media, prompt),
      key: id,
    })),
    (ids) => codec.decode(ids),
    { ...options, endTokens: [codec.end] },
  );
