/** Measures the kinds of runs that no finished run speaks for, so that an estimate is honest before the first run. */
import { printable } from '../printable';
import { codeVersion } from '../runner/code';
import { runEstimator, type Timing } from '../runner/estimate';
import { createLane } from '../runner/lane';
import { workerMemory } from '../runner/local';
import type { PlannedRun } from '../runner/plan';
import { readTimings } from '../runner/results';
import { note } from './text';
import type { Wiring } from './wiring';

/** Measurements of one run a kind, and what the first runs pay on top, seconds. */
interface Calibrated {
  timings: Timing[];
  firstSeconds: number;
}

/**
 * Trains a few steps of one run of each kind (task, encoder, backbone) that has no finished run. As many at once as
 * there will be workers, because workers slow each other down. What cannot be measured is said and left out.
 */
export async function calibrateKinds(
  results: string,
  runs: readonly PlannedRun[],
  workers: number,
  wiring: Wiring,
): Promise<Calibrated> {
  const known = runEstimator(runs.length === 0 ? [] : readTimings(results, runs[0]!.arithmetic.backend));
  const kinds = new Map<string, PlannedRun>();
  for (const run of runs) {
    const key = JSON.stringify([run.spec.task, run.spec.encoder, run.spec.backbone]);
    if (known(run.spec) === null && !kinds.has(key)) kinds.set(key, run);
  }
  const calibrated: Calibrated = { timings: [], firstSeconds: 0 };
  const waiting = [...kinds.values()];
  const work = async () => {
    const lane = createLane({ start: wiring.start, memory: workerMemory, stop: new AbortController().signal });
    try {
      for (let run = waiting.shift(); run !== undefined; run = waiting.shift()) {
        note(`measuring: ${run.description}`);
        try {
          const measured = await lane.calibrate(
            { ...run, results, experiment: 'calibration', token: '', code: codeVersion(), packages: {}, notices: [] },
            () => undefined,
          );
          calibrated.timings.push({
            spec: run.spec,
            backend: run.arithmetic.backend,
            steps: Infinity,
            secondsPerStep: measured.secondsPerStep,
            otherSeconds: measured.otherSeconds,
          });
          calibrated.firstSeconds += measured.firstSeconds;
        } catch (error) {
          note(`warning: could not be measured: ${printable(error instanceof Error ? error.message : String(error))}`);
        }
      }
    } finally {
      await lane.end();
    }
  };
  await Promise.all(Array.from({ length: Math.min(workers, kinds.size) }, work));
  return calibrated;
}
