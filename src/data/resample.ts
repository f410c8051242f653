/**
 * Resampling by a windowed sinc: band-limited interpolation (J. O. Smith, "Digital Audio Resampling", 2002) with a
 * Kaiser window. No library: those on npm are unmaintained, bind to a browser, or do not say how they filter.
 */

/**
 * Zero crossings of the sinc on each side. With `beta` they set the filter: flat to 89% of the lower Nyquist frequency,
 * -80 dB beyond it.
 */
const crossings = 48;
const beta = 7.857;
/** Cut-off (-6 dB) as a share of the lower Nyquist frequency: half the transition band below it. */
const cutoff = 0.947;

/** Zeroth-order modified Bessel function of the first kind, by its power series. */
function besselI0(x: number): number {
  let sum = 1;
  let term = 1;
  for (let k = 1; term > 1e-12 * sum; k++) {
    term *= (x / (2 * k)) ** 2;
    sum += term;
  }
  return sum;
}

function greatestDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestDivisor(b, a % b);
}

/**
 * One filter: the weights of input samples `first`, `first + 1`, ... relative to the sample at or before the output's
 * time.
 */
interface Phase {
  first: number;
  weights: Float64Array;
}

/**
 * The filter for an output whose time lies `offset` input samples (0 <= offset < 1) after an input sample. Its weights
 * sum to 1.
 */
function phase(offset: number, scale: number): Phase {
  const reach = crossings / scale;
  const first = Math.ceil(offset - reach);
  const weights = new Float64Array(Math.floor(offset + reach) - first + 1);
  let sum = 0;
  for (let i = 0; i < weights.length; i++) {
    const x = (first + i - offset) * scale;
    const sinc = x === 0 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x);
    weights[i] = sinc * besselI0(beta * Math.sqrt(Math.max(0, 1 - (x / crossings) ** 2)));
    sum += weights[i]!;
  }
  return { first, weights: weights.map((weight) => weight / sum) };
}

/**
 * Samples at rate `from` (Hz, whole number) turned into samples at rate `to`: round(length * to / from) of them, with
 * silence assumed outside. Equal rates give the input itself.
 */
export function resample(samples: Float32Array, from: number, to: number): Float32Array {
  if (from === to) return samples;
  const divisor = greatestDivisor(from, to);
  const phases = to / divisor;
  const stride = from / divisor;
  const scale = cutoff * Math.min(1, to / from);
  const known = new Map<number, Phase>();
  const out = new Float32Array(Math.round((samples.length * to) / from));
  for (let n = 0; n < out.length; n++) {
    const at = n * stride;
    const which = at % phases;
    let filter = known.get(which);
    if (filter === undefined) known.set(which, (filter = phase(which / phases, scale)));
    const start = (at - which) / phases + filter.first;
    let sum = 0;
    for (let i = Math.max(0, -start); i < filter.weights.length && start + i < samples.length; i++)
      sum += filter.weights[i]! * samples[start + i]!;
    out[n] = sum;
  }
  return out;
}
