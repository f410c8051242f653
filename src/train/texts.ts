/** The texts of a set in a backbone's tokens: the vocabulary that they use, and how long they are. */
import { pruneVocabulary, wholeVocabulary, type PrunedVocabulary, type Tokenizer } from '../text/tokenizer';
import type { RunSpec } from '../manifest/run';
import type { DataSet, Item } from '../data/types';
import { encodeExample, type Example } from './batches';
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
  const texts = [
    ...[...set.items, ...others].flatMap((item) => [
      item.prompt,
      ...[item.answer, ...item.choices].map((answer) => ` ${answer}`),
    ]),
    ...set.alignment.flatMap((item) => (item.kind === 'caption' ? [item.prompt, ` ${item.answer}`] : [])),
    ...set.classes.map((name) => ` ${name}`),
  ];
  return textsIn(set, prunedCodec(tokenizer, pruneVocabulary([...new Set(texts)], tokenizer)));
}

/** The same in a codec that is at hand. */
export function textsIn<V extends TextCodec['vocabulary']>(set: DataSet, codec: TextCodec<V>): Texts<V> {
  const captions = set.alignment.flatMap((item) =>
    item.kind === 'caption' ? [encodeExample(codec, item.media, item.prompt, item.answer)] : [],
  );
  return { codec, ...longestTexts(set.items, codec, captions) };
}

/** Lengths of the longest question with an answer and of the longest answer. */
export function longestTexts(
  items: readonly Item[],
  codec: TextCodec,
  captions: readonly Example[] = [],
): Omit<Texts, 'codec'> {
  let longest = 0,
    longestAnswer = 0;
  const seen = (prompt: number, answer: number) => {
    longest = Math.max(longest, prompt + answer);
    longestAnswer = Math.max(longestAnswer, answer);
  };
  for (const { prompt, answer, choices } of items)
    for (const text of [answer, ...choices]) seen(codec.prompt(prompt).length, codec.answer(prompt, text).length);
  for (const { tokens, answerFrom } of captions) seen(answerFrom, tokens.length - 1 - answerFrom);
  return { tokens: longest + 1, labels: longestAnswer + 1 };
}
