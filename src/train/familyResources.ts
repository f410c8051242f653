/**
 * Training steps of published families at their real size: predicted from the configuration, and measured with random
 * weights.
 */
import { runDefaults } from '../manifest/defaults';
import { familyModel, withoutWeights } from '../models/published/family';
import type { Family, FamilyModel, FamilyOptions, StoredFamily } from '../models/published/family';
import { parametersOf } from '../models/composition';
import { isNarrow } from '../models/tuning';
import type { StoredTensor } from '../models/weights/weight';
import { alignedBits, alignedFloats } from '../tensor/alignedMemory';
import { toBfloat16 } from '../tensor/bfloat16';
import { random } from '../random';
import { adamDecays } from '../tensor/optimiserKinds';
import { sizeOf } from '../tensor/shape';
import type { Kernels } from '../tensor/kernels';
import { openSession } from '../tensor/program';
import { need, tf } from '../tensor/tf';
import type { BatchArrays, BatchShape } from './batches';
import { familyShape, type FamilySetting } from './familyPrograms';
import { initialState } from './programs';
import { packStep, updateValues } from './stepInputs';
import { unpackStep } from './stepNumbers';
import { trainProgram } from './trainProgram';
import { both, moduleNames } from '../modules';
import { resourceNeeds, type ResourceNeeds } from './resources';

/**
 * One step: rows of a batch, text tokens of a row beside those of its image or sound, and how many of them are answers.
 */
export interface StepSize {
  batch: number;
  text: number;
  labels: number;
}

/** How a model is trained, and by which kernels (default: plain). */
export interface StepOptions extends FamilyOptions {
  kernels?: Kernels;
}

const settingOf = (model: FamilyModel, { precision }: FamilyOptions): FamilySetting => ({
  model,
  ...(precision === undefined ? {} : { precision }),
  vocabulary: model.composition.decoder.vocabulary,
  optimiser: runDefaults.optimiser,
  regulariser: runDefaults.regulariser,
});

/** Placeholders take places among the tokens. */
const shapeOf = (model: FamilyModel, { batch, text, labels }: StepSize): BatchShape =>
  familyShape(model, {
    batch,
    labels,
    tokens: text + (model.composition.placeholder === null ? 0 : model.prefixTokens),
  });

/**
 * What one training step of a family needs, with its published tuning unless `options` say otherwise. Throws UserError
 * for a target that names no layer.
 */
export function familyNeeds(
  family: Family,
  size: StepSize,
  backend: string,
  { kernels = 'plain', ...options }: StepOptions = {},
): ResourceNeeds {
  const model = familyModel(withoutWeights(family), options);
  const train = trainProgram(settingOf(model, options), shapeOf(model, size), moduleNames, null);
  const measured = trainProgram(settingOf(model, options), shapeOf(model, size), moduleNames, {
    variant: 'a',
    probe: null,
  });
  const needs = resourceNeeds({
    model,
    programs: { train },
    optimiser: runDefaults.optimiser,
    regularised: false,
    backend,
    kernels,
    dataBytes: 0,
  });
  return {
    ...needs,
    measured: resourceNeeds({
      model,
      programs: { measured, train: measured },
      optimiser: runDefaults.optimiser,
      regularised: false,
      backend,
      kernels,
      dataBytes: 0,
    }).step,
  };
}

/**
 * Weights that mean nothing: norms' gains of one, all else small random numbers, the same block over and over since
 * only the time matters.
 */
function randomWeights(family: Family, { precision = 'float32', tuning }: FamilyOptions): StoredFamily {
  const empty = withoutWeights(family);
  const source = random(0, 'random weights');
  const block = Float32Array.from({ length: 2 ** 16 }, () => 0.02 * source.normal());
  const narrowBlock = toBfloat16(block);
  const tunings = { ...family.tuning, ...tuning };
  const weights = parametersOf(family).flatMap(({ name, shape, part, use }): [string, StoredTensor][] => {
    if (use === 'unused') return [];
    const size = sizeOf(shape);
    if (isNarrow(precision, shape) && tunings[part].kind !== 'full')
      return [[name, { shape, data: repeated(narrowBlock, alignedBits(size)) }]];
    const isGain = shape.length === 1 && !name.endsWith('.bias');
    return [[name, { shape, data: isGain ? alignedFloats(size).fill(1) : repeated(block, alignedFloats(size)) }]];
  });
  return { ...empty, weights: Object.fromEntries(weights) };
}

/** Fills an array with a block over and over. */
function repeated<A extends Float32Array | Uint16Array>(block: A, into: A): A {
  for (let at = 0; at < into.length; at += block.length)
    into.set(block.subarray(0, Math.min(block.length, into.length - at)), at);
  return into;
}

export interface MeasuredStep {
  /**
   * of each step after the first, which includes the optimisation of its graph and is left out; with what the backend
   * reached just before and just after
   */
  steps: { seconds: number; speed: MachineSpeed }[];
  /** highest resident memory of this process so far, bytes */
  peakBytes: number;
  openSeconds: number;
  loss: number;
  /** why steps ran op by op, where they could not be recorded */
  notice: string | null;
}

/**
 * Takes a few steps on the current backend with random weights and inputs. Throws Error for a loss that is not finite.
 */
export async function measureFamilyStep(
  family: Family,
  size: StepSize,
  steps: number,
  clock: Clock = wallClock,
  { kernels = 'plain', ...options }: StepOptions = {},
): Promise<MeasuredStep> {
  const begun = performance.now();
  const model = familyModel(randomWeights(family, options), options);
  const setting = settingOf(model, options),
    shape = shapeOf(model, size);
  const programs = { train: trainProgram(setting, shape, moduleNames, null) };
  const session = openSession(programs, initialState(setting, 0), { kernels });
  const openSeconds = (performance.now() - begun) / 1000;
  const adam = adamDecays(runDefaults.optimiser);
  let updates = 0;
  const batch = randomBatch(model, shape);
  let loss = NaN;
  const step = async (): Promise<number> => {
    const from = clock();
    updates += 1;
    const update = both(() => updateValues(adam, updates, 1e-5));
    loss = unpackStep((await session.run('train', packStep({ batch, update })))['numbers']!).step.loss;
    if (!Number.isFinite(loss)) throw new Error(`the loss is ${loss}`);
    return clock() - from;
  };
  try {
    await step();
    const peakBytes = process.resourceUsage().maxRSS * 1024;
    const measured: MeasuredStep['steps'] = [];
    // A machine is not equally fast all the time: each step is set beside the speed of its own moments.
    for (let before = await measureSpeed(clock); measured.length < steps;) {
      const seconds = await step();
      const after = await measureSpeed(clock);
      measured.push({
        seconds,
        speed: { flops: (before.flops + after.flops) / 2, bytes: (before.bytes + after.bytes) / 2 },
      });
      before = after;
    }
    return { steps: measured, peakBytes, openSeconds, loss, notice: session.notice ?? null };
  } finally {
    session.dispose();
  }
}

function randomBatch(model: FamilyModel, shape: BatchShape): BatchArrays {
  const { placeholder, decoder } = model.composition;
  const source = random(1, 'random batch');
  const sequence = model.decoding.before + shape.tokens;
  const features = new Float32Array(shape.batch * shape.rows * shape.width);
  for (let i = 0; i < features.length; i++) features[i] = source.uniform() - 0.5;
  const tokens = Int32Array.from({ length: shape.batch * shape.tokens }, (_, i) =>
    placeholder !== null && i % shape.tokens < model.prefixTokens
      ? placeholder
      : 10 + (i % Math.min(1000, decoder.vocabulary - 10)),
  );
  const labels = shape.batch * shape.labels;
  return {
    features,
    tokens,
    positions: Int32Array.from(
      { length: labels },
      (_, i) => Math.floor(i / shape.labels) * sequence + sequence - 1 - shape.labels + (i % shape.labels),
    ),
    labels: Int32Array.from({ length: labels }, (_, i) => 10 + (i % 7)),
    mask: new Float32Array(labels).fill(1),
  };
}

/**
 * Seconds that a step takes where products run at `flops` and moving what kernels read and write is not hidden behind
 * them.
 */
export const predictedSeconds = (work: { flops: number; movedBytes: number }, speed: MachineSpeed): number =>
  work.flops / speed.flops + work.movedBytes / speed.bytes;

/**
 * Seconds so far: of the wall clock, or of the processor shared among `threads`, which does not see what else the
 * machine does.
 */
export type Clock = () => number;
export const wallClock: Clock = () => performance.now() / 1000;
export const processorClock =
  (threads: number): Clock =>
  () => {
    const { user, system } = process.cpuUsage();
    return (user + system) / 1e6 / threads;
  };

/**
 * What the current backend reaches: products of matrices (flop/s) and sums of long vectors (bytes read and written a
 * second), each the best of three.
 */
export interface MachineSpeed {
  flops: number;
  bytes: number;
}

async function measureSpeed(clock: Clock = wallClock): Promise<MachineSpeed> {
  const side = 1536,
    length = 2 ** 24;
  const state = {
    a: { shape: [side, side], data: new Float32Array(side * side).fill(1e-3) },
    b: { shape: [length], data: new Float32Array(length).fill(1e-3) },
  };
  const inputs = { x: { shape: [], dtype: 'float32' as const } };
  const repeats = 4;
  const session = openSession(
    {
      // Each product and each sum needs the one before, so that none is left out.
      products: {
        inputs,
        reads: ['a'],
        run: (given, { a }) => {
          let y = tf.mul(a!, need(given, 'x'));
          for (let i = 0; i < repeats; i++) y = tf.matMul(y as tf.Tensor2D, a as tf.Tensor2D);
          return { outputs: { y: tf.sum(y) } };
        },
      },
      sums: {
        inputs,
        reads: ['b'],
        run: (given, { b }) => {
          let y = tf.mul(b!, need(given, 'x'));
          for (let i = 0; i < repeats; i++) y = i % 2 === 0 ? tf.mul(y, b!) : tf.maximum(y, b!);
          return { outputs: { y: tf.slice(y, [0], [1]) } };
        },
      },
    },
    state,
  );
  const best = async (program: string): Promise<number> => {
    let least = Infinity;
    for (let i = 0; i < 4; i++) {
      const from = clock();
      await session.run(program, { x: new Float32Array([1 + i]) });
      if (i > 0) least = Math.min(least, clock() - from);
    }
    return least;
  };
  try {
    return {
      flops: (repeats * 2 * side ** 3) / (await best('products')),
      bytes: ((repeats + 1) * 3 * 4 * length) / (await best('sums')),
    };
  } finally {
    session.dispose();
  }
}
