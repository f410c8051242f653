/**
 * Evaluation by choice likelihood and by greedy generation.
 * Likelihood: when every choice of a question is one token, the table at the answer's first place decides; otherwise
 * each choice is scored by the sum of log p over its tokens and the end token. Ties go to the earlier choice.
 * Generation: the highest-probability token, again and again, until the end token; correct when the text equals the answer.
 */
import { textScores } from '../data/metrics/textScores';
import type { Item } from '../data/types';
import { argmax } from '../models/generation/choose';
import type { Continuer } from '../models/generation/continuer';
import type { Session } from '../tensor/program';
import { generateAnswers } from './answers';
import { encodeExample, fillBatch, type BatchShape, type Example } from './batches';
import type { TextCodec } from './codec';
import type { StoredPrediction } from './predictions';
import type { EvaluateRecord, Score } from './records';

/** What was predicted for one question; `likelihoods` in the order of its choices. */
export interface Prediction { item: Item; loss: number; labels: number; chosen: string | null; likelihoods: number[]; generated: string | null }

export interface PredictOptions {
  generate: boolean;
  /** the scoring program, of shape `shape`; `score` by default */ program?: string;
  /** generates with a cache, in as many tokens as it has room for; left out, by passes of program `score` over prompt and answer */ continuer?: Continuer;
  signal?: AbortSignal;
  /** told after each batch of each pass over the questions */ onProgress?: (done: number, total: number) => void;
}

interface Scored { labels: Float32Array; first: Float32Array }

/** All predictions, in the order of `items`. The scoring program of the session must have shape `shape`. */
export async function predict(session: Session, items: readonly Item[], codec: TextCodec, features: (media: string) => Float32Array, shape: BatchShape, options: PredictOptions): Promise<Prediction[]> {
  const vocabulary = codec.vocabulary.ids.length;
  const run = async (examples: Example[]): Promise<Scored[]> => {
    const out: Scored[] = [];
    for (let from = 0; from < examples.length; from += shape.batch) {
      options.signal?.throwIfAborted();
      const rows = examples.slice(from, from + shape.batch);
      const { labels, first } = await session.run(options.program ?? 'score', fillBatch(rows, features, shape));
      rows.forEach((_, row) => out.push({
        labels: labels!.slice(row * shape.labels, (row + 1) * shape.labels),
        first: first!.slice(row * vocabulary, (row + 1) * vocabulary),
      }));
      options.onProgress?.(out.length, examples.length);
      await new Promise((resolve) => setImmediate(resolve)); // so that `signal` can fire: a backend's promises may all be resolved
    }
    return out;
  };

  const references = items.map((item) => encodeExample(codec, item.media, item.prompt, item.answer));
  const scored = await run(references);
  const predictions: Prediction[] = items.map((item, i) => {
    const count = references[i]!.tokens.length - references[i]!.answerFrom;
    const loss = -scored[i]!.labels.slice(0, count).reduce((sum, value) => sum + value, 0);
    return { item, loss, labels: count, chosen: null, likelihoods: [], generated: null };
  });

  const choiceTokens = items.map((item) => item.choices.map((choice) => codec.answer(item.prompt, choice)));
  const long: { at: number; choice: number; example: Example }[] = [];
  predictions.forEach((prediction, at) => {
    const tokens = choiceTokens[at]!;
    if (tokens.every((ids) => ids.length === 1)) prediction.likelihoods = tokens.map(([id]) => scored[at]!.first[id!]!);
    else prediction.item.choices.forEach((text, choice) => long.push({ at, choice, example: encodeExample(codec, prediction.item.media, prediction.item.prompt, text) }));
  });
  (await run(long.map(({ example }) => example))).forEach(({ labels }, i) => {
    const { at, choice, example } = long[i]!;
    predictions[at]!.likelihoods[choice] = labels.slice(0, example.tokens.length - example.answerFrom).reduce((sum, value) => sum + value, 0);
  });
  for (const prediction of predictions) {
    if (prediction.likelihoods.length > 0) prediction.chosen = prediction.item.choices[argmax(prediction.likelihoods)]!;
  }
  if (options.generate && options.continuer !== undefined) {
    const { continuer, generate: _generate, ...rest } = options;
    const answers = await generateAnswers(continuer, items, codec, features, { ...rest, strategy: { kind: 'greedy' }, newTokens: continuer.newTokens });
    predictions.forEach((prediction, i) => { prediction.generated = answers[i]!.text; });
  } else if (options.generate) await generateByScoring(predictions, references, scored, codec, shape, run);
  return predictions;
}

/** Greedy generation for all questions at once; the first token comes from the pass that scored the reference answer. */
async function generateByScoring(predictions: Prediction[], references: Example[], scored: Scored[], codec: TextCodec, shape: BatchShape, run: (examples: Example[]) => Promise<Scored[]>): Promise<void> {
  const { end } = codec;
  const texts = scored.map(({ first }) => [argmax(first)]);
  for (let length = 1; length < shape.labels; length++) {
    const open = texts.map((_, i) => i).filter((i) => texts[i]!.at(-1) !== end && references[i]!.answerFrom + length < shape.tokens);
    if (open.length === 0) break;
    // The place after the tokens generated so far is asked for; the token written there is never seen by it.
    const examples = open.map((i): Example => ({
      media: references[i]!.media,
      tokens: [...references[i]!.tokens.slice(0, references[i]!.answerFrom), ...texts[i]!, end],
      answerFrom: references[i]!.answerFrom + length,
    }));
    (await run(examples)).forEach(({ first }, k) => texts[open[k]!]!.push(argmax(first)));
  }
  predictions.forEach((prediction, i) => { prediction.generated = codec.decode(texts[i]!); });
}

const score = (predictions: readonly StoredPrediction[], correct: (prediction: StoredPrediction) => boolean): Score => {
  const hits = predictions.filter(correct).length;
  return { correct: hits, total: predictions.length, accuracy: predictions.length === 0 ? 0 : hits / predictions.length };
};

function scoresBy(predictions: readonly StoredPrediction[], key: 'kind' | 'slice', correct: (prediction: StoredPrediction) => boolean): Record<string, Score> {
  const names = [...new Set(predictions.map((prediction) => prediction[key]))].sort();
  return Object.fromEntries(names.map((name) => [name, score(predictions.filter((prediction) => prediction[key] === name), correct)]));
}

/** The journal's record of an evaluation, from nothing but what was predicted. Questions without choices count in `generation` and `texts` only. */
export async function evaluationRecord(predictions: readonly StoredPrediction[], step: number, split: 'validation' | 'evaluation'): Promise<EvaluateRecord> {
  const withChoices = predictions.filter(({ chosen }) => chosen !== null);
  const chosen = (prediction: StoredPrediction) => prediction.chosen === prediction.answer;
  const generated = (prediction: StoredPrediction) => prediction.generated === prediction.answer;
  const labels = predictions.reduce((sum, prediction) => sum + prediction.labels, 0);
  const texts = await textScores(predictions.flatMap(({ task, kind, answer, references, generated: text }) => (text === null ? [] : [{ task, kind, references: references ?? [answer], generated: text }])));
  return {
    kind: 'evaluate', step, split,
    loss: predictions.reduce((sum, prediction) => sum + prediction.loss, 0) / Math.max(1, labels),
    choice: score(withChoices, chosen),
    choiceByKind: scoresBy(withChoices, 'kind', chosen),
    choiceBySlice: scoresBy(withChoices, 'slice', chosen),
    ...(predictions.some((prediction) => prediction.generated !== null)
      ? { generation: score(predictions, generated), generationByKind: scoresBy(predictions, 'kind', generated) }
      : {}),
    ...(Object.keys(texts).length > 0 ? { texts } : {}),
  };
}
