/**
 * Optimisers over a module's flat vector, as pure functions. Rates and bias corrections are inputs, never constants,
 * because programs are recorded once.
 */
import { adam } from './adam';
import { lamb } from './lamb';
import { norm } from './ops';
import type { OptimiserOf, OptimiserSpec } from './optimiserKinds';
import { decayOf, withDecay, type Slots, type StepScalars, type Updated } from './optimiserStep';
import { prodigy } from './prodigy';
import { scheduleFree } from './scheduleFree';
import { need, tf, type Tensor } from './tf';

/**
 * One update of a flat parameter vector. Weight decay is added to the gradient for `adam` and `sgd`, and decoupled for
 * the others.
 */
export function update(spec: OptimiserSpec, theta: Tensor, gradient: Tensor, slots: Slots, step: StepScalars): Updated {
  switch (spec.kind) {
    case 'lamb':
      return lamb(spec, theta, gradient, slots, step);
    case 'prodigy':
      return prodigy(spec, theta, gradient, slots, step);
    case 'schedule-free':
      return scheduleFree(spec, theta, gradient, slots, step);
    case 'sgd':
      return heavyBall(spec, theta, withDecay(spec, theta, gradient), slots, step);
    case 'adam':
      return adamStep(spec, theta, withDecay(spec, theta, gradient), slots, step);
    case 'adamw': {
      const updated = adamStep(spec, theta, gradient, slots, step);
      if (spec.weightDecay === 0) return updated;
      const decay = tf.mul(theta, tf.mul(tf.mul(step.rate, step.active), spec.weightDecay));
      return { ...updated, theta: tf.sub(updated.theta, decay) };
    }
  }
}

/** SGD with the heavy ball; the first moment is the velocity. */
function heavyBall(
  { momentum }: OptimiserOf<'sgd'>,
  theta: Tensor,
  gradient: Tensor,
  slots: Slots,
  step: StepScalars,
): Updated {
  const [first, second] = [need(slots, 'first'), need(slots, 'second')];
  const velocity = tf.add(tf.mul(first, momentum), gradient);
  return {
    theta: tf.sub(theta, tf.mul(velocity, tf.mul(step.rate, step.active))),
    slots: { first: tf.add(first, tf.mul(tf.sub(velocity, first), step.active)), second },
  };
}

/** Adam: Kingma and Ba 2015, algorithm 1. AdamW: Loshchilov and Hutter 2019. */
function adamStep(
  spec: OptimiserOf<'adam' | 'adamw'>,
  theta: Tensor,
  gradient: Tensor,
  slots: Slots,
  step: StepScalars,
): Updated {
  const rate = tf.mul(step.rate, step.active);
  const root = tf.sqrt(step.correction2);
  const updated = adam({
    theta,
    first: need(slots, 'first'),
    second: need(slots, 'second'),
    gradient,
    scale: tf.div(tf.mul(rate, root), step.correction1),
    beta1: decayOf(spec.beta1, step.active),
    beta2: decayOf(spec.beta2, step.active),
    epsilon: tf.mul(root, spec.epsilon),
  });
  return { theta: updated.theta, slots: { first: updated.first, second: updated.second } };
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
