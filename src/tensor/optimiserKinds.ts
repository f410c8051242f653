/** The optimisers that a manifest may choose, with PyTorch's defaults; the update rules stand in optimiser.ts. */
import { kind, type SpecOf } from '../parts/define';
import { above0, below1, number, oneOf } from '../parts/options';

const both = {
  weightDecay: number('weight decay', 0, 10, 0),
  clip: number('gradients are scaled down to this norm; 0 switches it off', 0, 1_000_000, 1),
  clipOver: oneOf(
    "what `clip` is the norm of: each module's gradient by itself, or that of both together, which leaves their ratio as it is",
    ['module', 'joint'],
    'joint',
  ),
};
const adam = {
  beta1: below1('decay of the first moment', 0.9),
  beta2: below1('decay of the second moment', 0.999),
  epsilon: above0('added to the root of the second moment', 1, 1e-8),
  ...both,
};

/** By the name that manifests use. */
export const optimisers = {
  adamw: kind('Adam with decoupled weight decay', adam),
  adam: kind('Adam, weight decay added to the gradient', adam),
  sgd: kind('stochastic gradient descent', { ...both, momentum: below1('momentum', 0) }),
};

/** An optimiser's name and all of its options, as in a resolved run. */
export type OptimiserSpec = SpecOf<typeof optimisers>;

/**
 * The decays of Adam's moments, which a step's corrections undo; an optimiser without such moments has nothing to undo:
 * 0.
 */
export const adamDecays = (spec: OptimiserSpec): { beta1: number; beta2: number } =>
  spec.kind === 'sgd' ? { beta1: 0, beta2: 0 } : spec;
