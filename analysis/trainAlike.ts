/** Runs that train alike, however kappa is measured in them: what one measured can be held against what another did. */
import type { Run } from './aggregate';
import { grouped } from './grouped';
import { leaves } from './labels';
import { withoutKappa } from './schedulers';

/** Whether nothing that the run does depends on kappa. */
export function ignoresKappa({ file: { spec } }: Run): boolean {
  return withoutKappa.includes(spec.scheduler.kind) && spec.regulariser.kind === 'none';
}

/** The runs that ignore kappa, in groups of those that differ in nothing but options whose path matches `apart`. */
export function alikeBeside(apart: RegExp, runs: readonly Run[]): Run[][] {
  const rest = (run: Run) => [...leaves(run.file.spec)].filter(([path]) => !apart.test(path)).sort();
  return grouped(runs.filter(ignoresKappa), (run) => JSON.stringify(rest(run)));
}

/** The parts of a panel's name without the options whose path matches `apart`, which do not tell the runs of one group apart. */
export function partsWithout(apart: RegExp, panel: string): string[] {
  const kept = (part: string) => part.split(', ').filter((option) => !apart.test(option.split('=')[0]!));
  return panel
    .split(' · ')
    .map((part) => kept(part).join(', '))
    .filter((part) => part !== '');
}
