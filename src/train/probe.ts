/**
 * Linear probes: how far frozen features alone answer a set's questions, as a ceiling to read accuracies against. One
 * softmax regression for each prompt and each word of the answer (Alain and Bengio 2017, applied to answers word by
 * word).
 */
import { priorBaseline } from '../data/sets/checks';
import type { DataSet, Item } from '../data/types';
import { tf, type Tensor } from '../tensor/tf';
import type { FeatureTable } from '../models/inputs/featureTable';

/** Accuracies over the questions of one slice and kind of the split that was read. */
export interface ProbeRow {
  slice: string;
  kind: string;
  total: number;
  chance: number;
  /** question-only baseline */
  prior: number;
  probe: number;
}

export interface ProbeOptions {
  /** where the probes are read; `evaluation` by default. Choices about a set belong on `validation` */
  split?: 'validation' | 'evaluation';
  onProgress?: (done: number, total: number) => void;
}

/** Neighbouring feature rows are averaged into at most this many: a connector does no less. */
const mostRows = 10;
const steps = 200;
const judgedEvery = 10;
/** Of the training questions, one in so many says when to stop where validation may not. */
const heldEvery = 10;
const rate = 2e-3;
/** What is assumed of a word that training never has at this place. */
const floor = Math.log(1e-6);

/** Words of an answer without articles and punctuation: each place is one classification. */
function answerWords(answer: string): string[] {
  return answer
    .toLowerCase()
    .split(/\s+/)
    .map((word) => word.replace(/[^\p{L}\p{N}'-]/gu, ''))
    .filter((word) => !['', 'a', 'an', 'the'].includes(word));
}

/** Features of one medium with rows averaged: [groups * width]. */
function pooled(table: FeatureTable, media: string): Float32Array {
  const groups = table.rows <= mostRows || table.rows % mostRows !== 0 ? table.rows : mostRows;
  const each = table.rows / groups;
  const values = table.of(media);
  const out = new Float32Array(groups * table.width);
  for (let row = 0; row < table.rows; row++) {
    const to = Math.floor(row / each) * table.width;
    for (let i = 0; i < table.width; i++) out[to + i] = out[to + i]! + values[row * table.width + i]! / each;
  }
  return out;
}

interface Examples {
  features: Float32Array[];
  words: string[][];
}

/**
 * Log-probabilities of the words at one place [examples of `asked`][vocabulary], by the regression that was best on
 * `held`.
 */
async function regress(
  train: Tensor,
  labels: Int32Array,
  held: Tensor,
  heldLabels: Int32Array,
  asked: Tensor,
  classes: number,
): Promise<Float32Array> {
  const targets = tf.oneHot(tf.tensor1d(labels, 'int32'), classes);
  const weights = tf.variable(tf.zeros([train.shape[1]!, classes]));
  const bias = tf.variable(tf.zeros([classes]));
  const optimiser = tf.train.adam(rate);
  const logits = (x: Tensor) => tf.add(tf.matMul(x as tf.Tensor2D, weights as unknown as tf.Tensor2D), bias);
  let best: { loss: number; answers: Float32Array } = { loss: Infinity, answers: new Float32Array(0) };
  try {
    for (let step = 1; step <= steps; step++) {
      optimiser.minimize(
        () => tf.neg(tf.mean(tf.sum(tf.mul(tf.logSoftmax(logits(train) as tf.Tensor2D), targets), 1))) as tf.Scalar,
        false,
        [weights, bias],
      );
      if (step % judgedEvery !== 0) continue;
      const [judged, answers] = tf.tidy(() => [
        tf.logSoftmax(logits(held) as tf.Tensor2D),
        tf.logSoftmax(logits(asked) as tf.Tensor2D),
      ]) as [Tensor, Tensor];
      const heldValues = (await judged.data()) as Float32Array;
      const loss =
        heldLabels.reduce((sum, label, i) => sum - (label < 0 ? floor : heldValues[i * classes + label]!), 0) /
        Math.max(1, heldLabels.length);
      if (loss < best.loss) best = { loss, answers: (await answers.data()) as Float32Array };
      tf.dispose([judged, answers]);
    }
  } finally {
    optimiser.dispose();
    tf.dispose([targets, weights, bias]);
  }
  return best.answers;
}

/** Chosen answers of `asked`, the choice whose words are most probable together; ties go to the earlier choice. */
async function choose(
  train: Examples,
  held: Examples,
  asked: readonly Item[],
  features: (media: string) => Float32Array,
): Promise<string[]> {
  const width = train.features[0]!.length;
  const mean = new Float64Array(width);
  const deviation = new Float64Array(width);
  for (const row of train.features) for (let i = 0; i < width; i++) mean[i]! += row[i]! / train.features.length;
  for (const row of train.features)
    for (let i = 0; i < width; i++) deviation[i]! += (row[i]! - mean[i]!) ** 2 / train.features.length;
  const matrix = (rows: readonly Float32Array[]): Tensor => {
    const values = new Float32Array(rows.length * width);
    // Divided by sqrt(width) so that a step of the optimiser moves the logits alike for every encoder.
    rows.forEach((row, n) => {
      for (let i = 0; i < width; i++)
        values[n * width + i] = (row[i]! - mean[i]!) / Math.sqrt(deviation[i]! + 1e-6) / Math.sqrt(width / 256);
    });
    return tf.tensor2d(values, [rows.length, width]);
  };
  const x = matrix(train.features);
  const heldX = matrix(held.features);
  const askedX = matrix(asked.map((item) => features(item.media)));
  const scores = asked.map((item) => item.choices.map(() => 0));
  const longest = Math.max(...train.words.map((words) => words.length));
  try {
    for (let place = 0; place < longest; place++) {
      const at = (words: readonly string[]) => words[place] ?? '';
      const vocabulary = [...new Set(train.words.map(at))].sort();
      if (vocabulary.length === 1) continue;
      const index = new Map(vocabulary.map((word, i) => [word, i]));
      const label = (words: readonly string[]) => index.get(at(words)) ?? -1;
      const answers = await regress(
        x,
        Int32Array.from(train.words.map(label)),
        heldX,
        Int32Array.from(held.words.map(label)),
        askedX,
        vocabulary.length,
      );
      asked.forEach((item, n) =>
        item.choices.forEach((choice, c) => {
          const found = label(answerWords(choice));
          scores[n]![c]! += found < 0 ? floor : answers[n * vocabulary.length + found]!;
        }),
      );
    }
  } finally {
    tf.dispose([x, heldX, askedX]);
  }
  return asked.map((item, n) => item.choices[scores[n]!.indexOf(Math.max(...scores[n]!))]!);
}

/**
 * Probes every prompt of the set on the current backend: trained on training questions and alignment captions with that
 * prompt, stopped where the validation questions are most probable, and read on the evaluation split. Read on
 * validation, they are stopped by a tenth of the training questions, which is left out of training, and see nothing of
 * evaluation. Deterministic.
 */
export async function probeSet(set: DataSet, table: FeatureTable, options: ProbeOptions = {}): Promise<ProbeRow[]> {
  const cache = new Map<string, Float32Array>();
  const features = (media: string) => {
    const found = cache.get(media) ?? pooled(table, media);
    cache.set(media, found);
    return found;
  };
  const withChoices = set.items.filter((item) => item.choices.length > 0);
  const split = options.split ?? 'evaluation';
  const evaluated = withChoices.filter((item) => item.split === split);
  const examples = (of: readonly { media: string; answer: string }[]): Examples => ({
    features: of.map(({ media }) => features(media)),
    words: of.map(({ answer }) => answerWords(answer)),
  });
  const correct = new Map<string, boolean>();
  const prompts = [...new Set(evaluated.map((item) => item.prompt))].sort();
  for (const [done, prompt] of prompts.entries()) {
    const of = (wanted: Item['split']) => withChoices.filter((item) => item.prompt === prompt && item.split === wanted);
    const captions = set.alignment.flatMap((item) => (item.kind === 'caption' && item.prompt === prompt ? [item] : []));
    const training = of('train');
    const held = split === 'validation' ? training.filter((_, i) => i % heldEvery === heldEvery - 1) : of('validation');
    const train = examples([
      ...(split === 'validation' ? training.filter((_, i) => i % heldEvery !== heldEvery - 1) : training),
      ...captions,
    ]);
    const asked = of(split);
    const chosen =
      train.features.length === 0
        ? asked.map((item) => item.choices[0]!)
        : await choose(train, examples(held.length > 0 ? held : training), asked, features);
    asked.forEach((item, i) => correct.set(item.id, chosen[i] === item.answer));
    options.onProgress?.(done + 1, prompts.length);
  }
  const row = (slice: string, kind: string, of: (item: Item) => boolean): ProbeRow => {
    const items = evaluated.filter(of);
    const { chance, accuracy, total } = priorBaseline(set.items, (item) => item.split === split && of(item));
    return {
      slice,
      kind,
      total,
      chance,
      prior: accuracy,
      probe: items.filter((item) => correct.get(item.id) === true).length / Math.max(1, items.length),
    };
  };
  const slices = [...new Set(evaluated.map((item) => item.slice))].sort();
  const kindsOf = (slice: string) =>
    [...new Set(evaluated.filter((item) => item.slice === slice).map((item) => item.kind))].sort();
  return [
    ...slices.flatMap((slice) => [
      ...kindsOf(slice).map((kind) => row(slice, kind, (item) => item.slice === slice && item.kind === kind)),
      row(slice, 'all', (item) => item.slice === slice),
    ]),
    row('all', 'all', () => true),
  ];
}
