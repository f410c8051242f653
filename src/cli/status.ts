/** `equipoise status`: what lies in the results, and what is being trained now. */
import { Option } from 'commander';
import { createRequire } from 'node:module';
import { printable } from '../printable';
import { UserError, type Problem } from '../problems';
import { configFile } from '../project';
import { listExperiments, resultsFolder } from '../runner/folders';
import { readExperiment, type StoredRun, type StoredState } from '../runner/results';
import { countJobs, type RunJob } from '../runner/slurm/jobs';
import { toldAccuracy } from '../train/records';
import type { Library } from '../ui/library';
import type { Define } from './command';
import { experimentNamed, ownExperiments } from './names';
import { describe } from './runNames';
import type { RowOptions } from './statusRows';
import { jobsOfAll } from './slurmJobs';
import { count, note, say, sayJson, sayTable } from './text';

const states: readonly StoredState[] = ['done', 'running', 'partial', 'failed'];

interface StatusOptions extends RowOptions {
  group?: 'seed';
  watch?: boolean;
  json?: boolean;
}

const help = `
--where takes FIELD=VALUE, !=, <, <=, > and >=; given again, or joined by "and", all must hold. Fields are those of axes, such
as scheduler or learningRate.backbone, accuracy, exact and loss; of runs also state, step, seed and seconds, with --group seed
n, kappa (mean log kappa), lowest, highest and method. --sort has the best first for accuracy and exact, else the smallest.

Examples:
  equipoise status
  equipoise status quickstart
  equipoise status quickstart --group seed --sort accuracy
  equipoise status quickstart --where scheduler=commit-clr --where 'accuracy>0.6'
  equipoise status quickstart --watch`;

/** The rows that are chosen, ordered or folded need the rooms of the analysis, which take a while to load. */
const loadRows = () => createRequire(__filename)('./statusRows') as typeof import('./statusRows');

/** Adds `status [experiment]`. */
export const define: Define = (command) => {
  command
    .option('--sort <field>', 'order the rows')
    .option('--reverse', 'the other way round')
    .option(
      '--where <condition>',
      'only rows for which this holds, e.g. scheduler=commit-clr; may be given again',
      again,
    )
    .addOption(
      new Option('--group <field>', 'a row a setting, with mean and interval over its seeds').choices(['seed']),
    )
    .option('--watch', 'show it again every two seconds until Ctrl-C')
    .option('--json', 'print JSON')
    .addHelpText('after', help)
    .action(async (typed: string | undefined, options: StatusOptions) => {
      checkOptions(typed, options);
      // One for the whole command: shown again, it reads only what is new.
      let opened: Library | undefined;
      const library = () => (opened ??= loadRows().openLibrary());
      if (options.watch !== true) return tell(typed, options, library);
      const { watch } = createRequire(__filename)('./watch') as typeof import('./watch');
      return watch(() => tell(typed, options, library));
    });
};

const again = (text: string, before: string[] = []): string[] => [...before, text];

/** Throws UserError for options that would be without effect. */
function checkOptions(typed: string | undefined, options: StatusOptions): void {
  const given = ['sort', 'reverse', 'where', 'group'].filter(
    (name) => options[name as keyof StatusOptions] !== undefined,
  );
  const problems: Problem[] = [
    ...(typed === undefined
      ? given.map((name) => ({ where: `--${name}`, what: 'is about the runs of an experiment', expected: 'its name' }))
      : []),
    ...(options.reverse === true && options.sort === undefined
      ? [{ where: '--reverse', what: 'has no meaning without --sort' }]
      : []),
    ...(options.watch === true && options.json === true
      ? [{ where: '--watch', what: 'is for people', hint: 'leave --json out, or call status again and again' }]
      : []),
  ];
  if (problems.length > 0) throw new UserError(problems);
}

async function tell(typed: string | undefined, options: StatusOptions, library: () => Library): Promise<void> {
  const results = resultsFolder();
  const names = listExperiments(results);
  if (typed === undefined) return tellAll(results, names, options.json === true);
  const experiment = experimentNamed(typed, names);
  const isPlain = options.group === undefined && options.sort === undefined && options.where === undefined;
  if (isPlain && names.includes(experiment)) {
    const runs = readExperiment(results, experiment);
    const jobs = jobsOfAll(results, [experiment]).get(experiment);
    return tellRuns({ experiment, runs, total: runs.length, jobs, field: null }, options.json === true);
  }
  await tellChosen(typed, options, library());
}

/** The rows of an experiment that are asked for, also of a committed one. */
async function tellChosen(typed: string, options: StatusOptions, library: Library): Promise<void> {
  const { placeNamed, runRows, settingRows, settingTable } = loadRows();
  const place = placeNamed(library, typed);
  if (!place.own) note(`note: the committed runs of ${place.name}`);
  if (options.group === undefined) {
    const { runs, total, field } = await runRows(library, place, options);
    tellRuns({ experiment: place.name, runs, total, jobs: undefined, field }, options.json === true);
    return;
  }
  const rows = await settingRows(library, place, options);
  for (const { id, reason } of rows.ignored) note(`note: ${id} does not count: ${printable(reason)}`);
  if (rows.stale !== null) note(`note: ${printable(rows.stale)}`);
  if (options.json === true) {
    const { settings, total, varied, ignored } = rows;
    sayJson('status-settings', { experiment: place.name, settings, total, varied, ignored });
    return;
  }
  sayTable(settingTable(rows));
  say('');
  const { length } = rows.settings;
  say(
    `${count(length, 'setting')}${length === rows.total ? '' : ` of ${rows.total}`}; mean and 95 % t interval over seeds; † not significantly worse than the best of its task and learning rates`,
  );
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
  if (json)
    sayJson('status', {
      experiments: rows.map((row) => (jobs.has(row.experiment) ? { ...row, slurm: jobs.get(row.experiment) } : row)),
    });
  else if (rows.length === 0)
    say(`no results yet in ${printable(results)}; begin with: equipoise run ${firstExperiment()}`);
  else
    sayTable([
      ['experiment', ...states],
      ...rows.map((row) => [row.experiment, ...states.map((state) => String(row[state]))]),
    ]);
  if (!json)
    for (const [experiment, list] of jobs)
      if (list.length > 0) say(`${experiment} in the queue of Slurm: ${countJobs(list)}`);
}

/** What can be run here: the first manifest of one's own project, else the quickstart. */
const firstExperiment = (): string => (configFile() === null ? undefined : ownExperiments()[0]) ?? 'quickstart';

interface Shown {
  experiment: string;
  runs: readonly StoredRun[];
  /** of how many */
  total: number;
  jobs: readonly RunJob[] | undefined;
  /** what they are ordered by; null: by their ids */
  field: string | null;
}

function tellRuns({ experiment, runs, total, jobs, field }: Shown, json: boolean): void {
  if (json) {
    sayJson('status-runs', {
      experiment,
      runs: runs.map(describedRun),
      total,
      ...(jobs === undefined ? {} : { slurm: jobs }),
    });
    return;
  }
  const extra = field === null || ['state', 'accuracy', 'step', 'run'].includes(field) ? null : field;
  sayTable([
    ['run', 'state', 'progress', ...(extra === null ? [] : [extra]), 'combination', 'why'],
    ...runs.map((run) => [
      run.id,
      run.state,
      progressOf(run),
      ...(extra === null ? [] : [loadRows().cellText(loadRows().fieldsOfRun(run)[extra])]),
      describe(run.file?.spec),
      run.why,
    ]),
  ]);
  if (jobs !== undefined && jobs.length > 0) tellJobs(jobs);
  say('');
  const counted = states.map((state) => `${runs.filter((run) => run.state === state).length} ${state}`).join(', ');
  say(`${count(runs.length, 'run')}${runs.length === total ? '' : ` of ${total}`}: ${counted}`);
  if (runs.some(({ state }) => state === 'partial' || state === 'failed'))
    say(`to go on: equipoise run ${experiment}   (equipoise plan ${experiment} lists what has not begun, too)`);
}

const describedRun = ({ id, state, step, steps, why, file }: StoredRun) => ({
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
});

function tellJobs(jobs: readonly RunJob[]): void {
  say('');
  sayTable([
    ['job', 'state', 'time', 'node', 'run', 'waits for'],
    ...jobs.map((job) => [
      `${job.job}_${job.task}`,
      job.state.toLowerCase(),
      job.time,
      job.node,
      job.id,
      job.reason === 'None' ? '' : job.reason,
    ]),
  ]);
}

function progressOf({ state, step, steps, file }: StoredRun): string {
  const accuracy = file?.final?.choice === undefined ? undefined : toldAccuracy(file.final);
  if (state === 'done') return typeof accuracy === 'number' ? `accuracy ${accuracy.toFixed(3)}` : '';
  return steps > 0 ? `step ${step}/${steps}` : `step ${step}`;
}
