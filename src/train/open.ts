/**
 * What a run is while it goes on: everything that stays as it is, the state of the loop, and the session that trains.
 */
import { buildScheduler, type Scheduler } from '../balance/schedulers';
import { stepsOf } from '../manifest/expand';
import type { RunSpec } from '../manifest/run';
import type { Continuer } from '../models/generation/continuer';
import { moduleNames, type PerModule } from '../modules';
import { openSession, type Program, type Session } from '../tensor/program';
import { evaluatedPiece } from '../tensor/optimiserKinds';
import { answerShape } from './answers';
import { fillBatch, type BatchArrays } from './batches';
import { newLoop, restoreState, type CheckpointKeeper, type LoopState, type RunCheckpoint } from './checkpoint';
import { phaseClock, type PhaseClock } from './clock';
import { continuerOf, generationPrograms, generationState, type GenerationShape } from './generationPrograms';
import type { Prepared } from './prepare';
import { initialState, scoreProgram, settingOf, type Setting } from './programs';
import type { Sizes } from './sizes';
import { startState } from './start';
import { trainProgram, type MeasureOption } from './trainProgram';

export interface TrainOptions {
  /** told what is being done before and after the steps */
  onStage?: (stage: string) => void;
  signal?: AbortSignal;
  /** the run of whose media features are computed where there are none yet; default: this one */
  asked?: RunSpec;
  /** the scheduler's factors, step by step, of the run that this one follows */
  followed?: readonly PerModule<number>[];
  /** goes on from here; the records up to here are not handed out again */
  from?: RunCheckpoint;
  /** asked after each step whether to keep a checkpoint; also given one when `signal` fires */
  checkpoints?: CheckpointKeeper;
}

export interface OpenRun {
  spec: RunSpec;
  prepared: Prepared;
  options: TrainOptions;
  onStage: (stage: string) => void;
  setting: Setting;
  /** optimiser steps of the whole run */
  steps: number;
  /** the fixed questions on which kappa is measured; null: the batch */
  probe: BatchArrays | null;
  scheduler: Scheduler<unknown>;
  /** of the state, by name: the values that it began with are in the session and nowhere else */
  shapes: Record<string, number[]>;
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
  const setting = settingOf(spec, prepared.model, prepared.codec.vocabulary.ids.length);
  const scheduler = buildScheduler(spec.scheduler);
  const loop = from === undefined ? newLoop(scheduler.initial) : structuredClone(from.loop);
  const clock = phaseClock({ ...loop.seconds, evaluate: from?.evaluated?.seconds ?? loop.seconds.evaluate });
  const initial =
    from === undefined
      ? await startState(spec, setting, prepared, onStage, signal)
      : restoreState(initialState(setting, spec.seed), from);
  onStage('programs');
  const { model } = prepared;
  const answers = answerShape(prepared, prepared.sizes.evaluationRows);
  const session = openSession(
    programsOf(spec, setting, prepared, answers),
    answers === null ? initial : { ...initial, ...generationState(model, answers) },
    { kernels: spec.kernels },
  );
  const probe = probeOf(prepared)?.probe ?? null;
  return {
    spec,
    prepared,
    options,
    onStage,
    setting,
    steps: stepsOf(spec, prepared.examples.train.length),
    probe: probe === null ? null : fillBatch(prepared.examples.probe, prepared.features, probe),
    scheduler,
    shapes: Object.fromEntries(Object.entries(initial).map(([name, { shape }]) => [name, shape])),
    session,
    ...(answers === null ? {} : { continuer: continuerOf(session, model, answers) }),
    clock,
    loop,
  };
}

/** The probe's shape, and the model for its size; null: there is none. */
function probeOf({ examples, sizes }: Prepared): Pick<MeasureOption, 'probe' | 'probeModel'> | null {
  if (examples.probe.length === 0) return null;
  const { model, shape } = sizes.of(examples.probe.map(({ media }) => media));
  return { probe: shape(examples.probe.length), probeModel: model };
}

/** The programs of the session, by name. */
function programsOf(
  spec: RunSpec,
  setting: Setting,
  prepared: Prepared,
  answers: GenerationShape | null,
): Record<string, Program> {
  const measure: MeasureOption = {
    variant: spec.measure.variant,
    ...(probeOf(prepared) ?? { probe: null }),
    isBeside: spec.measure.on === 'batch',
    end: spec.measure.withoutEnd === 'on' ? prepared.codec.end : null,
  };
  const training = prepared.sizes.all.map(({ suffix, model, shape }): Record<string, Program> => {
    const [sized, batch] = [{ ...setting, model }, shape(spec.batch)];
    return {
      [`train${suffix}`]: trainProgram(sized, batch, moduleNames, null),
      [`measured${suffix}`]: trainProgram(sized, batch, moduleNames, measure),
    };
  });
  return {
    ...(Object.assign({}, ...training) as Record<string, Program>),
    ...scorePrograms(setting, 'score', prepared.sizes),
    ...(Object.assign(
      {},
      ...prepared.transfer.map(({ task, sizes }) => scorePrograms(setting, scoreOf(task), sizes)),
    ) as Record<string, Program>),
    ...(answers === null ? {} : generationPrograms(prepared.model, answers, evaluatedPiece(spec.optimiser))),
  };
}

/** The programs that score a task, one for each size of its batches. */
export const scorePrograms = (
  setting: Setting,
  name: string,
  { all, evaluationRows }: Sizes,
): Record<string, Program> =>
  Object.fromEntries(
    all.map(({ suffix, model, shape }) => [
      `${name}${suffix}`,
      scoreProgram({ ...setting, model }, shape(evaluationRows)),
    ]),
  );

/** Name of the program that scores a task of `evaluate.transfer`. */
export const scoreOf = (task: string): string => `score/${task}`;
