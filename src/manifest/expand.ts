/** From a manifest to its runs: grids, includes, profile, and what is wrong with any of them. */
import type { Manifest, ManifestContent, Profile } from './content';
import { pointer } from './content';
import { requiredFields } from './defaults';
import { expandGrid, gridsOf, runLimit, type GridRun, type PlacedGrid } from './grid';
import { describeRun } from './identity';
import { applyProfile, findProfile, runKey } from './profiles';
import { runFields } from './fields';
import type { RunSpec } from './run';
import { faultsOfRun, warningsOfRun } from './runRules';
import { copyOf, type Tree } from './tree';
import type { Fault } from './faults';

export { stepsOf } from './identity';

/**
 * Every run of a loaded manifest under its profile: resolved, with every default, in an order that depends on the order
 * of values in its lists but not on the order of keys: the task varies slowest, the seed fastest, includes follow the
 * grid.
 */
export function expand(manifest: Manifest): RunSpec[] {
  const { runs } = baseRuns(manifest.content, new Set());
  const profile = manifest.profile === null ? undefined : findProfile(manifest.content, manifest.profile);
  const chosen = profile === undefined ? runs : applyProfile(runs, profile, '');
  return chosen.map(({ run }) => specOf(run));
}

/** The run with its fields in their usual order; a copy, so that nobody changes the defaults through it. */
function specOf(run: GridRun['run']): RunSpec {
  const spec: Tree = {};
  for (const field of Object.keys(runFields)) if (run[field] !== undefined) spec[field] = copyOf(run[field]);
  return spec as unknown as RunSpec;
}

export interface Examination {
  faults: Fault[];
  warnings: Fault[];
  /** profiles that are not asked for and do not fit what was set on the command line */
  unfit: string[];
}

/**
 * Expands a manifest and collects what is wrong with its runs.
 * @param broken places of grids and profiles that cannot be expanded
 * @param wrong by a grid's place, the fields that it gives a wrong value
 * @param profileName the profile that will be run; warnings are about its runs
 * @param isChanged whether values were set on the command line
 */
export function examine(
  content: ManifestContent,
  broken: ReadonlySet<string>,
  wrong: (place: string) => ReadonlySet<string>,
  profileName: string | null,
  isChanged = false,
): Examination {
  const { runs, idle, ...base } = baseRuns(content, broken);
  const faults = [...base.faults];
  const sound: GridRun[] = [];
  const found = runs.flatMap((run) => {
    const own = faultsOfRun(run, wrong(run.grid));
    if (own.length === 0 && required(run)) sound.push(run);
    return own;
  });
  faults.push(...counted(found), ...duplicates(sound));
  // The faults of the runs themselves would come back with every profile.
  const profiles = faults.length > 0 || broken.size > 0 ? [] : Object.entries(content.profiles ?? {});
  const unfit: string[] = [];
  for (const [name, profile] of profiles) {
    const own = profileFaults(sound, profile, pointer('', 'profiles', name));
    if (own.length > 0 && isChanged && name !== profileName) unfit.push(name);
    else faults.push(...own);
  }
  if (faults.length > 0) return { faults, warnings: [], unfit };
  const chosen = profileName === null ? undefined : findProfile(content, profileName);
  const shown = chosen === undefined ? sound : applyProfile(sound, chosen, pointer('', 'profiles', profileName ?? ''));
  return { faults, unfit, warnings: counted([...idle, ...shown.flatMap(warningsOfRun)]) };
}

function required({ run }: GridRun): boolean {
  return requiredFields.every((field) => run[field] !== undefined);
}

/** A manifest is expanded once to be checked and once to be run: the second time is free. Nobody changes the runs. */
const expanded = new WeakMap<ManifestContent, BaseRuns>();

interface BaseRuns {
  runs: GridRun[];
  faults: Fault[];
  idle: Fault[];
}

function baseRuns(content: ManifestContent, broken: ReadonlySet<string>): BaseRuns {
  if (broken.size > 0) return expandAll(content, broken);
  const known = expanded.get(content) ?? expandAll(content, broken);
  expanded.set(content, known);
  return known;
}

function expandAll(content: ManifestContent, broken: ReadonlySet<string>): BaseRuns {
  const runs: GridRun[] = [];
  const faults: Fault[] = [];
  const idle: Fault[] = [];
  for (const grid of gridsOf(content)) {
    if (broken.has(grid.place)) continue;
    const expansion = expandGrid(grid);
    faults.push(...gridFaults(grid, expansion));
    for (const run of expansion.runs) runs.push(run);
    idle.push(...expansion.idle.map((place) => ({ place, what: 'matches no combination' })));
    if (runs.length > runLimit || expansion.tooMany) {
      if (!expansion.tooMany)
        faults.push({
          place: grid.place,
          what: 'the grids together have too many runs',
          expected: `at most ${runLimit.toLocaleString('en-GB')}`,
        });
      break;
    }
  }
  return { runs, faults, idle };
}

function gridFaults(grid: PlacedGrid, { runs, clashes, tooMany }: ReturnType<typeof expandGrid>): Fault[] {
  if (tooMany)
    return [
      {
        place: grid.place,
        what: 'its conditions make too many combinations',
        expected: `at most ${runLimit.toLocaleString('en-GB')} runs`,
      },
    ];
  return [
    ...clashes.map(({ place, path }) => ({
      place,
      what: `"${path}" is already set for a combination that matches, by an axis or an earlier condition`,
      expected: 'conditions that exclude each other',
    })),
    ...(runs.length === 0
      ? [{ place: grid.place, what: 'every combination is excluded', expected: 'at least one run' }]
      : []),
  ];
}

function profileFaults(runs: readonly GridRun[], profile: Profile, place: string): Fault[] {
  if (runs.length === 0) return [];
  const changed = applyProfile(runs, profile, place);
  if (changed.length === 0)
    return [
      { place: pointer(place, 'keep'), what: 'keeps no run', expected: 'a pattern that matches a run of the manifest' },
    ];
  return counted(changed.flatMap((run) => faultsOfRun(run, new Set())));
}

/** Equal findings once, with the number of runs. */
function counted(faults: readonly Fault[]): Fault[] {
  const groups = new Map<string, { fault: Fault; count: number }>();
  for (const fault of faults) {
    const key = `${fault.place} ${fault.what}`;
    const group = groups.get(key);
    if (group === undefined) groups.set(key, { fault, count: 1 });
    else group.count += 1;
  }
  return [...groups.values()].map(({ fault, count }) =>
    count === 1 ? fault : { ...fault, what: `${fault.what} (${count} runs)` },
  );
}

function duplicates(runs: readonly GridRun[]): Fault[] {
  const first = new Map<string, GridRun>();
  const groups = new Map<string, { run: GridRun; twin: GridRun; count: number }>();
  for (const run of runs) {
    const key = runKey(run.run);
    const twin = first.get(key);
    if (twin === undefined) {
      first.set(key, run);
      continue;
    }
    const pair = `${run.grid} ${twin.grid}`;
    const group = groups.get(pair);
    if (group === undefined) groups.set(pair, { run, twin, count: 1 });
    else group.count += 1;
  }
  return [...groups.values()].map(({ run, twin, count }) => ({
    place: run.grid,
    what: `${count === 1 ? 'a run is' : `${count} runs are`} described twice, ${run.grid === twin.grid ? 'in the same grid' : `also in ${twin.grid === '' ? "the manifest's own grid" : twin.grid}`}: ${describeRun(specOf(run.run))}`,
    expected: 'each run once (defaults count as given, the device does not count)',
  }));
}
