/** The tasks of an experiment that are in the queue of the cluster, found by the names of their jobs. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { cancelJobs, queuedTasks, type QueuedTask } from './commands';
import { readSubmissions } from './submission';

/** A run in the queue. */
export interface RunJob extends Pick<QueuedTask, 'state' | 'time' | 'node' | 'reason'> {
  /** id of the run */
  id: string;
  /** number of the array's job, and of the task in it */
  job: number;
  task: number;
}

/** Whether an experiment was ever submitted from this results folder. */
export function wasSubmitted(results: string, experiment: string): boolean {
  return existsSync(join(results, experiment, '.slurm'));
}

/**
 * The queued and running tasks of an experiment, by job and task; `tasks` are those of squeue, for several experiments
 * at once.
 * @throws UserError when squeue is not there or does not answer
 */
export function jobsOf(results: string, experiment: string, tasks: readonly QueuedTask[] = queuedTasks()): RunJob[] {
  const arrays = new Map(
    readSubmissions(results, experiment).submissions.flatMap((submission) =>
      submission.arrays.map((array) => [array.name, array.runs] as const),
    ),
  );
  return tasks
    .flatMap(({ name, ...task }) => {
      const id = arrays.get(name)?.[task.task];
      return id === undefined ? [] : [{ id, ...task }];
    })
    .sort((a, b) => a.job - b.job || a.task - b.task);
}

/** Whether a task still has its run before it or is at it; one that completes has left it. */
export const isUnderWay = (job: RunJob): boolean => job.state !== 'COMPLETING';

/** Cancels tasks, whole arrays at once where all of their tasks in the queue are meant. */
export function cancelRuns(jobs: readonly RunJob[], chosen: readonly RunJob[]): void {
  const ids = [...new Set(chosen.map(({ job }) => job))].flatMap((job) => {
    const [all, some] = [jobs, chosen].map((list) => list.filter((each) => each.job === job));
    return all!.length === some!.length ? [String(job)] : some!.map(({ task }) => `${job}_${task}`);
  });
  cancelJobs(ids);
}

/** How many tasks are in each state, the states sorted: `2 PENDING, 1 RUNNING`. */
export function countJobs(jobs: readonly RunJob[]): string {
  const counts = new Map<string, number>();
  for (const { state } of jobs) counts.set(state, (counts.get(state) ?? 0) + 1);
  return [...counts]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([state, count]) => `${count} ${state.toLowerCase()}`)
    .join(', ');
}
