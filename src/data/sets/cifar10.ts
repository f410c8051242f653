/**
 * Photographs of CIFAR-10 (Krizhevsky 2009) from the source `cifar10`: PNG files of which each row is one photograph of
 * 32 x 32 pixels.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { userError } from '../../problems';
import { openSharp } from '../../sources/sharp';
import type { Source } from './generator';

/** The ten classes in the order of their labels, as one plain English word each. */
export const photographClasses = [
  'airplane',
  'car',
  'bird',
  'cat',
  'deer',
  'dog',
  'frog',
  'horse',
  'ship',
  'truck',
] as const;
export type PhotographClass = (typeof photographClasses)[number];

const side = 32;
const count = 10000;
const files = {
  train: { pixels: 'data_batch_1.png', labels: 'train_lables.json' },
  test: { pixels: 'test_batch.png', labels: 'test_lables.json' },
} as const;

export interface Photographs {
  /** name of the PNG file inside the source */
  file: string;
  classes: PhotographClass[];
  /** Photograph `index` enlarged to width x width pixels, 3 bytes each (red, green, blue), row by row; bicubic. */
  enlarged(index: number, width: number): Promise<Uint8Array>;
}

/**
 * The 10,000 photographs of the test file or of the first training file. Throws UserError when the source is not what
 * it should be.
 */
export async function openPhotographs(source: Source, part: keyof typeof files): Promise<Photographs> {
  const { pixels: file, labels: labelFile } = files[part];
  const bad = (name: string, what: string) =>
    userError({
      where: `${source.name} ${name}`,
      what,
      expected: `${count} photographs of CIFAR-10`,
      hint: 'fetch the source again',
    });
  const sharp = await openSharp();
  const { data, info } = await sharp(join(source.folder, file), { limitInputPixels: side * side * count })
    .removeAlpha()
    .raw()
    .toBuffer({ resolveWithObject: true })
    .catch(() => {
      throw bad(file, 'it is missing or not a PNG');
    });
  if (info.width !== side * side || info.height !== count || info.channels !== 3)
    throw bad(file, `${info.width} x ${info.height} pixels of ${info.channels} channels`);
  let labels: unknown;
  try {
    labels = JSON.parse(readFileSync(join(source.folder, labelFile), 'utf8'));
  } catch {
    throw bad(labelFile, 'it is missing or not JSON');
  }
  if (!Array.isArray(labels) || labels.length < count) throw bad(labelFile, 'it holds no list of labels');
  const classes = labels.slice(0, count).map((label: unknown) => {
    const name = typeof label === 'number' ? photographClasses[label] : undefined;
    if (name === undefined) throw bad(labelFile, `label ${JSON.stringify(label)}`);
    return name;
  });
  return {
    file,
    classes,
    async enlarged(index, width) {
      const photograph = data.subarray(index * side * side * 3, (index + 1) * side * side * 3);
      return sharp(photograph, { raw: { width: side, height: side, channels: 3 } })
        .resize(width, width, { kernel: 'cubic' })
        .raw()
        .toBuffer();
    },
  };
}

/** The photographs of both files. Throws as `openPhotographs`. */
export const openAllPhotographs = async (source: Source): Promise<Record<keyof typeof files, Photographs>> => ({
  train: await openPhotographs(source, 'train'),
  test: await openPhotographs(source, 'test'),
});
