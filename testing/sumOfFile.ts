/** A session over one tensor in a file, for tests of what it costs in memory. */
import { openSession, type Session } from '../src/tensor/program';
import type { TensorFile } from '../src/tensor/tensorFile';
import { need, tf } from '../src/tensor/tf';

/** Opens the session and reads all values; their sum. The caller disposes of the session. */
export async function sumOfFile(file: TensorFile): Promise<{ session: Session; sum: number }> {
  const session = openSession(
    {
      sum: {
        inputs: { scale: { shape: [], dtype: 'float32' } },
        reads: ['w'],
        run: (inputs, { w }) => ({ outputs: { sum: tf.mul(tf.sum(w!), need(inputs, 'scale')) } }),
      },
    },
    { w: { shape: [file.length], data: file } },
  );
  const { sum } = await session.run('sum', { scale: Float32Array.of(1) });
  return { session, sum: sum![0]! };
}
