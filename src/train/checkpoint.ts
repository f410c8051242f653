/**
 * What a run's next step depends on, so that it can go on elsewhere as if nothing had happened: the trained state of
 * both modules and a few numbers of the loop. Batches and random numbers are functions of (seed, purpose, step) and
 * need no saving; frozen weights, features and the order of examples follow from the run's identity.
 */
import { noMeasures, type MeasureMemory } from '../balance/measure';
import type { PerModule } from '../manifest/run';
import { writeSafetensors } from '../models/weights/safetensors';
import type { WeightTensor } from '../models/weights/weight';
import { evaluatedPiece } from '../tensor/optimiserKinds';
import { valuesByName } from '../tensor/parameters';
import type { Session, StateValue } from '../tensor/program';
import type { KeptEvaluation } from './batchLog';
import type { Seconds } from './clock';
import { type Setting } from './programs';
import { moduleNames } from '../modules';

/** The loop between two records; plain JSON that survives a round trip to the last bit. */
export interface LoopState {
  /** last step taken */
  step: number;
  /**
   * which of that step's records have been handed out: `trained` train and measure, `validated` its validation too,
   * `closed` the notice at the end of training too
   */
  reached: 'trained' | 'validated' | 'closed';
  /** records of `evaluate.transfer` that have been handed out; absent: none */
  transferred?: number;
  /** updates of each module, for Adam's bias correction */
  updates: PerModule<number>;
  /** of the scheduler, opaque here */
  scheduler: unknown;
  memory: MeasureMemory;
  /** geometric mean of kappa over the window, which weighs the regulariser */
  kappaAverage: number;
  /** log kappas that the scheduler has not seen yet */
  fresh: number[];
  /** of the last step's gradients, for schedulers; null before the first */
  gradientNorm: PerModule<number> | null;
  /** of the parameters before that step; absent where the scheduler does not ask for it */
  parameterNorm?: PerModule<number>;
  /** steps in which the regulariser's divergence was above its cap */
  capped: number;
  /** best validation so far; null before the first */
  best: BestValidation | null;
  /** what run.json will say */
  notices: string[];
  /** wall-clock seconds so far, over all attempts; for run.json only */
  seconds: Seconds;
}

export interface BestValidation {
  step: number;
  accuracy: number;
  loss: number;
}

/**
 * A run between two steps. `tensors`: `<module>/theta`, all that the optimiser remembers, such as `first` and `second`,
 * and with a regulariser `previous`.
 */
export interface RunCheckpoint {
  loop: LoopState;
  tensors: Record<string, WeightTensor>;
  /** of the evaluation after it */
  evaluated?: KeptEvaluation;
}

/** Who keeps checkpoints, and when. Nothing here may influence a result. */
export interface CheckpointKeeper {
  /** asked after every step */
  due(step: number): boolean;
  /** all records handed out so far belong to what is before the checkpoint */
  save(checkpoint: RunCheckpoint): void;
  /** asked after every batch of an evaluation */
  dueInEvaluation?(): boolean;
  /** everything evaluated since the checkpoint saved last; takes the place of what was given before */
  saveEvaluated?(evaluated: KeptEvaluation): void;
  /** the trained parameters (safetensors) after the best validation so far */
  best?(weights: Uint8Array): void;
}

/** The loop before its first step. */
export function newLoop(scheduler: unknown): LoopState {
  return {
    step: 0,
    reached: 'validated',
    updates: { encoder: 0, backbone: 0 },
    scheduler,
    memory: noMeasures,
    kappaAverage: 1,
    fresh: [],
    gradientNorm: null,
    capped: 0,
    best: null,
    notices: [],
    seconds: { prepare: 0, train: 0, evaluate: 0 },
  };
}

/** Whether a piece of state changes while training; frozen weights do not. */
const isTrained = (name: string): boolean => !name.startsWith('frozen/');

/** The session's trained state, read back from the device; `shapes` of all of its state by name. */
export async function takeCheckpoint(
  session: Session,
  shapes: Record<string, number[]>,
  loop: LoopState,
): Promise<RunCheckpoint> {
  const tensors: Record<string, WeightTensor> = {};
  for (const name of Object.keys(shapes).filter(isTrained).sort())
    tensors[name] = { shape: shapes[name]!, data: await session.read(name) };
  return { loop: structuredClone(loop), tensors };
}

/** The initial state with a checkpoint's in its place. Throws Error when the two are not of one model. */
export function restoreState(
  initial: Record<string, StateValue>,
  { tensors }: RunCheckpoint,
): Record<string, StateValue> {
  const wanted = Object.keys(initial).filter(isTrained).sort();
  const found = Object.keys(tensors).sort();
  if (wanted.join() !== found.join())
    throw new Error(`the checkpoint holds ${found.join(', ') || 'nothing'}, the run needs ${wanted.join(', ')}`);
  const restored = { ...initial };
  for (const name of wanted) {
    const [expected, given] = [initial[name]!.shape, tensors[name]!.shape];
    if (expected.join() !== given.join())
      throw new Error(`the checkpoint's ${name} has shape [${given.join(', ')}], the run's [${expected.join(', ')}]`);
    restored[name] = tensors[name]!;
  }
  return restored;
}

/** Whether a validation is the best so far: higher accuracy, then lower loss; among equals the first stays. */
export function isBest(now: BestValidation, best: BestValidation | null): boolean {
  return best === null || now.accuracy > best.accuracy || (now.accuracy === best.accuracy && now.loss < best.loss);
}

/** Trained parameters by module and name, as they are evaluated, as a safetensors file. */
export async function trainedWeights(
  session: Session,
  { model, optimiser }: Setting,
  metadata: Record<string, string> = {},
): Promise<Uint8Array> {
  const tensors: Record<string, { shape: number[]; data: Float32Array }> = {};
  for (const module of moduleNames) {
    const specs = model.trainable[module];
    if (specs.length === 0) continue;
    for (const [name, value] of Object.entries(
      valuesByName(specs, await session.read(`${module}/${evaluatedPiece(optimiser)}`)),
    ))
      tensors[`${module}.${name}`] = value;
  }
  return writeSafetensors(tensors, metadata);
}
