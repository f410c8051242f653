/** Measures the kinds of runs that no finished run speaks for, so that an estimate is honest before the first run. */
import { codeVersion } from '../runner/code';
import { runEstimator, type Timing } from '../runner/estimate';
import { createLane } from '../runner/lane';
import { workerMemory } from '../runner/local';
import type { PlannedRun } from '../runner/plan';
import { readTimings } from '../runner/results';
import { note, printable } from './text';
import type { Wiring } from './wiring';

/** Measurements of one run a kind, and what the first runs pay on top, seconds. */
export interface Calibrated { timings: Timing[]; firstSeconds: number }

/** Trains a few steps of one run of each kind (task, encoder, backbone, regulariser) that has no finished run. What cannot be measured is said and left out. */
export async function calibrateKinds(results: string, runs: readonly PlannedRun[], wiring: Wiring): Promise<Calibrated> {
  const known = runEstimator(runs.length === 0 ? [] : readTimings(results, runs[0]!.arithmetic.backend));
  const kinds = new Map<string, PlannedRun>();
  for (const run of runs) {
    const key = JSON.stringify([run.spec.task, run.spec.encoder, run.spec.backbone, run.spec.regulariser.kind]);
    if (known(run.spec) === null && !kinds.has(key)) kinds.set(key, run);
  }
  const calibrated: Calibrated = { timings: [], firstSeconds: 0 };
  if (kinds.size === 0) return calibrated;
  const lane = createLane(wiring.start, workerMemory, new AbortController().signal);
  try {
    for (const run of kinds.values()) {
      note(`measuring: ${run.description}`);
      try {
        const measured = await lane.calibrate({ ...run, results, experiment: 'calibration', token: '', code: codeVersion(), packages: {}, notices: [] }, () => undefined);
        calibrated.timings.push({ spec: run.spec, backend: run.arithmetic.backend, steps: 'steps' in run.spec.duration ? run.spec.duration.steps : 0, secondsPerStep: measured.secondsPerStep, otherSeconds: measured.otherSeconds });
        calibrated.firstSeconds += measured.firstSeconds;
      } catch (error) {
        note(`warning: could not be measured: ${printable(error instanceof Error ? error.message : String(error))}`);
      }
    }
  } finally {
    await lane.end();
  }
  return calibrated;
}
