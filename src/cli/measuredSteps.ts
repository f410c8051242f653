/** `equipoise resources MODEL --measure`: steps of one model with random weights, in a process of their own. */
import type { Family } from '../models/published/family';
import type { Checkpointing } from '../models/tuningKinds';
import { exitCode, userError } from '../problems';
import { readResources } from '../runner/resources';
import { useBackend, type BackendRequest } from '../tensor/backend';
import type { Kernels } from '../tensor/kernels';
import type { Precision } from '../tensor/precision';
import {
  measureFamilyStep,
  predictedSeconds,
  processorClock,
  wallClock,
  type MeasuredStep,
  type StepSize,
} from '../train/familyResources';
import type { ResourceNeeds } from '../train/resources';
import { measuredBatch } from './measureApart';
import { gigabytes } from './needsTable';
import { note } from './text';

/** What the command was asked. */
export interface ResourcesOptions extends StepSize {
  tiles: number;
  precision: Precision;
  kernels: Kernels;
  backend: Exclude<BackendRequest['name'], 'auto'>;
  measure?: boolean;
  steps: number;
  threads?: number;
  processorTime?: boolean;
  checkpointing: Checkpointing;
  beyondMemory?: boolean;
  /** in the process that measures */
  here?: boolean;
  json?: boolean;
}

/** A model and what a step of it needs. */
export interface PlannedStep {
  name: string;
  family: Family;
  items: number;
  /** what its configuration does not state, by place */
  defaults: Record<string, unknown>;
  needs: ResourceNeeds;
}

/** Predicted over measured: the median of the steps. */
function timeRatio(needs: ResourceNeeds, { steps }: MeasuredStep): number {
  const ratios = steps.map(({ seconds, speed }) => predictedSeconds(needs.step, speed) / seconds).sort((a, b) => a - b);
  return ratios[ratios.length >> 1]!;
}

/** A step with its times beside the prediction. */
export type Measurement = MeasuredStep & { timeRatio: number; memoryRatio: number; threads: number };

/**
 * Measures the one model, in a process of its own unless this is that. Throws UserError for more than one model, and for
 * more memory than is free.
 */
export async function measure(
  planned: readonly PlannedStep[],
  models: readonly string[],
  size: StepSize,
  options: ResourcesOptions,
): Promise<Measurement> {
  const [one, ...more] = planned;
  if (one === undefined || more.length > 0)
    throw userError({ where: '--measure', what: `${planned.length} models`, expected: 'one' });
  if (options.here === true) return await measureHere(one, size, options);
  const { memory } = readResources(false);
  if (memory < one.needs.memory.total && options.beyondMemory !== true)
    throw userError(
      {
        where: one.name,
        what: `a step is predicted to need ${gigabytes(one.needs.memory.total)}, and ${gigabytes(memory)} are free`,
        expected: 'more memory, or a smaller --batch',
        hint: '--beyond-memory tries it all the same, and finds the largest batch that fits',
      },
      exitCode.unavailable,
    );
  const { measured } = await measuredBatch<{ measured: Measurement }>(
    one.name,
    size.batch,
    (batch) => ['resources', models[0]!, ...argumentsOf({ ...size, batch }, options)],
    options.checkpointing === 'layers',
  );
  return measured;
}

/** What the measuring process is asked. */
const argumentsOf = ({ batch, text, labels }: StepSize, options: ResourcesOptions): string[] => [
  ...['--measure', '--here', '--json'],
  ...Object.entries({
    batch,
    text,
    labels,
    tiles: options.tiles,
    checkpointing: options.checkpointing,
    backend: options.backend,
    precision: options.precision,
    kernels: options.kernels,
    steps: options.steps,
    ...(options.threads === undefined ? {} : { threads: options.threads }),
  }).flatMap(([name, value]) => [`--${name}`, String(value)]),
  ...(options.processorTime === true ? ['--processor-time'] : []),
];

async function measureHere(one: PlannedStep, size: StepSize, options: ResourcesOptions): Promise<Measurement> {
  const facts = await useBackend({
    name: options.backend,
    ...(options.threads === undefined ? {} : { threads: options.threads }),
  });
  note(`measuring ${one.name}, batch ${size.batch}, on ${facts.name}, ${facts.threads} threads`);
  const taken = await measureFamilyStep(
    one.family,
    size,
    options.steps,
    options.processorTime === true ? processorClock(facts.threads) : wallClock,
    {
      items: one.items,
      precision: options.precision,
      checkpointing: options.checkpointing,
      kernels: options.kernels,
    },
  );
  if (taken.notice !== null) note(`notice: ${taken.notice}`);
  return {
    ...taken,
    timeRatio: timeRatio(one.needs, taken),
    memoryRatio: one.needs.memory.total / taken.peakBytes,
    threads: facts.threads,
  };
}
