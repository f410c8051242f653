/** All schedulers. To add one: a file beside this one, and a line in the list (docs/extending.md). */
import { lookUp, register, type SpecOf } from '../../parts/define';
import type { Options, ValuesOf } from '../../parts/options';
import { defaultWindow } from '../window';
import { commit, commitClr } from './commit';
import { constant } from './constant';
import { featureDescent, languageDescent } from './coordinateDescent';
import { formula } from './formula';
import { gradNorm } from './gradNorm';
import { greedy } from './greedy';
import { ogm } from './ogm';
import { ogmGe } from './ogmGe';
import type { Scheduler, SchedulerFacts, SchedulerPart, Warning } from './scheduler';
import { warmupCosine } from './warmupCosine';
import { yoked } from './yoked';
import { yokedFormula } from './yokedFormula';

export type { Decision, LookName, Observation, Scheduler, SchedulerFacts, SchedulerPart } from './scheduler';

/** By the name that manifests use; the order is that of figures and tables. */
export const schedulers = {
  constant,
  'warmup-cosine': warmupCosine,
  'feature-cd': featureDescent,
  'language-cd': languageDescent,
  gradnorm: gradNorm,
  greedy,
  'ogm-ge': ogmGe,
  ogm,
  'commit-clr': commitClr,
  commit,
  yoked,
  formula,
  'yoked-formula': yokedFormula,
};

/** Constant rates: what a run has by default, and what every method is compared with. */
export const baseline = 'constant';

/** A scheduler's name and all of its options, as in a resolved run. */
export type SchedulerSpec = SpecOf<typeof schedulers>;

/** The list as other rooms see it: names are theirs to look up, not to know. */
const byName: Readonly<Record<string, SchedulerPart>> = schedulers;

/** Adds a scheduler at start-up, before a manifest is read. Throws Error when its name or an option cannot be had. */
export const registerScheduler = (name: string, part: SchedulerPart): void => register(byName, name, part);

/** Names of all schedulers, in the order of figures; with `which` those whose facts it accepts. */
export const schedulerNames = (which: (facts: SchedulerFacts<never>) => boolean = () => true): string[] =>
  Object.keys(byName).filter((name) => which(byName[name]!.facts));

/**
 * What other rooms must know of a scheduler; of one that is not known here, as in a foreign run, that it may read
 * kappa.
 */
export const schedulerFacts = (name: string): SchedulerFacts<never> =>
  Object.hasOwn(byName, name) ? byName[name]!.facts : { ignoresKappa: false };

/** Where a scheduler of this repository stands, as `codeOf` takes it; undefined for others. */
export const schedulerFile = (name: string): string | undefined => lookUp(byName, name)?.file;

/** The scheduler of a resolved run. */
export function buildScheduler(spec: SchedulerSpec): Scheduler<unknown> {
  return byName[spec.kind]!.make(optionsOf(spec));
}

/** Measured kappas in the moving statistics of a resolved run. */
export function windowOf(spec: SchedulerSpec): number {
  const { window } = byName[spec.kind]!.facts;
  return window === undefined ? defaultWindow : window(optionsOf(spec));
}

/** The run that a run with this scheduler follows: its scheduler, and by how much its seed is higher; null for none. */
export const followedScheduler = (spec: SchedulerSpec): { scheduler: { kind: string }; shift: number } | null =>
  lookUp(byName, spec.kind)?.facts.follows?.(optionsOf(spec)) ?? null;

/** What forbids the options of a run's scheduler. */
export const schedulerFaults = (spec: SchedulerSpec): Warning[] =>
  byName[spec.kind]!.facts.faults?.(optionsOf(spec)) ?? [];

/** What a reader should know of a resolved run's options before it is trained. */
export const schedulerWarnings = (spec: SchedulerSpec, measure: { every: number }): Warning[] =>
  byName[spec.kind]!.facts.warnings?.(optionsOf(spec), measure) ?? [];

/** A resolved spec has the options of its own kind: the schema of a run has checked it. */
const optionsOf = (spec: SchedulerSpec) => spec as unknown as ValuesOf<Options>;
