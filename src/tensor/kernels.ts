/**
 * Whether the operations of ops.ts are plain ones of TensorFlow.js or fused kernels of our own (link/kernels/). Fused
 * kernels round otherwise, so they are asked for by name and belong to what makes runs comparable.
 */
import { exitCode, userError } from '../problems';
import { kernelsOf } from './link/kernels';
import { loadedTensorFlow } from './link/load';
import { linkCommand, type FoundLink } from './link/state';
import { registerFusedKernels } from './fusedKernels';
import { tf } from './tf';

/** Which kernels a session computes with. */
export type Kernels = 'plain' | 'fused';

let fused = false;

/** Whether operations are to be fused ones now. */
export const areFused = (): boolean => fused;

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
export function withKernels<T>(kernels: Kernels, body: () => T): T {
  const outer = fused;
  fused = loadKernels(kernels);
  try {
    return body();
  } finally {
    fused = outer;
  }
}

/** The library of a link's fused kernels. @throws UserError (exit code 3) saying why there is none and what mends it */
export function fusedFile(link: FoundLink): string {
  const kernels = kernelsOf(link);
  if (kernels.file !== null) return kernels.file;
  throw userError(
    {
      where: 'kernels: fused',
      what: `the linked TensorFlow has no fused kernels: ${kernels.why}`,
      hint: `run: ${linkCommand}; or leave "kernels" out`,
    },
    exitCode.unavailable,
  );
}
