/**
 * What a question is answered with by one who sees no picture and hears no sound: the training answer that came most
 * often to the same question, or to those that begin alike. What a model scores above it, it owes to the medium.
 */
import type { Item } from './types';

/** Words of a question, lower case, without the marks around them. */
const wordsOf = ({ question, prompt }: Item): string[] =>
  (question ?? prompt)
    .toLowerCase()
    .split(/[\s?!.,;:]+/)
    .filter((word) => word !== '');

/** How often each answer was given; the most frequent one wins, of equals the first in the order of the alphabet. */
class Answers {
  readonly #counts = new Map<string, number>();

  add(answer: string): void {
    this.#counts.set(answer, (this.#counts.get(answer) ?? 0) + 1);
  }

  best(): string {
    const [first] = [...this.#counts].sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1));
    return first?.[0] ?? '';
  }
}

/**
 * The guess for a question: the most frequent training answer to questions of the same words, else to those whose
 * first words are the same, as many as possible; with none in common, the most frequent answer of all. Empty without
 * training questions.
 */
export function questionOnlyAnswers(items: readonly Item[]): (item: Item) => string {
  const whole = new Map<string, Answers>();
  const byBeginning = new Map<string, Answers>();
  const add = (to: Map<string, Answers>, key: string, answer: string) => {
    const answers = to.get(key) ?? new Answers();
    answers.add(answer);
    to.set(key, answers);
  };
  for (const item of items) {
    if (item.split !== 'train') continue;
    const words = wordsOf(item);
    add(whole, words.join(' '), item.answer);
    for (let length = 0; length <= words.length; length++)
      add(byBeginning, words.slice(0, length).join(' '), item.answer);
  }
  return (item) => {
    const words = wordsOf(item);
    const same = whole.get(words.join(' '));
    if (same !== undefined) return same.best();
    for (let length = words.length; length >= 0; length--) {
      const alike = byBeginning.get(words.slice(0, length).join(' '));
      if (alike !== undefined) return alike.best();
    }
    return '';
  };
}
