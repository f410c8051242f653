/**
 * One question of a released set before its picture or sound is read, and the list of what was wrong with the others.
 */
import { printable, show } from '../../printable';
import type { SplitName } from '../types';
import { shown } from './names';

/**
 * A picture or sound of a release: the names under which its file may lie, in order of preference (the first list is
 * the medium, further ones are pictures drawn in a row under it), or a file that the reader has written into its
 * scratch folder, which its key names by content.
 */
export type ReleasedMedia = { parts: string[][] } | { local: string; key: string };

/** One question as its release asks it, checked and in our terms. */
export interface ReleasedRecord {
  /** file with line or record number, e.g. `clotho_aqa_train.csv:17` */
  place: string;
  /** unique in the set */
  id: string;
  /** null: the release has no split for it */
  split: SplitName | null;
  /** the release's name of the split, which becomes the evaluation slice */
  slice: string;
  /**
   * records of one group (a recording place, an artist) are never divided between splits; null: those of one picture or
   * sound
   */
  group: string | null;
  kind: string;
  media: ReleasedMedia;
  question: string;
  answer: string;
  references: string[];
  choices: string[];
  released?: Record<string, unknown>;
}

/** The slice of a question whose release has three splits of its own. */
export const officialSlice = (split: SplitName | undefined): string =>
  split === 'train' ? 'train' : split === 'validation' ? 'official-validation' : 'official-test';

/** The same where the release keeps the answers of its test split to itself, so that its validation split is asked. */
export const answeredSlice = (split: SplitName | null | undefined): string =>
  split === 'train' ? 'train' : 'official-validation';

/** One faulty record: `kind` groups equal faults in counts, `what` says which value it was. */
interface RecordProblem {
  place: string;
  kind: string;
  what: string;
}

/** Collects the faulty records of a set; nothing is thrown before all are known. */
export interface Problems {
  readonly list: readonly RecordProblem[];
  add(place: string, kind: string, what?: string): void;
  /** what a reader should know though no record is lost, once each */
  readonly notices: readonly string[];
  note(text: string): void;
}

/** An empty collection. */
export function newProblems(): Problems {
  const list: RecordProblem[] = [];
  const notices = new Set<string>();
  return {
    list,
    // Values of hostile files could rewrite a terminal's line.
    add: (place, kind, what = '') => {
      list.push({ place: printable(place), kind: printable(kind), what: printable(what) });
    },
    get notices() {
      return [...notices];
    },
    note: (text) => {
      notices.add(text);
    },
  };
}

/** `2 of "picture is missing", 1 of ...`, the most frequent first. */
export function countsOf(list: readonly RecordProblem[]): Record<string, number> {
  const counts = new Map<string, number>();
  for (const { kind } of list) counts.set(kind, (counts.get(kind) ?? 0) + 1);
  return Object.fromEntries([...counts].sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1)));
}

/** Longest texts, in characters: a hostile or broken record would otherwise set the length of every batch. */
export const longest = { question: 2000, answer: 1000, choices: 50 } as const;

/** A text with single spaces and none at its ends, and without characters that UTF-8 cannot hold. */
export function clean(text: string): string {
  return Buffer.from(text, 'utf8')
    .toString('utf8')
    .replace(/[\s\p{Cc}]+/gu, ' ')
    .trim();
}

/** The names of things that may be there once each, with where they were first; a second is a fault of its record. */
export class Once {
  readonly #first = new Map<string, string>();

  constructor(private readonly problems: Problems) {}

  /** Whether this value of this field is new; notes a fault of `place` when it is not. */
  claim(field: string, value: string, place: string): boolean {
    const key = JSON.stringify([field, value]);
    const before = this.#first.get(key);
    if (before === undefined) this.#first.set(key, place);
    else this.problems.add(place, `the ${field} is there twice`, `${shown(value)}; first in ${before}`);
    return before === undefined;
  }
}

/**
 * A name or an id exactly as it is stated, or undefined after a problem was noted: not a text (numbers count as one),
 * empty, too long. What it names is looked up by these very letters, spaces included.
 */
export function nameOf(
  value: unknown,
  what: string,
  most: number,
  place: string,
  problems: Problems,
): string | undefined {
  if (typeof value !== 'string') return textOf(value, what, most, place, problems);
  if (value.trim() === '') problems.add(place, `the ${what} is empty`);
  else if (value.length > most)
    problems.add(place, `the ${what} is too long`, `${value.length} characters; at most ${most}`);
  else if (/\p{Surrogate}/u.test(value)) problems.add(place, `the ${what} is no Unicode text`);
  else return value;
  return undefined;
}

/**
 * The cleaned text of a value, or undefined after a problem was noted: not a text (numbers count as one), empty, too
 * long.
 */
export function textOf(
  value: unknown,
  what: string,
  most: number,
  place: string,
  problems: Problems,
): string | undefined {
  if (typeof value !== 'string' && typeof value !== 'number') {
    problems.add(
      place,
      value === undefined || value === null ? `no ${what}` : `the ${what} is no text`,
      value === undefined ? '' : show(value),
    );
    return undefined;
  }
  const text = clean(String(value));
  if (text === '') problems.add(place, `the ${what} is empty`);
  else if (text.length > most)
    problems.add(place, `the ${what} is too long`, `${text.length} characters; at most ${most}`);
  else return text;
  return undefined;
}

/**
 * The texts of a list, each as `read` has it (cleaned, or names as stated), or undefined after a problem was noted: no
 * list, too many, empty, or one of them faulty.
 */
export function textListOf(
  value: unknown,
  what: string,
  most: number,
  place: string,
  problems: Problems,
  read: typeof textOf = textOf,
): string[] | undefined {
  if (!Array.isArray(value) || value.length === 0) {
    problems.add(place, Array.isArray(value) ? `no ${what}` : `${what} are no list`, show(value));
    return undefined;
  }
  if (value.length > longest.choices) {
    problems.add(place, `too many ${what}`, `${value.length}; at most ${longest.choices}`);
    return undefined;
  }
  const texts: string[] = [];
  for (const each of value) {
    const text = read(each, what.replace(/s$/, ''), most, place, problems);
    if (text === undefined) return undefined;
    texts.push(text);
  }
  return texts;
}

/** The text that occurs most often, the earlier one of equals; comparison ignores case. Undefined for an empty list. */
export function mostFrequent(texts: readonly string[]): { text: string; count: number } | undefined {
  const counts = new Map<string, { text: string; count: number }>();
  for (const text of texts) {
    const entry = counts.get(text.toLowerCase()) ?? { text, count: 0 };
    entry.count += 1;
    counts.set(text.toLowerCase(), entry);
  }
  return [...counts.values()].reduce<{ text: string; count: number } | undefined>(
    (best, entry) => (best === undefined || entry.count > best.count ? entry : best),
    undefined,
  );
}
