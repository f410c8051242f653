/** Worker processes on this machine. */
import { fork } from 'node:child_process';
import { availableParallelism, freemem } from 'node:os';
import { join } from 'node:path';
import { projectRoot } from '../files';
import type { FromWorker, ToWorker } from './messages';

/** A started worker. `exited` resolves once with how the process ended; it never rejects. */
export interface WorkerHandle {
  send(message: ToWorker): void;
  /** asks the process to end when it is idle */ end(): void;
  kill(): void;
  exited: Promise<string>;
}

export interface WorkerListener {
  message(message: FromWorker): void;
  /** text that the process printed */ output(text: string): void;
}

/** Starts a worker; another launcher (a cluster, an in-process one for tests) has the same shape. */
export type StartWorker = (listener: WorkerListener) => WorkerHandle;

/** The script of real workers. */
export const workerScript = join(projectRoot, 'bin', 'worker.cjs');

/** A launcher of child processes that run `script` with one thread each. */
export function localWorkers(script: string = workerScript): StartWorker {
  return (listener) => {
    const child = fork(script, [], {
      execArgv: [],
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
      env: { ...process.env, TF_NUM_INTRAOP_THREADS: '1', TF_NUM_INTEROP_THREADS: '1', OMP_NUM_THREADS: '1', TF_FORCE_GPU_ALLOW_GROWTH: 'true' },
    });
    child.on('message', (message) => listener.message(message as FromWorker));
    for (const stream of [child.stdout, child.stderr]) stream?.setEncoding('utf8').on('data', (text: string) => listener.output(text));
    const exited = new Promise<string>((resolve) => {
      child.on('error', (error) => resolve(`the worker process could not be started: ${error.message}`));
      // `close` comes after the last output, so a dying worker's last words are in the log before its end is known.
      child.on('close', (code, signal) => resolve(signal === null ? `the worker process ended with exit code ${code}` : `the worker process was ended by ${signal}`));
    });
    return {
      send: (message) => {
        if (child.connected) child.send(message, () => undefined); // an ended worker is reported by `exited`
      },
      // Not by disconnecting: Node then never emits `close`.
      end: () => {
        if (child.connected) child.send({ kind: 'end' } satisfies ToWorker, () => undefined);
      },
      kill: () => child.kill('SIGKILL'),
      exited,
    };
  };
}

/** Memory that one worker may need, bytes: library, weights, features and a recorded step. */
export const workerMemory = 1.5 * 1024 ** 3;

/** How many workers: a number as given, or `auto`: one a processor within the free memory, one alone on a GPU, never more than runs. */
export function workerCount(asked: number | 'auto', runs: number, gpu: boolean): number {
  const constrained = process.constrainedMemory?.() ?? 0;
  const memory = constrained > 0 ? Math.min(constrained, freemem()) : freemem();
  const fitting = gpu ? 1 : Math.min(availableParallelism(), Math.floor(memory / workerMemory));
  return Math.max(1, Math.min(asked === 'auto' ? fitting : asked, runs));
}
