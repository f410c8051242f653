/** To add a scheduler: one file beside this one, one case below, its shape in src/manifest/run.ts. */
import type { SchedulerSpec } from '../../manifest/run';
import { commit } from './commit';
import { constant } from './constant';
import { coordinateDescent } from './coordinateDescent';
import { gradNorm } from './gradNorm';
import { ogmGe } from './ogmGe';
import type { Scheduler } from './scheduler';
import { warmupCosine } from './warmupCosine';

export type { Decision, Observation, Scheduler } from './scheduler';

/** A scheduler whose state is opaque to the training loop (plain JSON all the same). */
export type AnyScheduler = Scheduler<unknown>;

const opaque = <State>(scheduler: Scheduler<State>): AnyScheduler => ({
  initial: scheduler.initial,
  next: (state, observation) => scheduler.next(state as State, observation),
});

export function buildScheduler(spec: SchedulerSpec): AnyScheduler {
  switch (spec.kind) {
    case 'constant':
      return opaque(constant());
    case 'feature-cd':
      return opaque(coordinateDescent('encoder', { warm: spec.warm ?? 0.5, period: spec.period ?? 10 }));
    case 'language-cd':
      return opaque(coordinateDescent('backbone', { warm: spec.warm ?? 0.5, period: spec.period ?? 10 }));
    case 'commit-clr':
    case 'commit':
      return opaque(
        commit({
          rule: spec.rule ?? 'symmetric',
          interval: spec.interval ?? 5,
          window: spec.window ?? 5,
          exponent: spec.exponent ?? 0.2,
          clip: spec.clip ?? 3,
        }),
      );
    case 'ogm-ge':
      return opaque(ogmGe({ strength: spec.strength ?? 0.1 }));
    case 'warmup-cosine':
      return opaque(warmupCosine({ final: spec.final ?? 0 }));
    case 'gradnorm':
      return opaque(gradNorm({ exponent: spec.exponent ?? 1.5, rate: spec.rate ?? 0.025 }));
  }
}
