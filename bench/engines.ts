/** The engines of the benchmark of small models; each runs in a process of its own (engineProcess.ts). */
import type { Kernels } from '../src/tensor/kernels';
import type { Precision } from '../src/tensor/precision';
import { startProcess, type EngineProcess, type Language } from './engineProcess';
import type { Command, Reply } from './protocol';

export type EngineName =
  | 'recorded'
  | 'fused'
  | 'bfloat16'
  | 'eager'
  | 'wasm'
  | 'webgpu'
  | 'torch'
  | 'torch-compile'
  | 'webgpu-bfloat16'
  | 'torch-gpu'
  | 'torch-gpu-bfloat16';

export interface Engine {
  name: EngineName;
  title: string;
  backend: Extract<Command, { do: 'start' }>['backend'];
  eager: boolean;
  /** left out, the plain ones */
  kernels?: Kernels;
  /** of the training pass; left out: float32 */
  precision?: Precision;
  language: Language;
}

export const engines: readonly Engine[] = [
  { name: 'recorded', title: 'TensorFlow, recorded', backend: 'tensorflow', eager: false, language: 'typescript' },
  {
    name: 'fused',
    title: 'TensorFlow, recorded, fused',
    backend: 'tensorflow',
    eager: false,
    kernels: 'fused',
    language: 'typescript',
  },
  {
    name: 'bfloat16',
    title: 'TensorFlow, recorded, bfloat16',
    backend: 'tensorflow',
    eager: false,
    precision: 'bfloat16',
    language: 'typescript',
  },
  { name: 'torch', title: 'PyTorch, eager', backend: 'torch-eager', eager: true, language: 'python' },
  { name: 'eager', title: 'TensorFlow, op by op', backend: 'tensorflow', eager: true, language: 'typescript' },
  {
    name: 'torch-compile',
    title: 'PyTorch, torch.compile',
    backend: 'torch-compile',
    eager: false,
    language: 'python',
  },
  { name: 'wasm', title: 'wasm (one thread)', backend: 'wasm', eager: true, language: 'typescript' },
  { name: 'webgpu', title: 'WebGPU', backend: 'webgpu', eager: true, language: 'typescript' },
];

/** Engines that are measured when they are named alone (`--only`): they want a GPU (bench/gpu.sh). */
export const gpuEngines: readonly Engine[] = [
  {
    name: 'webgpu-bfloat16',
    title: 'WebGPU, bfloat16',
    backend: 'webgpu',
    eager: true,
    precision: 'bfloat16',
    language: 'typescript',
  },
  { name: 'torch-gpu', title: 'PyTorch, CUDA', backend: 'torch-gpu', eager: true, language: 'python' },
  {
    name: 'torch-gpu-bfloat16',
    title: 'PyTorch, CUDA, autocast',
    backend: 'torch-gpu-bfloat16',
    eager: true,
    language: 'python',
  },
];

/** A process that takes steps of a small model (protocol.ts). */
export type StepProcess = EngineProcess<Command, Reply>;

/** Starts the process of an engine; nothing is loaded yet. */
export const startEngine = ({ language }: Engine, threads: number): StepProcess =>
  startProcess(language, language === 'python' ? 'reference/step_torch.py' : 'worker.cjs', threads);
