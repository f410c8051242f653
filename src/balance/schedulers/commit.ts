/**
 * CoMMIT's coordinated learning rates (docs/method.md section 4): every `interval` steps the rates follow a moving
 * average of kappa, the geometric mean of the last `window` measures. Rules [chosen; the paper's formula is not known]:
 *   symmetric  alpha_X = a_X clip(kappa^-p, 1/c, c),  alpha_S = a_S clip(kappa^p, 1/c, c)
 *   lagging    the same with lower clip 1: only the module that lags is sped up
 *   integral   the symmetric factors applied to the current factors instead of 1
 * `commit` is `commit-clr` with the regulariser of docs/method.md section 5.
 */
import type { PerModule } from '../../modules';
import { above0, number, oneOf, unsaid, whole, type ValuesOf } from '../../parts/options';
import { pushWindow, windowStatistics } from '../window';
import { bothActive, defineScheduler, type SchedulerFacts, type Warning } from './scheduler';

/** Options of the coordinated rates. */
export const commitOptions = {
  rule: unsaid(oneOf('how kappa moves the rates (docs/method.md)', ['symmetric', 'lagging', 'integral'], 'symmetric')),
  interval: whole('steps between updates of the rates', 1, 1_000_000, 5),
  window: whole('measured kappas in the moving average', 1, 10_000, 5),
  exponent: above0('exponent p of kappa (docs/method.md)', 4, 0.2),
  clip: number('factors stay within 1/clip and clip', 1, 1000, 3),
};
export type CommitOptions = ValuesOf<typeof commitOptions>;
export type CoordinationRule = CommitOptions['rule'];

interface CommitState {
  logKappas: number[];
  factor: PerModule<number>;
}

/**
 * Largest stable exponents without delay: kappa answers to (alpha_X / alpha_S)^2, the slope-2 law of docs/method.md
 * section 2.
 */
export const stabilityLimit: Readonly<Record<CoordinationRule, number>> = {
  symmetric: 1 / 4,
  lagging: 1 / 2,
  integral: 1 / 2,
};

const clamp = (value: number, low: number, high: number) => Math.min(Math.max(value, low), high);

/** The factors that follow from an average kappa; kappa = 1 gives the current ones (integral) or 1. */
export function coordinatedFactors(
  { rule, exponent, clip }: CommitOptions,
  average: number,
  current: PerModule<number>,
): PerModule<number> {
  const low = rule === 'lagging' ? 1 : 1 / clip;
  const base = rule === 'integral' ? current : { encoder: 1, backbone: 1 };
  const factor = (from: number, power: number) => clamp(from * average ** power, low, clip);
  return { encoder: factor(base.encoder, exponent), backbone: factor(base.backbone, -exponent) };
}

function warnings({ rule, interval, window, exponent }: CommitOptions, { every }: { every: number }): Warning[] {
  const limit = stabilityLimit[rule];
  const found: Warning[] = [];
  if (exponent >= limit)
    found.push({
      option: 'exponent',
      what: `exponent ${exponent} of rule ${rule} is not stable`,
      expected: `less than ${limit} (docs/method.md section 4)`,
    });
  if (rule === 'integral' && interval < window * every)
    found.push({
      option: 'interval',
      what: `rule integral with interval ${interval} swings to and fro`,
      expected: `at least window x every = ${window * every}`,
    });
  return found;
}

const coordinated = (about: string, own: Pick<SchedulerFacts<CommitOptions>, 'brings' | 'look'>) =>
  defineScheduler({
    file: __filename,
    about,
    options: commitOptions,
    facts: { ignoresKappa: false, stableBelow: stabilityLimit, window: ({ window }) => window, warnings, ...own },
    make: (chosen) => ({
      initial: { logKappas: [], factor: { encoder: 1, backbone: 1 } },
      next(state: CommitState, { step, logKappas: fresh }) {
        const logKappas = fresh.reduce<number[]>(
          (window, value) => pushWindow(window, value, chosen.window),
          state.logKappas,
        );
        const due = step > 1 && (step - 1) % chosen.interval === 0 && logKappas.length > 0;
        const factor = due
          ? coordinatedFactors(chosen, windowStatistics(logKappas).average, state.factor)
          : state.factor;
        return { state: { logKappas, factor }, decision: bothActive(factor) };
      },
    }),
  });

export const commitClr = coordinated('learning rates coordinated by kappa', { look: 'blue' });
export const commit = coordinated('commit-clr with the regulariser', {
  brings: { regulariser: 'commit', without: 'commit-clr' },
  look: 'vermilion',
});
