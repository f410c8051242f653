/** The objective of a step and its gradients: cross-entropy of the batch's labels and, where there is one, a regulariser. */
import { type Parts, type Passes } from '../balance/measureStep';
import { changeDivergences, type Term } from '../balance/regulariser';
import { isUnregularised, factsOfRegulariser, termOf } from '../balance/regularisers';
import type { MultimodalModel } from '../models/multimodal';
import { type ModuleName, type PerModule } from '../modules';
import { labelLogProbability, maskedMean, norm, oneHot } from '../tensor/ops';
import { joinVector } from '../tensor/parameters';
import { inPrecision } from '../tensor/products';
import { tf, type Tensor, type Tensors } from '../tensor/tf';
import { frozenTensors, partsOf, passesOn, type Setting } from './programs';
import { batchTensors, weightTensors, type BatchTensors } from './stepInputs';

/** The questions of a step, and the model on them. */
export interface TrainingBatch {
  batch: BatchTensors;
  /** labels [N, V] */
  hot: Tensor;
  passes: Passes;
}

/** The batch among a step's inputs. */
export function trainingBatch({ model, vocabulary }: Setting, inputs: Tensors, state: Tensors): TrainingBatch {
  const batch = batchTensors(inputs);
  return {
    batch,
    hot: oneHot(batch.labels, vocabulary),
    passes: passesOn(model, frozenTensors(model, state), batch),
  };
}

/** What the training pass finds out on its way to the loss. */
export interface Seen {
  prefix: Tensor;
  /** log-probabilities at the label places [N, V] */
  logP: Tensor;
  crossEntropy: Tensor;
  /** the regulariser's divergences; absent without one */
  klEncoder?: Tensor;
  klBackbone?: Tensor;
}

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

/** The regulariser on a batch, given log p of the parameters that are differentiated. */
type TermOnBatch = (now: Tensor) => { value: Tensor; klEncoder: Tensor; klBackbone: Tensor };

/** It needs log p with one module as it was a step ago and the other as it is now. */
function termOnBatch(
  term: Term,
  model: MultimodalModel,
  { batch, passes }: TrainingBatch,
  inputs: Tensors,
  state: Tensors,
  now: Parts,
): TermOnBatch {
  const previous = partsOf(model, state, 'previous');
  const before = {
    encoder: passes.logProbabilities(now.backbone, passes.prefix(previous.encoder)),
    backbone: passes.logProbabilities(previous.backbone, passes.prefix(now.encoder)),
  };
  return (logP) => {
    const divergences = changeDivergences(logP, before, batch.mask);
    const value = term(divergences, weightTensors(inputs));
    return { value, klEncoder: divergences.encoder, klBackbone: divergences.backbone };
  };
}

/**
 * The objective at `old` and its gradients for the given modules. A regulariser acts only where both are trained.
 * @param state that of the session; `inputs` those of a training step (stepInputs.ts)
 */
export function gradientsOf(
  setting: Setting,
  modules: readonly ModuleName[],
  on: TrainingBatch,
  { inputs, state, old }: { inputs: Tensors; state: Tensors; old: Parts },
): Gradients {
  const { model, regulariser: spec, precision } = setting;
  const term = modules.length === 2 && !isUnregularised(spec) ? termOf(spec) : null;
  const plain = () =>
    inPrecision(precision, () => differentiate(model, modules, old, (parts) => crossEntropyOf(on, parts)));
  if (term === null) return { ...plain(), own: null };
  const onBatch = termOnBatch(term, model, on, inputs, state, old);
  const { joins } = factsOfRegulariser(spec);
  // A divergence is a difference of passes that are nearly alike: it is never taken of rounded ones.
  if (joins === 'loss' && precision !== 'bfloat16')
    return {
      ...differentiate(model, modules, old, (parts) => {
        const { crossEntropy, logP, ...rest } = crossEntropyOf(on, parts);
        const { value, ...divergences } = onBatch(logP);
        return { ...rest, loss: tf.add(crossEntropy, value), logP, crossEntropy, ...divergences };
      }),
      own: null,
    };
  const { loss, seen, gradients } = plain();
  const added = differentiate(model, modules, old, (parts) => {
    const { value, ...divergences } = onBatch(
      on.passes.logProbabilities(parts.backbone, on.passes.prefix(parts.encoder)),
    );
    return { loss: value, ...divergences };
  });
  const of = (gradient: (module: ModuleName) => Tensor) =>
    Object.fromEntries(modules.map((module) => [module, gradient(module)]));
  return {
    loss: tf.add(loss, added.loss),
    seen: { ...seen, ...added.seen },
    gradients: joins === 'update' ? gradients : of((module) => tf.add(gradients[module]!, added.gradients[module]!)),
    own: joins === 'loss' ? null : added.gradients,
  };
}

/** Cross-entropy of a batch's labels, and what it is made of. */
function crossEntropyOf({ batch, hot, passes }: TrainingBatch, parts: Parts): Seen & { loss: Tensor } {
  const prefix = passes.prefix(parts.encoder);
  const logP = passes.logProbabilities(parts.backbone, prefix);
  const crossEntropy = tf.neg(maskedMean(labelLogProbability(logP, hot), batch.mask));
  return { loss: crossEntropy, prefix, logP, crossEntropy };
}

/**
 * A loss at `old` and its gradient for each of the modules [size]. What was seen on the way is the caller's to dispose
 * of.
 */
function differentiate<Found extends { loss: Tensor }>(
  model: MultimodalModel,
  modules: readonly ModuleName[],
  old: Parts,
  lossOf: (parts: Parts) => Found,
): { loss: Tensor; seen: Omit<Found, 'loss'>; gradients: Partial<PerModule<Tensor>> } {
  const split = (tensors: Tensor[]): Partial<Parts> => {
    let at = 0;
    return Object.fromEntries(
      modules.map((module) => [module, tensors.slice(at, (at += model.trainable[module].length))]),
    );
  };
  let kept: Omit<Found, 'loss'> | undefined;
  const scalar = (...given: Tensor[]): tf.Scalar => {
    const { loss, ...seen } = lossOf({ ...old, ...split(given) });
    // Differentiation frees whatever its function leaves behind.
    kept = Object.fromEntries(
      Object.entries(seen).map(([name, tensor]) => [name, tf.keep((tensor as Tensor).clone())]),
    ) as unknown as Omit<Found, 'loss'>;
    return loss as tf.Scalar;
  };
  const { value, grads } = tf.valueAndGrads(scalar)(modules.flatMap((module) => old[module]));
  const parts = split(grads);
  const gradients = Object.fromEntries(modules.map((module) => [module, joinVector(parts[module]!)]));
  return { loss: value, seen: kept!, gradients };
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
