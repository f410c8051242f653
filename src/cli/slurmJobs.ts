/** The jobs that `status` shows beside the runs. */
import { printable } from '../printable';
import { formatProblem, UserError } from '../problems';
import { queuedTasks } from '../runner/slurm/commands';
import { jobsOf, wasSubmitted, type RunJob } from '../runner/slurm/jobs';
import { note } from './text';

/**
 * By experiment, the jobs of those that were submitted to Slurm; squeue is asked once. Where it does not answer a
 * warning says so.
 */
export function jobsOfAll(results: string, experiments: readonly string[]): Map<string, RunJob[]> {
  const submitted = experiments.filter((experiment) => wasSubmitted(results, experiment));
  if (submitted.length === 0) return new Map();
  try {
    const tasks = queuedTasks();
    return new Map(submitted.map((experiment) => [experiment, jobsOf(results, experiment, tasks)]));
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    for (const problem of error.problems)
      note(`warning: the queue of Slurm is not shown: ${printable(formatProblem(problem))}`);
    return new Map();
  }
}
