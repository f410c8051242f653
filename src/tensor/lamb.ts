/**
 * LAMB (You et al. 2020, algorithm 2; phi is the identity): Adam's step, rescaled so that its norm is the rate times
 * that of the parameters. Adapted: the published trust ratio is one of each layer, here it is one of each module, since
 * it is a rival for what brings the modules into balance.
 *     u = m / (1 - beta1^n) / (sqrt(v / (1 - beta2^n)) + epsilon) + weightDecay theta
 *     theta <- theta - rate u ||theta|| / ||u||, with a ratio of 1 where either norm is 0
 */
import { norm } from './ops';
import { moved, withDecay, type Slots, type StepScalars, type Updated } from './optimiserStep';
import type { OptimiserOf } from './optimiserKinds';
import { need, tf, type Tensor } from './tf';

export function lamb(
  { beta1, beta2, epsilon, weightDecay }: OptimiserOf<'lamb'>,
  theta: Tensor,
  gradient: Tensor,
  slots: Slots,
  { rate, active, correction1, correction2 }: StepScalars,
): Updated {
  const first = moved(need(slots, 'first'), gradient, beta1, active);
  const second = moved(need(slots, 'second'), tf.square(gradient), beta2, active);
  const adam = tf.div(tf.div(first, correction1), tf.add(tf.sqrt(tf.div(second, correction2)), epsilon));
  const step = withDecay({ weightDecay }, theta, adam);
  const [length, stepLength] = [norm(theta), norm(step)];
  const hasRatio = tf.greater(tf.mul(length, stepLength), 0);
  const trust = tf.where(hasRatio, tf.div(length, tf.maximum(stepLength, 1e-30)), tf.onesLike(length));
  return { theta: tf.sub(theta, tf.mul(step, tf.mul(tf.mul(rate, active), trust))), slots: { first, second } };
}
