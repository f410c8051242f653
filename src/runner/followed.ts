/** Runs that follow another: which that is, whether it is finished, and what it did. */
import { followedSpec } from '../manifest/followed';
import { runIdentity } from '../manifest/identity';
import type { RunSpec } from '../manifest/run';
import { both, type PerModule } from '../modules';
import { usedParts } from '../ownParts';
import { userError } from '../problems';
import type { TrainRecord } from '../train/records';
import { usedCode } from '../train/usedCode';
import { runFolder } from './folders';
import { tasksOf } from './identify';
import { readJournal } from './journal';
import { finishedElsewhere, finishedRun, type IdentifiedRun } from './plan';
import { methodVersion } from '../version';

/** The run that a run follows, under the same data, weights, method and arithmetic; null for one that follows none. */
export function followedRun({
  spec: own,
  data,
  weights,
  arithmetic,
}: IdentifiedRun): (Pick<IdentifiedRun, 'id' | 'identity'> & { spec: RunSpec }) | null {
  const spec = followedSpec(own);
  if (spec === null) return null;
  const parts = usedParts(spec)?.sha256;
  const code = usedCode(spec, tasksOf(spec)).said;
  const context = { data: data.identity, weights, methodVersion, backend: arithmetic.class, parts, code };
  return { spec, ...runIdentity(spec, context) };
}

const told = ({ scheduler, seed }: RunSpec) => `${scheduler.kind} of seed ${seed}`;

/** The experiment that holds the finished run, this one first; undefined while there is none. */
export function whereFinished(
  results: string,
  experiment: string,
  run: Pick<IdentifiedRun, 'id' | 'identity'>,
): string | undefined {
  if (finishedRun(results, experiment, run) !== null) return experiment;
  return finishedElsewhere(results, experiment, run);
}

/** Whether a run is finished, in this experiment or another. */
export const isFinished = (results: string, experiment: string, run: Pick<IdentifiedRun, 'id' | 'identity'>): boolean =>
  whereFinished(results, experiment, run) !== undefined;

/**
 * Demands of each run that follows another that it is among the runs, or finished. Throws UserError with the first that
 * is neither.
 */
export function checkFollowed(results: string, experiment: string, runs: readonly IdentifiedRun[]): void {
  const ids = new Set(runs.map(({ id }) => id));
  for (const run of runs) {
    const followed = followedRun(run);
    if (followed === null || ids.has(followed.id)) continue;
    if (isFinished(results, experiment, followed)) continue;
    throw userError({
      where: `run ${run.id} (${run.description})`,
      what: `follows ${told(followed.spec)} of the same setting, which is neither among the runs nor finished`,
      expected: 'that run in the same manifest',
      hint: `add it with "include": [{ "fixed": { "scheduler": ${JSON.stringify(followed.spec.scheduler.kind)}, "seed": ${followed.spec.seed} } }]`,
    });
  }
}

/** What a run did, for one that follows it. */
export interface Followed {
  id: string;
  /** in words, for run.json */
  notice: string;
  /** the scheduler's factors by step */
  factors: PerModule<number>[];
}

/**
 * The factors of the run that a run follows, from its journal; null for a run that follows none. Throws UserError while
 * it is not finished.
 */
export function followedBy(results: string, experiment: string, run: IdentifiedRun): Followed | null {
  const followed = followedRun(run);
  if (followed === null) return null;
  const where = whereFinished(results, experiment, followed);
  if (where === undefined)
    throw userError({
      where: `run ${run.id}`,
      what: `follows run ${followed.id} (${told(followed.spec)}), which is not finished`,
      hint: 'run that first',
    });
  const { records } = readJournal(runFolder(results, where, followed.id).journal);
  const factors = records
    .filter((record): record is TrainRecord => record.kind === 'train')
    .map((record) => factorOf(followed.spec, record));
  return {
    id: followed.id,
    notice: `learning rates follow those of run ${followed.id} (${told(followed.spec)})`,
    factors,
  };
}

/**
 * The scheduler's factors in a step of a run with this spec: a journal tells rates, which are base rate, factor and
 * warm-up in one number.
 */
export function factorOf(
  spec: Pick<RunSpec, 'learningRate' | 'warmup'>,
  { step, learningRate }: Pick<TrainRecord, 'step' | 'learningRate'>,
): PerModule<number> {
  const warm = spec.warmup > 0 ? Math.min(1, step / spec.warmup) : 1;
  return both((module) => learningRate[module] / (spec.learningRate[module] * warm));
}

/** Factors of 1, for a training that only takes time: its rates mean nothing. */
export const standingIn = (spec: RunSpec, steps: number): PerModule<number>[] | null =>
  followedSpec(spec) === null ? null : Array.from({ length: steps }, () => both(() => 1));
