/**
 * One task of a job array: brings one planned run to done, in a worker process of its own, and stops when Slurm says
 * so.
 */
import { userError } from '../../problems';
import { codeVersion, packageVersions } from '../code';
import { identityNow } from '../identify';
import type { StartWorker } from '../local';
import { planRuns } from '../plan';
import { runQueue, type Ending, type QueueEvent } from '../queue';
import { readPlannedRun } from './submission';

interface TaskOptions {
  results: string;
  /** file of the array's runs */
  plan: string;
  id: string;
  start: StartWorker;
  observe: (event: QueueEvent) => void;
  /** finish the running step, then stop */
  stop: AbortSignal;
}

/**
 * Claims and trains the run, or copies it from another experiment. The claim makes it safe that Slurm may start a task
 * again while the node of the first one is only out of reach: the second waits until the first is done or falls silent.
 * @returns how it ended; `done`: it was done before
 * @throws UserError when code, data or weights are not those that the run was planned with
 */
export async function trainPlanned(options: TaskOptions): Promise<Ending | { kind: 'done' }> {
  const {
    plan: { experiment, retries, hang, checkpoint, best },
    run,
  } = readPlannedRun(options.plan, options.id);
  if (identityNow(run) !== run.identity) {
    throw userError({
      where: `run ${run.id}`,
      what: 'was planned with another version of the method, the data or the weights than this node has',
      hint: 'submit again: equipoise run --launcher slurm',
    });
  }
  const [planned] = planRuns(options.results, experiment, [run]);
  if (planned!.state === 'done' && planned!.elsewhere === undefined) return { kind: 'done' };
  const endings = await runQueue({
    results: options.results,
    experiment,
    runs: [planned!],
    workers: 1,
    retries,
    hang,
    checkpoint,
    best,
    failFast: false,
    code: codeVersion(),
    packages: packageVersions(),
    start: options.start,
    observe: options.observe,
    stop: options.stop,
  });
  return endings.get(run.id) ?? { kind: 'stopped', step: 0 };
}
