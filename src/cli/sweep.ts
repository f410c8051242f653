/**
 * A manifest opened for a command: its runs with identities, and what state they are in. Loads the data and tensor
 * rooms.
 */
import { existsSync, realpathSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { writeWhole } from '../files';
import { loadManifest, type Manifest } from '../manifest/load';
import { printable } from '../printable';
import { UserError, userError } from '../problems';
import { configFile, nearestConfig } from '../project';
import { estimateRuns, runEstimator, type Estimate, type Timing } from '../runner/estimate';
import { workerCount } from '../runner/local';
import { keptManifest, resultsFolder } from '../runner/folders';
import type { PlannedRun } from '../runner/plan';
import { planManifest, type Plan } from '../runner/planManifest';
import { readResources } from '../runner/resources';
import { readTimings } from '../runner/results';
import { manifestNamed } from './names';
import type { SweepOptions } from './options';
import { count, duration, note } from './text';

export { prepareRuns } from '../runner/identify';

export interface Sweep extends Plan {
  manifest: Manifest;
}

/**
 * Reads a manifest and the state of its runs.
 * @param typed its path or name
 * @throws UserError with all problems of the manifest; for one that is not there, with the nearest name
 */
export function openSweep(typed: string, options: SweepOptions): Sweep {
  const meant = manifestNamed(typed);
  const other = otherConfig(meant.path);
  if (other !== null) note(`note: ${printable(other)}`);
  const profile = options.profile ?? meant.profile;
  if (meant.profile !== undefined && meant.profile !== profile)
    throw userError({
      where: '--profile',
      what: `${profile} is asked for, and ${typed} names the profile ${meant.profile}`,
      hint: `equipoise ... ${meant.path} --profile ${profile}`,
    });
  return planLoaded(loadManifest(meant.path, { profile, set: options.set }), options);
}

/** The runs of a manifest that is loaded, under its profile, and their state. Throws UserError as `planManifest`. */
export function planLoaded(manifest: Manifest, { threads = 1, ...rest }: SweepOptions): Sweep {
  const plan = planManifest(manifest, { ...rest, threads: threads === 'auto' ? 1 : threads });
  // By the manifest and not by what is left of it or free now: the number is part of what makes a run the same run.
  if (threads !== 'auto' || plan.runs.length !== 1 || plan.runs[0]!.arithmetic.backend !== 'tensorflow')
    return { manifest, ...plan };
  return { manifest, ...planManifest(manifest, { ...rest, threads: readResources(false).processors }) };
}

/**
 * Which config counts, in words, where a manifest lies below that of another project: folders are those of where one
 * works, whatever is read. Null where there is nothing to say.
 */
export function otherConfig(manifest: string): string | null {
  const above = configAbove(manifest);
  const here = configFile();
  if (above === null || (here !== null && realpathSync(above) === realpathSync(here))) return null;
  const said = here === null ? 'the working folder has no config' : `that of the working folder does, ${here}`;
  return `${manifest} lies below ${above}, which does not count here: ${said}, and results are in ${resultsFolder()}`;
}

/** The nearest config above a file; null for none, and for one that could not be used. */
function configAbove(file: string): string | null {
  try {
    return existsSync(file) ? nearestConfig(dirname(realpathSync(file))) : null;
  } catch (error) {
    if (error instanceof UserError) return null;
    throw error;
  }
}

/** Keeps a manifest that no file says beside its runs, so that it can be planned and run again by its name. */
export function keepManifest({ manifest, results, experiment }: Sweep): void {
  if (manifest.whole !== undefined) writeWhole(join(results, experiment, keptManifest), manifest.whole);
}

/** Whether a planned run takes time: not done, or done only in another experiment (a copy, no training). */
export const isToTrain = (run: PlannedRun): boolean => run.state !== 'done';

/** What the runs of a plan still need, and the same in words. */
export function timeLeft(
  sweep: Sweep,
  asked: number | 'auto',
  more: readonly Timing[] = [],
): { workers: number; estimate: Estimate; text: string } {
  const left = sweep.plan.filter(isToTrain);
  const workers = workerCount(
    asked,
    left.length,
    left.some((run) => run.arithmetic.gpu),
  );
  const timings = [...left.map((run) => run.arithmetic.backend)]
    .slice(0, 1)
    .flatMap((backend) => readTimings(sweep.results, backend));
  const estimate = estimateRuns(
    left.map((run) => run.spec),
    workers,
    runEstimator([...timings, ...more]),
  );
  return { workers, estimate, text: estimateText(estimate, workers, left.length, sweep.manifest, more.length > 0) };
}

function estimateText(
  { seconds, unknown, known }: Estimate,
  workers: number,
  left: number,
  manifest: Manifest,
  calibrated: boolean,
): string {
  if (left === 0) return 'nothing is left to train';
  if (seconds === null)
    return `no run of these kinds has finished here, so there is no estimate yet; the manifest says: ${manifest.about.expectedTime}`;
  const rest = unknown === 0 ? '' : `; ${count(unknown, 'run')} of kinds that have not finished here are not in it`;
  return `about ${duration(seconds)} for ${count(known, 'run')} with ${count(workers, 'worker')}, from ${calibrated ? 'a few steps measured just now' : 'finished runs of the same kinds'}${rest}`;
}
