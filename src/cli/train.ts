/** Brings runs to done and tells the outcome: what `run` and `reproduce` share. */
import { setMaxListeners } from 'node:events';
import { printable } from '../printable';
import { commandText } from '../files';
import { exitCode, formatProblem, userError, UserError } from '../problems';
import { keepsBest } from '../project';
import { lackingHere } from '../runner/arithmetic';
import { codeVersion, packageVersions } from '../runner/code';
import { timingOf } from '../runner/estimate';
import { readRunFile, runFolder } from '../runner/folders';
import type { CheckpointInterval } from '../runner/messages';
import { countStates, planRuns, type PlannedRun } from '../runner/plan';
import { runQueue, type Ending } from '../runner/queue';
import { listGpus, readResources } from '../runner/resources';
import { readTimings } from '../runner/results';
import { beyondMemory, needsOfSweep, workersOfSweep } from './needs';
import { showProgress } from './progress';
import type { Sweep } from './sweep';
import { count, note, say, sayJson } from './text';
import type { Wiring } from './wiring';

export interface TrainingOptions {
  workers: number | 'auto';
  retries: number;
  failFast?: boolean;
  limit?: number;
  stopAfterFailures?: number;
  /** seconds */
  hangAfter?: number;
  checkpoint?: CheckpointInterval;
  /** true: finished runs keep the weights after their best validation, which the project's config may ask for too */
  best?: boolean;
  /** what the runs read is fetched and made already */
  prepared?: true;
  /** starts runs although they are predicted to need more memory than is free */
  beyondMemory?: boolean;
}

interface TrainingOutcome {
  endings: { run: PlannedRun; ending: Ending }[];
  interrupted: boolean;
  /** states after it */
  totals: ReturnType<typeof countStates>;
  /** of those that are done, how many lie finished in other experiments alone: `--limit` left them there */
  toCopy: number;
}

const statesOf = (plan: readonly PlannedRun[]): Pick<TrainingOutcome, 'totals' | 'toCopy'> => ({
  totals: countStates(plan),
  toCopy: plan.filter(({ state, elsewhere }) => state === 'done' && elsewhere !== undefined).length,
});

/**
 * Trains what a sweep's plan does not call done and copies what is done elsewhere. Ctrl-C once: the running steps are
 * finished; twice: at once. Rejects only for faults of the runner itself.
 */
export async function train(sweep: Sweep, options: TrainingOptions, wiring: Wiring): Promise<TrainingOutcome> {
  const wanted = sweep.plan
    .filter((run) => run.state !== 'done' || run.elsewhere !== undefined)
    .slice(0, options.limit);
  const toTrain = wanted.filter((run) => run.state !== 'done');
  if (wanted.length === 0) return { endings: [], interrupted: false, ...statesOf(sweep.plan) };
  if (toTrain.length > 0 && options.prepared !== true) await prepare(toTrain, wiring);
  const workers = await workersFor(wanted, toTrain, options);
  const interrupts = listenForInterrupts(workers);
  const progress = progressOf(sweep, wanted, workers);
  try {
    const endings = await runQueue({
      results: sweep.results,
      experiment: sweep.experiment,
      runs: wanted,
      workers,
      retries: options.retries,
      failFast: options.failFast === true,
      ...(options.stopAfterFailures === undefined ? {} : { stopAfterFailures: options.stopAfterFailures }),
      ...(options.hangAfter === undefined ? {} : { hang: options.hangAfter }),
      ...(options.checkpoint === undefined ? {} : { checkpoint: options.checkpoint }),
      ...(options.best === true || keepsBest() ? { best: true } : {}),
      ...(toTrain.some((run) => run.arithmetic.gpu) ? { gpus: listGpus() } : {}),
      code: codeVersion(),
      packages: packageVersions(),
      start: wiring.start,
      observe: progress.observe,
      stop: interrupts.stop,
      kill: interrupts.kill,
    });
    return {
      endings: wanted.flatMap((run) => {
        const ending = endings.get(run.id);
        return ending === undefined ? [] : [{ run, ending }];
      }),
      interrupted: interrupts.stop.aborted,
      ...statesOf(planRuns(sweep.results, sweep.experiment, sweep.runs)),
    };
  } finally {
    progress.end();
    interrupts.end();
  }
}

/** Throws UserError (exit code 3) where no run could have the device that it asks for. */
function requireDevice(runs: readonly PlannedRun[]): void {
  const lacking = runs.map(({ arithmetic }) => lackingHere(arithmetic));
  const [first] = lacking;
  if (first === undefined || first === null || lacking.includes(null)) return;
  throw userError(
    {
      where: 'device gpu',
      what: `no run can have it on this machine: ${first}`,
      hint: `--device cpu trains without it; ${commandText('doctor')} says what is missing`,
    },
    exitCode.unavailable,
  );
}

/**
 * Fetches and makes what the runs read. What is missing for some is a warning. Throws UserError where none of them could
 * begin: it would fail for each of them again.
 */
export async function prepare(runs: readonly PlannedRun[], wiring: Wiring): Promise<void> {
  requireDevice(runs);
  const { problems, code, someReady } = await wiring.prepareData(runs);
  if (!someReady && problems.length > 0) throw new UserError(problems, code);
  for (const problem of problems) note(`warning: ${printable(formatProblem(problem))}`);
}

/**
 * Decides how many workers train, and says so. Throws UserError (exit code 3) for runs of which one alone is predicted
 * not to fit.
 */
async function workersFor(
  wanted: readonly PlannedRun[],
  toTrain: readonly PlannedRun[],
  { workers: asked, beyondMemory: allowed = false }: TrainingOptions,
): Promise<number> {
  const needs = await needsOfSweep(toTrain);
  const beyond = beyondMemory(toTrain, needs, readResources(false).memory);
  if (beyond.length > 0 && !allowed) throw new UserError(beyond, exitCode.unavailable);
  for (const { where, what } of beyond) note(`warning: ${printable(`${where}: ${what}`)}`);
  // Copies need no worker's memory, but a sweep of copies alone still wants one.
  const { workers, why } = workersOfSweep(
    asked,
    toTrain.length === 0 ? wanted : toTrain,
    asked === 'auto' ? needs : new Map(),
  );
  const { processors } = readResources(false);
  const copies = wanted.length - toTrain.length;
  note(
    `${count(toTrain.length, 'run')} to train with ${count(workers, 'worker')} (${why})${copies > 0 ? `, ${copies} to copy from other experiments` : ''}`,
  );
  if (
    workers === 1 &&
    processors > 1 &&
    toTrain.some(
      ({ arithmetic: { backend, gpu, threads } }) => backend === 'tensorflow' && !gpu && threads === undefined,
    )
  )
    note(
      `one of ${processors} processors is used: with --threads ${processors} a run has them all; runs with another number of threads are other runs, since their last digits differ`,
    );
  return workers;
}

/** Signals that end the queue: the first one lets running steps finish, the second does not. Until `end`. */
function listenForInterrupts(workers: number): { stop: AbortSignal; kill: AbortSignal; end: () => void } {
  const stop = new AbortController();
  const kill = new AbortController();
  for (const { signal } of [stop, kill]) setMaxListeners(workers + 10, signal);
  const onSignal = () => (stop.signal.aborted ? kill : stop).abort();
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  for (const signal of signals) process.on(signal, onSignal);
  const end = () => {
    for (const signal of signals) process.off(signal, onSignal);
  };
  return { stop: stop.signal, kill: kill.signal, end };
}

/** Progress of the wanted runs on the terminal's error output. */
const progressOf = (sweep: Sweep, wanted: readonly PlannedRun[], workers: number) =>
  showProgress({
    stream: process.stderr,
    total: sweep.plan.length,
    done: sweep.plan.filter((run) => run.state === 'done' && run.elsewhere === undefined).length,
    runs: wanted,
    workers,
    timings: readTimings(sweep.results, wanted[0]!.arithmetic.backend),
    timingOf: (run) => {
      const read = readRunFile(runFolder(sweep.results, sweep.experiment, run.id).runJson);
      return read.state === 'read' ? timingOf(read.file) : null;
    },
  });

/** The endings of one kind. */
const endingsOf = <K extends Ending['kind']>(endings: TrainingOutcome['endings'], kind: K) =>
  endings.filter(
    (each): each is { run: PlannedRun; ending: Extract<Ending, { kind: K }> } => each.ending.kind === kind,
  );

/** Sets the exit code: 130 interrupted, 3 when nothing but missing things failed, 1 when a run failed, else 0. */
function setExitCode({ endings, interrupted }: Pick<TrainingOutcome, 'endings' | 'interrupted'>): void {
  const failed = endingsOf(endings, 'failed');
  if (interrupted) process.exitCode = exitCode.interrupted;
  else if (failed.length > 0)
    process.exitCode = failed.every(({ ending }) => ending.unavailable) ? exitCode.unavailable : exitCode.failed;
}

/** Says which runs failed, each reason once. */
function tellFailures(endings: TrainingOutcome['endings']): void {
  const byMessage = new Map<string, string[]>();
  for (const { run, ending } of endingsOf(endings, 'failed'))
    byMessage.set(ending.message, [...(byMessage.get(ending.message) ?? []), run.id]);
  for (const [message, ids] of byMessage)
    note(
      `error: ${count(ids.length, 'run')} failed (${ids.slice(0, 3).join(', ')}${ids.length > 3 ? ', ...' : ''}): ${printable(message)}`,
    );
}

/** Says which runs failed, and sets the exit code as `tellOutcome` does. */
export function failuresOf(endings: TrainingOutcome['endings'], interrupted: boolean): void {
  setExitCode({ endings, interrupted });
  tellFailures(endings);
}

/** Prints the outcome and sets the exit code: 130 interrupted, 3 when nothing but missing things failed, 1 when a run failed, else 0. */
export function tellOutcome(
  sweep: Sweep,
  { endings, interrupted, totals, toCopy }: TrainingOutcome,
  json: boolean,
): void {
  setExitCode({ endings, interrupted });
  if (json) {
    sayJson('run', {
      experiment: sweep.experiment,
      interrupted,
      totals,
      toCopy,
      runs: endings.map(({ run, ending }) => ({ id: run.id, description: run.description, ending })),
    });
    return;
  }
  tellFailures(endings);
  const now = (['trained', 'copied', 'elsewhere', 'stopped', 'failed'] as const).flatMap((kind) => {
    const { length } = endingsOf(endings, kind);
    return length === 0 ? [] : [`${length} ${kind === 'elsewhere' ? 'done by another runner' : kind}`];
  });
  say(
    endings.length === 0 && !interrupted
      ? `${sweep.experiment}: nothing to do`
      : `${sweep.experiment}: ${now.join(', ') || 'nothing begun'} now; in all ${totals.done - toCopy} of ${sweep.plan.length} done${toCopy === 0 ? '' : `, ${toCopy} more to copy from other experiments`}`,
  );
}
