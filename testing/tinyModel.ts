/** A toy multimodal model on random weights: small enough for every backend, with the real code paths. */
import { llamaWeights, type LlamaConfig } from '../src/models/parts/llama';
import type { Model } from '../src/models/build';
import type { Backbone } from '../src/models/zoo/backbones/backbone';
import { zooModel } from '../src/models/zoo/compose';
import type { Checkpointing } from '../src/models/tuningKinds';
import { random } from '../src/random';
import type { Precision } from '../src/tensor/precision';
import { both, type ModuleName } from '../src/modules';
import type { Setting } from '../src/train/programs';
import type { StepValues } from '../src/train/stepInputs';
import type { BatchArrays, BatchShape } from '../src/train/batches';
import { predictedAt } from '../src/models/sequence';
import {
  connectorOf,
  optimiserOf,
  regulariserOf,
  tuningOf,
  type GivenConnector,
  type GivenOptimiser,
  type GivenRegulariser,
  type GivenTuning,
} from './specs';

export const tinyConfig: LlamaConfig = {
  width: 16,
  hiddenWidth: 24,
  layers: 2,
  heads: 4,
  keyValueHeads: 2,
  vocabulary: 20,
  context: 32,
  normEpsilon: 1e-5,
  ropeBase: 10_000,
  tied: true,
};

export function tinyBackbone(config: LlamaConfig = tinyConfig): Backbone {
  const weights = Object.fromEntries(
    llamaWeights(config).map(({ name, shape }) => {
      const source = random(7, name);
      const data = Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () =>
        shape.length === 1 ? 1 + 0.1 * source.normal() : source.normal() / Math.sqrt(shape[1]!),
      );
      return [name, { shape, data }];
    }),
  );
  return { config, weights, head: [1] };
}

export interface TinyOptions {
  connector?: GivenConnector;
  connectorSide?: ModuleName;
  encoder?: 'scale-shift';
  tuning?: GivenTuning;
  regulariser?: GivenRegulariser;
  config?: LlamaConfig;
  optimiser?: GivenOptimiser;
  precision?: Precision;
  checkpointing?: Checkpointing;
  accumulate?: number;
}

export function tinySetting(options: TinyOptions = {}): Setting & { model: Model } {
  const config = options.config ?? tinyConfig;
  const model = zooModel(
    {
      connector: connectorOf(options.connector ?? { kind: 'mlp', tokens: 2, width: 12 }),
      connectorSide: options.connectorSide ?? 'encoder',
      ...(options.precision === undefined ? {} : { precision: options.precision }),
      checkpointing: options.checkpointing ?? 'none',
      tuning: {
        ...(options.encoder === undefined ? {} : { tower: { kind: options.encoder } }),
        backbone: tuningOf(options.tuning ?? { kind: 'lora', rank: 2, alpha: 4 }),
      },
    },
    { rows: 4, width: 6 },
    tinyBackbone(config),
  );
  return {
    model,
    vocabulary: config.vocabulary,
    optimiser: optimiserOf(options.optimiser ?? { kind: 'adamw' }),
    regulariser: regulariserOf(options.regulariser ?? { kind: 'none' }),
    ...(options.precision === undefined ? {} : { precision: options.precision }),
    accumulate: options.accumulate ?? 1,
  };
}

export const tinyShape: BatchShape = { batch: 3, tokens: 6, labels: 2, rows: 4, width: 6, prefixTokens: 2 };

/** A batch of random features, tokens and labels; `step` picks another one. */
export function tinyBatch(step = 0, shape: BatchShape = tinyShape): BatchArrays {
  const source = random(3, 'batch', step);
  const labels = shape.batch * shape.labels;
  const tokens = Int32Array.from({ length: shape.batch * shape.tokens }, () => 2 + source.integer(18));
  const positions = new Int32Array(labels);
  const targets = new Int32Array(labels);
  for (let row = 0; row < shape.batch; row++) {
    for (let i = 0; i < shape.labels; i++) {
      positions[row * shape.labels + i] = predictedAt(
        row,
        shape.tokens - shape.labels + i,
        shape.prefixTokens,
        shape.tokens,
      );
      targets[row * shape.labels + i] = tokens[row * shape.tokens + shape.tokens - shape.labels + i]!;
    }
  }
  const mask = new Float32Array(labels).fill(1);
  if (step % 2 === 1) mask[labels - 1] = 0;
  return {
    features: Float32Array.from({ length: shape.batch * shape.rows * shape.width }, () => source.normal()),
    tokens,
    positions,
    labels: targets,
    mask,
  };
}

/** The optimiser's values for a step, by default with equal rates; corrections after Kingma and Ba 2015. */
export function tinyScalars(
  step: number,
  rates = { encoder: 1e-2, backbone: 1e-2 },
  active = { encoder: 1, backbone: 1 },
): Pick<StepValues, 'update' | 'weights'> {
  return {
    update: both((module) => ({
      rate: rates[module],
      active: active[module],
      correction1: 1 - 0.9 ** step,
      correction2: 1 - 0.999 ** step,
    })),
    weights: { encoder: 0.5, backbone: 0.5 },
  };
}
