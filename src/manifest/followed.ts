/** The run that a run follows (src/balance/schedulers/yoked.ts). */
import { followedScheduler } from '../balance/schedulers';
import { filledRun } from './defaults';
import type { RunSpec } from './run';

/** The spec of the run that a run follows; null for one that follows none. */
export function followedSpec(spec: RunSpec): RunSpec | null {
  const followed = followedScheduler(spec.scheduler);
  if (followed === null) return null;
  const { scheduler, shift } = followed;
  return filledRun({ ...spec, scheduler, seed: spec.seed + shift });
}
