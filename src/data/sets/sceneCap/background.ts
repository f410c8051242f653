/**
 * The continuous sound under a scene: a recording of water or of an engine, quiet and as long as the scene. 16 kHz
 * mono.
 */
import type { Random } from '../../../random';
import { sampleRate } from '../../audio';
import type { Recording } from '../soundQa/recordings';

/** Shorter recordings make no background: their repetition would be heard as events. */
const shortest = sampleRate;

const fade = Math.round(0.05 * sampleRate);

/**
 * One recording of at least a second: every class that has any is as likely as the others, then every take. Throws
 * RangeError when there is none.
 */
export function pickBackground(takes: Map<string, Recording[][]>, classes: readonly string[], draw: Random): Recording {
  const fit = classes.map((name) =>
    (takes.get(name) ?? [])
      .map((take) => take.filter(({ samples }) => samples.length >= shortest))
      .filter((take) => take.length > 0),
  );
  return draw.pick(draw.pick(draw.pick(fit.filter((of) => of.length > 0))));
}

/**
 * `length` samples of a recording from a drawn place on, begun again with a crossfade of 50 ms where it ends, at a root
 * mean square of `loudness` dB below full scale. The recording is longer than two crossfades.
 */
export function backgroundOf(recording: Float32Array, length: number, loudness: number, draw: Random): Float32Array {
  const out = new Float32Array(length);
  const start = draw.integer(Math.max(1, recording.length - length));
  const piece = recording.subarray(start, start + length + fade);
  for (let at = 0; at < length; at += piece.length - fade) {
    for (let i = 0; i < piece.length && at + i < length; i++) {
      const rise = at === 0 ? 1 : Math.min(1, (i + 1) / fade);
      const fall = Math.min(1, (piece.length - i) / fade);
      out[at + i] = out[at + i]! + piece[i]! * rise * fall;
    }
  }
  const level = Math.sqrt(out.reduce((sum, value) => sum + value * value, 0) / length);
  const gain = level === 0 ? 0 : 10 ** (-loudness / 20) / level;
  return out.map((value) => value * gain);
}
