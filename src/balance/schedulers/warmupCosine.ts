/** The field's usual schedule (Loshchilov and Hutter 2017), the same for both modules: half a cosine from 1 to `final`. The run's own warm-up comes on top. */
import { bothActive, type Scheduler } from './scheduler';

export function warmupCosine({ final }: { final: number }): Scheduler<null> {
  return {
    initial: null,
    next: (_state, { step, steps }) => {
      const done = steps <= 1 ? 0 : (step - 1) / (steps - 1);
      const factor = final + ((1 - final) * (1 + Math.cos(Math.PI * done))) / 2;
      return { state: null, decision: bothActive({ encoder: factor, backbone: factor }) };
    },
  };
}
