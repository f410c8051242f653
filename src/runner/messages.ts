/** What the runner and a worker process say to each other over the channel of node:child_process. Plain JSON. */
import type { EvaluateRecord } from '../train/records';
import type { IdentifiedRun } from './plan';
import type { RunFile } from './runFile';

/** Everything a worker needs to train one run and to write its folder. */
export interface RunTask extends IdentifiedRun {
  results: string;
  experiment: string;
  /** the claim that the runner holds for this run */
  token: string;
  code: RunFile['code'];
  packages: Record<string, string>;
  /** what happened before this attempt, for run.json */
  notices: string[];
  /** when to keep checkpoints; no part of the identity. By default every 30 seconds */
  checkpoint?: CheckpointInterval;
  /** true: the weights after the best validation stay when the run has finished; no part of the identity */
  best?: boolean;
}

/** Time or steps between checkpoints. */
export type CheckpointInterval = { seconds: number } | { steps: number };

export type ToWorker =
  | { kind: 'run'; task: RunTask }
  /** a short measured training for the estimate; nothing is written */
  | { kind: 'calibrate'; task: RunTask }
  /** does one step fit into memory with a batch of this size; nothing is written, and it may cost the worker's life */
  | { kind: 'try'; task: RunTask; batch: number }
  /** end after the step that is being computed */
  | { kind: 'stop' }
  /** end the process; said to an idle worker */
  | { kind: 'end' };

/** Measured costs of one kind of run, seconds on one worker. */
export interface Calibration {
  /** what only the first run of the kind on this machine pays: features, alignment */
  firstSeconds: number;
  secondsPerStep: number;
  /** everything else of each run: opening it, and its final evaluation */
  otherSeconds: number;
}

export type FromWorker =
  | { kind: 'ready' }
  | { kind: 'stage'; stage: string }
  | {
      kind: 'progress';
      step: number;
      steps: number;
      loss: number | null;
      kappa: number | null;
      stepsPerSecond: number | null;
    }
  | { kind: 'done'; final: EvaluateRecord; steps: number; seconds: number; rss: number }
  | { kind: 'calibrated'; calibration: Calibration }
  | { kind: 'tried'; fits: boolean }
  /**
   * the run failed by its own doing; `unavailable`: something on this machine is missing, so others will fail too;
   * `storage`: the disk does not take the results, so every run will fail, and this one can go on later; `outOfMemory`:
   * its batch does not fit
   */
  | { kind: 'failed'; message: string; unavailable: boolean; storage?: boolean; outOfMemory?: boolean }
  | { kind: 'stopped'; step: number };
