/** What every optimiser is given and gives back, and how a frozen module's memory stays as it is. */
import { tf, type Tensor, type Tensors } from './tf';

/** Per-step scalars of one module, computed in JavaScript in float64. */
export interface StepScalars {
  /** learning rate of this step: one [], or one for each parameter [size] */
  rate: Tensor;
  /** that of the module [], whatever multiples its parts have */
  moduleRate: Tensor;
  /** 1 when the module is trained in this step, 0 when it is frozen: then moments and parameters stay as they are */
  active: Tensor;
  /** 1 - beta1^n and 1 - beta2^n with n the module's own update count */
  correction1: Tensor;
  correction2: Tensor;
}

/** What an optimiser remembers of a module, by the names of `slotsOf`. */
export type Slots = Tensors;

/** A module after an update. */
export interface Updated {
  theta: Tensor;
  slots: Slots;
}

/** The decay of an average, 1 for a frozen module. */
export const decayOf = (decay: number, active: Tensor): Tensor => tf.sub(1, tf.mul(active, 1 - Math.fround(decay)));

/** A moving average after a step: (1 - decay) of the way to the fresh value. */
export const moved = (average: Tensor, fresh: Tensor, decay: number, active: Tensor): Tensor =>
  tf.add(average, tf.mul(tf.sub(fresh, average), tf.mul(active, 1 - Math.fround(decay))));

/** A gradient or a step, and the weight decay that joins it. */
export const withDecay = ({ weightDecay }: { weightDecay: number }, theta: Tensor, step: Tensor): Tensor =>
  weightDecay > 0 ? tf.add(step, tf.mul(theta, weightDecay)) : step;
