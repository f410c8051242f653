/** `equipoise status`: what lies in the results, and what is being trained now. */
import { nearestName } from '../nearest';
import { printable } from '../printable';
import { userError } from '../problems';
import { listExperiments, resultsFolder } from '../runner/folders';
import { readExperiment, type StoredRun, type StoredState } from '../runner/results';
import { countJobs, type RunJob } from '../runner/slurm/jobs';
import { toldAccuracy } from '../train/records';
import type { Define } from './command';
import { describe } from './runNames';
import { jobsOfAll } from './slurmJobs';
import { count, say, sayJson, sayTable } from './text';

const states: readonly StoredState[] = ['done', 'running', 'partial', 'failed'];

/** Adds `status [experiment]`. */
export const define: Define = (command) => {
  command
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      '\nExamples:\n  equipoise status\n  equipoise status quickstart\n  equipoise status quickstart --json',
    )
    .action((experiment: string | undefined, options: { json?: boolean }) => {
      const results = resultsFolder();
      const names = listExperiments(results);
      if (experiment === undefined) tellAll(results, names, options.json === true);
      else if (names.includes(experiment))
        tellOne(
          experiment,
          readExperiment(results, experiment),
          jobsOfAll(results, [experiment]).get(experiment),
          options.json === true,
        );
      else throw unknownExperiment(experiment, names);
    });
};

function unknownExperiment(experiment: string, names: readonly string[]): Error {
  const nearest = nearestName(experiment, names);
  return userError({
    where: `experiment "${printable(experiment)}"`,
    what: 'has no results',
    expected: names.length === 0 ? 'an experiment that was run' : `one of ${names.join(', ')}`,
    hint: nearest === undefined ? 'equipoise plan shows what a manifest would train' : `did you mean ${nearest}?`,
  });
}

function tellAll(results: string, names: readonly string[], json: boolean): void {
  const jobs = jobsOfAll(results, names);
  const rows = names.map((experiment) => {
    const runs = readExperiment(results, experiment);
    return {
      experiment,
      ...(Object.fromEntries(
        states.map((state) => [state, runs.filter((run) => run.state === state).length]),
      ) as Record<StoredState, number>),
    };
  });
  if (json) sayJson(rows.map((row) => (jobs.has(row.experiment) ? { ...row, slurm: jobs.get(row.experiment) } : row)));
  else if (rows.length === 0) say('no results yet; begin with: equipoise run experiments/quickstart.json');
  else
    sayTable([
      ['experiment', ...states],
      ...rows.map((row) => [row.experiment, ...states.map((state) => String(row[state]))]),
    ]);
  if (!json)
    for (const [experiment, list] of jobs)
      if (list.length > 0) say(`${experiment} in the queue of Slurm: ${countJobs(list)}`);
}

function tellOne(
  experiment: string,
  runs: readonly StoredRun[],
  jobs: readonly RunJob[] | undefined,
  json: boolean,
): void {
  if (json) {
    sayJson({
      experiment,
      runs: runs.map(({ id, state, step, steps, why, file }) => ({
        id,
        state,
        step,
        steps,
        why,
        description: describe(file?.spec),
        accuracy: file?.final ? toldAccuracy(file.final) : null,
        backend: file?.machine.backend ?? null,
        times: file?.times ?? null,
        notices: file?.notices ?? [],
      })),
      ...(jobs === undefined ? {} : { slurm: jobs }),
    });
    return;
  }
  sayTable(runs.map((run) => [run.id, run.state, progressOf(run), describe(run.file?.spec), printable(run.why)]));
  if (jobs !== undefined && jobs.length > 0) {
    say('');
    sayTable([
      ['job', 'state', 'time', 'node', 'run', 'waits for'],
      ...jobs.map((job) => [
        `${job.job}_${job.task}`,
        job.state.toLowerCase(),
        job.time,
        job.node,
        job.id,
        job.reason === 'None' ? '' : printable(job.reason),
      ]),
    ]);
  }
  say('');
  say(
    `${count(runs.length, 'run')}: ${states.map((state) => `${runs.filter((run) => run.state === state).length} ${state}`).join(', ')}`,
  );
}

function progressOf({ state, step, steps, file }: StoredRun): string {
  const accuracy = file?.final?.choice === undefined ? undefined : toldAccuracy(file.final);
  if (state === 'done') return typeof accuracy === 'number' ? `accuracy ${accuracy.toFixed(3)}` : '';
  return steps > 0 ? `step ${step}/${steps}` : `step ${step}`;
}
