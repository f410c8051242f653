/**
 * The input of the network for sound effects (soundCnn.ts): power in 96 mel bands of 44.1 kHz sound, of which the
 * loudest sample is 1. Source: Ma and Lerch 2022 and their package's `spectrogram_librosa.py` (librosa's
 * `melspectrogram` with the mel scale of HTK); the constant below is theirs.
 */
import { filtered, narrow, powerSpectrum, triangles, type NarrowFilter } from './spectrum';

/** Samples a second, samples from window to window (23 ms), and number of bands. */
export const effectsMelSettings = { rate: 44_100, hop: 1024, bands: 96 } as const;

const { rate, hop, bands } = effectsMelSettings;
const window = 2048;
const spectrum = powerSpectrum([4, 4, 4, 4, 4, 2]);

/** Largest value over all sets that the network was trained on: what is read as 1. */
const largest = 9.457798957824707;

/** Mel of HTK: 2595 log10(1 + f / 700). */
const hertzOf = (mel: number): number => 700 * (10 ** (mel / 2595) - 1);
const melOf = (hertz: number): number => 2595 * Math.log10(1 + hertz / 700);

let known: NarrowFilter[] | undefined;

/** Triangular filters from 0 Hz to half the rate, the weights of each adding up to 1. */
function filters(): NarrowFilter[] {
  if (known !== undefined) return known;
  const edges = Array.from({ length: bands + 2 }, (_, i) => hertzOf((i * melOf(rate / 2)) / (bands + 1)));
  known = triangles(edges, window / 2 + 1, (bin) => (bin * rate) / window).map((triangle) => {
    const sum = triangle.reduce((total, weight) => total + weight, 0);
    return narrow(triangle.map((weight) => weight / sum));
  });
  return known;
}

/** Frames of a sound: one centred on its first sample, then one every `hop`. */
export const effectsFrames = (samples: number): number => 1 + Math.floor(samples / hop);

/**
 * log10(1 + 10,000 power) / 9.4578 of a sound at 44.1 kHz, [frames, bands]. A silent sound stays silent. Throws
 * RangeError for samples that are not finite.
 */
export function effectsMel(samples: Float32Array): Float32Array {
  let peak = 0;
  for (const sample of samples) {
    if (!Number.isFinite(sample)) throw new RangeError('a sample is not a finite number');
    peak = Math.max(peak, Math.abs(sample));
  }
  const loudness = peak === 0 ? 1 : peak;
  const frames = effectsFrames(samples.length);
  const out = new Float32Array(frames * bands);
  const at = (place: number) => (samples[place] ?? 0) / loudness;
  spectrum({ at, frames, hop }, (frame, power) => {
    for (const [band, filter] of filters().entries())
      out[frame * bands + band] = Math.log10(1 + 10_000 * filtered(filter, power)) / largest;
  });
  return out;
}
