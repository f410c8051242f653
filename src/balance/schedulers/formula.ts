/**
 * Learning rates by formulas that a manifest holds, for whoever has a rule that is not built in (docs/method.md section
 * 4 writes the built-in ones so). Every `interval` steps, from the first, the new value of each state is worked out
 * from the old ones, then both factors; in between they stay. Until kappa has been measured, it counts as 1.
 */
import { userError } from '../../problems';
import {
  FormulaFault,
  formulaFaults,
  formulaOptions,
  readAll,
  startOfFormulas,
  symbolsAt,
  updated,
  withMeasures,
  type Formulas,
  type FormulaState,
} from '../formulaRates';
import { bothActive, defineScheduler, type Observation } from './scheduler';

export const formula = defineScheduler({
  file: __filename,
  about: 'learning rates by formulas of the manifest',
  options: formulaOptions,
  facts: { ignoresKappa: false, window: ({ window }) => window, faults: formulaFaults },
  make(chosen) {
    let formulas: Formulas | null = null; // read at the first step: to list runs needs no mathjs
    return {
      initial: startOfFormulas(chosen),
      next(state: FormulaState, observation: Observation) {
        formulas ??= readAll(chosen);
        const seen = withMeasures(state, observation, chosen.window);
        const { step } = observation;
        if ((step - 1) % chosen.interval !== 0) return { state: seen, decision: bothActive(seen.factor) };
        try {
          const next = { ...seen, ...updated(formulas, chosen, seen, symbolsAt(seen, observation)) };
          return { state: next, decision: bothActive(next.factor) };
        } catch (error) {
          if (!(error instanceof FormulaFault)) throw error;
          throw userError({
            where: `scheduler.${error.option}`,
            what: `at step ${step} ${error.message}`,
            expected: 'a finite number that is not negative',
          });
        }
      },
    };
  },
});
