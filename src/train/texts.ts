/** The texts of a set in a backbone's tokens: the vocabulary that they use, and how long they are. */
import {
  answerIds,
  promptIds,
  pruneVocabulary,
  wholeVocabulary,
  type PrunedVocabulary,
  type Tokenizer,
} from '../text/tokenizer';
import type { RunSpec } from '../manifest/run';
import type { DataSet, Item } from '../data/types';
import { printable } from '../printable';
import { type Problem, UserError } from '../problems';
import { encodeExample } from './batches';
import { prunedCodec, type TextCodec } from './codec';

export interface Texts<Vocabulary extends TextCodec['vocabulary'] = TextCodec['vocabulary']> {
  codec: TextCodec<Vocabulary>;
  /** text tokens of the longest question with an answer, end token included */
  tokens: number;
  /** label tokens of the longest answer, end token included */
  labels: number;
}

/**
 * The vocabulary of a run, whole or cut down to what the set's prompts, answers, choices and captions use, and those of
 * `others`; measures the set's own texts.
 */
export function textsOf(
  set: DataSet,
  tokenizer: Tokenizer,
  kind: RunSpec['vocabulary'],
  others: readonly Item[] = [],
): Texts<PrunedVocabulary> {
  if (kind === 'whole') return textsIn(set, prunedCodec(tokenizer, wholeVocabulary(tokenizer)));
  const captions = set.alignment.filter((item) => item.kind === 'caption');
  const prompts = [...set.items, ...others, ...captions].map(({ prompt }) => prompt);
  const answers = [
    ...[...set.items, ...others].flatMap((item) => [item.answer, ...item.choices]),
    ...captions.map(({ answer }) => answer),
    ...set.classes,
  ];
  const ids = [
    ...[...new Set(prompts)].map((text) => promptIds(tokenizer, text)),
    ...[...new Set(answers)].map((text) => answerIds(tokenizer, text)),
  ];
  return textsIn(set, prunedCodec(tokenizer, pruneVocabulary([], tokenizer, ids.flat())));
}

/** The same in a codec that is at hand. Throws UserError that names every question which the codec cannot write. */
export function textsIn<V extends TextCodec['vocabulary']>(set: DataSet, codec: TextCodec<V>): Texts<V> {
  const own = longestTexts(set.items, codec);
  const captions = set.alignment.flatMap((item) =>
    item.kind === 'caption' ? [encodeExample(codec, item.media, item.prompt, item.answer)] : [],
  );
  const tokens = captions.map((caption) => caption.tokens.length);
  const labels = captions.map(({ tokens: all, answerFrom }) => all.length - answerFrom);
  return {
    codec,
    tokens: tokens.reduce((a, b) => Math.max(a, b), own.tokens),
    labels: labels.reduce((a, b) => Math.max(a, b), own.labels),
  };
}

/** Most questions that are named when they cannot be written. */
const mostNamed = 20;

/**
 * Lengths of the longest question with an answer and of the longest answer. Throws UserError that names every question
 * which the codec cannot write.
 */
export function longestTexts(items: readonly Item[], codec: TextCodec): Omit<Texts, 'codec'> {
  let longest = 0,
    longestAnswer = 0;
  const seen = (prompt: number, answer: number) => {
    longest = Math.max(longest, prompt + answer);
    longestAnswer = Math.max(longestAnswer, answer);
  };
  const problems: Problem[] = [];
  for (const { id, prompt, answer, choices } of items) {
    try {
      for (const text of [answer, ...choices]) seen(codec.prompt(prompt).length, codec.answer(prompt, text).length);
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      problems.push(
        ...error.problems.map(({ where, ...rest }) => ({ where: `question ${printable(id)}, ${where}`, ...rest })),
      );
    }
  }
  if (problems.length > 0)
    throw new UserError([
      ...problems.slice(0, mostNamed),
      ...(problems.length > mostNamed
        ? [{ where: 'the set', what: `has ${problems.length - mostNamed} more such questions` }]
        : []),
    ]);
  return { tokens: longest + 1, labels: longestAnswer + 1 };
}
