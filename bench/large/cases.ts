/** What is measured at the paper's sizes, and by which engines. */
import type { Checkpointing } from '../../src/models/tuningKinds';
import type { Kernels } from '../../src/tensor/kernels';
import type { Precision } from '../../src/tensor/precision';
import type { LargeKind } from './protocol';
import type { LargeSizeName } from './sizes';

export interface LargeEngine {
  title: string;
  language: 'typescript' | 'python';
  precision: Precision;
  kernels: Kernels;
}

/** By name. PyTorch is measured in its best mode on a processor alone: frozen weights in bfloat16. */
export const largeEngines = {
  bfloat16: { title: 'Equipoise, bfloat16, fused', language: 'typescript', precision: 'bfloat16', kernels: 'fused' },
  'bfloat16-plain': { title: 'Equipoise, bfloat16', language: 'typescript', precision: 'bfloat16', kernels: 'plain' },
  float32: { title: 'Equipoise, float32, fused', language: 'typescript', precision: 'float32', kernels: 'fused' },
  'float32-plain': { title: 'Equipoise, float32', language: 'typescript', precision: 'float32', kernels: 'plain' },
  torch: { title: 'PyTorch + PEFT, bfloat16', language: 'python', precision: 'bfloat16', kernels: 'plain' },
} as const satisfies Record<string, LargeEngine>;
export type LargeEngineName = keyof typeof largeEngines;

export interface LargeCase {
  size: LargeSizeName;
  batch: number;
  checkpointing: Checkpointing;
  engines: readonly LargeEngineName[];
  /** kinds of step beside the plain one, of the two engines that have fused kernels */
  kinds: readonly Exclude<LargeKind, 'plain'>[];
  /** two processes on one checkpoint, too */
  pair: boolean;
  /** largest ratios to PyTorch that are wanted */
  wanted: { time: number; memory: number };
}

const wanted = { time: 0.85, memory: 1.1 };

export const largeCases: readonly LargeCase[] = [
  {
    size: '135m',
    batch: 1,
    checkpointing: 'none',
    engines: ['bfloat16', 'torch', 'bfloat16-plain', 'float32', 'float32-plain'],
    kinds: ['kappa', 'regularised'],
    pair: true,
    wanted,
  },
  {
    size: '135m',
    batch: 8,
    checkpointing: 'none',
    engines: ['bfloat16', 'torch', 'float32'],
    kinds: ['kappa'],
    pair: false,
    wanted,
  },
  {
    size: '1.1b',
    batch: 1,
    checkpointing: 'none',
    engines: ['bfloat16', 'torch', 'bfloat16-plain', 'float32'],
    kinds: ['kappa'],
    pair: true,
    wanted,
  },
  {
    size: '1.1b',
    batch: 1,
    checkpointing: 'layers',
    engines: ['bfloat16', 'torch'],
    kinds: [],
    pair: false,
    wanted,
  },
  {
    size: '6.7b',
    batch: 1,
    checkpointing: 'layers',
    engines: ['bfloat16', 'torch'],
    kinds: ['kappa'],
    pair: false,
    wanted: { time: 1.1, memory: 1.1 },
  },
];

/** The most memory of two processes on one checkpoint over that of one. */
export const wantedPair = 1.2;
/** The most that a step with kappa or the regulariser may cost over its floor. */
export const wantedFloor = 1.15;
/** How far a prediction of memory may be from what was measured. */
export const wantedPrediction = 0.2;
