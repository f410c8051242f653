/**
 * Which arithmetic a run will use, decided before it starts: it is part of the run's identity, so a worker may not find
 * out later.
 */
import type { DeviceRequest, RunSpec } from '../manifest/run';
import { exitCode, userError } from '../problems';
import { chooseBackend, type BackendName, type BackendRequest } from '../tensor/backend';
import { fusedFile, fusedVersion } from '../tensor/link/kernels';
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
  /** threads of one run, where they are several: sums depend on their number, so it is part of the class */
  threads?: number;
}

/**
/** What is asked of an arithmetic. */
export interface ArithmeticRequest {
  backend: BackendRequest['name'];
  device: DeviceRequest;
  /** of one run; left out: one */
  threads?: number;
  /** left out: the plain ones */
  kernels?: RunSpec['kernels'];
}

/**
 * The arithmetic for a request. Quick; loads no library.
 * @throws UserError (exit code 3) when the backend is not there, cannot use the device, has one thread only or lacks
 * fused kernels
 */
export function chooseArithmetic({ backend, device, threads = 1, kernels = 'plain' }: ArithmeticRequest): Arithmetic {
  const { name } = chooseBackend({ name: backend, device });
  if (threads > 1 && name !== 'tensorflow')
    throw userError(
      { where: `backend ${name}`, what: `${threads} threads were asked for, it uses one`, expected: '--threads 1' },
      exitCode.unavailable,
    );
  switch (name) {
    case 'tensorflow': {
      const link = findLink();
      const gpu = device === 'gpu' || (device === 'any' && link?.checked.gpu === true && hasNvidia());
      // refused now and not computed otherwise: the identity says fused
      const fused = kernels === 'fused' && !gpu;
      if (fused && link !== null) fusedFile(link);
      const found = {
        backend: name,
        device: gpu ? 'gpu' : 'cpu',
        class: `${gpu ? 'tensorflow-gpu' : 'tensorflow-cpu'}${fused ? `-fused-${fusedVersion}` : ''}`,
        gpu,
      } as const;
      return threads === 1 ? found : { ...found, class: `${found.class}-${threads}-threads`, threads };
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
