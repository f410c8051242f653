/** Mixtures: one to three clips of different classes laid into a few seconds of silence at known onsets. */
import type { Random } from '../../../random';
import { sampleRate } from '../../audio';
import { type ClipOptions, cutClip } from './clip';
import { fileOf, type Recording } from './recordings';

export interface MixtureOptions {
  /** length of a mixture, seconds */
  seconds: number;
  /** least time between two onsets, seconds */
  spacing: number;
  /** silence before the first and after the last possible sample of a clip, seconds */
  margin: number;
  clip: ClipOptions;
}

/** A clip inside a mixture. */
export interface Placed {
  class: string;
  source: string;
  file: string;
  take: string;
  licence: string;
  /** sample at which it begins */
  onset: number;
  /** samples */
  length: number;
}

interface Mixture {
  samples: Float32Array;
  /** in the order of their onsets */
  clips: Placed[];
}

const highestPeak = 0.99;

/**
 * `count` onsets in seconds, ascending, at least `spacing` apart, each early enough for the longest clip. Throws
 * RangeError when they do not fit.
 */
export function drawOnsets(count: number, draw: Random, options: MixtureOptions): number[] {
  const slack = options.seconds - 2 * options.margin - options.clip.longest - (count - 1) * options.spacing;
  if (slack < 0) throw new RangeError(`${count} clips do not fit into ${options.seconds} seconds`);
  const offsets = Array.from({ length: count }, () => draw.uniform() * slack).sort((a, b) => a - b);
  return offsets.map((offset, i) => options.margin + offset + i * options.spacing);
}

/** A recording of a class: every take is as likely as every other, and every recording inside a take. */
function pickRecording(takes: Map<string, Recording[][]>, name: string, draw: Random): Recording {
  return draw.pick(draw.pick(takes.get(name) ?? []));
}

/**
 * The mixture of these classes in this order. Deterministic in `draw`. Throws RangeError when a class has no recording.
 */
export function makeMixture(
  classes: readonly string[],
  takes: Map<string, Recording[][]>,
  draw: Random,
  options: MixtureOptions,
): Mixture {
  const samples = new Float32Array(Math.round(options.seconds * sampleRate));
  const onsets = drawOnsets(classes.length, draw, options);
  const clips = classes.map((name, i): Placed => {
    const recording = pickRecording(takes, name, draw);
    const clip = cutClip(recording.samples, draw, options.clip);
    const onset = Math.round(onsets[i]! * sampleRate);
    for (let k = 0; k < clip.length; k++) samples[onset + k] = samples[onset + k]! + clip[k]!;
    const { source, take, licence } = recording;
    return {
      class: name,
      source,
      file: fileOf(recording),
      take,
      licence,
      onset,
      length: clip.length,
    };
  });
  const peak = samples.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  if (peak > highestPeak) for (let i = 0; i < samples.length; i++) samples[i] = (samples[i]! * highestPeak) / peak;
  return { samples, clips };
}
