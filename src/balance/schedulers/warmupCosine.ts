/**
 * The field's usual schedule (Loshchilov and Hutter 2017), the same for both modules: half a cosine from 1 to `final`.
 * The run's own warm-up comes on top.
 */
import { number } from '../../parts/options';
import { bothActive, defineScheduler } from './scheduler';

export const warmupCosine = defineScheduler({
  file: __filename,
  about: 'half a cosine for both rates',
  options: { final: number('factor of both rates at the last step', 0, 1, 0) },
  facts: { ignoresKappa: true, look: 'grey' },
  make: ({ final }) => ({
    initial: null,
    next(_state, { step, steps }) {
      const done = steps <= 1 ? 0 : (step - 1) / (steps - 1);
      const factor = final + ((1 - final) * (1 + Math.cos(Math.PI * done))) / 2;
      return { state: null, decision: bothActive({ encoder: factor, backbone: factor }) };
    },
  }),
});
