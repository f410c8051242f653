/**
 * One optimiser step as a program: the objective, its gradients, the update of each module, and where kappa is asked
 * for the divergences that the two halves of the step cause (src/balance/measureStep.ts).
 */
import {
  labelProbabilities,
  meanDivergences,
  movement,
  stepDivergences,
  type Divergences,
  type Movement,
  type Parts,
} from '../balance/measureStep';
import type { MultimodalModel } from '../models/multimodal';
import { both, type ModuleName, type PerModule } from '../modules';
import { random } from '../random';
import { labelLogProbability } from '../tensor/labels';
import { maskedMean, norm } from '../tensor/ops';
import { isUnregularised } from '../balance/regularisers';
import { update } from '../tensor/optimiser';
import { slotsOf } from '../tensor/optimiserKinds';
import type { StepScalars } from '../tensor/optimiserStep';
import { joinVector, splitVector, totalSize, type ParameterSpec } from '../tensor/parameters';
import type { Program } from '../tensor/program';
import { need, tf, type Tensor, type Tensors } from '../tensor/tf';
import type { BatchShape } from './batches';
import { clipGradients } from './clipping';
import { trainingBatch, type Seen, type TrainingBatch } from './differentiate';
import { gradientsOf, ownGradient } from './objective';
import { frozenNames, frozenTensors, partsOf, passesOn, toldPairs, trained, type Setting } from './programs';
import { partNorm, rateOfParts, type EncoderPart } from './partVectors';
import { batchTensors, noiseTensor, stepInputs, updateScalars, type BatchTensors } from './stepInputs';
import {
  packNumbers,
  type Beside,
  type MeasureNumbers,
  type PairName,
  type Pairs,
  type PartNumbers,
  type StepNumbers,
} from './stepNumbers';

/** How a measured step finds its divergences. */
export interface MeasureOption {
  variant: 'a' | 'b';
  /** the shape of the fixed probe; null: there is none, and the training batch is used */
  probe: BatchShape | null;
  /** the batch is used all the same, and what the probe says stands beside it */
  isBeside?: boolean;
  /** the token that ends an answer, where the numbers without it are told, too */
  end?: number | null;
  /** the model for the probe's size, where the batch has another; their parameters are the same */
  probeModel?: MultimodalModel;
}

/**
 * One step of the given modules: state at t -> state at t + 1, and the numbers of stepNumbers.ts. With `measure` the
 * mixed states come from the same graph: the old parameters, the new ones, and on the batch what the training pass saw.
 */
export function trainProgram(
  setting: Setting,
  shape: BatchShape,
  only: readonly ModuleName[],
  measure: MeasureOption | null,
): Program {
  const { model } = setting;
  const modules = trained(model).filter((module) => only.includes(module));
  const regularised = !isUnregularised(setting.regulariser) && modules.length === 2;
  const noisy = modules.length === 2 ? (setting.gradientNoise ?? null) : null;
  const noise = noisy !== null ? both((module) => totalSize(model.trainable[module])) : null;
  return {
    inputs: stepInputs(shape, { modules, probe: measure?.probe ?? null, regularised, noise }),
    reads: [
      ...trained(model).flatMap((module) => [`${module}/theta`, ...(regularised ? [`${module}/previous`] : [])]),
      ...modules.flatMap((module) => slotsOf(setting.optimiser).map(({ name }) => `${module}/${name}`)),
      ...frozenNames(model),
    ],
    run(inputs, state) {
      const old = partsOf(model, state, 'theta');
      const on = trainingBatch(setting, inputs, state);
      const { loss, seen, gradients, own } = gradientsOf(setting, modules, on, { inputs, state, old, shape });
      const next: Tensors = {};
      const shares: Partial<PerModule<Tensor>> = {};
      const clipped = clipGradients(setting.optimiser, modules, gradients, inputs);
      for (const module of modules) {
        const kept = clipped[module]!.gradient;
        const pull = own === null ? null : ownGradient(setting.regulariser, own[module]!, gradients[module]!, kept);
        if (pull !== null) shares[module] = pull.share;
        const pulled = pull?.added === undefined ? kept : tf.add(kept, pull.added);
        const gradient =
          noisy === null
            ? pulled
            : withNoise(pulled, noiseTensor(inputs, module), noisy === 'module' ? null : model.trainable[module]);
        Object.assign(next, updateModule(setting, module, gradient, updateScalars(inputs, module), state));
        if (regularised) next[`${module}/previous`] = need(state, `${module}/theta`);
      }
      const taken: TakenStep = { modules, old, state, next, gradients, seen };
      const found = measure === null ? null : measured(setting, measure, on, inputs, taken);
      const outputs = packNumbers(
        numbersOfStep(loss, seen, clipped),
        found?.measure ?? null,
        (setting.toldParts ?? []).map((part) => numbersOfPart(model, part, taken, measure !== null)),
        pairsOf(setting, { state, next, shares }),
        found?.beside,
      );
      tf.dispose(Object.values(seen));
      return { outputs, state: next };
    },
  };
}

/** The numbers of every step; zeros for a module that is not trained and for divergences that nothing asks for. */
function numbersOfStep(
  loss: Tensor,
  { crossEntropy, klEncoder, klBackbone, prefix }: Seen,
  clipped: ReturnType<typeof clipGradients>,
): StepNumbers<Tensor> {
  const zero = tf.scalar(0);
  return {
    loss,
    crossEntropy,
    klEncoder: klEncoder ?? zero,
    klBackbone: klBackbone ?? zero,
    normEncoder: clipped.encoder?.norm ?? zero,
    normBackbone: clipped.backbone?.norm ?? zero,
    prefix: tf.sum(prefix),
  };
}

/** The pairs that a setting tells; zeros for a module that is not trained. */
function pairsOf(
  setting: Setting,
  { state, next, shares }: { state: Tensors; next: Tensors; shares: Partial<PerModule<Tensor>> },
): Pairs<Tensor> {
  const known = (name: PairName, module: ModuleName): Tensor | undefined => {
    if (!trained(setting.model).includes(module)) return undefined;
    if (name === 'share') return shares[module];
    if (name === 'parameterNorm') return norm(need(state, `${module}/theta`));
    return next[`${module}/distance`];
  };
  return Object.fromEntries(
    toldPairs(setting).map((name) => [name, both((module) => known(name, module) ?? tf.scalar(0))]),
  );
}

/** A gradient and Gaussian noise with its standard deviation: over the module, or where given over each parameter. */
function withNoise(gradient: Tensor, unit: Tensor, parameters: ParameterSpec[] | null): Tensor {
  if (parameters !== null) {
    const units = splitVector(unit, parameters);
    return joinVector(splitVector(gradient, parameters).map((part, i) => withNoise(part, units[i]!, null)));
  }
  const deviation = tf.sqrt(tf.mean(tf.square(tf.sub(gradient, tf.mean(gradient)))));
  return tf.add(gradient, tf.mul(unit, deviation));
}

/**
 * The unit normals of a step, one for each parameter, for schedulers that train with gradient noise, or zeros where
 * that pauses; null for the others.
 */
export function stepNoise(
  { model, gradientNoise }: Setting,
  seed: number,
  step: number,
  isOn = true,
): PerModule<Float32Array> | null {
  if ((gradientNoise ?? null) === null) return null;
  return both((module) => {
    const { normal } = random(seed, `gradient noise ${module}`, step);
    const values = new Float32Array(totalSize(model.trainable[module]));
    if (!isOn) return values;
    for (let i = 0; i < values.length; i++) values[i] = normal(); // Float32Array.from takes half as long again
    return values;
  });
}

/**
 * A module's parameters and what its optimiser remembers after one update, under the names of the state. Its parts and
 * the adapters' matrices may have rates of their own.
 */
export function updateModule(
  { model, optimiser, partRates = {} }: Pick<Setting, 'model' | 'optimiser' | 'partRates'>,
  module: ModuleName,
  gradient: Tensor,
  scalars: StepScalars,
  state: Tensors,
): Tensors {
  const before = Object.fromEntries(slotsOf(optimiser).map(({ name }) => [name, need(state, `${module}/${name}`)]));
  const loraRatio = 'loraRatio' in optimiser ? optimiser.loraRatio : 1;
  const rate = rateOfParts(model, module, { ...partRates, loraRatio }, scalars.rate);
  const { theta, slots } = update(optimiser, need(state, `${module}/theta`), gradient, before, { ...scalars, rate });
  return Object.fromEntries(
    Object.entries({ theta, ...slots }).map(([name, value]) => [`${module}/${name}`, value] as const),
  );
}

/** A step that has been taken, as its measurement sees it. */
interface TakenStep {
  modules: readonly ModuleName[];
  old: Parts;
  /** before and after */
  state: Tensors;
  next: Tensors;
  gradients: Partial<PerModule<Tensor>>;
  seen: Seen;
}

/** A step's divergences on one of its sets of questions, at each label place [N], and the mask of these. */
interface Asked {
  divergences: Divergences;
  batch: BatchTensors;
}

/** The divergences of a step on the probe or on the batch, and on the other of the two where it stands beside. */
function askedDivergences(
  { model, vocabulary, precision }: Setting,
  { variant, probe, probeModel = model, isBeside = false }: MeasureOption,
  { batch, passes: onBatch }: TrainingBatch,
  inputs: Tensors,
  { modules, old: before, state, next, seen }: TakenStep,
): { measured: Asked; beside: Asked | null } {
  const after: Parts = { ...before };
  for (const module of modules) after[module] = splitVector(need(next, `${module}/theta`), model.trainable[module]);
  // What a training pass in bfloat16 saw is too coarse to be compared with.
  const known = precision === 'bfloat16' ? null : { prefix: seen.prefix, logProbabilities: seen.logP };
  const on = { variant, vocabulary };
  const states = { before, after };
  const inBatch = (): Asked => ({ batch, divergences: stepDivergences(onBatch, states, { ...on, old: known }) });
  if (probe === null) return { measured: inBatch(), beside: null };
  const asked = batchTensors(inputs, 'probe');
  const passes = passesOn(probeModel, frozenTensors(model, state), asked);
  const inProbe = { batch: asked, divergences: stepDivergences(passes, states, { ...on, old: null }) };
  return isBeside ? { measured: inBatch(), beside: inProbe } : { measured: inProbe, beside: null };
}

/** The measurement: divergences, label probabilities of the batch, movements, and what is told beside them. */
function measured(
  setting: Setting,
  measure: MeasureOption,
  on: TrainingBatch,
  inputs: Tensors,
  taken: TakenStep,
): { measure: MeasureNumbers<Tensor>; beside: Beside<Tensor> } {
  const { modules, state, next, gradients, seen } = taken;
  const asked = askedDivergences(setting, measure, on, inputs, taken);
  const { batch } = on;
  const logProbability = labelLogProbability(seen.logP, on.labels);
  const label = labelProbabilities(logProbability, batch.mask);
  const beside: Beside<Tensor> = {};
  if (asked.beside !== null) beside.probe = meanDivergences(asked.beside.divergences, asked.beside.batch.mask);
  if (typeof measure.end === 'number')
    beside.withoutEnd = {
      loss: tf.neg(maskedMean(logProbability, withoutToken(batch, measure.end))),
      ...meanDivergences(asked.measured.divergences, withoutToken(asked.measured.batch, measure.end)),
    };
  const zero = tf.scalar(0);
  // A module without trained parameters has no norm and makes no progress.
  const still: Movement = { parameterNorm: zero, updateNorm: zero, progress: zero };
  const moved = both((module) =>
    modules.includes(module)
      ? movement(need(state, `${module}/theta`), need(next, `${module}/theta`), gradients[module]!)
      : still,
  );
  return {
    measure: {
      ...meanDivergences(asked.measured.divergences, asked.measured.batch.mask),
      smallestProbability: label.smallest,
      meanProbability: label.mean,
      thetaEncoder: moved.encoder.parameterNorm,
      thetaBackbone: moved.backbone.parameterNorm,
      deltaEncoder: moved.encoder.updateNorm,
      deltaBackbone: moved.backbone.updateNorm,
      progressEncoder: moved.encoder.progress,
      progressBackbone: moved.backbone.progress,
    },
    beside,
  };
}

/** The mask of label places [N] without those whose label is a token. */
const withoutToken = ({ labels, mask }: BatchTensors, token: number): Tensor =>
  tf.mul(mask, tf.cast(tf.notEqual(labels, tf.scalar(token, 'int32')), 'float32'));

/** The norms of one part of the encoder: of its gradient, and of a measured step those of parameters and update. */
function numbersOfPart(
  model: MultimodalModel,
  part: EncoderPart,
  { state, next, gradients }: TakenStep,
  isMeasured: boolean,
): PartNumbers<Tensor> {
  const zero = tf.scalar(0);
  const normOf = (vectorOf: (module: ModuleName) => Tensor) => partNorm(model, part, vectorOf);
  const before = (module: ModuleName) => need(state, `${module}/theta`);
  const gradient = normOf((module) => gradients[module] ?? tf.zerosLike(before(module)));
  if (!isMeasured) return { gradient, theta: zero, delta: zero };
  const after = (module: ModuleName) => next[`${module}/theta`] ?? before(module);
  return { gradient, theta: normOf(before), delta: normOf((module) => tf.sub(after(module), before(module))) };
}
