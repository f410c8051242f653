/** A loss on the questions of a step, and its gradients for the modules. */
import type { Parts, Passes } from '../balance/measureStep';
import type { MultimodalModel } from '../models/multimodal';
import { type ModuleName, type PerModule } from '../modules';
import { labelLogLikelihood, labelPlaces } from '../tensor/labels';
import { logSoftmax, maskedMean } from '../tensor/ops';
import { joinVector } from '../tensor/parameters';
import { tf, type Tensor, type Tensors } from '../tensor/tf';
import { frozenTensors, passesOn, type Setting } from './programs';
import { batchTensors, type BatchTensors } from './stepInputs';

/** The questions of a step, and the model on them. */
export interface TrainingBatch {
  batch: BatchTensors;
  /** labels as `labelPlaces` gives them */
  labels: Tensor;
  passes: Passes;
  /** of a value [N] at each label place: the mean over the labels of the whole batch, of a part of it that part's share */
  mean(values: Tensor): Tensor;
  /** number of labels of the whole batch, a scalar */
  total(): Tensor;
  /** of a table [N, V] at the label places of the whole batch: the rows of these questions */
  part(table: Tensor): Tensor;
}

/** Takes the gradient of a loss on the questions of a step: of all at once, or of part after part. */
export type Differentiate = <Found extends { loss: Tensor }>(
  lossOf: (on: TrainingBatch, parts: Parts) => Found,
) => Differentiated<Found>;

/** The batch among a step's inputs. */
export function trainingBatch({ model, vocabulary }: Setting, inputs: Tensors, state: Tensors): TrainingBatch {
  const batch = batchTensors(inputs);
  return {
    batch,
    mean: (values) => maskedMean(values, batch.mask),
    total: () => tf.sum(batch.mask),
    part: (table) => table,
    labels: labelPlaces(batch.labels, vocabulary),
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

/** Cross-entropy of a batch's labels, and what it is made of. */
export function crossEntropyOf({ labels, passes, mean }: TrainingBatch, parts: Parts): Seen & { loss: Tensor } {
  const prefix = passes.prefix(parts.encoder);
  const logits = passes.words(parts.backbone, passes.hidden(parts.backbone, prefix));
  const logP = logSoftmax(logits);
  const crossEntropy = tf.neg(mean(labelLogLikelihood(logits, logP, labels)));
  return { loss: crossEntropy, prefix, logP, crossEntropy };
}

/** A loss at some parameters: its value, what was seen on the way to it, and its gradient for each module [size]. */
export interface Differentiated<Found extends { loss: Tensor }> {
  loss: Tensor;
  seen: Omit<Found, 'loss'>;
  gradients: Partial<PerModule<Tensor>>;
}

/**
 * A loss at `old` and its gradient for each of the modules [size]. What was seen on the way is the caller's to dispose
 * of.
 */
export function differentiate<Found extends { loss: Tensor }>(
  model: MultimodalModel,
  modules: readonly ModuleName[],
  old: Parts,
  lossOf: (parts: Parts) => Found,
): Differentiated<Found> {
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
