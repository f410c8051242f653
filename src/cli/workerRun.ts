/** `equipoise worker-run`: what a task of a job array runs. Not for people, so `--help` does not list it. */
import { printable } from '../printable';
import { exitCode } from '../problems';
import { resultsFolder } from '../runner/folders';
import type { QueueEvent } from '../runner/queue';
import { trainPlanned } from '../runner/slurm/task';
import type { Define } from './command';
import { note } from './text';

/** Adds `worker-run <plan> <id>`. Exit codes: 0 done, 1 failed, 3 something is missing, 130 stopped in the middle. */
export const define: Define = (command, wiring) => {
  command.action(async (plan: string, id: string) => {
    const stop = new AbortController();
    // However often it is told: a second signal would come from Slurm, which signals every process of a task.
    const onSignal = () => stop.abort();
    for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGUSR1'] as const) process.on(signal, onSignal);
    const ending = await trainPlanned({
      results: resultsFolder(),
      plan,
      id,
      start: wiring().start,
      observe: tell,
      stop: stop.signal,
    });
    switch (ending.kind) {
      case 'done':
        note('done before');
        break;
      case 'trained':
      case 'copied':
      case 'elsewhere':
        note(`done: ${ending.kind}`);
        break;
      case 'failed':
        note(`failed: ${printable(ending.message)}`);
        process.exitCode = ending.unavailable ? exitCode.unavailable : exitCode.failed;
        break;
      case 'stopped':
        note(`stopped at step ${ending.step}`);
        process.exitCode = exitCode.interrupted;
    }
  });
};

let told = 0;

/** A line for what happens, and one every half minute for steps: the file is read when something went wrong. */
function tell(event: QueueEvent): void {
  switch (event.kind) {
    case 'started':
      note(`${event.run.id} attempt ${event.attempt}: ${printable(event.run.description)}`);
      break;
    case 'stage':
      note(printable(event.stage));
      break;
    case 'progress':
      if (performance.now() - told < 30_000) return;
      told = performance.now();
      note(`step ${event.step} of ${event.steps}${event.loss === null ? '' : `, loss ${event.loss.toPrecision(4)}`}`);
      break;
    case 'retry':
      note(`tried again: ${printable(event.reason)}`);
      break;
    case 'waiting':
      note('another runner holds the run; waiting until it is done or silent');
      break;
    case 'stopping':
      note(printable(event.why));
      break;
    case 'ended':
      break;
  }
}
