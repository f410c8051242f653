/**
 * What figures and tables know of schedulers, from what these say of themselves: no other file of this room names one.
 */
import { baseline, schedulerFacts, schedulerNames, schedulers } from '../src/balance/schedulers';
import { optionsOf } from '../src/parts/define';
import { literal } from './database';

export { baseline };

/** Schedulers in the order of every figure and table. */
export const schedulerOrder = (): readonly string[] => schedulerNames();

/** Schedulers whose rates follow kappa by a rule with a stability limit, without a regulariser. */
export const coordinated: readonly string[] = schedulerNames(
  ({ stableBelow, brings }) => stableBelow !== undefined && brings === undefined,
);

/** Those that are shown where the curves of every method would hide one another. */
export const shownMethods: readonly string[] = [baseline, ...coordinated];

/** Schedulers that train one module at a time in some steps: kappa is not defined there, and the bounds say nothing. */
export const freezing: readonly string[] = schedulerNames((facts) => facts.oneAtATime === true);

/** Schedulers that do the same whatever kappa is: runs that differ only in how it is measured train alike. */
export const withoutKappa: readonly string[] = schedulerNames((facts) => facts.ignoresKappa);

/** Schedulers that bring a regulariser, each with the scheduler that is the same without it. */
export const regularisedPairs: readonly { scheduler: string; baseline: string }[] = schedulerNames(
  ({ brings }) => brings !== undefined,
).map((scheduler) => ({ scheduler, baseline: schedulerFacts(scheduler).brings!.without }));

/** By rule of the coordinated rates, the exponent from which on they ring without delay (docs/method.md section 4). */
const limits: Readonly<Record<string, number>> = Object.assign(
  {},
  ...coordinated.map((scheduler) => schedulerFacts(scheduler).stableBelow),
) as Record<string, number>;
/** Rules of coordinated rates in the order of figures. */
export const rules: readonly string[] = Object.keys(limits);
/** The rule that coordinated rates have by default. */
export const defaultRule = String(optionsOf(schedulers).find(([, name]) => name === 'rule')?.[2].default);
/** The limit of a rule; Infinity for one that states none. */
export const limitOf = (rule: string): number => limits[rule] ?? Infinity;

/** A list for SQL's `in`, such as `('a', 'b')`. */
export const sqlList = (names: readonly string[]): string =>
  names.length === 0 ? "('')" : `(${names.map(literal).join(', ')})`;

/** The same for a sentence. */
export const orList = (names: readonly string[]): string => names.map((name) => `\`${name}\``).join(' or ');
