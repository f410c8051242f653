/**
 * A lane holds at most one worker, gives it one run at a time, and starts a fresh one when the old one may not be
 * trusted.
 */
import type { Arithmetic } from './arithmetic';
import type { Placement, StartWorker, WorkerHandle } from './local';
import type { Calibration, FromWorker, RunTask, ToWorker } from './messages';
import { isKill } from './resources';

/** What became of one run given to a worker; `crashed`: the process ended without saying. */
export type Attempt =
  Extract<FromWorker, { kind: 'done' | 'failed' | 'stopped' }> | { kind: 'crashed'; reason: string };

/** TensorFlow's own information and warnings, which explain no crash. */
const chatter = /^([IW]\d{4} |\d{4}-\d\d-\d\d [\d:.]+: [IW] |WARNING: All log messages)|TF_ENABLE_ONEDNN_OPTS/;

type Telling = Extract<FromWorker, { kind: 'stage' | 'progress' }>;

export interface Lane {
  train(task: RunTask, tell: (message: Telling) => void, output: (text: string) => void): Promise<Attempt>;
  /** throws Error with the worker's message when it could not be measured */
  calibrate(task: RunTask, tell: (message: Telling) => void): Promise<Calibration>;
  /**
   * Whether one step with a batch of this size fits into memory, in a fresh worker: one that is killed says no. Throws
   * Error with the worker's message when the step fails for want of something else.
   */
  fits(task: RunTask, batch: number): Promise<boolean>;
  /** Ends the worker and waits for it. */
  end(): Promise<void>;
}

/**
 * Seconds without a word after which a worker is ended; long, since a first step on a new GPU may compile for minutes.
 */
export const hangSeconds = 1800;

interface LaneOptions {
  start: StartWorker;
  /** bytes above which a worker is not used again */
  memory: number;
  stop: AbortSignal;
  kill?: AbortSignal;
  /** seconds without a word after which a worker is taken for hung and ended; 0: never. Default 0 */
  hang?: number;
  placement?: Placement;
}

/** A worker process, and who hears what it says. */
interface Worker extends WorkerHandle {
  arithmetic: Arithmetic;
  listener: { message: (message: FromWorker) => void; output: (text: string) => void } | null;
}

/**
 * A lane over a launcher. A worker is kept for the next run, which saves its start; it is ended after a failure (what
 * it left behind is unknown), when it holds more than `memory` bytes, and for another device or number of threads than
 * it was started with.
 */
export function createLane(options: LaneOptions): Lane {
  let worker: Worker | null = null;
  const end = async () => {
    const ending = worker;
    worker = null;
    if (ending === null) return;
    ending.end();
    const timer = setTimeout(() => ending.kill(), 10_000);
    await ending.exited;
    clearTimeout(timer);
  };
  const workerFor = async ({ arithmetic }: RunTask): Promise<Worker> => {
    if (worker !== null && !isAlike(worker.arithmetic, arithmetic)) await end();
    if (worker !== null) return worker;
    const started = startWorker(options, arithmetic);
    void started.exited.then(() => {
      if (worker === started) worker = null;
    });
    worker = started;
    return started;
  };
  return {
    train: async (task, tell, output) => {
      const question = { kind: 'run', task, answers: ['done', 'failed', 'stopped'] as const } as const;
      const result = await ask(await workerFor(task), question, options, tell, output);
      if (result.kind === 'failed' || (result.kind === 'done' && result.rss > options.memory)) await end();
      return result;
    },
    calibrate: async (task, tell) => {
      const question = { kind: 'calibrate', task, answers: ['calibrated', 'failed'] as const } as const;
      const result = await ask(await workerFor(task), question, options, tell, quiet);
      if (result.kind === 'calibrated') return result.calibration;
      await end();
      throw new Error(result.kind === 'failed' ? result.message : result.reason);
    },
    fits: async (task, batch) => {
      await end();
      const question = { kind: 'try', task, batch, answers: ['tried', 'failed'] as const } as const;
      const result = await ask(await workerFor(task), question, options, quiet, quiet);
      await end();
      if (result.kind === 'tried') return result.fits;
      if (result.kind === 'crashed' && isKill(result.reason)) return false;
      throw new Error(result.kind === 'failed' ? result.message : result.reason);
    },
    end,
  };
}

const quiet = () => undefined;

/** A process starts its library once, for one device and number of threads. */
const isAlike = (a: Arithmetic, b: Arithmetic): boolean => a.device === b.device && a.threads === b.threads;

function startWorker({ start, placement }: LaneOptions, arithmetic: Arithmetic): Worker {
  const { threads } = arithmetic;
  const ears: Pick<Worker, 'listener'> = { listener: null };
  const handle = start(
    { message: (message) => ears.listener?.message(message), output: (text) => ears.listener?.output(text) },
    threads === undefined ? placement : { ...placement, threads },
  );
  return Object.assign(ears, handle, { arithmetic });
}

/** Asks a worker and waits for one of the answers, or for its end. */
async function ask<Kind extends FromWorker['kind']>(
  worker: Worker,
  { answers, ...question }: Exclude<ToWorker, { kind: 'stop' | 'end' }> & { answers: readonly Kind[] },
  { stop, kill, hang = 0 }: LaneOptions,
  tell: (message: Telling) => void,
  output: (text: string) => void,
): Promise<Extract<FromWorker, { kind: Kind }> | { kind: 'crashed'; reason: string }> {
  type Answer = Extract<FromWorker, { kind: Kind }>;
  const isAnswer = (message: FromWorker): message is Answer => answers.some((each) => each === message.kind);
  const watchdog = watchdogOf(worker, hang);
  const last = lastLine();
  const onStop = () => worker.send({ kind: 'stop' });
  const onKill = () => worker.kill();
  try {
    return await new Promise((resolve) => {
      worker.listener = {
        message: (message) => {
          watchdog.heard();
          if (message.kind === 'stage' || message.kind === 'progress') tell(message);
          else if (isAnswer(message)) resolve(message);
        },
        output: (text) => {
          output(text);
          last.read(text);
        },
      };
      void worker.exited.then((reason) => {
        const how = watchdog.hung() ? `the worker process gave no sign of life for ${hang} s and was ended` : reason;
        const words = last.line();
        resolve({ kind: 'crashed', reason: words === '' ? how : `${how}; its last words: ${words}` });
      });
      worker.send(question);
      stop.addEventListener('abort', onStop);
      kill?.addEventListener('abort', onKill);
      if (kill?.aborted === true) onKill();
      else if (stop.aborted) onStop();
    });
  } finally {
    watchdog.end();
    stop.removeEventListener('abort', onStop);
    kill?.removeEventListener('abort', onKill);
    worker.listener = null;
  }
}

/** Ends a worker that says nothing for `hang` seconds; 0: never. */
function watchdogOf(worker: WorkerHandle, hang: number): { heard(): void; hung(): boolean; end(): void } {
  let heard = performance.now();
  let hung = false;
  const look = () => {
    if (hung || performance.now() - heard <= hang * 1000) return;
    hung = true;
    worker.kill();
  };
  const timer = hang <= 0 ? undefined : setInterval(look, Math.min(1000, hang * 250));
  return {
    heard: () => {
      heard = performance.now();
    },
    hung: () => hung,
    end: () => clearInterval(timer),
  };
}

/** The last line of an output that may explain a crash, at most 300 characters; empty before there is one. */
function lastLine(): { read(text: string): void; line(): string } {
  let last = '';
  return {
    read: (text) => {
      const lines = text.split('\n').filter((line) => line.trim() !== '' && !chatter.test(line));
      last = lines.at(-1)?.slice(0, 300) ?? last;
    },
    line: () => last,
  };
}
