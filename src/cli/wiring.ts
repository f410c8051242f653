/** What the command line reaches the outside world with; tests put other workers and no network in its place. */
import type { Prepared } from '../runner/identify';
import type { StartWorker } from '../runner/local';
import type { PlannedRun } from '../runner/plan';

export interface Wiring {
  /** the script of this command line, which tasks on other machines start */
  entry: string;
  start: StartWorker;
  /** fetches and generates what the runs read; the problems it met */
  prepareData: (runs: readonly PlannedRun[]) => Promise<Prepared>;
  /** draws the figures and makes the tables of an experiment */
  analyse: (experiment: string) => Promise<void>;
  /** tells how an experiment compares with the committed runs; `strict`: exit code 1 when something differs */
  compare: (experiment: string, strict: boolean) => Promise<void>;
}
