/** What the command line reaches the outside world with; tests put other workers and no network in its place. */
import { Command } from 'commander';
import { join } from 'node:path';
import { projectRoot } from '../files';
import { localWorkers, type StartWorker } from '../runner/local';
import type { Problem } from '../problems';
import type { PlannedRun } from '../runner/plan';
import { lazy } from './lazy';

export interface Wiring {
  /** the script of this command line, which tasks on other machines start */
  entry: string;
  start: StartWorker;
  /** fetches and generates what the runs read; the problems it met */
  prepareData: (runs: readonly PlannedRun[]) => Promise<Problem[]>;
  /** draws the figures and makes the tables of an experiment */
  analyse: (experiment: string) => Promise<void>;
}

/** The real workers, data, figures and tables. */
export function realWiring(): Wiring {
  return {
    analyse: async (experiment) => {
      const program = new Command().exitOverride();
      lazy.figures().figuresCommand(program);
      lazy.tables().tablesCommand(program);
      for (const name of ['figures', 'tables']) await program.parseAsync([name, experiment], { from: 'user' });
    },
    entry: join(projectRoot, 'bin', 'equipoise.cjs'),
    start: localWorkers(),
    prepareData: async (runs) => {
      const { prepareData } = lazy.sweep();
      const show = lazy.data().progressLines(process.stderr);
      try {
        return await prepareData(runs, { onFetch: show.progress, onGenerate: generated(process.stderr) });
      } finally {
        show.end();
      }
    },
  };
}

/** Says each stage of a set's generation once; on a terminal nothing more, since it is short. */
function generated(stream: NodeJS.WriteStream): (task: string, what: string) => void {
  let last = '';
  return (task, what) => {
    const now = `${task}: ${what}`;
    if (now !== last) stream.write(`${now}\n`);
    last = now;
  };
}
