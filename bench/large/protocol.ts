/** What the driver says to an engine's process and what it hears: one line of JSON each, in turn. */
import type { Checkpointing } from '../../src/models/tuningKinds';
import type { Kernels } from '../../src/tensor/kernels';
import type { Precision } from '../../src/tensor/precision';

/** plain: a training step; kappa: one that measures kappa on its batch; regularised: one with the regulariser. */
export const largeKinds = ['plain', 'kappa', 'regularised'] as const;
export type LargeKind = (typeof largeKinds)[number];

export type LargeCommand =
  /** loads the library */
  | { do: 'start'; threads: number }
  /** makes what the product keeps of a checkpoint, so that no measured process has to */
  | { do: 'prepare'; folder: string; precision: Precision }
  /** reads the checkpoint and makes what this kind of step needs */
  | {
      do: 'open';
      folder: string;
      batch: number;
      precision: Precision;
      kernels: Kernels;
      checkpointing: Checkpointing;
      kind: LargeKind;
    }
  | { do: 'steps'; steps: number }
  /** products of two 1024 x 1024 matrices in the precision of the opened model */
  | { do: 'matmul'; repeats: number };

export type LargeReply =
  | { did: 'start'; versions: Record<string, string> }
  | { did: 'prepare' }
  | { did: 'open'; notice: string | null }
  | {
      did: 'steps';
      /** wall time of each step, and its loss */
      ms: number[];
      loss: number[];
    }
  | { did: 'matmul'; gflops: number }
  | { did: 'failed'; message: string };
