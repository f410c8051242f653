/** Does balance go with accuracy? One point a run: its bias against its final accuracy. */
import { accuracyScale } from '../axes';
import { numberText, type FigureDefinition } from '../figure';
import { footnote } from '../layers';
import { inRows, panels } from '../panels';
import { abreast, distinguish, inOrder, type Spec } from '../style';
import { equalSettingOf } from '../labels';
import { bootstrapInterval } from '../bootstrap';
import { spearman } from '../statistics';

type Row = {
  panel: string;
  method: string;
  setting: string;
  seed: number;
  /** mean |log kappa| over the run */
  bias: number;
  /** final choice accuracy */
  accuracy: number;
};

/** Runs from which on their points are smaller. */
const manyRuns = 100;

/** Spearman's correlation over the runs of a panel, in words. */
function correlation(panel: string, rows: Row[]): string {
  const pairs = rows.filter((row) => row.panel === panel).map((row) => [row.bias, row.accuracy] as const);
  const rho = spearman(pairs);
  const interval = bootstrapInterval(pairs, spearman, { seed: panel, resamples: 2000 });
  const range = interval === null ? '' : ` [${numberText(interval.low)}, ${numberText(interval.high)}]`;
  return Number.isNaN(rho)
    ? `${panel}: no correlation can be computed (n = ${pairs.length} runs)`
    : `${panel}: ρ = ${numberText(rho)}${range}, n = ${pairs.length} runs`;
}

export const balanceAgainstAccuracy: FigureDefinition<Row> = {
  name: 'balance-against-accuracy',
  title: 'Bias over the run against final accuracy',
  shows: 'whether balance goes with accuracy: the mean distance of each run from κ = 1 against its final accuracy',
  width: 'column',
  needs: 'finished runs with a final evaluation and measures of kappa in steps that train both modules',

  select: (journals) =>
    journals.rows<Row>(`
    select panel, method, setting, seed, avg(abs(logKappa) order by measure.step) as bias, any_value(choice) as accuracy
    from measure join runs using (id) join final using (id) where choice is not null and bothTrained group by id, panel, method, setting, seed order by panel, method, setting, seed, id`),

  caption: (rows) =>
    'Bias, the mean of |log κ| over the run (natural log), against final choice accuracy; one point a run, filled at equal rates, open at other settings. ' +
    'Steps in which a module was frozen are left out, because κ is not defined there: block-coordinate descent has no point. ' +
    `Spearman correlation over all runs of a panel with 95 % percentile bootstrap interval (2,000 resamples, seeded): ${inOrder
      .panel(rows)
      .map((panel) => correlation(panel, rows))
      .join('; ')}.`,

  build(rows, room) {
    const { color, dashOrShape } = distinguish('method', inOrder.method(rows), 'points', room);
    const order = inOrder.panel(rows);
    const equal = equalSettingOf(rows.map((row) => row.setting));
    const filled = rows.filter((row) => row.setting === equal);
    const points = (test: string, mark: Spec): Spec => ({
      transform: [{ filter: test }],
      mark: { type: 'point', size: rows.length > manyRuns ? 12 : 20, opacity: 0.85, ...mark },
    });
    return {
      title: footnote(`One point a run (n = ${rows.length}); filled: equal rates, open: other settings.`),
      facet: panels('panel', order),
      ...inRows(order.length, abreast(2, room)),
      spec: {
        height: order.length > 4 ? 80 : 110,
        encoding: {
          x: {
            field: 'bias',
            type: 'quantitative',
            title: 'bias, mean |log κ|',
            scale: { zero: true, nice: true },
            axis: { tickCount: 4 },
          },
          y: {
            field: 'accuracy',
            type: 'quantitative',
            title: 'final accuracy',
            scale: accuracyScale(rows.map((row) => row.accuracy)),
            axis: { tickCount: 5, format: '~g' },
          },
          color,
          shape: dashOrShape,
        },
        layer: [
          ...(filled.length > 0 ? [points(`datum.setting === '${equal}'`, { filled: true })] : []),
          ...(filled.length < rows.length
            ? [points(`datum.setting !== '${equal}'`, { filled: false, strokeWidth: 0.9 })]
            : []),
        ],
      },
    };
  },
};
