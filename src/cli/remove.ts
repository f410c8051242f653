/** `equipoise remove`: experiments and runs out of the results folder. */
import { nearestName } from '../nearest';
import { printable } from '../printable';
import { exitCode, UserError, type Problem } from '../problems';
import { bytesAt } from '../files';
import { listExperiments, listRunIds, referenceFolder, resultsFolder, runFolder } from '../runner/folders';
import { removeRun } from '../runner/removal';
import { readRun, type StoredRun } from '../runner/results';
import type { Define } from './command';
import { runOrExperimentNamed } from './names';
import { describe, isNamed } from './runNames';
import { count, megabytes, note, say, sayJson, sayTable } from './text';

interface RemoveOptions {
  yes?: boolean;
  dryRun?: boolean;
  json?: boolean;
}

/** A run that is named, with what it takes. */
interface Named {
  experiment: string;
  id: string;
  /** null: a folder without a run in it */
  run: StoredRun | null;
  bytes: number;
}

const help = `
A run is named by its id, the beginning of its id, or experiment/id; an experiment by its name stands for all of its
runs. Runs that are being trained stay, and so does results/reference, whatever is named. Figures are left alone.

Examples:
  equipoise remove my-brake
  equipoise remove my-brake/3f2a 91c0 --yes`;

/** Adds `remove <names...>`. */
export const define: Define = (command) => {
  command
    .option('--yes', 'remove them; without it nothing is changed')
    .option('--dry-run', 'only say what would go, which is the default')
    .option('--json', 'print JSON')
    .addHelpText('after', help)
    .action(async (names: string[], options: RemoveOptions) => {
      const results = resultsFolder();
      const named = namedRuns(results, names);
      const removed: Named[] = [];
      const isToGo = options.yes === true && options.dryRun !== true;
      if (isToGo) for (const each of named) if (await removeRun(results, each.experiment, each.id)) removed.push(each);
      const stays = isToGo
        ? named.filter((each) => !removed.includes(each))
        : named.filter(({ run }) => run?.state === 'running');
      const goes = named.filter((each) => !stays.includes(each));
      if (isToGo && stays.length > 0) process.exitCode = exitCode.failed;
      if (options.json === true)
        sayJson('remove', { removed: isToGo, runs: goes.map(shown), stays: stays.map(shown), bytes: sum(goes) });
      else tell(goes, stays, isToGo);
    });
};

const shown = ({ experiment, id, run, bytes }: Named) => ({ experiment, id, state: run?.state ?? 'empty', bytes });

const sum = (runs: readonly Named[]): number => runs.reduce((total, { bytes }) => total + bytes, 0);

function tell(goes: readonly Named[], stays: readonly Named[], isGone: boolean): void {
  if (!isGone && goes.length > 0)
    sayTable([
      ['run', 'state', 'size', 'combination'],
      ...goes.map(({ experiment, id, run, bytes }) => [
        `${experiment}/${id}`,
        run?.state ?? 'empty',
        megabytes(bytes),
        describe(run?.file?.spec),
      ]),
    ]);
  for (const { experiment, id } of stays) note(`${experiment}/${id} stays: it is being trained`);
  const what = `${count(goes.length, 'run')}, ${megabytes(sum(goes))}`;
  say(isGone ? `removed: ${what}` : `would go: ${what}. Nothing was changed; --yes removes them`);
}

/** The runs that are named, each once. Throws UserError with every name that means none, or several. */
function namedRuns(results: string, names: readonly string[]): Named[] {
  const experiments = listExperiments(results);
  const all = experiments.flatMap((experiment) => listRunIds(results, experiment).map((id) => ({ experiment, id })));
  const problems: Problem[] = [];
  const found = names.flatMap((typed) => {
    const name = runOrExperimentNamed(typed, experiments);
    const ofExperiment = all.filter(({ experiment }) => experiment === name);
    if (ofExperiment.length > 0) return ofExperiment;
    const runs = all.filter(({ experiment, id }) => isNamed(name, experiment, id));
    if (runs.length === 1) return runs;
    problems.push(runs.length === 0 ? unknown(name, experiments) : several(name, runs));
    return [];
  });
  if (problems.length > 0) throw new UserError(problems);
  return [...new Set(found)].map(({ experiment, id }) => ({
    experiment,
    id,
    run: readRun(results, experiment, id),
    bytes: bytesAt(runFolder(results, experiment, id).folder),
  }));
}

function unknown(name: string, experiments: readonly string[]): Problem {
  const where = printable(name);
  if (name.split('/')[0] === referenceFolder)
    return { where, what: 'is of the committed reference results, which no command removes' };
  const nearest = nearestName(name, experiments);
  return {
    where,
    what: experiments.includes(name) ? 'holds no run' : 'is no experiment or run of the results',
    expected: experiments.length === 0 ? 'results' : `one of ${experiments.join(', ')}, or the id of a run`,
    ...(nearest === undefined || nearest === name ? {} : { hint: `did you mean ${nearest}?` }),
  };
}

const several = (name: string, runs: readonly { experiment: string; id: string }[]): Problem => ({
  where: printable(name),
  what: `may be any of ${runs.length} runs`,
  expected: runs
    .slice(0, 5)
    .map(({ experiment, id }) => `${experiment}/${id}`)
    .join(', '),
});
