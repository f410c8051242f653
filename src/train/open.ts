/**
 * What a run is while it goes on: everything that stays as it is, the state of the loop, and the session that trains.
 */
import { buildScheduler, schedulerFacts, type Scheduler } from '../balance/schedulers';
import { stepsOf } from '../manifest/expand';
import type { RunSpec } from '../manifest/run';
import type { Continuer } from '../models/generation/continuer';
import { moduleNames, type PerModule } from '../modules';
import { openSession, type Program, type Session, type StateValue } from '../tensor/program';
import { answerShape } from './answers';
import { fillBatch, type BatchArrays, type BatchShape } from './batches';
import { newLoop, restoreState, type CheckpointKeeper, type LoopState, type RunCheckpoint } from './checkpoint';
import { phaseClock, type PhaseClock } from './clock';
import { continuerOf, generationPrograms, generationState, type GenerationShape } from './generationPrograms';
import { partRatesOf, toldPartsOf } from './partVectors';
import type { Prepared } from './prepare';
import { initialState, scoreProgram, type Setting } from './programs';
import { startState } from './start';
import { trainProgram } from './trainProgram';

export interface TrainOptions {
  /** told what is being done before and after the steps */
  onStage?: (stage: string) => void;
  signal?: AbortSignal;
  /** the scheduler's factors, step by step, of the run that this one follows */
  followed?: readonly PerModule<number>[];
  /** goes on from here; the records up to here are not handed out again */
  from?: RunCheckpoint;
  /** asked after each step whether to keep a checkpoint; also given one when `signal` fires */
  checkpoints?: CheckpointKeeper;
}

/** Rows of an evaluation pass; a constant of the product, so that results do not depend on memory. */
export const evaluationBatch = 32;

export interface OpenRun {
  spec: RunSpec;
  prepared: Prepared;
  options: TrainOptions;
  onStage: (stage: string) => void;
  setting: Setting;
  /** optimiser steps of the whole run */
  steps: number;
  /** of a training batch */
  shape: BatchShape;
  /** the fixed questions on which kappa is measured; null: the batch */
  probe: BatchArrays | null;
  scheduler: Scheduler<unknown>;
  /** names and shapes of the state, and what a new run begins with */
  initial: Record<string, StateValue>;
  session: Session;
  /** generates answers; absent where that takes passes of `score` */
  continuer?: Continuer;
  clock: PhaseClock;
  /** the only part that changes from step to step, beside the session's state */
  loop: LoopState;
}

/**
 * Opens a run on the current backend, at its start (after the alignment phase) or at a checkpoint. The caller disposes
 * of the session. Throws UserError for a damaged cache file, Error for a checkpoint of another model.
 */
export async function openRun(spec: RunSpec, prepared: Prepared, options: TrainOptions): Promise<OpenRun> {
  const { onStage = () => undefined, signal, from } = options;
  const setting = settingOf(spec, prepared);
  const scheduler = buildScheduler(spec.scheduler);
  const loop = from === undefined ? newLoop(scheduler.initial) : structuredClone(from.loop);
  const clock = phaseClock({ ...loop.seconds, evaluate: from?.evaluated?.seconds ?? loop.seconds.evaluate });
  const initial =
    from === undefined
      ? await startState(spec, setting, prepared, onStage, signal)
      : restoreState(initialState(setting, spec.seed), from);
  onStage('programs');
  const { model } = prepared;
  const answers = answerShape(prepared, evaluationBatch);
  const session = openSession(
    programsOf(spec, setting, prepared, answers),
    answers === null ? initial : { ...initial, ...generationState(model, answers) },
  );
  const probe = probeShape(spec, prepared);
  return {
    spec,
    prepared,
    options,
    onStage,
    setting,
    steps: stepsOf(spec, prepared.examples.train.length),
    shape: prepared.shape(spec.batch),
    probe: probe === null ? null : fillBatch(prepared.examples.probe, prepared.features, probe),
    scheduler,
    initial,
    session,
    ...(answers === null ? {} : { continuer: continuerOf(session, model, answers) }),
    clock,
    loop,
  };
}

/** What of a run's spec its programs are made of. */
const settingOf = (spec: RunSpec, { model, codec }: Prepared): Setting => ({
  model,
  vocabulary: codec.vocabulary.ids.length,
  optimiser: spec.optimiser,
  regulariser: spec.regulariser,
  gradientNoise: schedulerFacts(spec.scheduler.kind).gradientNoise === true,
  partRates: partRatesOf(spec),
  toldParts: toldPartsOf(spec, model),
});

const probeShape = (spec: RunSpec, { examples, shape }: Prepared): BatchShape | null =>
  spec.measure.on === 'probe' ? shape(examples.probe.length) : null;

/** The programs of the session, by name. */
function programsOf(
  spec: RunSpec,
  setting: Setting,
  prepared: Prepared,
  answers: GenerationShape | null,
): Record<string, Program> {
  const shape = prepared.shape(spec.batch);
  const measure = { variant: spec.measure.variant, probe: probeShape(spec, prepared) } as const;
  return {
    train: trainProgram(setting, shape, moduleNames, null),
    measured: trainProgram(setting, shape, moduleNames, measure),
    score: scoreProgram(setting, prepared.shape(evaluationBatch)),
    ...Object.fromEntries(
      prepared.transfer.map(({ task, shape: of }) => [scoreOf(task), scoreProgram(setting, of(evaluationBatch))]),
    ),
    ...(answers === null ? {} : generationPrograms(prepared.model, answers)),
  };
}

/** Name of the program that scores a task of `evaluate.transfer`. */
export const scoreOf = (task: string): string => `score/${task}`;
