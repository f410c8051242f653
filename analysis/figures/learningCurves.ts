/** Training loss and validation accuracy by method at equal rates (the paper's fourth figure). */
import { atEqualRates } from '../labels';
import { accuracyScale, stepAxis } from '../axes';
import { curveText, windowsText, type FigureDefinition } from '../figure';
import { band, footnote } from '../layers';
import { pages, panels } from '../panels';
import { abreast, distinguish, inOrder, type Spec } from '../style';

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
  title: 'Learning curves by method at equal learning rates',
  shows: "training loss and validation accuracy by method at equal rates (the paper's fourth figure)",
  width: 'page',
  needs: 'finished runs at equal rates with a training loss',

  select: (journals) =>
    journals.rows<Row>(`
    with chosen as (select * from runs where ${atEqualRates(journals.runs)}),
      length as (select panel, greatest(1, max(step) // 20)::integer as averaged, greatest(1, ceil(max(step) / ${pointsPerCurve}))::integer as stride, max(step) as last
        from train join chosen using (id) group by panel),
      smooth as (select panel, method, seed, id, step, averaged, avg(loss) over (partition by id order by step range between averaged - 1 preceding and current row) as loss, stride, last
        from train join chosen using (id) join length using (panel)),
      several as (select id from evaluate where split = 'validation' group by id having count(*) > 1)
    select 'training loss' as quantity, panel, method, step, avg(loss order by seed) as value, min(loss) as low, max(loss) as high, count(*) as n, any_value(averaged) as averaged
      from smooth where step % stride = 0 or step = last group by panel, method, step
    union all
    select 'validation accuracy', panel, method, step, avg(choice order by seed), min(choice), max(choice), count(*), 1
      from evaluate join chosen using (id) semi join several using (id) where split = 'validation' and choice is not null group by panel, method, step
    order by quantity, panel, method, step`),

  caption(rows) {
    const losses = rows.filter((row) => row.quantity === 'training loss');
    const validated = rows.length > losses.length ? ' and validation accuracy' : '';
    return [
      `Training loss (moving average of ${windowsText(losses)} steps, shorter at the start)${validated} by method at equal learning rates.`,
      `Curve: ${curve(rows)}.`,
    ].join(' ');
  },

  build(rows, room) {
    const looks = distinguish('method', inOrder.method(rows), 'lines', room);
    const order = inOrder.panel(rows);
    const losses = rows.filter((row) => row.quantity === 'training loss');
    const accuracies = rows.filter((row) => row.quantity === 'validation accuracy');
    const windows = windowsText(rows.filter((row) => row.averaged > 1));
    const loss: Quantity = {
      rows: losses,
      title: 'training loss (nats/token)',
      scale: lossScale(losses, order.length),
      mark: { type: 'line' },
    };
    const accuracy: Quantity = {
      rows: accuracies,
      title: 'validation accuracy',
      scale: accuracyScale(accuracies.flatMap((row) => [row.low, row.high])),
      mark: { type: 'line', point: { size: 8, filled: true } },
    };
    return {
      title: footnote(`Curve: ${curve(rows)}. Loss: moving average of ${windows} steps.`),
      vconcat: pages(order, abreast(4, room)).flatMap((shown) =>
        accuracies.length === 0
          ? [curves(shown, loss, looks, { top: true, bottom: true })]
          : [
              curves(shown, loss, looks, { top: true, bottom: false }),
              curves(shown, accuracy, looks, { top: false, bottom: true }),
            ],
      ),
    };
  },
};

/** What the curves are, with n, in words. */
const curve = (rows: readonly Row[]) => curveText(rows, 'mean');

/** How one quantity is drawn. */
interface Quantity {
  /** its rows of all panels */
  rows: readonly Row[];
  title: string;
  scale: Spec;
  mark: Spec;
}

/** Over several rows of panels the scale must be said, or each row would have its own. */
function lossScale(losses: readonly Row[], panelCount: number): Spec {
  if (panelCount <= 4) return { zero: false };
  const lowest = losses.reduce((least, row) => Math.min(least, row.low), Infinity);
  const highest = losses.reduce((most, row) => Math.max(most, row.high), -Infinity);
  return { domain: [lowest, highest], nice: true };
}

/** One row of panels of one quantity; names stand above the top one, the title of the steps below the bottom one. */
function curves(
  all: readonly string[],
  { rows, title, scale, mark }: Quantity,
  { color, dashOrShape }: ReturnType<typeof distinguish>,
  { top, bottom }: { top: boolean; bottom: boolean },
): Spec {
  const { quantity } = rows[0]!;
  // A panel without this quantity would let the next one slip below another's name.
  const shown = all.filter((panel) => rows.some((row) => row.panel === panel));
  const named = top || shown.length < all.length;
  const x = { ...stepAxis(), ...(bottom ? {} : { title: null }) };
  const y = { field: 'value', type: 'quantitative', title, scale, axis: { tickCount: 5, minExtent: 24 } };
  return {
    transform: [{ filter: `datum.quantity === '${quantity}'` }, { filter: { field: 'panel', oneOf: shown } }],
    facet: { column: panels('panel', shown, named ? {} : { labels: false }) },
    spec: {
      height: 100,
      layer: [band({ x, y, color }, 0.13), { mark, encoding: { x, y, color, strokeDash: dashOrShape } }],
    },
  };
}
