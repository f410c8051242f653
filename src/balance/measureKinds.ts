/** On which examples kappa is measured (docs/method.md section 2), and when. */
import { kind, type SpecOf } from '../parts/define';
import { oneOf, whole } from '../parts/options';

const every = whole('steps between measurements of kappa', 1, 1_000_000, 5);
const variant = oneOf(
  'a: one module steps from the old state; b: one module is reverted from the new state',
  ['a', 'b'],
  'a',
);

/** By the value of `measure.on`. */
export const measureKinds = {
  batch: kind('the training batch', { every, variant }),
  probe: kind('a fixed set of training questions: far less noisy, one more forward pass', {
    every,
    variant,
    probe: whole('questions in the fixed probe', 1, 4096, 24),
  }),
};

/** When and on which examples kappa is measured. */
export type MeasureSpec = SpecOf<typeof measureKinds, 'on'>;
