/**
 * The field's usual schedule (Loshchilov and Hutter 2017), the same for both modules: half a cosine from 1 to `final`.
 * The run's own warm-up comes on top. With `begins: warmed` the cosine begins where warm-up ends, as in the training
 * recipes of the field (transformers' get_cosine_schedule_with_warmup): after w steps of warm-up out of N the factor of
 * step s is (1 + cos(pi (s - 1 - w) / (N - w))) / 2. It stops one step short of `final`, as theirs does.
 */
import { number, oneOf, unsaid } from '../../parts/options';
import { bothActive, defineScheduler, type Observation } from './scheduler';

/** The share of the cosine that is done at a step. */
function done(begins: 'first' | 'warmed', { step, steps, warmup }: Observation): number {
  if (begins === 'warmed') return Math.max(0, step - 1 - warmup) / Math.max(1, steps - warmup);
  return steps <= 1 ? 0 : (step - 1) / (steps - 1);
}

export const warmupCosine = defineScheduler({
  file: __filename,
  about: 'half a cosine for both rates',
  options: {
    final: number('factor of both rates at the last step', 0, 1, 0),
    begins: unsaid(
      oneOf('where the cosine begins: with the first step, or where warm-up ends', ['first', 'warmed'], 'first'),
    ),
  },
  facts: { ignoresKappa: true, decays: true, look: 'grey' },
  make: ({ final, begins }) => ({
    initial: null,
    next(_state, observation) {
      const factor = final + ((1 - final) * (1 + Math.cos(Math.PI * done(begins, observation)))) / 2;
      return { state: null, decision: bothActive({ encoder: factor, backbone: factor }) };
    },
  }),
});
