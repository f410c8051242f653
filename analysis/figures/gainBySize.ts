/** What each method gains over constant rates before backbones of different sizes. */
import { backboneSize } from '../../src/models/zoo/backbones';
import type { Journals, Run } from '../aggregate';
import { besideEachOther, type Beside } from '../axes';
import { pairedDifferences } from '../comparison';
import { seedCount, type FigureDefinition } from '../figure';
import { grouped } from '../grouped';
import { labelRuns } from '../labels';
import { footnote, intervalBars, ruleAt } from '../layers';
import { panels } from '../panels';
import { baseline } from '../schedulers';
import { tInterval } from '../statistics';
import { distinguish, inOrder, type Spec } from '../style';

type Outcome = { id: string; accuracy: number; loss: number };
type Row = {
  quantity: 'accuracy' | 'loss';
  /** task, learning-rate setting and whatever else differs but the backbone */
  panel: string;
  method: string;
  backbone: string;
  /** of the backbone, as published, in millions */
  parameters: number;
  /** mean over seeds of the method less constant rates; of the loss, constant rates less the method */
  gain: number;
  /** 95 % t interval; null for one seed */
  low: number | null;
  high: number | null;
  n: number;
};

/** A run's outcome and where it stands in the figure. */
interface Placed extends Outcome {
  panel: string;
  method: string;
  backbone: string;
  parameters: number;
  seed: number;
}

/** Constant rates alone; an optimiser that is a method of its own has another name. */
const isBaseline = ({ method }: Pick<Placed, 'method'>): boolean => method === baseline;

export const gainBySize: FigureDefinition<Row> = {
  name: 'gain-by-size',
  title: 'Gain over constant rates before backbones of different sizes',
  shows: 'what each method gains over constant rates, in accuracy and training loss, over the size of the backbone',
  width: 'column',
  needs: `finished runs of \`${baseline}\` and of another method before two or more backbones of the small zoo, on a task with choices, with seeds in common`,

  async select(journals) {
    const outcomes = await journals.rows<Outcome>(`
      select id, choice as accuracy, avg(train.loss order by train.step) as loss from final join train using (id)
      where choice is not null group by id, choice order by id`);
    const panelsOfRows = grouped(placed(journals, outcomes), ({ panel }) => panel).map((group) =>
      grouped(group, ({ backbone }) => backbone).flatMap(gainsOf),
    );
    return panelsOfRows
      .flatMap((rows) =>
        grouped(rows, ({ quantity, method }) => JSON.stringify([quantity, method])).filter((line) => line.length > 1),
      )
      .flat();
  },

  caption: (rows) =>
    [
      `Choice accuracy on the evaluation split at the last step less that of constant rates, and the training loss (mean of all steps) of constant rates less the method's, seed by seed, over the parameters of the backbone: ${backbonesText(rows)}.`,
      `Above the grey line the method does better. Points: mean of ${seedCount(rows)}; bars: 95 % Student t interval, not corrected.`,
    ].join(' '),

  build(rows, room) {
    const methods = inOrder.method(rows);
    const looks = distinguish('method', methods, 'lines', room);
    const place = besideEachOther(
      rows.map(({ parameters }) => parameters),
      methods,
      'parameters',
    );
    const names = inOrder.panel(rows);
    const only = (quantity: Row['quantity']) => rows.filter((row) => row.quantity === quantity);
    return {
      title: footnote(`Mean of ${seedCount(rows)}, 95 % t interval; above the grey line: better than constant rates.`),
      vconcat: [
        curves(only('accuracy'), names, 'gain in accuracy', looks, { ...place, titled: false }),
        curves(only('loss'), names, 'fall of training loss (nats/token)', looks, { ...place, titled: true }),
      ],
    };
  },
};

/** `stories15m (15 M), ...`, from the smallest to the largest. */
function backbonesText(rows: readonly Row[]): string {
  const sizes = new Map(rows.map(({ backbone, parameters }) => [backbone, parameters]));
  return [...sizes]
    .sort((a, b) => a[1] - b[1])
    .map(([backbone, parameters]) => `${backbone} (${Math.round(parameters)} M)`)
    .join(', ');
}

/** Runs before a backbone whose size is known, each in the panel of those that differ from it in no more than that. */
function placed({ runs }: Pick<Journals, 'runs'>, outcomes: readonly Outcome[]): Placed[] {
  const byId = new Map(outcomes.map((outcome) => [outcome.id, outcome]));
  const known = runs.flatMap((run: Run) => {
    const { backbone, ...others } = run.file.spec;
    const size = 'checkpoint' in others || typeof backbone !== 'string' ? null : backboneSize(backbone);
    const outcome = byId.get(run.id);
    return size === null || outcome === undefined ? [] : [{ run, outcome, backbone, parameters: size / 1e6 }];
  });
  // All before one backbone: then nothing but it can stand between two runs of a panel.
  const labels = labelRuns(known.map(({ run }) => ({ ...run.file.spec, backbone: known[0]!.backbone })));
  return known.map(({ run, outcome, backbone, parameters }, i) => ({
    ...outcome,
    panel: `${labels[i]!.panel} · ${labels[i]!.setting}`,
    method: labels[i]!.method,
    backbone,
    parameters,
    seed: run.seed,
  }));
}

/** What each method gains in the runs of one panel before one backbone. */
function gainsOf(group: readonly Placed[]): Row[] {
  const { panel, backbone, parameters } = group[0]!;
  const bySeed = (runs: readonly Placed[], of: 'accuracy' | 'loss') => new Map(runs.map((run) => [run.seed, run[of]]));
  const constant = group.filter(isBaseline);
  const rest = group.filter((run) => !isBaseline(run));
  return grouped(rest, ({ method }) => method).flatMap((runs) =>
    (['accuracy', 'loss'] as const).flatMap((quantity): Row[] => {
      const sign = quantity === 'loss' ? -1 : 1;
      const gains = pairedDifferences(bySeed(runs, quantity), bySeed(constant, quantity));
      if (gains.length === 0) return [];
      const { mean: gain, low, high, n } = tInterval(gains.map(({ difference }) => sign * difference));
      return [{ quantity, panel, method: runs[0]!.method, backbone, parameters, gain, low, high, n }];
    }),
  );
}

/** One row of panels of one quantity; the lower one has the title of the sizes, the upper one the panels' names. */
function curves(
  rows: readonly Row[],
  names: readonly string[],
  title: string,
  { color, dashOrShape }: ReturnType<typeof distinguish>,
  { axis, calculate, titled }: Beside & { titled: boolean },
): Spec {
  const xTitle = 'parameters of the backbone (millions)';
  const x = { field: 'place', type: 'quantitative', title: titled ? xTitle : null, ...axis };
  const y = { field: 'gain', type: 'quantitative', title, axis: { tickCount: 5, minExtent: 24, format: '~g' } };
  return {
    transform: [{ filter: `datum.quantity === '${rows[0]!.quantity}'` }, { calculate, as: 'place' }],
    facet: { column: panels('panel', names, titled ? { labels: false } : {}) },
    spec: {
      height: 100,
      layer: [
        ruleAt(0),
        intervalBars({ x, y, color }),
        {
          mark: { type: 'line', point: { size: 14, filled: true } },
          encoding: { x, y, color, strokeDash: dashOrShape },
        },
      ],
    },
  };
}
