/**
 * Whisper's input: log-mel spectrogram of 16 kHz sound. In plain float64 arithmetic, so that it is the same on every
 * backend. Source: Radford et al. 2022, section 2.2, and the reference `whisper/audio.py`; Slaney's Auditory Toolbox
 * (1998) for the mel scale.
 */
import { filtered, narrow, powerSpectrum, triangles, type NarrowFilter } from './spectrum';

/**
 * Sampling rate in Hz, window and hop in samples (25 ms and 10 ms), number of mel bands of all Whisper models but the
 * third large ones (128).
 */
export const logMelSettings = { rate: 16_000, window: 400, hop: 160, bands: 80 } as const;

const { rate, window, hop } = logMelSettings;
const bins = window / 2 + 1;

/** Mel of Slaney: linear to 1,000 Hz (15 mel), then logarithmic with 27 steps for each factor of 6.4. */
const melOf = (hertz: number): number =>
  hertz < 1000 ? (3 * hertz) / 200 : 15 + (27 * Math.log(hertz / 1000)) / Math.log(6.4);
const hertzOf = (mel: number): number =>
  mel < 15 ? (200 * mel) / 3 : 1000 * Math.exp((Math.log(6.4) * (mel - 15)) / 27);

/**
 * Triangular filters with equal area [bands][bins], from 0 Hz to half the rate, weight for the power of each frequency
 * bin.
 */
export function melFilters(bands: number = logMelSettings.bands): Float64Array[] {
  const edges = Array.from({ length: bands + 2 }, (_, i) => hertzOf((i * melOf(rate / 2)) / (bands + 1)));
  return triangles(edges, bins, (bin) => (bin * rate) / window).map((triangle, band) =>
    triangle.map((weight) => (weight * 2) / (edges[band + 2]! - edges[band]!)),
  );
}

const spectrum = powerSpectrum([4, 4, 5, 5]);
const known = new Map<number, NarrowFilter[]>();

function narrowFilters(bands: number): NarrowFilter[] {
  const made = known.get(bands) ?? melFilters(bands).map(narrow);
  known.set(bands, made);
  return made;
}

/**
 * Log-mel spectrogram [frames, bands], frame-major, with frames = samples / 160: Hann windows centred on every 160th
 * sample (the one past the end left out), power, mel bands, log10 clamped to the maximum - 8, then (x + 4) / 4.
 * Throws RangeError for fewer samples than half a window, a length that is no multiple of the hop, or values that are
 * not finite.
 */
export function logMel(samples: Float32Array, bands: number = logMelSettings.bands): Float32Array {
  if (samples.length <= window / 2 || samples.length % hop !== 0)
    throw new RangeError(`${samples.length} samples: more than ${window / 2} and a multiple of ${hop} are needed`);
  for (const sample of samples) if (!Number.isFinite(sample)) throw new RangeError('a sample is not a finite number');
  const frames = samples.length / hop;
  const filters = narrowFilters(bands);
  const out = new Float32Array(frames * bands);
  let highest = -Infinity;
  // The end samples are mirrored around themselves for windows that reach past them.
  const last = samples.length - 1;
  const at = (place: number) => samples[place < 0 ? -place : place > last ? 2 * last - place : place]!;
  spectrum({ at, frames, hop }, (frame, power) => {
    for (let band = 0; band < bands; band++) {
      const value = Math.log10(Math.max(filtered(filters[band]!, power), 1e-10));
      out[frame * bands + band] = value;
      if (value > highest) highest = value;
    }
  });
  return out.map((value) => (Math.max(value, highest - 8) + 4) / 4);
}
