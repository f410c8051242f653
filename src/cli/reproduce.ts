/**
 * `equipoise reproduce`: from nothing to figures, tables and a verdict with one command, training only what is not done.
 */
import { join, relative } from 'node:path';
import { projectRoot } from '../files';
import { printable } from '../printable';
import { exitCode } from '../problems';
import { calibrateKinds } from './calibrate';
import type { Define } from './command';
import { needsOfSweep, workersOfSweep } from './needs';
import { sweepOptions, workers, type SweepOptions } from './options';
import { isToTrain, keepManifest, openSweep, timeLeft, type Sweep } from './sweep';
import { count, duration, note, say } from './text';
import { prepare, tellOutcome, train } from './train';
import type { Wiring } from './wiring';

interface ReproduceOptions extends SweepOptions {
  workers: number | 'auto';
  strict?: boolean;
}

const help = `
Fetches data and weights, trains the runs of the manifest that are not done, draws the figures and makes the tables.
It ends with the runs here beside the committed ones, and what the claims of claims/ are on them.
Runs may be interrupted with Ctrl-C: the same command goes on with the runs that are not done.
Without a linked TensorFlow the runs use wasm, which is slower: then the manifest's profile brief is taken, if it has one.

Examples:
  equipoise reproduce
  equipoise reproduce --profile smoke
  equipoise reproduce experiments/ablations/rate-ratio.json`;

/** Adds `reproduce [manifest]`. */
export const define: Define = (command, wiring) => {
  sweepOptions(command)
    .option('--workers <n|auto>', 'worker processes', workers, 'auto')
    .option('--strict', 'fail when something differs from the committed runs')
    .addHelpText('after', help)
    .action(async (path: string | undefined, options: ReproduceOptions) => {
      const sweep = openBrief(
        path ?? relative(process.cwd(), join(projectRoot, 'experiments', 'quickstart.json')),
        options,
      );
      for (const warning of sweep.manifest.warnings) note(`warning: ${printable(warning)}`);
      const isDone = sweep.plan.every((run) => run.state === 'done' && run.elsewhere === undefined);
      if (isDone)
        say(
          `${sweep.experiment}: ${sweep.plan.length} of ${count(sweep.plan.length, 'run')} done already; nothing to train`,
        );
      else if (!(await trainAll(sweep, options, wiring()))) return;
      await wiring().analyse(sweep.experiment);
      await wiring().compare(sweep.experiment, options.strict === true);
    });
};

/** The manifest, in its profile `brief` when there is one and only wasm can compute. */
function openBrief(path: string, options: ReproduceOptions): Sweep {
  const sweep = openSweep(path, options);
  if (options.profile !== undefined || sweep.plan[0]?.arithmetic.backend !== 'wasm') return sweep;
  const hasBrief = Object.hasOwn(sweep.manifest.content.profiles ?? {}, 'brief');
  note(`WARNING: no native TensorFlow is linked, so everything runs on wasm, which is several times slower.`);
  note(
    hasBrief
      ? `WARNING: therefore only the profile "brief" of ${path} is trained: ${printable(sweep.manifest.content.profiles?.['brief']?.about ?? 'fewer, shorter runs')}. For all of it: equipoise doctor --link`
      : `WARNING: ${path} has no profile "brief", so all of it is trained. To link TensorFlow: equipoise doctor --link`,
  );
  return hasBrief ? openSweep(path, { ...options, profile: 'brief' }) : sweep;
}

/** Data, estimate, training. Returns whether there is anything to draw. */
async function trainAll(sweep: Sweep, options: ReproduceOptions, wiring: Wiring): Promise<boolean> {
  keepManifest(sweep);
  const left = sweep.plan.filter(isToTrain);
  const begun = performance.now();
  if (left.length > 0) await prepare(left, wiring);
  const { workers } = workersOfSweep(
    options.workers,
    left,
    options.workers === 'auto' ? await needsOfSweep(left) : new Map(),
  );
  const { timings, firstSeconds } = await calibrateKinds(sweep.results, left, workers, wiring);
  const spent = (performance.now() - begun) / 1000;
  const { text } = timeLeft(sweep, workers, timings);
  say(`${count(left.length, 'run')} to train of ${sweep.plan.length}: ${text}`);
  if (timings.length > 0)
    say(
      `(data and measuring took ${duration(spent)}; features and alignment of the first runs ${duration(firstSeconds)})`,
    );
  const outcome = await train(sweep, { workers: options.workers, retries: 1, prepared: true }, wiring);
  tellOutcome(sweep, outcome, false);
  if (outcome.interrupted) {
    process.exitCode = exitCode.interrupted;
    return false;
  }
  return outcome.totals.done > 0;
}
