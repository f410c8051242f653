/** Runs that train alike, however kappa is measured in them: what one measured can be held against what another did. */
import { isUnregularised } from '../src/balance/regularisers';
import type { Journals, Run } from './aggregate';
import { grouped } from './grouped';
import { leaves } from './labels';
import { withoutKappa } from './schedulers';

/** Whether nothing that the run does depends on kappa. */
export function ignoresKappa({ file: { spec } }: Run): boolean {
  return withoutKappa.includes(spec.scheduler.kind) && isUnregularised(spec.regulariser);
}

/** The runs that ignore kappa, in groups of those that differ in nothing but options whose path matches `apart`. */
export function alikeBeside(apart: RegExp, runs: readonly Run[]): Run[][] {
  const rest = (run: Run) => [...leaves(run.file.spec)].filter(([path]) => !apart.test(path)).sort();
  return grouped(runs.filter(ignoresKappa), (run) => JSON.stringify(rest(run)));
}

/**
 * The parts of a panel's name without the options whose path matches `apart`, which do not tell the runs of one group
 * apart.
 */
export function partsWithout(apart: RegExp, panel: string): string[] {
  const kept = (part: string) => part.split(', ').filter((option) => !apart.test(option.split('=')[0]!));
  return panel
    .split(' · ')
    .map((part) => kept(part).join(', '))
    .filter((part) => part !== '');
}

/** A value at a step of two runs, `a` the first one's. */
export type BothValues = { step: number; a: number; b: number };

/**
 * A value of a table at the steps that both runs have, in order of step; in the condition `a` and `b` are the rows of
 * the two.
 */
export function inBoth(
  journals: Journals,
  first: Run,
  second: Run,
  { table, value, condition = 'true' }: { table: string; value: string; condition?: string },
): Promise<BothValues[]> {
  return journals.rows(`
    select a.step as step, a.${value} as a, b.${value} as b
    from ${table} a join ${table} b using (step)
    where a.id = '${first.id}' and b.id = '${second.id}' and ${condition}
    order by step`);
}

/** log kappa at the steps that both runs measured, above the floor and with no module frozen. */
export function measuresInBoth(journals: Journals, first: Run, second: Run): Promise<BothValues[]> {
  const condition = 'not a.floor and not b.floor and a.bothTrained';
  return inBoth(journals, first, second, { table: 'measure', value: 'logKappa', condition });
}
