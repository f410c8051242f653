/**
 * The resolved description of one run: everything that decides what is trained and how, as plain data.
 * A manifest expands to a list of these (expand.ts); the identity of a run is a hash over one of them (identity.ts).
 * Options that a manifest leaves out take their defaults (defaults.ts) and stay out of the identity, so that a new
 * option with a default leaves finished runs valid. Here every option with a default has a value: an optional field is
 * one that a run may lack. The specs of parts are derived from the tables in which the parts state themselves.
 */

import type { MeasureSpec } from '../balance/measureKinds';
import type { RegulariserSpec } from '../balance/regularisers';
import type { SchedulerSpec } from '../balance/schedulers';
import type { ConnectorSpec } from '../models/zoo/connectors';
import type { Checkpointing, ModelTuning } from '../models/tuningKinds';
import type { ModuleName } from '../modules';
import type { DeviceRequest } from '../tensor/backend';
import type { Kernels } from '../tensor/kernels';
import type { OptimiserSpec } from '../tensor/optimiserKinds';
import type { Precision } from '../tensor/precision';

export type { MeasureSpec } from '../balance/measureKinds';
export type { RegulariserSpec } from '../balance/regularisers';
export type { SchedulerSpec } from '../balance/schedulers';
export type { ConnectorSpec } from '../models/zoo/connectors';
export type { TuningSpec } from '../models/tuningKinds';
export type { ModuleName, PerModule } from '../modules';
export type { DeviceRequest } from '../tensor/backend';
export type { OptimiserSpec } from '../tensor/optimiserKinds';
export type { Precision } from '../tensor/precision';

/** A length, as exactly one of optimiser steps, passes over the training split, or training examples. */
export type Duration = { steps: number } | { epochs: number } | { examples: number };

/**
 * Alignment phase: only the encoder is trained on captions (vision) or contained classes (audio), once per seed, shared
 * by all methods.
 */
export type AlignSpec = { steps: number; learningRate: number; batch: number };

export type EvaluateSpec = {
  /** steps between evaluations on the validation slice; 0: only at the end */
  every: number;
  /** at most this many questions of the evaluation split; 0: all */
  limit: number;
  /** at most this many questions of the validation slice at each intermediate evaluation */
  validation: number;
  /** other tasks of the same modality, evaluated once at the end without having trained on them */
  transfer?: string[];
};

/**
 * Base rates of the modules, and of the encoder's parts where they have rates of their own: else a part has that of the
 * module to which it counts.
 */
export interface LearningRates {
  encoder: number;
  tower?: number;
  connector?: number;
  backbone: number;
}

export interface RunSpec {
  task: string;
  /** wordings of the instructions in training: the set's own, or several by seeded choice (src/data/instructions.ts) */
  instructions: 'one' | 'several';
  /** a published checkpoint, in place of encoder, connector and backbone, which then bear its name */
  checkpoint?: string;
  /** most tiles into which an image is cut, a thumbnail of it beside them; 1: it is seen whole */
  tiles: number;
  encoder: string;
  connector: ConnectorSpec;
  connectorSide: ModuleName;
  backbone: string;
  /** over which words logits are taken: the backbone's, or only those that the texts of the task use */
  vocabulary: 'task' | 'whole';
  /** which parameters of each part are trained */
  tuning: ModelTuning;
  /** what a training step keeps of its forward pass: all of it, or of each layer of tower and backbone its input */
  checkpointing: Checkpointing;
  scheduler: SchedulerSpec;
  regulariser: RegulariserSpec;
  learningRate: LearningRates;
  optimiser: OptimiserSpec;
  /** of frozen matrices and of the products of the training pass; all else is float32 */
  precision: Precision;
  align: AlignSpec;
  duration: Duration;
  /** examples in a batch */
  batch: number;
  /** parts of a batch whose gradients are taken one after the other and added up; divides it */
  accumulate: number;
  /** steps of linear warm-up from 0, on top of the scheduler */
  warmup: number;
  measure: MeasureSpec;
  evaluate: EvaluateSpec;
  /** operations of TensorFlow alone, or fused ones of our own where the backend has them */
  kernels: Kernels;
  device: DeviceRequest;
  seed: number;
}
