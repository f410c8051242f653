/**
 * MPEG audio (ISO 11172-3, 13818-3): a chain of frames whose headers say how long they are; the file has no length of
 * its own.
 */
import type { Bad, SoundBody } from './body';

/**
 * Bits a second / 1000 of a frame by its index: MPEG 1 layers I, II, III, then MPEG 2 and 2.5 layer I, layers II and
 * III.
 */
const bitrates = {
  one: {
    1: [0, 32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448],
    2: [0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384],
    3: [0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320],
  },
  two: {
    1: [0, 32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256],
    2: [0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160],
    3: [0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160],
  },
} as const;
const rates = [44_100, 48_000, 32_000];

interface Frame {
  /** bytes */
  length: number;
  samples: number;
  rate: number;
  channels: number;
}

/** The frame whose header begins at `at`; undefined where none does (a header may occur in other data by chance). */
function frameAt(bytes: Uint8Array, at: number): Frame | undefined {
  const [a, b = 0, c = 0, d = 0] = bytes.subarray(at, at + 4);
  const version = (b >> 3) & 3; // 3: MPEG 1, 2: MPEG 2, 0: MPEG 2.5
  const bits = (b >> 1) & 3;
  if (a !== 0xff || (b & 0xe0) !== 0xe0 || version === 1 || bits === 0) return undefined;
  const layer = (4 - bits) as 1 | 2 | 3;
  const bitrate = bitrates[version === 3 ? 'one' : 'two'][layer][c >> 4] ?? 0;
  const base = rates[(c >> 2) & 3];
  if (bitrate === 0 || base === undefined) return undefined;
  const rate = base / (version === 3 ? 1 : version === 2 ? 2 : 4);
  const samples = layer === 1 ? 384 : layer === 2 || version === 3 ? 1152 : 576;
  const padding = (c >> 1) & 1;
  const length =
    layer === 1
      ? 4 * (Math.floor((12_000 * bitrate) / rate) + padding)
      : Math.floor(((samples / 8) * 1000 * bitrate) / rate) + padding;
  return { length, samples, rate, channels: d >> 6 === 3 ? 1 : 2 };
}

/** Whether a frame begins here and another, of the same rate, right behind it, or the file ends there. */
function chainAt(bytes: Uint8Array, at: number): Frame | undefined {
  const frame = frameAt(bytes, at);
  if (frame === undefined) return undefined;
  const next = at + frame.length;
  return next >= bytes.length || frameAt(bytes, next)?.rate === frame.rate ? frame : undefined;
}

/** A first frame may hold, instead of sound, how many follow it. */
function countedFrames(bytes: Uint8Array, at: number, { length }: Frame): number | undefined {
  const first = Buffer.from(bytes.buffer, bytes.byteOffset + at, Math.min(length, bytes.length - at));
  const tag = Math.max(first.subarray(0, 60).indexOf('Xing'), first.subarray(0, 60).indexOf('Info'));
  if (tag < 0 || first.length < tag + 12 || (first.readUInt32BE(tag + 4) & 1) === 0) return undefined;
  return first.readUInt32BE(tag + 8);
}

/**
 * Frames that a decoder may leave out at the ends: the one that counts, and the padding of the encoder (12 bits at each
 * end).
 */
const trimmed = { frames: 2, samples: 2 * 4096 };

/**
 * The chain of frames, from the first to the last: the last must lie inside the file, and there must be as many as a
 * first frame counts. Undefined when there is no chain within the first 64 KB (at the very beginning, unless a tag came
 * before).
 */
export function wholeMpeg(bytes: Uint8Array, tagged: boolean, longest: number, bad: Bad): SoundBody | undefined {
  const limit = Math.min(bytes.length, tagged || frameAt(bytes, 0) !== undefined ? 65_536 : 1);
  let start = 0;
  while (start < limit && chainAt(bytes, start) === undefined) start += 1;
  const first = start < limit ? chainAt(bytes, start) : undefined;
  if (first === undefined) return undefined;
  const counted = countedFrames(bytes, start, first);
  let [at, frames, samples] = [start, 0, 0];
  for (let frame = frameAt(bytes, at); frame !== undefined; frame = frameAt(bytes, at)) {
    if (at + frame.length > bytes.length)
      throw bad(
        `the sound is cut off: ${at + frame.length - bytes.length} bytes of its last frame are missing`,
        'a whole MP3 file',
      );
    at += frame.length;
    frames += 1;
    samples += frame.samples;
  }
  if (frames < (counted ?? 0))
    throw bad(`the sound is cut off: it has ${frames} of ${counted} frames`, 'a whole MP3 file');
  for (let after = at + 1; after + 4 < bytes.length && after < at + 65_536; after++) {
    const again = chainAt(bytes, after);
    if (again !== undefined && after + again.length < bytes.length && again.rate === first.rate)
      throw bad(
        `the sound is damaged: ${after - at} bytes at ${at} are no frame, and more frames follow`,
        'a whole MP3 file',
      );
  }
  if (samples > longest * first.rate) throw bad(`the sound is longer than ${longest} seconds`, 'a shorter one');
  return {
    format: 'mp3',
    bytes: bytes.subarray(start, at),
    samples: { stated: samples, fewer: trimmed.frames * first.samples + trimmed.samples },
    channels: first.channels,
  };
}
