/**
 * One run as a stream of journal records: prepare, align, then for each step the scheduler's decision, the update, and
 * every `measure.every` steps kappa and its metrics; validation on the way, the evaluation split once at the end.
 */
import { metricsOf, noMeasures, seenGradient, type MeasureMemory } from '../balance/measure';
import { regulariserWeights } from '../balance/regulariser';
import { buildScheduler } from '../balance/schedulers';
import { stepsOf } from '../manifest/expand';
import type { ModuleName, PerModule, RunSpec } from '../manifest/run';
import { writeSafetensors } from '../models/safetensors';
import { optimiserOptions } from '../tensor/optimiser';
import { openSession, type Session, type StateValue } from '../tensor/program';
import { tf } from '../tensor/tf';
import { alignedEncoder } from './alignment';
import { batchIndices, fillBatch } from './batches';
import { evaluationRecord, predict } from './evaluate';
import { isOutOfMemory, largestBatch, outOfMemoryError } from './memory';
import { prepare, type Prepared } from './prepare';
import { initialState, scoreProgram, trainProgram, unpackStep, type MeasureNumbers, type Setting, type StepNumbers } from './programs';
import type { EvaluateRecord, JournalRecord, MeasureRecord, TrainRecord } from './records';
import { stepClock } from './stepClock';

export interface TrainOptions { /** told what is being done before and after the steps */ onStage?: (stage: string) => void; signal?: AbortSignal }

export interface TrainSummary {
  steps: number;
  final: EvaluateRecord;
  notices: string[];
  seconds: { prepare: number; train: number; evaluate: number };
  /** identity of each weight source */ weights: Record<string, string>;
  /** safetensors of both modules' trained parameters, by name */ checkpoint: Uint8Array;
}

/** Rows of an evaluation pass; a constant of the product, so that results do not depend on memory. */
const evaluationBatch = 32;

/**
 * Trains and evaluates one run on the current backend. A pure function of (spec, data, weights, backend, threads).
 * @throws UserError for data or weights that cannot be had, Error when loss or a gradient is not finite (naming step and module), AbortError when `signal` fires
 */
export async function* trainRun(spec: RunSpec, options: TrainOptions = {}): AsyncGenerator<JournalRecord, TrainSummary> {
  const clock = watch();
  const prepared = await prepare(spec, options.onStage ?? (() => undefined));
  const prepareSeconds = clock();
  const summary = yield* trainPrepared(spec, prepared, options);
  return { ...summary, seconds: { ...summary.seconds, prepare: prepareSeconds + summary.seconds.prepare } };
}

/** The same from data and model that are at hand. */
export async function* trainPrepared(spec: RunSpec, prepared: Prepared, options: TrainOptions = {}): AsyncGenerator<JournalRecord, TrainSummary> {
  const { onStage = () => undefined, signal } = options;
  const clock = watch();
  const { model, codec } = prepared;
  const setting: Setting = { model, vocabulary: codec.vocabulary.ids.length, optimiser: spec.optimiser, regulariser: spec.regulariser };
  const notices: string[] = [];
  const initial = initialState(setting, spec.seed);
  onStage('alignment');
  if (spec.align.steps > 0) initial['encoder/theta'] = { ...initial['encoder/theta']!, data: await alignedEncoder(spec, setting, prepared, initial, onStage, signal) };
  if (initial['encoder/previous'] !== undefined) initial['encoder/previous'] = initial['encoder/theta']!;

  onStage('programs');
  const shape = prepared.shape(spec.batch);
  const probe = spec.measure.on === 'probe' ? prepared.shape(prepared.examples.probe.length) : null;
  const measure = { variant: spec.measure.variant ?? 'a', probe } as const;
  const session = openSession({
    train: trainProgram(setting, shape, ['encoder', 'backbone'], null),
    measured: trainProgram(setting, shape, ['encoder', 'backbone'], measure),
    score: scoreProgram(setting, prepared.shape(evaluationBatch)),
  }, initial);
  if (session.notice !== undefined) notices.push(session.notice);
  const prepareSeconds = clock();

  try {
    for (const message of notices) yield { kind: 'notice', step: 0, message };
    const steps = stepsOf(spec, prepared.examples.train.length);
    const probeInputs = probe === null ? {} : Object.fromEntries(Object.entries(fillBatch(prepared.examples.probe, prepared.features, probe)).map(([name, values]) => [`probe/${name}`, values]));
    const scheduler = buildScheduler(spec.scheduler);
    const adam = optimiserOptions(spec.optimiser);
    const counts = stepClock(adam);
    const indices = batchIndices(prepared.examples.train.length, spec.batch, spec.seed, 'train');
    const window = windowOf(spec);
    let schedulerState = scheduler.initial;
    let memory: MeasureMemory = noMeasures;
    let kappaAverage = 1;
    let fresh: number[] = [];
    let capped = 0;
    let evaluateSeconds = 0;
    const takeStep = async (program: 'train' | 'measured', inputs: Record<string, Float32Array | Int32Array>): Promise<Float32Array> => {
      try {
        return (await session.run(program, inputs))['numbers']!;
      } catch (error) {
        if (!isOutOfMemory(error)) throw error;
        session.dispose();
        throw outOfMemoryError(spec.batch, await largestBatch(spec.batch, (batch) => fits(setting, prepared, initial, batch)), tf.getBackend(), error);
      }
    };
    onStage('training');
    for (let step = 1; step <= steps; step++) {
      signal?.throwIfAborted();
      const { state, decision } = scheduler.next(schedulerState, { step, steps, logKappas: fresh });
      schedulerState = state;
      fresh = [];
      const warm = spec.warmup > 0 ? Math.min(1, step / spec.warmup) : 1;
      const rate = both((module) => spec.learningRate[module] * decision.factor[module] * warm);
      const weights = regulariserWeights(kappaAverage);
      const isMeasured = spec.measure.every > 0 && step % spec.measure.every === 0;
      const numbers = await takeStep(isMeasured ? 'measured' : 'train', {
        ...fillBatch(indices(step).map((i) => prepared.examples.train[i]!), prepared.features, shape),
        ...(isMeasured ? probeInputs : {}),
        ...counts.inputs('encoder', rate.encoder, decision.active.encoder),
        ...counts.inputs('backbone', rate.backbone, decision.active.backbone),
        'weight/encoder': new Float32Array([weights.encoder]), 'weight/backbone': new Float32Array([weights.backbone]),
      });
      const raw = unpackStep(numbers);
      checkFinite(raw.step, step);
      const used = both((module) => (decision.active[module] ? rate[module] : 0));
      const train: TrainRecord = { kind: 'train', step, loss: raw.step.crossEntropy, learningRate: used, gradientNorm: { encoder: raw.step.normEncoder, backbone: raw.step.normBackbone } };
      yield train;
      if (spec.regulariser.kind !== 'none' && Math.max(raw.step.klEncoder, raw.step.klBackbone) > (spec.regulariser.cap ?? 1)) capped += 1;
      memory = seenGradient(memory, train.gradientNorm);
      if (raw.measure !== null) {
        const measured = metricsOf(measuredStep(raw.step, raw.measure), memory, window);
        memory = measured.memory;
        kappaAverage = measured.metrics.kappaAverage;
        fresh = [measured.metrics.logKappa];
        yield {
          kind: 'measure', step, on: spec.measure.on, ...measured.metrics, learningRate: used, factor: decision.factor,
          convergenceFactor: Math.min(decision.factor.encoder, decision.factor.backbone), regulariser: raw.step.loss - raw.step.crossEntropy,
        } satisfies MeasureRecord;
      }
      if (spec.evaluate.every > 0 && step % spec.evaluate.every === 0 && prepared.items.validation.length > 0) {
        const begun = watch();
        const items = prepared.items.validation.slice(0, spec.evaluate.validation ?? prepared.items.validation.length);
        yield evaluationRecord(await scores(session, prepared, items, false, signal), step, 'validation');
        evaluateSeconds += begun();
      }
    }
    const trainSeconds = clock() - prepareSeconds - evaluateSeconds;
    if (capped > 0) {
      const message = `the regulariser's divergence was above its cap in ${capped} of ${steps} steps and had no gradient there`;
      notices.push(message);
      yield { kind: 'notice', step: steps, message };
    }
    onStage('evaluation');
    const begun = watch();
    const final = evaluationRecord(await scores(session, prepared, prepared.items.evaluation, true, signal), steps, 'evaluation');
    yield final;
    return {
      steps, final, notices, weights: prepared.weights,
      seconds: { prepare: prepareSeconds, train: trainSeconds, evaluate: evaluateSeconds + begun() },
      checkpoint: await checkpoint(session, setting),
    };
  } finally {
    session.dispose();
  }
}

/** Whether one step of this batch size runs, tried for real in a session of its own. */
async function fits(setting: Setting, prepared: Prepared, initial: Record<string, StateValue>, batch: number): Promise<boolean> {
  const shape = prepared.shape(batch);
  let session: Session | undefined;
  try {
    session = openSession({ train: trainProgram(setting, shape, ['encoder', 'backbone'], null) }, initial);
    const clock = stepClock(optimiserOptions(setting.optimiser));
    await session.run('train', {
      ...fillBatch(prepared.examples.train.slice(0, batch), prepared.features, shape), ...clock.inputs('encoder', 0, true), ...clock.inputs('backbone', 0, true),
      'weight/encoder': new Float32Array(1), 'weight/backbone': new Float32Array(1),
    });
    return true;
  } catch (error) {
    if (isOutOfMemory(error)) return false;
    throw error;
  } finally {
    session?.dispose();
  }
}

const both = <T>(of: (module: ModuleName) => T): PerModule<T> => ({ encoder: of('encoder'), backbone: of('backbone') });

/** Seconds since the call, for run.json only; never part of a result. */
function watch(): () => number {
  const begun = performance.now();
  return () => (performance.now() - begun) / 1000;
}

const scores = (session: Session, prepared: Prepared, items: Parameters<typeof predict>[1], generate: boolean, signal?: AbortSignal) =>
  predict(session, items, prepared.codec, prepared.features, prepared.shape(evaluationBatch), { generate, ...(signal ? { signal } : {}) });

/** Measures in the moving statistics: the scheduler's own window, or its default for schedulers without one. */
const windowOf = (spec: RunSpec): number => ('window' in spec.scheduler && spec.scheduler.window !== undefined ? spec.scheduler.window : 5);

function checkFinite(numbers: StepNumbers, step: number): void {
  const first = (['encoder', 'backbone'] as const).find((module) => !Number.isFinite(module === 'encoder' ? numbers.normEncoder : numbers.normBackbone));
  if (first !== undefined) throw new Error(`step ${step}: the gradient of the ${first} is not finite (loss ${numbers.crossEntropy}); lower its learning rate or clip harder`);
  if (!Number.isFinite(numbers.loss)) throw new Error(`step ${step}: the loss is ${numbers.loss}; lower the learning rates`);
}

const measuredStep = (step: StepNumbers, measure: MeasureNumbers) => ({
  dBackbone: measure.dBackbone, dEncoder: measure.dEncoder, smallestProbability: measure.smallestProbability, meanProbability: measure.meanProbability,
  gradientNorm: { encoder: step.normEncoder, backbone: step.normBackbone },
  parameterNorm: { encoder: measure.thetaEncoder, backbone: measure.thetaBackbone },
  updateNorm: { encoder: measure.deltaEncoder, backbone: measure.deltaBackbone },
  progress: { encoder: measure.progressEncoder, backbone: measure.progressBackbone },
});

/** Trained parameters by module and name. */
async function checkpoint(session: Session, { model }: Setting): Promise<Uint8Array> {
  const tensors: Record<string, { shape: number[]; data: Float32Array }> = {};
  for (const module of ['encoder', 'backbone'] as const) {
    const specs = model.trainable[module];
    if (specs.length === 0) continue;
    const theta = await session.read(`${module}/theta`);
    let at = 0;
    for (const { name, shape } of specs) {
      const size = shape.reduce((a, b) => a * b, 1);
      tensors[`${module}.${name}`] = { shape, data: theta.subarray(at, (at += size)) };
    }
  }
  return writeSafetensors(tensors);
}
