/**
 * What every scheduler is: plain state, and a pure step from (state, observation) to the learning-rate factors of the
 * next step. State is JSON, so it can be journalled and checkpointed. `defineScheduler` states one with all that other
 * rooms must know of it, in the scheduler's own file; index.ts lists them.
 */
import type { PerModule } from '../../modules';
import type { Part } from '../../parts/define';
import type { Options, ValuesOf } from '../../parts/options';

export interface Observation {
  /** step that is about to be taken, from 1 */
  step: number;
  /** steps of the whole run */
  steps: number;
  /** steps of linear warm-up, which multiplies the factors */
  warmup: number;
  /** kappas measured since the previous call, oldest first */
  logKappas: readonly number[];
  /** of both modules in the step before, null before the first */
  gradientNorm: PerModule<number> | null;
  /** of both modules before that step; null before the first, and for a scheduler that does not ask for them */
  parameterNorm: PerModule<number> | null;
  /** base learning rates */
  rate: PerModule<number>;
  /** the factors, step by step, of the run that this one follows; null for a scheduler that follows none */
  followed: readonly PerModule<number>[] | null;
}

export interface Decision {
  /** multiplies the base learning rates */
  factor: PerModule<number>;
  /** false: the module and its optimiser state stay as they are in this step */
  active: PerModule<boolean>;
  /** false: no noise in this step; only of a scheduler with gradient noise */
  noise?: false;
}

export interface Scheduler<State> {
  initial: State;
  next(state: State, observation: Observation): { state: State; decision: Decision };
}

/** Both modules trained at their base rates. */
export const bothActive = (factor: PerModule<number> = { encoder: 1, backbone: 1 }): Decision => ({
  factor,
  active: { encoder: true, backbone: true },
});

/** Colour and dash of a method in every figure (analysis/style.ts), after the palette of Okabe and Ito. */
export type LookName = 'black' | 'sky-blue' | 'orange' | 'blue' | 'vermilion' | 'green' | 'purple' | 'grey';

/** What is wrong with an option's value, or what a reader should know of it before such a run is trained. */
export interface Warning {
  option: string;
  what: string;
  expected: string;
}

/** What other rooms must know of a scheduler with the options `Values`. */
export interface SchedulerFacts<Values> {
  /** its decisions are the same whatever kappa is */
  ignoresKappa: boolean;
  /** its rates decay by themselves towards the end of the run */
  decays?: boolean;
  /** in some steps it trains one module only */
  oneAtATime?: boolean;
  /**
   * joint steps add Gaussian noise to the gradients, with the standard deviation of the module's whole gradient or of
   * that of each parameter tensor
   */
  gradientNoise?: 'module' | 'tensor';
  /** it is told the norms of the parameters, which every step then works out */
  parameterNorms?: boolean;
  /** measured kappas in the run's moving statistics; `defaultWindow` of window.ts when absent */
  window?(options: Values): number;
  /** by the value of its option `rule`, the exponent p from which on the rates ring (docs/method.md section 4) */
  stableBelow?: Readonly<Record<string, number>>;
  /** what forbids the values of the options together */
  faults?(options: Values): Warning[];
  /** `measure`: steps between measurements of kappa */
  warnings?(options: Values, measure: { every: number }): Warning[];
  /**
   * the run whose factors it takes: the same but for its scheduler, with a seed that is `shift` higher; it is trained
   * first
   */
  follows?(options: Values): { scheduler: { kind: string }; shift: number };
  /** the regulariser that belongs to it, and the scheduler that is the same without one */
  brings?: { regulariser: string; without: string };
  /** a scheduler without one takes a look that is free */
  look?: LookName;
}

export type SchedulerPart<O extends Options = Options> = Part<O, SchedulerFacts<ValuesOf<O>>, Scheduler<unknown>>;

/** States a scheduler: what it is, its options with meaning, limits and default, its facts, and its code. */
export const defineScheduler = <const O extends Options>(part: SchedulerPart<O>): SchedulerPart<O> => part;
