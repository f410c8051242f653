/**
 * What one call of the benchmark writes: bench/results/<machine class>.json. A record of a measurement, so it may hold
 * a date.
 */
import { cpus, totalmem } from 'node:os';
import type { BenchConfigName } from './model';
import type { EngineName } from './engines';
import type { StepKind } from './protocol';

/** What was measured of one engine at one size. */
export interface EngineResult {
  device: string;
  threads: number;
  versions: Record<string, string>;
  /** something the engine wants a person to know, e.g. why steps were not recorded */
  notice: string | null;
  /** ms to make ready what a run needs; for `recorded` recording, loading and setting the state */
  openMs: number;
  /** wall time of every measured step, ms */
  ms: Partial<Record<StepKind, number[]>>;
  /** GFLOP/s of 1024 x 1024 products, once a round */
  gflops: number[];
  /** bytes of a process of its own that only trains: after loading the library, and at the highest */
  memory: { idle: number; peak: number };
  /** loss after the last step of each kind: shows that something was learned */
  loss: Partial<Record<StepKind, number>>;
}
export type EngineOutcome =
  | ({ ok: true } & EngineResult)
  | {
      ok: false;
      /** why there is no number */
      reason: string;
    };

/**
 * Two single-threaded processes against one two-threaded, in turn; wall ms for the same number of steps in each
 * process.
 */
export interface PairResult {
  steps: number;
  alone: number[];
  together: number[];
}

export interface SizeResult {
  config: BenchConfigName;
  batch: number;
  parameters: number | null;
  /** in matrix products of one training step */
  flops: number;
  /** positions of one batch: patches and text */
  tokens: number;
  engines: Partial<Record<EngineName, EngineOutcome>>;
  pair: PairResult | { reason: string };
}

export interface Machine {
  cpu: string;
  cores: number;
  memoryGiB: number;
  platform: string;
  gpu: string | null;
}

export interface BenchRecord {
  format: 'equipoise-bench/1';
  date: string;
  machine: Machine;
  node: string;
  threads: number;
  rounds: number;
  sizes: SizeResult[];
}

export function thisMachine(gpu: string | null): Machine {
  const model = cpus()[0]?.model.trim() ?? 'unknown processor';
  return {
    cpu: model,
    cores: cpus().length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    platform: `${process.platform} ${process.arch}`,
    gpu,
  };
}

/** A file name for machines like this one: `intel-xeon-processor-2-cores`. */
export function machineClass(machine: Pick<Machine, 'cpu' | 'cores' | 'gpu'>): string {
  const words = (text: string) =>
    text
      .toLowerCase()
      .replace(/\((r|tm)\)/g, '')
      .replace(/[^a-z0-9]+/g, '-')
      .replace(/^-|-$/g, '');
  return [words(machine.cpu), `${machine.cores}-cores`, ...(machine.gpu === null ? [] : [words(machine.gpu)])].join(
    '-',
  );
}
