/** `equipoise plan`: every run of a manifest, what state it is in and why, and how long the rest will take. */
import { printable } from '../printable';
import { createRequire } from 'node:module';
import { ownParts } from '../ownParts';
import { countStates } from '../runner/plan';
import type { Define } from './command';
import { sweepOptions, workers, type SweepOptions } from './options';
import { lackingHere } from '../runner/arithmetic';
import { openSweep, timeLeft } from './sweep';
import { count, note, say, sayJson, sayTable } from './text';

/** Needs are asked for by few, and their rooms take long to load. */
const loadNeeds = () => createRequire(__filename)('./needs') as typeof import('./needs');

type Sweep = ReturnType<typeof openSweep>;
type Needs = Awaited<ReturnType<ReturnType<typeof loadNeeds>['needsOfSweep']>>;

interface PlanOptions extends SweepOptions {
  workers: number | 'auto';
  resources?: boolean;
  json?: boolean;
}

/** Adds `plan <manifest>`. It writes nothing; `run` with the same options trains exactly what it does not call done. */
export const define: Define = (command) => {
  sweepOptions(command)
    .option('--workers <n|auto>', 'workers that the estimate counts on', workers, 'auto')
    .option('--resources', 'also what each run needs: parameters, memory, work of a step, from configurations alone')
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      '\nExamples:\n  equipoise plan experiments/quickstart.json\n  equipoise plan experiments/quickstart.json --resources\n  equipoise plan experiments/quickstart.json --profile smoke --json',
    )
    .action(async (path: string, options: PlanOptions) => {
      const sweep = openSweep(path, options);
      const needs = options.resources === true ? await loadNeeds().needsOfSweep(sweep.plan) : null;
      const choice =
        needs === null
          ? null
          : loadNeeds().workersOfSweep(
              options.workers,
              sweep.plan.filter((run) => run.state !== 'done'),
              needs,
            );
      const { workers: used, estimate, text } = timeLeft(sweep, choice?.workers ?? options.workers);
      const totals = countStates(sweep.plan);
      for (const warning of sweep.manifest.warnings) note(`warning: ${warning}`);
      for (const lacking of new Set(sweep.plan.map(({ arithmetic }) => lackingHere(arithmetic))))
        if (lacking !== null) note(`warning: runs that ask for a gpu cannot be trained on this machine: ${lacking}`);
      if (options.json === true) {
        sayJson('plan', { ...described(sweep, needs), totals, workers: used, estimate });
        return;
      }
      sayTable([
        ['run', 'state', 'combination', 'why'],
        ...sweep.plan.map((run) => [run.id, run.state, run.description, printable(run.why)]),
      ]);
      for (const part of ownParts())
        say(`own ${part.kind} ${part.name}: ${printable(part.file)}, sha256 ${part.sha256.slice(0, 16)}`);
      if (needs !== null) for (const line of loadNeeds().needsLines(sweep.plan, needs)) say(line);
      if (choice !== null) say(`workers: ${choice.workers} (${choice.why})`);
      say('');
      say(
        `${count(sweep.plan.length, 'run')}: ${totals.done} done, ${totals.new} new, ${totals.partial} partial, ${totals.failed} failed; ${[...new Set(sweep.plan.map((run) => run.arithmetic.class))].join(', ')}`,
      );
      say(`time left: ${text}`);
    });
};

/** The experiment and its runs as plain data. */
function described(sweep: Sweep, needs: Needs | null): object {
  const { name, file, sha256, profile } = sweep.manifest;
  const parts = ownParts();
  const runs = sweep.plan.map(({ id, identity, state, why, description, claimed, elsewhere, arithmetic, spec }) => ({
    id,
    identity,
    state,
    why,
    description,
    claimed,
    elsewhere: elsewhere ?? null,
    arithmetic: arithmetic.class,
    spec,
    ...(needs === null ? {} : { needs: needs.get(id) ?? null }),
  }));
  return {
    experiment: name,
    manifest: { file, sha256, profile },
    ...(parts.length === 0 ? {} : { parts }),
    runs,
  };
}
