/** The main figure beyond the paper: final accuracy and loss over the ratio of the two learning rates, a line a method. */
import type { FigureDefinition } from '../figure';
import { footnote, seedCount } from '../figure';
import { grouped } from '../grouped';
import { shareInterval, tInterval } from '../statistics';
import { accuracyScale, distinguish, inOrder, logAxis, panels, type Spec } from '../style';

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
  width: 'page',
  needs: `finished runs of a method at ${fewestRatios} or more ratios of the learning rates`,

  async select(journals) {
    const outcomes = await journals.rows<Outcome>(`
      with last as (select id, avg(loss order by step) as loss from train join (select id, max(step) as steps from train group by id) using (id) where step > steps * ${1 - lastShare} group by id)
      select panel, method, round(rateBackbone / rateEncoder, 6) as ratio, seed, choice as accuracy, last.loss as loss
      from final join runs using (id) join last using (id) where choice is not null order by panel, method, ratio, seed, id`);
    const ratios = (of: Outcome) =>
      new Set(
        outcomes.filter((other) => other.panel === of.panel && other.method === of.method).map((other) => other.ratio),
      ).size;
    return grouped(outcomes, ({ panel, method, ratio }) => JSON.stringify([panel, method, ratio]))
      .filter(([first]) => ratios(first!) >= fewestRatios)
      .flatMap((group): Row[] => {
        const { panel, method, ratio } = group[0]!;
        const accuracy = shareInterval(group.map((outcome) => outcome.accuracy));
        const loss = tInterval(group.map((outcome) => outcome.loss));
        return [
          {
            quantity: 'final accuracy',
            panel,
            method,
            ratio,
            value: accuracy.mean,
            low: accuracy.low,
            high: accuracy.high,
            n: accuracy.n,
          },
          {
            quantity: 'training loss',
            panel,
            method,
            ratio,
            value: loss.mean,
            low: loss.low,
            high: loss.high,
            n: loss.n,
          },
        ];
      });
  },

  caption: (rows) =>
    'Final choice accuracy on the evaluation split and training loss (mean of the last quarter of the steps) over the ratio of the base learning rates, backbone over encoder; grey line: equal rates. ' +
    `A ratio is reached by raising one of the two rates, so the curve is about mis-set rates. Points: mean of ${seedCount(rows.map((row) => row.n))}; bars: 95 % Student t interval (cut to 0..1 for accuracy).`,

  build(rows) {
    const methods = inOrder.method(rows);
    const { color, dashOrShape } = distinguish('method', methods, 'lines', 'page');
    const order = inOrder.panel(rows);
    // Bars at the same ratio would hide each other: each method stands a little aside, by a few percent of the ratio.
    const aside = (at: number) => 1.045 ** (at - (methods.length - 1) / 2);
    const axis = logAxis(
      rows.flatMap((row) => [row.ratio * aside(-1), row.ratio * aside(methods.length)]),
      [1],
    );
    const x = { field: 'place', type: 'quantitative', title: 'learning rate of backbone / encoder', ...axis };
    const curves = (quantity: Row['quantity'], scale: Spec, first: boolean): Spec => {
      const y = {
        field: 'value',
        type: 'quantitative',
        title: quantity === 'training loss' ? 'training loss (nats/token)' : quantity,
        scale,
        axis: { tickCount: 5, minExtent: 24, format: '~g' },
      };
      const place = first ? { ...x, title: null } : x;
      return {
        transform: [
          { filter: `datum.quantity === '${quantity}'` },
          {
            calculate: `datum.ratio * ({${methods.map((method, i) => `${JSON.stringify(method)}: ${aside(i).toPrecision(6)}`).join(', ')}})[datum.method]`,
            as: 'place',
          },
        ],
        facet: { column: panels('panel', order, first ? {} : { labels: false }) },
        spec: {
          height: 105,
          layer: [
            {
              data: { values: [{}] },
              mark: { type: 'rule', strokeWidth: 0.9, color: '#777777' },
              encoding: { x: { datum: 1, type: 'quantitative', ...axis } },
            },
            {
              transform: [{ filter: 'datum.low !== null' }],
              mark: { type: 'rule', strokeWidth: 0.9 },
              encoding: { x: place, y: { ...y, field: 'low' }, y2: { field: 'high' }, color },
            },
            {
              mark: { type: 'line', point: { size: 12, filled: true } },
              encoding: { x: place, y, color, strokeDash: dashOrShape },
            },
          ],
        },
      };
    };
    const of = (quantity: Row['quantity']) =>
      rows
        .filter((row) => row.quantity === quantity)
        .flatMap((row) => [row.value, row.low ?? row.value, row.high ?? row.value]);
    return {
      title: footnote(`Mean of ${seedCount(rows.map((row) => row.n))}, 95 % t interval; grey line: equal rates.`),
      vconcat: [
        curves('final accuracy', accuracyScale(of('final accuracy')), true),
        curves('training loss', { zero: false }, false),
      ],
    };
  },
};
