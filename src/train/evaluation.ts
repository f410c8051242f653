/** The evaluations of a run: validation on the way, the tasks of `evaluate.transfer` and the run's own at the end. */
import type { Item } from '../data/types';
import { trainedWeights, isBest } from './checkpoint';
import { evaluationRecord, predict } from './evaluate';
import type { Keeping } from './keeping';
import { scoreOf, type OpenRun } from './open';
import { stored, type StoredPrediction } from './predictions';
import type { TransferTask } from './prepare';
import type { EvaluateRecord } from './records';
import { largest } from './sizes';

/** The journal's record and what it was made from. */
export interface Evaluated {
  record: EvaluateRecord;
  predictions: StoredPrediction[];
}

/** The questions of one evaluation and how they are scored. */
type Pass = Omit<TransferTask, 'notices'> & { program: string; continuer?: OpenRun['continuer'] };

const ownPass = ({ spec, prepared, continuer }: OpenRun, items: Item[]): Pass => ({
  task: spec.task,
  items,
  codec: prepared.codec,
  features: prepared.features,
  sizes: prepared.sizes,
  program: 'score',
  continuer,
});

/** Whether the run is validated after its newest step. */
export const isValidated = ({ spec, prepared, loop }: OpenRun): boolean =>
  spec.evaluate.every > 0 && loop.step % spec.evaluate.every === 0 && prepared.items.validation.length > 0;

/** The first few questions of the validation split: choices only. */
export async function validate(run: OpenRun, kept: Keeping): Promise<EvaluateRecord> {
  const { validation } = run.prepared.items;
  const items = validation.slice(0, run.spec.evaluate.validation);
  return (await evaluate(run, kept, ownPass(run, items), 'validation')).record;
}

/** Keeps the weights after a validation that is the best so far. */
export async function keepBest(run: OpenRun, { step, choice, loss }: EvaluateRecord): Promise<void> {
  const { loop, session, setting, options } = run;
  const now = { step, accuracy: choice.accuracy, loss };
  if (!isBest(now, loop.best)) return;
  loop.best = now;
  if (options.checkpoints?.best === undefined) return;
  const metadata = { step: String(step), accuracy: String(now.accuracy), loss: String(loss) };
  options.checkpoints.best(await trainedWeights(session, setting, metadata));
}

/** A task on which the run was not trained. */
export const evaluateTransfer = (run: OpenRun, kept: Keeping, task: TransferTask): Promise<Evaluated> =>
  evaluate(run, kept, { ...task, program: scoreOf(task.task) }, 'evaluation');

/** The evaluation split of the run's own task. */
export const evaluateOwn = (run: OpenRun, kept: Keeping): Promise<Evaluated> =>
  evaluate(run, kept, ownPass(run, run.prepared.items.evaluation), 'evaluation');

async function evaluate(
  { spec, session, clock, loop, onStage, options: { signal } }: OpenRun,
  { log, keep }: Keeping,
  { task, items, codec, features, sizes, program, continuer }: Pass,
  split: 'validation' | 'evaluation',
): Promise<Evaluated> {
  const isOwn = task === spec.task;
  const name = isOwn ? split : task;
  clock.enter('evaluate');
  try {
    const found = await predict(session, items, codec, features, largest(sizes).shape(sizes.evaluationRows), {
      generate: split === 'evaluation',
      program,
      sizes,
      continuer,
      signal,
      next: log.next,
      onProgress: (done, total) => onStage(`${name} ${done}/${total}`),
    });
    const predictions = found.map((prediction) => stored(task, prediction));
    const record = await evaluationRecord(predictions, loop.step, split);
    return { record: { ...record, ...(isOwn ? {} : { task }) }, predictions };
  } catch (error) {
    if (signal?.aborted === true) await keep();
    throw error;
  } finally {
    clock.enter('train');
  }
}
