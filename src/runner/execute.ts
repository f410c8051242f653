/** One run, inside a worker: run.json, the journal, the trainer's records into it, checkpoints, and how it ended. */
import { renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { RunSpec } from '../manifest/run';
import { exitCode, UserError, userError } from '../problems';
import type { BackendFacts, BackendRequest } from '../tensor/backend';
import type { JournalRecord } from '../train/records';
import type { CheckpointKeeper } from '../train/checkpoint';
import type { TrainOptions, TrainSummary } from '../train/run';
import { storageFault, writeWhole } from '../files';
import { methodVersion } from '../version';
import { originOf, pruneCheckpoints, writeCheckpoint } from './checkpoints';
import { holdsClaim } from '../claim';
import { writeEvaluated } from './evaluated';
import { readRunFile, runFolder, type RunFolder } from './folders';
import type { FromWorker, RunTask } from './messages';
import { repetition, resumePoint, type ResumePoint } from './resume';
import { runFileText, type RunFile } from './runFile';

/** The rooms a worker works with; the real ones are put together in workerMain.ts. */
export interface Rooms {
  useBackend(request: BackendRequest): Promise<BackendFacts>;
  trainRun(spec: RunSpec, options: TrainOptions): AsyncGenerator<JournalRecord, TrainSummary>;
  /** optimiser steps of a run */
  totalSteps(spec: RunSpec): Promise<number>;
  /** questions in the evaluation split of a run's task */
  evaluationItems(spec: RunSpec): Promise<number>;
}

export type Outcome = Extract<FromWorker, { kind: 'done' | 'failed' | 'stopped' }>;

/** Threads inside one run: always one, because sums of several threads depend on their number. Runs are parallel instead. */
const threads = 1;

/** The backend that a task asks for. */
export const requestOf = ({ arithmetic }: RunTask): BackendRequest => ({
  name: arithmetic.backend,
  device: arithmetic.device,
  threads,
});

/** Seconds between checkpoints, and in an evaluation between keeping what it has found, unless the task says otherwise. */
const defaultSeconds = 30;

/** Seconds between looks at the claim while training. */
const claimSeconds = 10;

/**
 * Trains one run and writes its folder, from its first step or from its newest checkpoint. Never throws for a run that
 * fails: the outcome and run.json say why.
 * @param signal stops after the current step, with a checkpoint; the run then stays partial
 */
export async function executeRun(
  task: RunTask,
  rooms: Rooms,
  tell: (message: FromWorker) => void,
  signal: AbortSignal,
): Promise<Outcome> {
  const paths = runFolder(task.results, task.experiment, task.id);
  let file: RunFile | null = null;
  let step = 0;
  try {
    if (task.code.method !== methodVersion)
      throw userError({
        where: 'worker',
        what: `has version ${methodVersion} of the method, the run was planned with ${task.code.method}: the code changed meanwhile`,
        hint: 'run the command again',
      });
    tell({ kind: 'stage', stage: 'starting the backend' });
    const facts = await rooms.useBackend(requestOf(task));
    if (facts.name !== task.arithmetic.backend)
      throw new Error(`the backend ${task.arithmetic.backend} was chosen, but ${facts.name} runs`);
    file = startedFile(task, facts, await rooms.totalSteps(task.spec));
    const begun = earlierStart(paths, task);
    writeOwned(paths, task, file);
    const point = resumePoint(paths, task.identity, originOf(file));
    if (point.from !== null) {
      step = point.from.checkpoint.loop.step;
      file = { ...file, step, times: { ...file.times, started: begun ?? file.times.started } };
    }
    file = { ...file, notices: [...file.notices, ...point.notices] };
    writeOwned(paths, task, file);
    const summary = await journalled(
      task,
      rooms,
      paths,
      file,
      point,
      (at) => {
        step = at;
      },
      tell,
      signal,
    );
    if (summary === null) return stopped(paths, task, file, step);
    finish(paths, task, file, summary);
    const { prepare, train, evaluate } = summary.seconds;
    return {
      kind: 'done',
      final: summary.final,
      steps: summary.steps,
      seconds: prepare + train + evaluate,
      rss: process.memoryUsage().rss,
    };
  } catch (error) {
    if (signal.aborted && file !== null && isAbort(error)) return stopped(paths, task, file, step);
    const storage = storageFault(error);
    const message =
      storage === null
        ? error instanceof Error
          ? error.message
          : String(error)
        : `${storage}; the run goes on from its last checkpoint when that is mended`;
    process.stderr.write(`${error instanceof Error ? (error.stack ?? message) : message}\n`);
    // After a fault of the disk the run is as unfinished as it was: run.json stays as it is.
    if (storage !== null) return { kind: 'failed', message, unavailable: true, storage: true };
    if (holdsClaim(paths.claim, task.token))
      writeOwned(paths, task, { ...(file ?? unstartedFile(task)), status: 'failed', failure: message, step });
    return { kind: 'failed', message, unavailable: error instanceof UserError && error.code === exitCode.unavailable };
  }
}

/** Iterates the trainer into the journal; null when it was stopped before its last record. */
async function journalled(
  task: RunTask,
  rooms: Rooms,
  paths: RunFolder,
  file: RunFile,
  point: ResumePoint,
  onStep: (step: number) => void,
  tell: (message: FromWorker) => void,
  signal: AbortSignal,
): Promise<TrainSummary | null> {
  const { journal, from } = point;
  const progress = reporter(file.steps, tell);
  let looked = performance.now();
  try {
    const records = rooms.trainRun(task.spec, {
      signal,
      onStage: (stage) => tell({ kind: 'stage', stage }),
      checkpoints: keeper(task, paths, file, point),
      ...(from === null ? {} : { from: from.checkpoint }),
    });
    for (;;) {
      const next = await records.next();
      if (next.done === true) return signal.aborted && next.value.steps < file.steps ? null : next.value;
      journal.append(next.value);
      onStep(next.value.step);
      progress(next.value);
      if (performance.now() - looked > claimSeconds * 1000) {
        looked = performance.now();
        if (!holdsClaim(paths.claim, task.token)) throw lost();
      }
      // A trainer's awaits may all be microtasks: without this the runner's `stop` would never be read. After it the
      // trainer ends its step, hands out a checkpoint, and throws.
      await new Promise((resolve) => setImmediate(resolve));
    }
  } finally {
    journal.close();
  }
}

/** Keeps the last two checkpoints and the best weights. A disk that does not take one is told; the run goes on without. */
function keeper(task: RunTask, paths: RunFolder, file: RunFile, { journal, from }: ResumePoint): CheckpointKeeper {
  const every = task.checkpoint ?? { seconds: defaultSeconds };
  const origin = originOf(file);
  const good = from === null ? [] : [from.name];
  let newest: ReturnType<typeof writeCheckpoint> | null = null;
  let last = performance.now();
  const isDue = (seconds: number) => performance.now() - last >= seconds * 1000;
  const attempt = (write: () => void) => {
    if (!holdsClaim(paths.claim, task.token)) throw lost();
    try {
      write();
    } catch (error) {
      const storage = storageFault(error);
      if (storage === null) throw error;
      const message = `a checkpoint could not be written: ${storage}`;
      process.stderr.write(`${message}\n`);
      if (!file.notices.includes(message)) file.notices.push(message);
    }
  };
  return {
    due: (step) => ('steps' in every ? step % every.steps === 0 : isDue(every.seconds)),
    dueInEvaluation: () => isDue('steps' in every ? defaultSeconds : every.seconds),
    save: (checkpoint) =>
      attempt(() => {
        last = performance.now();
        journal.sync();
        newest = null;
        newest = writeCheckpoint(paths.checkpoints, task.identity, checkpoint, journal.position(), origin);
        good.push(newest.name);
        good.splice(0, good.length - 2);
        pruneCheckpoints(paths.checkpoints, good);
      }),
    saveEvaluated: (evaluated) =>
      attempt(() => {
        last = performance.now();
        if (newest !== null) writeEvaluated(paths.checkpoints, newest, task.identity, origin, evaluated);
      }),
    best: (weights) => attempt(() => writeWhole(paths.best, weights)),
  };
}

/** The trained parameters, then run.json: what is done is whole. What only an unfinished run needs goes last. */
function finish(paths: RunFolder, task: RunTask, file: RunFile, summary: TrainSummary): void {
  if (!holdsClaim(paths.claim, task.token)) throw lost();
  if (summary.checkpoint.length > 0) writeWhole(paths.checkpoint, summary.checkpoint);
  writeWhole(paths.predictions, summary.predictions);
  const { notice, same } = repetition(paths);
  writeOwned(paths, task, finishedFile(file, summary, notice === null ? [] : [notice]));
  pruneCheckpoints(paths.checkpoints, []);
  if (same) rmSync(paths.previous, { force: true });
}

const lost = () => new Error('another runner took the run over while it was training here');

/** Tells the newest step, loss and kappa at most four times a second; the last step always. */
function reporter(steps: number, tell: (message: FromWorker) => void): (record: JournalRecord) => void {
  let loss: number | null = null;
  let kappa: number | null = null;
  let first: { step: number; at: number } | null = null;
  let last = 0;
  return (record) => {
    if (record.kind === 'train') loss = record.loss;
    if (record.kind === 'measure') kappa = record.kappa;
    const now = performance.now();
    first ??= { step: record.step, at: now };
    if (now - last < 250 && record.step < steps) return;
    last = now;
    const stepsPerSecond = record.step > first.step ? (1000 * (record.step - first.step)) / (now - first.at) : null;
    tell({ kind: 'progress', step: record.step, steps, loss, kappa, stepsPerSecond });
  };
}

/**
 * When an earlier attempt of the run began; null when there was none. A run.json that cannot be read is kept under
 * another name. Throws UserError for one of another version of this program.
 */
function earlierStart(paths: RunFolder, task: RunTask): string | null {
  const read = readRunFile(paths.runJson);
  if (read.state === 'foreign') throw userError({ where: `run ${task.id}`, what: read.why });
  if (read.state === 'unreadable') renameSync(paths.runJson, join(paths.folder, 'run.unusable.json'));
  return read.state === 'read' && read.file.identity === task.identity ? read.file.times.started : null;
}

function startedFile(task: RunTask, facts: BackendFacts, steps: number): RunFile {
  const base = unstartedFile(task);
  return {
    ...base,
    steps,
    machine: {
      backend: facts.name,
      device: facts.device,
      threads: facts.threads,
      node: process.versions.node,
      tensorflow: facts.tensorflow,
      packages: { ...task.packages, ...facts.versions },
    },
    notices: [...base.notices, ...facts.notices],
  };
}

/** run.json of a run whose backend did not even start. */
export function unstartedFile(task: RunTask): RunFile {
  return {
    format: 'equipoise-run/1',
    id: task.id,
    identity: task.identity,
    experiment: task.experiment,
    spec: task.spec,
    status: 'running',
    steps: 0,
    step: 0,
    code: task.code,
    data: task.data,
    weights: task.weights,
    machine: {
      backend: task.arithmetic.backend,
      device: 'not started',
      threads,
      node: process.versions.node,
      tensorflow: null,
      packages: task.packages,
    },
    notices: [...task.notices],
    times: {
      started: new Date().toISOString(),
      finished: null,
      trainSeconds: 0,
      evaluateSeconds: 0,
      secondsPerStep: 0,
    },
    final: null,
  };
}

function finishedFile(file: RunFile, summary: TrainSummary, notices: string[]): RunFile {
  const { train, evaluate } = summary.seconds;
  return {
    ...file,
    status: 'done',
    steps: summary.steps,
    step: summary.steps,
    weights: { ...file.weights, ...summary.weights },
    notices: [...new Set([...file.notices, ...summary.notices, ...notices])],
    times: {
      ...file.times,
      finished: new Date().toISOString(),
      trainSeconds: train,
      evaluateSeconds: evaluate,
      secondsPerStep: summary.steps > 0 ? train / summary.steps : 0,
    },
    final: summary.final,
  };
}

function stopped(paths: RunFolder, task: RunTask, file: RunFile, step: number): Outcome {
  writeOwned(paths, task, { ...file, step });
  return { kind: 'stopped', step };
}

function isAbort(error: unknown): boolean {
  return error instanceof Error && error.name === 'AbortError';
}

/** Writes run.json while the claim is held; throws Error when another runner has taken the run over, whose file it now is. */
function writeOwned(paths: RunFolder, task: RunTask, file: RunFile): void {
  if (!holdsClaim(paths.claim, task.token)) throw lost();
  writeWhole(paths.runJson, runFileText(file));
}
