/** What a backend reaches in products of matrices alone: the limit that steps are set beside. */
import type { Precision } from '../src/tensor/precision';
import { inPrecision } from '../src/tensor/products';
import { openSession, type Program } from '../src/tensor/program';
import { need, tf } from '../src/tensor/tf';

const matmulSize = 1024;
const matmulsInRow = 8;

/** GFLOP/s of products of two 1024 x 1024 matrices, several in a row, on the current backend: the best of `repeats`. */
export async function productLimit(
  repeats: number,
  { eager = false, precision = 'float32' }: { eager?: boolean; precision?: Precision } = {},
): Promise<number> {
  const state = {
    b: {
      shape: [matmulSize, matmulSize],
      data: new Float32Array(matmulSize ** 2).map((_, i) => Math.sin(i) / Math.sqrt(matmulSize / 2)),
    },
  };
  const program: Program = {
    inputs: { scale: { shape: [], dtype: 'float32' } },
    reads: ['b'],
    run: (inputs, { b }) => {
      let x = tf.mul(b!, need(inputs, 'scale'));
      for (let i = 0; i < matmulsInRow; i++)
        x = inPrecision(precision, () => tf.matMul(x as tf.Tensor2D, b as tf.Tensor2D));
      return { outputs: { sum: tf.sum(x) } };
    },
  };
  const session = openSession({ program }, state, { eager });
  let best = 0;
  for (let i = 0; i < repeats + 1; i++) {
    const begun = performance.now();
    await session.run('program', { scale: new Float32Array([1 + i / 1000]) });
    if (i > 0) best = Math.max(best, (2 * matmulsInRow * matmulSize ** 3) / (performance.now() - begun) / 1e6);
  }
  session.dispose();
  return best;
}
