/** Worker processes on this machine. */
import { fork } from 'node:child_process';
import { join } from 'node:path';
import { projectRoot } from '../files';
import type { FromWorker, ToWorker } from './messages';
import { endText, outOfMemoryKills } from './resources';

export { chooseWorkers, workerCount, workerMemory, type WorkerChoice } from './resources';

/** A started worker. `exited` resolves once with how the process ended; it never rejects. */
export interface WorkerHandle {
  send(message: ToWorker): void;
  /** asks the process to end when it is idle */
  end(): void;
  kill(): void;
  exited: Promise<string>;
}

interface WorkerListener {
  message(message: FromWorker): void;
  /** text that the process printed */
  output(text: string): void;
}

/** Where a worker computes. */
export interface Placement {
  /** the one GPU that it sees, as CUDA_VISIBLE_DEVICES names it; absent: all */
  gpu?: string;
  /** default 1 */
  threads?: number;
}

/** Starts a worker; another launcher (a cluster, an in-process one for tests) has the same shape. */
export type StartWorker = (listener: WorkerListener, placement?: Placement) => WorkerHandle;

/** The script of real workers. */
const workerScript = join(projectRoot, 'bin', 'worker.cjs');

/** A launcher of child processes that run `script`. */
export function localWorkers(script: string = workerScript): StartWorker {
  return (listener, placement = {}) => {
    const before = outOfMemoryKills();
    const threads = String(placement.threads ?? 1);
    let killed = false;
    const child = fork(script, [], {
      execArgv: [],
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
      env: {
        ...process.env,
        TF_NUM_INTRAOP_THREADS: threads,
        TF_NUM_INTEROP_THREADS: threads,
        OMP_NUM_THREADS: threads,
        TF_FORCE_GPU_ALLOW_GROWTH: 'true',
        ...(placement.gpu === undefined ? {} : { CUDA_VISIBLE_DEVICES: placement.gpu }),
      },
    });
    child.on('message', (message) => listener.message(message as FromWorker));
    for (const stream of [child.stdout, child.stderr])
      stream?.setEncoding('utf8').on('data', (text: string) => listener.output(text));
    const exited = new Promise<string>((resolve) => {
      child.on('error', (error) => resolve(`the worker process could not be started: ${error.message}`));
      // `close` comes after the last output, so a dying worker's last words are in the log before its end is known.
      child.on('close', (code, signal) =>
        resolve(
          killed
            ? 'the worker process was ended by this runner'
            : endText(code, signal, { before, after: outOfMemoryKills() }),
        ),
      );
    });
    return {
      send: (message) => {
        if (child.connected) child.send(message, () => undefined); // an ended worker is reported by `exited`
      },
      // Not by disconnecting: Node then never emits `close`.
      end: () => {
        if (child.connected) child.send({ kind: 'end' } satisfies ToWorker, () => undefined);
      },
      kill: () => {
        killed = true;
        child.kill('SIGKILL');
      },
      exited,
    };
  };
}
