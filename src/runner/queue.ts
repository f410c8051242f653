/** Many runs: lanes that each take the next run, claim it, and train it in their worker, until none is left. */
import { appendFileSync, mkdirSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { storageFault, writeWhole } from '../files';
import { exitCode, userError } from '../problems';
import { heartbeatSeconds, takeClaim, type Claim } from '../claim';
import { copyFinished } from './copy';
import { unstartedFile } from './execute';
import { listExperiments, readRunFile, runFolder } from './folders';
import { cutTornLine, lastRecord } from './journal';
import { createLane, hangSeconds, type Attempt, type Lane } from './lane';
import { workerMemory, type StartWorker } from './local';
import type { CheckpointInterval, RunTask } from './messages';
import { finishedElsewhere, type PlannedRun } from './plan';
import { runFileText } from './runFile';

export type QueueEvent =
  | { kind: 'started'; run: PlannedRun; attempt: number }
  | { kind: 'stage'; run: PlannedRun; stage: string }
  | {
      kind: 'progress';
      run: PlannedRun;
      step: number;
      steps: number;
      loss: number | null;
      kappa: number | null;
      stepsPerSecond: number | null;
    }
  | { kind: 'retry'; run: PlannedRun; reason: string }
  /** another runner trains it; this one looks again until it is done or given up there */
  | { kind: 'waiting'; run: PlannedRun }
  | { kind: 'ended'; run: PlannedRun; ending: Ending }
  | { kind: 'stopping'; why: string };

/** How a run ended in this command. */
export type Ending =
  | { kind: 'trained'; seconds: number; accuracy: number; steps: number }
  | { kind: 'copied'; from: string }
  /** finished by another runner meanwhile */
  | { kind: 'elsewhere' }
  | {
      kind: 'failed';
      message: string;
      unavailable: boolean;
      /** the disk does not take the results; the run is partial */
      storage?: boolean;
    }
  | { kind: 'stopped'; step: number };

export interface QueueOptions extends Pick<RunTask, 'results' | 'experiment' | 'code' | 'packages'> {
  /** the runs to bring to `done`, in this order */
  runs: readonly PlannedRun[];
  workers: number;
  /** how often a run whose worker crashed is tried again */
  retries: number;
  /** stop at the first failed run */
  failFast: boolean;
  /** stop when this many runs have failed */
  stopAfterFailures?: number;
  start: StartWorker;
  observe?: (event: QueueEvent) => void;
  /** finish the running steps, then stop */
  stop?: AbortSignal;
  /** stop now */
  kill?: AbortSignal;
  /** seconds between looks at a run that another runner holds; default 2 */
  poll?: number;
  /** seconds after which an untouched claim is stale; default 60 */
  stale?: number;
  /** seconds of a worker's silence after which it is taken for hung; 0: never. Default 1800 */
  hang?: number;
  /** when runs keep checkpoints; default every 30 seconds */
  checkpoint?: CheckpointInterval;
  /** GPUs to share out, one a worker */
  gpus?: readonly string[];
}

/** Brings the runs to `done` and says how each ended, by id; runs never begun are absent. Rejects only for faults of the runner itself. */
export async function runQueue(options: QueueOptions): Promise<Map<string, Ending>> {
  const queue = options.runs.map((run) => ({ run, notBefore: 0, waiting: false }));
  const endings = new Map<string, Ending>();
  const claims = new Set<Claim>();
  const stopping = new AbortController();
  const stop = (why: string) => {
    if (stopping.signal.aborted) return;
    options.observe?.({ kind: 'stopping', why });
    stopping.abort();
  };
  const onStop = () => stop('finishing the running steps; once more to stop at once');
  const onKill = () => stop('stopping at once');
  options.stop?.addEventListener('abort', onStop);
  options.kill?.addEventListener('abort', onKill);
  if (options.stop?.aborted === true) onStop();
  const heartbeat = setInterval(() => claims.forEach((claim) => attempt(() => claim.touch())), heartbeatSeconds * 1000);

  // What one run could not get, the others of its kind cannot get either: each would fail by itself with the same words.
  const missing = new Map<string, string>();
  const kindOf = ({ spec }: PlannedRun) => JSON.stringify([spec.task, spec.encoder, spec.backbone, spec.device]);

  let failures = 0;
  const end = (run: PlannedRun, ending: Ending) => {
    endings.set(run.id, ending);
    if (ending.kind === 'failed' && ending.unavailable) missing.set(kindOf(run), ending.message);
    options.observe?.({ kind: 'ended', run, ending });
    if (ending.kind !== 'failed') return;
    failures += 1;
    if (ending.storage === true) stop(`the results cannot be written: ${ending.message}`);
    else if (options.failFast) stop(`a run failed and --fail-fast was given: ${ending.message}`);
    else if (failures >= (options.stopAfterFailures ?? Infinity))
      stop(`${failures} failed, which is as many as --stop-after-failures allows; the last: ${ending.message}`);
  };

  const work = async (place: number) => {
    const gpu =
      options.gpus === undefined || options.gpus.length === 0 ? undefined : options.gpus[place % options.gpus.length];
    const lane = createLane({
      start: options.start,
      memory: workerMemory,
      stop: stopping.signal,
      kill: options.kill,
      hang: options.hang ?? hangSeconds,
      ...(gpu === undefined ? {} : { placement: { gpu } }),
    });
    try {
      while (!stopping.signal.aborted) {
        const index = queue.findIndex((item) => item.notBefore <= performance.now());
        const item = index < 0 ? undefined : queue.splice(index, 1)[0];
        if (item === undefined) {
          if (queue.length === 0) break;
          await sleep(50, undefined, { signal: stopping.signal }).catch(() => undefined);
          continue;
        }
        const lacking = missing.get(kindOf(item.run));
        if (lacking !== undefined) {
          end(item.run, { kind: 'failed', message: lacking, unavailable: true });
          continue;
        }
        const claim = claimOf(options, item.run);
        if (claim === null) {
          if (!item.waiting) options.observe?.({ kind: 'waiting', run: item.run });
          queue.push({ run: item.run, notBefore: performance.now() + (options.poll ?? 2) * 1000, waiting: true });
          continue;
        }
        claims.add(claim);
        try {
          const ending = await oneRun(
            options,
            item.run,
            item.waiting || item.run.state !== 'failed',
            claim.token,
            lane,
          );
          if (ending.kind !== 'failed' || claim.touch()) end(item.run, ending);
          else queue.push({ run: item.run, notBefore: 0, waiting: true }); // taken over by another runner: its word counts
        } catch (error) {
          const storage = storageFault(error);
          if (storage === null) throw error;
          end(item.run, { kind: 'failed', message: storage, unavailable: true, storage: true });
        } finally {
          claims.delete(claim);
          claim.release();
        }
      }
    } finally {
      await lane.end();
    }
  };

  try {
    const lanes = await Promise.allSettled(
      Array.from({ length: Math.max(1, options.workers) }, (_, place) => work(place)),
    );
    const broken = lanes.find((lane) => lane.status === 'rejected');
    if (broken !== undefined) throw (broken as PromiseRejectedResult).reason;
  } finally {
    clearInterval(heartbeat);
    options.stop?.removeEventListener('abort', onStop);
    options.kill?.removeEventListener('abort', onKill);
  }
  return endings;
}

/** Takes a run's claim, null when another has it. Throws UserError (exit code 3) when the results cannot be written. */
function claimOf({ results, experiment, stale }: QueueOptions, run: PlannedRun): Claim | null {
  try {
    return takeClaim(runFolder(results, experiment, run.id).claim, stale);
  } catch (error) {
    const storage = storageFault(error);
    if (storage === null) throw error;
    throw userError(
      {
        where: 'results',
        what: `cannot be written: ${storage}`,
        hint: 'mend that, or name another folder with EQUIPOISE_RESULTS',
      },
      exitCode.unavailable,
    );
  }
}

/** What may fail with the disk without taking the runs along: a log line, a heartbeat. */
function attempt(write: () => void): void {
  try {
    write();
  } catch (error) {
    if (storageFault(error) === null) throw error;
  }
}

/**
 * One claimed run, up to its end; tried again when its worker crashes.
 * @param meanwhile a failure found now is newer than the plan: another runner's, which is reported, not repeated
 */
async function oneRun(
  options: QueueOptions,
  run: PlannedRun,
  meanwhile: boolean,
  token: string,
  lane: Lane,
): Promise<Ending> {
  // The plan may be old: another runner may have finished it, here or in another experiment, since it was made.
  const others = listExperiments(options.results).filter((name) => name !== options.experiment);
  const paths = runFolder(options.results, options.experiment, run.id);
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
  const elsewhere = finishedElsewhere(options.results, run, others);
  if (elsewhere !== undefined) {
    copyFinished(options.results, elsewhere, options.experiment, run);
    return { kind: 'copied', from: elsewhere };
  }
  const notices: string[] = [];
  const log = (text: string) => attempt(() => appendFileSync(paths.log, text));
  mkdirSync(paths.folder, { recursive: true });
  for (let number = 1; ; number++) {
    options.observe?.({ kind: 'started', run, attempt: number });
    log(`--- attempt ${number}\n`);
    const { results, experiment, code, packages, checkpoint } = options;
    const { id, identity, spec, description, data, weights, arithmetic } = run;
    const task: RunTask = {
      id,
      identity,
      spec,
      description,
      data,
      weights,
      arithmetic,
      results,
      experiment,
      token,
      code,
      packages,
      notices,
      ...(checkpoint === undefined ? {} : { checkpoint }),
    };
    const result = await lane.train(task, (message) => options.observe?.({ ...message, run }), log);
    const ending = endingOf(result);
    if (ending !== null) return ending;
    const reason = `attempt ${number}: ${(result as Extract<Attempt, { kind: 'crashed' }>).reason}`;
    cutTornLine(paths.journal);
    // A worker that dies while all is stopped was meant to: a cluster signals every process of a run.
    if (options.kill?.aborted === true || options.stop?.aborted === true)
      return { kind: 'stopped', step: lastRecord(paths.journal)?.step ?? 0 };
    notices.push(reason);
    if (number > options.retries) {
      markFailed(task, notices.join('; '));
      return { kind: 'failed', message: notices.join('; '), unavailable: false };
    }
    options.observe?.({ kind: 'retry', run, reason });
  }
}

function endingOf(result: Attempt): Ending | null {
  switch (result.kind) {
    case 'done':
      return { kind: 'trained', seconds: result.seconds, accuracy: result.final.choice.accuracy, steps: result.steps };
    case 'failed':
      return {
        kind: 'failed',
        message: result.message,
        unavailable: result.unavailable,
        ...(result.storage === true ? { storage: true } : {}),
      };
    case 'stopped':
      return { kind: 'stopped', step: result.step };
    case 'crashed':
      return null;
  }
}

/** A worker that crashed wrote no end: the runner writes it, keeping what run.json already said of the machine. */
function markFailed(task: RunTask, failure: string): void {
  const paths = runFolder(task.results, task.experiment, task.id);
  const read = readRunFile(paths.runJson);
  const base = read.state === 'read' && read.file.identity === task.identity ? read.file : unstartedFile(task);
  writeWhole(
    paths.runJson,
    runFileText({ ...base, status: 'failed', failure, step: lastRecord(paths.journal)?.step ?? 0 }),
  );
}
