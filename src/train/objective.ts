/** The objective of a step and its gradients: cross-entropy of the batch's labels and, where there is one, a regulariser. */
import { logProbabilities, type Parts } from '../balance/measureStep';
import { changeDivergences, type Term } from '../balance/regulariser';
import { isUnregularised, factsOfRegulariser, termOf } from '../balance/regularisers';
import { both, type ModuleName, type PerModule } from '../modules';
import { norm } from '../tensor/ops';
import { inPrecision } from '../tensor/products';
import { tf, type Tensor, type Tensors } from '../tensor/tf';
import { accumulating } from './accumulate';
import type { BatchShape } from './batches';
import { crossEntropyOf, differentiate, type Differentiate, type Seen, type TrainingBatch } from './differentiate';
import { partsOf, type Setting } from './programs';
import { weightTensors } from './stepInputs';

/** The gradients of a step. Tensors in `seen` are the caller's to dispose of. */
export interface Gradients {
  /** the objective, a scalar: cross-entropy and the regulariser's term */
  loss: Tensor;
  seen: Seen;
  /** of each module [size], before clipping */
  gradients: Partial<PerModule<Tensor>>;
  /** the regulariser's own gradients [size], where it is found by itself */
  own: Partial<PerModule<Tensor>> | null;
}

/** The regulariser's term on some questions, from log p at their label places of the parameters that are differentiated. */
interface TermOnBatch {
  on(questions: TrainingBatch, logP: Tensor): { value: Tensor; klEncoder: Tensor; klBackbone: Tensor };
  /** on the whole batch, where the questions are parts of it: their values say its slope, not its height */
  value: Tensor | null;
}

/** It needs log p with one module as it was a step ago and the other as it is now. */
function termOnBatch(
  term: Term,
  { model, accumulate = 1 }: Setting,
  whole: TrainingBatch,
  { inputs, state, old: now }: StepState,
): TermOnBatch {
  const { passes } = whole;
  const previous = partsOf(model, state, 'previous');
  const before = {
    encoder: logProbabilities(passes, now.backbone, passes.prefix(previous.encoder)),
    backbone: logProbabilities(passes, previous.backbone, passes.prefix(now.encoder)),
  };
  const divergencesOn = ({ mean, part }: TrainingBatch, logP: Tensor): PerModule<Tensor> =>
    changeDivergences(
      logP,
      both((module) => part(before[module])),
      mean,
    );
  const weights = weightTensors(inputs);
  const told = ({ encoder, backbone }: PerModule<Tensor>) => ({ klEncoder: encoder, klBackbone: backbone });
  if (accumulate === 1)
    return {
      value: null,
      on: (questions, logP) => {
        const divergences = divergencesOn(questions, logP);
        return { value: term(divergences, weights), ...told(divergences) };
      },
    };
  // The term is a function of the whole batch's divergences; on a part it stands as its slope there.
  const all = divergencesOn(whole, logProbabilities(passes, now.backbone, passes.prefix(now.encoder)));
  const slope = slopeOf(term, all, weights);
  return {
    value: term(all, weights),
    on: (questions, logP) => {
      const shares = divergencesOn(questions, logP);
      const value = tf.add(tf.mul(slope.encoder, shares.encoder), tf.mul(slope.backbone, shares.backbone));
      return { value, ...told(shares) };
    },
  };
}

/** The derivatives of a term by both divergences, scalars. */
function slopeOf(term: Term, { encoder, backbone }: PerModule<Tensor>, weights: PerModule<Tensor>): PerModule<Tensor> {
  const [byEncoder, byBackbone] = tf.grads((s: Tensor, x: Tensor) =>
    // A term need not depend on both; TensorFlow.js wants a path to each.
    tf.add(term({ encoder: s, backbone: x }, weights), tf.mul(tf.add(s, x), 0)),
  )([encoder, backbone]) as [Tensor, Tensor];
  return { encoder: byEncoder, backbone: byBackbone };
}

/** What a step reads: inputs as stepInputs.ts declares them, the session's state, and both modules' parameters in it. */
export interface StepState {
  inputs: Tensors;
  state: Tensors;
  old: Parts;
  shape: BatchShape;
}

/** The objective at `old` and its gradients for the given modules. A regulariser acts only where both are trained. */
export function gradientsOf(
  setting: Setting,
  modules: readonly ModuleName[],
  whole: TrainingBatch,
  step: StepState,
): Gradients {
  const { model, regulariser: spec, accumulate = 1, precision } = setting;
  const gradientOf: Differentiate =
    accumulate === 1
      ? (lossOf) => differentiate(model, modules, step.old, (parts) => lossOf(whole, parts))
      : accumulating(setting, accumulate, { modules, on: whole, ...step });
  const plain = () => inPrecision(precision, () => gradientOf(crossEntropyOf));
  const term = modules.length === 2 && !isUnregularised(spec) ? termOf(spec) : null;
  if (term === null) return { ...plain(), own: null };
  const onBatch = termOnBatch(term, setting, whole, step);
  const { joins } = factsOfRegulariser(spec);
  // A divergence is a difference of passes that are nearly alike: it is never taken of rounded ones.
  if (joins === 'loss' && precision !== 'bfloat16') {
    const found = gradientOf((on, parts) => {
      const { crossEntropy, logP, ...rest } = crossEntropyOf(on, parts);
      const { value, ...divergences } = onBatch.on(on, logP);
      return { ...rest, loss: tf.add(crossEntropy, value), logP, crossEntropy, ...divergences };
    });
    return {
      ...found,
      ...(onBatch.value === null ? {} : { loss: tf.add(found.seen.crossEntropy, onBatch.value) }),
      own: null,
    };
  }
  const { loss, seen, gradients } = plain();
  const added = gradientOf((on, parts) => {
    const { value, ...divergences } = onBatch.on(
      on,
      logProbabilities(on.passes, parts.backbone, on.passes.prefix(parts.encoder)),
    );
    return { loss: value, ...divergences };
  });
  const of = (gradient: (module: ModuleName) => Tensor) =>
    Object.fromEntries(modules.map((module) => [module, gradient(module)]));
  return {
    loss: tf.add(loss, onBatch.value ?? added.loss),
    seen: { ...seen, ...added.seen },
    gradients: joins === 'update' ? gradients : of((module) => tf.add(gradients[module]!, added.gradients[module]!)),
    own: joins === 'loss' ? null : added.gradients,
  };
}

/** What is added behind clipping, and the share that the regulariser's gradient has of the others'. */
export interface OwnGradient {
  /** to be added to the clipped gradient; absent where it is part of that already */
  added?: Tensor;
  /** norm of the regulariser's gradient over the norm of that to which it is added; a scalar */
  share: Tensor;
}

/** Smallest norm that is divided by. */
const noNorm = 1e-30;
/**
 * Share of the other gradient below which a regulariser's has no direction: it is made of rounding, as at the first
 * step, where both states are one.
 */
const noDirection = 1e-5;

/**
 * What the regulariser's own gradients [size] do to a module's gradient.
 * @param whole the module's gradient before clipping, with that of the regulariser where it joins there
 * @param clipped the same after clipping
 */
export function ownGradient(spec: Setting['regulariser'], own: Tensor, whole: Tensor, clipped: Tensor): OwnGradient {
  const { share } = factsOfRegulariser(spec);
  const length = norm(own);
  if (share === null) return { share: tf.div(length, tf.add(norm(tf.sub(whole, own)), noNorm)) };
  const scale = tf.div(tf.mul(norm(clipped), share), tf.add(length, noNorm));
  const hasDirection = tf.cast(tf.greater(length, tf.mul(norm(whole), noDirection)), 'float32');
  return { added: tf.mul(own, tf.mul(scale, hasDirection)), share: tf.mul(hasDirection, share) };
}
