/**
 * PicKnowQA: what is seen and what is known about it: photographs of CIFAR-10 and stamps of Tux Paint, with answers
 * that WordNet confirms and its glosses as rationales. Evaluated on the test photographs (slice `new-photographs`) and
 * on stamps of nouns that training never shows (slice `new-concepts`). Mirrors the idea of A-OKVQA (Schwenk et al.
 * 2022); it is not A-OKVQA, and its scores are never set beside that data set's.
 */
import { userError } from '../../../problems';
import { random } from '../../../random';
import { openAllPhotographs, type Photographs } from '../cifar10';
import { compose, drawLayout, encodePng, type Range } from '../emojiIconQa/picture';
import type { Generated, SetGenerator, Source } from '../generator';
import { captionItem, type Drawn, questionItem, writePictures } from '../pictureSet';
import { type Amounts, planQuestions, prompts, type Subject } from './questions';
import { asFolders, asShown, categories, drawStamp, findStamps, type Stamp, type Wording } from './stamps';
import type { TaskDefinition } from '../../types';
import { openNouns } from '../../../text/wordnet';
import { renderer } from '../../../sources/sharp';
import { picKnowQa2Task, picKnowQaTask } from './task';

/** Everything that shapes the set; all of it enters the identity. */
interface PicKnowQaOptions {
  seed: number;
  /** width and height of a picture, pixels */
  canvas: number;
  /** width of the square that a stamp fits into, pixels */
  stampSize: Range;
  /** least value of each channel of the ground under a stamp, 0 to 255 */
  darkestGround: number;
  /** items of each kind */
  amounts: Amounts;
  /** shares of the nouns of each category */
  shares: { validation: number; evaluation: number };
  /** pictures of the alignment phase */
  alignment: { photographs: number; stamps: number };
}

export const defaultOptions: PicKnowQaOptions = {
  seed: 1,
  canvas: 128,
  stampSize: { least: 84, most: 124 },
  darkestGround: 205,
  amounts: { train: 800, validation: 80, evaluation: 140 },
  shares: { validation: 0.12, evaluation: 0.3 },
  alignment: { photographs: 600, stamps: 240 },
};

/** Where the pictures come from. */
interface PictureSources {
  photographs: Readonly<Record<'train' | 'test', Photographs>>;
  cifar10: Source;
  stamps: Source;
}

/** One picture: a photograph enlarged, or a stamp on a ground. */
async function drawPicture(
  { key, subject }: { key: string; subject: Subject },
  from: PictureSources,
  options: PicKnowQaOptions,
): Promise<Drawn> {
  const { canvas } = options;
  if (subject.of === 'photograph') {
    const { file, enlarged } = from.photographs[subject.file];
    const png = await encodePng(await enlarged(subject.index, canvas), canvas);
    return { png, origins: [{ source: 'cifar10', file: `${file}#${subject.index}`, licence: from.cifar10.licence }] };
  }
  const draw = random(options.seed, `pic-know-qa/layout/${key}`);
  const layout = drawLayout(draw, canvas, options.stampSize, 1, options.darkestGround);
  const { file } = subject.stamp;
  const raster = await drawStamp(from.stamps, subject.stamp, layout.size);
  if (raster === undefined)
    throw userError({
      where: `${from.stamps.name} ${file}`,
      what: 'this picture cannot be read',
      hint: 'fetch the source again',
    });
  const png = await encodePng(compose(layout, raster, canvas), canvas);
  return { png, origins: [{ source: from.stamps.name, file, licence: from.stamps.licence }] };
}

/** Stamps and nouns of each category, for the data card. */
const stampNotes = (stamps: readonly Stamp[], { word }: Wording): Record<string, unknown> =>
  Object.fromEntries(
    categories.map((name) => {
      const inCategory = stamps.filter(({ category }) => category === name);
      return [word(name), { stamps: inCategory.length, nouns: new Set(inCategory.map(({ noun }) => noun)).size }];
    }),
  );

/** A version of the set: its name, and what its stamps are said to be. */
interface Edition {
  task: TaskDefinition;
  version: string;
  wording: Wording;
}

/** The set of all results until November 2026. */
const first: Edition = { task: picKnowQaTask, version: '1', wording: asFolders };
/** Its categories mended. */
export const second: Edition = { task: picKnowQa2Task, version: '2', wording: asShown };

/** The generator with these options. */
export function picKnowQaGenerator(
  options: PicKnowQaOptions,
  { task, version, wording }: Edition = first,
): SetGenerator {
  return {
    task: task.name,
    files: [__filename],
    modality: task.modality,
    version,
    sources: ['cifar10', 'tuxpaint-stamps-default', 'wordnet'],
    options: { ...options, prompts, renderer },
    async generate(source, target, onProgress): Promise<Generated> {
      const photographs = await openAllPhotographs(source('cifar10'));
      const nouns = openNouns(source('wordnet'));
      const paint = source('tuxpaint-stamps-default');
      const { stamps, skipped } = findStamps(paint, nouns, wording);
      const { questions, alignment } = planQuestions(
        { train: photographs.train.classes, test: photographs.test.classes },
        stamps,
        nouns,
        options,
        wording,
      );
      const pictures = [...questions.map(({ id: key, subject }) => ({ key, subject })), ...alignment];
      const from = { photographs, cifar10: source('cifar10'), stamps: paint };
      return {
        items: questions.map((question) => ({
          ...questionItem(question, prompts),
          released: { rationale: question.rationale },
        })),
        alignment: alignment.map(captionItem),
        classes: [],
        media: await writePictures(
          target,
          pictures,
          (picture) => drawPicture(picture, from, options),
          'drawing PicKnowQA',
          onProgress,
        ),
        skipped,
        notes: { stamps: stampNotes(stamps, wording) },
      };
    },
  };
}

/** The set of the default grid. */
export const picKnowQa: SetGenerator = picKnowQaGenerator(defaultOptions);

/** The same questions with categories that an eye confirms: for new work. */
export const picKnowQa2: SetGenerator = picKnowQaGenerator(defaultOptions, second);
