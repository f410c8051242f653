import type { Captioned } from './words';

/** Recall counts this much more than precision. */
const beta = 1.2;

/**
 * ROUGE-L of one caption, 0..1: F-measure of the longest common subsequence, with the best precision and the best
 * recall over the references (Lin 2004, as in MS COCO's evaluation). A set's score is the mean over its items.
 */
export function rougeL({ candidate, references }: Captioned): number {
  if (candidate.length === 0) return 0;
  const common = references
    .filter((reference) => reference.length > 0)
    .map((reference) => ({ common: longestCommon(candidate, reference), length: reference.length }));
  const precision = Math.max(0, ...common.map((pair) => pair.common / candidate.length));
  const recall = Math.max(0, ...common.map((pair) => pair.common / pair.length));
  return precision === 0 || recall === 0
    ? 0
    : ((1 + beta ** 2) * precision * recall) / (recall + beta ** 2 * precision);
}

/** Words in the longest common subsequence. */
function longestCommon(left: readonly string[], right: readonly string[]): number {
  let row = new Array<number>(right.length + 1).fill(0);
  for (const word of left) {
    const next = [0];
    right.forEach((other, at) => next.push(word === other ? row[at]! + 1 : Math.max(row[at + 1]!, next[at]!)));
    row = next;
  }
  return row[right.length]!;
}
