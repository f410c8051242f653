/** `equipoise run`: trains every run of a manifest that is not done. */
import { Option, type Command } from 'commander';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { printable } from '../printable';
import { UserError, type Problem } from '../problems';
import { runFolder } from '../runner/folders';
import { hangSeconds } from '../runner/lane';
import type { CheckpointInterval } from '../runner/messages';
import { trainAgain } from './again';
import type { Define } from './command';
import { checkpointInterval, sweepOptions, wholeNumber, workers, type SweepOptions } from './options';
import { keepManifest, openSweep, type Sweep } from './sweep';
import { count, note, say } from './text';
import { tellOutcome, train } from './train';

const loadSlurm = () => createRequire(__filename)('./slurm') as typeof import('./slurm');

interface RunOptions extends SweepOptions {
  workers: number | 'auto';
  retries: number;
  failFast?: boolean;
  stopAfterFailures?: number;
  hangAfter: number;
  checkpoint?: CheckpointInterval;
  beyondMemory?: boolean;
  limit?: number;
  best?: boolean;
  again?: true | string[];
  json?: boolean;
  launcher: 'local' | 'slurm';
  slurmProfile?: string;
  print?: boolean;
}

const help = `
Ctrl-C or SIGTERM once finishes the running steps, keeps a checkpoint of each run and stops; twice stops at once. The
next command goes on from the last checkpoint, with the same bytes as if nothing had happened. Several commands, also on
several machines that share the results folder, may work on one manifest at once: each run is trained once.

Examples:
  equipoise run experiments/quickstart.json
  equipoise run experiments/quickstart.json --profile smoke --workers 1
  equipoise run experiments/quickstart.json --limit 4 --json
  equipoise run experiments/quickstart.json --again 3f2a 91c0
  equipoise run experiments/quickstart.json --launcher slurm --slurm-profile cluster.json`;

/** Adds `run <manifest>`. */
export const define: Define = (command, wiring) => {
  sweepOptions(command)
    .option(
      '--workers <n|auto>',
      'worker processes; auto: one a processor as memory allows, one a GPU',
      workers,
      'auto',
    )
    .option('--retries <n>', 'how often a run whose worker crashed is tried again', wholeNumber(0), 1)
    .option('--beyond-memory', 'start runs although they are predicted to need more memory than is free')
    .option('--fail-fast', 'stop at the first failed run')
    .option('--stop-after-failures <n>', 'stop when this many runs have failed', wholeNumber(1))
    .option(
      '--hang-after <seconds>',
      'end and retry a worker that gave no sign of life for so long; 0: never',
      wholeNumber(0),
      hangSeconds,
    )
    .option(
      '--checkpoint <interval>',
      'how often a run keeps a checkpoint, e.g. 30s or 100steps; changes no result (default: 30s)',
      checkpointInterval,
    )
    .option('--best', 'keep best.safetensors, the weights after the best validation; half of what a run takes')
    .option('--again [runs...]', 'train finished runs anew, all or these; each stays until the new one has finished')
    .option('--limit <n>', 'bring at most this many runs to done now', wholeNumber(1))
    .addOption(
      new Option(
        '--launcher <name>',
        'where runs are trained: in processes here, or as job arrays of a Slurm cluster (docs/slurm.md)',
      )
        .choices(['local', 'slurm'])
        .default('local'),
    )
    .option('--slurm-profile <file>', 'what runs ask of the cluster, over what the manifest says')
    .option('--print', 'show the scripts for Slurm, submit nothing')
    .option('--json', 'print the outcome as JSON; progress stays on standard error')
    .addHelpText('after', help)
    .action(async (manifest: string, options: RunOptions) => {
      refuseMixed(command, options);
      const sweep = openSweep(manifest, options);
      for (const warning of sweep.manifest.warnings) note(`warning: ${printable(warning)}`);
      if (options.print !== true) keepManifest(sweep);
      if (options.launcher === 'slurm') {
        await loadSlurm().launch(sweep, options, wiring());
        return;
      }
      const { again } = options;
      if (again !== undefined) return trainAgain(sweep, { ...options, again }, wiring());
      const isDone = sweep.plan.every((run) => run.state === 'done' && run.elsewhere === undefined);
      if (isDone && options.json !== true) {
        say(
          `${sweep.experiment}: ${sweep.plan.length} of ${count(sweep.plan.length, 'run')} done already; nothing to train`,
        );
        if (options.best === true) noteWithoutBest(sweep);
        return;
      }
      tellOutcome(sweep, await train(sweep, options, wiring()), options.json === true);
    });
};

/** Best weights are kept while a run trains: of one that is done they can only be had by training it again. */
function noteWithoutBest({ results, experiment, plan }: Sweep): void {
  const without = plan.filter(({ id }) => !existsSync(runFolder(results, experiment, id).best));
  if (without.length > 0)
    note(
      `${count(without.length, 'run')} of them kept no best weights (${without[0]!.id}${without.length > 1 ? ', ...' : ''}); --again ID --best trains one anew and keeps them`,
    );
}

/** What a cluster has in place of an option. */
const slurmHints: Readonly<Record<string, string>> = {
  '--workers': 'throttle in the slurm section says how many run at once',
  '--beyond-memory': 'memory in the slurm section says how much a run may take',
  '--threads': 'runs of an array have one thread each',
};

/** Options of one launcher that were given to the other would be silently without effect. */
function refuseMixed(command: Command, options: RunOptions): void {
  const given = (names: Record<string, string>) =>
    Object.entries(names)
      .filter(([name]) => command.getOptionValueSource(name) === 'cli')
      .map(([, flag]) => flag);
  const problems =
    options.launcher === 'slurm'
      ? given({
          workers: '--workers',
          threads: '--threads',
          beyondMemory: '--beyond-memory',
          failFast: '--fail-fast',
          stopAfterFailures: '--stop-after-failures',
          again: '--again',
        }).map((where): Problem => ({
          where,
          what: 'has no meaning with --launcher slurm',
          hint: slurmHints[where] ?? 'equipoise cancel ends what is in the queue',
        }))
      : given({ slurmProfile: '--slurm-profile', print: '--print' }).map((where): Problem => ({
          where,
          what: 'has no meaning without --launcher slurm',
        }));
  if (problems.length > 0) throw new UserError(problems);
}
