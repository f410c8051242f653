/**
 * WAV: RIFF chunks of (name, little-endian length, content, padded to even), and RF64, whose 64-bit lengths stand in a
 * chunk of their own.
 */
import { ascii, type Bad, type SoundBody } from './body';

/** Format tags of which each frame has the same number of bytes: PCM, float, A-law, mu-law. */
const plainFormats = [1, 3, 6, 7];

interface Chunks {
  /** first byte of the samples */
  start: number;
  /** bytes of samples, undefined where the header was written before it was known */
  length: number | undefined;
  format: { tag: number; channels: number; frame: number; bits: number; chunk: Uint8Array } | undefined;
}

/**
 * A writer into a pipe does not know how long its sound will be: ffmpeg then states FFFFFFFF, sox 7FFFF000, aplay
 * 7FFFFF00, others 80000000 or 0. No file that is read here has 2 GB, so all from there on mean "not known"; 0 does
 * unless the length of the whole file was known.
 */
function isUnknown(length: number, riff: number, bytes: number): boolean {
  return length >= 0x7fff_0000 || (length === 0 && riff + 8 !== bytes);
}

function chunksOf(bytes: Uint8Array, bad: Bad): Chunks {
  const words = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const riff = words.getUint32(4, true);
  let format: Chunks['format'];
  let long: number | undefined; // of RF64
  for (let at = 12; at + 8 <= bytes.length;) {
    const [name, length] = [ascii(bytes, at, 4), words.getUint32(at + 4, true)];
    if (name === 'data') {
      const start = at + 8;
      if (length === 0xffff_ffff && long !== undefined) return { start, length: long, format };
      return { start, length: isUnknown(length, riff, bytes.length) ? undefined : length, format };
    }
    if (name === 'ds64' && at + 24 <= bytes.length) {
      const stated = words.getBigUint64(at + 16, true);
      if (stated > 0n && stated < 2n ** 53n) long = Number(stated);
    }
    if (name === 'fmt ' && at + 24 <= bytes.length) {
      const tag = words.getUint16(at + 8, true);
      format = {
        tag: tag === 0xfffe && at + 34 <= bytes.length ? words.getUint16(at + 32, true) : tag,
        channels: words.getUint16(at + 10, true),
        frame: words.getUint16(at + 20, true),
        bits: words.getUint16(at + 22, true),
        chunk: bytes.subarray(at, at + 8 + length),
      };
    }
    at += 8 + length + (length % 2);
  }
  throw bad('the sound is cut off before its samples begin', 'a WAV file with a `data` chunk');
}

/** The samples must lie inside the file; a length that means "not known" reaches to its end. */
export function wholeWav(bytes: Uint8Array, bad: Bad): SoundBody {
  const { start, length, format } = chunksOf(bytes, bad);
  const there = bytes.length - start;
  if (length !== undefined && length > there)
    throw bad(
      `the sound is cut off: ${length - there} of its ${length} bytes of samples are missing`,
      'a whole WAV file',
    );
  if (format === undefined) throw bad('the sound does not say what its samples are', 'a `fmt ` chunk before `data`');
  const { tag, channels, frame, bits } = format;
  const plain = plainFormats.includes(tag);
  if (channels === 0 || frame === 0 || (plain && frame !== channels * Math.ceil(bits / 8)))
    throw bad(
      `the header of the sound contradicts itself: ${frame} bytes a frame for ${channels} channels of ${bits} bits`,
      'a whole WAV file',
    );
  const used = length ?? there;
  const samples = Math.floor(used / frame);
  return {
    format: 'wav',
    bytes: plainFile(format.chunk, bytes.subarray(start, start + used)),
    ...(plain ? { samples: { stated: samples, fewer: 0 } } : {}),
  };
}

/**
 * The same sound as RIFF with nothing but what its samples are and the samples: the decoder knows no RF64 and counts no
 * padding of chunks.
 */
function plainFile(format: Uint8Array, samples: Uint8Array): Uint8Array {
  const chunks = [format, Buffer.alloc(format.length % 2), Buffer.from('data\0\0\0\0', 'latin1'), samples];
  const file = Buffer.concat([Buffer.from('RIFF\0\0\0\0WAVE', 'latin1'), ...chunks]);
  file.writeUInt32LE(file.length - 8, 4);
  file.writeUInt32LE(samples.length, file.length - samples.length - 4);
  return file;
}
