/** `run --launcher slurm`: the runs of a manifest become job arrays. */
import { relative } from 'node:path';
import type { SlurmProfile } from '../manifest/slurm';
import { printable } from '../printable';
import { formatProblem } from '../problems';
import { keepsBest } from '../project';
import type { CheckpointInterval } from '../runner/messages';
import { countStates, planRuns, type PlannedRun } from '../runner/plan';
import { isUnderWay, jobsOf, wasSubmitted } from '../runner/slurm/jobs';
import { loadSlurmProfile } from '../runner/slurm/profile';
import { describeResources } from '../runner/slurm/request';
import { prepareArrays, submitArrays, type SubmitOptions } from '../runner/slurm/submit';
import type { Sweep } from './sweep';
import { count, note, say, sayJson } from './text';
import { train } from './train';
import type { Wiring } from './wiring';

interface LaunchOptions {
  retries: number;
  hangAfter?: number;
  checkpoint?: CheckpointInterval;
  best?: boolean;
  limit?: number;
  json?: boolean;
  slurmProfile?: string;
  print?: boolean;
}

/**
 * Submits what a sweep's plan does not call done, or prints the scripts. Throws UserError for a faulty profile and what
 * Slurm refuses.
 */
export async function launch(sweep: Sweep, options: LaunchOptions, wiring: Wiring): Promise<void> {
  const profile: SlurmProfile = options.slurmProfile === undefined ? {} : loadSlurmProfile(options.slurmProfile);
  const { results, experiment, manifest } = sweep;
  const submit = (runs: readonly PlannedRun[]): SubmitOptions => ({
    results,
    experiment,
    manifest,
    profile,
    runs,
    retries: options.retries,
    hang: options.hangAfter,
    checkpoint: options.checkpoint,
    ...(options.best === true || keepsBest() ? { best: true } : {}),
    entry: wiring.entry,
  });
  if (options.print === true) {
    printScripts(submit(toSubmit(sweep, new Set()).slice(0, options.limit)), options.json === true);
    return;
  }
  const queued = new Set(
    wasSubmitted(results, experiment)
      ? jobsOf(results, experiment)
          .filter(isUnderWay)
          .map(({ id }) => id)
      : [],
  );
  const copied = await copyElsewhere(sweep, wiring);
  const runs = toSubmit(sweep, queued).slice(0, options.limit);
  const skipped = skippedOf(sweep, queued);
  noteLeftOut(sweep, skipped);
  if (runs.length > 0)
    for (const problem of (await wiring.prepareData(runs)).problems)
      note(`warning: ${printable(formatProblem(problem))}`);
  const outcome =
    runs.length === 0
      ? null
      : submitArrays(submit(runs), ({ job, runs: ids, resources }) =>
          note(`job ${job}: ${count(ids.length, 'run')} with ${describeResources(resources)}`),
        );
  for (const warning of outcome?.warnings ?? []) note(`warning: ${printable(warning)}`);
  if (options.json === true) {
    sayJson('run-slurm', {
      experiment,
      folder: outcome?.folder ?? null,
      arrays: outcome?.arrays ?? [],
      skipped,
      copied,
    });
  } else saySubmitted(sweep, runs.length, outcome);
}

/** What `--print` shows: the scripts of the arrays, nothing is submitted. */
function printScripts(options: SubmitOptions, json: boolean): void {
  const { arrays, warnings } = prepareArrays(options);
  for (const warning of warnings) note(`warning: ${printable(warning)}`);
  if (json)
    sayJson('run-slurm-scripts', {
      experiment: options.experiment,
      arrays: arrays.map(({ name, resources, runs, script }) => ({
        name,
        resources,
        runs: runs.map(({ id }) => id),
        script,
      })),
    });
  else say(arrays.map(({ script }) => script).join('\n'));
}

/** Runs that are in the queue already, and runs that another runner trains now. */
interface Skipped {
  queued: string[];
  training: string[];
}

const skippedOf = ({ plan }: Sweep, queued: ReadonlySet<string>): Skipped => ({
  queued: plan.filter(({ id, state }) => state !== 'done' && queued.has(id)).map(({ id }) => id),
  training: plan.filter(({ id, claimed }) => claimed && !queued.has(id)).map(({ id }) => id),
});

/** Says which runs are not submitted, and why. */
function noteLeftOut({ plan }: Sweep, { queued, training }: Skipped): void {
  if (queued.length > 0) note(`${count(queued.length, 'run')} in the queue already, not submitted again`);
  for (const { id, why } of plan.filter(({ blocked }) => blocked === true))
    note(`warning: ${id} is not submitted: ${printable(why)}`);
  if (training.length > 0) note(`${count(training.length, 'run')} being trained by another runner now, not submitted`);
}

/** Says what was submitted and what to do next; null for nothing. */
function saySubmitted(sweep: Sweep, runs: number, outcome: ReturnType<typeof submitArrays> | null): void {
  const { results, experiment, plan } = sweep;
  if (outcome === null) {
    const { done } = countStates(planRuns(results, experiment, sweep.runs));
    say(`${experiment}: nothing to submit; ${done} of ${count(plan.length, 'run')} done`);
    return;
  }
  say(
    `${experiment}: ${count(runs, 'run')} submitted as ${outcome.arrays.length === 1 ? 'one job array' : `${outcome.arrays.length} job arrays`}; plan and scripts in ${relative(process.cwd(), outcome.folder)}`,
  );
  say(`equipoise status ${experiment}   shows them;   equipoise cancel ${experiment}   takes them back`);
}

function toSubmit({ plan }: Sweep, queued: ReadonlySet<string>): PlannedRun[] {
  return plan.filter((run) => run.state !== 'done' && run.blocked !== true && !run.claimed && !queued.has(run.id));
}

/** What is finished in another experiment needs no cluster. */
async function copyElsewhere(sweep: Sweep, wiring: Wiring): Promise<number> {
  const plan = sweep.plan.filter((run) => run.state === 'done' && run.elsewhere !== undefined);
  if (plan.length === 0) return 0;
  const { endings } = await train({ ...sweep, plan }, { workers: 1, retries: 0 }, wiring);
  return endings.filter(({ ending }) => ending.kind === 'copied').length;
}
