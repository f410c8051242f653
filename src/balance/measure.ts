/** From the numbers of a measured step to its journal record: every metric of docs/method.md section 3. */
import { both, type PerModule } from '../modules';
import { progressBounds } from './bounds';
import { kappaOf, type Kappa } from './kappa';
import { pushWindow, windowStatistics, type WindowStatistics } from './window';

/** Raw numbers of one measured step, as the program returns them. */
export interface MeasuredStep {
  dBackbone: number;
  dEncoder: number;
  /** of the batch's label tokens */
  smallestProbability: number;
  meanProbability: number;
  gradientNorm: PerModule<number>;
  parameterNorm: PerModule<number>;
  updateNorm: PerModule<number>;
  /** <g, dtheta>, nats */
  progress: PerModule<number>;
}

/** What is remembered between measures; plain JSON. */
export interface MeasureMemory {
  logKappas: number[];
  largestGradient: PerModule<number>;
  firstRelativeGradient: PerModule<number> | null;
}

export const noMeasures: MeasureMemory = {
  logKappas: [],
  largestGradient: { encoder: 0, backbone: 0 },
  firstRelativeGradient: null,
};

export interface Metrics extends Kappa, Omit<WindowStatistics, 'average'> {
  kappaAverage: number;
  gradientNorm: PerModule<number>;
  parameterNorm: PerModule<number>;
  relativeGradient: PerModule<number>;
  normalisedGradient: PerModule<number>;
  diminishingIndex: PerModule<number>;
  updateRatio: PerModule<number>;
  progress: PerModule<number>;
  bound: PerModule<number>;
  tightness: PerModule<number>;
  scale: PerModule<number>;
}

const ratio = (a: number, b: number): number => (b > 0 ? a / b : 0);

/**
 * All metrics of one measured step and the memory for the next. `window`: measures in the moving statistics.
 * Gradients of earlier, unmeasured steps count in the maximum of the normalised gradient: pass them to `seenGradient`.
 */
export function metricsOf(
  step: MeasuredStep,
  memory: MeasureMemory,
  window: number,
): { metrics: Metrics; memory: MeasureMemory } {
  const kappa = kappaOf(step.dBackbone, step.dEncoder);
  const logKappas = pushWindow(memory.logKappas, kappa.logKappa, window);
  const { average, ...statistics } = windowStatistics(logKappas);
  const largestGradient = both((m) => Math.max(memory.largestGradient[m], step.gradientNorm[m]));
  const relativeGradient = both((m) => ratio(step.gradientNorm[m], step.parameterNorm[m]));
  const first = memory.firstRelativeGradient ?? relativeGradient;
  // exp(log p) can underflow to 0 in float32; the bound is then infinite, and the smallest normal number says so
  // honestly.
  const bound = progressBounds(
    kappa.kappa,
    kappa.dBackbone,
    kappa.dEncoder,
    Math.max(step.smallestProbability, 1.2e-38),
  );
  return {
    metrics: {
      ...kappa,
      ...statistics,
      kappaAverage: average,
      gradientNorm: step.gradientNorm,
      parameterNorm: step.parameterNorm,
      relativeGradient,
      normalisedGradient: both((m) => ratio(step.gradientNorm[m], largestGradient[m])),
      diminishingIndex: both((m) => ratio(relativeGradient[m], first[m])),
      updateRatio: both((m) => ratio(step.updateNorm[m], step.parameterNorm[m])),
      progress: step.progress,
      bound,
      tightness: both((m) => ratio(Math.abs(step.progress[m]), bound[m])),
      scale: progressBounds(kappa.kappa, kappa.dBackbone, kappa.dEncoder, Math.max(step.meanProbability, 1.2e-38)),
    },
    memory: { logKappas, largestGradient, firstRelativeGradient: first },
  };
}

/** Remembers the gradients of an unmeasured step for the maximum. */
export const seenGradient = (memory: MeasureMemory, gradientNorm: PerModule<number>): MeasureMemory => ({
  ...memory,
  largestGradient: both((m) => Math.max(memory.largestGradient[m], gradientNorm[m])),
});
