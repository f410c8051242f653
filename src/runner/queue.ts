/** Many runs: lanes that each take the next run, claim it, and train it in their worker, until none is left. */
import { setTimeout as sleep } from 'node:timers/promises';
import { heartbeatSeconds, takeClaim, type Claim } from '../claim';
import { storageFault } from '../files';
import { exitCode, userError } from '../problems';
import { runFolder } from './folders';
import { followedRun, isFinished } from './followed';
import { createLane, hangSeconds, type Lane } from './lane';
import { workerMemory } from './local';
import { attempt, oneRun } from './oneRun';
import type { PlannedRun } from './plan';
import type { Ending, QueueOptions } from './queueOptions';

export type { Ending, QueueEvent, QueueOptions } from './queueOptions';

/** A run that is to be brought to `done`. */
interface Item {
  run: PlannedRun;
  /** by the monotonic clock, ms */
  notBefore: number;
  /** another runner had it when it was last looked at */
  waiting: boolean;
}

/** What the lanes of a queue share. */
interface Shared {
  options: QueueOptions;
  queue: Item[];
  claims: Set<Claim>;
  stopping: AbortSignal;
  endings: Endings;
}

/**
 * Brings the runs to `done` and says how each ended, by id; runs never begun are absent. Rejects only for faults of the
 * runner itself.
 */
export async function runQueue(options: QueueOptions): Promise<Map<string, Ending>> {
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
  const shared: Shared = {
    options,
    queue: options.runs.map((run) => ({ run, notBefore: 0, waiting: false })),
    claims,
    stopping: stopping.signal,
    endings: endingsOf(options, stop),
  };
  try {
    const lanes = await Promise.allSettled(
      Array.from({ length: Math.max(1, options.workers) }, (_, place) => work(shared, place)),
    );
    const broken = lanes.find((lane) => lane.status === 'rejected');
    if (broken !== undefined) throw (broken as PromiseRejectedResult).reason;
  } finally {
    clearInterval(heartbeat);
    options.stop?.removeEventListener('abort', onStop);
    options.kill?.removeEventListener('abort', onKill);
  }
  return shared.endings.all;
}

/** How runs ended, and what follows from it for the others. */
interface Endings {
  all: Map<string, Ending>;
  end(run: PlannedRun, ending: Ending): void;
  /**
   * what a run of this kind could not get: the others cannot get it either, each would fail by itself with the same
   * words
   */
  lackingFor(run: PlannedRun): string | undefined;
}

function endingsOf(options: QueueOptions, stop: (why: string) => void): Endings {
  const all = new Map<string, Ending>();
  const missing = new Map<string, string>();
  const kindOf = ({ spec }: PlannedRun) => JSON.stringify([spec.task, spec.encoder, spec.backbone, spec.device]);
  let failures = 0;
  return {
    all,
    lackingFor: (run) => missing.get(kindOf(run)),
    end(run, ending) {
      all.set(run.id, ending);
      if (ending.kind === 'failed' && ending.unavailable) missing.set(kindOf(run), ending.message);
      options.observe?.({ kind: 'ended', run, ending });
      if (ending.kind !== 'failed') return;
      failures += 1;
      if (ending.storage === true) stop(`the results cannot be written: ${ending.message}`);
      else if (options.failFast) stop(`a run failed and --fail-fast was given: ${ending.message}`);
      else if (failures >= (options.stopAfterFailures ?? Infinity))
        stop(`${failures} failed, which is as many as --stop-after-failures allows; the last: ${ending.message}`);
    },
  };
}

/** One lane: takes the next run that may be taken, until none is left or all is stopped. */
async function work(shared: Shared, place: number): Promise<void> {
  const { options, queue, stopping } = shared;
  const gpu =
    options.gpus === undefined || options.gpus.length === 0 ? undefined : options.gpus[place % options.gpus.length];
  const lane = createLane({
    start: options.start,
    memory: workerMemory,
    stop: stopping,
    kill: options.kill,
    hang: options.hang ?? hangSeconds,
    ...(gpu === undefined ? {} : { placement: { gpu } }),
  });
  try {
    while (!stopping.aborted) {
      const index = queue.findIndex((item) => item.notBefore <= performance.now());
      const item = index < 0 ? undefined : queue.splice(index, 1)[0];
      if (item !== undefined) await workOn(shared, lane, item);
      else if (queue.length === 0) break;
      else await sleep(50, undefined, { signal: stopping }).catch(() => undefined);
    }
  } finally {
    await lane.end();
  }
}

/** One look at a run: its end, or it goes back into the queue while another runner has it. */
async function workOn({ options, queue, claims, endings }: Shared, lane: Lane, { run, waiting }: Item): Promise<void> {
  const lacking = endings.lackingFor(run);
  if (lacking !== undefined) {
    endings.end(run, { kind: 'failed', message: lacking, unavailable: true });
    return;
  }
  if (waitsForFollowed(options, run, endings)) {
    queue.push({ run, notBefore: performance.now() + (options.poll ?? 2) * 1000, waiting });
    return;
  }
  const claim = claimOf(options, run);
  if (claim === null) {
    if (!waiting) options.observe?.({ kind: 'waiting', run });
    queue.push({ run, notBefore: performance.now() + (options.poll ?? 2) * 1000, waiting: true });
    return;
  }
  claims.add(claim);
  try {
    const ending = await oneRun(options, run, waiting || run.state !== 'failed', claim.token, lane);
    if (ending.kind !== 'failed' || claim.touch()) endings.end(run, ending);
    else queue.push({ run, notBefore: 0, waiting: true }); // taken over by another runner: its word counts
  } catch (error) {
    const storage = storageFault(error);
    if (storage === null) throw error;
    endings.end(run, { kind: 'failed', message: storage, unavailable: true, storage: true });
  } finally {
    claims.delete(claim);
    claim.release();
  }
}

/** Whether a run follows one of this queue that is still to be finished. One that never will be is left to the worker. */
function waitsForFollowed({ results, experiment, runs }: QueueOptions, run: PlannedRun, endings: Endings): boolean {
  const followed = followedRun(run);
  if (followed === null || endings.all.has(followed.id)) return false;
  return runs.some(({ id }) => id === followed.id) && !isFinished(results, experiment, followed);
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
