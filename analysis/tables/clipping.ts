/** How often gradients were clipped, and how long they were before: where clipping always acts, a step's length is not the gradient's. */
import { seedCount } from '../figure';
import { orderMethods, orderSettings } from '../labels';
import { mean } from '../statistics';
import { consecutive, type TableDefinition } from '../table';
import type { ModuleName } from '../../src/modules';
import { wasClipped } from '../../src/train/clipping';

type Step = {
  id: string;
  rateEncoder: number;
  rateBackbone: number;
  gradientEncoder: number;
  gradientBackbone: number;
};
type Row = {
  panel: string;
  setting: string;
  method: string;
  n: number;
  /** norm to which gradients are scaled down, and over what it is taken */
  clip: string;
  /** share of the module's own steps in which its gradient was scaled down; null where it had none */
  clippedEncoder: number | null;
  clippedBackbone: number | null;
  /** median norm before clipping over all steps of all runs */
  normEncoder: number;
  normBackbone: number;
};

/** Share of true values among those that are not null; null where all are. */
export function shareOf(values: readonly (boolean | null)[]): number | null {
  const said = values.filter((value) => value !== null);
  return said.length === 0 ? null : said.filter((value) => value).length / said.length;
}

const median = (values: readonly number[]): number => {
  const sorted = values.toSorted((a, b) => a - b);
  return mean([sorted[Math.floor((sorted.length - 1) / 2)]!, sorted[Math.ceil((sorted.length - 1) / 2)]!]);
};

export const clipping: TableDefinition<Row> = {
  name: 'clipping',
  title: 'How often gradients were clipped',
  shows: 'the share of steps in which the gradient of a module was clipped, and its median norm before',
  needs: 'finished runs',

  async select(journals) {
    const found = await journals.rows<Step>(
      'select id, rateEncoder, rateBackbone, gradientEncoder, gradientBackbone from train where gradientEncoder is not null order by id, step',
    );
    const steps = new Map(consecutive(found, ({ id }) => id).map((own) => [own[0]!.id, own]));
    const runs = journals.runs.filter(({ id }) => steps.has(id));
    const panels = [...new Set(runs.map(({ panel }) => panel))].sort();
    return panels.flatMap((panel) =>
      orderSettings(runs.filter((run) => run.panel === panel).map(({ setting }) => setting)).flatMap((setting) => {
        const here = runs.filter((run) => run.panel === panel && run.setting === setting);
        return orderMethods(here.map(({ method }) => method)).map((method): Row => {
          const own = here.filter((run) => run.method === method);
          const { optimiser } = own[0]!.file.spec;
          const all = own.flatMap(({ id, file }) =>
            steps.get(id)!.map((step) => {
              const gradientNorm = { encoder: step.gradientEncoder, backbone: step.gradientBackbone };
              const learningRate = { encoder: step.rateEncoder, backbone: step.rateBackbone };
              return { gradientNorm, clipped: wasClipped(file.spec.optimiser, { gradientNorm, learningRate }) };
            }),
          );
          const [share, norm] = [
            (module: ModuleName) => shareOf(all.map(({ clipped }) => clipped[module])),
            (module: ModuleName) => median(all.map(({ gradientNorm }) => gradientNorm[module])),
          ];
          return {
            panel,
            setting,
            method,
            n: own.length,
            clip: optimiser.clip === 0 ? 'off' : `${optimiser.clip}, ${optimiser.clipOver}`,
            clippedEncoder: share('encoder'),
            clippedBackbone: share('backbone'),
            normEncoder: norm('encoder'),
            normBackbone: norm('backbone'),
          };
        });
      }),
    );
  },

  caption: (rows) =>
    [
      `Share of steps in which a module's gradient was scaled down, over all steps of ${seedCount(rows)} (of those in which it was trained), and the median norm of the gradient before that.`,
      'Where it is near 1, Adam sees gradients of one length, and what is added to a gradient before clipping cannot lengthen a step.',
    ].join(' '),

  layout: (rows) => ({
    columns: [
      { header: 'Task', numeric: false },
      { header: 'Learning rates', numeric: false },
      { header: 'Method', numeric: false },
      { header: 'n', numeric: true },
      { header: 'Clip', numeric: true },
      { header: 'Clipped: encoder', numeric: true },
      { header: 'backbone', numeric: true },
      { header: 'Norm: encoder', numeric: true },
      { header: 'backbone', numeric: true },
    ],
    groups: consecutive(rows, (row) => JSON.stringify([row.panel, row.setting])).map((group) =>
      group.map((row) => [
        { text: row.panel },
        { text: row.setting },
        { text: row.method },
        { text: String(row.n) },
        { text: row.clip },
        ...[row.clippedEncoder, row.clippedBackbone].map((share) => ({
          text: share === null ? '–' : share.toFixed(2),
        })),
        ...[row.normEncoder, row.normBackbone].map((norm) => ({ text: norm.toPrecision(2) })),
      ]),
    ),
  }),
};
