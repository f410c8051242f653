/**
 * EmojiIconQA: questions about icons that three packages draw in three styles. Trained on Twemoji and OpenMoji,
 * evaluated on Noto (slice `cross-style`) and on new pictures of trained icons (slice `in-style`). Mirrors the idea of
 * IconQA (Lu et al. 2021); it is not IconQA, and its scores are never set beside that data set's.
 */
import { userError } from '../../../problems';
import { random } from '../../../random';
import { renderer } from '../../../sources/sharp';
import { loadTokenizer } from '../../../models/zoo/backbones';
import type { Generated, SetGenerator } from '../generator';
import { captionItem, type Drawn, questionItem, writePictures } from '../pictureSet';
import { rasterise } from '../svg';
import { type Categories, shownThings, unicodeGroups } from './categories';
import { type Concept, findConcepts } from './concepts';
import { compose, drawLayout, encodePng, type Range } from './picture';
import { type Amounts, numbers, planQuestions, promptsWith } from './questions';
import { openStyles, type Style, trainStyles } from './styles';
import { emojiIconQaTask, emojiIconQa2Task } from './task';
import type { TaskDefinition } from '../../types';

/** Everything that shapes the set; all of it enters the identity. */
interface EmojiIconQaOptions {
  seed: number;
  /** width and height of a picture, pixels */
  canvas: number;
  /** width of a single icon, pixels */
  iconSize: Range;
  /** width of each of several copies, pixels */
  copySize: Range;
  /** least value of each channel of the ground, 0 to 255 */
  darkestGround: number;
  /** items of each kind */
  amounts: Amounts;
  /** alignment pictures for each name and training style */
  alignmentPictures: number;
  /** longest name in the alignment phase, tokens */
  alignmentTokens: number;
}

export const defaultOptions: EmojiIconQaOptions = {
  seed: 1,
  canvas: 128,
  iconSize: { least: 76, most: 124 },
  copySize: { least: 28, most: 40 },
  darkestGround: 205,
  amounts: { train: 720, validation: 80, crossStyle: 134, inStyle: 50 },
  alignmentPictures: 4,
  alignmentTokens: 1,
};

interface Picture {
  key: string;
  concept: Concept;
  style: Style;
  copies: number;
  /** bounds of each copy's width */
  sizes: Range;
}

/** Pictures for naming: every short enough name in both training styles, in an order that mixes them. */
function planAlignment(concepts: readonly Concept[], options: EmojiIconQaOptions): Picture[] {
  const pictures: Picture[] = [];
  for (let round = 0; round < options.alignmentPictures; round++) {
    const icons = concepts
      .filter((concept) => concept.tokens <= options.alignmentTokens)
      .flatMap((concept) => trainStyles.map((style) => ({ concept, style })));
    random(options.seed, 'emoji-icon-qa/alignment', round)
      .shuffle(icons)
      .forEach(({ concept, style }, i) => {
        pictures.push({
          key: `alignment-${round}-${String(i).padStart(4, '0')}`,
          concept,
          style,
          copies: 1,
          sizes: options.iconSize,
        });
      });
  }
  return pictures;
}

/** Throws UserError when the icons are too few for questions of every kind. */
function requireConcepts(concepts: readonly Concept[], { words }: Categories): void {
  const named = concepts.filter((concept) => concept.tokens === 1);
  const empty = words.filter((category) => concepts.every((concept) => concept.category !== category));
  if (named.length < 4 || empty.length > 0) {
    throw userError({
      where: 'emoji-icon-qa',
      what: `${named.length} single-token names, no concept in: ${empty.join(', ') || 'none'}`,
      expected: 'at least 4 names and a concept in each category',
      hint: 'the source packages have changed',
    });
  }
}

/** One picture: copies of an icon on a ground, with the licence of its style. */
async function drawPicture(
  { key, concept, style, copies, sizes }: Picture,
  licence: string,
  options: EmojiIconQaOptions,
): Promise<Drawn> {
  const draw = random(options.seed, `emoji-icon-qa/layout/${key}`);
  const layout = drawLayout(draw, options.canvas, sizes, copies, options.darkestGround);
  const icon = concept.icons[style];
  const raster = await rasterise(icon.svg, layout.size);
  if (typeof raster === 'string')
    throw userError({
      where: `${style} ${icon.file}`,
      what: raster,
      hint: 'this icon passed the first check and cannot be drawn: the generator must skip it',
    });
  const png = await encodePng(compose(layout, raster, options.canvas), options.canvas);
  return { png, origins: [{ source: style, file: icon.file, licence }] };
}

/** What the data card says of the concepts. */
const notesOf = (concepts: readonly Concept[], { words }: Categories): Record<string, unknown> => ({
  concepts: concepts.length,
  singleTokenNames: concepts.filter((concept) => concept.tokens === 1).length,
  namesOfAtMostTwoTokens: concepts.filter((concept) => concept.tokens <= 2).length,
  conceptsByCategory: Object.fromEntries(
    words.map((category) => [category, concepts.filter((concept) => concept.category === category).length]),
  ),
  numbers,
});

/** A version of the set: its name, and what its icons are said to be. */
interface Edition {
  task: TaskDefinition;
  version: string;
  categories: Categories;
}

/** The set of all results until November 2026. */
const first: Edition = { task: emojiIconQaTask, version: '1', categories: unicodeGroups };
/** Its categories mended. */
const second: Edition = { task: emojiIconQa2Task, version: '2', categories: shownThings };

/**
 * The generator with these options. `nameLength` gives the tokens of a name after a space; the product reads them from
 * the backbone's own vocabulary, so that single-token names are single tokens.
 */
export function emojiIconQaGenerator(
  options: EmojiIconQaOptions,
  nameLength: () => Promise<(name: string) => number>,
  { task, version, categories }: Edition = first,
): SetGenerator {
  const prompts = promptsWith(categories.words);
  return {
    task: task.name,
    files: [__filename],
    modality: task.modality,
    version,
    sources: ['twemoji', 'openmoji', 'noto-emoji', 'emoji-names', 'stories15m'],
    options: { ...options, renderer },
    async generate(source, target, onProgress): Promise<Generated> {
      const { concepts, skipped } = await findConcepts(
        source('emoji-names'),
        openStyles(source),
        await nameLength(),
        categories,
      );
      requireConcepts(concepts, categories);
      const questions = planQuestions(concepts, categories.words, options.amounts, options.seed);
      const alignment = planAlignment(concepts, options);
      const pictures: Picture[] = [
        ...questions.map(({ id: key, kind, concept, style, copies }) => ({
          key,
          concept,
          style,
          copies,
          sizes: kind === 'count' ? options.copySize : options.iconSize,
        })),
        ...alignment,
      ];
      const draw = (picture: Picture) => drawPicture(picture, source(picture.style).licence, options);
      return {
        items: questions.map((question) => questionItem(question, prompts)),
        alignment: alignment.map(({ key, concept }) =>
          captionItem({ key, prompt: prompts.name, answer: concept.name }),
        ),
        classes: [],
        media: await writePictures(target, pictures, draw, 'drawing EmojiIconQA', onProgress),
        skipped,
        notes: notesOf(concepts, categories),
      };
    },
  };
}

const tokensOfStories = async (): Promise<(name: string) => number> => {
  const tokenizer = await loadTokenizer('stories15m');
  return (name) => tokenizer.encode(` ${name}`).length;
};

/** The set of the default grid. */
export const emojiIconQa = emojiIconQaGenerator(defaultOptions, tokensOfStories);

/** The same pictures and names with the categories that an eye confirms: for new work. */
export const emojiIconQa2 = emojiIconQaGenerator(defaultOptions, tokensOfStories, second);
