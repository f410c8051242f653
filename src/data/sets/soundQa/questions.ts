/**
 * What is asked and what must be heard. Every kind is balanced so that the question alone says nothing: each answer of
 * a kind is equally frequent (per class), and distractors are drawn evenly.
 */
import { random, type Random } from '../../../random';

export const kinds = ['present', 'which', 'count', 'first'] as const;
export type Kind = (typeof kinds)[number];

/** How many questions of each kind. */
export type Amounts = Record<Kind, number>;

/** A question before its sound exists. */
export interface Question {
  kind: Kind;
  prompt: string;
  answer: string;
  choices: string[];
  /** classes to be heard, in the order of their onsets */
  heard: string[];
}

const numbers = ['one', 'two', 'three'];
/** Words before a class name in a sentence. */
const articles: Record<string, string> = { bird: 'a ', animal: 'an ', voice: 'a ', engine: 'an ', drum: 'a ' };

/**
 * The prompts: the answer is one word that continues them. Choices are not listed: listing them was found to cost
 * accuracy.
 */
export const prompts = {
  present: (name: string) => `Do you hear ${articles[name] ?? ''}${name}? The answer is`,
  which: 'What do you hear? It is',
  count: 'How many sounds do you hear? There are',
  first: 'What do you hear first? It is',
} as const;

/** `count` of `from`, all different, in random order. */
function some(from: readonly string[], count: number, draw: Random): string[] {
  return draw.shuffle(from).slice(0, count);
}

/** Question number `index` of a kind: answers and classes run round-robin, everything else is drawn. */
function question(kind: Kind, index: number, classes: readonly string[], draw: Random): Question {
  const asked = classes[index % classes.length]!;
  const round = Math.floor(index / classes.length);
  const others = classes.filter((name) => name !== asked);
  switch (kind) {
    case 'present': {
      const yes = round % 2 === 0;
      const count = 1 + (Math.floor(round / 2) % 3);
      const heard = draw.shuffle(yes ? [asked, ...some(others, count - 1, draw)] : some(others, count, draw));
      return { kind, prompt: prompts.present(asked), answer: yes ? 'yes' : 'no', choices: ['yes', 'no'], heard };
    }
    case 'which': {
      const shuffled = draw.shuffle(others);
      const heard = draw.shuffle([asked, ...shuffled.slice(0, round % 2)]);
      return {
        kind,
        prompt: prompts.which,
        answer: asked,
        choices: draw.shuffle([asked, ...shuffled.slice(-3)]),
        heard,
      };
    }
    case 'count': {
      const count = 1 + (index % numbers.length);
      return {
        kind,
        prompt: prompts.count,
        answer: numbers[count - 1]!,
        choices: [...numbers],
        heard: some(classes, count, draw),
      };
    }
    case 'first': {
      const second = others[round % others.length]!;
      const third = some(
        others.filter((name) => name !== second),
        round % 2,
        draw,
      );
      return {
        kind,
        prompt: prompts.first,
        answer: asked,
        choices: draw.shuffle([asked, second]),
        heard: [asked, ...draw.shuffle([second, ...third])],
      };
    }
  }
}

/** All questions of one pool. Throws RangeError when an amount does not divide evenly into its answers. */
export function planQuestions(amounts: Amounts, classes: readonly string[], seed: number, pool: string): Question[] {
  const evenly: Amounts = {
    present: 2 * classes.length,
    which: classes.length,
    count: numbers.length,
    first: classes.length,
  };
  return kinds.flatMap((kind) => {
    if (amounts[kind] % evenly[kind] !== 0)
      throw new RangeError(
        `${amounts[kind]} questions of kind ${kind}; a multiple of ${evenly[kind]} is needed, so that answers are balanced`,
      );
    return Array.from({ length: amounts[kind] }, (_, index) =>
      question(kind, index, classes, random(seed, `sound-qa/question/${pool}/${kind}`, index)),
    );
  });
}
