/** A lane holds at most one worker, gives it one run at a time, and starts a fresh one when the old one may not be trusted. */
import type { Placement, StartWorker, WorkerHandle } from './local';
import type { Calibration, FromWorker, RunTask } from './messages';

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
  /** Ends the worker and waits for it. */
  end(): Promise<void>;
}

/** Seconds without a word after which a worker is ended; long, since a first step on a new GPU may compile for minutes. */
export const hangSeconds = 1800;

export interface LaneOptions {
  start: StartWorker;
  /** bytes above which a worker is not used again */
  memory: number;
  stop: AbortSignal;
  kill?: AbortSignal;
  /** seconds without a word after which a worker is taken for hung and ended; 0: never. Default 0 */
  hang?: number;
  placement?: Placement;
}

/**
 * A lane over a launcher. A worker is kept for the next run, which saves its start; it is ended after a failure (what it
 * left behind is unknown), when it holds more than `memory` bytes, and for another device than it was started with.
 */
export function createLane({ start, memory, stop, kill, hang = 0, placement }: LaneOptions): Lane {
  let worker: (WorkerHandle & { device: string }) | null = null;
  let listener: { message: (message: FromWorker) => void; output: (text: string) => void } | null = null;

  const end = async () => {
    const ending = worker;
    worker = null;
    if (ending === null) return;
    ending.end();
    const timer = setTimeout(() => ending.kill(), 10_000);
    await ending.exited;
    clearTimeout(timer);
  };

  const ask = async <Answer extends FromWorker>(
    task: RunTask,
    kind: 'run' | 'calibrate',
    answers: readonly FromWorker['kind'][],
    tell: (message: Telling) => void,
    output: (text: string) => void,
  ): Promise<Answer | { kind: 'crashed'; reason: string }> => {
    if (worker !== null && worker.device !== task.arithmetic.device) await end();
    worker ??= {
      ...start(
        { message: (message) => listener?.message(message), output: (text) => listener?.output(text) },
        placement,
      ),
      device: task.arithmetic.device,
    };
    const current = worker;
    let lastLine = '';
    let heard = performance.now();
    let hung = false;
    const watchdog =
      hang <= 0
        ? undefined
        : setInterval(
            () => {
              if (hung || performance.now() - heard <= hang * 1000) return;
              hung = true;
              current.kill();
            },
            Math.min(1000, hang * 250),
          );
    const onStop = () => current.send({ kind: 'stop' });
    const onKill = () => current.kill();
    try {
      return await new Promise((resolve) => {
        listener = {
          message: (message) => {
            heard = performance.now();
            if (message.kind === 'stage' || message.kind === 'progress') tell(message);
            else if (answers.includes(message.kind)) resolve(message as Answer);
          },
          output: (text) => {
            output(text);
            lastLine =
              text
                .split('\n')
                .filter((line) => line.trim() !== '' && !chatter.test(line))
                .at(-1)
                ?.slice(0, 300) ?? lastLine;
          },
        };
        void current.exited.then((reason) => {
          if (worker === current) worker = null;
          const how = hung ? `the worker process gave no sign of life for ${hang} s and was ended` : reason;
          resolve({ kind: 'crashed', reason: lastLine === '' ? how : `${how}; its last words: ${lastLine}` });
        });
        current.send({ kind, task });
        stop.addEventListener('abort', onStop);
        kill?.addEventListener('abort', onKill);
        if (kill?.aborted === true) onKill();
        else if (stop.aborted) onStop();
      });
    } finally {
      clearInterval(watchdog);
      stop.removeEventListener('abort', onStop);
      kill?.removeEventListener('abort', onKill);
      listener = null;
    }
  };

  return {
    train: async (task, tell, output) => {
      const result = await ask<Exclude<Attempt, { kind: 'crashed' }>>(
        task,
        'run',
        ['done', 'failed', 'stopped'],
        tell,
        output,
      );
      if (result.kind === 'failed' || (result.kind === 'done' && result.rss > memory)) await end();
      return result;
    },
    calibrate: async (task, tell) => {
      const result = await ask<Extract<FromWorker, { kind: 'calibrated' | 'failed' }>>(
        task,
        'calibrate',
        ['calibrated', 'failed'],
        tell,
        () => undefined,
      );
      if (result.kind === 'calibrated') return result.calibration;
      await end();
      throw new Error(result.kind === 'failed' ? result.message : result.reason);
    },
    end,
  };
}
