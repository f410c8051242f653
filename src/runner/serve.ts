/**
 * The life of a worker process: it trains one run at a time for the runner that started it, and ends when that runner
 * is gone.
 */
import { loadUsedParts } from '../ownParts';
import { calibrate } from './calibrate';
import { executeRun, type Rooms } from './execute';
import type { FromWorker, RunTask, ToWorker } from './messages';
import { requestOf } from './runStates';

/**
 * Serves until the channel closes. A worker decides nothing: signals from the terminal go to the runner, which says
 * `stop`.
 */
export function serve(rooms: Rooms): void {
  if (process.send === undefined) throw new Error('a worker is started by the runner, not by hand');
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => undefined);
  let stop = new AbortController();
  let busy = false;
  const tell = (message: FromWorker) => {
    if (process.connected) process.send?.(message);
  };
  process.on('disconnect', () => {
    stop.abort();
    if (!busy) process.exit(0);
  });
  process.on('message', (message: ToWorker) => {
    if (message.kind === 'stop') {
      stop.abort();
      return;
    }
    if (message.kind === 'end') process.exit(0);
    busy = true;
    stop = new AbortController();
    if (!process.connected) stop.abort();
    void work(message, rooms, tell, stop.signal).finally(() => {
      busy = false;
      if (!process.connected) process.exit(0);
    });
  });
  tell({ kind: 'ready' });
}

async function work(
  message: Exclude<ToWorker, { kind: 'stop' | 'end' }>,
  rooms: Rooms,
  tell: (message: FromWorker) => void,
  signal: AbortSignal,
): Promise<void> {
  if (message.kind === 'run') {
    tell(await executeRun(message.task, rooms, tell, signal));
    return;
  }
  try {
    if (message.kind === 'try') {
      tell({ kind: 'tried', fits: await tryBatch(message.task, message.batch, rooms) });
      return;
    }
    tell({ kind: 'calibrated', calibration: await calibrate(message.task, rooms, tell, signal) });
  } catch (error) {
    tell({ kind: 'failed', message: error instanceof Error ? error.message : String(error), unavailable: false });
  }
}

async function tryBatch(task: RunTask, batch: number, rooms: Rooms): Promise<boolean> {
  if (task.parts !== undefined) loadUsedParts(task.parts);
  await rooms.useBackend(requestOf(task));
  return rooms.firstStepFits(task.spec, batch);
}
