/**
 * Evaluation by choice likelihood and by greedy generation.
 * Likelihood: when every choice of a question is one token, the table at the answer's first place decides; otherwise
 * each choice is scored by the sum of log p over its tokens and the end token. Ties go to the earlier choice.
 * Generation: the highest-probability token, again and again, until the end token; correct when the text equals the
 * answer.
 */
import { metricsOf, textMetricOf } from '../data/textMetric';
import { textScores } from '../text/metrics/textScores';
import type { Item } from '../data/types';
import { argmax } from '../models/generation/choose';
import type { Continuer } from '../models/generation/continuer';
import type { Session } from '../tensor/program';
import { generateAnswers } from './answers';
import { noLog, type KeptRow, type NextBatch } from './batchLog';
import { encodeExample, fillBatch, type BatchShape, type Example } from './batches';
import type { TextCodec } from './codec';
import type { Prediction, StoredPrediction } from './predictions';
import type { EvaluateRecord, Score } from './records';
import type { Sizes } from './sizes';

export interface PredictOptions {
  generate: boolean;
  /** the scoring program, of shape `shape`; `score` by default */
  program?: string;
  /** the sizes of its batches, each with a program of its own, where there are several; `shape` is the biggest */
  sizes?: Sizes;
  /**
   * generates with a cache, in as many tokens as it has room for; left out, by passes of program `score` over prompt
   * and answer
   */
  continuer?: Continuer;
  signal?: AbortSignal;
  /** gives kept batches instead of computing them */
  next?: NextBatch;
  /** told after each batch of each pass over the questions */
  onProgress?: (done: number, total: number) => void;
}

/**
 * Scores rows of examples in batches; of each row what `reduce` takes from the log-probabilities of its labels and of
 * all tokens at its first place.
 */
type ScorePass = (
  examples: readonly Example[],
  reduce: (at: number, labels: Float32Array, first: Float32Array) => number[],
) => Promise<(readonly number[])[]>;

const areNumbers = (row: KeptRow): row is readonly number[] => typeof row !== 'string';
const isText = (row: KeptRow): row is string => typeof row === 'string';
const total = (values: Float32Array): number => values.reduce((sum, value) => sum + value, 0);
const answerLength = ({ tokens, answerFrom }: Example): number => tokens.length - answerFrom;

/** All predictions, in the order of `items`. The scoring program of the session must have shape `shape`. */
export async function predict(
  session: Session,
  items: readonly Item[],
  codec: TextCodec,
  features: (media: string) => Float32Array,
  shape: BatchShape,
  options: PredictOptions,
): Promise<Prediction[]> {
  const pass = scorePass(session, codec.vocabulary.ids.length, features, shape, options);
  const references = items.map((item) => encodeExample(codec, item.media, item.prompt, item.answer));
  const choiceTokens = items.map((item) => item.choices.map((choice) => codec.answer(item.prompt, choice)));
  const isShort = choiceTokens.map((tokens) => tokens.every((ids) => ids.length === 1));
  // Of each question: log p of the reference answer, the likeliest first token, and log p of the choices where each is
  // one token.
  const scored = await pass(references, (at, labels, first) => [
    total(labels.subarray(0, answerLength(references[at]!))),
    argmax(first),
    ...(isShort[at] === true ? choiceTokens[at]!.map(([id]) => first[id!]!) : []),
  ]);
  const predictions: Prediction[] = items.map((item, i) => {
    const [likelihood, , ...likelihoods] = scored[i]!;
    const labels = answerLength(references[i]!);
    return { item, loss: -likelihood!, labels, chosen: null, likelihoods, generated: null };
  });
  await scoreChoices(
    predictions.filter((_, at) => isShort[at] !== true),
    codec,
    pass,
  );
  for (const prediction of predictions) {
    if (prediction.likelihoods.length > 0) prediction.chosen = prediction.item.choices[argmax(prediction.likelihoods)]!;
  }
  if (!options.generate) return predictions;
  const { continuer } = options;
  const firstTokens = scored.map(([, token]) => token!);
  const texts =
    continuer === undefined
      ? await generateByScoring(references, firstTokens, codec, shape, pass)
      : await generateWithCache(continuer, items, codec, features, options);
  predictions.forEach((prediction, i) => {
    prediction.generated = texts[i]!;
  });
  return predictions;
}

/** Passes through the scoring program, batch by batch; kept batches are taken instead of computed. */
function scorePass(
  session: Session,
  vocabulary: number,
  features: (media: string) => Float32Array,
  shape: BatchShape,
  { program = 'score', sizes, next = noLog, signal, onProgress }: PredictOptions,
): ScorePass {
  return async (examples, reduce) => {
    const out: (readonly number[])[] = [];
    for (let from = 0; from < examples.length; from += shape.batch) {
      signal?.throwIfAborted();
      const rows = examples.slice(from, from + shape.batch);
      const compute = async () => {
        const size = sizes?.of(rows.map(({ media }) => media));
        const batch = fillBatch(rows, features, size?.shape(shape.batch) ?? shape);
        const { labels, first } = await session.run(`${program}${size?.suffix ?? ''}`, batch);
        return rows.map((_, row) =>
          reduce(
            from + row,
            labels!.subarray(row * shape.labels, (row + 1) * shape.labels),
            first!.subarray(row * vocabulary, (row + 1) * vocabulary),
          ),
        );
      };
      out.push(...(await next(rows.length, areNumbers, compute)));
      onProgress?.(out.length, examples.length);
      await new Promise((resolve) => setImmediate(resolve)); // so that `signal` can fire: a backend's promises may all be resolved
    }
    return out;
  };
}

/** Fills in the likelihoods of choices of several tokens: each choice is a row of its own. */
async function scoreChoices(predictions: readonly Prediction[], codec: TextCodec, pass: ScorePass): Promise<void> {
  const rows = predictions.flatMap((prediction) =>
    prediction.item.choices.map((text, choice) => ({
      prediction,
      choice,
      example: encodeExample(codec, prediction.item.media, prediction.item.prompt, text),
    })),
  );
  const scored = await pass(
    rows.map(({ example }) => example),
    (i, labels) => [total(labels.subarray(0, answerLength(rows[i]!.example)))],
  );
  scored.forEach(([likelihood], i) => {
    const { prediction, choice } = rows[i]!;
    prediction.likelihoods[choice] = likelihood!;
  });
}

/** Greedy answers with a key/value cache, in batches of the size that the continuer has. */
async function generateWithCache(
  continuer: Continuer,
  items: readonly Item[],
  codec: TextCodec,
  features: (media: string) => Float32Array,
  { next = noLog, signal, onProgress }: PredictOptions,
): Promise<string[]> {
  const texts: string[] = [];
  for (let from = 0; from < items.length; from += continuer.prompts) {
    const batch = items.slice(from, from + continuer.prompts);
    signal?.throwIfAborted();
    texts.push(
      ...(await next(batch.length, isText, async () => {
        const answers = await generateAnswers(continuer, batch, codec, features, {
          ...(signal === undefined ? {} : { signal }),
          strategy: { kind: 'greedy' },
          newTokens: continuer.newTokens,
        });
        return answers.map(({ text }) => text);
      })),
    );
    onProgress?.(texts.length, items.length);
  }
  return texts;
}

/**
 * Greedy generation for all questions at once; the first token comes from the pass that scored the reference answer.
 */
async function generateByScoring(
  references: readonly Example[],
  firstTokens: readonly number[],
  codec: TextCodec,
  shape: BatchShape,
  pass: ScorePass,
): Promise<string[]> {
  const { end } = codec;
  const texts = firstTokens.map((token) => [token]);
  for (let length = 1; length < shape.labels; length++) {
    const open = texts
      .map((_, i) => i)
      .filter((i) => texts[i]!.at(-1) !== end && references[i]!.answerFrom + length < shape.tokens);
    if (open.length === 0) break;
    // The place after the tokens generated so far is asked for; the token written there is never seen by it.
    const examples = open.map((i): Example => ({
      media: references[i]!.media,
      tokens: [...references[i]!.tokens.slice(0, references[i]!.answerFrom), ...texts[i]!, end],
      answerFrom: references[i]!.answerFrom + length,
    }));
    (await pass(examples, (_, __, first) => [argmax(first)])).forEach(([token], k) => texts[open[k]!]!.push(token!));
  }
  return texts.map((tokens) => codec.decode(tokens));
}

const score = (predictions: readonly StoredPrediction[], correct: (prediction: StoredPrediction) => boolean): Score => {
  const hits = predictions.filter(correct).length;
  return {
    correct: hits,
    total: predictions.length,
    accuracy: predictions.length === 0 ? 0 : hits / predictions.length,
  };
};

function scoresBy(
  predictions: readonly StoredPrediction[],
  key: 'kind' | 'slice',
  correct: (prediction: StoredPrediction) => boolean,
): Record<string, Score> {
  const names = [...new Set(predictions.map((prediction) => prediction[key]))].sort();
  return Object.fromEntries(
    names.map((name) => [
      name,
      score(
        predictions.filter((prediction) => prediction[key] === name),
        correct,
      ),
    ]),
  );
}

/**
 * The journal's record of an evaluation, from nothing but what was predicted. Questions without choices count in
 * `generation` and `texts` only. Throws UserError for a task manifest that cannot be used, which names the metrics.
 */
export async function evaluationRecord(
  predictions: readonly StoredPrediction[],
  step: number,
  split: 'validation' | 'evaluation',
): Promise<EvaluateRecord> {
  const withChoices = predictions.filter(({ chosen }) => chosen !== null);
  const chosen = (prediction: StoredPrediction) => prediction.chosen === prediction.answer;
  const generated = (prediction: StoredPrediction) => prediction.generated === prediction.answer;
  const labels = predictions.reduce((sum, prediction) => sum + prediction.labels, 0);
  const metrics = new Map([...new Set(predictions.map(({ task }) => task))].map((task) => [task, metricsOf(task)]));
  const texts = await textScores(
    predictions.flatMap(({ task, kind, answer, references = [answer], generated: text }) =>
      text === null
        ? []
        : [{ metric: textMetricOf(metrics.get(task)!, kind, references), references, generated: text }],
    ),
  );
  return {
    kind: 'evaluate',
    step,
    split,
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
