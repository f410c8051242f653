/** What training in bfloat16 does to kappa, which is measured in float32 passes in either precision (docs/method.md section 9). */
import { canonicalJson } from '../../src/files';
import { seedCount } from '../figure';
import { grouped } from '../grouped';
import { labelRuns } from '../labels';
import { compared, type Place } from '../scores';
import { mean, tInterval } from '../statistics';
import { bySetting, estimateText, type TableDefinition } from '../table';

/** The first steps, in which the rates warm up or Adam's moments fill, count for nothing. */
const firstStep = 5;
/** Kappas that differ by less than this factor are read alike: the margin of docs/plan.md. */
const factor = 1.05;
const margin = Math.log(factor);
const level = 0.9;

type Row = {
  panel: string;
  setting: string;
  method: string;
  n: number;
  /** mean log kappa under float32 training, over measured steps and seeds */
  float32: number;
  /** mean of log kappa under bfloat16 training minus that under float32, paired by seed, with the 90 % t interval */
  difference: number;
  low: number | null;
  high: number | null;
  /** whether that interval lies within the margin; null without an interval */
  alike: 'yes' | 'not shown' | null;
};

/** A pair of runs of one seed: mean log kappa under bfloat16 and under float32 training. */
interface Pair extends Place {
  rounded: number;
  plain: number;
}

function rowOf(pairs: readonly Pair[]): Row {
  const { panel, setting, method } = pairs[0]!;
  const differences = pairs.map(({ rounded, plain }) => rounded - plain);
  const { n, mean: difference, low, high } = tInterval(differences, level);
  const alike = low === null || high === null ? null : -margin < low && high < margin ? 'yes' : 'not shown';
  return {
    panel,
    setting,
    method,
    n,
    float32: mean(pairs.map(({ plain }) => plain)),
    difference,
    low,
    high,
    alike,
  };
}

export const precision: TableDefinition<Row> = {
  name: 'precision',
  title: 'Kappa under training in bfloat16',
  shows: 'by how much log kappa differs between runs that are trained in bfloat16 and in float32',
  needs: 'finished runs of both precisions that differ in nothing else, with kappa measured',

  async select(journals) {
    const found = await journals.rows<{ id: string; logKappa: number }>(
      `select id, avg(logKappa) as logKappa from measure where not floor and bothTrained and step >= ${firstStep} group by id order by id`,
    );
    const kappaOf = new Map(found.map(({ id, logKappa }) => [id, logKappa]));
    // Named as if there were one precision, so that both of a pair have one name.
    const specs = journals.runs.map(({ file }) => ({ ...file.spec, precision: 'float32' as const }));
    const named = labelRuns(specs).map((labels, i) => ({
      ...labels,
      at: canonicalJson({ ...specs[i]!, device: null }),
      precision: journals.runs[i]!.file.spec.precision,
      logKappa: kappaOf.get(journals.runs[i]!.id),
    }));
    const pairs = grouped(named, ({ at }) => at).flatMap((runs): Pair[] => {
      const of = (wanted: string) => runs.find((run) => run.precision === wanted)?.logKappa;
      const [rounded, plain] = [of('bfloat16'), of('float32')];
      return rounded === undefined || plain === undefined ? [] : [{ ...runs[0]!, rounded, plain }];
    });
    return compared(pairs).flatMap(({ methods }) => [...methods.values()].map(rowOf));
  },

  caption: (rows) =>
    `Mean log kappa from step ${firstStep} on, bfloat16 minus float32 training, over ${seedCount(rows)}, paired, with ${100 * level} % t intervals; kappa itself is measured in float32 passes. Alike: the interval lies within ±log ${factor}. Between precisions everything else is equal, except that each is aligned in its own where there is an alignment phase.`,

  layout: (rows) =>
    bySetting(rows, [
      { header: 'Log kappa, float32', cell: ({ float32 }) => ({ text: estimateText(float32, null, null) }) },
      {
        header: 'bfloat16 minus float32',
        cell: ({ difference, low, high }) => ({ text: estimateText(difference, low, high) }),
      },
      { header: 'Alike', numeric: false, cell: ({ alike }) => ({ text: alike ?? '–' }) },
    ]),
};
