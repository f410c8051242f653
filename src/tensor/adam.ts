/**
 * Adam's update of a flat vector. While a program is recorded it becomes one graph node that updates the variables in
 * place, a single pass over memory; elsewhere it is written out in ops. Both compute the same numbers.
 */
import { scoped } from './scoped';
import { tf, type Tensor } from './tf';

/**
 * The vectors that Adam reads and replaces, and its scalars. `scale` is the rate with both bias corrections in it,
 * `epsilon` is corrected too.
 */
interface AdamInputs {
  theta: Tensor;
  first: Tensor;
  second: Tensor;
  gradient: Tensor;
  scale: Tensor;
  beta1: Tensor;
  beta2: Tensor;
  epsilon: Tensor;
}
interface AdamOutputs {
  theta: Tensor;
  first: Tensor;
  second: Tensor;
}

/** Writes the update down as one node, or returns null when its vectors are not pieces of state. */
export type AdamRecorder = (inputs: AdamInputs) => AdamOutputs | null;

const recorder = scoped<AdamRecorder | null>(null);

/** Runs `body` while `record` takes the updates; recordProgram.ts alone calls this. */
export const recordingAdam = <T>(record: AdamRecorder, body: () => T): T => recorder.during(record, body);

/**
 * m += (g - m)(1 - beta1); v += (g^2 - v)(1 - beta2); theta -= scale m / (sqrt(v) + epsilon). Kingma and Ba 2015,
 * section 2, last paragraph.
 */
export function adam(inputs: AdamInputs): AdamOutputs {
  const recorded = recorder.now()?.(inputs) ?? null;
  if (recorded !== null) return recorded;
  const { gradient, scale, beta1, beta2, epsilon } = inputs;
  const towards = (old: Tensor, fresh: Tensor, beta: Tensor) =>
    tf.add(old, tf.mul(tf.sub(fresh, old), tf.sub(1, beta)));
  const first = towards(inputs.first, gradient, beta1);
  const second = towards(inputs.second, tf.square(gradient), beta2);
  return { theta: tf.sub(inputs.theta, tf.div(tf.mul(first, scale), tf.add(tf.sqrt(second), epsilon))), first, second };
}
