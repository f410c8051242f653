/**
 * Media files as the numbers that towers take. Files are checked: what a tower cannot see truly is refused, not bent.
 */
import sharp from 'sharp';
import { readSound } from '../../../data/audio';
import { userError } from '../../../problems';

/**
 * Red, green, blue from 0 to 255, [side, side, 3], of an opaque PNG of exactly side x side pixels. Throws UserError for
 * anything else.
 */
export async function readPicture(path: string, side: number): Promise<Float32Array> {
  let read: { data: Buffer; info: sharp.OutputInfo };
  try {
    // Two megapixels are let through so that a wrong size is named in our words; a decompression bomb is not.
    const picture = sharp(path, { limitInputPixels: 2 ** 21, failOn: 'error' });
    const { format, width, height } = await picture.metadata();
    if (format !== 'png') throw new Error(`it is ${format ?? 'of no known format'}`);
    if (width !== side || height !== side) throw new Error(`it is ${width} x ${height} pixels`);
    read = await picture
      .toColourspace('srgb')
      .ensureAlpha()
      .raw({ depth: 'uchar' })
      .toBuffer({ resolveWithObject: true });
  } catch (error) {
    throw userError({
      where: path,
      what: error instanceof Error ? error.message : String(error),
      expected: `a PNG of ${side} x ${side} pixels`,
    });
  }
  const { data, info } = read;
  if (info.channels !== 4 || data.length !== side * side * 4)
    throw userError({
      where: path,
      what: `it decodes to ${info.width} x ${info.height} x ${info.channels}`,
      expected: `${side} x ${side} pixels in colour`,
    });
  const out = new Float32Array(side * side * 3);
  for (let pixel = 0; pixel < side * side; pixel++) {
    if (data[4 * pixel + 3] !== 255)
      throw userError({
        where: path,
        what: 'it is transparent in places',
        expected: 'an opaque picture: a background must be chosen when the set is made',
      });
    for (let channel = 0; channel < 3; channel++) out[3 * pixel + channel] = data[4 * pixel + channel]!;
  }
  return out;
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
