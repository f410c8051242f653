/**
 * FLAC (RFC 9639): metadata blocks, then frames, each with a checksum of its header (8 bits) and of itself (16 bits).
 */
import type { Bad, SoundBody } from './body';

const crc16Table = Uint16Array.from({ length: 256 }, (_, byte) => {
  let value = byte << 8;
  for (let bit = 0; bit < 8; bit++) value = value & 0x8000 ? (value << 1) ^ 0x8005 : value << 1;
  return value;
});
const crc8Table = Uint8Array.from({ length: 256 }, (_, byte) => {
  let value = byte;
  for (let bit = 0; bit < 8; bit++) value = value & 0x80 ? (value << 1) ^ 0x07 : value << 1;
  return value;
});

/**
 * Samples of each channel in the frame whose header begins at `at`; 0 where no header with its checksum does (section
 * 9.1).
 */
function frameSamples(bytes: Uint8Array, at: number): number {
  if (bytes[at] !== 0xff || ((bytes[at + 1] ?? 0) & 0xfe) !== 0xf8) return 0;
  const [sizes = 0, channels = 0, number = 0] = [bytes[at + 2], bytes[at + 3], bytes[at + 4]];
  const [size, rate] = [sizes >> 4, sizes & 15];
  if (size === 0 || rate === 15 || channels >> 4 > 10 || (channels & 1) === 1) return 0;
  let end = at + 5 + [0x80, 0xe0, 0xf0, 0xf8, 0xfc, 0xfe].filter((bound) => number >= bound).length;
  const stated = end;
  end += size === 6 ? 1 : size === 7 ? 2 : 0;
  end += rate === 12 ? 1 : rate === 13 || rate === 14 ? 2 : 0;
  if (end >= bytes.length) return 0;
  let crc = 0;
  for (let i = at; i < end; i++) crc = crc8Table[crc ^ bytes[i]!]!;
  if (crc !== bytes[end]) return 0;
  if (size === 1) return 192;
  if (size <= 5) return 576 << (size - 2);
  if (size === 6) return bytes[stated]! + 1;
  return size === 7 ? bytes[stated]! * 256 + bytes[stated + 1]! + 1 : 256 << (size - 8);
}

/**
 * Sums the frames from `start` on; a frame ends where its checksum comes out and another begins. `rest` counts bytes
 * after the last whole one.
 */
function countFrames(bytes: Uint8Array, start: number): { samples: number; rest: number } {
  let samples = 0;
  let begin = start;
  let current = frameSamples(bytes, begin);
  let crc = 0;
  for (let at = begin; current > 0 && at < bytes.length; at++) {
    if (at > begin && crc === 0 && bytes[at] === 0xff) {
      const next = frameSamples(bytes, at);
      if (next > 0) {
        samples += current;
        current = next;
        begin = at;
      }
    }
    crc = ((crc << 8) & 0xffff) ^ crc16Table[(crc >> 8) ^ bytes[at]!]!;
  }
  const whole = current > 0 && crc === 0;
  return { samples: samples + (whole ? current : 0), rest: whole ? 0 : bytes.length - begin };
}

/** STREAMINFO may state 0 samples, "not known"; the frames themselves always say how long they are. */
export function wholeFlac(bytes: Uint8Array, longest: number, bad: Bad): SoundBody {
  if (bytes.length < 42) throw bad('the sound is cut off before its samples begin', 'a whole FLAC file');
  const words = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const stated = ((bytes[21] ?? 0) & 15) * 2 ** 32 + words.getUint32(22);
  const rate = words.getUint32(18) >>> 12;
  if (stated > longest * rate)
    throw bad(`the sound states a length of ${stated} samples at ${rate} a second`, `at most ${longest} seconds`);
  let start = 4;
  for (let last = false; !last && start + 4 <= bytes.length;) {
    last = (bytes[start]! & 128) !== 0;
    start += 4 + (words.getUint32(start) & 0xff_ffff);
  }
  const { samples, rest } = start < bytes.length ? countFrames(bytes, start) : { samples: 0, rest: 0 };
  if (stated > samples)
    throw bad(
      `the sound is cut off or damaged: ${samples} of its ${stated} samples are there whole`,
      'a whole FLAC file',
    );
  if (rest > 0)
    throw bad(`the sound is cut off or damaged: its last ${rest} bytes are no whole frame`, 'a whole FLAC file');
  if (stated !== 0 && samples !== stated)
    throw bad(`the sound has ${samples} samples but states ${stated}`, 'a whole FLAC file');
  if (samples > longest * rate) throw bad(`the sound is longer than ${longest} seconds`, 'a shorter one');
  return { format: 'flac', bytes, samples: { stated: samples, fewer: 0 } };
}
