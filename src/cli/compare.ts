/** `equipoise compare A B`: two runs, or two settings: first in what they differ, then their numbers side by side. */
import { printable } from '../printable';
import { userError } from '../problems';
import { resultsFolder } from '../runner/folders';
import { comparedOf, differencesBetween, type Difference } from '../runner/relatives';
import { readResults, type StoredRun } from '../runner/results';
import type { Library } from '../ui/library';
import { differing } from '../ui/views/compare';
import { comparedRuns, comparedSettings, type ComparedNumbers } from './compareNumbers';
import { parseConditions, type Condition } from './conditions';
import type { Define } from './command';
import { committedNamed } from './committedNamed';
import { runNamed } from './names';
import { describe, isCommitted, isNamed, onlyRun } from './runNames';
import { cellText, openLibrary, placedSettings, placeNamed, settingsWhere, type PlacedSetting } from './statusRows';
import { count, say, sayJson, sayTable } from './text';

interface CompareOptions {
  experiment?: string;
  where?: string[];
  json?: boolean;
}

const help = `
A run is named by its id, the beginning of its id, or experiment/id; what is none of your own is looked for among the committed
runs. A setting, which is all runs that differ in nothing but
the seed, by conditions that hold for it alone, as status --where takes them; --where adds conditions for both. Differences
are B minus A, paired by seed, with a 95 % t interval and the p-value of the paired t test.

Examples:
  equipoise compare 3f2a 91c0
  equipoise compare scheduler=constant scheduler=commit-clr --experiment quickstart --where task=sound-qa --where learningRate.encoder=3e-4 --where learningRate.backbone=3e-4`;

/** Adds `compare <a> <b>`. Throws UserErrors, which `main` prints. */
export const define: Define = (command) => {
  command
    .option('--experiment <name>', 'where to look; by default all of the results')
    .option(
      '--where <condition>',
      'what holds for both settings; may be given again',
      (text: string, before: string[] = []) => [...before, text],
    )
    .option('--json', 'print JSON')
    .addHelpText('after', help)
    .action(async (a: string, b: string, options: CompareOptions) => {
      const isCondition = [a, b].map((name) => /[=<>]/.test(name));
      if (isCondition[0] !== isCondition[1])
        throw userError({
          where: `"${printable(a)}" and "${printable(b)}"`,
          what: 'one is a run, the other a condition',
          expected: 'two runs, or two settings by conditions',
        });
      const library = openLibrary();
      if (isCondition[0] === true) return tellSettings(await settingsOf(library, [a, b], options), library, options);
      if (options.where !== undefined)
        throw userError({ where: '--where', what: 'is about settings, and runs are named', hint: 'leave it out' });
      return tellRuns(await runsOf(library, [a, b], options), library, options);
    });
};

/** The two settings that are meant. Throws UserError for conditions that hold for none, or for several. */
async function settingsOf(
  library: Library,
  names: readonly [string, string],
  { experiment, where = [] }: CompareOptions,
): Promise<[PlacedSetting, PlacedSetting]> {
  const places =
    experiment === undefined ? library.experiments().filter(({ own }) => own) : [placeNamed(library, experiment)];
  const shared = where.flatMap(parseConditions);
  const all = await placedSettings(library, places);
  const one = (name: string): PlacedSetting => {
    const conditions: Condition[] = [...parseConditions(name), ...shared];
    const found = settingsWhere(all, conditions);
    if (found.length === 1) return found[0]!;
    throw userError({
      where: `"${printable(name)}"`,
      what: found.length === 0 ? 'holds for no setting' : `holds for ${found.length} settings`,
      expected: `conditions that hold for one${found.length === 0 ? '' : `; these are ${found.slice(0, 5).map(titleOf).join('; ')}${found.length > 5 ? '; ...' : ''}`}`,
      hint:
        found.length === 0
          ? 'equipoise status EXPERIMENT --group seed lists settings'
          : 'more of them, e.g. --where task=... or --experiment NAME',
    });
  };
  return [one(names[0]), one(names[1])];
}

const titleOf = ({ place, setting }: PlacedSetting): string =>
  printable(`${place.key}: ${setting.panel}, ${setting.setting}, ${setting.method}`);

/** The two runs that are meant. Throws UserError for a name of none, or of several. */
async function runsOf(
  library: Library,
  names: readonly [string, string],
  { experiment }: CompareOptions,
): Promise<[StoredRun, StoredRun]> {
  let read: StoredRun[] | undefined;
  const stored = () => (read ??= readResults(resultsFolder()));
  const one = async (typed: string): Promise<StoredRun> => {
    const name = runNamed(typed);
    const runs = experiment === undefined ? stored() : await library.storedRuns(placeNamed(library, experiment));
    const run = onlyRun(
      name,
      runs.filter((each) => isNamed(name, each.experiment, each.id)),
    );
    if (run !== null) return run;
    const committed = onlyRun(name, experiment === undefined ? await committedNamed(name) : []);
    if (committed !== null) return committed;
    throw userError({
      where: `run "${printable(typed)}"`,
      what: 'is not in the results',
      expected: 'the id of a run or its beginning, or conditions for a setting such as scheduler=constant',
      hint: 'equipoise status EXPERIMENT lists runs',
    });
  };
  return [await one(names[0]), await one(names[1])];
}

async function tellSettings(
  settings: [PlacedSetting, PlacedSetting],
  library: Library,
  { json }: CompareOptions,
): Promise<void> {
  const differences = differing(settings.map(({ setting }) => setting)).map(({ path, values }): Difference => ({
    field: path,
    here: values[0],
    there: values[1],
  }));
  const numbers = await comparedSettings(settings, library);
  if (json === true) {
    const [a, b] = settings.map(({ place, setting: { key, panel, setting, method, n, runs } }) => ({
      ...{ experiment: place.key, key, panel, setting, method, n },
      runs: runs.map(({ id, seed, counts }) => ({ id, seed, counts })),
    }));
    sayJson('compare', { what: 'settings', a, b, differences: described(differences), numbers });
    return;
  }
  settings.forEach((each, i) => say(`${'AB'[i]}: ${titleOf(each)} (${count(each.setting.n, 'seed')})`));
  tell(differences, numbers, true);
}

async function tellRuns(runs: [StoredRun, StoredRun], library: Library, { json }: CompareOptions): Promise<void> {
  const [a, b] = runs;
  const known = a.file !== null && b.file !== null ? ([a.file, b.file] as const) : null;
  const differences = known === null ? [] : differencesBetween(comparedOf(known[0]), comparedOf(known[1]));
  const numbers = await comparedRuns(runs, library);
  if (json === true) {
    const said = runs.map(({ experiment, id, state, file }) => ({
      ...{ experiment, id, state },
      description: describe(file?.spec),
    }));
    sayJson('compare', { what: 'runs', a: said[0], b: said[1], differences: described(differences), numbers });
    return;
  }
  runs.forEach(({ experiment, id, state, file }, i) =>
    say(
      `${'AB'[i]}: ${experiment}/${id}, ${isCommitted(experiment) ? 'a committed run' : state}: ${describe(file?.spec)}`,
    ),
  );
  if (known === null) say('without a readable run.json there is nothing to compare');
  else tell(differences, numbers, false);
}

/** Nothing has no place in JSON but null. */
const described = (differences: readonly Difference[]) =>
  differences.map(({ field, here, there }) => ({ field, a: here ?? null, b: there ?? null }));

function tell(differences: readonly Difference[], numbers: readonly ComparedNumbers[], paired: boolean): void {
  say('');
  if (differences.length === 0) say('they differ in nothing that is recorded');
  else
    sayTable([
      ['differs in', 'A', 'B'],
      ...differences.map(({ field, here, there }) => [field, cellText(here), cellText(there)]),
    ]);
  say('');
  sayTable([
    ['', 'A', 'B', 'B − A', ...(paired ? ['pairs', 'p'] : [])],
    ...numbers.map(({ name, text }) => [
      name,
      text.a,
      text.b,
      text.difference,
      ...(paired ? [text.pairs, text.p] : []),
    ]),
  ]);
}
