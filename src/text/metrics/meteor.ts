import type { Captioned } from './words';

/**
 * Parameters of Lavie and Agarwal (2007): weight of precision, exponent and weight of the penalty on scattered matches.
 */
const alpha = 0.9;
const beta = 3;
const gamma = 0.5;

interface Place {
  at: number;
  word: string;
}

/**
 * METEOR with exact and stem matches, 0..1, the best over the references: F-mean of the matched words, less a penalty
 * that grows with the number of chunks in which they lie. Not the official program: no synonyms (it looks them up in
 * WordNet) and no paraphrases, the parameters of 2007 instead of those tuned per language, and words are matched
 * greedily from the end, as NLTK does, instead of with the fewest crossings. Compare scores only with ones computed
 * here.
 * @param stem stem of a word (Porter); see `loadStemmer`
 */
export function meteor({ candidate, references }: Captioned, stem: (word: string) => string): number {
  return Math.max(0, ...references.map((reference) => one(candidate, reference, stem)));
}

/**
 * Porter's stemmer, which leaves words of one or two letters alone as his own later programs do; its package is an ES
 * module, so it is loaded rather than imported.
 */
export async function loadStemmer(): Promise<(word: string) => string> {
  return (await import('stemmer')).stemmer;
}

function one(candidate: readonly string[], reference: readonly string[], stem: (word: string) => string): number {
  const places = (words: readonly string[]): Place[] => words.map((word, at) => ({ at, word }));
  const stemmed = (rest: Place[]) => rest.map(({ at, word }) => ({ at, word: stem(word) }));
  const exact = match(places(candidate), places(reference));
  const stems = match(stemmed(exact.left), stemmed(exact.right));
  const matches = [...exact.pairs, ...stems.pairs].sort(([a], [b]) => a - b);
  if (matches.length === 0) return 0;
  const precision = matches.length / candidate.length;
  const recall = matches.length / reference.length;
  const mean = (precision * recall) / (alpha * precision + (1 - alpha) * recall);
  const chunks = matches.filter(
    ([a, b], i) => i === 0 || a !== matches[i - 1]![0] + 1 || b !== matches[i - 1]![1] + 1,
  ).length;
  return mean * (1 - gamma * (chunks / matches.length) ** beta);
}

/** Pairs of equal words, each word used once, the last word of each first; and what is left of both sides. */
function match(left: Place[], right: Place[]): { pairs: [number, number][]; left: Place[]; right: Place[] } {
  const pairs: [number, number][] = [];
  const rest = [...right];
  const unmatched: Place[] = [];
  for (const place of [...left].reverse()) {
    const found = rest.findLastIndex(({ word }) => word === place.word);
    if (found < 0) unmatched.unshift(place);
    else pairs.push([place.at, rest.splice(found, 1)[0]!.at]);
  }
  return { pairs, left: unmatched, right: rest };
}
