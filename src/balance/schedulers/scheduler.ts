/**
 * What every scheduler is: plain state, and a pure step from (state, observation) to the learning-rate factors of the
 * next step. State is JSON, so it can be journalled and checkpointed.
 */
import type { PerModule } from '../../manifest/run';

export interface Observation {
  /** step that is about to be taken, from 1 */
  step: number;
  /** steps of the whole run */
  steps: number;
  /** kappas measured since the previous call, oldest first */
  logKappas: readonly number[];
  /** of both modules in the step before, null before the first */
  gradientNorm: PerModule<number> | null;
}

export interface Decision {
  /** multiplies the base learning rates */
  factor: PerModule<number>;
  /** false: the module and its optimiser state stay as they are in this step */
  active: PerModule<boolean>;
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
