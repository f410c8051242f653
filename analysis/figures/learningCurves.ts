/** Training loss and validation accuracy by method at synchronised rates (the paper's fourth figure). */
import { synchronised } from '../labels';
import type { FigureDefinition } from '../figure';
import { curveText, footnote } from '../figure';
import { accuracyScale, distinguish, inOrder, pages, panels, stepAxis, type Spec } from '../style';

type Row = {
  quantity: 'training loss' | 'validation accuracy';
  panel: string;
  method: string;
  step: number;
  /** mean over seeds */
  value: number;
  low: number;
  high: number;
  /** seeds */
  n: number;
  /** steps in the moving average of the loss; 1 for accuracies */
  averaged: number;
};

/** Points on a curve at most: a panel is about 200 pt wide. */
const pointsPerCurve = 120;

export const learningCurves: FigureDefinition<Row> = {
  name: 'learning-curves',
  title: 'Learning curves by method at synchronised learning rates',
  width: 'page',
  needs: 'finished runs at synchronised rates with a training loss',

  select: (journals) =>
    journals.rows<Row>(`
    with chosen as (select * from runs where setting = '${synchronised}'),
      length as (select panel, greatest(1, max(step) // 20)::integer as averaged, greatest(1, ceil(max(step) / ${pointsPerCurve}))::integer as stride, max(step) as last
        from train join chosen using (id) group by panel),
      smooth as (select panel, method, seed, id, step, averaged, avg(loss) over (partition by id order by step range between averaged - 1 preceding and current row) as loss, stride, last
        from train join chosen using (id) join length using (panel)),
      several as (select id from evaluate where split = 'validation' group by id having count(*) > 1)
    select 'training loss' as quantity, panel, method, step, avg(loss order by seed) as value, min(loss) as low, max(loss) as high, count(*) as n, any_value(averaged) as averaged
      from smooth where step % stride = 0 or step = last group by panel, method, step
    union all
    select 'validation accuracy', panel, method, step, avg(choice order by seed), min(choice), max(choice), count(*), 1
      from evaluate join chosen using (id) semi join several using (id) where split = 'validation' group by panel, method, step
    order by quantity, panel, method, step`),

  caption(rows) {
    const windows = [
      ...new Set(rows.filter((row) => row.quantity === 'training loss').map((row) => row.averaged)),
    ].sort((a, b) => a - b);
    const validated = rows.some((row) => row.quantity === 'validation accuracy');
    return (
      `Training loss (moving average of ${windows.join(' or ')} steps, shorter at the start)${validated ? ' and validation accuracy' : ''} by method at synchronised learning rates. ` +
      `Curve: ${curveText(
        rows.map((row) => row.n),
        'mean',
      )}.`
    );
  },

  build(rows) {
    const { color, dashOrShape } = distinguish('method', inOrder.method(rows), 'lines', 'page');
    const order = inOrder.panel(rows);
    const windows = [...new Set(rows.map((row) => row.averaged).filter((steps) => steps > 1))].sort((a, b) => a - b);
    const curves = (
      all: string[],
      quantity: Row['quantity'],
      title: string,
      scale: Spec,
      first: boolean,
      last: boolean,
    ): Spec => {
      // A panel without this quantity would let the next one slip below another's name.
      const shown = all.filter((panel) => rows.some((row) => row.panel === panel && row.quantity === quantity));
      const x = { ...stepAxis(), ...(last ? {} : { title: null }) };
      const y = { field: 'value', type: 'quantitative', title, scale, axis: { tickCount: 5, minExtent: 24 } };
      return {
        transform: [{ filter: `datum.quantity === '${quantity}'` }, { filter: { field: 'panel', oneOf: shown } }],
        facet: { column: panels('panel', shown, first || shown.length < all.length ? {} : { labels: false }) },
        spec: {
          height: 100,
          layer: [
            {
              mark: { type: 'area', opacity: 0.13 },
              encoding: { x, y: { ...y, field: 'low' }, y2: { field: 'high' }, color },
            },
            {
              mark: { type: 'line', ...(first ? {} : { point: { size: 8, filled: true } }) },
              encoding: { x, y, color, strokeDash: dashOrShape },
            },
          ],
        },
      };
    };
    // Over several rows of panels the scale must be said, or each row would have its own.
    const losses = rows.filter((row) => row.quantity === 'training loss').flatMap((row) => [row.low, row.high]);
    const lossScale: Spec =
      order.length <= 4
        ? { zero: false }
        : { domain: [losses.reduce((a, b) => Math.min(a, b)), losses.reduce((a, b) => Math.max(a, b))], nice: true };
    const accuracies = rows.filter((row) => row.quantity === 'validation accuracy');
    return {
      title: footnote(
        `Curve: ${curveText(
          rows.map((row) => row.n),
          'mean',
        )}. Loss: moving average of ${windows.join(' or ')} steps.`,
      ),
      vconcat: pages(order).flatMap((shown) => [
        curves(shown, 'training loss', 'training loss (nats/token)', lossScale, true, accuracies.length === 0),
        ...(accuracies.length === 0
          ? []
          : [
              curves(
                shown,
                'validation accuracy',
                'validation accuracy',
                accuracyScale(accuracies.flatMap((row) => [row.low, row.high])),
                false,
                true,
              ),
            ]),
      ]),
    };
  },
};
