/** Clipping of gradients by norm (Pascanu et al. 2013), by module or over both, and in which steps it acted. */
import { both, moduleNames, type ModuleName, type PerModule } from '../modules';
import { norm } from '../tensor/ops';
import { clipByNorm, clipFactor, jointNorm } from '../tensor/optimiser';
import type { OptimiserSpec } from '../tensor/optimiserKinds';
import { tf, type Tensor, type Tensors } from '../tensor/tf';
import type { TrainRecord } from './records';
import { updateScalars } from './stepInputs';

/** A module's gradient after clipping [size], and its norm before. */
type Clipped = { gradient: Tensor; norm: Tensor };

/** The gradients of the modules, scaled down to `clip`: each by its own norm, or all by the norm of those in motion. */
export function clipGradients(
  { clip, clipOver }: OptimiserSpec,
  modules: readonly ModuleName[],
  gradients: Partial<PerModule<Tensor>>,
  inputs: Tensors,
): Partial<PerModule<Clipped>> {
  const each = (clipped: (gradient: Tensor, module: ModuleName) => Clipped) =>
    Object.fromEntries(modules.map((module) => [module, clipped(gradients[module]!, module)]));
  if (clipOver === 'module') return each((gradient) => clipByNorm(gradient, clip));
  const norms: Partial<PerModule<Tensor>> = Object.fromEntries(modules.map((m) => [m, norm(gradients[m]!)]));
  const factor = clipFactor(
    jointNorm(modules.map((module) => ({ norm: norms[module]!, active: updateScalars(inputs, module).active }))),
    clip,
  );
  return each((gradient, module) => ({ gradient: tf.mul(gradient, factor), norm: norms[module]! }));
}

/**
 * Whether a step's gradient was scaled down, of each module that was trained in it; null for a module that was not.
 * Follows from the journal: norms there are those before clipping, and a module that is frozen has a rate of 0.
 */
export function wasClipped(
  { clip, clipOver }: OptimiserSpec,
  { gradientNorm, learningRate }: Pick<TrainRecord, 'gradientNorm' | 'learningRate'>,
): PerModule<boolean | null> {
  const moving = (module: ModuleName) => learningRate[module] > 0;
  const joint = Math.hypot(...moduleNames.filter(moving).map((module) => gradientNorm[module]));
  return both((module) =>
    moving(module) ? clip > 0 && (clipOver === 'joint' ? joint : gradientNorm[module]) > clip : null,
  );
}
