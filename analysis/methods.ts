/** What figures know of schedulers, from what these say of themselves: no other file of this room names one. */
import { baseline, schedulerFacts, schedulerNames } from '../src/balance/schedulers';

export { baseline };

/** Schedulers whose rates follow kappa by a rule with a stability limit, without a regulariser. */
export const coordinated: readonly string[] = schedulerNames(
  ({ stableBelow, brings }) => stableBelow !== undefined && brings === undefined,
);

/** Those that are shown where the curves of every method would hide one another. */
export const shownMethods: readonly string[] = [baseline, ...coordinated];

/** Schedulers that train one module at a time in some steps. */
export const oneAtATime: readonly string[] = schedulerNames((facts) => facts.oneAtATime === true);

/** Schedulers that do the same whatever kappa is. */
export const kappaIgnored: readonly string[] = schedulerNames((facts) => facts.ignoresKappa);

/** Schedulers that bring a regulariser, each with the scheduler that is the same without it. */
export const regularisedPairs: readonly { scheduler: string; baseline: string }[] = schedulerNames(
  ({ brings }) => brings !== undefined,
).map((scheduler) => ({ scheduler, baseline: schedulerFacts(scheduler).brings!.without }));

/** A list of names for `in` of SQL; names of schedulers have no quotes. */
export const sqlList = (names: readonly string[]): string =>
  names.length === 0 ? "('')" : `(${names.map((name) => `'${name}'`).join(', ')})`;

/** The same for a sentence. */
export const orList = (names: readonly string[]): string => names.map((name) => `\`${name}\``).join(' or ');
