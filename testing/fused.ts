/** The fused kernels of this machine's link, for tests that need them. */
import { kernelsOf } from '../src/tensor/link/kernels';
import { findLink } from '../src/tensor/link/state';

/** Why there are none here, or '' where there are. */
export function withoutFused(): string {
  const link = findLink();
  if (link === null) return 'TensorFlow is not linked on this machine';
  const kernels = kernelsOf(link);
  return kernels.file === null ? `no fused kernels: ${kernels.why}` : '';
}
