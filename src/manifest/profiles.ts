/** Variants of a manifest: fewer runs, other settings. Every manifest has `smoke`. */
import { assignAll, matches, settingsOf } from './assign';
import type { ManifestContent, Profile } from './content';
import { fillDefaults, leaveOutDefaults } from './defaults';
import type { GridRun } from './grid';
import { followedSpec } from './followed';
import { lookUp } from '../parts/define';
import { canonicalJson } from '../files';
import type { RunSpec } from './run';
import { leaves } from './tree';

/**
 * The profile of a manifest that brings none of this name: a handful of short runs that touch what the manifest varies.
 */
const builtInProfiles: Readonly<Record<string, Profile>> = {
  smoke: {
    about: 'does it run at all: under a minute, its numbers mean nothing',
    runs: 4,
    steps: 6,
    measure: { every: 2 },
    evaluate: { every: 0, limit: 8, validation: 4 },
    fixed: { 'align.steps': 3, 'align.batch': 4, batch: 4, accumulate: 1, warmup: 2 },
  },
};

/** The profiles that a manifest answers to, its own and the built-in ones. */
export function profilesOf(content: ManifestContent): Record<string, Profile> {
  return { ...builtInProfiles, ...content.profiles };
}

/** The text that is equal exactly when two runs have the same identity on the same machine. */
export function runKey(run: GridRun['run'] | RunSpec): string {
  return canonicalJson(leaveOutDefaults(run as RunSpec));
}

/**
 * The runs of a profile, in the manifest's order. Settings lie over everything that the manifest says; runs that they
 * make equal become one.
 */
export function applyProfile(runs: readonly GridRun[], profile: Profile, place: string): GridRun[] {
  const keep = profile.keep === undefined ? undefined : [profile.keep].flat();
  const settings = settingsOf(profile, place);
  const seen = new Set<string>();
  const changed = runs
    .filter(({ run }) => keep === undefined || keep.some((pattern) => matches(pattern, run)))
    .map((gridRun): GridRun => {
      const assigned = assignAll(gridRun.assigned, settings);
      return { ...gridRun, assigned, run: fillDefaults(assigned), given: [...gridRun.given, ...settings] };
    })
    .filter(({ run }) => {
      const key = runKey(run);
      return !seen.has(key) && seen.add(key);
    });
  return profile.runs === undefined ? changed : mostVaried(changed, profile.runs);
}

/**
 * At most so many runs, each chosen for the most values that the ones before it do not have, the first of equals; and
 * those that a chosen run follows.
 */
function mostVaried(runs: readonly GridRun[], count: number): GridRun[] {
  if (runs.length <= count) return [...runs];
  // Another seed shows nothing new.
  const distinct = new Map<string, { gridRun: GridRun; values: string[] }>();
  for (const gridRun of runs) {
    const { seed: _seed, ...run } = gridRun.run;
    const key = canonicalJson(run);
    if (!distinct.has(key))
      distinct.set(key, { gridRun, values: leaves(run).map(([path, value]) => `${path}=${JSON.stringify(value)}`) });
  }
  const shown = new Set<string>();
  const chosen = new Set<GridRun>();
  for (let round = 0; round < count; round++) {
    let best: { gridRun: GridRun; values: string[] } | undefined;
    let most = 0;
    for (const candidate of distinct.values()) {
      const fresh = candidate.values.filter((value) => !shown.has(value)).length;
      if (fresh > most) [best, most] = [candidate, fresh];
    }
    // Nothing new is left to show: fewer runs do.
    if (best === undefined) break;
    chosen.add(best.gridRun);
    for (const value of best.values) shown.add(value);
  }
  // Without these a chosen run could not be trained.
  const followed = new Set(
    [...chosen].flatMap(({ run }) => followedSpec(run as unknown as RunSpec) ?? []).map((run) => runKey(run)),
  );
  return runs.filter((each) => chosen.has(each) || (followed.size > 0 && followed.has(runKey(each.run))));
}

/** A profile by name, or undefined. */
export function findProfile(content: ManifestContent, name: string): Profile | undefined {
  return lookUp(profilesOf(content), name);
}
