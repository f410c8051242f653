/** One run, inside a worker: run.json, the journal, the trainer's records into it, checkpoints, and how it ended. */
import { renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { storageFault, writeWhole } from '../files';
import type { RunSpec } from '../manifest/run';
import { loadUsedParts } from '../ownParts';
import { exitCode, UserError, userError } from '../problems';
import type { BackendFacts, BackendRequest } from '../tensor/backend';
import { OutOfMemoryError } from '../train/memory';
import type { JournalRecord } from '../train/records';
import type { TrainOptions, TrainSummary } from '../train/run';
import { usedCode, type UsedCode } from '../train/usedCode';
import { methodVersion } from '../version';
import { originOf, pruneCheckpoints } from './checkpoints';
import { readRunFile, runFolder, type RunFolder } from './folders';
import { codeDiff } from './code';
import { checkpointKeeper } from './keeper';
import { followedBy, type Followed } from './followed';
import { tasksOf } from './identify';
import type { FromWorker, RunTask } from './messages';
import { repetition, resumePoint, type ResumePoint } from './resume';
import type { RunFile } from './runFile';
import { finishedFile, requestOf, startedFile, unstartedFile } from './runStates';
import { runWriter, type RunWriter } from './runWriter';

/** The rooms a worker works with; the real ones are put together in rooms.ts. */
export interface Rooms {
  useBackend(request: BackendRequest): Promise<BackendFacts>;
  trainRun(spec: RunSpec, options: TrainOptions): AsyncGenerator<JournalRecord, TrainSummary>;
  /** optimiser steps of a run */
  totalSteps(spec: RunSpec): Promise<number>;
  /** questions in the evaluation split of a run's task */
  evaluationItems(spec: RunSpec): Promise<number>;
  /** whether one step of a run fits into memory with a batch of this size; may end the process */
  firstStepFits(spec: RunSpec, batch: number): Promise<boolean>;
}

export type Outcome = Extract<FromWorker, { kind: 'done' | 'failed' | 'stopped' }>;

/** Seconds between looks at the claim while training. */
const claimSeconds = 10;

/** What a worker knows of its run before and while it trains; filled as it goes on. */
interface Attempt {
  /** what run.json says; null until the backend runs */
  file: RunFile | null;
  /** last step that was journalled */
  step: number;
}

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
  const writer = runWriter(runFolder(task.results, task.experiment, task.id), task.token);
  const attempt: Attempt = { file: null, step: 0 };
  try {
    const { file, ...opened } = await openAttempt(writer, task, rooms, attempt, tell);
    const summary = await journalled(writer, task, rooms, { file, ...opened, attempt }, tell, signal);
    if (summary === null) return stopped(writer, file, attempt.step);
    finish(writer, task, file, summary);
    const { prepare, train, evaluate } = summary.seconds;
    return {
      kind: 'done',
      final: summary.final,
      steps: summary.steps,
      seconds: prepare + train + evaluate,
      rss: process.memoryUsage().rss,
    };
  } catch (error) {
    if (signal.aborted && attempt.file !== null && isAbort(error)) return stopped(writer, attempt.file, attempt.step);
    return failed(writer, task, attempt, error);
  }
}

/** A run whose folder is open. */
interface Opened {
  file: RunFile;
  point: ResumePoint;
  /** the run whose learning rates it takes */
  followed: Followed | null;
}

/** Starts the backend and opens the run's folder: run.json says from now on that the run is under way. */
async function openAttempt(
  writer: RunWriter,
  task: RunTask,
  rooms: Rooms,
  attempt: Attempt,
  tell: (message: FromWorker) => void,
): Promise<Opened> {
  if (task.code.method !== methodVersion)
    throw userError({
      where: 'worker',
      what: `has version ${methodVersion} of the method, the run was planned with ${task.code.method}: the code changed meanwhile`,
      hint: 'run the command again',
    });
  if (task.parts !== undefined) loadUsedParts(task.parts);
  if (task.usedCode !== undefined) requireSameCode(task, task.usedCode);
  const followed = followedBy(task.results, task.experiment, task);
  tell({ kind: 'stage', stage: 'starting the backend' });
  const facts = await rooms.useBackend(requestOf(task));
  if (facts.name !== task.arithmetic.backend)
    throw new Error(`the backend ${task.arithmetic.backend} was chosen, but ${facts.name} runs`);
  const started = startedFile(task, facts, await rooms.totalSteps(task.spec));
  attempt.file = started;
  const begun = earlierStart(writer.paths, task);
  writer.writeRunFile(started);
  const point = resumePoint(writer.paths, task.identity, originOf(started));
  attempt.step = point.from?.checkpoint.loop.step ?? 0;
  writer.keepDiff(task.code.dirty ? codeDiff() : null, point.from === null);
  const times = { ...started.times, started: (point.from === null ? null : begun) ?? started.times.started };
  const notices = [...(followed === null ? [] : [followed.notice]), ...started.notices, ...point.notices];
  const file = { ...started, step: attempt.step, times, notices };
  attempt.file = file;
  writer.writeRunFile(file);
  return { file, point, followed };
}

/** Throws UserError when this process has other code than the run was planned with: it would carry a wrong identity. */
function requireSameCode({ spec }: RunTask, { files }: UsedCode): void {
  const here = usedCode(spec, tasksOf(spec)).files;
  const changed = Object.keys({ ...files, ...here }).filter((file) => files[file] !== here[file]);
  if (changed.length > 0)
    throw userError({
      where: changed.join(', '),
      what: 'was changed since the run was planned',
      hint: 'run the command again',
    });
}

/** Iterates the trainer into the journal; null when it was stopped before its last record. */
async function journalled(
  writer: RunWriter,
  task: RunTask,
  rooms: Rooms,
  { file, point, followed, attempt }: Opened & { attempt: Attempt },
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
      checkpoints: checkpointKeeper(writer, task, file, point),
      ...(from === null ? {} : { from: from.checkpoint }),
      ...(followed === null ? {} : { followed: followed.factors }),
    });
    for (;;) {
      const next = await records.next();
      if (next.done === true) return signal.aborted && next.value.steps < file.steps ? null : next.value;
      journal.append(next.value);
      attempt.step = next.value.step;
      progress(next.value);
      if (performance.now() - looked > claimSeconds * 1000) {
        looked = performance.now();
        writer.check();
      }
      // A trainer's awaits may all be microtasks: without this the runner's `stop` would never be read. After it the
      // trainer ends its step, hands out a checkpoint, and throws.
      await new Promise((resolve) => setImmediate(resolve));
    }
  } finally {
    journal.close();
  }
}

/** The trained parameters, then run.json: what is done is whole. What only an unfinished run needs goes last. */
function finish(writer: RunWriter, { best }: RunTask, file: RunFile, summary: TrainSummary): void {
  const { paths } = writer;
  writer.check();
  if (summary.checkpoint.length > 0) writeWhole(paths.checkpoint, summary.checkpoint);
  writeWhole(paths.predictions, summary.predictions);
  const { notice, same } = repetition(paths);
  writer.writeRunFile(finishedFile(file, summary, notice === null ? [] : [notice]));
  pruneCheckpoints(paths.checkpoints, []);
  if (best !== true) rmSync(paths.best, { force: true });
  if (same) rmSync(paths.previous, { force: true });
}

/** The run stays as unfinished as it is; the next command goes on with it. */
function stopped(writer: RunWriter, file: RunFile, step: number): Outcome {
  writer.writeRunFile({ ...file, step });
  return { kind: 'stopped', step };
}

/** Says why, to the worker's log, to the runner, and in run.json, as long as that is ours. */
function failed(writer: RunWriter, task: RunTask, { file, step }: Attempt, error: unknown): Outcome {
  const storage = storageFault(error);
  const said = error instanceof Error ? error.message : String(error);
  const message = storage === null ? said : `${storage}; the run goes on from its last checkpoint when that is mended`;
  process.stderr.write(`${error instanceof Error ? (error.stack ?? message) : message}\n`);
  // After a fault of the disk the run is as unfinished as it was: run.json stays as it is.
  if (storage !== null) return { kind: 'failed', message, unavailable: true, storage: true };
  const unavailable = error instanceof UserError && error.code === exitCode.unavailable;
  if (!writer.isOurs()) return { kind: 'failed', message, unavailable };
  if (unavailable) leaveUntried(writer, { file, step });
  else writer.writeRunFile({ ...(file ?? unstartedFile(task)), status: 'failed', failure: message, step });
  return { kind: 'failed', message, unavailable, ...(error instanceof OutOfMemoryError ? { outOfMemory: true } : {}) };
}

/** What a machine lacks (a backend, a GPU, data that cannot be fetched) is no failure of the run: it stays new or unfinished. */
function leaveUntried(writer: RunWriter, { file, step }: Attempt): void {
  if (file === null) return; // nothing was written
  if (step > 0) {
    writer.writeRunFile({ ...file, step });
    return;
  }
  rmSync(writer.paths.runJson, { force: true });
  rmSync(writer.paths.journal, { force: true });
}

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

function isAbort(error: unknown): boolean {
  return error instanceof Error && error.name === 'AbortError';
}
