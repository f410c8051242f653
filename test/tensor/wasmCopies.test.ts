/** The wasm kernels that move values, against the cpu backend's. */
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { useBackend } from '../../src/tensor/backend';
import { tf } from '../../src/tensor/tf';

const shape = fc.array(fc.integer({ min: 1, max: 6 }), { minLength: 1, maxLength: 6 });
const values = (of: number[]) => Float32Array.from({ length: tf.util.sizeFromShape(of) }, (_, i) => i);

async function onBoth(run: () => tf.Tensor[]): Promise<void> {
  const read = async () =>
    Promise.all(
      tf.tidy(run).map(async (tensor) => {
        const data = [...(await tensor.data())];
        tensor.dispose();
        return [tensor.shape, tensor.dtype, data];
      }),
    );
  await tf.setBackend('wasm');
  const wasm = await read();
  await tf.setBackend('cpu');
  expect(wasm).toEqual(await read());
}

describe('on wasm as on cpu', () => {
  beforeAll(async () => {
    await useBackend({ name: 'cpu' });
    await useBackend({ name: 'wasm' });
  });

  it('transposes every shape in every order', () =>
    fc.assert(
      fc.asyncProperty(
        shape.chain((size) =>
          fc.tuple(
            fc.constant(size),
            fc.shuffledSubarray(
              size.map((_, i) => i),
              { minLength: size.length },
            ),
          ),
        ),
        async ([size, perm]) => onBoth(() => [tf.transpose(tf.tensor(values(size), size), perm)]),
      ),
      { numRuns: 200 },
    ));

  it('transposes what is larger than a tile, and integers and booleans', async () => {
    await onBoth(() => [
      tf.transpose(tf.tensor(values([37, 50]), [37, 50])),
      tf.transpose(tf.tensor(values([3, 20, 2, 33]), [3, 20, 2, 33]), [2, 0, 3, 1]),
    ]);
    await onBoth(() => [
      tf.transpose(
        tf.tensor2d(
          [
            [1, 2, 3],
            [4, 5, 6],
          ],
          [2, 3],
          'int32',
        ),
      ),
      tf.transpose(
        tf.tensor2d(
          [
            [true, false, true],
            [false, false, true],
          ],
          [2, 3],
          'bool',
        ),
      ),
    ]);
    await onBoth(() => [tf.transpose(tf.zeros([0, 3])), tf.transpose(tf.scalar(2))]);
  });

  it('slices every part of every shape', () =>
    fc.assert(
      fc.asyncProperty(
        shape.chain((size) =>
          fc.tuple(fc.constant(size), fc.tuple(...size.map((whole) => fc.tuple(fc.nat(whole), fc.nat(whole))))),
        ),
        async ([size, ends]) => {
          const begin = ends.map(([a, b]) => Math.min(a, b)),
            count = ends.map(([a, b]) => Math.abs(a - b));
          await onBoth(() => [tf.slice(tf.tensor(values(size), size), begin, count)]);
        },
      ),
      { numRuns: 200 },
    ));

  it('splits along any axis, also into parts of no size', async () => {
    const of = () => tf.tensor(values([4, 6, 3]), [4, 6, 3]);
    await onBoth(() => tf.split(of(), [1, 0, 3], 0));
    await onBoth(() => tf.split(of(), 3, 1));
    await onBoth(() => tf.split(of(), [2, 1], -1));
    await onBoth(() => tf.split(tf.tensor1d(values([1000])), [900, 99, 1]));
  });
});
