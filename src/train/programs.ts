/**
 * The programs of a run, all on one state: train (with and without the measurement of kappa), align, score, predict.
 * State: `<module>/theta`, `<module>/first`, `<module>/second` (optimiser moments), `<module>/previous` (only with a
 * regulariser), `frozen/<weight>`.
 */
import { divergencePairs } from '../balance/kappa';
import { regulariser } from '../balance/regulariser';
import type { OptimiserSpec, RegulariserSpec } from '../manifest/run';
import { moduleNames, type ModuleName, type PerModule } from '../modules';
import type { MultimodalModel } from '../models/multimodal';
import { divergence, innerProduct, labelLogProbability, maskedMean, norm, oneHot } from '../tensor/ops';
import { clipByNorm, optimiserOptions, update } from '../tensor/optimiser';
import { initialVector, joinVector, splitVector, totalSize } from '../tensor/parameters';
import type { Program, StateValue, TensorSpec } from '../tensor/program';
import { need, tf, type Tensor, type Tensors } from '../tensor/tf';
import { random } from '../random';
import type { BatchShape } from './batches';

/** What is fixed while a session is open. */
export interface Setting {
  model: MultimodalModel;
  vocabulary: number;
  optimiser: OptimiserSpec;
  regulariser: RegulariserSpec;
  /** joint steps take `noise/<module>`, unit normals of theta's shape, and add them to the clipped gradient, scaled to its standard deviation */
  gradientNoise?: boolean;
}

/** The start of every piece of state. */
export function initialState({ model, regulariser: term }: Setting, seed: number): Record<string, StateValue> {
  const state: Record<string, StateValue> = {};
  for (const module of moduleNames) {
    const size = totalSize(model.trainable[module]);
    if (size === 0) continue;
    const theta = initialVector(model.trainable[module], seed);
    state[`${module}/theta`] = { shape: [size], data: theta };
    for (const moment of ['first', 'second'])
      state[`${module}/${moment}`] = { shape: [size], data: new Float32Array(size) };
    if (term.kind !== 'none') state[`${module}/previous`] = { shape: [size], data: theta };
  }
  for (const [name, { shape, data }] of Object.entries(model.frozen)) state[`frozen/${name}`] = { shape, data };
  return state;
}

function batchInputs(shape: BatchShape, prefix = ''): Record<string, TensorSpec> {
  const labels = shape.batch * shape.labels;
  return {
    [`${prefix}features`]: { shape: [shape.batch, shape.rows, shape.width], dtype: 'float32' },
    [`${prefix}tokens`]: { shape: [shape.batch, shape.tokens], dtype: 'int32' },
    [`${prefix}positions`]: { shape: [labels], dtype: 'int32' },
    [`${prefix}labels`]: { shape: [labels], dtype: 'int32' },
    [`${prefix}mask`]: { shape: [labels], dtype: 'float32' },
  };
}

const scalar: TensorSpec = { shape: [], dtype: 'float32' };
export const frozenNames = (model: MultimodalModel): string[] =>
  Object.keys(model.frozen).map((name) => `frozen/${name}`);
export const frozenTensors = (model: MultimodalModel, state: Tensors): Tensors =>
  Object.fromEntries(Object.keys(model.frozen).map((name) => [name, need(state, `frozen/${name}`)]));
/** The modules that have parameters to train. */
export const trained = (model: MultimodalModel): ModuleName[] =>
  moduleNames.filter((module) => model.trainable[module].length > 0);

/** One state of both modules, as parameter tensors. */
export type Parts = PerModule<Tensor[]>;
/** Trainable tensors of both modules from their flat vectors. */
export const partsOf = (model: MultimodalModel, state: Tensors, key: 'theta' | 'previous'): Parts => {
  const of = (module: ModuleName) =>
    model.trainable[module].length === 0 ? [] : splitVector(need(state, `${module}/${key}`), model.trainable[module]);
  return { encoder: of('encoder'), backbone: of('backbone') };
};

/** Every program returns its scalars as one vector, so that a step costs one read from the device. */
function packed(scalars: Record<string, Tensor>): { numbers: Tensor } {
  return { numbers: tf.stack(Object.values(scalars).map((value) => tf.reshape(value, []))) };
}
const stepNumbers = [
  'loss',
  'crossEntropy',
  'klEncoder',
  'klBackbone',
  'normEncoder',
  'normBackbone',
  'prefix',
] as const;
const measureNumbers = [
  'dBackbone',
  'dEncoder',
  'smallestProbability',
  'meanProbability',
  'thetaEncoder',
  'thetaBackbone',
  'deltaEncoder',
  'deltaBackbone',
  'progressEncoder',
  'progressBackbone',
] as const;
export type StepNumbers = Record<(typeof stepNumbers)[number], number>;
export type MeasureNumbers = Record<(typeof measureNumbers)[number], number>;

/** Names for the packed vector of `trainProgram`. */
export function unpackStep(numbers: Float32Array): { step: StepNumbers; measure: MeasureNumbers | null } {
  const take = <N extends string>(names: readonly N[], from: number) =>
    Object.fromEntries(names.map((name, i) => [name, numbers[from + i]!])) as Record<N, number>;
  return {
    step: take(stepNumbers, 0),
    measure: numbers.length > stepNumbers.length ? take(measureNumbers, stepNumbers.length) : null,
  };
}

/** A gradient and Gaussian noise with the gradient's own standard deviation, taken over the module. */
function withNoise(gradient: Tensor, unit: Tensor): Tensor {
  const deviation = tf.sqrt(tf.mean(tf.square(tf.sub(gradient, tf.mean(gradient)))));
  return tf.add(gradient, tf.mul(unit, deviation));
}

/** The unit normals of a step, one for each parameter, for schedulers that train with gradient noise: the inputs `noise/<module>` of `trainProgram`. */
export function noiseInputs(
  { model, gradientNoise }: Setting,
  seed: number,
  step: number,
): Record<string, Float32Array> {
  if (gradientNoise !== true) return {};
  return Object.fromEntries(
    moduleNames.map((module) => {
      const { normal } = random(seed, `gradient noise ${module}`, step);
      const values = new Float32Array(totalSize(model.trainable[module]));
      for (let i = 0; i < values.length; i++) values[i] = normal(); // Float32Array.from takes half as long again
      return [`noise/${module}`, values];
    }),
  );
}

/** How a measured step finds its divergences; `probe`: the shape of the fixed probe, else the training batch is used. */
export interface MeasureOption {
  variant: 'a' | 'b';
  probe: BatchShape | null;
}

/**
 * One optimiser step of the given modules, and with `measure` the divergences that its two halves cause
 * (docs/method.md section 2). The mixed states come from the same graph: the old parameters, the new ones, and on the
 * batch the log-probabilities and encoder features of the training pass itself.
 */
export function trainProgram(
  setting: Setting,
  shape: BatchShape,
  only: readonly ModuleName[],
  measure: MeasureOption | null,
): Program {
  const { model, optimiser, regulariser: term } = setting;
  const modules = trained(model).filter((module) => only.includes(module));
  const options = optimiserOptions(optimiser);
  const regularised = term.kind !== 'none' && modules.length === 2;
  const noisy = setting.gradientNoise === true && modules.length === 2;
  return {
    inputs: {
      ...batchInputs(shape),
      ...(measure?.probe ? batchInputs(measure.probe, 'probe/') : {}),
      ...Object.fromEntries(
        modules.flatMap((module) =>
          ['rate', 'active', 'correction1', 'correction2', ...(regularised ? ['weight'] : [])].map((name) => [
            `${name}/${module}`,
            scalar,
          ]),
        ),
      ),
      ...(noisy
        ? Object.fromEntries(
            modules.map((module) => [
              `noise/${module}`,
              { shape: [totalSize(model.trainable[module])], dtype: 'float32' } satisfies TensorSpec,
            ]),
          )
        : {}),
    },
    reads: [
      ...trained(model).flatMap((module) => [`${module}/theta`, ...(regularised ? [`${module}/previous`] : [])]),
      ...modules.flatMap((module) => [`${module}/first`, `${module}/second`]),
      ...frozenNames(model),
    ],
    run(inputs, state) {
      const frozen = frozenTensors(model, state);
      const old = partsOf(model, state, 'theta');
      const { tokens, positions, mask } = inputs as { tokens: Tensor; positions: Tensor; mask: Tensor };
      const hot = oneHot(need(inputs, 'labels'), setting.vocabulary);
      const pass = (parts: Parts, prefix: Tensor) =>
        model.logProbabilities({ backbone: parts.backbone, frozen, prefix, tokens, positions });
      const previous = regularised ? previousPass(partsOf(model, state, 'previous'), old) : null;
      function previousPass(before: Parts, now: Parts) {
        const features = need(inputs, 'features');
        return {
          encoder: pass(now, model.prefix({ encoder: before.encoder, frozen, features })),
          backbone: pass(before, model.prefix({ encoder: now.encoder, frozen, features })),
        };
      }

      const kept: { prefix?: Tensor; logP?: Tensor; crossEntropy?: Tensor; klEncoder?: Tensor; klBackbone?: Tensor } =
        {};
      const objective = (...given: Tensor[]): tf.Scalar => {
        const parts: Parts = { ...old };
        let at = 0;
        for (const module of modules) parts[module] = given.slice(at, (at += model.trainable[module].length));
        const prefix = model.prefix({ encoder: parts.encoder, frozen, features: need(inputs, 'features') });
        const logP = pass(parts, prefix);
        const crossEntropy = tf.neg(maskedMean(labelLogProbability(logP, hot), mask));
        kept.prefix = tf.keep(prefix.clone());
        kept.logP = tf.keep(logP.clone());
        kept.crossEntropy = tf.keep(crossEntropy.clone());
        if (previous === null || term.kind === 'none') return crossEntropy as tf.Scalar;
        const added = regulariser(
          logP,
          previous.encoder,
          previous.backbone,
          mask,
          { encoder: need(inputs, 'weight/encoder'), backbone: need(inputs, 'weight/backbone') },
          { lambda: term.lambda, cap: term.cap ?? 1 },
        );
        kept.klEncoder = tf.keep(added.encoder.clone());
        kept.klBackbone = tf.keep(added.backbone.clone());
        return tf.add(crossEntropy, added.value) as tf.Scalar;
      };
      const { value, grads } = tf.valueAndGrads(objective)(modules.flatMap((module) => old[module]));

      const next: Tensors = {};
      const gradients: Partial<PerModule<Tensor>> = {};
      const norms: Partial<PerModule<Tensor>> = {};
      let at = 0;
      for (const module of modules) {
        const gradient = joinVector(grads.slice(at, (at += model.trainable[module].length)));
        const clipped = clipByNorm(gradient, options.clip);
        gradients[module] = gradient;
        norms[module] = clipped.norm;
        const theta = need(state, `${module}/theta`);
        const updated = update(
          optimiser,
          theta,
          noisy ? withNoise(clipped.gradient, need(inputs, `noise/${module}`)) : clipped.gradient,
          { first: need(state, `${module}/first`), second: need(state, `${module}/second`) },
          {
            rate: need(inputs, `rate/${module}`),
            active: need(inputs, `active/${module}`),
            correction1: need(inputs, `correction1/${module}`),
            correction2: need(inputs, `correction2/${module}`),
          },
        );
        next[`${module}/theta`] = updated.theta;
        next[`${module}/first`] = updated.moments.first;
        next[`${module}/second`] = updated.moments.second;
        if (regularised) next[`${module}/previous`] = theta;
      }
      const zero = tf.scalar(0);
      const scalars: Record<string, Tensor> = {
        loss: value,
        crossEntropy: kept.crossEntropy!,
        klEncoder: kept.klEncoder ?? zero,
        klBackbone: kept.klBackbone ?? zero,
        normEncoder: norms.encoder ?? zero,
        normBackbone: norms.backbone ?? zero,
        prefix: tf.sum(kept.prefix!), // says whether the encoder's output is finite
      };
      if (measure !== null) Object.assign(scalars, measured(measure, kept.logP!, kept.prefix!));
      function measured(how: MeasureOption, logP: Tensor, prefix: Tensor): Record<string, Tensor> {
        const fresh: Parts = { ...old };
        for (const module of modules)
          fresh[module] = splitVector(need(next, `${module}/theta`), model.trainable[module]);
        const label = how.probe === null ? '' : 'probe/';
        const features = need(inputs, `${label}features`);
        const at2 = (parts: Tensor[], seen: Tensor) =>
          model.logProbabilities({
            backbone: parts,
            frozen,
            prefix: seen,
            tokens: need(inputs, `${label}tokens`),
            positions: need(inputs, `${label}positions`),
          });
        const oldPrefix = how.probe === null ? prefix : model.prefix({ encoder: old.encoder, frozen, features });
        const newPrefix = model.prefix({ encoder: fresh.encoder, frozen, features });
        const pairs = divergencePairs(how.variant, {
          old: how.probe === null ? logP : at2(old.backbone, oldPrefix),
          backboneMoved: at2(fresh.backbone, oldPrefix),
          encoderMoved: at2(old.backbone, newPrefix),
          ...(how.variant === 'b' ? { moved: at2(fresh.backbone, newPrefix) } : {}),
        });
        const asked = need(inputs, `${label}mask`);
        const probability = tf.exp(labelLogProbability(logP, hot));
        // A module without trained parameters has no norm and makes no progress.
        const of = (module: ModuleName, scalarOf: () => Tensor): Tensor =>
          modules.includes(module) ? scalarOf() : zero;
        const theta = (module: ModuleName) => of(module, () => norm(need(state, `${module}/theta`)));
        const deltas = Object.fromEntries(
          modules.map((module) => [module, tf.sub(need(next, `${module}/theta`), need(state, `${module}/theta`))]),
        );
        const moved = (module: ModuleName) => of(module, () => norm(need(deltas, module)));
        const progress = (module: ModuleName) =>
          of(module, () => innerProduct(gradients[module]!, need(deltas, module)));
        return {
          dBackbone: maskedMean(divergence(...pairs.backbone), asked),
          dEncoder: maskedMean(divergence(...pairs.encoder), asked),
          smallestProbability: tf.min(tf.add(probability, tf.sub(1, mask))),
          meanProbability: maskedMean(probability, mask),
          thetaEncoder: theta('encoder'),
          thetaBackbone: theta('backbone'),
          deltaEncoder: moved('encoder'),
          deltaBackbone: moved('backbone'),
          progressEncoder: progress('encoder'),
          progressBackbone: progress('backbone'),
        };
      }
      const outputs = packed(scalars);
      tf.dispose(Object.values(kept));
      return { outputs, state: next };
    },
  };
}

/**
 * Scores answers by teacher forcing: log-probability of each label [B * A], and the whole table over the vocabulary
 * at each row's first label [B, V], which scores one-token choices and begins a greedy generation.
 */
export function scoreProgram({ model, vocabulary }: Setting, shape: BatchShape): Program {
  return {
    inputs: batchInputs(shape),
    reads: [...trained(model).map((module) => `${module}/theta`), ...frozenNames(model)],
    run(inputs, state) {
      const parts = partsOf(model, state, 'theta');
      const frozen = frozenTensors(model, state);
      const logP = model.logProbabilities({
        backbone: parts.backbone,
        frozen,
        prefix: model.prefix({ encoder: parts.encoder, frozen, features: need(inputs, 'features') }),
        tokens: need(inputs, 'tokens'),
        positions: need(inputs, 'positions'),
      });
      const hot = oneHot(need(inputs, 'labels'), vocabulary);
      const first = tf.reshape(
        tf.slice(tf.reshape(logP, [shape.batch, shape.labels, vocabulary]), [0, 0, 0], [shape.batch, 1, vocabulary]),
        [shape.batch, vocabulary],
      );
      return { outputs: { labels: labelLogProbability(logP, hot), first } };
    },
  };
}
