/**
 * A learned scale and shift of each feature channel, all that is trained of an encoder whose tower is frozen and cached
 * (SSF: Lian et al. 2022, "Scaling & Shifting Your Features", equation 3, here once, behind the tower). It starts as
 * the identity.
 */
import type { ParameterSpec } from '../tensor/parameters';
import { need, tf, type Tensor, type Tensors } from '../tensor/tf';

export interface ScaleShift {
  parameters: ParameterSpec[];
  /** features [B, rows, width] -> the same shape */
  apply(parameters: Tensors, features: Tensor): Tensor;
}

/** `width`: channels of a feature row. */
export function scaleShift(width: number): ScaleShift {
  return {
    parameters: [
      { name: 'features.scale', shape: [width], initial: { kind: 'constant', value: 1 } },
      { name: 'features.shift', shape: [width], initial: { kind: 'zeros' } },
    ],
    apply: (parameters, features) =>
      tf.add(tf.mul(features, need(parameters, 'features.scale')), need(parameters, 'features.shift')),
  };
}
