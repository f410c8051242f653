/**
 * Scores of answers that are sets of words, 0..1 (Malinowski and Fritz 2014). With A the answer and T the truth,
 * score = min(product over a in A of max over t in T of m(a, t), product over t in T of max over a in A of m(t, a)).
 * Accuracy: m is 1 for equal words, else 0. WUPS at a threshold: m is the Wu-Palmer similarity, a tenth of it where it is
 * below the threshold. As in the authors' program (calculate_wups.py), from which published scores come, a word that is
 * said twice counts twice.
 */
import type { WordSimilarity } from './wuPalmer';

/** What a similarity below the threshold is multiplied by. */
const below = 0.1;

/**
 * The parts of an answer: separated by commas, in lower case, the words of a part joined by spaces (a release may write
 * `_`).
 */
export function answerParts(answer: string): string[] {
  return answer
    .toLowerCase()
    .split(',')
    .map((part) => part.replace(/[\s_]+/g, ' ').trim());
}

function setScore(generated: string, reference: string, measure: WordSimilarity): number {
  const [answer, truth] = [answerParts(generated), answerParts(reference)];
  const covered = (from: readonly string[], by: readonly string[]) =>
    from.reduce((product, part) => product * Math.max(...by.map((other) => measure(part, other))), 1);
  return Math.min(covered(answer, truth), covered(truth, answer));
}

/** 1 when both say the same parts in any order, else 0. */
export function setAccuracy(generated: string, reference: string): number {
  return setScore(generated, reference, (left, right) => (left === right ? 1 : 0));
}

/** WUPS of one answer; `threshold` is 0.9 or 0 (no word is weighted down) in the published scores. */
export function wups(generated: string, reference: string, threshold: number, similarity: WordSimilarity): number {
  return setScore(generated, reference, (left, right) => {
    const near = similarity(left, right);
    return near < threshold ? below * near : near;
  });
}
