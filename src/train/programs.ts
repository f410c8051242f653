/**
 * What all programs of a run share: one state, and how the parameters of both modules are read from it.
 * State: `<module>/theta`, what the optimiser remembers (`slotsOf`), such as `<module>/first` and `<module>/second`,
 * `<module>/previous` (only with a regulariser), `frozen/<weight>`. The step is trainProgram.ts; scoring stands here.
 */
import { isUnregularised, tellsShare } from '../balance/regularisers';
import type { Parts, Passes } from '../balance/measureStep';
import { schedulerFacts } from '../balance/schedulers';
import type { MeasureSpec, OptimiserSpec, RegulariserSpec, RunSpec } from '../manifest/run';
import type { MultimodalModel } from '../models/multimodal';
import { both, moduleNames, type ModuleName } from '../modules';
import { labelLogProbability, labelPlaces } from '../tensor/labels';
import { logSoftmax } from '../tensor/ops';
import { initialVector, splitVector, totalSize } from '../tensor/parameters';
import { evaluatedPiece, slotsOf, type Slot } from '../tensor/optimiserKinds';
import type { Precision } from '../tensor/precision';
import type { Program, StateValue } from '../tensor/program';
import { byRows, rowsAtOnce } from '../tensor/rows';
import { need, tf, type Tensor, type Tensors } from '../tensor/tf';
import type { BatchShape } from './batches';
import { partRatesOf, toldPartsOf, type EncoderPart, type PartRates } from './partVectors';
import type { BesideName, PairName } from './stepNumbers';
import { batchInputs, batchTensors, type BatchTensors } from './stepInputs';

/** What is fixed while a session is open. */
export interface Setting {
  model: MultimodalModel;
  vocabulary: number;
  optimiser: OptimiserSpec;
  regulariser: RegulariserSpec;
  /** of the training pass; default float32. The model says how its frozen matrices are kept */
  precision?: Precision;
  /**
   * joint steps take unit normals of theta's shape and add them to the clipped gradient, scaled to the standard
   * deviation of all of it or of the part of each parameter
   */
  gradientNoise?: 'module' | 'tensor' | null;
  /** every step tells the norms of the parameters */
  parameterNorms?: boolean;
  /** learning rates of parts that have their own, as multiples of their module's */
  partRates?: PartRates;
  /** parts whose gradients and updates are told beside those of the modules */
  toldParts?: readonly EncoderPart[];
  /** parts of a batch whose gradients are taken one after the other; must divide it. Default 1 */
  accumulate?: number;
}

/** What of a run's spec its programs are made of, with its model over so many words. */
export const settingOf = (spec: RunSpec, model: MultimodalModel, vocabulary: number): Setting => ({
  model,
  vocabulary,
  optimiser: spec.optimiser,
  regulariser: spec.regulariser,
  precision: spec.precision,
  gradientNoise: schedulerFacts(spec.scheduler.kind).gradientNoise ?? null,
  parameterNorms: schedulerFacts(spec.scheduler.kind).parameterNorms === true,
  partRates: partRatesOf(spec),
  toldParts: toldPartsOf(spec, model),
  accumulate: spec.accumulate,
});

/** The numbers of both modules that steps tell beside those of every run. */
export const toldPairs = ({ optimiser, regulariser, parameterNorms }: Setting): PairName[] => [
  ...(tellsShare(regulariser) ? (['share'] as const) : []),
  ...(parameterNorms === true ? (['parameterNorm'] as const) : []),
  ...(slotsOf(optimiser).some(({ name }) => name === 'distance') ? (['distance'] as const) : []),
];

/** What a measured step tells beside its measure. */
export const toldBeside = (measure: MeasureSpec): BesideName[] => [
  ...(measure.on === 'batch' && measure.beside > 0 ? (['probe'] as const) : []),
  ...(measure.withoutEnd === 'on' ? (['withoutEnd'] as const) : []),
];

const startOfSlot = ({ begins }: Slot, theta: Float32Array): StateValue => {
  if (typeof begins === 'number') return { shape: [], data: new Float32Array([begins]) };
  return { shape: [theta.length], data: begins === 'theta' ? theta : new Float32Array(theta.length) };
};

/**
 * The pieces of state beside `theta` that begin as `theta` does: the parameters of the step before, and what an
 * optimiser looks back on.
 */
export const copiesOfTheta = ({ optimiser, regulariser: term }: Setting): string[] => [
  ...slotsOf(optimiser).flatMap(({ name, begins }) => (begins === 'theta' ? [name] : [])),
  ...(isUnregularised(term) ? [] : ['previous']),
];

/** The start of every piece of state. */
export function initialState(
  { model, optimiser, regulariser: term }: Setting,
  seed: number,
): Record<string, StateValue> {
  const state: Record<string, StateValue> = {};
  for (const module of moduleNames) {
    const size = totalSize(model.trainable[module]);
    if (size === 0) continue;
    const theta = initialVector(model.trainable[module], seed);
    state[`${module}/theta`] = { shape: [size], data: theta };
    for (const slot of slotsOf(optimiser)) state[`${module}/${slot.name}`] = startOfSlot(slot, theta);
    if (!isUnregularised(term)) state[`${module}/previous`] = { shape: [size], data: theta };
  }
  for (const [name, { shape, data }] of Object.entries(model.frozen)) state[`frozen/${name}`] = { shape, data };
  return state;
}

export const frozenNames = (model: MultimodalModel): string[] =>
  Object.keys(model.frozen).map((name) => `frozen/${name}`);
export const frozenTensors = (model: MultimodalModel, state: Tensors): Tensors =>
  Object.fromEntries(Object.keys(model.frozen).map((name) => [name, need(state, `frozen/${name}`)]));
/** The modules that have parameters to train. */
export const trained = (model: MultimodalModel): ModuleName[] =>
  moduleNames.filter((module) => model.trainable[module].length > 0);

/** Trainable tensors of both modules from their flat vectors: of this step, of the one before, or of their average. */
export const partsOf = (model: MultimodalModel, state: Tensors, key: 'theta' | 'previous' | 'average'): Parts =>
  both((module) =>
    model.trainable[module].length === 0 ? [] : splitVector(need(state, `${module}/${key}`), model.trainable[module]),
  );

/** The model on the questions of a batch. */
export const passesOn = (
  model: MultimodalModel,
  frozen: Tensors,
  { features, tokens, positions }: BatchTensors,
): Passes => ({
  prefix: (encoder) => model.prefix({ encoder, frozen, features }),
  hidden: (backbone, prefix) => model.hidden({ backbone, frozen, prefix, tokens, positions }),
  words: (backbone, hidden) => model.words({ backbone, frozen }, hidden),
});

/**
 * Scores answers by teacher forcing: log-probability of each label [B * A], and the whole table over the vocabulary
 * at each row's first label [B, V], which scores one-token choices and begins a greedy generation.
 */
export function scoreProgram({ model, vocabulary, optimiser }: Setting, shape: BatchShape): Program {
  const piece = evaluatedPiece(optimiser);
  return {
    inputs: batchInputs(shape),
    reads: [...trained(model).map((module) => `${module}/${piece}`), ...frozenNames(model)],
    run(inputs, state) {
      const batch = batchTensors(inputs);
      const parts = partsOf(model, state, piece);
      const passes = passesOn(model, frozenTensors(model, state), batch);
      const hidden = passes.hidden(parts.backbone, passes.prefix(parts.encoder));
      const table = (states: Tensor): Tensor => logSoftmax(passes.words(parts.backbone, states));
      const firstOf = (x: Tensor): Tensor => {
        const width = x.shape[1]!;
        const rows = tf.reshape(x, [shape.batch, shape.labels, width]);
        return tf.reshape(tf.slice(rows, [0, 0, 0], [shape.batch, 1, width]), [shape.batch, width]);
      };
      const labelled = (logP: Tensor, labels: Tensor): Tensor =>
        labelLogProbability(logP, labelPlaces(labels, vocabulary));
      const [count, size] = [shape.batch * shape.labels, rowsAtOnce(vocabulary)];
      if (count <= size) {
        const logP = table(hidden);
        return { outputs: { labels: labelled(logP, batch.labels), first: firstOf(logP) } };
      }
      const [labels] = byRows(count, size, (cut) => [labelled(table(cut(hidden)), cut(batch.labels))]);
      return { outputs: { labels: labels!, first: table(firstOf(hidden)) } };
    },
  };
}
