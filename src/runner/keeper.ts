/** What a worker keeps of a run while it trains. */
import { storageFault, writeWhole } from '../files';
import type { CheckpointKeeper } from '../train/checkpoint';
import { originOf, pruneCheckpoints, writeCheckpoint } from './checkpoints';
import { writeEvaluated } from './evaluated';
import type { RunTask } from './messages';
import type { ResumePoint } from './resume';
import type { RunFile } from './runFile';
import type { RunWriter } from './runWriter';

/**
 * Seconds between checkpoints, and in an evaluation between keeping what it has found, unless the task says otherwise.
 */
const defaultSeconds = 30;

/**
 * Keeps the last two checkpoints and the best weights; these whether or not they are asked for, since whoever goes on
 * with the run may ask. A disk that does not take one is told; the run goes on without.
 */
export function checkpointKeeper(
  writer: RunWriter,
  task: RunTask,
  file: RunFile,
  { journal, from }: ResumePoint,
): CheckpointKeeper {
  const { paths } = writer;
  const every = task.checkpoint ?? { seconds: defaultSeconds };
  const origin = originOf(file);
  const good = from === null ? [] : [from.name];
  let newest: ReturnType<typeof writeCheckpoint> | null = null;
  let last = performance.now();
  const isDue = (seconds: number) => performance.now() - last >= seconds * 1000;
  const attempt = (write: () => void) => {
    writer.check();
    try {
      write();
    } catch (error) {
      const storage = storageFault(error);
      if (storage === null) throw error;
      const message = `a checkpoint could not be written: ${storage}`;
      process.stderr.write(`${message}\n`);
      if (!file.notices.includes(message)) file.notices.push(message);
    }
  };
  return {
    due: (step) => ('steps' in every ? step % every.steps === 0 : isDue(every.seconds)),
    dueInEvaluation: () => isDue('steps' in every ? defaultSeconds : every.seconds),
    save: (checkpoint) =>
      attempt(() => {
        last = performance.now();
        journal.sync();
        newest = null;
        newest = writeCheckpoint(paths.checkpoints, task.identity, checkpoint, journal.position(), origin);
        good.push(newest.name);
        good.splice(0, good.length - 2);
        pruneCheckpoints(paths.checkpoints, good);
      }),
    saveEvaluated: (evaluated) =>
      attempt(() => {
        last = performance.now();
        if (newest !== null) writeEvaluated(paths.checkpoints, newest, task.identity, origin, evaluated);
      }),
    best: (weights) => attempt(() => writeWhole(paths.best, weights)),
  };
}
