/**
 * What a sound file is and whether it is all there, before a decoder sees it: by its content, never by its name. Files
 * are hostile.
 */
import { whatItIs } from '../contentKind';
import { ascii, readableSounds, type Bad, type SoundBody } from './body';
import { wholeFlac } from './flac';
import { wholeMpeg } from './mpeg';
import { wholeOgg } from './ogg';
import { wholeWav } from './wav';

/**
 * The byte after all tags at the beginning, which players pass over before any format: ID3v2 (ID3v2.4, section 3.1: four
 * bytes of seven bits are the length, bit 4 of the flags says that a footer follows) and APE tags with a header (its
 * length counts all but the header), any number of each; some writers leave zeros behind them.
 */
function afterTags(bytes: Uint8Array): number {
  const words = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = 0;
  for (;;) {
    if (ascii(bytes, at, 3) === 'ID3' && at + 10 <= bytes.length) {
      const length = [6, 7, 8, 9].reduce((size, i) => size * 128 + ((bytes[at + i] ?? 0) & 127), 0);
      at += 10 + length + (((bytes[at + 5] ?? 0) & 0x10) === 0 ? 0 : 10);
    } else if (ascii(bytes, at, 8) === 'APETAGEX' && at + 32 <= bytes.length) at += 32 + words.getUint32(at + 12, true);
    else break;
  }
  if (at === 0 || at >= bytes.length) return Math.min(at, bytes.length);
  let padded = at;
  while (bytes[padded] === 0 && padded < bytes.length) padded += 1;
  return ['RIFF', 'RF64', 'BW64', 'fLaC', 'OggS'].includes(ascii(bytes, padded, 4)) ? padded : at;
}

/** What lies behind a sound: ID3v1 (128 bytes, `TAG`), then an APE tag whose footer tells its length. */
function beforeTrailingTags(bytes: Uint8Array): number {
  let end = bytes.length;
  if (end >= 128 && ascii(bytes, end - 128, 3) === 'TAG') end -= 128;
  if (end >= 32 && ascii(bytes, end - 32, 8) === 'APETAGEX') {
    const footer = new DataView(bytes.buffer, bytes.byteOffset + end - 32, 32);
    const header = (footer.getUint32(20, true) & 0x8000_0000) === 0 ? 0 : 32;
    end = Math.max(0, end - footer.getUint32(12, true) - header);
  }
  return end;
}

/**
 * The sound inside a file, with everything that can be said of its wholeness without decoding it; `longest` in seconds.
 * Throws UserError (by `bad`) for what is no sound of a known format, is cut off or damaged, or states more than
 * `longest`.
 */
export function soundBody(bytes: Uint8Array, longest: number, bad: Bad): SoundBody {
  const start = afterTags(bytes);
  const whole = bytes.subarray(start);
  const tagged = start > 0 && start < bytes.length;
  const head = ascii(whole, 0, 4);
  if ((head === 'RIFF' || head === 'RF64' || head === 'BW64') && ascii(whole, 8, 4) === 'WAVE')
    return wholeWav(whole, bad);
  if (head === 'OggS' && ascii(whole, 28, 7) === '\x01vorbis') return wholeOgg(whole, bad);
  const untagged = whole.subarray(0, Math.max(0, beforeTrailingTags(bytes) - start));
  if (head === 'fLaC') return wholeFlac(untagged, longest, bad);
  const mpeg = wholeMpeg(untagged, tagged, longest, bad);
  if (mpeg !== undefined) return mpeg;
  const what = whatItIs(start === bytes.length ? bytes : whole);
  throw bad(`this is ${what}${tagged ? ' behind a tag' : ''}, not a sound that can be read`, readableSounds);
}
