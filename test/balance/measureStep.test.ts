/** The divergences of a step, against the definition of docs/method.md section 2 in float64. */
import { beforeAll, describe, expect, it } from 'vitest';
import {
  labelProbabilities,
  meanDivergences,
  movement,
  stepDivergences,
  type Passes,
} from '../../src/balance/measureStep';
import { useBackend } from '../../src/tensor/backend';
import { tf, type Tensor } from '../../src/tensor/tf';

/** Logits of three places over four tokens that the encoder and the backbone add to, before and after a step. */
const logits = {
  encoder: {
    before: [0.1, -0.4, 0.9, 0.2, 1, 0, -1, 0.3, 5, 1, 1, 1],
    after: [0.3, -0.6, 0.8, 0.2, 0.7, 0.2, -1, 0.1, 0, 0, 0, 9],
  },
  backbone: {
    before: [0.5, 0.5, -0.2, 0, 0, 0.3, 0.6, -0.9, 1, 2, 3, 4],
    after: [-0.5, 0.6, 0.4, 0, 0.2, 0.3, 0.1, -0.2, 4, 3, 2, 1],
  },
};
/** The last place is no label. */
const mask = [1, 1, 0];
type When = 'before' | 'after';

/** log p [place][token] with the backbone and the encoder as they were at these times. */
function table(backbone: When, encoder: When): number[][] {
  return [0, 1, 2].map((row) => {
    const sums = [0, 1, 2, 3].map(
      (i) => logits.backbone[backbone][4 * row + i]! + logits.encoder[encoder][4 * row + i]!,
    );
    const total = Math.log(sums.reduce((sum, value) => sum + Math.exp(value), 0));
    return sums.map((value) => value - total);
  });
}

/** Mean KL(p || q) over the label places. */
function divergence(p: number[][], q: number[][]): number {
  const rows = p.map((row, r) => row.reduce((sum, value, i) => sum + Math.exp(value) * (value - q[r]![i]!), 0));
  return (rows[0]! + rows[1]!) / 2;
}

const tensor = (values: number[]): Tensor => tf.tensor2d(values, [3, 4]);
const parts = (when: When) => ({
  encoder: [tensor(logits.encoder[when])],
  backbone: [tensor(logits.backbone[when])],
});
/** The encoder's parameters are the prefix; the backbone adds its own. */
const passes: Passes = {
  prefix: ([encoder]) => encoder!,
  hidden: ([backbone], prefix) => tf.add(backbone!, prefix),
  words: (_, hidden) => hidden,
};

beforeAll(async () => {
  await useBackend({ name: 'cpu' });
});

describe('the divergences of a step', () => {
  const old = table('before', 'before');
  const now = table('after', 'after');
  const backboneMoved = table('after', 'before');
  const encoderMoved = table('before', 'after');

  it.each([
    ['a', divergence(backboneMoved, old), divergence(encoderMoved, old)],
    ['b', divergence(now, encoderMoved), divergence(now, backboneMoved)],
  ] as const)('are those of the definition: variant (%s)', (variant, dBackbone, dEncoder) => {
    const states = { before: parts('before'), after: parts('after') };
    for (const known of [null, { prefix: states.before.encoder[0]!, logProbabilities: tensor(old.flat()) }]) {
      const options = { variant, vocabulary: 4, old: known };
      for (const places of [undefined, 3, 2, 1]) {
        const at = stepDivergences(passes, states, { ...options, ...(places === undefined ? {} : { places }) });
        const found = meanDivergences(at, tf.tensor1d(mask));
        expect(found.dBackbone.dataSync()[0]! / dBackbone).toBeCloseTo(1, 5);
        expect(found.dEncoder.dataSync()[0]! / dEncoder).toBeCloseTo(1, 5);
      }
    }
    expect(Math.abs(dBackbone / dEncoder - 1)).toBeGreaterThan(0.1); // exchanged, they would be told apart
  });
});

it('label probabilities leave out what is no label', () => {
  const { smallest, mean } = labelProbabilities(tf.tensor1d([Math.log(0.5), Math.log(0.25), -50]), tf.tensor1d(mask));
  expect(smallest.dataSync()[0]).toBeCloseTo(0.25, 6);
  expect(mean.dataSync()[0]).toBeCloseTo(0.375, 6);
});

it('a movement is measured from where it began', () => {
  const moved = movement(tf.tensor1d([3, 4]), tf.tensor1d([3, 5]), tf.tensor1d([7, -2]));
  expect([moved.parameterNorm, moved.updateNorm, moved.progress].map((of) => of.dataSync()[0])).toEqual([5, 1, -2]);
});
