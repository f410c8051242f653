/**
 * One run in this process, for programs that use Equipoise as a library: its records as they come, its folder as
 * `equipoise run` writes it.
 */
import { heartbeatSeconds, takeClaim } from '../claim';
import { exitCode, userError } from '../problems';
import type { JournalRecord } from '../train/records';
import { codeVersion, packageVersions } from './code';
import { copyFinished } from './copy';
import { executeRun, type Outcome, type Rooms } from './execute';
import { resultsFolder, runFolder } from './folders';
import { readJournal } from './journal';
import type { RunTask } from './messages';
import { createLane } from './lane';
import { localWorkers } from './local';
import { attempt, markFailed } from './oneRun';
import { explained } from './outOfMemory';
import { finishedElsewhere, finishedRun, type IdentifiedRun } from './plan';
import { rooms as realRooms } from './rooms';
import type { RunFile } from './runFile';

export interface RunOptions {
  /** name of the folder below the results that holds the run: the experiment's */
  experiment: string;
  /** the results folder; default: EQUIPOISE_RESULTS, else `results` of the working folder */
  results?: string;
  /** stops after the step that is being computed, with a checkpoint from which the next call goes on */
  signal?: AbortSignal;
  /** told what is being done before and after the steps */
  onStage?: (stage: string) => void;
  /** when to keep checkpoints, default every 30 seconds; changes no result */
  checkpoint?: RunTask['checkpoint'];
}

/**
 * Brings one planned run to done and hands out every record of its journal in order, each after it was written. A
 * finished run is not trained again: its records come from its journal; one of another experiment is copied first. An
 * interrupted run goes on from its checkpoint, after the records that it has. Training does not wait for who reads the
 * records; who leaves the loop early stops it as `signal` does.
 *
 * One run at a time, and one backend, in one process: for many runs at once there is `equipoise run`.
 * @returns the finished run's run.json
 * @throws UserError for what is not available or when another process trains the run, AbortError when `signal` fired,
 * Error
 *   with the reason, which run.json holds too, when training failed
 */
export async function* runHere(
  run: IdentifiedRun,
  options: RunOptions,
  rooms: Rooms = realRooms,
): AsyncGenerator<JournalRecord, RunFile> {
  const { experiment, results = resultsFolder() } = options;
  const paths = runFolder(results, experiment, run.id);
  const claim = takeClaim(paths.claim);
  if (claim === null)
    throw userError(
      { where: `run ${run.id}`, what: 'another process is training it', hint: 'try again when it has ended' },
      exitCode.unavailable,
    );
  // A heartbeat that the disk does not take is left out: whether the claim is still held is asked before each write.
  const heartbeat = setInterval(() => attempt(() => claim.touch()), heartbeatSeconds * 1000).unref();
  try {
    const elsewhere = finishedElsewhere(results, experiment, run);
    if (finishedRun(results, experiment, run) === null && elsewhere !== undefined)
      copyFinished(results, elsewhere, experiment, run);
    if (finishedRun(results, experiment, run) !== null) yield* readJournal(paths.journal).records;
    else yield* trained({ ...run, results, experiment, token: claim.token }, options, paths.journal, rooms);
    const file = finishedRun(results, experiment, run);
    if (file === null) throw new Error(`run ${run.id} has ended without a whole folder`);
    return file;
  } finally {
    clearInterval(heartbeat);
    claim.release();
  }
}

/** The records of a run while it is trained into its folder. Throws what the outcome says when it is not done. */
async function* trained(
  run: IdentifiedRun & { results: string; experiment: string; token: string },
  { signal, onStage, checkpoint }: RunOptions,
  journal: string,
  rooms: Rooms,
): AsyncGenerator<JournalRecord, void> {
  const left = new AbortController();
  const stop = signal === undefined ? left.signal : AbortSignal.any([signal, left.signal]);
  const waiting: JournalRecord[] = [];
  let wake = () => undefined as void;
  const give = (record: JournalRecord) => {
    waiting.push(record);
    wake();
  };
  const task: RunTask = {
    ...run,
    code: codeVersion(),
    packages: packageVersions(),
    notices: [],
    ...(checkpoint === undefined ? {} : { checkpoint }),
  };
  let outcome: Outcome | undefined;
  const ended = executeRun(
    task,
    overheard(rooms, journal, give),
    (message) => message.kind === 'stage' && onStage?.(message.stage),
    stop,
  ).then((how) => {
    outcome = how;
    wake();
  });
  try {
    for (;;) {
      yield* waiting.splice(0);
      if (outcome !== undefined && waiting.length === 0) break;
      if (waiting.length === 0)
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
    }
  } finally {
    left.abort();
    await ended;
  }
  if (outcome.kind === 'stopped') signal?.throwIfAborted();
  if (outcome.kind === 'failed' && outcome.outOfMemory === true && !stop.aborted) {
    const lane = createLane({ start: localWorkers(), memory: 0, stop });
    throw new Error(`run ${run.id}: ${markFailed(task, await explained(task, outcome.message, lane))}`);
  }
  if (outcome.kind === 'failed')
    throw outcome.unavailable
      ? userError({ where: `run ${run.id}`, what: outcome.message }, exitCode.unavailable)
      : new Error(`run ${run.id}: ${outcome.message}`);
}

/**
 * The rooms with a trainer that tells each record when it has been written, and first those of the journal that it goes
 * on with.
 */
function overheard(rooms: Rooms, journal: string, give: (record: JournalRecord) => void): Rooms {
  return {
    ...rooms,
    trainRun: async function* (spec, options) {
      if (options.from !== undefined) readJournal(journal).records.forEach(give);
      const records = rooms.trainRun(spec, options);
      for (;;) {
        const next = await records.next();
        if (next.done === true) return next.value;
        yield next.value;
        give(next.value);
      }
    },
  };
}
