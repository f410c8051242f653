/**
 * The passes behind kappa (docs/method.md section 2): the model is asked the same questions with one module after its
 * step and the other before it, and the distributions of the next token are compared. The ratio is taken in kappa.ts,
 * from numbers, and the other metrics in measure.ts.
 */
import type { PerModule } from '../modules';
import { divergence, innerProduct, logSoftmax, maskedMean, norm } from '../tensor/ops';
import { byRows, rowsAtOnce, type Cut } from '../tensor/rows';
import { tf, type Tensor } from '../tensor/tf';
import { divergencePairs, type MixedStates } from './kappa';

/** The model on fixed questions, as functions of its trained parameters alone. */
export interface Passes {
  /** the encoder's parameters -> what the backbone is given of the questions' features */
  prefix(encoder: Tensor[]): Tensor;
  /** the backbone's parameters and a prefix -> its last hidden states at the label places [N, D] */
  hidden(backbone: Tensor[], prefix: Tensor): Tensor;
  /** the backbone's parameters and hidden states of some places [n, D] -> logits of the next token there [n, V] */
  words(backbone: Tensor[], hidden: Tensor): Tensor;
}

/** The backbone's parameters and a prefix -> log-probabilities at the label places [N, V]. */
export const logProbabilities = ({ hidden, words }: Passes, backbone: Tensor[], prefix: Tensor): Tensor =>
  logSoftmax(words(backbone, hidden(backbone, prefix)));

/** Both modules' parameters. */
export type Parts = PerModule<Tensor[]>;

/** What the training pass has already found out about the old parameters, where kappa is measured on its batch. */
export interface OldPass {
  prefix: Tensor;
  /** [N, V] */
  logProbabilities: Tensor;
}

/** D_X and D_S: at each label place [N], or their means, scalars; in nats. */
export interface Divergences {
  dBackbone: Tensor;
  dEncoder: Tensor;
}

/** How the divergences of a step are found. */
export interface DivergenceOptions {
  variant: 'a' | 'b';
  vocabulary: number;
  /** the passes at t on these questions; null where they are still to be made */
  old: OldPass | null;
  /** label places whose tables over the vocabulary are kept at a time */
  places?: number;
}

/**
 * D_X and D_S of a step at each label place, [N], in nats: how far the backbone's step alone, and the encoder's alone,
 * move the distribution of the next token. Their means over the label places are what kappa is taken from. Tables over
 * the vocabulary are made for some label places after the others, so that long answers in many words fit.
 * @param before parameters at t, `after` at t + 1
 */
export function stepDivergences(
  passes: Passes,
  { before, after }: { before: Parts; after: Parts },
  { variant, vocabulary, old, places = rowsAtOnce(vocabulary) }: DivergenceOptions,
): Divergences {
  const oldPrefix = old === null ? passes.prefix(before.encoder) : old.prefix;
  const newPrefix = passes.prefix(after.encoder);
  const passed = (backbone: Tensor[], prefix: Tensor): Passed => {
    const hidden = passes.hidden(backbone, prefix);
    return { count: hidden.shape[0]!, table: (cut) => logSoftmax(passes.words(backbone, cut(hidden))) };
  };
  const known = (table: Tensor): Passed => ({ count: table.shape[0]!, table: (cut) => cut(table) });
  const states: MixedStates<Passed> = {
    old: old === null ? passed(before.backbone, oldPrefix) : known(old.logProbabilities),
    backboneMoved: passed(after.backbone, oldPrefix),
    encoderMoved: passed(before.backbone, newPrefix),
    ...(variant === 'b' ? { moved: passed(after.backbone, newPrefix) } : {}),
  };
  const [dBackbone, dEncoder] = byRows(states.old.count, places, (cut) => {
    const { backbone, encoder } = divergencePairs(variant, {
      old: states.old.table(cut),
      backboneMoved: states.backboneMoved.table(cut),
      encoderMoved: states.encoderMoved.table(cut),
      ...(states.moved === undefined ? {} : { moved: states.moved.table(cut) }),
    });
    return [divergence(...backbone), divergence(...encoder)];
  }) as [Tensor, Tensor];
  return { dBackbone, dEncoder };
}

/** What a pass gives at its label places, and log-probabilities [n, V] at some of them. */
interface Passed {
  count: number;
  table(cut: Cut): Tensor;
}

/** The means of divergences [N] over the places where `mask` [N] is 1, scalars in nats per label token. */
export const meanDivergences = ({ dBackbone, dEncoder }: Divergences, mask: Tensor): Divergences => ({
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
