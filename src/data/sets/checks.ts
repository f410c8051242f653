/** Checks and statistics of a generated set: what must hold before it is kept, and what its data card says. */
import type { AlignmentItem, Item } from '../types';
import { formatProblem, type Problem, UserError } from '../../problems';

/** A media file of the set with the hash of its bytes. */
interface HashedMedia {
  key: string;
  sha256: string;
}

/** Accuracy of a rule that never looks at the media, in expectation over ties. */
export interface PriorBaseline {
  /** 1 / number of choices, averaged */
  chance: number;
  accuracy: number;
  total: number;
}

const splits = ['train', 'validation', 'evaluation'];

/** What is wrong with one item by itself. */
function itemFaults(item: Item, where: string): Problem[] {
  const problems: Problem[] = [];
  if (!splits.includes(item.split))
    problems.push({ where, what: `split ${JSON.stringify(item.split)}`, expected: splits.join(', ') });
  if ((item.split === 'train') !== (item.slice === 'train'))
    problems.push({
      where,
      what: `slice ${item.slice} in split ${item.split}`,
      expected: 'slice `train` exactly for training items',
    });
  if (item.choices.length > 0 && !item.choices.includes(item.answer))
    problems.push({ where, what: `the answer ${item.answer} is not among its choices` });
  if (new Set(item.choices).size !== item.choices.length) problems.push({ where, what: 'a choice is listed twice' });
  for (const text of [item.prompt, item.answer, ...item.choices]) {
    if (text === '' || text !== text.trim())
      problems.push({ where, what: `text ${JSON.stringify(text)}`, expected: 'text without spaces at its ends' });
  }
  return problems;
}

/**
 * Every way in which a set can be wrong or leak, as one list: broken references, an answer outside its choices,
 * repeated ids, repeated (media, prompt) pairs, and equal media bytes on both sides of a split. With `repeats`, the
 * last two, which a released set may have, go there.
 */
export function findProblems(
  items: readonly Item[],
  alignment: readonly AlignmentItem[],
  classes: readonly string[],
  media: readonly HashedMedia[],
  repeats?: Problem[],
): Problem[] {
  const problems: Problem[] = [];
  const repeated = repeats ?? problems;
  const hashes = new Map(media.map(({ key, sha256 }) => [key, sha256]));
  if (hashes.size !== media.length) problems.push({ where: 'media', what: 'two files share a key' });
  const ids = new Set<string>();
  const questions = new Set<string>();
  const splitOf = new Map<string, string>();
  for (const item of items) {
    const where = `item ${item.id}`;
    if (ids.has(item.id)) problems.push({ where, what: 'this id is used twice' });
    ids.add(item.id);
    problems.push(...itemFaults(item, where));
    const hash = hashes.get(item.media);
    if (hash === undefined) {
      problems.push({ where, what: `its media ${item.media} does not exist` });
      continue;
    }
    const question = JSON.stringify([hash, item.prompt]);
    if (questions.has(question)) repeated.push({ where, what: 'the same media is asked the same question twice' });
    questions.add(question);
    const before = splitOf.get(hash);
    if (before !== undefined && before !== item.split)
      repeated.push({ where, what: `its media also occurs in split ${before}` });
    splitOf.set(hash, item.split);
  }
  for (const item of alignment) {
    const where = `alignment item ${item.media}`;
    const hash = hashes.get(item.media);
    if (hash === undefined) {
      problems.push({ where, what: 'its media does not exist' });
      continue;
    }
    const split = splitOf.get(hash);
    if (split !== undefined && split !== 'train')
      repeated.push({ where, what: `its media also occurs in split ${split}` });
    if (item.kind === 'classes')
      for (const name of item.classes)
        if (!classes.includes(name)) problems.push({ where, what: `unknown class ${name}` });
  }
  return problems;
}

/** Throws a UserError that lists the first problems of a set when it has any; `released`: its questions are others'. */
export function requireSound(task: string, problems: readonly Problem[], released = false): void {
  if (problems.length === 0) return;
  const shown = problems.slice(0, 8).map(formatProblem).join('; ');
  throw new UserError([
    {
      where: `${released ? 'released' : 'generated'} set ${task}`,
      what: `${problems.length} checks failed: ${shown}`,
      hint: released
        ? 'this is a fault of the reader; nothing was kept'
        : 'this is a fault of the generator or of a changed source package; nothing was kept',
    },
  ]);
}

/**
 * Question-only baseline: among the offered choices, always the one that is most often the answer to this prompt in
 * the training split. Ties count their expected value. Items without choices are left out.
 */
export function priorBaseline(items: readonly Item[], of: (item: Item) => boolean): PriorBaseline {
  const frequency = new Map<string, number>();
  const key = (prompt: string, answer: string) => JSON.stringify([prompt, answer]);
  for (const item of items) {
    if (item.split !== 'train') continue;
    const at = key(item.prompt, item.answer);
    frequency.set(at, (frequency.get(at) ?? 0) + 1);
  }
  let correct = 0;
  let chance = 0;
  let total = 0;
  for (const item of items) {
    if (item.choices.length === 0 || !of(item)) continue;
    const counts = item.choices.map((choice) => frequency.get(key(item.prompt, choice)) ?? 0);
    const most = Math.max(...counts);
    if ((frequency.get(key(item.prompt, item.answer)) ?? 0) === most)
      correct += 1 / counts.filter((count) => count === most).length;
    chance += 1 / item.choices.length;
    total += 1;
  }
  const round = (value: number) => (total === 0 ? 0 : Math.round((value / total) * 1e4) / 1e4);
  return { chance: round(chance), accuracy: round(correct), total };
}

/** How many items have each value of `by`, keys sorted. */
export function countBy<T>(of: readonly T[], by: (element: T) => string): Record<string, number> {
  const counts = new Map<string, number>();
  for (const element of of) counts.set(by(element), (counts.get(by(element)) ?? 0) + 1);
  return Object.fromEntries([...counts].sort(([a], [b]) => (a < b ? -1 : 1)));
}
