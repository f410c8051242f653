/**
 * Single numbers whose last digits matter: divergences near zero, norms and products of long vectors, Adam's
 * corrections; against float64.
 */
import { beforeAll, describe, expect, it } from 'vitest';
import { random } from '../../src/random';
import { availableBackends, chooseBackend, useBackend, type BackendName } from '../../src/tensor/backend';
import { divergence, innerProduct, logSoftmax, norm } from '../../src/tensor/ops';
import { tf } from '../../src/tensor/tf';
import { updateValues } from '../../src/train/stepInputs';

const rows = 64,
  vocabulary = 500;

/** Two tables of logits in float32, `scale` apart. */
function logits(scale: number): [Float32Array, Float32Array] {
  const source = random('numerics', 'logits');
  const before = Float32Array.from({ length: rows * vocabulary }, () => 3 * source.normal());
  return [before.map((value) => value + scale * source.normal()), before];
}

/** Mean KL over the rows, and its gradient with respect to the logits of p, in float64. */
function exactly([after, before]: [Float32Array, Float32Array]): { value: number; gradient: Float64Array } {
  const gradient = new Float64Array(after.length);
  let value = 0;
  const logSoftmaxOf = (row: Float32Array): number[] => {
    const largest = Math.max(...row);
    const total = Math.log(row.reduce((sum, x) => sum + Math.exp(x - largest), 0)) + largest;
    return Array.from(row, (x) => x - total);
  };
  for (let at = 0; at < after.length; at += vocabulary) {
    const p = logSoftmaxOf(after.subarray(at, at + vocabulary)),
      q = logSoftmaxOf(before.subarray(at, at + vocabulary));
    const kl = p.reduce((sum, logP, i) => sum + Math.exp(logP) * (logP - q[i]!), 0);
    p.forEach((logP, i) => {
      gradient[at + i] = (Math.exp(logP) * (logP - q[i]! - kl)) / rows;
    });
    value += kl / rows;
  }
  return { value, gradient };
}

const distance = (a: ArrayLike<number>, b: ArrayLike<number>): number => {
  let apart = 0,
    size = 0;
  for (let i = 0; i < a.length; i++) {
    apart += (a[i]! - b[i]!) ** 2;
    size += b[i]! ** 2;
  }
  return Math.sqrt(apart / size);
};

const table = (values: Float32Array) => tf.tensor2d(values, [rows, vocabulary]);
const mean = (p: Float32Array, q: Float32Array) => tf.mean(divergence(logSoftmax(table(p)), logSoftmax(table(q))));

for (const name of ['cpu', 'wasm', 'tensorflow'] satisfies BackendName[]) {
  const { available } = availableBackends().find((entry) => entry.name === name)!;
  describe.skipIf(!available)(`on ${name}`, () => {
    beforeAll(async () => {
      await useBackend({ name: chooseBackend({ name }).name, device: 'cpu', threads: 1 });
    });

    // the plain sum p (log p - log q) is 1e-3 off at 4e-7 nats and nothing but noise at 4e-9
    it.each([
      [1e-1, 1e-5],
      [1e-2, 1e-4],
      [1e-3, 3e-4],
      [1e-4, 2e-3],
    ])('a divergence between tables %f apart agrees with float64', (scale, tolerance) => {
      const pair = logits(scale);
      const exact = exactly(pair).value;
      expect(Math.abs(tf.tidy(() => mean(...pair).dataSync()[0]!) / exact - 1)).toBeLessThan(tolerance);
    });

    it('its gradient agrees with float64', () => {
      const [after, before] = logits(1e-2);
      const found = tf.tidy(() =>
        tf
          .grad((x) => tf.mean(divergence(logSoftmax(x), logSoftmax(table(before)))))(table(after))
          .dataSync(),
      );
      expect(distance(found, exactly([after, before]).gradient)).toBeLessThan(1e-4);
    });

    it('is zero between equal tables and never negative', () => {
      const [after, before] = logits(1e-6);
      const least = (p: Float32Array, q: Float32Array) =>
        Math.min(...tf.tidy(() => divergence(logSoftmax(table(p)), logSoftmax(table(q))).dataSync()));
      expect(least(before, before)).toBe(0);
      expect(least(after, before)).toBeGreaterThanOrEqual(0);
    });

    it('norm and inner product of 300,000 values agree with float64', () => {
      const source = random('numerics', 'vectors');
      const a = Float32Array.from({ length: 300_000 }, () => source.normal()),
        b = a.map((value) => 0.1 * value + source.normal());
      const product = a.reduce((sum, value, i) => sum + value * b[i]!, 0);
      const [length, inner] = tf.tidy(() => [
        norm(tf.tensor1d(a)).dataSync()[0]!,
        innerProduct(tf.tensor1d(a), tf.tensor1d(b)).dataSync()[0]!,
      ]);
      expect(Math.abs(length / Math.sqrt(a.reduce((sum, value) => sum + value * value, 0)) - 1)).toBeLessThan(1e-6);
      expect(Math.abs(inner / product - 1)).toBeLessThan(2e-5);
    });
  });
}

describe('the corrections of Adam', () => {
  it('undo what moments of float32 betas lack', () => {
    const betas = { beta1: 0.9, beta2: 0.999 };
    let moment = 0; // of a gradient that is always 1, with the beta that the device holds, in float64
    for (let step = 1; step <= 100; step++) {
      moment = Math.fround(0.999) * moment + (1 - Math.fround(0.999));
      expect(moment / Math.fround(updateValues(betas, step, 1).correction2)).toBeCloseTo(1, 6);
    }
  });
});
