/** Real runs of the toy task through executeRun on the cpu backend, in this process. */
import type { RunSpec } from '../src/manifest/run';
import { takeClaim } from '../src/claim';
import { executeRun, type Outcome, type Rooms } from '../src/runner/execute';
import { runFolder, type RunFolder } from '../src/runner/folders';
import type { RunTask } from '../src/runner/messages';
import { useBackend } from '../src/tensor/backend';
import type { Prepared } from '../src/train/prepare';
import { trainPrepared } from '../src/train/run';
import { firstStepFits } from '../src/train/trial';
import { taskOf } from './fakeRuns';
import { tinyPrepared, tinySpec } from './tinyTask';

/** Rooms that train the toy task. */
export const tinyRooms: Rooms = {
  useBackend,
  trainRun: (spec, options) => trainPrepared(spec, tinyPrepared(spec), options),
  totalSteps: async (spec) => ('steps' in spec.duration ? spec.duration.steps : 0),
  evaluationItems: async () => 9,
  firstStepFits: (spec, batch) => firstStepFits(spec, batch, tinyPrepared),
};

export interface TinyOptions {
  /** replaced fields of the toy spec */
  spec?: object;
  /** steps between checkpoints */
  every?: number;
  /** stop after this step */
  stopAt?: number;
  /** replaced fields of the task */
  task?: Partial<RunTask>;
  /** replaces the data and the model */
  prepared?: (spec: RunSpec) => Prepared;
}

/** Claims and trains, or goes on with, one run of the toy task. */
export async function trainTiny(
  results: string,
  { spec = {}, every = 2, stopAt, task: replaced = {}, prepared = tinyPrepared }: TinyOptions = {},
): Promise<{ outcome: Outcome; paths: RunFolder; spec: RunSpec }> {
  const whole = tinySpec(spec);
  const task = { ...taskOf(results, whole), ...replaced };
  const paths = runFolder(results, 'test', task.id);
  const claim = takeClaim(paths.claim);
  if (claim === null) throw new Error('the run is claimed');
  const stop = new AbortController();
  const trainRun: Rooms['trainRun'] = (each, options) => trainPrepared(each, prepared(each), options);
  const rooms: Rooms = {
    ...tinyRooms,
    trainRun: stopAt === undefined ? trainRun : (each, options) => stopping(trainRun(each, options), stopAt, stop),
  };
  const outcome = await executeRun(
    { checkpoint: { steps: every }, best: true, ...task, token: claim.token },
    rooms,
    () => undefined,
    stop.signal,
  );
  claim.release();
  return { outcome, paths, spec: whole };
}

async function* stopping(
  records: ReturnType<Rooms['trainRun']>,
  at: number,
  stop: AbortController,
): ReturnType<Rooms['trainRun']> {
  for (;;) {
    const next = await records.next();
    if (next.done) return next.value;
    if (next.value.step >= at) stop.abort();
    yield next.value;
  }
}
