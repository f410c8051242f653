/**
 * What a manifest's runs are now: new, done, partial or failed, from the results folder alone. `run` starts from the
 * same list.
 */
import { existsSync } from 'node:fs';
import { runKey } from '../manifest/profiles';
import type { RunSpec } from '../manifest/run';
import type { UsedParts } from '../ownParts';
import type { UsedCode } from '../train/usedCode';
import type { Arithmetic } from './arithmetic';
import { checkpointStep } from './checkpoints';
import { isClaimed } from '../claim';
import { listExperiments, listRunIds, readRunFile, runFolder, type RunFolder } from './folders';
import { lastRecord } from './journal';
import { changedFiles, comparedOf, filesByKey } from './relatives';
import { methodVersion } from '../version';
import type { RunFile } from './runFile';

export type RunState = 'new' | 'done' | 'partial' | 'failed';

/** A run with everything that makes its identity. */
export interface IdentifiedRun {
  /** first 16 hexadecimal digits of the identity */
  id: string;
  identity: string;
  spec: RunSpec;
  /** the combination in a few words */
  description: string;
  data: { task: string; identity: string };
  /** weight set -> sha256 */
  weights: Record<string, string>;
  arithmetic: Arithmetic;
  /** those of its parts that come from outside this repository */
  parts?: UsedParts;
  /** code of this repository that belongs to it */
  usedCode?: UsedCode;
}

export interface PlannedRun extends IdentifiedRun {
  state: RunState;
  /** one sentence for a person */
  why: string;
  /** experiment that holds the finished run, when it is not this one: `run` copies it in */
  elsewhere?: string;
  /** a living runner is training it now */
  claimed: boolean;
  /** its folder belongs to another version of this program: `run` reports it and touches nothing */
  blocked?: boolean;
}

/** What makes the identity of a planned run, without its state, which is of the moment. */
export function identified(run: IdentifiedRun): IdentifiedRun {
  const { id, identity, spec, description, data, weights, arithmetic, parts, usedCode } = run;
  return {
    ...{ id, identity, spec, description, data, weights, arithmetic },
    ...(parts === undefined ? {} : { parts }),
    ...(usedCode === undefined ? {} : { usedCode }),
  };
}

/** The state of every run, in the order given. Reads the results folder, writes nothing. */
export function planRuns(results: string, experiment: string, runs: readonly IdentifiedRun[]): PlannedRun[] {
  // One listing for each experiment instead of a look at every possible folder: a plan has thousands of runs.
  const here = new Set(listRunIds(results, experiment));
  const planned = new Set(runs.map(({ id }) => id));
  const others = otherExperiments(results, experiment).map((name) => ({
    name,
    ids: new Set(listRunIds(results, name)),
  }));
  let known: Map<string, RunFile[]> | undefined;
  const like = (spec: RunSpec): readonly RunFile[] => {
    known ??= filesByKey(
      [...here]
        .filter((id) => !planned.has(id))
        .flatMap((id) => {
          const read = readRunFile(runFolder(results, experiment, id).runJson);
          return read.state === 'read' ? [read.file] : [];
        }),
    );
    return known.get(runKey(spec)) ?? [];
  };
  return runs.map((run) => {
    const own: State = here.has(run.id)
      ? ownState(results, experiment, run)
      : { state: 'new', why: otherCode(run, like(run.spec)) ?? absent, claimed: false };
    if (own.state === 'done' || own.claimed || own.blocked === true) return { ...run, ...own };
    const elsewhere = finishedElsewhere(
      results,
      experiment,
      run,
      others.filter(({ ids }) => ids.has(run.id)).map(({ name }) => name),
    );
    if (elsewhere === undefined) return { ...run, ...own };
    return {
      ...run,
      state: 'done',
      why: `finished in ${elsewhere}; run copies it from there`,
      elsewhere,
      claimed: false,
    };
  });
}

type State = Pick<PlannedRun, 'state' | 'why' | 'elsewhere' | 'claimed' | 'blocked'>;

const absent = 'no run of this identity in the results';

/**
 * What of the code is no longer as it was when the same run was trained: the method, a file of a part or of a set, or a
 * part from outside this repository; null when there is no such run.
 * @param same the runs that the manifest means by this one
 */
function otherCode({ parts, data, usedCode }: IdentifiedRun, same: readonly RunFile[]): string | null {
  const older = same.find(({ code }) => code.method !== undefined && code.method !== methodVersion);
  if (older !== undefined)
    return `run ${older.id} is the same by version ${older.code.method} of the method, this is ${methodVersion}`;
  for (const file of same) {
    const files = changedFiles({ data: data.identity, ...usedCode }, comparedOf(file));
    if (files.length > 0)
      return `${files.join(' and ')} ${files.length === 1 ? 'has' : 'have'} changed since run ${file.id}`;
  }
  const withParts = same.find((file) => file.parts !== undefined);
  if (parts === undefined || withParts === undefined) return null;
  const changed = Object.keys(parts.sha256).filter((label) => parts.sha256[label] !== withParts.parts?.[label]);
  const named = changed.map((label) => `${label} (${parts.files[label]})`);
  return changed.length === 0 ? null : `your own ${named.join(' and ')} has changed since run ${withParts.id}`;
}

function ownState(results: string, experiment: string, run: Pick<IdentifiedRun, 'id' | 'identity'>): State {
  const paths = runFolder(results, experiment, run.id);
  const claimed = isClaimed(paths.claim);
  const read = readRunFile(paths.runJson);
  if (claimed) {
    const step = lastRecord(paths.journal)?.step ?? 0;
    return {
      state: 'partial',
      why: `another runner is training it now, ${atStep(step, read.state === 'read' ? read.file.steps : 0)}`,
      claimed,
    };
  }
  switch (read.state) {
    case 'absent':
      return existsSync(paths.journal)
        ? { state: 'partial', why: `there is a journal without a run.json; ${goesOn(paths)}`, claimed }
        : { state: 'new', why: absent, claimed };
    case 'unreadable':
      return { state: 'partial', why: `run.json cannot be used (${read.why}); ${goesOn(paths)}`, claimed };
    case 'foreign':
      return { state: 'failed', why: read.why, claimed, blocked: true };
    case 'read':
      return fileState(read.file, run, paths);
  }
}

function fileState(file: RunFile, run: Pick<IdentifiedRun, 'id' | 'identity'>, paths: RunFolder): State {
  const claimed = false;
  if (file.identity !== run.identity)
    return { state: 'partial', why: `run.json carries another identity; ${goesOn(paths)}`, claimed };
  const last = lastRecord(paths.journal);
  if (file.status === 'failed')
    return { state: 'failed', why: `${file.failure ?? 'no reason was written'}; run tries it again`, claimed };
  if (file.status === 'running')
    return { state: 'partial', why: `interrupted ${atStep(last?.step ?? 0, file.steps)}; ${goesOn(paths)}`, claimed };
  if (last === null)
    return {
      state: 'partial',
      why: 'run.json says done but the journal is missing or damaged; it is trained again from its first step',
      claimed,
    };
  return { state: 'done', why: `finished ${file.times.finished ?? ''}`.trim(), claimed };
}

function goesOn(paths: RunFolder): string {
  const step = checkpointStep(paths.checkpoints);
  return step === null
    ? 'it has no checkpoint and is trained again from its first step'
    : `it goes on from its checkpoint of step ${step}`;
}

function atStep(step: number, steps: number): string {
  return steps > 0 ? `at step ${step} of ${steps}` : `at step ${step}`;
}

/** The run.json of a finished run of this identity in an experiment, with its journal in place; else null. */
export function finishedRun(
  results: string,
  experiment: string,
  run: Pick<IdentifiedRun, 'id' | 'identity'>,
): RunFile | null {
  const paths = runFolder(results, experiment, run.id);
  const read = readRunFile(paths.runJson);
  if (read.state !== 'read' || read.file.status !== 'done' || read.file.identity !== run.identity) return null;
  return lastRecord(paths.journal) === null ? null : read.file;
}

/** The first of the other experiments that holds a finished run of this identity; `others`: those that may. */
export function finishedElsewhere(
  results: string,
  experiment: string,
  run: Pick<IdentifiedRun, 'id' | 'identity'>,
  others: readonly string[] = otherExperiments(results, experiment),
): string | undefined {
  return others.find((other) => finishedRun(results, other, run) !== null);
}

const otherExperiments = (results: string, experiment: string): string[] =>
  listExperiments(results).filter((name) => name !== experiment);

/** How many runs are in each state. */
export function countStates(runs: readonly { state: RunState }[]): Record<RunState, number> {
  const counts: Record<RunState, number> = { new: 0, done: 0, partial: 0, failed: 0 };
  for (const { state } of runs) counts[state] += 1;
  return counts;
}
