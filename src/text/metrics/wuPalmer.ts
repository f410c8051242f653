/**
 * How near two nouns are in WordNet, after Wu and Palmer (1994): twice the depth of the deepest synset that both are a
 * kind of, over the depths of both below it. WordNet's nouns have several hypernyms, so "depth" needs conventions, and
 * scores differ with them. Followed is NLTK's `Synset.wup_similarity`, because the published WUPS scores were computed
 * with it (calculate_wups.py of DAQUAR's authors):
 *
 * - depths count nodes (`entity` has depth 1), and no root is put above the nouns: they have one (NLTK's `simulate_root`
 *   does nothing for nouns);
 * - the subsumer is the common ancestor whose shortest way to the root is the longest (`use_min_depth`); of equals the
 *   first synset itself, then the first by name (`lemma.n.NN`);
 * - its own depth is then counted along its longest way to the root, and both synsets' depths as that plus their
 *   shortest ways to it.
 *
 * The second and third disagree where a synset has several hypernyms; other implementations (WordNet::Similarity) take
 * one depth for both.
 */
import { openSource } from '../../sources/sources';
import { openNouns, sensesOfForm, type Nouns, type Synset, type WordNetFiles } from '../wordnet';

/** The data manifest with the nouns of WordNet. */
export const wordNetSource = 'wordnet';

/** How near two words are, 0..1: the best over their senses; 0 when one is no noun of WordNet, 1 for equal words. */
export type WordSimilarity = (left: string, right: string) => number;

interface Placed {
  synset: Synset;
  /** steps of the shortest and longest way to a root */
  nearest: number;
  farthest: number;
  /** fewest steps up to each synset that it is a kind of, by offset; itself at 0 */
  up: Map<number, number>;
}

/** Similarity of two synsets, 0 when nothing is above both. */
export function wuPalmer(nouns: Nouns): (left: Synset, right: Synset) => number {
  const known = new Map<number, Placed>();
  const place = (synset: Synset): Placed => {
    const before = known.get(synset.offset);
    if (before !== undefined) return before;
    const above = nouns.hypernyms(synset).map(place);
    const up = new Map([[synset.offset, 0]]);
    for (const each of above)
      for (const [offset, steps] of each.up) up.set(offset, Math.min(up.get(offset) ?? Infinity, steps + 1));
    const placed = {
      synset,
      nearest: above.length === 0 ? 0 : 1 + Math.min(...above.map(({ nearest }) => nearest)),
      farthest: above.length === 0 ? 0 : 1 + Math.max(...above.map(({ farthest }) => farthest)),
      up,
    };
    known.set(synset.offset, placed);
    return placed;
  };
  return (first, second) => {
    const [left, right] = [place(first), place(second)];
    const common = [...left.up.keys()].filter((offset) => right.up.has(offset)).map((offset) => known.get(offset)!);
    if (common.length === 0) return 0;
    const deepest = Math.max(...common.map(({ nearest }) => nearest));
    const candidates = common.filter(({ nearest }) => nearest === deepest);
    const subsumer = candidates.includes(left) ? left : firstByName(nouns, candidates);
    const depth = subsumer.farthest + 1;
    return (2 * depth) / (stepsBetween(left, subsumer) + depth + (stepsBetween(right, subsumer) + depth));
  };
}

function firstByName(nouns: Nouns, candidates: readonly Placed[]): Placed {
  if (candidates.length === 1) return candidates[0]!;
  const named = candidates.map((placed) => ({ placed, name: nameOf(nouns, placed.synset) }));
  return named.reduce((best, each) => (each.name < best.name ? each : best)).placed;
}

/** `lemma.n.NN`: the first word of the synset, and which of that word's senses it is. */
function nameOf(nouns: Nouns, synset: Synset): string {
  const word = synset.words[0]!.toLowerCase();
  const sense = nouns.senses(word).findIndex(({ offset }) => offset === synset.offset) + 1;
  return `${word.replaceAll(' ', '_')}.n.${String(sense).padStart(2, '0')}`;
}

/** Fewest steps from a synset up to anything and down to one that it is a kind of. */
const stepsBetween = (from: Placed, ancestor: Placed): number =>
  Math.min(...[...ancestor.up].map(([offset, steps]) => steps + from.up.get(offset)!));

/** Similarity of words from WordNet's files; what was asked once is remembered. Throws UserError for files that lack. */
export function wordSimilarity(files: WordNetFiles): WordSimilarity {
  const nouns = openNouns(files);
  const between = wuPalmer(nouns);
  const senses = new Map<string, Synset[]>();
  const known = new Map<string, number>();
  const sensesOf = (word: string): Synset[] => {
    const found = senses.get(word) ?? sensesOfForm(nouns, word);
    senses.set(word, found);
    return found;
  };
  return (left, right) => {
    if (left === right) return 1;
    const key = JSON.stringify([left, right]);
    const found =
      known.get(key) ?? Math.max(0, ...sensesOf(left).flatMap((a) => sensesOf(right).map((b) => between(a, b))));
    known.set(key, found);
    return found;
  };
}

/** Similarity of words over the WordNet that the data manifest pins, fetched on first use. */
export async function loadWordSimilarity(): Promise<WordSimilarity> {
  const { folder } = await openSource(wordNetSource);
  return wordSimilarity({ name: wordNetSource, folder });
}
