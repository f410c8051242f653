/**
 * Loads the linked TensorFlow as a TensorFlow.js backend without the main module of @tensorflow/tfjs-node-gpu, which
 * insists on an addon inside node_modules: registers the package's kernels and gives its backend class our addon.
 */
import * as tf from '@tensorflow/tfjs-core';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { exitCode, userError } from '../../problems';
import { registerTensorflowKernels } from '../tensorflowKernels';
import { addonPackageFolder, findLink, linkCommand, type FoundLink } from './state';
import { hasNvidia } from './tools';

/** One op attribute as the addon takes it. */
export interface OpAttribute {
  name: string;
  type: number;
  value: unknown;
}
/** One output as the addon returns it: `id` names the tensor inside the addon, `dtype` is TensorFlow's number. */
interface AddonTensor {
  id: number;
  shape: number[];
  dtype: number;
}

/** The addon's functions and constants that this project uses (binding/tfjs_binding.cc of the package). */
export interface AddonBinding {
  readonly TF_Version: string;
  readonly TF_FLOAT: number;
  readonly TF_INT32: number;
  readonly TF_INT64: number;
  readonly TF_BOOL: number;
  readonly TF_STRING: number;
  readonly TF_RESOURCE: number;
  readonly TF_ATTR_STRING: number;
  readonly TF_ATTR_INT: number;
  readonly TF_ATTR_FLOAT: number;
  readonly TF_ATTR_BOOL: number;
  readonly TF_ATTR_TYPE: number;
  readonly TF_ATTR_SHAPE: number;
  createTensor(shape: number[], dtype: number, values: unknown): number;
  deleteTensor(id: number): void;
  tensorDataSync(id: number): Float32Array | Int32Array | Uint8Array;
  executeOp(name: string, attributes: OpAttribute[], inputs: number[], outputs: number): AddonTensor[];
  loadSavedModel(folder: string, tags: string[]): number;
  deleteSavedModel(id: number): void;
  runSavedModel(id: number, inputs: number[], inputNames: string, outputNames: string): AddonTensor[];
  getNumOfSavedModels(): number;
  getNumOfTensors(): number;
  isUsingGpuDevice(): boolean;
}

/** What the backend knows of one tensor: `id` in the addon, or `values` that are still on the JavaScript side. */
interface BackendTensor {
  id: number;
  shape: number[];
  dtype: number;
  values: Float32Array | Int32Array | Uint8Array | null;
  refCount: number;
}

/** The package's NodeJSKernelBackend with the members that the recorder reads and replaces. */
export interface NativeBackend extends tf.KernelBackend {
  binding: AddonBinding;
  isUsingGpuDevice: boolean;
  tensorMap: { get(id: object): BackendTensor; has(id: object): boolean; set(id: object, value: BackendTensor): void };
}

/** A backend that has been loaded in this process, with the link it came from and the threads it was started with. */
interface LoadedTensorFlow {
  backend: NativeBackend;
  link: FoundLink;
  threads: number;
  device: 'cpu' | 'any';
}

let loaded: LoadedTensorFlow | null = null;

/** The TensorFlow of this process, or null before the first load. */
export function loadedTensorFlow(): LoadedTensorFlow | null {
  return loaded;
}

/**
 * Loads TensorFlow with `threads` threads and registers it as backend `tensorflow`; later calls return the same.
 * TensorFlow reads its environment once, so another number of threads, or another device, in one process is an error.
 * @throws UserError (exit code 3) when nothing is linked, the library does not load, or its settings can no longer
 * change
 */
export async function loadTensorFlow(threads: number, device: 'cpu' | 'any'): Promise<LoadedTensorFlow> {
  if (loaded !== null) {
    if (loaded.threads === threads && loaded.device === device) return loaded;
    throw userError(
      {
        where: 'backend tensorflow',
        what: `already runs with ${loaded.threads} threads on device ${loaded.device}`,
        expected: 'one setting per process',
        hint: 'start another process',
      },
      exitCode.unavailable,
    );
  }
  const link = findLink();
  if (link === null) throw notLinked();
  setEnvironment(threads, device, link);
  shimNode();
  const binding = loadAddon(link.addonFile);
  await import('@tensorflow/tfjs-node-gpu/dist/register_all_kernels.js');
  registerTensorflowKernels();
  const { NodeJSKernelBackend } =
    (await import('@tensorflow/tfjs-node-gpu/dist/nodejs_kernel_backend.js')) as unknown as {
      NodeJSKernelBackend: new (binding: AddonBinding, packageName: string) => NativeBackend;
    };
  const backend = new NodeJSKernelBackend(binding, '@tensorflow/tfjs-node-gpu');
  if (!(backend instanceof tf.KernelBackend)) {
    throw userError(
      { where: 'node_modules', what: 'holds two copies of @tensorflow/tfjs-core', expected: 'one', hint: 'npm ci' },
      exitCode.unavailable,
    );
  }
  tf.registerBackend('tensorflow', () => backend, 3);
  loaded = { backend, link, threads, device };
  return loaded;
}

/** The error for a missing link. */
export function notLinked(): Error {
  const missing = addonPackageFolder() === null;
  return userError(
    {
      where: 'backend tensorflow',
      what: missing ? '@tensorflow/tfjs-node-gpu is not installed' : 'TensorFlow is not linked on this machine',
      hint: missing ? 'run: npm ci' : `run: ${linkCommand}`,
    },
    exitCode.unavailable,
  );
}

/**
 * What TensorFlow may write on standard error: errors, or nothing but the cause of a crash where a library that was
 * built for GPUs is to use none, since it calls their absence an error. What fails is thrown in any case.
 */
export const logLevel = ({ cuda }: Pick<FoundLink, 'cuda'>, device: 'cpu' | 'any', driver: boolean): '2' | '3' =>
  cuda && (device === 'cpu' || !driver) ? '3' : '2';

/**
 * TensorFlow reads these once, when the library starts. Values that the user has set are kept, except the number of
 * threads.
 */
function setEnvironment(threads: number, device: 'cpu' | 'any', link: FoundLink): void {
  process.env['TF_NUM_INTRAOP_THREADS'] = String(threads);
  process.env['TF_NUM_INTEROP_THREADS'] = String(threads);
  process.env['TF_CPP_MIN_LOG_LEVEL'] ??= logLevel(link, device, hasNvidia());
  // without this one process takes all memory of a GPU, and a sweep could not put two runs on one
  process.env['TF_FORCE_GPU_ALLOW_GROWTH'] ??= 'true';
  // a run is a function of its identity: refuse kernels whose sums depend on the order of GPU threads
  process.env['TF_DETERMINISTIC_OPS'] ??= '1';
  if (device === 'cpu') process.env['CUDA_VISIBLE_DEVICES'] = '-1';
}

/**
 * tfjs-node 4.22 calls two functions of `util` that Node 23 removed; its compiled modules look them up at each call.
 */
function shimNode(): void {
  const util = createRequire(__filename)('node:util') as {
    isNullOrUndefined?: (value: unknown) => boolean;
    isArray?: (value: unknown) => boolean;
  };
  util.isNullOrUndefined ??= (value) => value === null || value === undefined;
  util.isArray ??= Array.isArray;
}

/** Loads an addon file; the message of the dynamic linker is given whole, since it names the missing library. */
function loadAddon(file: string): AddonBinding {
  try {
    return createRequire(__filename)(file) as AddonBinding;
  } catch (error) {
    throw userError(
      {
        where: 'backend tensorflow',
        what: `the linked library in ${join(file, '..', '..', '..')} does not load: ${firstLine(error)}`,
        hint: `run: ${linkCommand}`,
      },
      exitCode.unavailable,
    );
  }
}

function firstLine(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).split('\n')[0] ?? '';
}
