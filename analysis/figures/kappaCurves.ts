/** The balance coefficient over training under the three settings of the learning rates (the paper's second figure). */
import { logAxis, stepAxis } from '../axes';
import { curveText, type FigureDefinition } from '../figure';
import { band, footnote, ruleAt } from '../layers';
import { setupPanels } from '../panels';
import { distinguish, inOrder } from '../style';
import { orList, shownMethods, sqlList } from '../schedulers';

type Row = {
  panel: string;
  method: string;
  setting: string;
  step: number;
  /** geometric mean over seeds */
  kappa: number;
  low: number;
  high: number;
  /** seeds */
  n: number;
  /** seeds whose measure was at the floor */
  floor: number;
};

export const kappaCurves: FigureDefinition<Row> = {
  name: 'kappa-curves',
  title: 'Balance coefficient over training, by learning-rate setting',
  shows: "the balance coefficient over training under each setting of the learning rates (the paper's second figure)",
  width: 'page',
  needs: `finished runs of ${orList(shownMethods)} with measures of kappa`,

  select: (journals) =>
    journals.rows<Row>(`
      select panel, method, setting, step, exp(avg(logKappa order by seed)) as kappa, exp(min(logKappa)) as low, exp(max(logKappa)) as high,
        count(*) as n, count(*) filter (floor) as floor
      from measure join runs using (id) semi join shown using (panel, step)
      where scheduler in ${sqlList(shownMethods)}
      group by panel, method, setting, step
      qualify count(*) over (partition by panel, method, setting) > 1
      order by panel, method, setting, step`),

  caption(rows) {
    const all = rows.reduce((sum, row) => sum + row.n, 0);
    const floors = rows.reduce((sum, row) => sum + row.floor, 0);
    return [
      'Balance coefficient κ (backbone over encoder, log scale) at each measured step; grey line: κ = 1, balance.',
      `Curve: ${curve(rows)}.`,
      ...(floors > 0 ? [`${floors} of ${all} measures had a divergence at the floor of 1e-8.`] : []),
    ].join(' ');
  },

  build(rows, room) {
    const axis = logAxis(
      rows.flatMap((row) => [row.low, row.high]),
      [1],
    );
    const { color, dashOrShape } = distinguish('setting', inOrder.setting(rows), 'lines', room);
    const x = stepAxis();
    const y = { field: 'kappa', type: 'quantitative', title: 'κ (backbone / encoder)', ...axis };
    return {
      title: footnote(`Curve: ${curve(rows)}; grey line: κ = 1.`),
      ...setupPanels(rows, 'method', room),
      spec: {
        height: 96,
        layer: [
          ruleAt(1),
          band({ x, y, color }, 0.18),
          { mark: 'line', encoding: { x, y, color, strokeDash: dashOrShape } },
        ],
      },
    };
  },
};

/** What the curves are, with n, in words. */
const curve = (rows: readonly Row[]) => curveText(rows, 'geometric mean');
