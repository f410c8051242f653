/** `equipoise why`: the state of one run, its reason, and what makes it differ from its nearest finished relative. */
import { createRequire } from 'node:module';
import { printable } from '../printable';
import { userError } from '../problems';
import { resultsFolder } from '../runner/folders';
import { comparedOf, nearestRelative, type Relative } from '../runner/relatives';
import { readResults, type StoredRun } from '../runner/results';
import { staleReason } from '../runner/stale';
import type { RunFile } from '../runner/runFile';
import type { Define } from './command';
import { runNamed } from './names';
import { sweepOptions } from './options';
import type { Found, WhyOptions } from './plannedNamed';
import { describe, isCommitted, isNamed, onlyRun } from './runNames';
import { say, sayJson } from './text';

/** The committed runs need the rooms of the analysis, which take a while to load; most runs are one's own. */
const loadCommitted = () => createRequire(__filename)('./committedNamed') as typeof import('./committedNamed');

/** So do the runs of manifests. */
const loadPlanned = () => createRequire(__filename)('./plannedNamed') as typeof import('./plannedNamed');

const help = `
A run is named by its id, the beginning of its id, or experiment/id. What is none of your own is
looked for among the committed runs, then in all manifests of experiments/ as a run that has not begun; with --manifest in
that one alone.

Examples:
  equipoise why 3f2a
  equipoise why quickstart/3f2a91c04bd7e865
  equipoise why 3f2a --manifest experiments/quickstart.json --json`;

/** Adds `why <run>`. */
export const define: Define = (command) => {
  sweepOptions(command)
    .option('--manifest <path>', 'manifest in which to look for a run that has not begun')
    .option('--json', 'print JSON')
    .addHelpText('after', help)
    .action(async (typed: string, options: WhyOptions) => {
      const name = runNamed(typed);
      const runs = readResults(resultsFolder());
      const own = runs.filter(({ experiment, id }) => isNamed(name, experiment, id));
      const found =
        onlyRun(name, findStored(own)) ??
        (await findCommitted(name, options)) ??
        onlyRun(name, loadPlanned().findPlanned(name, options));
      if (found === null) throw unknownRun(name);
      const others = isCommitted(found.experiment)
        ? [...runs, ...(await loadCommitted().committedOf(found.experiment))]
        : runs;
      const relative = found.compared === null ? null : nearestRelative(found.id, found.compared, others);
      const { compared: _compared, ...shown } = found;
      if (options.json === true) sayJson('why', { ...shown, nearest: relative });
      else say(lines(found, relative).join('\n'));
    });
};

const findStored = (runs: readonly StoredRun[]): Found[] =>
  runs.map(({ experiment, id, state, step, steps, why, file }) => ({
    id,
    experiment,
    state,
    description: describe(file?.spec),
    compared: file === null ? null : comparedOf(file),
    why:
      state === 'running'
        ? `a runner is training it now, at step ${step}${steps > 0 ? ` of ${steps}` : ''}`
        : state === 'done'
          ? `finished ${file?.times.finished ?? ''}${isCommitted(experiment) ? '; a committed run' : sinceThen(file)}`
          : why,
  }));

/** What of a finished run has changed since: with it the run would be another one. */
function sinceThen(file: RunFile | null): string {
  const reason = file === null ? null : staleReason(file);
  return reason === null ? '' : `; since then: ${reason}, so it would be trained anew`;
}

/** A committed run; none where a manifest is given, of which the question is what would be trained here. */
const findCommitted = async (name: string, { manifest }: WhyOptions): Promise<Found | null> =>
  manifest === undefined ? onlyRun(name, findStored(await loadCommitted().committedNamed(name))) : null;

function unknownRun(name: string): Error {
  return userError({
    where: `run "${printable(name)}"`,
    what: 'is neither in the results, nor committed, nor in a manifest',
    expected: 'the id of a run or its beginning',
    hint: 'equipoise plan <manifest> and equipoise status <experiment> list them',
  });
}

function lines(found: Found, relative: Relative | null): string[] {
  const first = [
    `${found.experiment}/${found.id}: ${found.state}`,
    `  ${found.description}`,
    ...(found.why === '' ? [] : [`  why: ${printable(found.why)}`]),
  ];
  if (found.compared === null) return [...first, '  without a readable run.json there is nothing to compare'];
  if (relative === null) return [...first, '  no other run is finished'];
  const text = (value: unknown) => printable(value === undefined ? 'nothing' : JSON.stringify(value));
  return [
    ...first,
    `  nearest finished run: ${relative.experiment}/${relative.id}, which differs in`,
    ...(relative.differences.length === 0
      ? ['    nothing that run.json records: it was written by another version of this program']
      : relative.differences.map(
          ({ field, here, there }) => `    ${printable(field)}: ${text(here)} here, ${text(there)} there`,
        )),
  ];
}
