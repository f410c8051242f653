/**
 * Micro-batches: the questions of a step in parts, one after the other, whose gradients add up to that of the whole.
 * Only one part's forward pass is held at a time.
 */
import type { Parts } from '../balance/measureStep';
import type { ModuleName } from '../modules';
import { labelPlaces } from '../tensor/labels';
import { after } from '../tensor/recompute';
import { tf, type Tensor, type Tensors } from '../tensor/tf';
import type { BatchShape } from './batches';
import { differentiate, type Differentiated, type Differentiate, type TrainingBatch } from './differentiate';
import { frozenTensors, passesOn, type Setting } from './programs';

/** A step whose gradients are taken in parts. */
interface Accumulated {
  modules: readonly ModuleName[];
  /** of the whole batch */
  on: TrainingBatch;
  shape: BatchShape;
  state: Tensors;
  old: Parts;
}

/**
 * Takes gradients in `count` parts, which must divide the batch. Scalars that are seen on the way are shares of a mean
 * and add up; tables are put together again.
 */
export function accumulating(setting: Setting, count: number, step: Accumulated): Differentiate {
  // No part begins before the one before it has ended, of this gradient or of the one taken before.
  let ended: Tensor[] = [];
  return (lossOf) => {
    const next = (index: number) => {
      const part = microBatch(setting, step, { index, count, ended });
      return differentiate(setting.model, step.modules, step.old, (now) => lossOf(part, now));
    };
    let sum = next(0);
    for (let index = 1; index < count; index++) {
      ended = Object.values(sum.gradients);
      sum = summed(sum, next(index));
    }
    ended = Object.values(sum.gradients);
    return sum;
  };
}

/** The sum of two parts' losses, gradients and what was seen. */
function summed<Found extends { loss: Tensor }>(a: Differentiated<Found>, b: Differentiated<Found>) {
  const both = (x: Tensors, y: Tensors, join: (u: Tensor, v: Tensor) => Tensor): Tensors =>
    Object.fromEntries(Object.entries(x).map(([name, value]) => [name, join(value, y[name]!)]));
  const [seen, more] = [a.seen, b.seen] as unknown as [Tensors, Tensors];
  const sum = {
    loss: tf.add(a.loss, b.loss),
    seen: both(seen, more, (u, v) => (u.rank === 0 ? tf.add(u, v) : tf.concat([u, v], 0))),
    gradients: both(a.gradients, b.gradients, (u, v) => tf.add(u, v)),
  };
  tf.dispose([a.loss, b.loss, seen, more, a.gradients, b.gradients]);
  return sum as unknown as Differentiated<Found>;
}

/** One part of the questions, to be read after `ended`. */
function microBatch(
  { model, vocabulary }: Setting,
  { on: { batch, total }, shape, state }: Accumulated,
  { index, count, ended }: { index: number; count: number; ended: readonly Tensor[] },
): TrainingBatch {
  const rows = shape.batch / count,
    labels = rows * shape.labels,
    places = rows * (shape.prefixTokens + shape.tokens);
  const cut = (x: Tensor, size: number): Tensor =>
    tf.slice(x, [index * size, ...x.shape.slice(1).map(() => 0)], [size, ...x.shape.slice(1)]);
  const waiting = (x: Tensor, size: number): Tensor => after(cut(x, size), ended);
  const own = {
    features: waiting(batch.features, rows),
    tokens: waiting(batch.tokens, rows),
    // A place of a row without a label is the first of the whole batch, which other parts do not have.
    positions: tf.maximum(
      tf.sub(cut(batch.positions, labels), tf.scalar(index * places, 'int32')),
      tf.scalar(0, 'int32'),
    ),
    labels: cut(batch.labels, labels),
    mask: cut(batch.mask, labels),
  };
  return {
    batch: own,
    labels: labelPlaces(own.labels, vocabulary),
    passes: passesOn(model, frozenTensors(model, state), own),
    total,
    mean: (values) => tf.div(tf.sum(tf.mul(values, own.mask)), total()),
    part: (table) => cut(table, labels),
  };
}
