/** The questions of ReadQA as plans: what is written, what is asked. Drawing comes later. */
import { random, type Random } from '../../../random';
import type { SplitName } from '../../types';
import { balanced } from '../balanced';
import { digitWords, fonts, type LengthAnswer, lengthAnswers, lengths, type Part, parts, signs } from './words';

export const kinds = ['word', 'letters', 'digit', 'number', 'digits'] as const;
export type Kind = (typeof kinds)[number];

export const prompts: Readonly<Record<Kind, string>> = {
  word: 'What does the sign say? It says',
  letters: 'How many letters does the word have? It has',
  digit: 'Which digit is it? It is',
  number: 'Which two digits are these? They are',
  digits: 'How many digits are there? There are',
};

/** Items of each kind in each part. */
export type Amounts = Readonly<Record<Part, number>>;

export type Written =
  | {
      what: 'sign';
      word: string;
      /** path inside the source */
      font: string;
    }
  | { what: 'digits'; values: number[] };

export interface Question {
  /** unique and stable, also the media key */
  id: string;
  split: SplitName;
  slice: string;
  kind: Kind;
  written: Written;
  answer: string;
  choices: string[];
}

const counts = ['two', 'three', 'four'] as const;

/** Two digits in two ways of each, so that none of the four choices stands out: ab, ad, cb, cd. */
function numberChoices([first, second]: readonly [number, number], draw: Random): string[] {
  const other = (not: number) => draw.pick(digitWords.filter((_, value) => value !== not));
  const [otherFirst, otherSecond] = [other(first), other(second)];
  return draw.shuffle(
    [digitWords[first]!, otherFirst].flatMap((a) => [digitWords[second]!, otherSecond].map((b) => `${a} ${b}`)),
  );
}

/** What the questions of a kind in a part are made of: each list has a value for each of them, balanced. */
interface Values {
  /** first to fourth digit */
  digits: number[][];
  font: string[];
  /** none where the digits are the answer */
  answers: readonly string[];
}

/** Answers that are drawn; those of the other kinds are what their digits say. */
const answersOf: Readonly<Partial<Record<Kind, readonly string[]>>> = {
  word: signs,
  letters: lengthAnswers,
  digits: counts,
};

function valuesOf(part: Part, kind: Kind, count: number, seed: number): Values {
  const values = <T>(of: readonly T[], what: string) => balanced(of, count, seed, `read-qa/${part}/${kind}/${what}`);
  const among = answersOf[kind];
  return {
    digits: Array.from({ length: 4 }, (_, place) => values([...digitWords.keys()], `digit ${place}`)),
    font: values(fonts[part], 'font'),
    answers: among === undefined ? [] : values(among, 'answer'),
  };
}

/** What is written and asked in question `i` of a kind; `draw` is the question's own. */
function asked(
  kind: Kind,
  part: Part,
  i: number,
  { digits, font, answers }: Values,
  draw: Random,
): Pick<Question, 'written' | 'answer' | 'choices'> {
  const answer = answers[i]!;
  const firstDigits = (number: number): Written => ({
    what: 'digits',
    values: digits.slice(0, number).map((of) => of[i]!),
  });
  const among = (right: string, of: readonly string[]) =>
    draw.shuffle([right, ...draw.shuffle(of.filter((one) => one !== right)).slice(0, 3)]);
  switch (kind) {
    case 'word':
      return { written: { what: 'sign', word: answer, font: font[i]! }, answer, choices: among(answer, signs) };
    case 'letters': {
      const word = draw.pick<string>(lengths[answer as LengthAnswer][part]);
      return { written: { what: 'sign', word, font: font[i]! }, answer, choices: draw.shuffle(lengthAnswers) };
    }
    case 'digit': {
      const digit = digitWords[digits[0]![i]!]!;
      return { written: firstDigits(1), answer: digit, choices: among(digit, digitWords) };
    }
    case 'number': {
      const pair = [digits[0]![i]!, digits[1]![i]!] as const;
      return {
        written: firstDigits(2),
        answer: pair.map((value) => digitWords[value]!).join(' '),
        choices: numberChoices(pair, draw),
      };
    }
    case 'digits': {
      const written = firstDigits(2 + counts.indexOf(answer as (typeof counts)[number]));
      return { written, answer, choices: draw.shuffle(counts) };
    }
  }
}

const sliceOf = (part: Part, kind: Kind) =>
  part !== 'evaluation' ? part : kind === 'word' || kind === 'letters' ? 'new-fonts' : 'new-digits';

/** All questions of the given kinds, in a fixed order, with balanced answers in every part. */
export function planQuestions(
  kindsAsked: readonly Kind[],
  amounts: Amounts,
  seeds: Readonly<Record<Part, number>>,
): Question[] {
  return parts.flatMap((part) =>
    kindsAsked.flatMap((kind) => {
      const [count, seed] = [amounts[part], seeds[part]];
      const values = valuesOf(part, kind, count, seed);
      return Array.from({ length: count }, (_, i): Question => {
        const id = `${part}-${kind}-${String(i).padStart(4, '0')}`;
        const draw = random(seed, `read-qa/question/${id}`);
        return { id, split: part, slice: sliceOf(part, kind), kind, ...asked(kind, part, i, values, draw) };
      });
    }),
  );
}
