/** The one import of TensorFlow.js with its gradients; every room that computes takes it from here. */
import * as tf from '@tensorflow/tfjs';

export { tf };
export type Tensor = tf.Tensor;
/** Tensors by name: parameters, inputs or outputs of a program. */
export type Tensors = Record<string, tf.Tensor>;

/** The named tensor; throws Error when a program forgot to declare it (a fault of ours, not of a user). */
export function need(tensors: Tensors, name: string): tf.Tensor {
  const tensor = tensors[name];
  if (tensor === undefined)
    throw new Error(`tensor "${name}" is not declared; declared are ${Object.keys(tensors).join(', ') || 'none'}`);
  return tensor;
}
