/** The view *Now*: how far each experiment is, and the runs that run. */
import { runKey } from '../../manifest/profiles';
import type { RunSpec } from '../../manifest/run';
import type { StoredRun, StoredState } from '../../runner/results';
import { describeRun } from '../../manifest/identity';
import { charts } from '../metrics';
import type { ExperimentPlace, Library } from '../library';

/** Points of a series on a small chart. */
const mostPoints = 400;
/** Runs that are drawn at once. */
const mostRunning = 12;
const mostNotices = 12;

type Counts = Record<StoredState, number>;

const countStates = (runs: readonly StoredRun[]): Counts => {
  const counts: Counts = { done: 0, running: 0, partial: 0, failed: 0 };
  for (const { state } of runs) counts[state] += 1;
  return counts;
};

/** A run in words, whichever version wrote its file. */
export function wordsOf(spec: RunSpec | undefined): string {
  if (spec === undefined) return 'run.json is not there yet';
  try {
    return describeRun(spec);
  } catch {
    return `${spec.task} ${spec.scheduler.kind} seed ${spec.seed}`;
  }
}

/** Every experiment with its counts; of the committed ones, whose runs are all finished, the name alone. */
export async function experimentsView(library: Library) {
  return Promise.all(
    library.experiments().map(async (place) => ({
      key: place.key,
      name: place.name,
      own: place.own,
      counts: place.own ? countStates(await library.storedRuns(place)) : null,
    })),
  );
}

/** Seconds until a run has taken its steps, by its own pace so far; null where it has none. */
function secondsLeft({ file, step, steps }: StoredRun, now: number): number | null {
  const taken = file === null ? NaN : (now - Date.parse(file.times.started)) / 1000;
  return step > 0 && steps > step && taken > 0 ? (taken / step) * (steps - step) : null;
}

/** Seconds until all is done: what runs, then what has not begun, each as long as a finished run took. */
function allSecondsLeft(runs: readonly StoredRun[], unbegun: number, now: number): number | null {
  const running = runs.filter(({ state }) => state === 'running');
  if (running.length === 0) return null;
  const lefts = running.map((run) => secondsLeft(run, now));
  if (lefts.some((left) => left === null)) return null;
  const took = runs.flatMap(({ file }) =>
    file === null || file.times.finished === null
      ? []
      : [(Date.parse(file.times.finished) - Date.parse(file.times.started)) / 1000],
  );
  const waiting = unbegun + runs.filter(({ state }) => state === 'partial').length;
  if (waiting > 0 && took.length === 0) return null;
  const each = took.length === 0 ? 0 : took.reduce((sum, seconds) => sum + seconds, 0) / took.length;
  const rest = lefts.reduce<number>((sum, left) => sum + left!, 0);
  return (rest + waiting * each) / running.length;
}

/**
 * What the manifest of an experiment says of it: how many runs are still to begin, and how long that may take. To find
 * the manifest takes longer than all else on the page, so it is a question of its own. `profile`: `smoke` and others are no full runs.
 */
export async function planView(library: Library, place: ExperimentPlace, now = Date.now()) {
  const runs = await library.storedRuns(place);
  const about = library.about(place);
  if (about === undefined) return null;
  const begun = new Set(runs.flatMap(({ file }) => (file === null ? [] : [runKey(file.spec)])));
  const unbegun = about.planned.filter((spec) => !begun.has(runKey(spec))).length;
  const { profile, planned } = about;
  return {
    what: about.about.what,
    profile,
    /** trains what of the experiment is not done */
    command: `equipoise run ${about.file}${profile === null ? '' : ` --profile ${profile}`}`,
    planned: planned.length,
    unbegun,
    secondsLeft: allSecondsLeft(runs, unbegun, now),
  };
}

/** One experiment as it is now. */
export async function nowView(library: Library, place: ExperimentPlace, now = Date.now()) {
  const runs = await library.storedRuns(place);
  const all = runs.filter(({ state }) => state === 'running');
  const running = all.slice(0, mostRunning);
  const notices = runs
    .filter(({ file }) => file !== null && file.notices.length > 0)
    .sort((a, b) => (a.file!.times.started < b.file!.times.started ? 1 : -1))
    .flatMap(({ id, file }) => file!.notices.map((text) => ({ id, text })))
    .slice(0, mostNotices);
  return {
    experiment: place.key,
    counts: countStates(runs),
    charts: charts.filter(({ name }) => ['loss', 'kappa', 'rate'].includes(name)),
    running: await Promise.all(
      running.map(async (run) => ({
        id: run.id,
        words: wordsOf(run.file?.spec),
        step: run.step,
        steps: run.steps,
        secondsLeft: secondsLeft(run, now),
        series: (await library.journal(place, run.id)).thinned(mostPoints),
      })),
    ),
    /** ids of those that run and are not drawn */
    undrawn: all.slice(mostRunning).map(({ id }) => id),
    stopped: runs
      .filter(({ state }) => state === 'partial' || state === 'failed')
      .map(({ id, state, why, step, steps, file }) => ({ id, state, why, step, steps, words: wordsOf(file?.spec) })),
    notices,
  };
}
