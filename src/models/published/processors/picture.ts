/** Picture files as red, green and blue, decoded by sharp. Files are hostile until checked. */
import { userError } from '../../../problems';
import { openSharp } from '../../../sources/sharp';
import type { Picture } from '../../parts/resize';

/** Larger pictures are refused. */
export const pictureLimits = {
  pixels: 2 ** 26,
  formats: ['png', 'jpeg', 'webp', 'gif', 'tiff'] as readonly string[],
} as const;

/**
 * Decodes a picture as the published scripts do (`Image.open(...).convert('RGB')`): the first frame, not turned by its
 * EXIF orientation, colour profile ignored, transparency dropped; a notice tells of the last. Throws UserError for a
 * file that is missing, cut off, too large or no picture.
 */
export async function readPixels(path: string): Promise<{ picture: Picture; notices: string[] }> {
  const sharp = await openSharp();
  try {
    const opened = sharp(path, { limitInputPixels: pictureLimits.pixels, failOn: 'error', ignoreIcc: true });
    const { format, hasAlpha } = await opened.metadata();
    if (!pictureLimits.formats.includes(format ?? '')) throw new Error(`it is ${format ?? 'of no known format'}`);
    const { data, info } = await opened
      .toColourspace('srgb')
      .ensureAlpha()
      .raw({ depth: 'uchar' })
      .toBuffer({ resolveWithObject: true });
    const pixels = info.width * info.height;
    if (info.channels !== 4 || data.length !== 4 * pixels)
      throw new Error(`it decodes to ${info.width} x ${info.height} x ${info.channels}`);
    const colours = new Uint8Array(3 * pixels);
    let seeThrough = 0;
    for (let i = 0; i < pixels; i++) {
      if (data[4 * i + 3] !== 255) seeThrough++;
      colours.set(data.subarray(4 * i, 4 * i + 3), 3 * i);
    }
    const notices =
      hasAlpha && seeThrough > 0
        ? [
            `${path}: ${seeThrough} of ${pixels} pixels are transparent; they show the colour stored beneath, as in the published preprocessing`,
          ]
        : [];
    return { picture: { width: info.width, height: info.height, data: colours }, notices };
  } catch (error) {
    throw userError({
      where: path,
      what: error instanceof Error ? error.message : String(error),
      expected: `a whole ${pictureLimits.formats.join(', ')} picture of at most ${pictureLimits.pixels} pixels`,
    });
  }
}
