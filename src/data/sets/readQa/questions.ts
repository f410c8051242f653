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

/** All questions of the given kinds, in a fixed order, with balanced answers in every part. */
export function planQuestions(
  asked: readonly Kind[],
  amounts: Amounts,
  seeds: Readonly<Record<Part, number>>,
): Question[] {
  return parts.flatMap((part) =>
    asked.flatMap((kind) => {
      const [count, seed] = [amounts[part], seeds[part]];
      const purpose = `read-qa/${part}/${kind}`;
      const values = <T>(of: readonly T[], what = 'answer') => balanced(of, count, seed, `${purpose}/${what}`);
      const digits = Array.from({ length: 4 }, (_, place) =>
        values(
          digitWords.map((_, value) => value),
          `digit ${place}`,
        ),
      );
      const font = values(fonts[part], 'font');
      const answers: readonly string[] =
        kind === 'word'
          ? values(signs)
          : kind === 'letters'
            ? values(lengthAnswers)
            : kind === 'digits'
              ? values(counts)
              : [];
      return Array.from({ length: count }, (_, i): Question => {
        const id = `${part}-${kind}-${String(i).padStart(4, '0')}`;
        const draw = random(seed, `read-qa/question/${id}`);
        const written = (number: number): Written => ({
          what: 'digits',
          values: digits.slice(0, number).map((of) => of[i]!),
        });
        const among = (answer: string, of: readonly string[]) =>
          draw.shuffle([answer, ...draw.shuffle(of.filter((one) => one !== answer)).slice(0, 3)]);
        const base = {
          id,
          split: part,
          slice: part === 'evaluation' ? (kind === 'word' || kind === 'letters' ? 'new-fonts' : 'new-digits') : part,
          kind,
        } as const;
        switch (kind) {
          case 'word':
            return {
              ...base,
              written: { what: 'sign', word: answers[i]!, font: font[i]! },
              answer: answers[i]!,
              choices: among(answers[i]!, signs),
            };
          case 'letters':
            return {
              ...base,
              written: {
                what: 'sign',
                word: draw.pick<string>(lengths[answers[i] as LengthAnswer][part]),
                font: font[i]!,
              },
              answer: answers[i]!,
              choices: draw.shuffle(lengthAnswers),
            };
          case 'digit':
            return {
              ...base,
              written: written(1),
              answer: digitWords[digits[0]![i]!]!,
              choices: among(digitWords[digits[0]![i]!]!, digitWords),
            };
          case 'number': {
            const pair = [digits[0]![i]!, digits[1]![i]!] as const;
            return {
              ...base,
              written: written(2),
              answer: pair.map((value) => digitWords[value]!).join(' '),
              choices: numberChoices(pair, draw),
            };
          }
          case 'digits':
            return {
              ...base,
              written: written(2 + counts.indexOf(answers[i] as (typeof counts)[number])),
              answer: answers[i]!,
              choices: draw.shuffle(counts),
            };
        }
      });
    }),
  );
}
