/**
 * Power of a sound by frequency, window after window, in plain float64 arithmetic, so that it is the same on every
 * backend.
 */

/** A sound in windows: `at` gives the sample at a place, also before its beginning and past its end. */
export interface Windows {
  at(place: number): number;
  frames: number;
  /** samples from the middle of a window to that of the next; the first is centred on sample 0 */
  hop: number;
}

/**
 * Discrete Fourier transform of `window` complex numbers, the product of `factors`, by mixed radix (Cooley and Tukey
 * 1965).
 */
function fourier(factors: readonly number[], cosines: Float64Array, sines: Float64Array) {
  const window = cosines.length;
  /** `length` values of the input from `from` on, `step` apart, into outRe, outIm at `to`. */
  return function transform(
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
  };
}

/**
 * A function that gives, for each frame of a sound, the power [window / 2 + 1] of a Hann window centred on it to `use`;
 * the array is used again for the next frame. The window is the product of `factors`.
 */
export function powerSpectrum(factors: readonly number[]) {
  const window = factors.reduce((product, factor) => product * factor, 1);
  const cosines = Float64Array.from({ length: window }, (_, i) => Math.cos((2 * Math.PI * i) / window));
  const sines = Float64Array.from({ length: window }, (_, i) => Math.sin((2 * Math.PI * i) / window));
  const hann = cosines.map((cosine) => 0.5 - 0.5 * cosine);
  const transform = fourier(factors, cosines, sines);
  return ({ at, frames, hop }: Windows, use: (frame: number, power: Float64Array) => void): void => {
    const [re, im, outRe, outIm] = [0, 0, 0, 0].map(() => new Float64Array(window)) as [
      Float64Array,
      Float64Array,
      Float64Array,
      Float64Array,
    ];
    const power = new Float64Array(window / 2 + 1);
    // Two real frames are transformed as one complex signal: the even and odd halves of the spectrum part them again.
    for (let frame = 0; frame < frames; frame += 2) {
      for (let i = 0; i < window; i++) {
        const place = frame * hop + i - window / 2;
        re[i] = hann[i]! * at(place);
        im[i] = frame + 1 < frames ? hann[i]! * at(place + hop) : 0;
      }
      transform(re, im, 0, 1, outRe, outIm, 0, window, 0);
      for (let which = 0; which < 2 && frame + which < frames; which++) {
        const sign = which === 0 ? 1 : -1;
        for (let bin = 0; bin < power.length; bin++) {
          const other = (window - bin) % window;
          const real = outRe[bin]! + sign * outRe[other]!;
          const imaginary = outIm[bin]! - sign * outIm[other]!;
          power[bin] = (real * real + imaginary * imaginary) / 4;
        }
        use(frame + which, power);
      }
    }
  };
}

/** A filter over the bins of a spectrum without its zeros: most bands see a handful of bins. */
export interface NarrowFilter {
  first: number;
  weights: Float64Array;
}

/** Triangles [edges - 2][bins] over frequencies, each from an edge over the next, where it is 1, to the one after. */
export const triangles = (edges: readonly number[], bins: number, hertzOf: (bin: number) => number): Float64Array[] =>
  Array.from({ length: edges.length - 2 }, (_, band) => {
    const [low, middle, high] = [edges[band]!, edges[band + 1]!, edges[band + 2]!];
    return Float64Array.from({ length: bins }, (_unused, bin) => {
      const hertz = hertzOf(bin);
      return Math.max(0, Math.min((hertz - low) / (middle - low), (high - hertz) / (high - middle)));
    });
  });

/** What a filter lets through of a spectrum. */
export function filtered({ first, weights }: NarrowFilter, power: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < weights.length; i++) sum += weights[i]! * power[first + i]!;
  return sum;
}

export function narrow(filter: Float64Array): NarrowFilter {
  const first = Math.max(
    0,
    filter.findIndex((weight) => weight > 0),
  );
  return { first, weights: filter.slice(first, filter.findLastIndex((weight) => weight > 0) + 1) };
}
