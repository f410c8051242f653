/** How long runs will take, from finished runs of the same kind; says plainly when it does not know. */
import type { RunSpec } from '../manifest/run';
import type { RunFile } from './runFile';

/** What one finished (or calibrating) run cost, seconds on one worker. */
export interface Timing {
  spec: RunSpec;
  backend: string;
  /** Infinity for a measured slope, which holds for any length */
  steps: number;
  secondsPerStep: number;
  /** everything but the steps: preparing, evaluating */
  otherSeconds: number;
}

export interface Estimate {
  /** wall-clock seconds with the given workers; null when no run of any of the kinds has finished */
  seconds: number | null;
  /** runs without a finished run of their kind; they are not in `seconds` */
  unknown: number;
  /** runs whose time comes from finished ones */
  known: number;
}

/** The timing in a run.json of a finished run; null for others and for times that cannot be. */
export function timingOf(file: RunFile): Timing | null {
  if (file.status !== 'done' || file.times.finished === null) return null;
  const wall = (Date.parse(file.times.finished) - Date.parse(file.times.started)) / 1000;
  if (!Number.isFinite(wall) || wall < 0 || file.steps <= 0) return null;
  return {
    spec: file.spec,
    backend: `${file.machine.backend} ${file.machine.device}`,
    steps: file.steps,
    secondsPerStep: file.times.secondsPerStep,
    otherSeconds: Math.max(0, wall - file.times.trainSeconds),
  };
}

/** Kinds from narrow to wide: the first that a finished run shares gives the estimate. */
const kinds: ((spec: RunSpec) => unknown[])[] = [
  (spec) => [
    spec.task,
    spec.encoder,
    spec.connector,
    spec.backbone,
    spec.tuning,
    spec.vocabulary,
    spec.scheduler.kind,
    spec.regulariser.kind,
    spec.measure,
    spec.evaluate,
    spec.batch,
  ],
  (spec) => [
    spec.task,
    spec.encoder,
    spec.connector.kind,
    spec.backbone,
    spec.tuning.tower.kind,
    spec.vocabulary,
    spec.regulariser.kind,
    spec.evaluate,
    spec.batch,
  ],
  // A tower that is run in the step takes many times as long, and so does a large vocabulary.
  (spec) => [spec.task, spec.encoder, spec.backbone, spec.tuning.tower.kind, spec.vocabulary],
];

/** A function that gives the seconds of one run on one worker, or null when no run of its kind has finished. */
export function runEstimator(timings: readonly Timing[]): (spec: RunSpec) => number | null {
  const tables = kinds.map((kind) => {
    const table = new Map<string, Timing[]>();
    for (const timing of timings) {
      const key = JSON.stringify(kind(timing.spec));
      const alike = table.get(key);
      if (alike === undefined) table.set(key, [timing]);
      else alike.push(timing);
    }
    return { kind, table };
  });
  // Thousands of runs differ in their seed alone: what the narrowest kind and the length decide is worked out once.
  const known = new Map<string, number | null>();
  const estimate = (spec: RunSpec): number | null => {
    for (const { kind, table } of tables) {
      const ofKind = table.get(JSON.stringify(kind(spec))) ?? [];
      const steps = stepsKnown(spec, ofKind);
      if (steps === null) continue;
      // A much shorter run, such as one of a smoke test, says little: its steps are all first steps.
      const alike = ofKind.filter((timing) => 4 * timing.steps >= steps);
      if (alike.length === 0) continue;
      // The least, since the first run of a kind also made features and alignment that the others found in the cache.
      return (
        Math.min(...alike.map((timing) => timing.otherSeconds)) +
        steps * median(alike.map((timing) => timing.secondsPerStep))
      );
    }
    return null;
  };
  return (spec) => {
    const key = JSON.stringify([kinds[0]!(spec), spec.duration]);
    const seconds = known.get(key) ?? estimate(spec);
    known.set(key, seconds);
    return seconds;
  };
}

/**
 * Steps of a run without reading its data: a length in epochs is known from a finished run of equal length and batch.
 */
function stepsKnown(spec: RunSpec, alike: readonly Timing[]): number | null {
  if ('steps' in spec.duration) return spec.duration.steps;
  if ('examples' in spec.duration) return Math.ceil(spec.duration.examples / spec.batch);
  const { epochs } = spec.duration;
  return (
    alike.find(
      (timing) =>
        Number.isFinite(timing.steps) &&
        'epochs' in timing.spec.duration &&
        timing.spec.duration.epochs === epochs &&
        timing.spec.batch === spec.batch,
    )?.steps ?? null
  );
}

/** Time for all runs when `workers` work at once: their sum shared, but never less than the longest. */
export function estimateRuns(
  specs: readonly RunSpec[],
  workers: number,
  secondsOf: (spec: RunSpec) => number | null,
): Estimate {
  const each = specs.map(secondsOf);
  const known = each.filter((seconds) => seconds !== null);
  const sum = known.reduce((total, seconds) => total + seconds, 0);
  return {
    seconds: known.length === 0 ? (specs.length === 0 ? 0 : null) : Math.max(sum / workers, ...known),
    unknown: each.length - known.length,
    known: known.length,
  };
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}
