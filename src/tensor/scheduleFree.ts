/**
 * Schedule-free AdamW (Defazio et al. 2024, algorithm 1, as in the authors' adamw_schedulefree_reference.py with r = 0
 * and a weight power of 2). Gradients are taken at y, which is `theta`; the model that is evaluated and kept is x, the
 * average. With a the rate of step n:
 *     v <- beta2 v + (1 - beta2) g^2,  z <- z - a (weightDecay y + g / (sqrt(v / (1 - beta2^n)) + epsilon))
 *     w = (largest rate so far)^2, c = w / sum of w,  x <- (1 - c) x + c z,  y <- beta1 x + (1 - beta1) z
 * As in theirs, the weights follow the rates of the module, whatever multiples its parts have.
 */
import { moved, withDecay, type Slots, type StepScalars, type Updated } from './optimiserStep';
import type { OptimiserOf } from './optimiserKinds';
import { need, tf, type Tensor } from './tf';

export function scheduleFree(
  { beta1, beta2, epsilon, weightDecay }: OptimiserOf<'schedule-free'>,
  theta: Tensor,
  gradient: Tensor,
  slots: Slots,
  { rate, moduleRate, active, correction2 }: StepScalars,
): Updated {
  const second = moved(need(slots, 'second'), tf.square(gradient), beta2, active);
  const adam = tf.div(gradient, tf.add(tf.sqrt(tf.div(second, correction2)), epsilon));
  const step = withDecay({ weightDecay }, theta, adam);
  const base = tf.sub(need(slots, 'base'), tf.mul(step, tf.mul(rate, active)));

  const fastest = tf.maximum(need(slots, 'fastest'), tf.mul(moduleRate, active));
  const weight = tf.mul(tf.square(fastest), active);
  const weights = tf.add(need(slots, 'weights'), weight);
  const share = tf.div(weight, tf.maximum(weights, 1e-30));
  const before = need(slots, 'average');
  const average = tf.add(before, tf.mul(tf.sub(base, before), share));
  // written so that a frozen module stays to the last bit, from the start on
  const point = tf.add(base, tf.mul(tf.sub(average, base), beta1));
  return { theta: point, slots: { second, base, average, weights, fastest } };
}
