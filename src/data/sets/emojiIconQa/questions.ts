/** The questions of EmojiIconQA as plans: which icon, how many copies, what is asked. Drawing comes later. */
import { random } from '../../../random';
import type { SplitName } from '../../types';
import { balanced } from '../balanced';
import { listed } from './task';
import type { Concept } from './concepts';
import { heldOutStyle, type Style, trainStyles } from './styles';

export type Kind = 'name' | 'count' | 'category';
export const kinds: readonly Kind[] = ['name', 'count', 'category'];

/** Open prompts: the choices are not listed for names, which experiments showed to cost accuracy. */
export const promptsWith = (categories: readonly string[]): Readonly<Record<Kind, string>> => ({
  name: 'What is it? It is',
  count: 'How many are there? There are',
  category: `What kind is it? ${listed(categories)}? It is`,
});

export const numbers = ['one', 'two', 'three', 'four', 'five'] as const;

/** Items of each kind in each part of the set. */
export interface Amounts {
  train: number;
  validation: number;
  crossStyle: number;
  inStyle: number;
}

export interface Question {
  /** unique and stable, also the media key */
  id: string;
  split: SplitName;
  slice: string;
  kind: Kind;
  concept: Concept;
  style: Style;
  copies: number;
  answer: string;
  choices: string[];
}

/** Names that begin alike are never offered together: `house` and `houses` can both be right. */
const confusable = (a: string, b: string) => a.startsWith(b) || b.startsWith(a);

interface Subject {
  concept: Concept;
  copies: number;
  answer: string;
}

/** What questions are drawn from. */
interface Deck {
  /** concepts whose name is one token */
  named: readonly Concept[];
  all: readonly Concept[];
  /** the words of the question of category */
  categories: readonly string[];
  seed: number;
}

/** What `count` questions of a kind are about, with balanced answers; equal arguments, equal subjects. */
function subjects(kind: Kind, count: number, { named, all, categories, seed }: Deck, part: string): Subject[] {
  const purpose = `emoji-icon-qa/${part}/${kind}`;
  if (kind === 'name')
    return balanced(named, count, seed, purpose).map((concept) => ({ concept, copies: 1, answer: concept.name }));
  if (kind === 'count') {
    const concepts = balanced(named, count, seed, `${purpose}/concept`);
    return balanced(numbers, count, seed, purpose).map((answer, i) => ({
      concept: concepts[i]!,
      copies: numbers.indexOf(answer) + 1,
      answer,
    }));
  }
  const answers = balanced(categories, count, seed, purpose);
  const ofCategory = new Map(
    categories.map((category) => [
      category,
      balanced(
        all.filter((concept) => concept.category === category),
        count,
        seed,
        `${purpose}/${category}`,
      ),
    ]),
  );
  return answers.map((answer) => ({ concept: ofCategory.get(answer)!.pop()!, copies: 1, answer }));
}

function choicesOf(kind: Kind, answer: string, { named, categories, seed }: Deck, id: string): string[] {
  const draw = random(seed, `emoji-icon-qa/choices/${id}`);
  if (kind === 'count') return draw.shuffle(numbers);
  if (kind === 'category') return draw.shuffle(categories);
  const others = draw.shuffle(named.map((concept) => concept.name).filter((name) => !confusable(name, answer)));
  return draw.shuffle([answer, ...others.slice(0, 3)]);
}

/**
 * All questions, in a fixed order. Validation items are drawn like training items but apart from them (a slice cut from
 * one balanced sequence would make the answers that are frequent in one rare in the other); cross-style items use only
 * the held-out style; in-style items draw training icons anew.
 */
export function planQuestions(
  concepts: readonly Concept[],
  categories: readonly string[],
  amounts: Amounts,
  seed: number,
): Question[] {
  const deck: Deck = { named: concepts.filter((concept) => concept.tokens === 1), all: concepts, categories, seed };
  const questions: Question[] = [];
  for (const kind of kinds) {
    const add = (split: SplitName, slice: string, part: string, number: number, subject: Subject, style: Style) => {
      const id = `${part}-${kind}-${String(number).padStart(4, '0')}`;
      questions.push({
        id,
        split,
        slice,
        kind,
        style,
        ...subject,
        choices: choicesOf(kind, subject.answer, deck, id),
      });
    };
    const seen = (split: 'train' | 'validation') => {
      const styles = balanced(trainStyles, amounts[split], seed, `emoji-icon-qa/${split}/${kind}/style`);
      subjects(kind, amounts[split], deck, split).forEach((subject, i) =>
        add(split, split, split, i, subject, styles[i]!),
      );
    };
    seen('train');
    seen('validation');
    subjects(kind, amounts.crossStyle, deck, 'cross-style').forEach((subject, i) =>
      add('evaluation', 'cross-style', 'cross-style', i, subject, heldOutStyle),
    );

    // An in-style item repeats the subject of a training item with a new size, place and ground: answers stay balanced.
    const trained = questions.filter((question) => question.kind === kind && question.split === 'train');
    const order = random(seed, `emoji-icon-qa/in-style/${kind}`).shuffle(trained);
    const answers = balanced(
      [...new Set(trained.map((question) => question.answer))],
      amounts.inStyle,
      seed,
      `emoji-icon-qa/in-style/${kind}/answers`,
    );
    answers.forEach((answer, i) => {
      const at = order.findIndex((question) => question.answer === answer);
      const [{ concept, copies, style }] = order.splice(at, 1) as [Question];
      add('evaluation', 'in-style', 'in-style', i, { concept, copies, answer }, style);
    });
  }
  return questions;
}
