/**
 * CoMMIT's coordinated learning rates (docs/method.md section 4): every `interval` steps the rates follow a moving
 * average of kappa, the geometric mean of the last `window` measures. Rules [chosen; the paper's formula is not known]:
 *   symmetric  alpha_X = a_X clip(kappa^-p, 1/c, c),  alpha_S = a_S clip(kappa^p, 1/c, c)
 *   lagging    the same with lower clip 1: only the module that lags is sped up
 *   integral   the symmetric factors applied to the current factors instead of 1
 * Because kappa answers to (alpha_X / alpha_S)^2, symmetric is stable for p < 1/4, lagging and integral for p < 1/2.
 */
import type { CoordinationRule, PerModule } from '../../manifest/run';
import { pushWindow, windowStatistics } from '../window';
import { bothActive, type Scheduler } from './scheduler';

export interface CommitOptions {
  rule: CoordinationRule;
  interval: number;
  window: number;
  exponent: number;
  clip: number;
}
export interface CommitState {
  logKappas: number[];
  factor: PerModule<number>;
}

const clamp = (value: number, low: number, high: number) => Math.min(Math.max(value, low), high);

/** The factors that follow from an average kappa; kappa = 1 gives the current ones (integral) or 1. */
export function coordinatedFactors(
  options: CommitOptions,
  average: number,
  current: PerModule<number>,
): PerModule<number> {
  const low = options.rule === 'lagging' ? 1 : 1 / options.clip;
  const base = options.rule === 'integral' ? current : { encoder: 1, backbone: 1 };
  const factor = (module: PerModule<number>[keyof PerModule<number>], exponent: number) =>
    clamp(module * average ** exponent, low, options.clip);
  return { encoder: factor(base.encoder, options.exponent), backbone: factor(base.backbone, -options.exponent) };
}

export function commit(options: CommitOptions): Scheduler<CommitState> {
  return {
    initial: { logKappas: [], factor: { encoder: 1, backbone: 1 } },
    next: (state, { step, logKappas: fresh }) => {
      const logKappas = fresh.reduce<number[]>(
        (window, value) => pushWindow(window, value, options.window),
        state.logKappas,
      );
      const due = step > 1 && (step - 1) % options.interval === 0 && logKappas.length > 0;
      const factor = due
        ? coordinatedFactors(options, windowStatistics(logKappas).average, state.factor)
        : state.factor;
      return { state: { logKappas, factor }, decision: bothActive(factor) };
    },
  };
}
