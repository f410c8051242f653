/**
 * The convergence factor (docs/method.md section 6): the ratio of the two bounds over training beside what the losses
 * did.
 */
import { atEqualRates } from '../labels';
import { stepAxis, ticksAroundOne } from '../axes';
import { curveText, windowsText, type FigureDefinition } from '../figure';
import { band, footnote, ruleAt } from '../layers';
import { pages, panels } from '../panels';
import { abreast, distinguish, inOrder, type Spec } from '../style';
import { baseline, freezing, sqlList } from '../schedulers';

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

/** `equal`: which runs have equal rates, as a condition. */
const query = (equal: string) => `
  with chosen as (
      select * from runs where ${equal} and scheduler not in ${sqlList(freezing)}),
    length as (
      select panel, greatest(1, max(step) // 20)::integer as averaged,
        greatest(1, ceil(max(step) / ${pointsPerCurve}))::integer as stride, max(step) as last
      from train join chosen using (id) group by panel),
    running as (
      select panel, method, seed, step, 1 / nullif(avg(convergenceFactor) over (partition by id order by step), 0) as ratio
      from measure join chosen using (id) where convergenceFactor is not null),
    smooth as (
      select panel, method, seed, step, averaged, stride, last,
        avg(loss) over (partition by id order by step range between averaged - 1 preceding and current row) as loss
      from train join chosen using (id) join length using (panel)),
    base as (
      select panel, seed, step, loss from smooth where method = '${baseline}'),
    relative as (
      select panel, method, seed, step, averaged, stride, last, smooth.loss / base.loss as ratio
      from smooth join base using (panel, seed, step) where method <> '${baseline}')
  select 'bound' as quantity, panel, method, step,
    exp(avg(ln(ratio) order by seed)) as ratio, min(ratio) as low, max(ratio) as high, count(*) as n, 1 as averaged
  from running semi join shown using (panel, step)
  where method <> '${baseline}' and ratio > 0 and isfinite(ratio)
  group by panel, method, step
  union all
  select 'loss', panel, method, step,
    exp(avg(ln(ratio) order by seed)), min(ratio), max(ratio), count(*), any_value(averaged)
  from relative
  where (step % stride = 0 or step = last) and ratio > 0 and isfinite(ratio)
  group by panel, method, step
  order by quantity, panel, method, step`;

export const convergenceFactor: FigureDefinition<Row> = {
  name: 'convergence-factor',
  title: 'Convergence bound and training loss relative to constant rates',
  shows: 'the convergence bound of method.md section 6 relative to constant rates, beside what the training losses did',
  width: 'page',
  needs: `finished runs of \`${baseline}\` and of a method that moves the rates without freezing a module, at equal rates, with measures of kappa and seeds in common`,

  async select(journals) {
    const rows = await journals.rows<Row>(query(atEqualRates(journals.runs)));
    // A curve without its counterpart would answer nothing.
    const key = ({ panel, method }: Row) => JSON.stringify([panel, method]);
    const having = (quantity: Row['quantity']) => new Set(rows.filter((row) => row.quantity === quantity).map(key));
    const bound = having('bound');
    const loss = having('loss');
    return rows.filter((row) => bound.has(key(row)) && loss.has(key(row)));
  },

  caption(rows) {
    const losses = rows.filter((row) => row.quantity === 'loss');
    return [
      'Above: convergence bound of a method over that of constant rates, 1 / running mean of the convergence factor c_t (below 1: the bound promises faster convergence).',
      `Below: measured training loss (moving average of ${windowsText(losses)} steps) over that of constant rates with the same seed.`,
      `Equal rates; grey line: constant rates. Curve: ${curve(rows)}.`,
      'Block-coordinate descent is left out: a frozen module has a factor of 0, for which the bound says nothing.',
    ].join(' ');
  },

  build(rows, room) {
    const looks = distinguish('method', inOrder.method(rows), 'lines', room);
    const bounds = rows.filter((row) => row.quantity === 'bound');
    const losses = rows.filter((row) => row.quantity === 'loss');
    return {
      title: footnote(`Over constant rates (grey line). Curve: ${curve(rows)}.`),
      vconcat: pages(inOrder.panel(rows), abreast(4, room)).flatMap((shown) => [
        curves(shown, bounds, 'bound / constant', looks),
        curves(shown, losses, 'training loss / constant', looks),
      ]),
    };
  },
};

/** What the curves are, with n, in words. */
const curve = (rows: readonly Row[]) => curveText(rows, 'geometric mean');

/**
 * One row of panels of one quantity, whose rows these are; the bounds are above, so that they have the panels' names
 * and the losses the title of the steps.
 */
function curves(
  shown: string[],
  rows: readonly Row[],
  title: string,
  { color, dashOrShape }: ReturnType<typeof distinguish>,
): Spec {
  const { quantity } = rows[0]!;
  const above = quantity === 'bound';
  const x = { ...stepAxis(), ...(above ? { title: null } : {}) };
  const lowest = Math.min(1, ...rows.map((row) => row.low));
  const highest = Math.max(1, ...rows.map((row) => row.high));
  const margin = Math.max((highest / lowest) ** 0.06, 1.02);
  const domain = [lowest / margin, highest * margin].map((value) => Number(value.toPrecision(4)));
  const y = {
    field: 'ratio',
    type: 'quantitative',
    title,
    scale: { type: 'log', domain, nice: false },
    axis: { values: ticksAroundOne(domain[0]!, domain[1]!), format: '~g', minExtent: 24 },
  };
  return {
    transform: [{ filter: `datum.quantity === '${quantity}'` }, { filter: { field: 'panel', oneOf: shown } }],
    facet: { column: panels('panel', shown, above ? {} : { labels: false }) },
    spec: {
      height: 96,
      layer: [
        ruleAt(1),
        band({ x, y, color }, 0.13),
        { mark: 'line', encoding: { x, y, color, strokeDash: dashOrShape } },
      ],
    },
  };
}
