/** One run, inside a worker: run.json, the journal, the trainer's records into it, and how it ended. */
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { RunSpec } from '../manifest/run';
import { exitCode, UserError } from '../problems';
import type { BackendFacts, BackendRequest } from '../tensor/backend';
import type { JournalRecord } from '../train/records';
import type { TrainOptions, TrainSummary } from '../train/run';
import { writeWhole } from '../files';
import { holdsClaim } from './claim';
import { runFolder, type RunFolder } from './folders';
import { createJournal } from './journal';
import type { FromWorker, RunTask } from './messages';
import { runFileText, type RunFile } from './runFile';

/** The rooms a worker works with; the real ones are put together in workerMain.ts. */
export interface Rooms {
  useBackend(request: BackendRequest): Promise<BackendFacts>;
  trainRun(spec: RunSpec, options: TrainOptions): AsyncGenerator<JournalRecord, TrainSummary>;
  /** optimiser steps of a run */ totalSteps(spec: RunSpec): Promise<number>;
  /** questions in the evaluation split of a run's task */ evaluationItems(spec: RunSpec): Promise<number>;
}

export type Outcome = Extract<FromWorker, { kind: 'done' | 'failed' | 'stopped' }>;

/** Threads inside one run: always one, because sums of several threads depend on their number. Runs are parallel instead. */
const threads = 1;

/** The backend that a task asks for. */
export const requestOf = ({ arithmetic }: RunTask): BackendRequest => ({ name: arithmetic.backend, device: arithmetic.device, threads });

/**
 * Trains one run and writes its folder. Never throws for a run that fails: the outcome and run.json say why.
 * @param signal stops after the current step; the run then stays partial
 */
export async function executeRun(task: RunTask, rooms: Rooms, tell: (message: FromWorker) => void, signal: AbortSignal): Promise<Outcome> {
  const paths = runFolder(task.results, task.experiment, task.id);
  let file: RunFile | null = null;
  let step = 0;
  try {
    tell({ kind: 'stage', stage: 'starting the backend' });
    const facts = await rooms.useBackend(requestOf(task));
    if (facts.name !== task.arithmetic.backend) throw new Error(`the backend ${task.arithmetic.backend} was chosen, but ${facts.name} runs`);
    file = startedFile(task, facts, await rooms.totalSteps(task.spec));
    const previous = setAside(paths);
    writeOwned(paths, task, file);
    const summary = await journalled(task, rooms, paths, file.steps, (at) => { step = at; }, tell, signal);
    if (summary === null) return stopped(paths, task, file, step);
    // Before run.json says done: what is done is whole.
    if (summary.checkpoint.length > 0 && holdsClaim(paths.claim, task.token)) writeWhole(paths.checkpoint, summary.checkpoint);
    const done = finishedFile(file, summary, repetition(paths.journal, previous));
    writeOwned(paths, task, done);
    rmSync(previous, { force: true });
    const { prepare, train, evaluate } = summary.seconds;
    return { kind: 'done', final: summary.final, steps: summary.steps, seconds: prepare + train + evaluate, rss: process.memoryUsage().rss };
  } catch (error) {
    if (signal.aborted && file !== null && isAbort(error)) return stopped(paths, task, file, step);
    const message = error instanceof Error ? error.message : String(error);
    process.stderr.write(`${error instanceof Error ? (error.stack ?? message) : message}\n`);
    if (holdsClaim(paths.claim, task.token)) writeOwned(paths, task, { ...(file ?? unstartedFile(task)), status: 'failed', failure: message, step });
    return { kind: 'failed', message, unavailable: error instanceof UserError && error.code === exitCode.unavailable };
  }
}

/** Iterates the trainer into the journal; null when it was stopped. */
async function journalled(task: RunTask, rooms: Rooms, paths: RunFolder, steps: number, onStep: (step: number) => void, tell: (message: FromWorker) => void, signal: AbortSignal): Promise<TrainSummary | null> {
  const journal = createJournal(paths.journal);
  const progress = reporter(steps, tell);
  try {
    const records = rooms.trainRun(task.spec, { signal, onStage: (stage) => tell({ kind: 'stage', stage }) });
    for (;;) {
      const next = await records.next();
      if (next.done === true) return signal.aborted && next.value.steps < steps ? null : next.value;
      journal.append(next.value);
      onStep(next.value.step);
      progress(next.value);
      // A trainer's awaits may all be microtasks: without this the runner's `stop` would never be read.
      await new Promise((resolve) => setImmediate(resolve));
      if (signal.aborted) {
        await stopGenerator(records);
        return null;
      }
    }
  } finally {
    journal.close();
  }
}

async function stopGenerator(records: AsyncGenerator<JournalRecord, TrainSummary>): Promise<void> {
  await records.return(undefined as never); // its finally blocks run; its value is not used
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

/** Sets the journal of an interrupted attempt aside, so that the repetition can be compared with it. Returns where it lies. */
function setAside(paths: RunFolder): string {
  mkdirSync(paths.folder, { recursive: true });
  const previous = join(paths.folder, 'metrics.previous.jsonl');
  rmSync(paths.checkpoint, { force: true });
  if (existsSync(paths.journal)) renameSync(paths.journal, previous);
  return previous;
}

/** A run is a function of its identity: its whole lines must repeat those of an interrupted attempt. A notice when they do not. */
function repetition(journal: string, previous: string): string[] {
  if (!existsSync(previous)) return [];
  const before = readFileSync(previous, 'utf8').split('\n').slice(0, -1);
  const now = readFileSync(journal, 'utf8').split('\n');
  const differs = before.findIndex((line, index) => line !== now[index]);
  return [differs < 0
    ? `an earlier attempt ended early; its ${before.length} records were repeated exactly`
    : `an earlier attempt ended early; record ${differs + 1} of its ${before.length} was not repeated exactly: the code has changed since, or the run is not deterministic on this machine`];
}

function startedFile(task: RunTask, facts: BackendFacts, steps: number): RunFile {
  const base = unstartedFile(task);
  return {
    ...base,
    steps,
    machine: { backend: facts.name, device: facts.device, threads: facts.threads, node: process.versions.node, tensorflow: facts.tensorflow, packages: { ...task.packages, ...facts.versions } },
    notices: [...base.notices, ...facts.notices],
  };
}

/** run.json of a run whose backend did not even start. */
export function unstartedFile(task: RunTask): RunFile {
  return {
    format: 'equipoise-run/1', id: task.id, identity: task.identity, experiment: task.experiment, spec: task.spec, status: 'running', steps: 0, step: 0,
    code: task.code, data: task.data, weights: task.weights,
    machine: { backend: task.arithmetic.backend, device: 'not started', threads, node: process.versions.node, tensorflow: null, packages: task.packages },
    notices: [...task.notices],
    times: { started: new Date().toISOString(), finished: null, trainSeconds: 0, evaluateSeconds: 0, secondsPerStep: 0 },
    final: null,
  };
}

function finishedFile(file: RunFile, summary: TrainSummary, notices: string[]): RunFile {
  const { train, evaluate } = summary.seconds;
  return {
    ...file, status: 'done', steps: summary.steps, step: summary.steps, weights: { ...file.weights, ...summary.weights },
    notices: [...new Set([...file.notices, ...summary.notices, ...notices])],
    times: { ...file.times, finished: new Date().toISOString(), trainSeconds: train, evaluateSeconds: evaluate, secondsPerStep: summary.steps > 0 ? train / summary.steps : 0 },
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
  if (!holdsClaim(paths.claim, task.token)) throw new Error('another runner took the run over while it was training here');
  writeWhole(paths.runJson, runFileText(file));
}
