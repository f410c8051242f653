/** `equipoise cancel`: takes runs out of the queue of a Slurm cluster. */
import { printable } from '../printable';
import { userError } from '../problems';
import { listExperiments, resultsFolder } from '../runner/folders';
import { cancelRuns, jobsOf, type RunJob } from '../runner/slurm/jobs';
import type { Define } from './command';
import { experimentNamed, noExperiment } from './names';
import { count, say, sayJson } from './text';

const help = `
A running run is told to stop, and stays partial; what is done stays done. To go on with the rest:
  equipoise run MANIFEST --launcher slurm
Runs that a command trains on this machine are not touched: end that command with Ctrl-C.

Examples:
  equipoise cancel quickstart
  equipoise cancel quickstart 3f2a91c04bd7e865 77`;

/** Adds `cancel <experiment> [runs...]`. */
export const define: Define = (command) => {
  command
    .option('--json', 'print JSON')
    .addHelpText('after', help)
    .action((typed: string, runs: string[], options: { json?: boolean }) => {
      const results = resultsFolder();
      const names = listExperiments(results);
      const experiment = experimentNamed(typed, names);
      if (!names.includes(experiment)) throw noExperiment(typed, names, 'has no results and was not submitted');
      const jobs = jobsOf(results, experiment);
      const chosen = runs.length === 0 ? jobs : chosenJobs(jobs, runs, experiment);
      cancelRuns(jobs, chosen);
      if (options.json === true) sayJson({ experiment, cancelled: chosen });
      else
        say(
          chosen.length === 0
            ? `${experiment}: no run is in the queue`
            : `${experiment}: ${count(chosen.length, 'run')} cancelled`,
        );
    });
};

function chosenJobs(jobs: readonly RunJob[], runs: readonly string[], experiment: string): RunJob[] {
  for (const name of runs) {
    const ids = [...new Set(jobs.filter(({ id }) => id.startsWith(name)).map(({ id }) => id))];
    if (name === '' || ids.length === 0)
      throw userError({
        where: `run "${printable(name)}"`,
        what: `is not in the queue as a run of ${experiment}`,
        hint: `equipoise status ${experiment} shows what is`,
      });
    if (ids.length > 1)
      throw userError({
        where: `run "${printable(name)}"`,
        what: `could be ${ids.slice(0, 3).join(' or ')}`,
        expected: 'more digits of its id',
      });
  }
  return jobs.filter(({ id }) => runs.some((name) => id.startsWith(name)));
}
