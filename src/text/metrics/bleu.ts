import { type Captioned, countRuns } from './words';

/** Keep the logarithm and the quotients finite where nothing matches, as MS COCO's evaluation does. */
const tiny = 1e-15;
const small = 1e-9;

/**
 * BLEU-1 to BLEU-4 of a whole set, 0..1: geometric mean of the clipped precisions of runs of 1..k words, times exp(1 -
 * r/c) when the candidates' total length c is below the references' r; of each item's references the one of closest
 * length counts, the shorter of two. Source: Papineni et al. 2002, with the constants of MS COCO's evaluation.
 */
export function bleu(items: readonly Captioned[]): [number, number, number, number] {
  const correct = [0, 0, 0, 0];
  const guessed = [0, 0, 0, 0];
  let candidateLength = 0;
  let referenceLength = 0;
  for (const { candidate, references } of items) {
    candidateLength += candidate.length;
    referenceLength += closestLength(
      candidate.length,
      references.map((reference) => reference.length),
    );
    for (let k = 1; k <= 4; k++) {
      guessed[k - 1]! += Math.max(0, candidate.length - k + 1);
      const counted = references.map((reference) => countRuns(reference, k));
      for (const [run, count] of countRuns(candidate, k))
        correct[k - 1]! += Math.min(count, Math.max(0, ...counted.map((counts) => counts.get(run) ?? 0)));
    }
  }
  const ratio = (candidateLength + tiny) / (referenceLength + small);
  const brevity = ratio < 1 ? Math.exp(1 - 1 / ratio) : 1;
  let product = 1;
  return [1, 2, 3, 4].map((k) => {
    product *= (correct[k - 1]! + tiny) / (guessed[k - 1]! + small);
    return product ** (1 / k) * brevity;
  }) as [number, number, number, number];
}

function closestLength(length: number, references: readonly number[]): number {
  return references.reduce((best, reference) => {
    const [now, before] = [Math.abs(reference - length), Math.abs(best - length)];
    return now < before || (now === before && reference < best) ? reference : best;
  }, references[0] ?? 0);
}
