/**
 * What one step is given: questions, and the numbers that change from step to step. Programs are recorded once, so all
 * of it is declared input. The names under which inputs are declared, filled and read stand in this file alone.
 */
import { moduleNames, type ModuleName, type PerModule } from '../modules';
import type { StepScalars } from '../tensor/optimiserStep';
import type { TensorSpec, Values } from '../tensor/program';
import { need, type Tensor, type Tensors } from '../tensor/tf';
import type { BatchArrays, BatchShape } from './batches';

/** The numbers of one module's update, as `StepScalars` has them; `active` is 1 or 0. */
export type UpdateValues = Record<ScalarName, number>;

/** All that a step is given; what its program does not declare is not looked at. */
export interface StepValues {
  batch: BatchArrays;
  /** the fixed questions on which kappa is measured; absent or null: on the batch */
  probe?: BatchArrays | null;
  /** of the modules that the step trains */
  update: Partial<PerModule<UpdateValues>>;
  /** of the regulariser's two terms */
  weights?: PerModule<number>;
  /** unit normals, one for each parameter */
  noise?: PerModule<Float32Array> | null;
}

/** What a step's program declares beside its batch. */
export interface StepOptions {
  modules: readonly ModuleName[];
  probe: BatchShape | null;
  regularised: boolean;
  /** parameters of each module, for a step with gradient noise; null: without */
  noise: PerModule<number> | null;
}

type Questions = 'batch' | 'probe';
const scalarNames = ['rate', 'active', 'correction1', 'correction2'] as const satisfies (keyof StepScalars)[];
type ScalarName = (typeof scalarNames)[number];
const name = {
  of: (questions: Questions, array: string) => (questions === 'batch' ? array : `probe/${array}`),
  scalar: (scalar: ScalarName, module: ModuleName) => `${scalar}/${module}`,
  weight: (module: ModuleName) => `weight/${module}`,
  noise: (module: ModuleName) => `noise/${module}`,
};
const scalar: TensorSpec = { shape: [], dtype: 'float32' };

/** Declares the arrays of a batch (src/train/batches.ts); by default of the one that the program is about. */
export function batchInputs(shape: BatchShape, questions: Questions = 'batch'): Record<string, TensorSpec> {
  const labels = shape.batch * shape.labels;
  const specs: Record<string, TensorSpec> = {
    features: { shape: [shape.batch, shape.rows, shape.width], dtype: 'float32' },
    tokens: { shape: [shape.batch, shape.tokens], dtype: 'int32' },
    positions: { shape: [labels], dtype: 'int32' },
    labels: { shape: [labels], dtype: 'int32' },
    mask: { shape: [labels], dtype: 'float32' },
  };
  return Object.fromEntries(Object.entries(specs).map(([array, spec]) => [name.of(questions, array), spec]));
}

/** Declares the scalars of the modules' updates. */
export const updateInputs = (modules: readonly ModuleName[]): Record<string, TensorSpec> =>
  Object.fromEntries(modules.flatMap((module) => scalarNames.map((of) => [name.scalar(of, module), scalar])));

/** Declares all that a step is given. */
export const stepInputs = (
  shape: BatchShape,
  { modules, probe, regularised, noise }: StepOptions,
): Record<string, TensorSpec> => ({
  ...batchInputs(shape),
  ...(probe === null ? {} : batchInputs(probe, 'probe')),
  ...updateInputs(modules),
  ...(regularised ? Object.fromEntries(modules.map((module) => [name.weight(module), scalar])) : {}),
  ...(noise === null
    ? {}
    : Object.fromEntries(
        modules.map((module) => [
          name.noise(module),
          { shape: [noise[module]], dtype: 'float32' } satisfies TensorSpec,
        ]),
      )),
});

/** The values of the modules' updates under their names. */
export const packUpdate = (update: Partial<PerModule<UpdateValues>>): Record<string, Values> =>
  Object.fromEntries(
    moduleNames.flatMap((module) => {
      const values = update[module];
      return values === undefined ? [] : scalarNames.map((of) => [name.scalar(of, module), one(values[of])]);
    }),
  );

/** A step's values under their names. */
export const packStep = ({ batch, probe, update, weights, noise }: StepValues): Record<string, Values> => ({
  ...batch,
  ...Object.fromEntries(Object.entries(probe ?? {}).map(([array, values]) => [name.of('probe', array), values])),
  ...packUpdate(update),
  ...(weights === undefined
    ? {}
    : Object.fromEntries(moduleNames.map((module) => [name.weight(module), one(weights[module])]))),
  ...(noise === undefined || noise === null
    ? {}
    : Object.fromEntries(moduleNames.map((module) => [name.noise(module), noise[module]]))),
});

const one = (value: number): Float32Array => new Float32Array([value]);

/** A batch as a program reads it; shapes as in `BatchArrays`. */
export interface BatchTensors {
  features: Tensor;
  tokens: Tensor;
  positions: Tensor;
  labels: Tensor;
  mask: Tensor;
}

export const batchTensors = (inputs: Tensors, questions: Questions = 'batch'): BatchTensors => ({
  features: need(inputs, name.of(questions, 'features')),
  tokens: need(inputs, name.of(questions, 'tokens')),
  positions: need(inputs, name.of(questions, 'positions')),
  labels: need(inputs, name.of(questions, 'labels')),
  mask: need(inputs, name.of(questions, 'mask')),
});

/** The scalars of a module's update as a program reads them. */
export const updateScalars = (inputs: Tensors, module: ModuleName): StepScalars => ({
  rate: need(inputs, name.scalar('rate', module)),
  moduleRate: need(inputs, name.scalar('rate', module)),
  active: need(inputs, name.scalar('active', module)),
  correction1: need(inputs, name.scalar('correction1', module)),
  correction2: need(inputs, name.scalar('correction2', module)),
});

/** The weights of the regulariser's terms. */
export const weightTensors = (inputs: Tensors): PerModule<Tensor> => ({
  encoder: need(inputs, name.weight('encoder')),
  backbone: need(inputs, name.weight('backbone')),
});

/** A module's unit normals [size]. */
export const noiseTensor = (inputs: Tensors, module: ModuleName): Tensor => need(inputs, name.noise(module));

/**
 * The values of a module's n-th update. Modules may be frozen in some steps, so each has an n of its own: Adam corrects
 * its moments by the updates that they have seen. The betas are those that the device holds, in float32: moments made
 * with one beta and corrected by another stay too small or too large.
 * @param updates n, this update among them; that of a frozen module does not count
 */
export function updateValues(
  { beta1, beta2 }: { beta1: number; beta2: number },
  updates: number,
  rate: number,
  active = true,
): UpdateValues {
  const count = Math.max(1, updates);
  return {
    rate,
    active: active ? 1 : 0,
    correction1: 1 - Math.fround(beta1) ** count,
    correction2: 1 - Math.fround(beta2) ** count,
  };
}
