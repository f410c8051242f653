/** One claimed run, from what others have made of it meanwhile to its end here. */
import { appendFileSync, mkdirSync } from 'node:fs';
import { storageFault, writeWhole } from '../files';
import { toldAccuracy } from '../train/records';
import { copyFinished } from './copy';
import { readRunFile, runFolder } from './folders';
import { cutTornLine, lastRecord } from './journal';
import type { Attempt, Lane } from './lane';
import type { RunTask } from './messages';
import { explained } from './outOfMemory';
import { finishedElsewhere, identified, type PlannedRun } from './plan';
import type { Ending, QueueOptions } from './queueOptions';
import { isMemoryKill } from './resources';
import { runFileText } from './runFile';
import { unstartedFile } from './runStates';

/**
 * Brings one claimed run to its end; tried again when its worker crashes, unless for want of memory.
 * @param meanwhile a failure found now is newer than the plan: another runner's, which is reported, not repeated
 */
export async function oneRun(
  options: QueueOptions,
  run: PlannedRun,
  meanwhile: boolean,
  token: string,
  lane: Lane,
): Promise<Ending> {
  const known = endedMeanwhile(options, run, meanwhile);
  if (known !== null) return known;
  const paths = runFolder(options.results, options.experiment, run.id);
  const notices: string[] = [];
  const task = taskOf(options, run, token, notices);
  const log = (text: string) => attempt(() => appendFileSync(paths.log, text));
  mkdirSync(paths.folder, { recursive: true });
  for (let number = 1; ; number++) {
    options.observe?.({ kind: 'started', run, attempt: number });
    log(`--- attempt ${number}\n`);
    const result = await lane.train(task, (message) => options.observe?.({ ...message, run }), log);
    if (result.kind === 'failed' && result.outOfMemory === true)
      return await doesNotFit(task, result.message, lane, options.stop);
    if (result.kind !== 'crashed') return endingOf(result);
    const reason = `attempt ${number}: ${result.reason}`;
    cutTornLine(paths.journal);
    // A worker that dies while all is stopped was meant to: a cluster signals every process of a run.
    if (options.kill?.aborted === true || options.stop?.aborted === true)
      return { kind: 'stopped', step: lastRecord(paths.journal)?.step ?? 0 };
    // The next attempt would need as much.
    if (isMemoryKill(result.reason)) return await doesNotFit(task, reason, lane, options.stop);
    notices.push(reason);
    if (number > options.retries) {
      markFailed(task, notices.join('; '));
      return { kind: 'failed', message: notices.join('; '), unavailable: false };
    }
    options.observe?.({ kind: 'retry', run, reason });
  }
}

/** Marks a run as failed whose batch does not fit, with the largest that does. */
async function doesNotFit(task: RunTask, ending: string, lane: Lane, stop?: AbortSignal): Promise<Ending> {
  const message = markFailed(task, stop?.aborted === true ? ending : await explained(task, ending, lane));
  return { kind: 'failed', message, unavailable: false };
}

/**
 * How the run ended elsewhere: the plan may be old, and another runner may have finished it since, here or in another
 * experiment.
 */
function endedMeanwhile({ results, experiment }: QueueOptions, run: PlannedRun, meanwhile: boolean): Ending | null {
  const paths = runFolder(results, experiment, run.id);
  const finished = readRunFile(paths.runJson);
  if (finished.state === 'foreign') return { kind: 'failed', message: finished.why, unavailable: false };
  if (finished.state === 'read' && finished.file.identity === run.identity) {
    if (finished.file.status === 'done' && lastRecord(paths.journal) !== null) return { kind: 'elsewhere' };
    if (finished.file.status === 'failed' && meanwhile)
      return {
        kind: 'failed',
        message: `in another runner: ${finished.file.failure ?? 'no reason was written'}`,
        unavailable: false,
      };
  }
  const elsewhere = finishedElsewhere(results, experiment, run);
  if (elsewhere === undefined) return null;
  copyFinished(results, elsewhere, experiment, run);
  return { kind: 'copied', from: elsewhere };
}

/** What a worker is told. `notices` is filled by later attempts. */
function taskOf(options: QueueOptions, run: PlannedRun, token: string, notices: string[]): RunTask {
  const { results, experiment, code, packages, checkpoint } = options;
  return {
    ...identified(run),
    results,
    experiment,
    token,
    code,
    packages,
    notices,
    ...(checkpoint === undefined ? {} : { checkpoint }),
  };
}

/** What may fail with the disk without taking the runs along: a log line, a heartbeat. */
export function attempt(write: () => void): void {
  try {
    write();
  } catch (error) {
    if (storageFault(error) === null) throw error;
  }
}

function endingOf(result: Exclude<Attempt, { kind: 'crashed' }>): Ending {
  switch (result.kind) {
    case 'done':
      return { kind: 'trained', seconds: result.seconds, accuracy: toldAccuracy(result.final), steps: result.steps };
    case 'failed':
      return {
        kind: 'failed',
        message: result.message,
        unavailable: result.unavailable,
        ...(result.storage === true ? { storage: true } : {}),
      };
    case 'stopped':
      return { kind: 'stopped', step: result.step };
  }
}

/**
 * A worker that crashed wrote no end, and one whose batch did not fit does not know which would: the runner writes it,
 * keeping what run.json already said of the machine. Gives the reason back.
 */
export function markFailed(task: RunTask, failure: string): string {
  const paths = runFolder(task.results, task.experiment, task.id);
  const read = readRunFile(paths.runJson);
  const base = read.state === 'read' && read.file.identity === task.identity ? read.file : unstartedFile(task);
  writeWhole(
    paths.runJson,
    runFileText({ ...base, status: 'failed', failure, step: lastRecord(paths.journal)?.step ?? 0 }),
  );
  return failure;
}
