/**
 * What a training needs, from configurations alone: parameters, memory, work of a step. The programs are those that
 * train; they run on tensors that have shapes and no values (src/tensor/shapeBackend.ts), so no weight is opened.
 */
import type { ModuleName, PerModule } from '../manifest/run';
import { programCost, type ProgramCost } from '../tensor/cost';
import type { Kernels } from '../tensor/kernels';
import { alignmentOptimiser, slotSize, slotsOf, type OptimiserSpec } from '../tensor/optimiserKinds';
import { totalSize } from '../tensor/parameters';
import { areBfloat16 } from '../tensor/tensorFile';
import type { Program } from '../tensor/program';
import type { MultimodalModel } from '../models/multimodal';
import type { StoredTensor } from '../models/weights/weight';
import { moduleNames } from '../modules';

export type Engine = 'recorded' | 'eager';

export interface ResourceNeeds {
  /** all parameters that any output depends on */
  parameters: number;
  trainable: PerModule<number>;
  /** bytes */
  memory: {
    /** the process with its libraries and recorded graphs, without a model */
    process: number;
    /** weights and trained parameters, on the device */
    weights: number;
    /** of these what all workers on one model hold together: frozen weights, where the backend maps files of them */
    shared: number;
    /** what the optimiser remembers and, with the regulariser, the parameters of the step before */
    optimiser: number;
    /** intermediate results and inputs of the program that needs most, as the allocator holds them */
    activations: number;
    /**
     * what the JavaScript side holds: the values that the state began with, features, texts, a weight file while it is
     * read
     */
    host: number;
    /** peak on the processor's memory when that computes */
    total: number;
  };
  /** of one optimiser step */
  step: { flops: number; movedBytes: number };
  /** of one step at which kappa is measured */
  measured: { flops: number; movedBytes: number };
}

/**
 * Resident bytes of a worker beside its model: code and library (measured on Linux with Node 20 for tensorflow and wasm,
 * guessed for the others: docs/models.md).
 */
const processBytes: Readonly<Record<string, number>> = { tensorflow: 455e6, wasm: 300e6, webgpu: 580e6, cpu: 300e6 };

/** Bytes of a recorded graph for each of its kernels, once it has run: nodes, their executor, prepared products (measured). */
const kernelBytes = 37e3;

/**
 * What intermediate results take of a process over their own bytes when a graph runs: the allocator leaves gaps, and
 * some are given back later than their order would allow (measured at four sizes, docs/models.md).
 */
const allocated = 1.3;

export interface Planned {
  model: Pick<MultimodalModel, 'trainable' | 'frozen'>;
  /** programs by name; `train` and, where there is one, `measured` */
  programs: Record<string, Program>;
  optimiser: OptimiserSpec;
  regularised: boolean;
  backend: string;
  /** default: plain */
  kernels?: Kernels;
  /** bytes beside the model that the JavaScript side holds: features, texts, a weight file while it is read */
  dataBytes: number;
}

const elements = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1);

/** Adds up a session: its state, the copies that JavaScript keeps, and the program that needs most. */
export function resourceNeeds({
  model,
  programs,
  optimiser: spec,
  regularised,
  backend,
  kernels = 'plain',
  dataBytes,
}: Planned): ResourceNeeds {
  const trainable = Object.fromEntries(
    moduleNames.map((module) => [module, totalSize(model.trainable[module])]),
  ) as PerModule<number>;
  const trained = trainable.encoder + trainable.backbone;
  const { frozen, frozenBytes, widened } = frozenSizes(model);
  const shapes: Record<string, readonly number[]> = Object.fromEntries(
    Object.entries(model.frozen).map(([name, { shape }]) => [`frozen/${name}`, shape]),
  );
  for (const module of moduleNames)
    for (const piece of ['theta', 'previous']) shapes[`${module}/${piece}`] = [trainable[module]];
  // The alignment phase has an optimiser of its own.
  for (const { name, begins } of [...slotsOf(alignmentOptimiser(spec)), ...slotsOf(spec)])
    for (const module of moduleNames)
      shapes[`${module}/${name}`] = typeof begins === 'number' ? [] : [trainable[module]];
  const costs = Object.fromEntries(
    Object.entries(programs).map(([name, program]) => [name, programCost(program, shapes, kernels)]),
  );
  const engine: Engine = backend === 'tensorflow' ? 'recorded' : 'eager';
  const weights = frozenBytes + 4 * trained,
    slots = moduleNames.reduce((sum, module) => sum + slotSize(spec, trainable[module]), 0),
    optimiser = 4 * (slots + (regularised ? trained : 0));
  const most = Math.max(...Object.values(costs).map((cost) => cost.activationBytes[engine] + cost.inputBytes));
  const activations = widened + (engine === 'recorded' ? allocated * most : most);
  // The values of the start stay in JavaScript: for trained weights the vector and what it was filled from. Frozen ones
  // are the very memory that TensorFlow computes on (src/models/weights/frozenFiles.ts); other backends copy them.
  const given = moduleNames
    .flatMap((module: ModuleName) => model.trainable[module])
    .reduce((sum, { shape, initial }) => sum + (initial.kind === 'value' ? elements(shape) : 0), 0);
  const host = (backend === 'tensorflow' ? 4 * trained : weights) + optimiser + 4 * given + dataBytes;
  const graphs = Object.values(costs).reduce((sum, { kernels }) => sum + kernels, 0) * kernelBytes;
  const process = (processBytes[backend] ?? processBytes['tensorflow']!) + (engine === 'recorded' ? graphs : 0);
  return {
    parameters: frozen + trained - adapterSize(model),
    trainable,
    memory: {
      process,
      weights,
      shared: backend === 'tensorflow' ? frozenBytes : 0,
      optimiser,
      activations,
      host,
      total: process + weights + optimiser + activations + host,
    },
    step: workOf(costs['train'], trained, slots),
    measured: workOf(costs['measured'] ?? costs['train'], trained, slots),
  };
}

/** Numbers and bytes of frozen weights, and the most bytes that one of them takes beside these. */
function frozenSizes({ frozen }: Planned['model']): { frozen: number; frozenBytes: number; widened: number } {
  const all = Object.values(frozen);
  return {
    frozen: all.reduce((sum, { shape }) => sum + elements(shape), 0),
    frozenBytes: all.reduce((sum, weight) => sum + bytesOf(weight), 0),
    // Where a pass is exact, a stored matrix stands in float32 for as long as a product reads it.
    widened: all.reduce((most, weight) => (isStored(weight) ? Math.max(most, 4 * elements(weight.shape)) : most), 0),
  };
}

const isStored = ({ data }: StoredTensor): boolean => areBfloat16(data);
const bytesOf = (weight: StoredTensor): number => (isStored(weight) ? 2 : 4) * elements(weight.shape);

/** Adapters are parameters of the training and not of the model. */
const adapterSize = (model: Pick<MultimodalModel, 'trainable'>): number =>
  moduleNames
    .flatMap((module) => model.trainable[module])
    .reduce((sum, { name, shape }) => sum + (/\.lora_[AB]$/.test(name) ? elements(shape) : 0), 0);

/** An optimiser reads parameters, gradient and what it remembers, and writes all but the gradient: Adam in one pass. */
const workOf = (
  cost: ProgramCost | undefined,
  trained: number,
  slots: number,
): { flops: number; movedBytes: number } => ({
  flops: cost?.flops ?? 0,
  movedBytes: (cost?.movedBytes ?? 0) + 4 * (3 * trained + 2 * slots),
});
