/**
 * One run as a stream of journal records: prepare, align, then for each step the scheduler's decision, the update, and
 * every `measure.every` steps kappa and its metrics; validation on the way, the evaluation split once at the end.
 */
import { metricsOf, seenGradient } from '../balance/measure';
import { regulariserWeights } from '../balance/regulariser';
import { buildScheduler } from '../balance/schedulers';
import { stepsOf } from '../manifest/expand';
import type { ModuleName, PerModule, RunSpec } from '../manifest/run';
import { optimiserOptions } from '../tensor/optimiser';
import type { Continuer } from '../models/generation/continuer';
import { openSession } from '../tensor/program';
import { tf } from '../tensor/tf';
import { answerShape } from './answers';
import { batchIndices, fillBatch } from './batches';
import { batchLog } from './batchLog';
import {
  isBest,
  newLoop,
  restoreState,
  takeCheckpoint,
  trainedWeights,
  type CheckpointKeeper,
  type LoopState,
  type RunCheckpoint,
} from './checkpoint';
import { evaluationRecord, predict } from './evaluate';
import { checkFinite } from './finite';
import { continuerOf, generationPrograms, generationState } from './generationPrograms';
import { isOutOfMemory, largestBatch, outOfMemoryError } from './memory';
import { predictionLines, stored, type StoredPrediction } from './predictions';
import { prepare, type Prepared, type TransferTask } from './prepare';
import {
  initialState,
  noiseInputs,
  scoreProgram,
  trainProgram,
  unpackStep,
  type MeasureNumbers,
  type Setting,
  type StepNumbers,
} from './programs';
import type { EvaluateRecord, JournalRecord, MeasureRecord, TrainRecord } from './records';
import { firstStepFits, startState } from './start';
import { stepClock } from './stepClock';

export interface TrainOptions {
  /** told what is being done before and after the steps */
  onStage?: (stage: string) => void;
  signal?: AbortSignal;
  /** goes on from here; the records up to here are not handed out again */
  from?: RunCheckpoint;
  /** asked after each step whether to keep a checkpoint; also given one when `signal` fires */
  checkpoints?: CheckpointKeeper;
}

export interface TrainSummary {
  steps: number;
  final: EvaluateRecord;
  notices: string[];
  seconds: { prepare: number; train: number; evaluate: number };
  /** identity of each weight source */
  weights: Record<string, string>;
  /** safetensors of both modules' trained parameters, by name */
  checkpoint: Uint8Array;
  /** lines of predictions.jsonl: what was predicted for each question of the evaluation split */
  predictions: string;
}

/** The questions of one evaluation and how they are scored. */
type EvaluationPass = Omit<TransferTask, 'notices'> & { program: string; continuer?: Continuer };

/** Rows of an evaluation pass; a constant of the product, so that results do not depend on memory. */
export const evaluationBatch = 32;

/**
 * Trains and evaluates one run on the current backend. A pure function of (spec, data, weights, backend, threads): with
 * `from` the records are those that the run left alone hands out after the checkpoint, byte for byte.
 * @throws UserError for data or weights that cannot be had, Error when loss or a gradient is not finite (naming step and module), AbortError when `signal` fires
 */
export async function* trainRun(
  spec: RunSpec,
  options: TrainOptions = {},
): AsyncGenerator<JournalRecord, TrainSummary> {
  const clock = watch();
  const prepared = await prepare(spec, options.onStage ?? (() => undefined));
  const prepareSeconds = clock();
  const summary = yield* trainPrepared(spec, prepared, options);
  return { ...summary, seconds: { ...summary.seconds, prepare: prepareSeconds + summary.seconds.prepare } };
}

/** The same from data and model that are at hand. */
export async function* trainPrepared(
  spec: RunSpec,
  prepared: Prepared,
  options: TrainOptions = {},
): AsyncGenerator<JournalRecord, TrainSummary> {
  const { onStage = () => undefined, signal, from, checkpoints } = options;
  const clock = watch();
  const { model, codec } = prepared;
  const setting: Setting = {
    model,
    vocabulary: codec.vocabulary.ids.length,
    optimiser: spec.optimiser,
    regulariser: spec.regulariser,
    gradientNoise: spec.scheduler.kind === 'ogm-ge',
  };
  const scheduler = buildScheduler(spec.scheduler);
  const loop: LoopState = from === undefined ? newLoop(scheduler.initial) : structuredClone(from.loop);
  const initial =
    from === undefined
      ? await startState(spec, setting, prepared, onStage, signal)
      : restoreState(initialState(setting, spec.seed), from);

  onStage('programs');
  const shape = prepared.shape(spec.batch);
  const probe = spec.measure.on === 'probe' ? prepared.shape(prepared.examples.probe.length) : null;
  const measure = { variant: spec.measure.variant ?? 'a', probe } as const;
  const answers = answerShape(prepared, evaluationBatch);
  const session = openSession(
    {
      train: trainProgram(setting, shape, ['encoder', 'backbone'], null),
      measured: trainProgram(setting, shape, ['encoder', 'backbone'], measure),
      score: scoreProgram(setting, prepared.shape(evaluationBatch)),
      ...Object.fromEntries(
        prepared.transfer.map(({ task, shape: of }) => [`score/${task}`, scoreProgram(setting, of(evaluationBatch))]),
      ),
      ...(answers === null ? {} : generationPrograms(model, answers)),
    },
    answers === null ? initial : { ...initial, ...generationState(model, answers) },
  );
  const continuer = answers === null ? {} : { continuer: continuerOf(session, model, answers) };
  const earlier = { ...loop.seconds, evaluate: from?.evaluated?.seconds ?? loop.seconds.evaluate };
  const prepareSeconds = clock();
  let evaluateSeconds = 0;
  let begunPass: number | null = null;
  const seconds = () => {
    const evaluated = evaluateSeconds + (begunPass === null ? 0 : clock() - begunPass);
    return {
      prepare: earlier.prepare + prepareSeconds,
      train: earlier.train + clock() - prepareSeconds - evaluated,
      evaluate: earlier.evaluate + evaluated,
    };
  };

  try {
    const fresh = [
      session.notice,
      ...(prepared.set.notices ?? []),
      ...prepared.transfer.flatMap(({ notices }) => notices),
    ].flatMap((notice) => (notice === undefined || loop.notices.includes(notice) ? [] : [notice]));
    loop.notices.push(...fresh);
    if (from === undefined) for (const message of fresh) yield { kind: 'notice', step: 0, message };
    const steps = stepsOf(spec, prepared.examples.train.length);
    const probeInputs =
      probe === null
        ? {}
        : Object.fromEntries(
            Object.entries(fillBatch(prepared.examples.probe, prepared.features, probe)).map(([name, values]) => [
              `probe/${name}`,
              values,
            ]),
          );
    const counts = stepClock(optimiserOptions(spec.optimiser), loop.updates);
    const indices = batchIndices(prepared.examples.train.length, spec.batch, spec.seed, 'train');
    const window = windowOf(spec);
    const log = batchLog(
      from?.evaluated?.batches ?? [],
      async () => {
        if (checkpoints?.dueInEvaluation?.() === true) await keep();
      },
      () => loop.notices.push('what was kept of an evaluation did not fit; it was computed again'),
    );
    let kept = '';
    const keep = async (): Promise<void> => {
      const place = `${loop.step} ${loop.reached}`;
      if (checkpoints === undefined || loop.step === 0) return;
      if (kept !== place)
        checkpoints.save(
          await takeCheckpoint(session, initial, { ...loop, updates: counts.updates(), seconds: seconds() }),
        );
      kept = place;
      if (log.computed() > 0) checkpoints.saveEvaluated?.({ batches: log.batches(), seconds: seconds().evaluate });
    };
    const leave = async (): Promise<void> => {
      if (signal?.aborted === true) await keep();
      signal?.throwIfAborted();
    };
    const predictions: StoredPrediction[] = [];
    const own = { task: spec.task, features: prepared.features, shape: prepared.shape, program: 'score', ...continuer };
    const evaluate = async (
      { task, items, features, shape: of, program, continuer: generates }: EvaluationPass,
      split: 'validation' | 'evaluation',
    ): Promise<EvaluateRecord> => {
      begunPass = clock();
      const name = task === spec.task ? split : task;
      try {
        const found = await predict(session, items, codec, features, of(evaluationBatch), {
          generate: split === 'evaluation',
          program,
          next: log.next,
          onProgress: (done, total) => onStage(`${name} ${done}/${total}`),
          ...(generates === undefined ? {} : { continuer: generates }),
          ...(signal === undefined ? {} : { signal }),
        });
        const lines = found.map((prediction) => stored(task, prediction));
        if (split === 'evaluation') predictions.push(...lines);
        return { ...(await evaluationRecord(lines, loop.step, split)), ...(task === spec.task ? {} : { task }) };
      } catch (error) {
        if (signal?.aborted === true) await keep();
        throw error;
      } finally {
        evaluateSeconds += clock() - begunPass;
        begunPass = null;
      }
    };
    const takeStep = async (
      program: 'train' | 'measured',
      inputs: Record<string, Float32Array | Int32Array>,
    ): Promise<Float32Array> => {
      try {
        return (await session.run(program, inputs))['numbers']!;
      } catch (error) {
        if (!isOutOfMemory(error)) throw error;
        session.dispose();
        throw outOfMemoryError(
          spec.batch,
          await largestBatch(spec.batch, (batch) => firstStepFits(setting, prepared, initial, batch)),
          tf.getBackend(),
          error,
        );
      }
    };
    onStage('training');
    for (;;) {
      if (loop.reached === 'trained') {
        if (spec.evaluate.every > 0 && loop.step % spec.evaluate.every === 0 && prepared.items.validation.length > 0) {
          const items = prepared.items.validation.slice(
            0,
            spec.evaluate.validation ?? prepared.items.validation.length,
          );
          const record = await evaluate({ ...own, items }, 'validation');
          yield record;
          const now = { step: loop.step, accuracy: record.choice.accuracy, loss: record.loss };
          if (isBest(now, loop.best)) {
            loop.best = now;
            checkpoints?.best?.(
              await trainedWeights(session, setting, {
                step: String(now.step),
                accuracy: String(now.accuracy),
                loss: String(now.loss),
              }),
            );
          }
        }
        loop.reached = 'validated';
        log.clear();
      }
      if (loop.step >= steps) break;
      await leave();
      const step = loop.step + 1;
      const { state, decision } = scheduler.next(loop.scheduler, {
        step,
        steps,
        logKappas: loop.fresh,
        gradientNorm: loop.gradientNorm,
      });
      loop.scheduler = state;
      loop.fresh = [];
      const warm = spec.warmup > 0 ? Math.min(1, step / spec.warmup) : 1;
      const rate = both((module) => spec.learningRate[module] * decision.factor[module] * warm);
      const weights = regulariserWeights(loop.kappaAverage);
      const isMeasured = spec.measure.every > 0 && step % spec.measure.every === 0;
      const numbers = await takeStep(isMeasured ? 'measured' : 'train', {
        ...fillBatch(
          indices(step).map((i) => prepared.examples.train[i]!),
          prepared.features,
          shape,
        ),
        ...(isMeasured ? probeInputs : {}),
        ...counts.inputs('encoder', rate.encoder, decision.active.encoder),
        ...counts.inputs('backbone', rate.backbone, decision.active.backbone),
        'weight/encoder': new Float32Array([weights.encoder]),
        'weight/backbone': new Float32Array([weights.backbone]),
        ...noiseInputs(setting, spec.seed, step),
      });
      const raw = unpackStep(numbers);
      checkFinite(raw.step, step);
      const used = both((module) => (decision.active[module] ? rate[module] : 0));
      const train: TrainRecord = {
        kind: 'train',
        step,
        loss: raw.step.crossEntropy,
        learningRate: used,
        gradientNorm: { encoder: raw.step.normEncoder, backbone: raw.step.normBackbone },
      };
      yield train;
      if (
        spec.regulariser.kind !== 'none' &&
        Math.max(raw.step.klEncoder, raw.step.klBackbone) > (spec.regulariser.cap ?? 1)
      )
        loop.capped += 1;
      loop.memory = seenGradient(loop.memory, train.gradientNorm);
      loop.gradientNorm = train.gradientNorm;
      if (raw.measure !== null) {
        const measured = metricsOf(measuredStep(raw.step, raw.measure), loop.memory, window);
        loop.memory = measured.memory;
        loop.kappaAverage = measured.metrics.kappaAverage;
        loop.fresh = [measured.metrics.logKappa];
        yield {
          kind: 'measure',
          step,
          on: spec.measure.on,
          ...measured.metrics,
          learningRate: used,
          factor: decision.factor,
          convergenceFactor: Math.min(decision.factor.encoder, decision.factor.backbone),
          regulariser: raw.step.loss - raw.step.crossEntropy,
        } satisfies MeasureRecord;
      }
      loop.step = step;
      loop.reached = 'trained';
      if (checkpoints?.due(step) === true) await keep();
      await leave();
    }
    if (loop.reached !== 'closed' && loop.capped > 0) {
      const message = `the regulariser's divergence was above its cap in ${loop.capped} of ${steps} steps and had no gradient there`;
      yield { kind: 'notice', step: steps, message };
      loop.notices.push(message);
    }
    loop.reached = 'closed';
    for (const [index, other] of prepared.transfer.entries()) {
      const record = await evaluate({ ...other, program: `score/${other.task}` }, 'evaluation');
      if (index < (loop.transferred ?? 0)) continue;
      yield record;
      loop.transferred = index + 1;
    }
    onStage('evaluation');
    const final = await evaluate({ ...own, items: prepared.items.evaluation }, 'evaluation');
    yield final;
    return {
      steps,
      final,
      notices: loop.notices,
      weights: prepared.weights,
      seconds: seconds(),
      checkpoint: await trainedWeights(session, setting),
      predictions: predictionLines(predictions),
    };
  } finally {
    session.dispose();
  }
}

const both = <T>(of: (module: ModuleName) => T): PerModule<T> => ({ encoder: of('encoder'), backbone: of('backbone') });

/** Seconds since the call, for run.json only; never part of a result. */
function watch(): () => number {
  const begun = performance.now();
  return () => (performance.now() - begun) / 1000;
}

/** Measures in the moving statistics: the scheduler's own window, or its default for schedulers without one. */
const windowOf = (spec: RunSpec): number =>
  'window' in spec.scheduler && spec.scheduler.window !== undefined ? spec.scheduler.window : 5;

const measuredStep = (step: StepNumbers, measure: MeasureNumbers) => ({
  dBackbone: measure.dBackbone,
  dEncoder: measure.dEncoder,
  smallestProbability: measure.smallestProbability,
  meanProbability: measure.meanProbability,
  gradientNorm: { encoder: step.normEncoder, backbone: step.normBackbone },
  parameterNorm: { encoder: measure.thetaEncoder, backbone: measure.thetaBackbone },
  updateNorm: { encoder: measure.deltaEncoder, backbone: measure.deltaBackbone },
  progress: { encoder: measure.progressEncoder, backbone: measure.progressBackbone },
});
