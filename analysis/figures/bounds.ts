/**
 * How tight the bounds of docs/method.md section 3 are: what the loss did to first order over what the bound allows,
 * for each module.
 */
import { logAxis, stepAxis } from '../axes';
import { curveText, type FigureDefinition } from '../figure';
import { band, footnote, ruleAt } from '../layers';
import { setupPanels } from '../panels';
import { distinguish } from '../style';
import { atEqualRates } from '../labels';
import { orList, shownMethods, sqlList } from '../schedulers';

type Row = {
  panel: string;
  method: string;
  module: 'encoder' | 'backbone';
  step: number;
  /** median over seeds of |progress| / bound */
  tightness: number;
  low: number;
  high: number;
  /** seeds */
  n: number;
  /** seeds above 1, where the bound failed */
  above: number;
};

export const bounds: FigureDefinition<Row> = {
  name: 'bounds',
  title: 'Tightness of the bounds on the progress of each module',
  shows:
    'how tight the bounds of method.md section 3 are: what the loss did to first order over what the bound allows, for each module',
  width: 'page',
  needs: `finished runs of ${orList(shownMethods)} at equal rates with bounds above zero in steps that train both modules`,

  select: (journals) =>
    journals.rows<Row>(`
      with each as (
        select id, step, 'encoder' as module, tightnessEncoder as tightness from measure where bothTrained
        union all
        select id, step, 'backbone', tightnessBackbone from measure where bothTrained)
      select panel, method, module, step, median(tightness) as tightness, min(tightness) as low, max(tightness) as high,
        count(*) as n, count(*) filter (tightness > 1) as above
      from each join runs using (id) semi join shown using (panel, step)
      where isfinite(tightness) and tightness > 0 and ${atEqualRates(journals.runs)} and scheduler in ${sqlList(shownMethods)}
      group by panel, method, module, step
      qualify count(*) over (partition by panel, method, module) > 1
      order by panel, method, module desc, step`),

  caption(rows) {
    const all = rows.reduce((sum, row) => sum + row.n, 0);
    const above = rows.reduce((sum, row) => sum + row.above, 0);
    return [
      'Measured progress over its bound, |⟨g, Δθ⟩| / bound, for each module at each measured step (log scale; the bound with the smallest label probability of the batch); grey line: 1, the bound is reached.',
      `Equal rates. Curve: ${curve(rows)}.`,
      `${above} of ${all} values are above 1: the bound on a module's progress holds to first order only.`,
      'Steps with a frozen module and values of 0, which have no logarithm, are left out.',
    ].join(' ');
  },

  build(rows, room) {
    const axis = logAxis(
      rows.flatMap((row) => [row.low, row.high]),
      [1],
    );
    const { color, dashOrShape } = distinguish(
      'module',
      ['encoder', 'backbone'].filter((module) => rows.some((row) => row.module === module)),
      'lines',
      room,
    );
    const x = stepAxis();
    const y = { field: 'tightness', type: 'quantitative', title: 'progress / bound', ...axis };
    return {
      title: footnote(`Curve: ${curve(rows)}; grey line: 1, the bound is reached.`),
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
const curve = (rows: readonly Row[]) => curveText(rows, 'median');
