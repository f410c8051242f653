/**
 * PicKnowQA: what is seen and what is known about it: photographs of CIFAR-10 and stamps of Tux Paint, with answers
 * that WordNet confirms and its glosses as rationales. Evaluated on the test photographs (slice `new-photographs`) and
 * on stamps of nouns that training never shows (slice `new-concepts`). Mirrors the idea of A-OKVQA (Schwenk et al.
 * 2022); it is not A-OKVQA, and its scores are never set beside that data set's.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { userError } from '../../../problems';
import { random } from '../../../random';
import type { AlignmentItem, Item } from '../../types';
import { openPhotographs, renderer } from '../cifar10';
import { compose, drawLayout, encodePng, type Range } from '../emojiIconQa/picture';
import type { Generated, MediaFile, SetGenerator } from '../generator';
import { type Amounts, planQuestions, prompts, type Subject } from './questions';
import { categories, drawStamp, findStamps } from './stamps';
import { openNouns } from './wordnet';
import { picKnowQaTask } from './task';

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

/** The generator with these options. */
export function picKnowQaGenerator(options: PicKnowQaOptions): SetGenerator {
  return {
    task: picKnowQaTask.name,
    modality: picKnowQaTask.modality,
    version: '1',
    sources: ['cifar10', 'tuxpaint-stamps-default', 'wordnet'],
    options: { ...options, prompts, renderer },
    async generate(source, target, onProgress): Promise<Generated> {
      const photographs = {
        train: await openPhotographs(source('cifar10'), 'train'),
        test: await openPhotographs(source('cifar10'), 'test'),
      };
      const nouns = openNouns(source('wordnet'));
      const paint = source('tuxpaint-stamps-default');
      const { stamps, skipped } = findStamps(paint, nouns);
      const { questions, alignment } = planQuestions(
        { train: photographs.train.classes, test: photographs.test.classes },
        stamps,
        nouns,
        options,
      );
      const pictures: { key: string; subject: Subject }[] = [
        ...questions.map(({ id, subject }) => ({ key: id, subject })),
        ...alignment,
      ];

      mkdirSync(join(target, 'media'), { recursive: true });
      const media: MediaFile[] = [];
      for (const [done, { key, subject }] of pictures.entries()) {
        const file = `media/${key}.png`;
        if (subject.of === 'photograph') {
          const { file: from, enlarged } = photographs[subject.file];
          writeFileSync(
            join(target, file),
            await encodePng(await enlarged(subject.index, options.canvas), options.canvas),
          );
          media.push({
            key,
            file,
            origins: [{ source: 'cifar10', file: `${from}#${subject.index}`, licence: source('cifar10').licence }],
          });
        } else {
          const layout = drawLayout(
            random(options.seed, `pic-know-qa/layout/${key}`),
            options.canvas,
            options.stampSize,
            1,
            options.darkestGround,
          );
          const raster = await drawStamp(paint, subject.stamp, layout.size);
          if (raster === undefined)
            throw userError({
              where: `${paint.name} ${subject.stamp.file}`,
              what: 'this picture cannot be read',
              hint: 'fetch the source again',
            });
          writeFileSync(join(target, file), await encodePng(compose(layout, raster, options.canvas), options.canvas));
          media.push({
            key,
            file,
            origins: [{ source: paint.name, file: subject.stamp.file, licence: paint.licence }],
          });
        }
        if (done % 200 === 0 || done === pictures.length - 1)
          onProgress('drawing PicKnowQA', done + 1, pictures.length);
      }
      return {
        items: questions.map(({ id, split, slice, kind, answer, choices, rationale }): Item => ({
          id,
          split,
          kind,
          slice,
          media: id,
          prompt: prompts[kind],
          answer,
          choices,
          released: { rationale },
        })),
        alignment: alignment.map(({ key, prompt, answer }): AlignmentItem => ({
          kind: 'caption',
          media: key,
          prompt,
          answer,
        })),
        classes: [],
        media,
        skipped,
        notes: {
          stamps: Object.fromEntries(
            categories.map((name) => [
              name,
              {
                stamps: stamps.filter(({ category }) => category === name).length,
                nouns: new Set(stamps.filter(({ category }) => category === name).map(({ noun }) => noun)).size,
              },
            ]),
          ),
        },
      };
    },
  };
}

/** The set of the default grid. */
export const picKnowQa: SetGenerator = picKnowQaGenerator(defaultOptions);
