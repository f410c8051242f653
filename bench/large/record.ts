/** What the benchmark at the paper's sizes writes: bench/results/<machine class>.large.json. */
import type { Checkpointing } from '../../src/models/tuningKinds';
import type { Machine } from '../record';
import type { LargeEngineName } from './cases';
import type { ProcessMemory } from './memory';
import type { LargePlan } from './model';
import type { LargeKind } from './protocol';
import type { LargeSizeName } from './sizes';

/** What was measured of one engine. */
export interface LargeResult {
  versions: Record<string, string>;
  /** something the engine wants a person to know, e.g. why steps were not recorded */
  notice: string | null;
  /** from the start of its process to the end of its first step */
  openSeconds: number;
  /** wall time of every measured step, ms */
  ms: Partial<Record<LargeKind, number[]>>;
  /** GFLOP/s of 1024 x 1024 products in its precision, once a round */
  gflops: number[];
  /** of the first steps, before each update */
  loss: number[];
  /**
   * of the process of each kind after its first steps, `anonymous` the most until then; none on a system that does not
   * tell
   */
  memory: Partial<Record<LargeKind, ProcessMemory>>;
}
export type LargeOutcome =
  | ({ ok: true } & LargeResult)
  | {
      ok: false;
      /** why there is no number */
      reason: string;
    };

/** Memory of one process on a checkpoint, and of two on the same, pages that they share counted once; bytes. */
export interface LargePair {
  one: number;
  both: number;
}

export interface LargeCaseResult {
  size: LargeSizeName;
  batch: number;
  checkpointing: Checkpointing;
  date: string;
  threads: number;
  rounds: number;
  /** as the product predicts it, for each engine of the product that was measured */
  plan: Partial<Record<LargeEngineName, LargePlan>>;
  engines: Partial<Record<LargeEngineName, LargeOutcome>>;
  /** null: not asked for */
  pair: LargePair | { reason: string } | null;
}

/**
 * The plan of what an engine computes: PyTorch is taken to do what the product does in bfloat16 with fused kernels, which
 * every case with PyTorch has.
 */
export const planFor = ({ plan }: Pick<LargeCaseResult, 'plan'>, name: LargeEngineName): LargePlan =>
  plan[name === 'torch' ? 'bfloat16' : name]!;

export interface LargeRecord {
  format: 'equipoise-bench-large/2';
  machine: Machine;
  node: string;
  cases: LargeCaseResult[];
}

const keyOf = ({ size, batch, checkpointing }: Pick<LargeCaseResult, 'size' | 'batch' | 'checkpointing'>): string =>
  `${size} ${batch} ${checkpointing}`;

/** The cases of an older record of this machine that were not measured anew, and those that were, in the given order. */
export function merged(
  older: LargeRecord | null,
  newer: LargeRecord,
  order: readonly Pick<LargeCaseResult, 'size' | 'batch' | 'checkpointing'>[],
): LargeRecord {
  const all = new Map([...(older?.cases ?? []), ...newer.cases].map((each) => [keyOf(each), each]));
  return {
    ...newer,
    cases: order.flatMap((each) => {
      const found = all.get(keyOf(each));
      return found === undefined ? [] : [found];
    }),
  };
}
