/**
 * One run as a stream of journal records. `trainPrepared` is the method's algorithm: for each step the scheduler
 * decides, both modules take it, and every `measure.every` steps kappa is measured, which the scheduler sees at the
 * next; validation on the way, the evaluation split once at the end.
 */
import type { RunSpec } from '../manifest/run';
import { trainedWeights, type LoopState } from './checkpoint';
import { evaluateOwn, evaluateTransfer, isValidated, keepBest, validate } from './evaluation';
import { keeping } from './keeping';
import { openRun, type OpenRun, type TrainOptions } from './open';
import { predictionLines, type StoredPrediction } from './predictions';
import { prepare, type Prepared } from './prepare';
import type { EvaluateRecord, JournalRecord, NoticeRecord } from './records';
import { measureRecord, observeStep, planStep, takeStep, trainingBatches, trainRecord } from './step';

export type { TrainOptions } from './open';

export interface TrainSummary {
  steps: number;
  final: EvaluateRecord;
  notices: string[];
  seconds: LoopState['seconds'];
  /** identity of each weight source */
  weights: Record<string, string>;
  /** safetensors of both modules' trained parameters, by name */
  checkpoint: Uint8Array;
  /** lines of predictions.jsonl: what was predicted for each question of the evaluation split */
  predictions: string;
}

/**
 * Trains and evaluates one run on the current backend. A pure function of (spec, data, weights, backend, threads): with
 * `from` the records are those that the run left alone hands out after the checkpoint, byte for byte.
 * @throws UserError for data or weights that cannot be had, Error when loss or a gradient is not finite (naming step
 * and module), OutOfMemoryError when a step does not fit, AbortError when `signal` fires
 */
export async function* trainRun(
  spec: RunSpec,
  options: TrainOptions = {},
): AsyncGenerator<JournalRecord, TrainSummary> {
  const begun = performance.now();
  // Features of a large set take minutes, and there is no step to end: whoever stops the run is heard between media.
  const onStage = (stage: string) => {
    options.signal?.throwIfAborted();
    options.onStage?.(stage);
  };
  const prepared = await prepare(spec, onStage, options.asked ?? spec);
  const seconds = (performance.now() - begun) / 1000;
  const summary = yield* trainPrepared(spec, prepared, options);
  return { ...summary, seconds: { ...summary.seconds, prepare: seconds + summary.seconds.prepare } };
}

/** The same from data and model that are at hand. */
export async function* trainPrepared(
  spec: RunSpec,
  prepared: Prepared,
  options: TrainOptions = {},
): AsyncGenerator<JournalRecord, TrainSummary> {
  const run = await openRun(spec, prepared, options);
  const { loop, steps, onStage } = run;
  try {
    yield* openingNotices(run);
    const kept = keeping(run);
    const questions = trainingBatches(run);
    run.clock.enter('train');
    onStage('training');
    for (;;) {
      if (loop.reached === 'trained') {
        if (isValidated(run)) {
          const record = await validate(run, kept);
          yield record;
          await keepBest(run, record);
        }
        loop.reached = 'validated';
        kept.log.clear();
      }
      if (loop.step >= steps) break;
      await kept.leave();
      const plan = planStep(run);
      const taken = await takeStep(run, plan, questions);
      yield trainRecord(plan, taken);
      observeStep(run, taken);
      const kappa = measureRecord(run, plan, taken);
      if (kappa !== null) yield kappa;
      loop.step = plan.step;
      loop.reached = 'trained';
      if (options.checkpoints?.due(plan.step) === true) await kept.keep();
      await kept.leave();
    }
    yield* closingNotice(run);
    const predictions: StoredPrediction[] = [];
    for (const [index, task] of prepared.transfer.entries()) {
      const transferred = await evaluateTransfer(run, kept, task);
      predictions.push(...transferred.predictions);
      if (index < (loop.transferred ?? 0)) continue;
      yield transferred.record;
      loop.transferred = index + 1;
    }
    onStage('evaluation');
    const own = await evaluateOwn(run, kept);
    yield own.record;
    return await summaryOf(run, own.record, [...predictions, ...own.predictions]);
  } finally {
    run.session.dispose();
  }
}

/** What a reader must know of session and data; handed out once, however often the run goes on from a checkpoint. */
function* openingNotices({ session, prepared, loop, options }: OpenRun): Generator<NoticeRecord> {
  const notices = [
    session.notice,
    ...(prepared.set.notices ?? []),
    ...prepared.transfer.flatMap((task) => task.notices),
  ].flatMap((notice) => (notice === undefined || loop.notices.includes(notice) ? [] : [notice]));
  loop.notices.push(...notices);
  if (options.from === undefined) for (const message of notices) yield { kind: 'notice', step: 0, message };
}

/** Says after the last step how often the regulariser had no gradient. */
function* closingNotice({ loop, steps }: OpenRun): Generator<NoticeRecord> {
  if (loop.reached !== 'closed' && loop.capped > 0) {
    const message = `the regulariser's divergence was above its cap in ${loop.capped} of ${steps} steps and had no gradient there`;
    yield { kind: 'notice', step: steps, message };
    loop.notices.push(message);
  }
  loop.reached = 'closed';
}

const summaryOf = async (
  { loop, steps, prepared, clock, session, setting }: OpenRun,
  final: EvaluateRecord,
  predictions: StoredPrediction[],
): Promise<TrainSummary> => ({
  steps,
  final,
  notices: loop.notices,
  weights: prepared.weights,
  seconds: clock.seconds(),
  checkpoint: await trainedWeights(session, setting),
  predictions: predictionLines(predictions),
});
