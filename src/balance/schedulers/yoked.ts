/**
 * The controls for coordinated rates: the rates that coordination chose, without what it followed. A run takes the
 * factors of a finished run that differs in the seed and in being coordinated: their mean over the steps, or one after
 * the other. Where it does as well, the rates were what helped, not that they followed kappa. `yoked` follows
 * `commit-clr`, under any of its rules, and `yoked-formula` (yokedFormula.ts) a rule of the manifest's own. Yoked
 * controls: Church 1964.
 */
import type { PerModule } from '../../modules';
import { oneOf, whole } from '../../parts/options';
import { commitOptions } from './commit';
import { bothActive, defineScheduler, type Scheduler } from './scheduler';

const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;

/** The mean of the factors of each module over the steps of a run. */
export const meanFactor = (factors: readonly PerModule<number>[]): PerModule<number> => ({
  encoder: mean(factors.map(({ encoder }) => encoder)),
  backbone: mean(factors.map(({ backbone }) => backbone)),
});

/** Options of every control, beside those of the scheduler that it follows. */
export const yokedOptions = {
  form: oneOf(
    'mean: the mean factor of each module over the steps of the run that is followed; replay: its factors step by step',
    ['mean', 'replay'],
    'mean',
  ),
  shift: whole('the run that is followed has the seed of this one plus this', 1, 1_000_000, 1),
};

/** Mean factors of the run that is followed, once they are worked out. */
interface YokedState {
  mean: PerModule<number> | null;
}

/** The factors of the run that is followed. */
export const following = ({ form }: { form: 'mean' | 'replay' }): Scheduler<YokedState> => ({
  initial: { mean: null },
  next(state, { step, followed }) {
    if (followed === null) throw new Error('a yoked run was opened without the run that it follows');
    if (form === 'replay') return { state, decision: bothActive(followed[Math.min(step, followed.length) - 1]!) };
    const factor = state.mean ?? meanFactor(followed);
    return { state: { mean: factor }, decision: bothActive(factor) };
  },
});

export const yoked = defineScheduler({
  file: __filename,
  about: "control: the rates of another seed's commit-clr run, whatever kappa is in this one",
  options: { ...yokedOptions, ...commitOptions },
  facts: {
    ignoresKappa: false, // the run that it follows reads kappa
    look: 'orange',
    window: ({ window }) => window,
    follows: ({ form: _form, shift, ...options }) => ({ scheduler: { ...options, kind: 'commit-clr' }, shift }),
  },
  make: following,
});
