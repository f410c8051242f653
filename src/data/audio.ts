/**
 * Sounds as 16 kHz mono samples. What a file is and whether it is whole is decided in sound/, by its content; libraries
 * decode it (WAV, MP3, FLAC, Ogg Vorbis); here are bounds on size and duration, mono, and resampling. Files are hostile
 * until checked.
 */
import { closeSync, fstatSync, openSync, readFileSync } from 'node:fs';
import { userError } from '../problems';
import { resample } from './resample';
import { badSound } from './sound/body';
import { soundBody } from './sound/container';
import { decodeBody } from './sound/decode';

/** Every sound of the product has this many samples a second: what the audio encoders expect. */
export const sampleRate = 16000;

/** Larger files and longer sounds are refused. */
export const soundLimits = {
  bytes: 32 * 2 ** 20,
  seconds: 120,
  channels: 8,
  rate: { least: 4000, most: 192000 },
} as const;

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

/**
 * As readSound, for bytes in memory; `where` names them in messages. Only the first `keep` seconds are resampled and
 * returned.
 */
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
  /** kept samples of all channels beyond [-1, 1]; written as 16 bits they are clipped */
  beyond: number;
}

/** As decodeSound, with the facts of the file. `longest` replaces the bound on the duration, in seconds. */
export async function decodeRecording(
  bytes: Uint8Array,
  where: string,
  { keep = soundLimits.seconds, longest = soundLimits.seconds }: { keep?: number; longest?: number } = {},
): Promise<Recording> {
  const bad = badSound(where);
  if (bytes.length > soundLimits.bytes)
    throw bad(`this sound has ${bytes.length} bytes`, `at most ${soundLimits.bytes}`);
  const { channels, rate } = await decodeBody(soundBody(bytes, longest, bad), { ...soundLimits, longest }, bad);
  const kept = channels.map((channel) => channel.subarray(0, Math.ceil(keep * rate)));
  return {
    samples: resample(mono(kept), rate, sampleRate),
    rate,
    channels: channels.length,
    ...factsOf(channels, kept),
  };
}

function factsOf(
  channels: readonly Float32Array[],
  kept: readonly Float32Array[],
): Pick<Recording, 'notNumbers' | 'peak' | 'beyond'> {
  let [notNumbers, peak, beyond] = [0, 0, 0];
  for (const channel of channels) {
    for (const sample of channel) {
      if (!Number.isFinite(sample)) notNumbers += 1;
      else if (Math.abs(sample) > peak) peak = Math.abs(sample);
    }
  }
  for (const channel of kept) for (const sample of channel) if (Math.abs(sample) > 1) beyond += 1;
  return { notNumbers, peak, beyond };
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
