/**
 * ReadQA: reading words on signs and handwritten digits, over photographs. Evaluated in fonts, on words to count and on
 * MNIST's own test digits and CIFAR-10's test photographs, which training never shows. Mirrors the idea of TextVQA
 * (Singh et al. 2019); it is not TextVQA, and its scores are never set beside that data set's.
 */
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { random } from '../../../random';
import { renderer } from '../../../sources/sharp';
import { balanced } from '../balanced';
import { openAllPhotographs, type Photographs } from '../cifar10';
import { encodePng, type Range } from '../emojiIconQa/picture';
import type { Generated, Origin, SetGenerator, Source } from '../generator';
import { captionItem, type Drawn, questionItem, writePictures } from '../pictureSet';
import { drawDigits, drawSign } from './drawing';
import { type Digits, openDigits } from './mnist';
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

/** Deals the indices of a pile without repetition; `of` lists them when the pile is first asked for. */
type Deal = (pile: string, part: Part, of: () => number[]) => number;

/**
 * Photographs and digits are dealt without repetition; validation shares the training file, never a photograph or
 * digit. Version 1 dealt its evaluation from the ends of these piles, and words were chosen after its accuracy was
 * seen: evaluation now takes their beginnings, so that it shows nothing that was ever scored.
 */
function dealer(seed: number): Deal {
  const dealt = new Map<string, number[]>();
  return (pile, part, of) => {
    const indices = dealt.get(pile) ?? random(seed, `read-qa/${pile}`).shuffle(of());
    dealt.set(pile, indices);
    const index = part === 'evaluation' ? indices.shift() : indices.pop();
    if (index === undefined) throw new RangeError(`${pile} is used up`);
    return index;
  };
}

/** Signs and single digits of the alignment phase. */
function planAlignment({ seeds: { train: seed }, alignment }: ReadQaOptions) {
  const words = balanced(signs, alignment.words, seed, 'read-qa/alignment/words');
  return [
    ...words.map((word, i) => ({
      written: { what: 'sign', word, font: random(seed, 'read-qa/alignment/font', i).pick(fonts.train) } as Written,
      prompt: prompts.word,
      answer: word,
    })),
    ...balanced(digitWords, alignment.digits, seed, 'read-qa/alignment/digits').map((answer) => ({
      written: { what: 'digits', values: [digitWords.indexOf(answer)] } as Written,
      prompt: prompts.digit,
      answer,
    })),
  ].map((one, i) => ({ key: `alignment-${String(i).padStart(4, '0')}`, ...one }));
}

interface Picture {
  key: string;
  part: Part;
  written: Written;
}

/** Where the pictures come from. */
interface PictureSources {
  photographs: Readonly<Record<'train' | 'test', Photographs>>;
  digits: Readonly<Record<'train' | 'test', Digits>>;
  cifar10: Source;
  mnist: Source;
  fonts: Source;
}

/** One picture: a sign or a strip of digits over a photograph. */
async function drawPicture(
  { key, part, written }: Picture,
  sources: PictureSources,
  deal: Deal,
  options: ReadQaOptions,
): Promise<Drawn> {
  const { canvas } = options;
  const from = part === 'evaluation' ? 'test' : 'train';
  const draw = random(options.seeds[part], `read-qa/drawing/${key}`);
  const { classes, enlarged, file: photographs } = sources.photographs[from];
  const photograph = deal(`photographs/${from}`, part, () => classes.map((_, index) => index));
  const picture = Uint8Array.from(await enlarged(photograph, canvas));
  const origins: Origin[] = [
    { source: 'cifar10', file: `${photographs}#${photograph}`, licence: sources.cifar10.licence },
  ];
  if (written.what === 'sign') {
    const font = join(sources.fonts.folder, written.font);
    drawSign(picture, canvas, { word: written.word, font, width: between(draw, options.wordWidth) }, draw);
    origins.push({ source: 'reading-fonts', file: written.font, licence: sources.fonts.licence });
  } else {
    const { labels, pixels, file } = sources.digits[from];
    const indices = written.values.map((value) =>
      deal(`digits/${from}/${value}`, part, () => Array.from(labels.keys()).filter((index) => labels[index] === value)),
    );
    const size = between(draw, options.digitSize[indices.length as 1 | 2 | 3 | 4]);
    drawDigits(picture, canvas, indices.map(pixels), size, draw);
    const { licence } = sources.mnist;
    origins.push(...indices.map((index): Origin => ({ source: 'mnist', file: `${file}#${index}`, licence })));
  }
  return { png: await encodePng(picture, canvas), origins };
}

/** The generator with these options. */
export function readQaGenerator(options: ReadQaOptions): SetGenerator {
  return {
    task: readQaTask.name,
    files: [__filename],
    modality: readQaTask.modality,
    version: '2',
    sources: ['cifar10', 'mnist', 'reading-fonts'],
    options: { ...options, prompts, renderer: `${renderer}, resvg ${resvgVersion}`, texts: { signs, lengths, fonts } },
    async generate(source, target, onProgress): Promise<Generated> {
      const [cifar10, mnist] = [source('cifar10'), source('mnist')];
      const sources: PictureSources = {
        photographs: await openAllPhotographs(cifar10),
        digits: { train: openDigits(mnist, 'train'), test: openDigits(mnist, 't10k') },
        cifar10,
        mnist,
        fonts: source('reading-fonts'),
      };
      const questions = planQuestions(options.kinds, options.amounts, options.seeds);
      const alignment = planAlignment(options);
      const pictures: Picture[] = [
        ...questions.map(({ id: key, split: part, written }) => ({ key, part, written })),
        ...alignment.map(({ key, written }) => ({ key, part: 'train' as const, written })),
      ];
      const deal = dealer(options.seeds.train);
      const draw = (picture: Picture) => drawPicture(picture, sources, deal, options);
      return {
        items: questions.map((question) => questionItem(question, prompts)),
        alignment: alignment.map(captionItem),
        classes: [],
        media: await writePictures(target, pictures, draw, 'drawing ReadQA', onProgress),
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
