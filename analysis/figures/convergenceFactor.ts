/** The convergence factor (docs/method.md section 6): the ratio of the two bounds over training beside what the losses did. */
import { synchronised } from '../labels';
import type { FigureDefinition } from '../figure';
import { curveText, footnote, ruleAt } from '../figure';
import { baseline, oneAtATime, sqlList } from '../methods';
import { distinguish, inOrder, pages, panels, stepAxis, type Spec } from '../style';

type Row = {
  quantity: 'bound' | 'loss';
  panel: string;
  method: string;
  step: number;
  /** over the same of constant rates: geometric mean over seeds */
  ratio: number;
  low: number;
  high: number;
  /** seeds */
  n: number;
  /** steps in the moving average of the loss; 1 for bounds */
  averaged: number;
};

/** Points on a curve at most. */
const pointsPerCurve = 120;

export const convergenceFactor: FigureDefinition<Row> = {
  name: 'convergence-factor',
  title: 'Convergence bound and training loss relative to constant rates',
  width: 'page',
  needs: `finished runs of \`${baseline}\` and of a method that moves the rates without freezing a module, at synchronised rates, with measures of kappa and seeds in common`,

  async select(journals) {
    const rows = await journals.rows<Row>(`
      with chosen as (select * from runs where setting = '${synchronised}' and scheduler not in ${sqlList(oneAtATime)}),
        length as (select panel, greatest(1, max(step) // 20)::integer as averaged, greatest(1, ceil(max(step) / ${pointsPerCurve}))::integer as stride, max(step) as last from train join chosen using (id) group by panel),
        running as (select panel, method, seed, step, 1 / nullif(avg(convergenceFactor) over (partition by id order by step), 0) as ratio from measure join chosen using (id) where convergenceFactor is not null),
        smooth as (select panel, method, seed, step, averaged, stride, last, avg(loss) over (partition by id order by step range between averaged - 1 preceding and current row) as loss from train join chosen using (id) join length using (panel)),
        relative as (select own.panel, own.method, own.seed, own.step, own.averaged, own.stride, own.last, own.loss / base.loss as ratio
          from smooth own join smooth base on own.panel = base.panel and own.seed = base.seed and own.step = base.step and base.method = '${baseline}' where own.method <> '${baseline}')
      select 'bound' as quantity, panel, method, step, exp(avg(ln(ratio) order by seed)) as ratio, min(ratio) as low, max(ratio) as high, count(*) as n, 1 as averaged
        from running semi join shown using (panel, step) where method <> '${baseline}' and ratio > 0 and isfinite(ratio) group by panel, method, step
      union all
      select 'loss', panel, method, step, exp(avg(ln(ratio) order by seed)), min(ratio), max(ratio), count(*), any_value(averaged)
        from relative where (step % stride = 0 or step = last) and ratio > 0 and isfinite(ratio) group by panel, method, step
      order by quantity, panel, method, step`);
    // A curve without its counterpart would answer nothing.
    const pairs = (quantity: Row['quantity']) =>
      new Set(rows.filter((row) => row.quantity === quantity).map((row) => `${row.panel}\n${row.method}`));
    const [bound, loss] = [pairs('bound'), pairs('loss')];
    return rows.filter((row) => bound.has(`${row.panel}\n${row.method}`) && loss.has(`${row.panel}\n${row.method}`));
  },

  caption(rows) {
    const windows = [...new Set(rows.filter((row) => row.quantity === 'loss').map((row) => row.averaged))].sort(
      (a, b) => a - b,
    );
    return (
      `Above: convergence bound of a method over that of constant rates, 1 / running mean of the convergence factor c_t (below 1: the bound promises faster convergence). Below: measured training loss (moving average of ${windows.join(' or ')} steps) over that of constant rates with the same seed. ` +
      `Synchronised rates; grey line: constant rates. Curve: ${curveText(
        rows.map((row) => row.n),
        'geometric mean',
      )}. Block-coordinate descent is left out: a frozen module has a factor of 0, for which the bound says nothing.`
    );
  },

  build(rows) {
    const { color, dashOrShape } = distinguish('method', inOrder.method(rows), 'lines', 'page');
    const order = inOrder.panel(rows);
    const curves = (shown: string[], quantity: Row['quantity'], title: string, first: boolean): Spec => {
      const here = rows.filter((row) => row.quantity === quantity);
      const x = { ...stepAxis(), ...(first ? { title: null } : {}) };
      const range = [Math.min(1, ...here.map((row) => row.low)), Math.max(1, ...here.map((row) => row.high))] as const;
      const margin = Math.max((range[1] / range[0]) ** 0.06, 1.02);
      const domain = [range[0] / margin, range[1] * margin].map((value) => Number(value.toPrecision(4)));
      const y = {
        field: 'ratio',
        type: 'quantitative',
        title,
        scale: { type: 'log', domain, nice: false },
        axis: { values: ticks(domain[0]!, domain[1]!), format: '~g', minExtent: 24 },
      };
      return {
        transform: [{ filter: `datum.quantity === '${quantity}'` }, { filter: { field: 'panel', oneOf: shown } }],
        facet: { column: panels('panel', shown, first ? {} : { labels: false }) },
        spec: {
          height: 96,
          layer: [
            ruleAt(1),
            {
              mark: { type: 'area', opacity: 0.13 },
              encoding: { x, y: { ...y, field: 'low' }, y2: { field: 'high' }, color },
            },
            { mark: 'line', encoding: { x, y, color, strokeDash: dashOrShape } },
          ],
        },
      };
    };
    return {
      title: footnote(
        `Over constant rates (grey line). Curve: ${curveText(
          rows.map((row) => row.n),
          'geometric mean',
        )}.`,
      ),
      vconcat: pages(order).flatMap((shown) => [
        curves(shown, 'bound', 'bound / constant', true),
        curves(shown, 'loss', 'training loss / constant', false),
      ]),
    };
  },
};

/** Readable ticks of a log axis that may span much less than a decade. */
function ticks(low: number, high: number): number[] {
  const span = Math.log10(high / low);
  const steps =
    span > 1.3
      ? [1, 2, 5]
      : span > 0.5
        ? [1, 1.5, 2, 3, 5, 7]
        : span > 0.2
          ? [1, 1.2, 1.4, 1.6, 1.8, 2, 2.5, 3, 4, 5, 6, 7, 8, 9]
          : Array.from({ length: 90 }, (_, i) => (100 + 10 * i) / 100);
  const decades = Array.from(
    { length: Math.ceil(Math.log10(high)) - Math.floor(Math.log10(low)) + 1 },
    (_, i) => Math.floor(Math.log10(low)) + i,
  );
  const all = decades
    .flatMap((decade) => steps.map((step) => Number((step * 10 ** decade).toPrecision(3))))
    .filter((tick) => tick >= low && tick <= high);
  const every = Math.ceil(all.length / 7);
  // Thinned out around 1, which is always a tick.
  const one = Math.max(0, all.indexOf(1));
  return all.filter((_, i) => Math.abs(i - one) % every === 0);
}
