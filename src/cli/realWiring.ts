/** The outside world as it is. The rooms of data and figures are loaded when they are needed. */
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { projectRoot } from '../files';
import { localWorkers } from '../runner/local';
import { note } from './text';
import type { Wiring } from './wiring';

const load = createRequire(__filename);

/** The real workers, data, figures and tables. */
export function realWiring(): Wiring {
  return {
    analyse: async (experiment) => {
      const { drawFigures } = load('./figures') as typeof import('./figures');
      const { writeTables } = load('./tables') as typeof import('./tables');
      await drawFigures(experiment, {});
      await writeTables(experiment, {});
    },
    compare: async (experiment, strict) => {
      const { tellCommitted } = load('./committed') as typeof import('./committed');
      await tellCommitted(experiment, strict);
    },
    entry: join(projectRoot, 'bin', 'equipoise.cjs'),
    start: localWorkers(),
    prepareData: async (runs) => {
      const { prepareRuns } = load('./sweep') as typeof import('./sweep');
      const { fetchLines } = load('./fetchLines') as typeof import('./fetchLines');
      const show = fetchLines(process.stderr);
      try {
        return await prepareRuns(runs, { onFetch: show.progress, onGenerate: sayStages() });
      } finally {
        show.end();
      }
    },
  };
}

/** Says each stage of a set's generation once; on a terminal nothing more, since it is short. */
function sayStages(): (task: string, what: string) => void {
  let last = '';
  return (task, what) => {
    const now = `${task}: ${what}`;
    if (now !== last) note(now);
    last = now;
  };
}
