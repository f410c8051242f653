/**
 * The optimisers that a manifest may choose: their options, with the defaults of PyTorch or of their authors' code, and
 * what each remembers between two steps. The update rules stand in optimiser.ts and the files beside it.
 */
import { completeSpec, kind, type SpecOf } from '../parts/define';
import { above0, below1, number, oneOf } from '../parts/options';

const every = {
  weightDecay: number('weight decay', 0, 10, 0),
  clip: number('gradients are scaled down to this norm; 0 switches it off', 0, 1_000_000, 1),
  clipOver: oneOf(
    "what `clip` is the norm of: each module's gradient by itself, or that of both together, which leaves their ratio as it is",
    ['module', 'joint'],
    'joint',
  ),
};
/** LoRA+ (Hayou et al. 2024) is a ratio of rates, whatever the update rule. */
const loraPlus = {
  loraRatio: above0(
    'LoRA+: the learning rate of the matrices B of adapters, which start at zero, over that of their matrices A',
    1000,
    1,
  ),
};
const betas = {
  beta1: below1('decay of the first moment', 0.9),
  beta2: below1('decay of the second moment', 0.999),
};
const epsilon = (standard: number) => above0('added to the root of the second moment', 1, standard);
const adam = { ...betas, epsilon: epsilon(1e-8), ...every, ...loraPlus };

/** By the name that manifests use. */
export const optimisers = {
  adamw: kind('Adam with decoupled weight decay', adam),
  adam: kind('Adam, weight decay added to the gradient', adam),
  sgd: kind('stochastic gradient descent', { ...every, momentum: below1('momentum', 0), ...loraPlus }),
  lamb: kind('Adam whose step is as long as the parameters of its module times the rate', {
    ...betas,
    epsilon: epsilon(1e-6),
    ...every,
    ...loraPlus,
  }),
  prodigy: kind('Adam that finds the rate of each module by itself; its learning rate is a multiple, usually 1', {
    ...betas,
    epsilon: epsilon(1e-8),
    start: above0('the first estimate of the distance that a module has to go', 1, 1e-6),
    coefficient: above0('multiplies the estimate', 1000, 1),
    biasCorrection: oneOf("whether Adam's moments are corrected for their start", ['off', 'on'], 'off'),
    safeguard: oneOf(
      'whether the rate is left out of the divisor of the estimate, so that warm-up does not raise it',
      ['off', 'on'],
      'off',
    ),
    ...every,
  }),
  'schedule-free': kind('AdamW that averages its parameters instead of letting the rate decay', {
    beta1: above0('weight of the average in the point at which gradients are taken', 0.9999, 0.9),
    beta2: betas.beta2,
    epsilon: epsilon(1e-8),
    ...every,
    ...loraPlus,
  }),
};

/** An optimiser's name and all of its options, as in a resolved run. */
export type OptimiserSpec = SpecOf<typeof optimisers>;
export type OptimiserOf<Kind extends OptimiserSpec['kind']> = Extract<OptimiserSpec, { kind: Kind }>;

/**
 * The decays of Adam's moments, which a step's corrections undo; an optimiser without such moments has nothing to undo:
 * 0.
 */
export const adamDecays = (spec: OptimiserSpec): { beta1: number; beta2: number } =>
  spec.kind === 'sgd' ? { beta1: 0, beta2: 0 } : spec;

/**
 * Something of a module that an optimiser remembers, beside its parameters: as many numbers as these, which begin as
 * zeros or as they do, or one number.
 */
export type Slot = { name: string; begins: 'zeros' | 'theta' } | { name: string; begins: number };

const moments: readonly Slot[] = [
  { name: 'first', begins: 'zeros' },
  { name: 'second', begins: 'zeros' },
];

/** All that an optimiser remembers of a module. */
export function slotsOf(spec: OptimiserSpec): readonly Slot[] {
  switch (spec.kind) {
    case 'prodigy':
      return [
        ...moments,
        { name: 'origin', begins: 'theta' },
        { name: 'weighted', begins: 'zeros' },
        { name: 'travelled', begins: 0 },
        { name: 'distance', begins: spec.start },
      ];
    case 'schedule-free':
      return [
        { name: 'second', begins: 'zeros' },
        { name: 'base', begins: 'theta' },
        { name: 'average', begins: 'theta' },
        { name: 'weights', begins: 0 },
        { name: 'fastest', begins: 0 },
      ];
    default:
      return moments;
  }
}

/** The numbers that an optimiser remembers of a module with so many parameters. */
export const slotSize = (spec: OptimiserSpec, parameters: number): number =>
  slotsOf(spec).reduce((sum, { begins }) => sum + (typeof begins === 'number' ? 1 : parameters), 0);

/** The piece of state in which a model's parameters are evaluated and kept: where an optimiser averages, its average. */
export const evaluatedPiece = ({ kind }: OptimiserSpec): 'theta' | 'average' =>
  kind === 'schedule-free' ? 'average' : 'theta';

/** What schedulers are tried with; the other optimisers are methods of their own and are compared with AdamW. */
const usual = ['adamw', 'adam', 'sgd'] as const;
const isUsual = (spec: OptimiserSpec): spec is OptimiserOf<(typeof usual)[number]> =>
  usual.some((kind) => kind === spec.kind);

/** The optimisers that are methods of their own, by name. */
export const rivalOptimisers: readonly string[] = Object.keys(optimisers).filter(
  (name) => !usual.some((kind) => kind === name),
);

/**
 * What trains the alignment phase, which all methods of a seed share: AdamW for the optimisers that are compared with
 * it, so that their runs start from the same encoder; the others themselves. Adapters have no part in the phase.
 */
export function alignmentOptimiser(spec: OptimiserSpec): OptimiserSpec {
  const { weightDecay, clip, clipOver } = spec;
  return isUsual(spec)
    ? { ...spec, loraRatio: 1 }
    : completeSpec(optimisers, { kind: 'adamw', weightDecay, clip, clipOver });
}
