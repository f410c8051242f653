/** A short measured training, so that an estimate is about this machine and not about another. */
import type { RunSpec } from '../manifest/run';
import { loadUsedParts } from '../ownParts';
import type { TrainSummary } from '../train/run';
import type { Rooms } from './execute';
import { standingIn } from './followed';
import { requestOf } from './runStates';
import type { Calibration, FromWorker, RunTask } from './messages';

/**
 * Trains a run twice for a few steps and takes the difference, which leaves the costs of starting out. The caches that
 * this fills (features, alignment) are those of the run itself. Writes no results; throws what the trainer throws.
 */
export async function calibrate(
  task: RunTask,
  rooms: Rooms,
  tell: (message: FromWorker) => void,
  signal: AbortSignal,
): Promise<Calibration> {
  if (task.parts !== undefined) loadUsedParts(task.parts);
  await rooms.useBackend(requestOf(task));
  const { evaluate } = task.spec;
  const whole = await rooms.evaluationItems(task.spec);
  const limit = evaluate.limit ?? 0;
  const items = limit === 0 ? whole : Math.min(limit, whole);
  // Never more than the run itself: what it does not read may have no features.
  const steps = Math.min(20, await rooms.totalSteps(task.spec));
  const questions = Math.min(32, Math.max(1, items));
  const small = await brief(task.spec, Math.ceil(steps / 4), Math.ceil(questions / 4), rooms, tell, signal);
  const large = await brief(task.spec, steps, questions, rooms, tell, signal);
  const secondsPerStep = slope(small.seconds.train, large.seconds.train, small.steps, large.steps);
  const secondsPerItem = slope(
    small.seconds.evaluate,
    large.seconds.evaluate,
    small.final.choice.total,
    large.final.choice.total,
  );
  return {
    firstSeconds: Math.max(0, small.seconds.prepare - large.seconds.prepare),
    secondsPerStep,
    otherSeconds:
      large.seconds.prepare + large.seconds.evaluate + secondsPerItem * Math.max(0, items - large.final.choice.total),
  };
}

async function brief(
  spec: RunSpec,
  steps: number,
  limit: number,
  rooms: Rooms,
  tell: (message: FromWorker) => void,
  signal: AbortSignal,
): Promise<TrainSummary> {
  const followed = standingIn(spec, steps);
  const records = rooms.trainRun(
    { ...spec, duration: { steps }, evaluate: { ...spec.evaluate, every: 0, limit } },
    {
      signal,
      asked: spec,
      onStage: (stage) => tell({ kind: 'stage', stage }),
      ...(followed === null ? {} : { followed }),
    },
  );
  for (;;) {
    const next = await records.next();
    if (next.done === true) return next.value;
    await new Promise((resolve) => setImmediate(resolve)); // so that `stop` is heard
  }
}

/** Cost of one more, from two measurements; the mean of the larger one where noise makes the difference negative. */
function slope(smaller: number, larger: number, few: number, many: number): number {
  return larger > smaller && many > few ? (larger - smaller) / (many - few) : larger / Math.max(1, many);
}
