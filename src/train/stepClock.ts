/**
 * Per-step scalars of the optimiser, in float64: each module counts its own updates for Adam's bias correction. The
 * betas are those that the device holds, in float32: moments made with one beta and corrected by another stay too small or too large.
 */
import type { ModuleName, PerModule } from '../manifest/run';

export interface StepClock {
  /** the inputs `rate`, `active`, `correction1`, `correction2` of one module; an active module's count goes up by one */
  inputs(module: ModuleName, rate: number, active: boolean): Record<string, Float32Array>;
  /** updates of each module so far, a copy */
  updates(): PerModule<number>;
}

/** A clock that has counted `start` updates, by default none. */
export function stepClock(
  options: { beta1: number; beta2: number },
  start: PerModule<number> = { encoder: 0, backbone: 0 },
): StepClock {
  const updates: PerModule<number> = { ...start };
  return {
    updates: () => ({ ...updates }),
    inputs(module, rate, active) {
      if (active) updates[module] += 1;
      const count = Math.max(1, updates[module]);
      const one = (value: number) => new Float32Array([value]);
      return {
        [`rate/${module}`]: one(rate),
        [`active/${module}`]: one(active ? 1 : 0),
        [`correction1/${module}`]: one(1 - Math.fround(options.beta1) ** count),
        [`correction2/${module}`]: one(1 - Math.fround(options.beta2) ** count),
      };
    },
  };
}
