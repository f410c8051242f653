/**
 * Whether the operations of ops.ts are plain ones of TensorFlow.js or fused kernels of our own (link/kernels/). Fused
 * kernels round otherwise, so they are asked for by name and belong to what makes runs comparable.
 */
import { fusedFile } from './link/kernels';
import { loadedTensorFlow } from './link/load';
import { registerFusedKernels } from './fusedKernels';
import { scoped } from './scoped';
import { tf } from './tf';

/** The kernels that a session may compute with. */
export const kernelNames = ['plain', 'fused'] as const;
/** One of them. */
export type Kernels = (typeof kernelNames)[number];

const fused = scoped(false);

/** Whether operations are to be fused ones now. */
export const areFused = (): boolean => fused.now();

/**
 * Makes the kernels ready on the active backend; whether they are fused ones. Only TensorFlow on a processor has those:
 * everywhere else they are the plain ones. Throws UserError (exit code 3) where a link should have them and has not.
 */
export function loadKernels(kernels: Kernels): boolean {
  const loaded = loadedTensorFlow();
  if (kernels === 'plain' || loaded === null || tf.getBackend() !== 'tensorflow') return false;
  if (loaded.backend.isUsingGpuDevice) return false;
  registerFusedKernels(fusedFile(loaded.link));
  return true;
}

/** Runs `body` with the given kernels. Throws as `loadKernels` does. */
export const withKernels = <T>(kernels: Kernels, body: () => T): T => fused.during(loadKernels(kernels), body);

/** The same where nothing is computed (shapeBackend.ts): fused kernels need no library there. */
export const planningKernels = <T>(kernels: Kernels, body: () => T): T => fused.during(kernels === 'fused', body);
