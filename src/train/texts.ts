/** The texts of a set in a backbone's tokens: the vocabulary that they use, and how long they are. */
import { pruneVocabulary, type Tokenizer } from '../data/tokenizer';
import type { DataSet, Item } from '../data/types';
import { encodeExample, encodeText, type Example, type TextCodec } from './batches';

export interface Texts {
  codec: TextCodec;
  /** text tokens of the longest question with an answer, end token included */ tokens: number;
  /** label tokens of the longest answer, end token included */ labels: number;
}

/** Prunes the vocabulary to what the set's prompts, answers, choices and captions use, and those of `others`; measures the set's own. */
export function textsOf(set: DataSet, tokenizer: Tokenizer, others: readonly Item[] = []): Texts {
  const texts = [
    ...[...set.items, ...others].flatMap((item) => [item.prompt, ...[item.answer, ...item.choices].map((answer) => ` ${answer}`)]),
    ...set.alignment.flatMap((item) => (item.kind === 'caption' ? [item.prompt, ` ${item.answer}`] : [])),
    ...set.classes.map((name) => ` ${name}`),
  ];
  const codec: TextCodec = { tokenizer, vocabulary: pruneVocabulary([...new Set(texts)], tokenizer) };
  const captions = set.alignment.flatMap((item) => (item.kind === 'caption' ? [encodeExample(codec, item.media, item.prompt, item.answer)] : []));
  return { codec, ...longestTexts(set.items, codec, captions) };
}

/** Lengths of the longest question with an answer and of the longest answer. */
export function longestTexts(items: readonly Item[], codec: TextCodec, captions: readonly Example[] = []): Omit<Texts, 'codec'> {
  const prompts = new Map(items.map((item) => [item.prompt, encodeText(codec, item.prompt).length]));
  const answers = new Map(items.flatMap((item) => [item.answer, ...item.choices]).map((answer) => [answer, encodeText(codec, ` ${answer}`).length]));
  // Not Math.max over all: a released set has more questions than a call may have arguments.
  const largest = (lengths: Iterable<number>) => { let most = 0; for (const length of lengths) most = Math.max(most, length); return most; };
  const longestAnswer = largest([...answers.values(), ...captions.map(({ tokens, answerFrom }) => tokens.length - answerFrom - 1)]);
  const longest = largest([
    ...items.map((item) => prompts.get(item.prompt)! + Math.max(...[item.answer, ...item.choices].map((answer) => answers.get(answer)!))),
    ...captions.map(({ tokens }) => tokens.length - 1),
  ]);
  return { tokens: longest + 1, labels: longestAnswer + 1 };
}
