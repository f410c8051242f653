/**
 * Prodigy (Mishchenko and Defazio 2024, algorithm 4, as in the authors' prodigy_reference.py with growth rate infinity):
 * Adam whose rate is an estimate d of the distance from the start x0 to a solution, which only grows. With a the rate
 * that a manifest states (times schedule and warm-up), c the bias correction or 1, beta3 = sqrt(beta2), d0 = `start`:
 *     r <- beta3 r + (d / d0) d a c <g, x0 - x>,  s <- beta3 s + (d / d0) d (a c, or 1 with `safeguard`) g
 *     m <- beta1 m + (1 - beta1) d g,  v <- beta2 v + (1 - beta2) d^2 g^2
 *     d' = max(d, coefficient r / ||s||_1),  x <- x - a c d (weightDecay x + m / (sqrt(v) + d' epsilon))
 * Their code allows one rate for all parameters of an optimiser, so each module has one, with an estimate of its own.
 */
import { decayOf, moved, withDecay, type Slots, type StepScalars, type Updated } from './optimiserStep';
import type { OptimiserOf } from './optimiserKinds';
import { need, tf, type Tensor } from './tf';

export function prodigy(
  { beta1, beta2, epsilon, start, coefficient, biasCorrection, safeguard, weightDecay }: OptimiserOf<'prodigy'>,
  theta: Tensor,
  gradient: Tensor,
  slots: Slots,
  { rate, active, correction1, correction2 }: StepScalars,
): Updated {
  const distance = need(slots, 'distance');
  const scaled = tf.mul(gradient, distance);
  const first = moved(need(slots, 'first'), scaled, beta1, active);
  const second = moved(need(slots, 'second'), tf.square(scaled), beta2, active);

  const corrected = biasCorrection === 'on' ? tf.div(tf.mul(rate, tf.sqrt(correction2)), correction1) : rate;
  const stepped = tf.mul(tf.mul(corrected, active), distance);
  const beta3 = decayOf(Math.sqrt(beta2), active);
  const relative = tf.div(distance, start);
  const towards = tf.sum(tf.mul(gradient, tf.sub(need(slots, 'origin'), theta)));
  const travelled = tf.add(tf.mul(need(slots, 'travelled'), beta3), tf.mul(tf.mul(relative, stepped), towards));
  const weight = tf.mul(relative, safeguard === 'on' ? tf.mul(distance, active) : stepped);
  const weighted = tf.add(tf.mul(need(slots, 'weighted'), beta3), tf.mul(gradient, weight));
  const found = tf.div(tf.mul(travelled, coefficient), tf.maximum(tf.sum(tf.abs(weighted)), 1e-30));
  const grown = tf.maximum(distance, tf.mul(found, active));

  const step = tf.div(first, tf.add(tf.sqrt(second), tf.mul(grown, epsilon)));
  const whole = withDecay({ weightDecay }, theta, step);
  return {
    theta: tf.sub(theta, tf.mul(whole, stepped)),
    slots: { first, second, origin: need(slots, 'origin'), weighted, travelled, distance: grown },
  };
}
