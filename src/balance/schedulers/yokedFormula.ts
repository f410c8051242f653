/** The control of yoked.ts for a rule that a manifest writes: its options are those of the formulas that it follows. */
import { formulaFaults, formulaOptions } from '../formulaRates';
import { defineScheduler } from './scheduler';
import { following, yokedOptions } from './yoked';

export const yokedFormula = defineScheduler({
  file: __filename,
  about: "control: the rates of another seed's formula run, whatever kappa is in this one",
  options: { ...yokedOptions, ...formulaOptions },
  facts: {
    ignoresKappa: false, // the run that it follows reads kappa
    window: ({ window }) => window,
    faults: formulaFaults,
    follows: ({ form: _form, shift, ...options }) => ({ scheduler: { ...options, kind: 'formula' }, shift }),
  },
  make: following,
});
