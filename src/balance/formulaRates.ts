/**
 * What scheduler `formula` computes: reads the formulas of its options, tries them before a run is trained, and works
 * out states and factors in it. What they may use is told in docs/method.md section 4.
 */
import type { PerModule } from '../modules';
import { nameFault, readFormula, type Formula } from '../parts/formula';
import { formulaText, numberTable, stateTable, whole, type ValuesOf } from '../parts/options';
import type { Observation, Warning } from './schedulers/scheduler';
import { pushWindow, windowStatistics } from './window';

/** What a manifest may state of it. */
export const formulaOptions = {
  encoder: formulaText("factor of the encoder's learning rate (docs/method.md section 4)", '1'),
  backbone: formulaText("factor of the backbone's learning rate (docs/method.md section 4)", '1'),
  constants: numberTable('numbers of the formulas by name'),
  state: stateTable('numbers that the formulas carry along by name: `start`, and `next`, a formula'),
  interval: whole('steps between updates of the rates', 1, 1_000_000, 5),
  window: whole('measured kappas in the moving average', 1, 10_000, 5),
};
/** Options of scheduler `formula`. */
export type FormulaOptions = ValuesOf<typeof formulaOptions>;

/** What every formula may use, with its meaning for the docs. */
export const formulaSymbols = {
  kappa: 'the last kappa that was measured, 1 before the first',
  average: 'geometric mean of the last `window` kappas',
  measures: 'kappas measured so far',
  step: 'step that is about to be taken, from 1',
  steps: 'steps of the whole run',
  gradientEncoder: "norm of the encoder's gradient in the step before, before clipping; 0 at the first step",
  gradientBackbone: "the same of the backbone's",
  rateEncoder: "the encoder's base learning rate",
  rateBackbone: "the backbone's base learning rate",
  factorEncoder: "the encoder's factor until now, 1 at the first step",
  factorBackbone: "the backbone's factor until now",
} as const;
type SymbolValues = Record<keyof typeof formulaSymbols, number>;

/** What is carried from step to step; plain JSON. */
export interface FormulaState {
  logKappas: number[];
  measures: number;
  /** null before the first kappa */
  kappa: number | null;
  values: Record<string, number>;
  factor: PerModule<number>;
}

/** The formulas, read. */
export interface Formulas {
  factors: PerModule<Formula>;
  next: [name: string, formula: Formula][];
}

const symbolsOf = ({ constants, state }: FormulaOptions): string[] => [
  ...Object.keys(formulaSymbols),
  ...Object.keys(constants),
  ...Object.keys(state),
];

/** Reads all formulas of resolved options. Throws RangeError for one that cannot be used. */
export function readAll(chosen: FormulaOptions): Formulas {
  const symbols = symbolsOf(chosen);
  return {
    factors: { encoder: readFormula(chosen.encoder, symbols), backbone: readFormula(chosen.backbone, symbols) },
    next: Object.entries(chosen.state).map(([name, { next }]) => [name, readFormula(next, symbols)]),
  };
}

/** The state before the first step. */
export const startOfFormulas = ({ state }: FormulaOptions): FormulaState => ({
  logKappas: [],
  measures: 0,
  kappa: null,
  values: Object.fromEntries(Object.entries(state).map(([name, { start }]) => [name, start])),
  factor: { encoder: 1, backbone: 1 },
});

/** Which option a value that cannot be used came from. */
export class FormulaFault extends Error {
  constructor(
    readonly option: string,
    message: string,
  ) {
    super(message);
  }
}

/** The states and factors that follow. Throws FormulaFault where a value is not finite or a factor is negative. */
export function updated(
  { factors, next }: Formulas,
  { constants }: FormulaOptions,
  before: Pick<FormulaState, 'values' | 'factor'>,
  symbols: SymbolValues,
): Pick<FormulaState, 'values' | 'factor'> {
  const given = new Map(Object.entries({ ...symbols, ...constants, ...before.values }));
  const valueOf = (option: string, formula: Formula, of: ReadonlyMap<string, number>) => {
    try {
      return formula(of);
    } catch (error) {
      throw new FormulaFault(option, (error as Error).message);
    }
  };
  const values = Object.fromEntries(
    next.map(([name, formula]) => [name, valueOf(`state.${name}.next`, formula, given)]),
  );
  const now = new Map([...given, ...Object.entries(values)]);
  const factor = (module: 'encoder' | 'backbone') => {
    const value = valueOf(module, factors[module], now);
    if (value < 0) throw new FormulaFault(module, `it gives ${value}`);
    return value;
  };
  return { values, factor: { encoder: factor('encoder'), backbone: factor('backbone') } };
}

/** kappas at which formulas are tried before a run is trained: 1, tiny and huge. */
const triedKappas = [1, 1e-12, 1e12] as const;

/** Faults by the text of the options: the runs of a grid have the same formulas. */
const knownFaults = new Map<string, Warning[]>();

/** What forbids the formulas: text that is none, and values at some kappa that are no factors of a rate. */
export function formulaFaults(chosen: FormulaOptions): Warning[] {
  const key = JSON.stringify(chosen);
  const found = knownFaults.get(key) ?? findFaults(chosen);
  knownFaults.set(key, found);
  return found;
}

function findFaults(chosen: FormulaOptions): Warning[] {
  const taken = Object.keys(formulaSymbols);
  for (const [option, table] of [
    ['constants', chosen.constants],
    ['state', chosen.state],
  ] as const)
    for (const name of Object.keys(table)) {
      const others = [...taken, ...(option === 'state' ? Object.keys(chosen.constants) : [])];
      const what = nameFault(name, others);
      if (what !== null) return [{ option: `${option}.${name}`, what, expected: 'another name' }];
    }
  for (const [option, text] of formulaTexts(chosen)) {
    try {
      readFormula(text, symbolsOf(chosen));
    } catch (error) {
      const what = `the formula ${JSON.stringify(text)} cannot be used: ${(error as Error).message}`;
      return [{ option, what, expected: 'a formula of docs/method.md section 4' }];
    }
  }
  const formulas = readAll(chosen);
  for (const kappa of triedKappas)
    for (const gradient of [1e-12, 1, 1e12]) {
      const found = firstFault(formulas, chosen, kappa, gradient);
      if (found !== null) return [found];
    }
  return [];
}

const formulaTexts = (chosen: FormulaOptions): [option: string, text: string][] => [
  ['encoder', chosen.encoder],
  ['backbone', chosen.backbone],
  ...Object.entries(chosen.state).map(([name, { next }]): [string, string] => [`state.${name}.next`, next]),
];

/** Follows a made-up run at one kappa for ten updates, so that states are tried, too. */
function firstFault(formulas: Formulas, chosen: FormulaOptions, kappa: number, gradient: number): Warning | null {
  const steps = 200;
  let at: Pick<FormulaState, 'values' | 'factor'> = startOfFormulas(chosen);
  for (let update = 0; update < 10; update++) {
    const isFirst = update === 0;
    try {
      at = updated(formulas, chosen, at, {
        kappa: isFirst ? 1 : kappa,
        average: isFirst ? 1 : kappa,
        measures: update,
        step: 1 + Math.round((update * (steps - 1)) / 9),
        steps,
        gradientEncoder: isFirst ? 0 : gradient,
        gradientBackbone: isFirst ? 0 : gradient,
        rateEncoder: 3e-4,
        rateBackbone: 3e-4,
        factorEncoder: at.factor.encoder,
        factorBackbone: at.factor.backbone,
      });
    } catch (error) {
      if (!(error instanceof FormulaFault)) throw error;
      const where = isFirst ? 'at the first step' : `at kappa = ${kappa} and gradients of norm ${gradient}`;
      return {
        option: error.option,
        what: `${where} ${error.message}`,
        expected: 'a finite number that is not negative, at any kappa; min and max bound a factor',
      };
    }
  }
  return null;
}

/** The state once the kappas that were measured since the step before have been seen. */
export function withMeasures(state: FormulaState, { logKappas }: Observation, window: number): FormulaState {
  const last = logKappas.at(-1);
  return {
    ...state,
    logKappas: logKappas.reduce<number[]>((all, value) => pushWindow(all, value, window), state.logKappas),
    measures: state.measures + logKappas.length,
    kappa: last === undefined ? state.kappa : Math.exp(last),
  };
}

/** The symbols' values at a step. */
export const symbolsAt = (
  { logKappas, measures, kappa, factor }: FormulaState,
  { step, steps, gradientNorm, rate }: Observation,
): SymbolValues => ({
  kappa: kappa ?? 1,
  average: logKappas.length === 0 ? 1 : windowStatistics(logKappas).average,
  measures,
  step,
  steps,
  gradientEncoder: gradientNorm?.encoder ?? 0,
  gradientBackbone: gradientNorm?.backbone ?? 0,
  rateEncoder: rate.encoder,
  rateBackbone: rate.backbone,
  factorEncoder: factor.encoder,
  factorBackbone: factor.backbone,
});
