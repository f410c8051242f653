/**
 * Sounds as 16 kHz mono samples. Decoding is done by the library audio-decode (WAV, MP3, FLAC, Ogg Vorbis); here are
 * what it lacks: bounds on size and duration, a refusal of cut-off files, mono, and resampling. Files are hostile until checked.
 */
import { closeSync, fstatSync, openSync, readFileSync } from 'node:fs';
import { userError } from '../problems';
import { resample } from './resample';

/** Every sound of the product has this many samples a second: what the audio encoders expect. */
export const sampleRate = 16000;

/** Larger files and longer sounds are refused. */
export const soundLimits = {
  bytes: 32 * 2 ** 20,
  seconds: 120,
  channels: 8,
  rate: { least: 4000, most: 192000 },
} as const;

type Format = 'wav' | 'mp3' | 'flac' | 'oga';
type Bad = (what: string, expected?: string, hint?: string) => Error;

/**
 * Compressed silence expands a thousandfold, so the decoder is fed little at a time and stopped at the limit. FLAC is
 * fed whole: fed in parts, the library loses the last frame; its stated length is checked before instead.
 */
const chunkBytes = 4096;

/**
 * The sound of a file as mono samples at 16 kHz, nominally within [-1, 1].
 * Throws UserError for a file that is missing, too large, too long, cut off, silent of samples, or of another format.
 */
export async function readSound(path: string): Promise<Float32Array> {
  let file: number;
  try {
    file = openSync(path, 'r');
  } catch {
    throw userError({
      where: path,
      what: 'this sound cannot be opened',
      hint: 'delete the cached folder that it belongs to; it is made again on the next use',
    });
  }
  try {
    const { size } = fstatSync(file);
    if (size > soundLimits.bytes)
      throw userError({
        where: path,
        what: `this sound file has ${size} bytes`,
        expected: `at most ${soundLimits.bytes}`,
      });
    return await decodeSound(readFileSync(file), path);
  } finally {
    closeSync(file);
  }
}

/** As readSound, for bytes in memory; `where` names them in messages. Only the first `keep` seconds are resampled and returned. */
export async function decodeSound(
  bytes: Uint8Array,
  where: string,
  keep: number = soundLimits.seconds,
): Promise<Float32Array> {
  return (await decodeRecording(bytes, where, { keep })).samples;
}

/** A decoded sound with what it was like before it became 16 kHz mono. */
export interface Recording {
  /** mono, 16 kHz */
  samples: Float32Array;
  /** samples a second in the file */
  rate: number;
  channels: number;
  /** samples that were no finite numbers, which float WAV may hold; they are 0 in `samples` */
  notNumbers: number;
  /** largest magnitude in the file; nominally at most 1 */
  peak: number;
}

/** As decodeSound, with the facts of the file. `longest` replaces the bound on the duration, in seconds. */
export async function decodeRecording(
  bytes: Uint8Array,
  where: string,
  { keep = soundLimits.seconds, longest = soundLimits.seconds }: { keep?: number; longest?: number } = {},
): Promise<Recording> {
  const bad: Bad = (what, expected, hint) =>
    userError({
      where,
      what,
      ...(expected === undefined ? {} : { expected }),
      ...(hint === undefined ? {} : { hint }),
    });
  if (bytes.length > soundLimits.bytes)
    throw bad(`this sound has ${bytes.length} bytes`, `at most ${soundLimits.bytes}`);
  const format = formatOf(bytes);
  if (format === undefined) throw bad('not a sound that can be read', 'WAV, MP3, FLAC or Ogg Vorbis');
  if (format === 'wav') requireWholeWav(bytes, bad);
  if (format === 'oga') requireWholeOgg(bytes, bad);
  if (format === 'mp3') requireWholeMp3(bytes, bad);
  if (format === 'flac') requireBoundedFlac(bytes, longest, bad);
  const { channels, rate } = await decodeChannels(bytes, format, longest, bad);
  const length = channels[0]?.length ?? 0;
  if (format === 'flac' && length < flacSamples(bytes))
    throw bad(
      `the sound is cut off: ${length} of its ${flacSamples(bytes)} samples could be decoded`,
      'a whole FLAC file',
    );
  let notNumbers = 0;
  let peak = 0;
  for (const channel of channels) {
    for (const sample of channel) {
      if (!Number.isFinite(sample)) notNumbers += 1;
      else if (Math.abs(sample) > peak) peak = Math.abs(sample);
    }
  }
  const samples = resample(
    mono(channels.map((channel) => channel.subarray(0, Math.ceil(keep * rate)))),
    rate,
    sampleRate,
  );
  return { samples, rate, channels: channels.length, notNumbers, peak };
}

function ascii(bytes: Uint8Array, at: number, length: number): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1', at, at + length);
}

function view(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function formatOf(bytes: Uint8Array): Format | undefined {
  if (ascii(bytes, 0, 4) === 'RIFF' && ascii(bytes, 8, 4) === 'WAVE') return 'wav';
  if (ascii(bytes, 0, 4) === 'fLaC') return 'flac';
  if (ascii(bytes, 0, 4) === 'OggS' && ascii(bytes, 28, 7) === '\x01vorbis') return 'oga';
  const frame = bytes[0] === 0xff && ((bytes[1] ?? 0) & 0xe0) === 0xe0 && ((bytes[1] ?? 0) & 0x06) !== 0;
  return ascii(bytes, 0, 3) === 'ID3' || frame ? 'mp3' : undefined;
}

/** RIFF: chunks of (name, little-endian length, content, padded to even); the `data` chunk must lie inside the file. */
function requireWholeWav(bytes: Uint8Array, bad: Bad): void {
  const words = view(bytes);
  for (let at = 12; at + 8 <= bytes.length;) {
    const length = words.getUint32(at + 4, true);
    if (ascii(bytes, at, 4) === 'data') {
      const missing = at + 8 + length - bytes.length;
      if (missing > 0)
        throw bad(`the sound is cut off: ${missing} of its ${length} bytes of samples are missing`, 'a whole WAV file');
      return;
    }
    at += 8 + length + (length % 2);
  }
  throw bad('the sound is cut off before its samples begin', 'a WAV file with a `data` chunk');
}

/** Ogg (RFC 3533): the last page must be whole and carry the end-of-stream flag. */
function requireWholeOgg(bytes: Uint8Array, bad: Bad): void {
  const last = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).lastIndexOf('OggS');
  const segments = bytes[last + 26] ?? 0;
  let end = last + 27 + segments;
  for (let i = 0; i < segments; i++) end += bytes[last + 27 + i] ?? 255;
  if (end > bytes.length || ((bytes[last + 5] ?? 0) & 4) === 0)
    throw bad('the sound is cut off: its last page is missing', 'a whole Ogg file');
}

/** Bits a second / 1000 of an MPEG audio frame of layer III by its index, for MPEG 1 and for MPEG 2 and 2.5 (ISO 11172-3, 13818-3). */
const mp3Bitrates = [
  [0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320],
  [0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160],
];
const mp3Rates = [44100, 48000, 32000];

/** Length in bytes of the layer III frame that begins at `at`, 0 where none does. */
function mp3Frame(bytes: Uint8Array, at: number): number {
  const [a = 0, b = 0, c = 0] = bytes.subarray(at, at + 3);
  const version = (b >> 3) & 3; // 3: MPEG 1, 2: MPEG 2, 0: MPEG 2.5
  if (a !== 0xff || (b & 0xe6) !== 0xe2 || version === 1) return 0;
  const bitrate = mp3Bitrates[version === 3 ? 0 : 1]![c >> 4];
  const rate = mp3Rates[(c >> 2) & 3];
  if (bitrate === undefined || bitrate === 0 || rate === undefined) return 0;
  return (
    Math.floor(((version === 3 ? 144_000 : 72_000) * bitrate) / (rate / (version === 3 ? 1 : version === 2 ? 2 : 4))) +
    ((c >> 1) & 1)
  );
}

/** MP3 has no length of its own: the last frame must lie inside the file, and there must be as many as a Xing header counts. */
function requireWholeMp3(bytes: Uint8Array, bad: Bad): void {
  const tag =
    ascii(bytes, 0, 3) === 'ID3' ? 10 + [6, 7, 8, 9].reduce((size, at) => size * 128 + ((bytes[at] ?? 0) & 127), 0) : 0;
  const limit = Math.min(bytes.length, tag + 65_536);
  let at = tag;
  while (
    at < limit &&
    (mp3Frame(bytes, at) === 0 ||
      (mp3Frame(bytes, at + mp3Frame(bytes, at)) === 0 && at + mp3Frame(bytes, at) < bytes.length))
  )
    at += 1;
  if (at >= limit) return; // another layer, or nothing: the decoder has its say
  const first = Buffer.from(bytes.buffer, bytes.byteOffset + at, Math.min(mp3Frame(bytes, at), bytes.length - at));
  const xing = Math.max(first.subarray(0, 60).indexOf('Xing'), first.subarray(0, 60).indexOf('Info'));
  const counted =
    xing >= 0 && first.length >= xing + 12 && (first.readUInt32BE(xing + 4) & 1) === 1
      ? first.readUInt32BE(xing + 8)
      : 0;
  let frames = 0;
  for (let length = mp3Frame(bytes, at); length > 0 && at < bytes.length; length = mp3Frame(bytes, at)) {
    if (at + length > bytes.length)
      throw bad(
        `the sound is cut off: ${at + length - bytes.length} bytes of its last frame are missing`,
        'a whole MP3 file',
      );
    at += length;
    frames += 1;
  }
  if (frames < counted) throw bad(`the sound is cut off: it has ${frames} of ${counted} frames`, 'a whole MP3 file');
}

/** FLAC (RFC 9639): the samples of each channel, in 36 bits from byte 21 on, as STREAMINFO states them. */
function flacSamples(bytes: Uint8Array): number {
  return ((bytes[21] ?? 0) & 15) * 2 ** 32 + view(bytes).getUint32(22);
}

function requireBoundedFlac(bytes: Uint8Array, longest: number, bad: Bad): void {
  if (bytes.length < 42) throw bad('the sound is cut off before its samples begin', 'a whole FLAC file');
  const stated = flacSamples(bytes);
  const rate = view(bytes).getUint32(18) >>> 12;
  if (stated === 0 || stated > longest * rate)
    throw bad(`the sound states a length of ${stated} samples at ${rate} a second`, `at most ${longest} seconds`);
}

async function decodeChannels(
  bytes: Uint8Array,
  format: Format,
  longest: number,
  bad: Bad,
): Promise<{ channels: Float32Array[]; rate: number }> {
  const { default: decode } = await import('audio-decode');
  const parts: Float32Array[][] = [];
  let rate = 0;
  let length = 0;
  const take = (part: { channelData: Float32Array[]; sampleRate: number }) => {
    const added = part.channelData[0]?.length ?? 0;
    if (added === 0) return;
    rate ||= part.sampleRate;
    length += added;
    if (part.sampleRate !== rate || part.channelData.length !== (parts[0]?.length ?? part.channelData.length))
      throw bad('the sound changes its sampling rate or its channels on the way');
    if (part.channelData.length > soundLimits.channels)
      throw bad(`the sound has ${part.channelData.length} channels`, `at most ${soundLimits.channels}`);
    if (!(rate >= soundLimits.rate.least && rate <= soundLimits.rate.most))
      throw bad(`the sound has ${rate} samples a second`, `${soundLimits.rate.least} to ${soundLimits.rate.most}`);
    if (length > longest * rate) throw bad(`the sound is longer than ${longest} seconds`, 'a shorter one');
    parts.push(part.channelData);
  };
  const decoder = await decode[format]();
  try {
    const step = format === 'flac' ? bytes.length : chunkBytes;
    for (let at = 0; at < bytes.length; at += step) take(await decoder(Uint8Array.from(bytes.subarray(at, at + step)))); // copies: decoders assume even offsets
    take(await decoder.flush());
  } catch (error) {
    if (error instanceof Error && error.name === 'UserError') throw error;
    throw bad(
      `the sound cannot be decoded (${error instanceof Error ? error.message : String(error)})`,
      'WAV, MP3, FLAC or Ogg Vorbis',
    );
  } finally {
    decoder.free();
  }
  if (length === 0) throw bad('the sound has no samples');
  return {
    channels: parts[0]!.map((_, channel) =>
      joined(
        parts.map((part) => part[channel]!),
        length,
      ),
    ),
    rate,
  };
}

function joined(parts: Float32Array[], length: number): Float32Array {
  const whole = new Float32Array(length);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** The mean of the channels; samples that are not numbers, which float WAV may hold, become 0. */
function mono(channels: Float32Array[]): Float32Array {
  const out = new Float32Array(channels[0]?.length ?? 0);
  for (let i = 0; i < out.length; i++) {
    let sum = 0;
    for (const channel of channels) sum += channel[i] ?? 0;
    const mean = sum / channels.length;
    out[i] = Number.isFinite(mean) ? mean : 0;
  }
  return out;
}

/** A 16-bit mono PCM WAV file of 16 kHz samples; values beyond [-1, 1] are clipped. */
export function encodeWav(samples: Float32Array): Uint8Array {
  const bytes = Buffer.alloc(44 + 2 * samples.length);
  bytes.write('RIFF', 0, 'latin1');
  bytes.writeUInt32LE(bytes.length - 8, 4);
  bytes.write('WAVEfmt ', 8, 'latin1');
  bytes.writeUInt32LE(16, 16);
  bytes.writeUInt16LE(1, 20); // PCM
  bytes.writeUInt16LE(1, 22); // channels
  bytes.writeUInt32LE(sampleRate, 24);
  bytes.writeUInt32LE(2 * sampleRate, 28); // bytes a second
  bytes.writeUInt16LE(2, 32); // bytes a frame
  bytes.writeUInt16LE(16, 34); // bits a sample
  bytes.write('data', 36, 'latin1');
  bytes.writeUInt32LE(2 * samples.length, 40);
  for (let i = 0; i < samples.length; i++)
    bytes.writeInt16LE(Math.round(Math.max(-1, Math.min(1, samples[i] ?? 0)) * 32767), 44 + 2 * i);
  return bytes;
}
