/** All that figures and tables know of schedulers by name: their order, their look, and the facts on which a figure's condition rests. */
import type { CoordinationRule, SchedulerSpec } from '../src/manifest/run';
import { stabilityLimit } from '../src/manifest/runRules';

type Kind = SchedulerSpec['kind'];

/** What everything is compared with: rates that stay as the manifest sets them. */
export const baseline = 'constant' satisfies Kind;
/** Rates coordinated by kappa. */
export const coordinated = 'commit-clr' satisfies Kind;
/** The same with the regulariser. */
export const regularised = 'commit' satisfies Kind;

interface Facts {
  /** place of its colour, dash and shape among the looks of style.ts, the same in every figure */
  look: number;
  /** whether the rates follow kappa: if not, runs that differ only in how kappa is measured train alike */
  readsKappa: boolean;
  /** whether it holds a module still at times, in which steps kappa is not defined and the bounds say nothing */
  freezes: boolean;
}

/** In the order of every figure and table: baselines first. */
const facts: Readonly<Record<Kind, Facts>> = {
  constant: { look: 0, readsKappa: false, freezes: false },
  'warmup-cosine': { look: 7, readsKappa: false, freezes: false },
  'feature-cd': { look: 1, readsKappa: false, freezes: true },
  'language-cd': { look: 2, readsKappa: false, freezes: true },
  gradnorm: { look: 5, readsKappa: false, freezes: false },
  'ogm-ge': { look: 6, readsKappa: true, freezes: false },
  'commit-clr': { look: 3, readsKappa: true, freezes: false },
  commit: { look: 4, readsKappa: true, freezes: false },
};

/** Schedulers in the order of every figure and table. */
export const schedulerOrder: readonly string[] = Object.keys(facts);

const those = (test: (of: Facts) => boolean): string[] =>
  Object.entries(facts)
    .filter(([, of]) => test(of))
    .map(([kind]) => kind);

/** Schedulers that leave kappa alone. */
export const withoutKappa: readonly string[] = those((of) => !of.readsKappa);
/** Schedulers that hold a module still at times. */
export const freezing: readonly string[] = those((of) => of.freezes);
/** The look of each scheduler, by its name. */
export const schedulerLooks: Readonly<Record<string, number>> = Object.fromEntries(
  Object.entries(facts).map(([kind, of]) => [kind, of.look]),
);

/** Rules of coordinated rates in the order of figures. */
export const rules = Object.keys(stabilityLimit) as readonly CoordinationRule[];
/** The exponent from which on a rule rings without delay (docs/method.md section 4). */
export const limitOf = (rule: CoordinationRule): number => stabilityLimit[rule];

/** A list for SQL's `in`, such as `('constant', 'commit-clr')`. */
export const sqlList = (names: readonly string[]): string =>
  `(${names.map((name) => `'${name.replaceAll("'", "''")}'`).join(', ')})`;
