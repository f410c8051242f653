/**
 * ReadQA: reading words on signs and handwritten digits, over photographs. Evaluated in fonts, on words to count and on
 * MNIST's own test digits and CIFAR-10's test photographs, which training never shows. Mirrors the idea of TextVQA
 * (Singh et al. 2019); it is not TextVQA, and its scores are never set beside that data set's.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { random } from '../../../random';
import type { AlignmentItem, Item } from '../../types';
import { balanced } from '../balanced';
import { openPhotographs, renderer } from '../cifar10';
import { encodePng, type Range } from '../emojiIconQa/picture';
import type { Generated, MediaFile, Origin, SetGenerator } from '../generator';
import { drawDigits, drawSign } from './drawing';
import { openDigits } from './mnist';
import { type Amounts, type Kind, kinds, planQuestions, prompts, type Written } from './questions';
import { digitWords, fonts, lengths, type Part, signs } from './words';
import { readQaTask } from './task';

/** Everything that shapes the set; all of it enters the identity. */
interface ReadQaOptions {
  /** of questions and drawing; piles and alignment follow that of training */
  seeds: Readonly<Record<Part, number>>;
  /** width and height of a picture, pixels */
  canvas: number;
  /** width of a written word, pixels */
  wordWidth: Range;
  /** width of a digit by how many stand in the strip */
  digitSize: Record<1 | 2 | 3 | 4, Range>;
  kinds: readonly Kind[];
  /** items of each kind */
  amounts: Amounts;
  /** pictures of the alignment phase: signs, single digits */
  alignment: { words: number; digits: number };
}

export const defaultOptions: ReadQaOptions = {
  seeds: { train: 1, validation: 1, evaluation: 2 },
  canvas: 128,
  wordWidth: { least: 100, most: 114 },
  digitSize: {
    1: { least: 80, most: 120 },
    2: { least: 58, most: 63 },
    3: { least: 30, most: 42 },
    4: { least: 24, most: 32 },
  },
  kinds,
  amounts: { train: 480, validation: 60, evaluation: 120 },
  alignment: { words: 400, digits: 400 },
};

const resvgVersion = (createRequire(__filename)('@resvg/resvg-js/package.json') as { version: string }).version;
const between = (draw: { integer(bound: number): number }, { least, most }: Range) =>
  least + draw.integer(most - least + 1);

/** The generator with these options. */
export function readQaGenerator(options: ReadQaOptions): SetGenerator {
  return {
    task: readQaTask.name,
    modality: readQaTask.modality,
    version: '2',
    sources: ['cifar10', 'mnist', 'reading-fonts'],
    options: { ...options, prompts, renderer: `${renderer}, resvg ${resvgVersion}`, texts: { signs, lengths, fonts } },
    async generate(source, target, onProgress): Promise<Generated> {
      const photographs = {
        train: await openPhotographs(source('cifar10'), 'train'),
        test: await openPhotographs(source('cifar10'), 'test'),
      };
      const digits = { train: openDigits(source('mnist'), 'train'), test: openDigits(source('mnist'), 't10k') };
      const seed = options.seeds.train;
      const questions = planQuestions(options.kinds, options.amounts, options.seeds);
      const words = balanced(signs, options.alignment.words, seed, 'read-qa/alignment/words');
      const aligned = [
        ...words.map((word, i) => ({
          written: { what: 'sign', word, font: random(seed, 'read-qa/alignment/font', i).pick(fonts.train) } as Written,
          prompt: prompts.word,
          answer: word,
        })),
        ...balanced(digitWords, options.alignment.digits, seed, 'read-qa/alignment/digits').map((answer) => ({
          written: { what: 'digits', values: [digitWords.indexOf(answer)] } as Written,
          prompt: prompts.digit,
          answer,
        })),
      ].map((one, i) => ({ key: `alignment-${String(i).padStart(4, '0')}`, ...one }));
      const pictures: { key: string; part: Part; written: Written }[] = [
        ...questions.map(({ id: key, split: part, written }) => ({ key, part, written })),
        ...aligned.map(({ key, written }) => ({ key, part: 'train' as const, written })),
      ];

      // Photographs and digits are dealt without repetition; validation shares the training file, never a photograph or
      // digit.
      // Version 1 dealt its evaluation from the ends of these piles, and words were chosen after its accuracy was seen:
      // evaluation now takes their beginnings, so that it shows nothing that was ever scored.
      const dealt = new Map<string, number[]>();
      const deal = (pile: string, part: Part, of: () => number[]): number => {
        const indices = dealt.get(pile) ?? random(seed, `read-qa/${pile}`).shuffle(of());
        dealt.set(pile, indices);
        const index = part === 'evaluation' ? indices.shift() : indices.pop();
        if (index === undefined) throw new RangeError(`${pile} is used up`);
        return index;
      };
      mkdirSync(join(target, 'media'), { recursive: true });
      const media: MediaFile[] = [];
      for (const [done, { key, part, written }] of pictures.entries()) {
        const from = part === 'evaluation' ? 'test' : 'train';
        const draw = random(options.seeds[part], `read-qa/drawing/${key}`);
        const photograph = deal(`photographs/${from}`, part, () => photographs[from].classes.map((_, index) => index));
        const picture = Uint8Array.from(await photographs[from].enlarged(photograph, options.canvas));
        const origins: Origin[] = [
          { source: 'cifar10', file: `${photographs[from].file}#${photograph}`, licence: source('cifar10').licence },
        ];
        if (written.what === 'sign') {
          drawSign(
            picture,
            options.canvas,
            {
              word: written.word,
              font: join(source('reading-fonts').folder, written.font),
              width: between(draw, options.wordWidth),
            },
            draw,
          );
          origins.push({ source: 'reading-fonts', file: written.font, licence: source('reading-fonts').licence });
        } else {
          const { labels, pixels, file } = digits[from];
          const indices = written.values.map((value) =>
            deal(`digits/${from}/${value}`, part, () =>
              Array.from(labels.keys()).filter((index) => labels[index] === value),
            ),
          );
          drawDigits(
            picture,
            options.canvas,
            indices.map(pixels),
            between(draw, options.digitSize[indices.length as 1 | 2 | 3 | 4]),
            draw,
          );
          origins.push(
            ...indices.map((index): Origin => ({
              source: 'mnist',
              file: `${file}#${index}`,
              licence: source('mnist').licence,
            })),
          );
        }
        const file = `media/${key}.png`;
        writeFileSync(join(target, file), await encodePng(picture, options.canvas));
        media.push({ key, file, origins });
        if (done % 200 === 0 || done === pictures.length - 1) onProgress('drawing ReadQA', done + 1, pictures.length);
      }
      return {
        items: questions.map(({ id, split, slice, kind, answer, choices }): Item => ({
          id,
          split,
          kind,
          slice,
          media: id,
          prompt: prompts[kind],
          answer,
          choices,
        })),
        alignment: aligned.map(({ key, prompt, answer }): AlignmentItem => ({
          kind: 'caption',
          media: key,
          prompt,
          answer,
        })),
        classes: [],
        media,
        skipped: {},
        notes: {
          words: signs.length,
          fonts: Object.fromEntries(Object.entries(fonts).map(([part, files]) => [part, files.length])),
        },
      };
    },
  };
}

/** The set of the default grid. */
export const readQa: SetGenerator = readQaGenerator(defaultOptions);
