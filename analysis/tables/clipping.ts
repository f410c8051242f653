/** How often gradients were clipped, and how long they were before: where clipping always acts, a step's length is not the gradient's. */
import { seedCount } from '../figure';
import { compared, type Place } from '../scores';
import { quantile } from '../statistics';
import { bySetting, consecutive, type TableDefinition } from '../table';
import type { RunSpec } from '../../src/manifest/run';
import type { ModuleName } from '../../src/modules';
import { wasClipped } from '../../src/train/clipping';

type Step = {
  id: string;
  rateEncoder: number;
  rateBackbone: number;
  gradientEncoder: number;
  gradientBackbone: number;
};
/** A run with its recorded steps. */
interface Recorded extends Place {
  optimiser: RunSpec['optimiser'];
  steps: readonly Step[];
}
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

/** The row of the runs of one method, with the recorded gradients of their steps. */
function rowOf({ panel, setting }: Omit<Place, 'method'>, method: string, runs: readonly Recorded[]): Row {
  const { clip, clipOver } = runs[0]!.optimiser;
  const all = runs.flatMap(({ optimiser, steps }) =>
    steps.map((step) => {
      const gradientNorm = { encoder: step.gradientEncoder, backbone: step.gradientBackbone };
      const learningRate = { encoder: step.rateEncoder, backbone: step.rateBackbone };
      return { gradientNorm, clipped: wasClipped(optimiser, { gradientNorm, learningRate }) };
    }),
  );
  const share = (module: ModuleName) => shareOf(all.map(({ clipped }) => clipped[module]));
  const norm = (module: ModuleName) =>
    quantile(
      all.map(({ gradientNorm }) => gradientNorm[module]),
      0.5,
    );
  return {
    panel,
    setting,
    method,
    n: runs.length,
    clip: clip === 0 ? 'off' : `${clip}, ${clipOver}`,
    clippedEncoder: share('encoder'),
    clippedBackbone: share('backbone'),
    normEncoder: norm('encoder'),
    normBackbone: norm('backbone'),
  };
}

const shareCell = (share: number | null) => ({ text: share === null ? '–' : share.toFixed(2) });
const normCell = (norm: number) => ({ text: norm.toPrecision(2) });

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
    const runs = journals.runs.flatMap(({ id, panel, setting, method, file }): Recorded[] => {
      const own = steps.get(id);
      return own === undefined ? [] : [{ panel, setting, method, optimiser: file.spec.optimiser, steps: own }];
    });
    return compared(runs).flatMap(({ methods, ...place }) =>
      [...methods].map(([method, own]) => rowOf(place, method, own)),
    );
  },

  caption: (rows) =>
    [
      `Share of steps in which a module's gradient was scaled down, over all steps of ${seedCount(rows)} (of those in which it was trained), and the median norm of the gradient before that.`,
      'Where it is near 1, Adam sees gradients of one length, and what is added to a gradient before clipping cannot lengthen a step.',
    ].join(' '),

  layout: (rows) =>
    bySetting(rows, [
      { header: 'Clip', cell: (row) => ({ text: row.clip }) },
      { header: 'Clipped: encoder', cell: (row) => shareCell(row.clippedEncoder) },
      { header: 'backbone', cell: (row) => shareCell(row.clippedBackbone) },
      { header: 'Norm: encoder', cell: (row) => normCell(row.normEncoder) },
      { header: 'backbone', cell: (row) => normCell(row.normBackbone) },
    ]),
};
