/**
 * Media files as the numbers that towers take. Files are checked: what a tower cannot see truly is refused, not bent.
 */
import { readSound } from '../../../data/audio';
import { userError } from '../../../problems';
import { openSharp, type PictureFacts } from '../../../sources/sharp';
import { resize, type Picture } from '../../parts/resize';

/**
 * Red, green, blue from 0 to 255, [side, side, 3], of an opaque PNG of exactly side x side pixels. Throws UserError for
 * anything else.
 */
export async function readPicture(path: string, side: number): Promise<Float32Array> {
  const { data } = await readPng(
    path,
    `a PNG of ${side} x ${side} pixels`,
    (width, height) => width === side && height === side,
  );
  return Float32Array.from(data);
}

/**
 * The same of an opaque square PNG of any size, made side x side by Pillow's bicubic filter. Throws UserError for
 * anything else.
 */
export async function readSquare(path: string, side: number): Promise<Float32Array> {
  const picture = await readPng(path, 'a square PNG', (width, height) => width === height);
  return Float32Array.from(resize(picture, side, side, 'bicubic').data);
}

/** An opaque PNG whose sides `fits` accepts. Throws UserError for anything else; `expected` is what it should be. */
async function readPng(
  path: string,
  expected: string,
  fits: (width: number, height: number) => boolean,
): Promise<Picture> {
  const sharp = await openSharp();
  let read: { data: Buffer; info: PictureFacts };
  try {
    // Two megapixels are let through so that a wrong size is named in our words; a decompression bomb is not.
    const picture = sharp(path, { limitInputPixels: 2 ** 21, failOn: 'error' });
    const { format, width, height } = await picture.metadata();
    if (format !== 'png') throw new Error(`it is ${format ?? 'of no known format'}`);
    if (!fits(width, height)) throw new Error(`it is ${width} x ${height} pixels`);
    read = await picture
      .toColourspace('srgb')
      .ensureAlpha()
      .raw({ depth: 'uchar' })
      .toBuffer({ resolveWithObject: true });
  } catch (error) {
    throw userError({ where: path, what: error instanceof Error ? error.message : String(error), expected });
  }
  const { data, info } = read;
  const { width, height, channels } = info;
  if (channels !== 4 || !fits(width, height) || data.length !== width * height * 4)
    throw userError({ where: path, what: `it decodes to ${width} x ${height} x ${channels}`, expected });
  const colours = new Uint8Array(width * height * 3);
  for (let pixel = 0; pixel < width * height; pixel++) {
    if (data[4 * pixel + 3] !== 255)
      throw userError({
        where: path,
        what: 'it is transparent in places',
        expected: 'an opaque picture: a background must be chosen when the set is made',
      });
    colours.set(data.subarray(4 * pixel, 4 * pixel + 3), 3 * pixel);
  }
  return { width, height, data: colours };
}

/**
 * The first `samples` samples at 16 kHz of a sound, with silence after a shorter one. Throws UserError as readSound, or
 * when a sample is not finite.
 */
export async function readSoundOf(path: string, samples: number): Promise<Float32Array> {
  const sound = await readSound(path);
  for (const sample of sound)
    if (!Number.isFinite(sample)) throw userError({ where: path, what: 'a sample is not a finite number' });
  const out = new Float32Array(samples);
  out.set(sound.subarray(0, samples));
  return out;
}
