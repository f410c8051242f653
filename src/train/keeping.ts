/** Keeps what a run has so far: checkpoints of its loop, and what an evaluation has computed since. */
import { batchLog, type BatchLog } from './batchLog';
import { takeCheckpoint } from './checkpoint';
import type { OpenRun } from './open';

export interface Keeping {
  /** gives the batches of evaluations, kept ones first */
  log: BatchLog;
  /** a checkpoint of the place where the loop is; one for each place, and none before the first step */
  keep(): Promise<void>;
  /** keeps and throws AbortError when the run is to stop */
  leave(): Promise<void>;
}

/** For a run that goes on from its own checkpoint, or begins. */
export function keeping({ session, shapes, clock, loop, options: { from, checkpoints, signal } }: OpenRun): Keeping {
  let kept = '';
  const log = batchLog(
    from?.evaluated?.batches ?? [],
    async () => {
      if (checkpoints?.dueInEvaluation?.() === true) await keep();
    },
    () => loop.notices.push('what was kept of an evaluation did not fit; it was computed again'),
  );
  const keep = async (): Promise<void> => {
    if (checkpoints === undefined || loop.step === 0) return;
    const place = `${loop.step} ${loop.reached}`;
    if (kept !== place) checkpoints.save(await takeCheckpoint(session, shapes, { ...loop, seconds: clock.seconds() }));
    kept = place;
    if (log.computed() > 0) checkpoints.saveEvaluated?.({ batches: log.batches(), seconds: clock.seconds().evaluate });
  };
  const leave = async (): Promise<void> => {
    if (signal?.aborted === true) await keep();
    signal?.throwIfAborted();
  };
  return { log, keep, leave };
}
