/** The precisions in which a run may be trained, and who can. */
import { commandText } from '../files';
import { exitCode, userError } from '../problems';

/**
 * float32: everything. bfloat16: frozen matrices are stored so, and the products of the training pass are rounded so;
 * all else is float32 (docs/method.md).
 */
export const precisions = ['float32', 'bfloat16'] as const;
export type Precision = (typeof precisions)[number];

/** The refusal of bfloat16 by a backend that does not record its steps; exit code 3. */
export const precisionFault = (backend: string): Error =>
  userError(
    {
      where: `backend ${backend}`,
      what: 'computes in float32 only, and precision bfloat16 is asked for',
      expected: 'precision float32, or backend tensorflow',
      hint: `leave "precision" out, or link TensorFlow: ${commandText('doctor')} says how`,
    },
    exitCode.unavailable,
  );
