/** What the driver says to an engine's process and what it hears: one line of JSON each, in turn. */
import type { BackendName } from '../src/tensor/backend';
import type { Kernels } from '../src/tensor/kernels';
import type { Precision } from '../src/tensor/precision';
import type { BenchConfigName } from './model';

/** Questions of the fixed probe. */
export const probeSize = 12;

/**
 * plain: a training step; kappaBatch, kappaProbe: one that also measures kappa; regularised: one with the regulariser.
 */
export const stepKinds = ['plain', 'kappaBatch', 'kappaProbe', 'regularised'] as const;
export type StepKind = (typeof stepKinds)[number];

/** How PyTorch computes: on the processor, or with `gpu` on CUDA, there also under autocast. */
export type TorchMode = 'torch-eager' | 'torch-compile' | 'torch-gpu' | 'torch-gpu-bfloat16';

export const isTorch = (backend: BackendName | TorchMode): backend is TorchMode => backend.startsWith('torch-');

export type Command =
  /** loads the library; afterwards the process has its idle size */
  | { do: 'start'; backend: BackendName | TorchMode; threads: number }
  /** makes the model and what the kinds of step need */
  | {
      do: 'open';
      config: BenchConfigName;
      batch: number;
      kinds: StepKind[];
      eager: boolean;
      /** left out, the plain ones */
      kernels?: Kernels;
      /** left out: float32 */
      precision?: Precision;
      rate: number;
    }
  | { do: 'steps'; kind: StepKind; steps: number }
  /** products of two 1024 x 1024 matrices */
  | { do: 'matmul'; repeats: number }
  | { do: 'memory' };

export type Reply =
  | {
      did: 'start';
      engine: string;
      device: string;
      threads: number;
      versions: Record<string, string>;
      tensorflow?: string | null;
    }
  | { did: 'open'; parameters: number; openMs: number; notice: string | null }
  | {
      did: 'steps';
      /** wall time of each step */
      ms: number[];
      /** processor time a step, all threads */
      cpuMs: number;
      /** of the last step */
      loss: number;
      kappa: number | null;
    }
  | { did: 'matmul'; gflops: number }
  | {
      did: 'memory';
      /** bytes now and at the highest */
      rss: number;
      peak: number;
    }
  | { did: 'failed'; message: string };
