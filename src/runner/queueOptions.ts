/** What a queue is asked for, what it tells on the way, and how each of its runs ends. */
import type { StartWorker } from './local';
import type { CheckpointInterval, RunTask } from './messages';
import type { PlannedRun } from './plan';

export type QueueEvent =
  | { kind: 'started'; run: PlannedRun; attempt: number }
  | { kind: 'stage'; run: PlannedRun; stage: string }
  | {
      kind: 'progress';
      run: PlannedRun;
      step: number;
      steps: number;
      loss: number | null;
      kappa: number | null;
      stepsPerSecond: number | null;
    }
  | { kind: 'retry'; run: PlannedRun; reason: string }
  /** another runner trains it; this one looks again until it is done or given up there */
  | { kind: 'waiting'; run: PlannedRun }
  | { kind: 'ended'; run: PlannedRun; ending: Ending }
  | { kind: 'stopping'; why: string };

/** How a run ended in this command. */
export type Ending =
  | { kind: 'trained'; seconds: number; accuracy: number; steps: number }
  | { kind: 'copied'; from: string }
  /** finished by another runner meanwhile */
  | { kind: 'elsewhere' }
  | {
      kind: 'failed';
      message: string;
      unavailable: boolean;
      /** the disk does not take the results; the run is partial */
      storage?: boolean;
    }
  | { kind: 'stopped'; step: number };

export interface QueueOptions extends Pick<RunTask, 'results' | 'experiment' | 'code' | 'packages'> {
  /** the runs to bring to `done`, in this order */
  runs: readonly PlannedRun[];
  workers: number;
  /** how often a run whose worker crashed is tried again */
  retries: number;
  /** stop at the first failed run */
  failFast: boolean;
  /** stop when this many runs have failed */
  stopAfterFailures?: number;
  start: StartWorker;
  observe?: (event: QueueEvent) => void;
  /** finish the running steps, then stop */
  stop?: AbortSignal;
  /** stop now */
  kill?: AbortSignal;
  /** seconds between looks at a run that another runner holds; default 2 */
  poll?: number;
  /** seconds after which an untouched claim is stale; default 60 */
  stale?: number;
  /** seconds of a worker's silence after which it is taken for hung; 0: never. Default 1800 */
  hang?: number;
  /** when runs keep checkpoints; default every 30 seconds */
  checkpoint?: CheckpointInterval;
  /** true: finished runs keep the weights after their best validation */
  best?: boolean;
  /** GPUs to share out, one a worker */
  gpus?: readonly string[];
}
