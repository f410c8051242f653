/**
 * Which library does the arithmetic. One backend is active at a time on the one shared tfjs-core; what was asked for is
 * given or refused with the command that mends it, never replaced by something else.
 */
import * as tf from '@tensorflow/tfjs-core';
import { availableParallelism } from 'node:os';
import { commandText } from '../files';
import { installLine } from '../optional';
import { exitCode, userError } from '../problems';
import { whyNoGpu } from './link/cuda';
import { addonPackageVersion, findLink, linkCommand } from './link/state';
import { loadTensorFlow, loadedTensorFlow, notLinked, type AddonBinding, type NativeBackend } from './link/load';
import { registerWasm } from './wasm';
import { registerWebgpu, webgpuPackages } from './webgpu';

/** Which arithmetic a run asks for. `any` takes a GPU when there is one and says so in run.json. */
export type DeviceRequest = 'cpu' | 'gpu' | 'any';

export type BackendName = 'tensorflow' | 'wasm' | 'webgpu' | 'cpu';

export interface BackendRequest {
  name: BackendName | 'auto';
  /** threads of one run; default: all processors. wasm and cpu always use one */
  threads?: number;
  /** default `any`: a GPU when the backend has one */
  device?: DeviceRequest;
}

/** What really runs, for run.json. */
export interface BackendFacts {
  name: BackendName;
  /** `cpu`, `gpu`, or the adapter's description */
  device: string;
  threads: number;
  gpu: boolean;
  /** version of the TensorFlow library, null on other backends */
  tensorflow: string | null;
  versions: Record<string, string>;
  /** sentences a person should see, e.g. a number of threads that the backend cannot use */
  notices: string[];
}

interface BackendAvailability {
  name: BackendName;
  available: boolean;
  /** what it would run on, or what is missing */
  reason: string;
  /** the command that makes it available */
  hint?: string;
}

/** All backends and whether they can be used here. Reads files only: no library is loaded. */
export function availableBackends(): BackendAvailability[] {
  const link = findLink();
  return [
    link !== null
      ? {
          name: 'tensorflow',
          available: true,
          reason: `TensorFlow ${link.tensorflow}${link.cuda ? ' (CUDA)' : ''}, linked`,
        }
      : {
          name: 'tensorflow',
          available: false,
          reason:
            addonPackageVersion() === null
              ? '@tensorflow/tfjs-node-gpu is not installed'
              : 'not linked on this machine',
          hint: addonPackageVersion() === null ? 'npm ci' : linkCommand,
        },
    packageAvailability('wasm', '@tensorflow/tfjs-backend-wasm', 'one thread, SIMD'),
    packageAvailability(
      'webgpu',
      'webgpu',
      'through Dawn; whether there is an adapter shows when it starts',
      installLine(webgpuPackages),
    ),
    packageAvailability('cpu', '@tensorflow/tfjs-backend-cpu', 'plain JavaScript, the reference for tests'),
  ];
}

function packageAvailability(
  name: BackendName,
  packageName: string,
  reason: string,
  hint = 'npm ci',
): BackendAvailability {
  try {
    require.resolve(packageName);
    return { name, available: true, reason };
  } catch {
    return { name, available: false, reason: `${packageName} is not installed`, hint };
  }
}

/**
 * The backend a request means: `auto` is tensorflow when it is linked, else wasm. Quick; loads nothing.
 * @throws UserError (exit code 3) when the named backend is not there, or a GPU is asked of one that has none
 */
export function chooseBackend(request: BackendRequest): { name: BackendName; reason: string } {
  const all = availableBackends();
  const of = (name: BackendName) => all.find((entry) => entry.name === name)!;
  if (request.name === 'auto') {
    if (of('tensorflow').available) return { name: 'tensorflow', reason: of('tensorflow').reason };
    if (request.device === 'gpu') throw notLinked();
    return { name: 'wasm', reason: `tensorflow is ${of('tensorflow').reason} (${of('tensorflow').hint})` };
  }
  const chosen = of(request.name);
  if (!chosen.available)
    throw userError(
      { where: `backend ${chosen.name}`, what: chosen.reason, hint: `run: ${chosen.hint}` },
      exitCode.unavailable,
    );
  if (request.device === 'gpu' && (chosen.name === 'wasm' || chosen.name === 'cpu'))
    throw noGpu(chosen.name, 'it never uses one', 'ask for backend tensorflow or webgpu');
  if (request.device === 'cpu' && chosen.name === 'webgpu')
    throw userError(
      { where: 'backend webgpu', what: 'cannot run on the cpu', hint: 'ask for backend tensorflow, wasm or cpu' },
      exitCode.unavailable,
    );
  return { name: chosen.name, reason: chosen.reason };
}

/**
 * Registers and activates a backend; resolves when ops may run.
 * @throws UserError (exit code 3) when it is not available or a requested GPU is not used
 */
export async function useBackend(request: BackendRequest): Promise<BackendFacts> {
  const { name } = chooseBackend(request);
  const threads = request.threads ?? loadedTensorFlow()?.threads ?? availableParallelism();
  if (!Number.isInteger(threads) || threads < 1)
    throw userError({ where: 'threads', what: String(request.threads), expected: 'a whole number, at least 1' });
  await import('@tensorflow/tfjs'); // registers every gradient; tfjs-core's own bundle for Node holds none
  switch (name) {
    case 'tensorflow':
      return useTensorFlow(threads, request.device ?? 'any');
    case 'wasm': {
      await registerWasm();
      return activate('wasm', { device: 'cpu', gpu: false, threads: 1, notices: oneThread('wasm', request.threads) });
    }
    case 'webgpu': {
      const adapter = await registerWebgpu();
      if (request.device === 'gpu' && adapter.software)
        throw noGpu(
          'webgpu',
          `the only adapter is a software renderer (${adapter.description})`,
          'install a Vulkan driver of the GPU',
        );
      return activate('webgpu', {
        device: adapter.description,
        gpu: !adapter.software,
        threads: 1,
        notices: adapter.software ? [`webgpu runs on a software renderer: ${adapter.description}`] : [],
      });
    }
    case 'cpu': {
      tf.env().set('PROD', true); // else the backend prints advice to install tfjs-node
      await import('@tensorflow/tfjs-backend-cpu');
      return activate('cpu', { device: 'cpu', gpu: false, threads: 1, notices: oneThread('cpu', request.threads) });
    }
  }
}

/** The loaded TensorFlow backend and its addon binding, for the recorder, or null when another backend is active. */
export function tensorflowBinding(): { backend: NativeBackend; binding: AddonBinding } | null {
  const loaded = loadedTensorFlow();
  return loaded !== null && tf.getBackend() === 'tensorflow'
    ? { backend: loaded.backend, binding: loaded.backend.binding }
    : null;
}

/**
 * Whether the current backend maps files with values (tensorFile.ts): TensorFlow on a processor. On a GPU they would be
 * copied to the device anyway.
 */
export const mapsFiles = (): boolean => tensorflowBinding()?.backend.isUsingGpuDevice === false;

async function useTensorFlow(threads: number, device: DeviceRequest): Promise<BackendFacts> {
  // a process that keeps to the cpu already serves a request that leaves the device open
  const kept = device === 'any' ? loadedTensorFlow()?.device : undefined;
  const { backend, link } = await loadTensorFlow(threads, device === 'cpu' ? 'cpu' : (kept ?? 'any'));
  const gpu = backend.isUsingGpuDevice;
  if (device === 'gpu' && !gpu) {
    const { why, hint } = whyNoGpu(link);
    throw noGpu('tensorflow', why, hint);
  }
  return activate('tensorflow', {
    device: gpu ? 'gpu' : 'cpu',
    gpu,
    threads,
    notices: [],
    tensorflow: backend.binding.TF_Version,
  });
}

async function activate(
  name: BackendName,
  facts: Omit<BackendFacts, 'name' | 'versions' | 'tensorflow'> & { tensorflow?: string },
): Promise<BackendFacts> {
  let done = false;
  let cause = '';
  try {
    done = await tf.setBackend(name);
    await tf.ready();
  } catch (error) {
    cause = `: ${error instanceof Error ? error.message : String(error)}`;
  }
  if (!done || tf.getBackend() !== name)
    throw userError(
      { where: `backend ${name}`, what: `does not start${cause}`, hint: `run: ${commandText('doctor')}` },
      exitCode.unavailable,
    );
  const versions: Record<string, string> = { node: process.versions.node, tfjs: tf.version_core };
  if (name === 'tensorflow') versions['tfjs-node-gpu'] = addonPackageVersion() ?? 'unknown';
  return { name, ...facts, tensorflow: facts.tensorflow ?? null, versions };
}

function oneThread(name: BackendName, asked: number | undefined): string[] {
  return asked !== undefined && asked > 1 ? [`${name} uses one thread in Node; ${asked} were asked for`] : [];
}

function noGpu(name: BackendName, why: string, hint: string): Error {
  return userError(
    { where: `backend ${name}`, what: `a gpu was asked for and is not used: ${why}`, hint },
    exitCode.unavailable,
  );
}
