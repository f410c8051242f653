/**
 * Optimisers over a module's flat vector, as pure functions. Rates and bias corrections are inputs, never constants,
 * because programs are recorded once.
 */
import type { OptimiserSpec } from '../manifest/run';
import { adam } from './adam';
import { norm } from './ops';
import { tf, type Tensor } from './tf';

/** Per-step scalars of one module, computed in JavaScript in float64. */
export interface StepScalars {
  /** learning rate of this step */
  rate: Tensor;
  /** 1 when the module is trained in this step, 0 when it is frozen: then moments and parameters stay as they are */
  active: Tensor;
  /** 1 - beta1^n and 1 - beta2^n with n the module's own update count */
  correction1: Tensor;
  correction2: Tensor;
}

interface Moments {
  first: Tensor;
  second: Tensor;
}

/** Adam's defaults as in PyTorch; `weightDecay` is decoupled (AdamW) for kind `adamw` and added to the gradient for the others. */
export function optimiserOptions(spec: OptimiserSpec): Required<OptimiserSpec> {
  return { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0, momentum: 0, clip: 1, ...spec };
}

/**
 * One update of a flat parameter vector.
 * Adam: Kingma and Ba 2015, algorithm 1; AdamW: Loshchilov and Hutter 2019; SGD: heavy ball, moments.first is the velocity.
 */
export function update(
  spec: OptimiserSpec,
  theta: Tensor,
  gradient: Tensor,
  moments: Moments,
  step: StepScalars,
): { theta: Tensor; moments: Moments } {
  const options = optimiserOptions(spec);
  const decayed =
    spec.kind !== 'adamw' && options.weightDecay > 0 ? tf.add(gradient, tf.mul(theta, options.weightDecay)) : gradient;
  const rate = tf.mul(step.rate, step.active);
  if (spec.kind === 'sgd') {
    const velocity = tf.add(tf.mul(moments.first, options.momentum), decayed);
    return {
      theta: tf.sub(theta, tf.mul(velocity, rate)),
      moments: {
        first: tf.add(moments.first, tf.mul(tf.sub(velocity, moments.first), step.active)),
        second: moments.second,
      },
    };
  }
  // a frozen module: both betas are 1 and the rate is 0, so that nothing moves
  const beta = (value: number) => tf.sub(1, tf.mul(step.active, 1 - Math.fround(value)));
  const root = tf.sqrt(step.correction2);
  const updated = adam({
    theta,
    first: moments.first,
    second: moments.second,
    gradient: decayed,
    scale: tf.div(tf.mul(rate, root), step.correction1),
    beta1: beta(options.beta1),
    beta2: beta(options.beta2),
    epsilon: tf.mul(root, options.epsilon),
  });
  const decay =
    spec.kind === 'adamw' && options.weightDecay > 0 ? tf.mul(theta, tf.mul(rate, options.weightDecay)) : null;
  return {
    theta: decay === null ? updated.theta : tf.sub(updated.theta, decay),
    moments: { first: updated.first, second: updated.second },
  };
}

/** The gradient scaled down so that its norm is at most `limit`; 0 leaves it alone. Returns the norm before. */
export function clipByNorm(gradient: Tensor, limit: number): { gradient: Tensor; norm: Tensor } {
  const before = norm(gradient);
  if (limit <= 0) return { gradient, norm: before };
  return { gradient: tf.mul(gradient, tf.minimum(tf.div(limit, tf.add(before, 1e-12)), 1)), norm: before };
}
