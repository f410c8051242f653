import { type Captioned, countRuns } from './words';

/** Width of the penalty on a difference in length, words. */
const sigma = 6;
const longest = 4;

interface Weighted {
  runs: Map<string, number>[];
  norms: number[];
  length: number;
}

/**
 * CIDEr-D of each caption, 0..10: cosine between candidate and reference in counts of runs of 1..4 words weighted by
 * how rare they are in the set's references, the candidate's counts clipped at the reference's, with a Gaussian penalty
 * on the difference in length; mean over run lengths and references, times 10. A set's score is the mean over its
 * items. Source: Vedantam et al. 2015; length is the number of word pairs, as in the released code. Rarity comes from
 * `items` themselves, so a score depends on the set; a set of one item has only zeros.
 */
export function ciderD(items: readonly Captioned[]): number[] {
  const documents = new Map<string, number>();
  for (const { references } of items) {
    const seen = new Set(
      references.flatMap((reference) => runCounts(reference).flatMap((counts) => [...counts.keys()])),
    );
    for (const run of seen) documents.set(run, (documents.get(run) ?? 0) + 1);
  }
  const logItems = Math.log(items.length);
  const weigh = (words: readonly string[]): Weighted => {
    const runs = runCounts(words).map(
      (counts) =>
        new Map(
          [...counts].map(([run, count]) => [run, count * (logItems - Math.log(Math.max(1, documents.get(run) ?? 0)))]),
        ),
    );
    return {
      runs,
      norms: runs.map((weights) => Math.sqrt([...weights.values()].reduce((sum, weight) => sum + weight ** 2, 0))),
      length: Math.max(0, words.length - 1),
    };
  };
  return items.map(({ candidate, references }) => {
    const own = weigh(candidate);
    const sum = references.reduce((total, reference) => total + similarity(own, weigh(reference)), 0);
    return references.length === 0 ? 0 : (10 * sum) / references.length;
  });
}

const runCounts = (words: readonly string[]) => Array.from({ length: longest }, (_, k) => countRuns(words, k + 1));

function similarity(candidate: Weighted, reference: Weighted): number {
  const penalty = Math.exp(-((candidate.length - reference.length) ** 2) / (2 * sigma ** 2));
  const cosines = candidate.runs.map((runs, k) => {
    const norm = candidate.norms[k]! * reference.norms[k]!;
    const product = [...runs].reduce(
      (sum, [run, weight]) =>
        sum + Math.min(weight, reference.runs[k]!.get(run) ?? 0) * (reference.runs[k]!.get(run) ?? 0),
      0,
    );
    return norm === 0 ? 0 : product / norm;
  });
  return (penalty * cosines.reduce((sum, cosine) => sum + cosine, 0)) / longest;
}
