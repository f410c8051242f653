/**
 * The passes behind kappa (docs/method.md section 2): the model is asked the same questions with one module after its
 * step and the other before it, and the distributions of the next token are compared. The ratio is taken in kappa.ts,
 * from numbers, and the other metrics in measure.ts.
 */
import type { PerModule } from '../modules';
import { divergence, innerProduct, maskedMean, norm } from '../tensor/ops';
import { tf, type Tensor } from '../tensor/tf';
import { divergencePairs } from './kappa';

/** The model on fixed questions, as functions of its trained parameters alone. */
export interface Passes {
  /** the encoder's parameters -> what the backbone is given of the questions' features */
  prefix(encoder: Tensor[]): Tensor;
  /** the backbone's parameters and a prefix -> log-probabilities at the label places [N, V] */
  logProbabilities(backbone: Tensor[], prefix: Tensor): Tensor;
}

/** Both modules' parameters. */
export type Parts = PerModule<Tensor[]>;

/** What the training pass has already found out about the old parameters, where kappa is measured on its batch. */
export interface OldPass {
  prefix: Tensor;
  /** [N, V] */
  logProbabilities: Tensor;
}

/**
 * D_X and D_S of a step at each label place, [N], in nats: how far the backbone's step alone, and the encoder's alone,
 * move the distribution of the next token. Their means over the label places are what kappa is taken from.
 * @param before parameters at t, `after` at t + 1
 * @param old the passes at t on these questions; null where they are still to be made
 */
export function stepDivergences(
  passes: Passes,
  { before, after }: { before: Parts; after: Parts },
  variant: 'a' | 'b',
  old: OldPass | null,
): { dBackbone: Tensor; dEncoder: Tensor } {
  const oldPrefix = old === null ? passes.prefix(before.encoder) : old.prefix;
  const newPrefix = passes.prefix(after.encoder);
  const pairs = divergencePairs(variant, {
    old: old === null ? passes.logProbabilities(before.backbone, oldPrefix) : old.logProbabilities,
    backboneMoved: passes.logProbabilities(after.backbone, oldPrefix),
    encoderMoved: passes.logProbabilities(before.backbone, newPrefix),
    ...(variant === 'b' ? { moved: passes.logProbabilities(after.backbone, newPrefix) } : {}),
  });
  return {
    dBackbone: divergence(...pairs.backbone),
    dEncoder: divergence(...pairs.encoder),
  };
}

/** The means of divergences [N] over the places where `mask` [N] is 1, scalars in nats per label token. */
export const meanDivergences = (
  { dBackbone, dEncoder }: { dBackbone: Tensor; dEncoder: Tensor },
  mask: Tensor,
): { dBackbone: Tensor; dEncoder: Tensor } => ({
  dBackbone: maskedMean(dBackbone, mask),
  dEncoder: maskedMean(dEncoder, mask),
});

/** Smallest and mean probability of the labels, from their log-probabilities [N]: the c of the bounds. */
export function labelProbabilities(logProbability: Tensor, mask: Tensor): { smallest: Tensor; mean: Tensor } {
  const probability = tf.exp(logProbability);
  return { smallest: tf.min(tf.add(probability, tf.sub(1, mask))), mean: maskedMean(probability, mask) };
}

/** How far a module is moved by its step, all scalars of flat vectors [size]. */
export interface Movement {
  /** ||theta|| before the step */
  parameterNorm: Tensor;
  /** ||dtheta|| */
  updateNorm: Tensor;
  /** <g, dtheta>, nats */
  progress: Tensor;
}

export function movement(before: Tensor, after: Tensor, gradient: Tensor): Movement {
  const delta = tf.sub(after, before);
  return { parameterNorm: norm(before), updateNorm: norm(delta), progress: innerProduct(gradient, delta) };
}
