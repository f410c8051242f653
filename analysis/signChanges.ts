/** How often a series changes sign, and how often noise alone would make it. */
import { random } from '../src/random';

/** Resamples of the null. */
export const resamples = 2000;

/** Share of consecutive pairs whose sign differs; a value of exactly 0 has none. */
export const signChangeRate = (values: readonly number[]): number =>
  values.slice(1).filter((value, i) => value * values[i]! < 0).length / (values.length - 1);

/**
 * Rates of sign changes when each measure is the probe's value plus one of the batch's own deviations from the probe,
 * drawn with replacement: what the batch's bias and noise alone would give. Equal seeds give equal rates.
 */
export function noiseRates(probe: readonly number[], batch: readonly number[], seed: string): number[] {
  const deviations = batch.map((value, i) => value - probe[i]!);
  const source = random(seed, 'sign changes of noise');
  return Array.from({ length: resamples }, () => signChangeRate(probe.map((value) => value + source.pick(deviations))));
}
