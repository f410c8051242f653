/** Log-probabilities at labels, by one-hot tables or by fused kernels (kernels.ts). */
import { fusedLabelled, fusedLabelledSoftmax } from './fusedOps';
import { areFused } from './kernels';
import { oneHot } from './ops';
import { tf, type Tensor } from './tf';

/**
 * Labels int32 [n] among V as `labelLogProbability` reads them: as they are for fused kernels, else as a one-hot table
 * [n, V].
 */
export const labelPlaces = (labels: Tensor, vocabulary: number): Tensor =>
  areFused() ? labels : oneHot(labels, vocabulary);

/** log p(label) for each row: logP [n, V], labels as `labelPlaces` gives them -> [n]. No gradient by fused kernels. */
export function labelLogProbability(logP: Tensor, labels: Tensor): Tensor {
  if (areFused()) return fusedLabelled(logP, labels);
  return (
    tf.customGrad((...given) => ({
      value: tf.sum(tf.mul(given[0] as Tensor, labels), -1),
      gradFunc: (dy: Tensor) => tf.mul(tf.reshape(dy, [...dy.shape, 1]), labels),
    })) as (x: Tensor) => Tensor
  )(logP);
}

/** The same of logP = logSoftmax(logits), with its gradient for the logits. */
export const labelLogLikelihood = (logits: Tensor, logP: Tensor, labels: Tensor): Tensor =>
  areFused() ? fusedLabelledSoftmax(logits, logP, labels) : labelLogProbability(logP, labels);
