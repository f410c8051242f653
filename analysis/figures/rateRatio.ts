/**
 * The main figure beyond the paper: final accuracy and loss over the ratio of the two learning rates, a line a method.
 */
import { accuracyScale, besideEachOther, type Beside } from '../axes';
import { seedCount, type FigureDefinition } from '../figure';
import { footnote, intervalBars } from '../layers';
import { panels } from '../panels';
import { distinguish, inOrder, type Spec } from '../style';
import { grouped } from '../grouped';
import { shareInterval, tInterval, type Estimate } from '../statistics';

type Outcome = { panel: string; method: string; ratio: number; seed: number; accuracy: number; loss: number };
type Row = {
  quantity: 'final accuracy' | 'training loss';
  panel: string;
  method: string;
  /** rate of the backbone over that of the encoder */
  ratio: number;
  /** mean over seeds */
  value: number;
  /** 95 % t interval; null for one seed */
  low: number | null;
  high: number | null;
  n: number;
};

/** Steps at the end of a run over which its training loss is averaged, as a share of the run. */
const lastShare = 0.25;

/** Ratios that a method needs for a line to mean something. */
const fewestRatios = 3;

export const rateRatio: FigureDefinition<Row> = {
  name: 'rate-ratio',
  title: 'Robustness to the ratio of the learning rates',
  shows: 'final accuracy and training loss over the ratio of the two learning rates, a line a method',
  width: 'page',
  needs: `finished runs of a method at ${fewestRatios} or more ratios of the learning rates`,

  async select(journals) {
    const outcomes = await journals.rows<Outcome>(`
      with length as (select id, max(step) as steps from train group by id),
        last as (
          select id, avg(loss order by step) as loss from train join length using (id)
          where step > steps * ${1 - lastShare} group by id)
      select panel, method, round(rateBackbone / rateEncoder, 6) as ratio, seed, choice as accuracy, last.loss as loss
      from final join runs using (id) join last using (id)
      where choice is not null
      order by panel, method, ratio, seed, id`);
    const byLine = grouped(outcomes, ({ panel, method }) => JSON.stringify([panel, method]));
    const lines = byLine.filter((line) => new Set(line.map((outcome) => outcome.ratio)).size >= fewestRatios);
    return lines.flatMap((line) => grouped(line, (outcome) => String(outcome.ratio)).flatMap(rowsOf));
  },

  caption: (rows) =>
    [
      'Final choice accuracy on the evaluation split and training loss (mean of the last quarter of the steps) over the ratio of the base learning rates, backbone over encoder; grey line: equal rates.',
      'A ratio is reached by raising one of the two rates, so the curve is about mis-set rates.',
      `Points: mean of ${seedCount(rows)}; bars: 95 % Student t interval (cut to 0..1 for accuracy).`,
    ].join(' '),

  build(rows, room) {
    const methods = inOrder.method(rows);
    const looks = distinguish('method', methods, 'lines', room);
    const accuracies = rows.filter((row) => row.quantity === 'final accuracy');
    const losses = rows.filter((row) => row.quantity === 'training loss');
    const bounds = accuracies.flatMap((row) => [row.value, row.low ?? row.value, row.high ?? row.value]);
    const place = besideEachOther(
      rows.map(({ ratio }) => ratio),
      methods,
      'ratio',
      [1],
    );
    return {
      title: footnote(`Mean of ${seedCount(rows)}, 95 % t interval; grey line: equal rates.`),
      vconcat: [
        curves(accuracies, 'final accuracy', accuracyScale(bounds), looks, { ...place, titled: false }),
        curves(losses, 'training loss (nats/token)', { zero: false }, looks, { ...place, titled: true }),
      ],
    };
  },
};

/** Accuracy and loss of the runs of one panel, method and ratio. */
function rowsOf(group: readonly Outcome[]): Row[] {
  const { panel, method, ratio } = group[0]!;
  const accuracy = shareInterval(group.map((outcome) => outcome.accuracy));
  const loss = tInterval(group.map((outcome) => outcome.loss));
  const row = (quantity: Row['quantity'], { mean: value, low, high, n }: Estimate): Row => ({
    quantity,
    panel,
    method,
    ratio,
    value,
    low,
    high,
    n,
  });
  return [row('final accuracy', accuracy), row('training loss', loss)];
}

/**
 * One row of panels of one quantity, whose rows these are; the lower one has the title of the ratios, the upper one the
 * panels' names.
 */
function curves(
  rows: readonly Row[],
  title: string,
  scale: Spec,
  { color, dashOrShape }: ReturnType<typeof distinguish>,
  { axis, calculate, titled }: Beside & { titled: boolean },
): Spec {
  const xTitle = 'learning rate of backbone / encoder';
  const x = { field: 'place', type: 'quantitative', title: titled ? xTitle : null, ...axis };
  const y = { field: 'value', type: 'quantitative', title, scale, axis: { tickCount: 5, minExtent: 24, format: '~g' } };
  return {
    transform: [{ filter: `datum.quantity === '${rows[0]!.quantity}'` }, { calculate, as: 'place' }],
    facet: { column: panels('panel', inOrder.panel(rows), titled ? { labels: false } : {}) },
    spec: {
      height: 105,
      layer: [
        {
          data: { values: [{}] },
          mark: { type: 'rule', strokeWidth: 0.9, color: '#777777' },
          encoding: { x: { datum: 1, type: 'quantitative', ...axis } },
        },
        intervalBars({ x, y, color }),
        {
          mark: { type: 'line', point: { size: 12, filled: true } },
          encoding: { x, y, color, strokeDash: dashOrShape },
        },
      ],
    },
  };
}
