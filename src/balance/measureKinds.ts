/** On which examples kappa is measured (docs/method.md section 2), and when. */
import { kind, type SpecOf } from '../parts/define';
import { oneOf, whole } from '../parts/options';

const every = whole('steps between measurements of kappa', 1, 1_000_000, 5);
const variant = oneOf(
  'a: one module steps from the old state; b: one module is reverted from the new state',
  ['a', 'b'],
  'a',
);
const withoutEnd = oneOf(
  'on: loss, divergences and kappa also without the token that ends an answer, in the journal alone',
  ['off', 'on'],
  'off',
);

/** By the value of `measure.on`. */
export const measureKinds = {
  batch: kind('the training batch', {
    every,
    variant,
    withoutEnd,
    beside: whole('questions of a fixed probe on which kappa is measured as well, for the journal alone', 0, 4096, 0),
  }),
  probe: kind('a fixed set of training questions: far less noisy, one more forward pass', {
    every,
    variant,
    withoutEnd,
    probe: whole('questions in the fixed probe', 1, 4096, 24),
  }),
};

/** When and on which examples kappa is measured. */
export type MeasureSpec = SpecOf<typeof measureKinds, 'on'>;

/** How many questions of the fixed probe a run is asked: those of the measure, or those beside it. */
export const probeQuestions = (measure: MeasureSpec): number =>
  measure.on === 'probe' ? measure.probe : measure.beside;
