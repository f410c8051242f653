/**
 * What every regulariser is (docs/method.md section 5): a term that rewards change of the generation distribution by
 * each module, of the divergences
 *   D_S = KL(p_{t,t} || sg p_{t,t-1}),  D_X = KL(p_{t,t} || sg p_{t-1,t})
 * The first index is the backbone's state, the second the encoder's; sg stops the gradient. The gradient of a divergence
 * is F (theta_t - theta_{t-1}) to first order: a Fisher-weighted heavy ball. Equal states give a gradient of zero.
 */
import { divergence } from '../tensor/ops';
import type { Tensor } from '../tensor/tf';
import { both, type PerModule } from '../modules';
import type { Part } from '../parts/define';
import type { Options, ValuesOf } from '../parts/options';

/** Weights of the two terms by learning state: w_S = kappa / (1 + kappa), w_X = 1 / (1 + kappa). */
export const regulariserWeights = (kappaAverage: number): PerModule<number> => ({
  encoder: kappaAverage / (1 + kappaAverage),
  backbone: 1 / (1 + kappaAverage),
});

/** The term, a scalar, from both divergences and their weights, all scalars. */
export type Term = (divergences: PerModule<Tensor>, weights: PerModule<Tensor>) => Tensor;

/** What other rooms must know of a regulariser with the options `Values`. */
export interface RegulariserFacts<Values> {
  /**
   * Where its gradient joins that of the cross-entropy. `loss`: the term is part of the loss, and both are one gradient.
   * `gradient`: it is found by itself and added before the gradient is clipped. `update`: it is added behind clipping,
   * scaled to the `share` of the clipped gradient's norm. By itself it takes one more forward and backward pass, and
   * the journal tells its share.
   */
  joins: 'loss' | 'gradient' | 'update';
  /** above this a divergence has no gradient */
  cap?(options: Values): number;
  /** norm of what is added over that of the clipped gradient; only of one that joins the update */
  share?(options: Values): number;
}

export type RegulariserPart<O extends Options = Options> = Part<O, RegulariserFacts<ValuesOf<O>>, Term | null>;

/** States a regulariser: what it is, its options with meaning, limits and default, its facts, and its term. */
export const defineRegulariser = <const O extends Options>(part: RegulariserPart<O>): RegulariserPart<O> => part;

/**
 * Both divergences, scalars in nats per label token.
 * @param now log p_{t,t} [N, V]; `before`: with the module named as it was a step ago, both constants to the gradient
 * @param mean of a value [N] at each label token
 */
export const changeDivergences = (
  now: Tensor,
  before: PerModule<Tensor>,
  mean: (values: Tensor) => Tensor,
): PerModule<Tensor> => both((module) => mean(divergence(now, before[module])));
