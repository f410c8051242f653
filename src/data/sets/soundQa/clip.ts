/** Clips: short pieces of recordings at a common loudness, ready to be laid into a mixture. All at 16 kHz mono. */
import type { Random } from '../../../random';
import { sampleRate } from '../../audio';

export interface ClipOptions {
  /** seconds; a clip's length is drawn between these */
  shortest: number;
  longest: number;
  /** recordings shorter than this (seconds) are played again until the clip is long enough */
  repeatBelow: number;
  /** silence between repetitions, seconds */
  repeatGap: number;
  /** root mean square of a clip before its variation, dB below full scale */
  loudness: number;
  /** the loudness varies by at most this much, dB */
  variation: number;
}

const frame = sampleRate / 100;
/** A frame is silent below this share of the loudest frame (-30 dB). */
const audible = 0.03;
/** Quieter recordings than this root mean square (-80 dB) hold nothing to hear. */
const inaudible = 1e-4;
const fadeIn = Math.round(0.004 * sampleRate);
const fadeOut = Math.round(0.05 * sampleRate);
const highestPeak = 0.9;

/** Root mean square of samples[from, to). */
function level(samples: Float32Array, from = 0, to = samples.length): number {
  let sum = 0;
  for (let i = from; i < to; i++) sum += samples[i]! ** 2;
  return to > from ? Math.sqrt(sum / (to - from)) : 0;
}

/** The sound without its silent beginning and end, cut in frames of 10 ms; empty when all is silent. */
export function trimSilence(samples: Float32Array): Float32Array {
  const levels: number[] = [];
  for (let at = 0; at < samples.length; at += frame)
    levels.push(level(samples, at, Math.min(at + frame, samples.length)));
  const loudest = levels.reduce((most, one) => Math.max(most, one), 0);
  if (loudest < inaudible) return new Float32Array(0);
  const isAudible = (one: number) => one >= audible * loudest;
  return samples.slice(levels.findIndex(isAudible) * frame, (levels.findLastIndex(isAudible) + 1) * frame);
}

/**
 * A piece of `length` samples of a longer recording: drawn among those at least half as loud as the loudest piece, so
 * that it is never a pause.
 */
function piece(samples: Float32Array, length: number, draw: Random): Float32Array {
  const hop = 5 * frame;
  const starts = Array.from({ length: Math.floor((samples.length - length) / hop) + 1 }, (_, i) => i * hop);
  const energy = new Float64Array(samples.length + 1); // running sum, so that a window costs one difference
  for (let i = 0; i < samples.length; i++) energy[i + 1] = energy[i]! + samples[i]! ** 2;
  const within = (start: number) => energy[start + length]! - energy[start]!;
  const loudest = starts.reduce((most, start) => Math.max(most, within(start)), 0);
  const start = draw.pick(starts.filter((one) => within(one) >= loudest / 4));
  return trimSilence(samples.slice(start, start + length));
}

/**
 * A short recording (one step, one stroke) played again and again until `length` samples are filled as far as whole
 * repetitions go.
 */
function repeated(samples: Float32Array, length: number, gap: number): Float32Array {
  const period = samples.length + gap;
  const times = Math.max(1, Math.floor((length + gap) / period));
  const out = new Float32Array(times * period - gap);
  for (let i = 0; i < times; i++) out.set(samples, i * period);
  return out;
}

/** One clip of a recording, faded at its ends and brought to the common loudness. Deterministic in `draw`. */
export function cutClip(recording: Float32Array, draw: Random, options: ClipOptions): Float32Array {
  const length = Math.round((options.shortest + draw.uniform() * (options.longest - options.shortest)) * sampleRate);
  const variation = (2 * draw.uniform() - 1) * options.variation;
  const clip =
    recording.length > length
      ? piece(recording, length, draw)
      : recording.length < options.repeatBelow * sampleRate
        ? repeated(recording, length, Math.round(options.repeatGap * sampleRate))
        : recording.slice();
  const peak = clip.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  const gain = Math.min(10 ** ((variation - options.loudness) / 20) / level(clip), highestPeak / peak);
  for (let i = 0; i < clip.length; i++)
    clip[i] = clip[i]! * gain * Math.min(1, (i + 1) / fadeIn, (clip.length - i) / fadeOut);
  return clip;
}
