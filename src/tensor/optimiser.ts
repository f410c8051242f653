/**
 * Optimisers over a module's flat vector, as pure functions. Rates and bias corrections are inputs, never constants,
 * because programs are recorded once.
 */
import { adam } from './adam';
import { norm } from './ops';
import type { OptimiserSpec } from './optimiserKinds';
import { tf, type Tensor } from './tf';

/** Per-step scalars of one module, computed in JavaScript in float64. */
export interface StepScalars {
  /** learning rate of this step: one [], or one for each parameter [size] */
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

/**
 * One update of a flat parameter vector. Weight decay is decoupled for kind `adamw` and added to the gradient for the
 * others. Adam: Kingma and Ba 2015, algorithm 1; AdamW: Loshchilov and Hutter 2019; SGD: heavy ball, moments.first is
 * the velocity.
 */
export function update(
  spec: OptimiserSpec,
  theta: Tensor,
  gradient: Tensor,
  moments: Moments,
  step: StepScalars,
): { theta: Tensor; moments: Moments } {
  const decayed =
    spec.kind !== 'adamw' && spec.weightDecay > 0 ? tf.add(gradient, tf.mul(theta, spec.weightDecay)) : gradient;
  const rate = tf.mul(step.rate, step.active);
  if (spec.kind === 'sgd') {
    const velocity = tf.add(tf.mul(moments.first, spec.momentum), decayed);
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
    beta1: beta(spec.beta1),
    beta2: beta(spec.beta2),
    epsilon: tf.mul(root, spec.epsilon),
  });
  const decay = spec.kind === 'adamw' && spec.weightDecay > 0 ? tf.mul(theta, tf.mul(rate, spec.weightDecay)) : null;
  return {
    theta: decay === null ? updated.theta : tf.sub(updated.theta, decay),
    moments: { first: updated.first, second: updated.second },
  };
}

/**
 * Factor in 0 to 1 that scales gradients down so that `before`, a norm of theirs, becomes at most `limit`; a limit of 0
 * leaves them alone.
 */
export const clipFactor = (before: Tensor, limit: number): Tensor =>
  limit <= 0 ? tf.scalar(1) : tf.minimum(tf.div(limit, tf.add(before, 1e-12)), 1);

/** The gradient scaled down so that its norm is at most `limit`; 0 leaves it alone. Returns the norm before. */
export function clipByNorm(gradient: Tensor, limit: number): { gradient: Tensor; norm: Tensor } {
  const before = norm(gradient);
  return { gradient: limit <= 0 ? gradient : tf.mul(gradient, clipFactor(before, limit)), norm: before };
}

/** Norm of several vectors together from the norm of each; one whose module is frozen (`active` 0) does not count. */
export const jointNorm = (parts: readonly { norm: Tensor; active: Tensor }[]): Tensor =>
  tf.sqrt(
    parts.map(({ norm: own, active }) => tf.mul(tf.square(own), active)).reduce((sum, part) => tf.add(sum, part)),
  );
