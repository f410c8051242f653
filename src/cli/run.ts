/** `equipoise run`: trains every run of a manifest that is not done. */
import type { Command } from 'commander';
import { lazy } from './lazy';
import { sweepOptions, wholeNumber, workers, type SweepOptions } from './options';
import { count, note, printable, say } from './text';
import type { Wiring } from './wiring';

interface RunOptions extends SweepOptions { workers: number | 'auto'; retries: number; failFast?: boolean; limit?: number; json?: boolean }

const help = `
Ctrl-C once finishes the running steps and stops; twice stops at once. An interrupted run is trained again from its
first step by the next command. Several commands may work on one manifest at once: each run is trained once.

Examples:
  equipoise run experiments/quickstart.json
  equipoise run experiments/quickstart.json --profile smoke --workers 1
  equipoise run experiments/quickstart.json --limit 4 --json`;

/** Adds `run <manifest>`. */
export function runCommand(program: Command, wiring: () => Wiring): void {
  const command = program.command('run <manifest>').description('train the runs of a manifest that are not done');
  sweepOptions(command)
    .option('--workers <n|auto>', 'worker processes; auto: one a processor, as memory allows', workers, 'auto')
    .option('--retries <n>', 'how often a run whose worker crashed is tried again', wholeNumber(0), 1)
    .option('--fail-fast', 'stop at the first failed run')
    .option('--limit <n>', 'bring at most this many runs to done now', wholeNumber(1))
    .option('--json', 'print the outcome as JSON; progress stays on standard error')
    .addHelpText('after', help)
    .action(async (path: string, options: RunOptions) => {
      const sweep = lazy.sweep().openSweep(path, options);
      const { tellOutcome, train } = lazy.train();
      for (const warning of sweep.manifest.warnings) note(`warning: ${printable(warning)}`);
      const isDone = sweep.plan.every((run) => run.state === 'done' && run.elsewhere === undefined);
      if (isDone && options.json !== true) {
        say(`${sweep.experiment}: ${sweep.plan.length} of ${count(sweep.plan.length, 'run')} done already; nothing to train`);
        return;
      }
      tellOutcome(sweep, await train(sweep, options, wiring()), options.json === true);
    });
}
