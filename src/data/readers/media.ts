/**
 * Released pictures and sounds, hostile until decoded, in the form that the towers take: an opaque square PNG, or 16
 * kHz mono WAV. Nothing but these few formats reaches a decoder, sizes are known before memory is taken, and nothing is
 * fetched.
 */
import type { TaskManifest } from '../../manifest/taskManifest';
import { userError } from '../../problems';
import { openSharp, type Overlay } from '../../sources/sharp';
import { decodeRecording, encodeWav, soundLimits } from '../audio';
import { rootElement, whatItIs } from '../contentKind';
import { refusal } from '../sets/svg';

/**
 * Bounds on one released picture: bytes of its file, and pixels. Photographs of the published sets have a fiftieth of
 * this.
 */
export const pictureLimits = { bytes: 64 * 2 ** 20, pixels: 2 ** 26 } as const;

/** Longest released recording in seconds: the music of the Song Describer Dataset has about two minutes. */
const longestRecording = 300;

/** Bytes that a medium of this modality may have in its file. */
export function largestFile(modality: TaskManifest['modality']): number {
  return modality === 'image' ? pictureLimits.bytes : soundLimits.bytes;
}

const white = { r: 255, g: 255, b: 255 };

/**
 * The picture on a white square of `side` pixels as PNG without metadata: whole, undistorted, centred, transparent
 * places white. With `choices`, the picture takes the upper part and these stand in a row under it, from left to right.
 * Throws UserError for what is not PNG, JPEG, WebP, GIF or harmless SVG, too large in bytes or pixels, or damaged.
 */
export async function preparePicture(
  bytes: Uint8Array,
  choices: readonly Uint8Array[],
  side: number,
  where: string,
): Promise<Buffer> {
  const sharp = await openSharp();
  const row = choices.length === 0 ? 0 : Math.round(side * 0.3);
  const width = Math.max(1, Math.floor(side / Math.max(1, choices.length)));
  const parts: Overlay[] = [{ input: await fitted(bytes, side, side - row, where), left: 0, top: 0 }];
  for (const [index, choice] of choices.entries()) {
    parts.push({
      input: await fitted(choice, Math.max(1, width - 2), row - 2, `${where}, choice ${index + 1}`),
      left: index * width + 1,
      top: side - row + 1,
    });
  }
  return sharp({ create: { width: side, height: side, channels: 3, background: white } })
    .composite(parts)
    .removeAlpha()
    .png({ compressionLevel: 6, adaptiveFiltering: false, palette: false })
    .toBuffer();
}

async function fitted(bytes: Uint8Array, width: number, height: number, where: string): Promise<Buffer> {
  const bad = (what: string, expected: string) => userError({ where, what, expected });
  if (bytes.length > pictureLimits.bytes)
    throw bad(`this picture has ${bytes.length} bytes`, `at most ${pictureLimits.bytes}`);
  const format = formatOf(bytes);
  if (format === undefined)
    throw bad(`this is ${whatItIs(bytes)}, not a picture that can be read`, 'PNG, JPEG, WebP, GIF or SVG');
  if (format === 'svg') {
    const text = Buffer.from(bytes).toString('utf8');
    const refused = refusal(text) === undefined ? undefined : (svgFault(text) ?? refusal(text));
    if (refused !== undefined)
      throw bad(`this SVG is refused: ${refused}`, 'a drawing without references, scripts, entities or text');
  }
  // The decoder takes a PNG whose rows are there for whole.
  if (
    format === 'png' &&
    Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).lastIndexOf('IEND', undefined, 'latin1') < 0
  )
    throw bad('the picture is cut off: its last chunk is missing', 'a whole PNG file');
  const sharp = await openSharp();
  try {
    const head = await sharp(bytes, { limitInputPixels: false }).metadata();
    if (head.width * head.height > pictureLimits.pixels)
      throw bad(`this picture has ${head.width} x ${head.height} pixels`, `at most ${pictureLimits.pixels} pixels`);
    const drawn = (failOn: 'warning' | 'error') =>
      sharp(bytes, { limitInputPixels: pictureLimits.pixels, failOn })
        .autoOrient()
        .toColourspace('srgb')
        .flatten({ background: white })
        .resize(width, height, { fit: 'contain', background: white })
        .removeAlpha()
        .png({ compressionLevel: 1 })
        .toBuffer();
    return await drawn('warning').catch((complaint: unknown) => {
      if (isHarmless(String(complaint))) return drawn('error');
      throw complaint;
    });
  } catch (error) {
    if (error instanceof Error && error.name === 'UserError') throw error;
    throw bad(`the picture cannot be decoded (${causeOf(error)})`, 'a whole picture');
  }
}

/**
 * Whether a decoder's complaint leaves every pixel as it was written: all but those of libjpeg after which pixels are
 * made up (jerror.h: JWRN_HIT_MARKER, JWRN_HUFF_BAD_CODE, JWRN_MUST_RESYNC, JWRN_JPEG_EOF, JWRN_ARITH_BAD_CODE). Bytes
 * between segments, odd profiles and the like are common in published photographs.
 */
function isHarmless(complaint: string): boolean {
  return !/premature end|bad (?:huffman|arithmetic) code|instead of RST/i.test(complaint);
}

/** What the decoder says, without the line of the encoder behind it, which only got nothing. */
function causeOf(error: unknown): string {
  const lines = (error instanceof Error ? error.message : String(error)).split('\n');
  return lines.find((line) => !line.startsWith('vips2png')) ?? lines[0]!;
}

/** What is wrong with an SVG that is one, but not in the plain form that is let through. */
function svgFault(text: string): string | undefined {
  if (/<!doctype/i.test(text)) return 'it has a document type (<!DOCTYPE ...>), which may refer to other files';
  if (/<[a-z][\w.-]*:svg[\s>]/i.test(text)) return 'its elements have a prefix (<svg:svg>)';
  return /<\/svg>\s*$|\/>\s*$/.test(text) ? undefined : 'its end is missing or other text follows it';
}

type PictureFormat = 'png' | 'jpeg' | 'gif' | 'webp' | 'svg';

/** By the first bytes; names of files say nothing. What may be SVG is judged before a parser sees it. */
function formatOf(bytes: Uint8Array): PictureFormat | undefined {
  const head = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.length, 512)).toString('latin1');
  if (head.startsWith('\x89PNG\r\n\x1a\n')) return 'png';
  if (head.startsWith('\xff\xd8\xff')) return 'jpeg';
  if (/^GIF8[79]a/.test(head)) return 'gif';
  if (/^RIFF[\s\S]{4}WEBP/.test(head)) return 'webp';
  return rootElement(bytes) === 'svg' ? 'svg' : undefined;
}

/** Samples beyond this are no sound but another scale, e.g. 16-bit values written as floats. */
const largestPeak = 4;

/** A recording as it is kept. */
export interface PreparedSound {
  /** 16 kHz mono WAV of 16 bits */
  wav: Uint8Array;
  /** samples beyond [-1, 1], which were clipped */
  clipped: number;
}

/**
 * The first `seconds` of a recording; `rate` is what its file must have, if given.
 * Throws UserError for what cannot be decoded whole, is longer than five minutes, has another rate, or holds values
 * that are no sound.
 */
export async function prepareSound(
  bytes: Uint8Array,
  { seconds, rate }: { seconds: number; rate?: number | undefined },
  where: string,
): Promise<PreparedSound> {
  const sound = await decodeRecording(bytes, where, { keep: seconds, longest: longestRecording });
  const bad = (what: string, expected: string) => userError({ where, what, expected });
  if (rate !== undefined && sound.rate !== rate)
    throw bad(`this sound has ${sound.rate} samples a second`, String(rate));
  if (sound.notNumbers > 0)
    throw bad(`${sound.notNumbers} samples of this sound are no finite numbers`, 'samples from -1 to 1');
  if (sound.peak > largestPeak) throw bad(`the samples of this sound reach ${sound.peak}`, 'samples from -1 to 1');
  return { wav: encodeWav(sound.samples), clipped: sound.beyond };
}
