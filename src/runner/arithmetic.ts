/**
 * Which arithmetic a run will use, decided before it starts: it is part of the run's identity, so a worker may not find
 * out later.
 */
import type { DeviceRequest, RunSpec } from '../manifest/run';
import { chooseBackend, type BackendName, type BackendRequest } from '../tensor/backend';
import { fusedFile } from '../tensor/link/kernels';
import { findLink } from '../tensor/link/state';
import { hasNvidia } from '../tensor/link/tools';

export interface Arithmetic {
  backend: BackendName;
  /** what the worker asks the backend for; `any` only where nobody can know before it starts */
  device: DeviceRequest;
  /** enters the identity: results of one class are alike */
  class: string;
  /** it will use a GPU, of which a machine has few */
  gpu: boolean;
}

/**
 * The arithmetic for a request of backend, device and kernels. Quick; loads no library.
 * @throws UserError (exit code 3) when the backend is not there, cannot use the device or lacks fused kernels
 */
export function chooseArithmetic(
  backend: BackendRequest['name'],
  device: DeviceRequest,
  kernels: RunSpec['kernels'] = 'plain',
): Arithmetic {
  const { name } = chooseBackend({ name: backend, device });
  switch (name) {
    case 'tensorflow': {
      const link = findLink();
      const gpu = device === 'gpu' || (device === 'any' && link?.checked.gpu === true && hasNvidia());
      // refused now and not computed otherwise: the identity says fused
      if (kernels === 'fused' && !gpu && link !== null) fusedFile(link);
      return { backend: name, device: gpu ? 'gpu' : 'cpu', class: gpu ? 'tensorflow-gpu' : 'tensorflow-cpu', gpu };
    }
    case 'webgpu':
      return { backend: name, device, class: 'webgpu', gpu: true };
    case 'wasm':
    case 'cpu':
      return { backend: name, device: 'cpu', class: name, gpu: false };
  }
}

/** What this machine lacks for an arithmetic, as far as is known before a library is loaded; null for nothing. */
export function lackingHere({ backend, gpu }: Arithmetic): string | null {
  if (backend !== 'tensorflow' || !gpu) return null;
  const link = findLink();
  if (link !== null && !link.cuda) return 'the linked TensorFlow was built without CUDA';
  if (!hasNvidia()) return 'there is no NVIDIA GPU';
  return null;
}
