/** What each method costs: time of a step beside that of constant rates on the same machine. */
import { seedCount } from '../figure';
import { orderMethods } from '../labels';
import { baseline } from '../schedulers';
import { mean, tInterval } from '../statistics';
import { consecutive, estimateText, type TableDefinition } from '../table';

type Row = {
  panel: string;
  machine: string;
  method: string;
  /** runs */
  n: number;
  /** milliseconds, mean over runs */
  step: number;
  low: number | null;
  high: number | null;
  /** mean step over that of `constant`; null without it */
  ratio: number | null;
};

export const cost: TableDefinition<Row> = {
  name: 'cost',
  title: 'Time of a step by method',
  shows: 'the time of a training step by method, beside that of constant rates on the same machine',
  needs: 'finished runs',

  select(journals) {
    const runs = journals.runs.map(({ panel, method, file }) => ({
      panel,
      method,
      machine: `${file.machine.backend} on ${file.machine.device}`,
      step: 1000 * file.times.secondsPerStep,
    }));
    const machines = [...new Set(runs.map((run) => run.machine))].sort();
    const panels = [...new Set(runs.map((run) => run.panel))].sort();
    return Promise.resolve(
      panels.flatMap((panel) =>
        machines.flatMap((machine) => {
          const here = runs.filter((run) => run.panel === panel && run.machine === machine);
          const times = (method: string) => here.filter((run) => run.method === method).map((run) => run.step);
          const base = times(baseline);
          return orderMethods(here.map((run) => run.method)).map((method): Row => {
            const { n, mean: step, low, high } = tInterval(times(method));
            return { panel, machine, method, n, step, low, high, ratio: base.length === 0 ? null : step / mean(base) };
          });
        }),
      ),
    );
  },

  caption(rows) {
    const runs = seedCount(rows).replace('seed', 'run');
    return [
      'Wall-clock time of a training step, measures of kappa included, alignment and evaluation left out:',
      `mean over ${runs} with 95 % Student t interval, and its ratio to ${baseline}.`,
      'Taken while the sweep ran, several runs side by side and perhaps with other work: for clean measurements see npm run bench.',
    ].join(' ');
  },

  layout: (rows) => ({
    columns: [
      { header: 'Task', numeric: false },
      { header: 'Machine', numeric: false },
      { header: 'Method', numeric: false },
      { header: 'n', numeric: true },
      { header: 'ms a step', numeric: true },
      { header: `over ${baseline}`, numeric: true },
    ],
    groups: consecutive(rows, (row) => JSON.stringify([row.panel, row.machine])).map((group) =>
      group.map((row) => [
        { text: row.panel },
        { text: row.machine },
        { text: row.method },
        { text: String(row.n) },
        { text: estimateText(row.step, row.low, row.high).replace(/\d+\.\d+/g, (value) => Number(value).toFixed(1)) },
        { text: row.ratio === null ? '–' : row.ratio.toFixed(2) },
      ]),
    ),
  }),
};
