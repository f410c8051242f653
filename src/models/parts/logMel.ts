/**
 * Whisper's input: log-mel spectrogram of 16 kHz sound. In plain float64 arithmetic, so that it is the same on every
 * backend. Source: Radford et al. 2022, section 2.2, and the reference `whisper/audio.py`; Slaney's Auditory Toolbox
 * (1998) for the mel scale.
 */

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
  return Array.from({ length: bands }, (_, band) => {
    const [low, middle, high] = [edges[band]!, edges[band + 1]!, edges[band + 2]!];
    return Float64Array.from({ length: bins }, (_unused, bin) => {
      const hertz = (bin * rate) / window;
      return (
        (Math.max(0, Math.min((hertz - low) / (middle - low), (high - hertz) / (high - middle))) * 2) / (high - low)
      );
    });
  });
}

/** Their product is the window's length. */
const factors = [4, 4, 5, 5];
const cosines = Float64Array.from({ length: window }, (_, i) => Math.cos((2 * Math.PI * i) / window));
const sines = Float64Array.from({ length: window }, (_, i) => Math.sin((2 * Math.PI * i) / window));

/**
 * Discrete Fourier transform of `window` complex numbers by mixed radix (Cooley and Tukey 1965): `length` values of the
 * input from `from` on, `step` apart, into outRe, outIm at `to`.
 */
function transform(
  re: Float64Array,
  im: Float64Array,
  from: number,
  step: number,
  outRe: Float64Array,
  outIm: Float64Array,
  to: number,
  length: number,
  depth: number,
): void {
  if (length === 1) {
    outRe[to] = re[from]!;
    outIm[to] = im[from]!;
    return;
  }
  const radix = factors[depth]!;
  const part = length / radix;
  for (let r = 0; r < radix; r++)
    transform(re, im, from + r * step, step * radix, outRe, outIm, to + r * part, part, depth + 1);
  const partRe = new Float64Array(radix);
  const partIm = new Float64Array(radix);
  for (let k = 0; k < part; k++) {
    for (let r = 0; r < radix; r++) {
      partRe[r] = outRe[to + r * part + k]!;
      partIm[r] = outIm[to + r * part + k]!;
    }
    for (let q = 0; q < radix; q++) {
      let sumRe = 0;
      let sumIm = 0;
      for (let r = 0; r < radix; r++) {
        const turn = (r * (k + q * part) * step) % window;
        sumRe += partRe[r]! * cosines[turn]! + partIm[r]! * sines[turn]!;
        sumIm += partIm[r]! * cosines[turn]! - partRe[r]! * sines[turn]!;
      }
      outRe[to + q * part + k] = sumRe;
      outIm[to + q * part + k] = sumIm;
    }
  }
}

/** The sample at `at` with the sound mirrored at both ends (the end samples once), as for a centred window. */
function mirrored(samples: Float32Array, at: number): number {
  const last = samples.length - 1;
  const inside = at < 0 ? -at : at > last ? 2 * last - at : at;
  return samples[inside]!;
}

interface NarrowFilter {
  first: number;
  weights: Float64Array;
}
const known = new Map<number, NarrowFilter[]>();

/** The filters without their zeros: most bands see a handful of the 201 bins. */
function narrowFilters(bands: number): NarrowFilter[] {
  const made =
    known.get(bands) ??
    melFilters(bands).map((filter) => {
      const first = Math.max(
        0,
        filter.findIndex((weight) => weight > 0),
      );
      return { first, weights: filter.slice(first, filter.findLastIndex((weight) => weight > 0) + 1) };
    });
  known.set(bands, made);
  return made;
}

const hann = cosines.map((cosine) => 0.5 - 0.5 * cosine);

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
  const [re, im, outRe, outIm] = [0, 0, 0, 0].map(() => new Float64Array(window)) as [
    Float64Array,
    Float64Array,
    Float64Array,
    Float64Array,
  ];
  const power = new Float64Array(bins);
  let highest = -Infinity;
  // Two real frames are transformed as one complex signal: the even and odd halves of the spectrum part them again.
  for (let frame = 0; frame < frames; frame += 2) {
    for (let i = 0; i < window; i++) {
      const at = frame * hop + i - window / 2;
      re[i] = hann[i]! * mirrored(samples, at);
      im[i] = frame + 1 < frames ? hann[i]! * mirrored(samples, at + hop) : 0;
    }
    transform(re, im, 0, 1, outRe, outIm, 0, window, 0);
    for (let which = 0; which < 2 && frame + which < frames; which++) {
      const sign = which === 0 ? 1 : -1;
      for (let bin = 0; bin < bins; bin++) {
        const other = (window - bin) % window;
        const real = outRe[bin]! + sign * outRe[other]!;
        const imaginary = outIm[bin]! - sign * outIm[other]!;
        power[bin] = (real * real + imaginary * imaginary) / 4;
      }
      for (let band = 0; band < bands; band++) {
        let sum = 0;
        const { first, weights } = filters[band]!;
        for (let i = 0; i < weights.length; i++) sum += weights[i]! * power[first + i]!;
        const value = Math.log10(Math.max(sum, 1e-10));
        out[(frame + which) * bands + band] = value;
        if (value > highest) highest = value;
      }
    }
  }
  return out.map((value) => (Math.max(value, highest - 8) + 4) / 4);
}
