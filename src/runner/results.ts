/** Everything that lies in the results folder, read once for status, why and estimates. */
import { isClaimed } from '../claim';
import { listExperiments, listRunIds, readRunFile, runFolder, type RunFileRead } from './folders';
import { timingOf, type Timing } from './estimate';
import { lastRecord } from './journal';
import type { RunFile } from './runFile';

export type StoredState = 'done' | 'running' | 'partial' | 'failed';

/** A run folder as it is now. */
export interface StoredRun {
  experiment: string;
  id: string;
  state: StoredState;
  /** step of the last journal record; for finished runs the last step */
  step: number;
  /** 0 when it is not known */
  steps: number;
  file: RunFile | null;
  /** why it is not done; empty when it is done or running */
  why: string;
}

/**
 * All runs of an experiment, by id. A folder without run.json and journal (its worker has not begun) counts while it is
 * claimed.
 */
export function readExperiment(results: string, experiment: string): StoredRun[] {
  return listRunIds(results, experiment).flatMap((id) => readRun(results, experiment, id) ?? []);
}

/** One of them; null where there is none. */
export function readRun(results: string, experiment: string, id: string): StoredRun | null {
  const paths = runFolder(results, experiment, id);
  const read = readRunFile(paths.runJson);
  const claimed = isClaimed(paths.claim);
  if (read.state === 'absent' && !claimed) return null;
  const file = read.state === 'read' ? read.file : null;
  if (file?.status === 'done' && !claimed)
    return { experiment, id, state: 'done', step: file.step, steps: file.steps, file, why: '' };
  const step = lastRecord(paths.journal)?.step ?? 0;
  return { experiment, id, step, steps: file?.steps ?? 0, file, ...unfinished(read, claimed, step) };
}

function unfinished(read: RunFileRead, claimed: boolean, step: number): { state: StoredState; why: string } {
  if (claimed) return { state: 'running', why: '' };
  if (read.state === 'foreign') return { state: 'failed', why: read.why };
  if (read.state === 'unreadable') return { state: 'partial', why: `run.json cannot be used: ${read.why}` };
  if (read.state === 'read' && read.file.status === 'failed')
    return { state: 'failed', why: read.file.failure ?? 'no reason was written' };
  return { state: 'partial', why: `interrupted at step ${step}` };
}

/** Every run of every experiment, in the order of their names. */
export function readResults(results: string): StoredRun[] {
  return listExperiments(results).flatMap((experiment) => readExperiment(results, experiment));
}

/** What finished runs cost on one backend and device, e.g. `tensorflow cpu`; all of them when none is named. */
export function readTimings(results: string, backend?: string): Timing[] {
  return readResults(results).flatMap(({ file }) => {
    const timing = file === null ? null : timingOf(file);
    return timing === null || (backend !== undefined && timing.backend.split(' ')[0] !== backend) ? [] : [timing];
  });
}
