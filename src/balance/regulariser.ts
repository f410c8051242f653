/**
 * The regulariser of docs/method.md section 5, which promotes change of the generation distribution by each module:
 *   L = L_CE - lambda [ w_S KL(p_{t,t} || sg p_{t,t-1}) + w_X KL(p_{t,t} || sg p_{t-1,t}) ],  each KL capped at `cap`
 * The first index is the backbone's state, the second the encoder's; sg stops the gradient. Its gradient is
 * F (theta_t - theta_{t-1}) to first order: a Fisher-weighted heavy ball. Equal states give a gradient of zero.
 */
import { divergence, maskedMean } from '../tensor/ops';
import { tf, type Tensor } from '../tensor/tf';
import type { PerModule } from '../modules';

/** Weights of the two terms by learning state: w_S = kappa / (1 + kappa), w_X = 1 / (1 + kappa). */
export const regulariserWeights = (kappaAverage: number): PerModule<number> => ({
  encoder: kappaAverage / (1 + kappaAverage),
  backbone: 1 / (1 + kappaAverage),
});

/**
 * The term that is added to the cross-entropy (it is <= 0), and both uncapped divergences.
 * @param now log p_{t,t} [N, V]; `encoderBefore` log p_{t,t-1}; `backboneBefore` log p_{t-1,t}; both are constants to
 * the gradient
 * @param mask [N] 1 for label tokens; weights are scalars
 */
export function regulariser(
  now: Tensor,
  encoderBefore: Tensor,
  backboneBefore: Tensor,
  mask: Tensor,
  weights: PerModule<Tensor>,
  options: { lambda: number; cap: number },
): { value: Tensor; encoder: Tensor; backbone: Tensor } {
  const encoder = maskedMean(divergence(now, encoderBefore), mask);
  const backbone = maskedMean(divergence(now, backboneBefore), mask);
  const capped = tf.add(
    tf.mul(weights.encoder, tf.minimum(encoder, options.cap)),
    tf.mul(weights.backbone, tf.minimum(backbone, options.cap)),
  );
  return { value: tf.mul(capped, -options.lambda), encoder, backbone };
}
