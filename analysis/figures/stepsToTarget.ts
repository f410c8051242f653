/** Does a method learn faster? Steps and seconds to where constant rates end, and the area between the loss curves. */
import { settingAxis } from '../axes';
import { seedCount, type FigureDefinition } from '../figure';
import { footnote, ruleAt } from '../layers';
import { panels } from '../panels';
import { baseline } from '../schedulers';
import { tInterval } from '../statistics';
import { distinguish, inOrder, type Spec } from '../style';
import { curvesOf, medianOf, pairedRuns, smoothing, type PairedRun } from '../tables/convergence';

const quantities = ['steps', 'seconds', 'area'] as const;
type Quantity = (typeof quantities)[number];
type Row = {
  quantity: Quantity;
  /** a run, or what stands for all of its method: the median of steps and seconds, the mean of areas */
  level: 'run' | 'method';
  panel: string;
  setting: string;
  method: string;
  seed: number | null;
  /** null where the median run never reaches the target */
  value: number | null;
  /** 95 % t interval of the mean area; null elsewhere and for one seed */
  low: number | null;
  high: number | null;
  n: number;
  /** runs that reach the target */
  reached: number;
};

const titles: Readonly<Record<Quantity, string>> = {
  steps: `steps to the loss of ${baseline} at its end`,
  seconds: 'seconds to it',
  area: `mean loss of all steps less that of ${baseline}`,
};

/** One method in one setting, one quantity: its runs, and what stands for them where there is such a value. */
function rowsOf(runs: readonly PairedRun[], quantity: Quantity): Row[] {
  const { panel, setting, method } = runs[0]!;
  const reached = runs.filter(({ steps }) => steps !== null).length;
  const all = { quantity, panel, setting, method, n: runs.length, reached };
  const own = runs.flatMap((run): Row[] => {
    const value = run[quantity];
    return value === null ? [] : [{ ...all, level: 'run', seed: run.seed, value, low: null, high: null }];
  });
  const { mean, low, high } = tInterval(runs.map(({ area }) => area));
  const middle = quantity === 'area' ? mean : medianOf(runs.map((run) => run[quantity]));
  const interval = quantity === 'area' ? { low, high } : { low: null, high: null };
  return [...own, { ...all, level: 'method', seed: null, value: middle, ...interval }];
}

export const stepsToTarget: FigureDefinition<Row> = {
  name: 'steps-to-target',
  title: 'How fast the methods learn, against constant rates',
  shows:
    'steps and seconds until the training loss is where constant rates end, and the area between the loss curves, by method',
  width: 'page',
  needs: `finished runs of \`${baseline}\` and of another method with seeds and setting in common`,

  async select(journals) {
    const methods = pairedRuns(await curvesOf(journals));
    return quantities.flatMap((quantity) =>
      methods
        .filter((runs) => quantity !== 'area' || runs[0]!.method !== baseline)
        .flatMap((runs) => rowsOf(runs, quantity)),
    );
  },

  caption(rows) {
    return [
      `Steps until the mean of ${smoothing} training losses is at most what ${baseline} of the same seed ends with (mean of the last tenth), the same in seconds at what a step of the run took while the sweep ran, and the mean loss of all steps less that of ${baseline} (nats per label token; left of the grey line the method is better).`,
      `Strokes: runs; points: medians, of the area the mean of ${seedCount(rows)} with 95 % Student t interval.`,
      ...(rows.some(({ n, reached }) => reached < n)
        ? ['Runs that never get there have no stroke, and a method whose median run does not has no point.']
        : []),
    ].join(' ');
  },

  build(rows, room) {
    const looks = distinguish('method', inOrder.method(rows), 'points', room);
    const names = inOrder.panel(rows);
    return {
      title: footnote(
        `Strokes: runs; points: medians, of the area the mean of ${seedCount(rows)} with 95 % t interval.`,
      ),
      vconcat: quantities.map((quantity) => settingsOf(rows, quantity, names, looks)),
    };
  },
};

/** One row of panels of one quantity, a lane for each method of each setting. */
function settingsOf(
  all: readonly Row[],
  quantity: Quantity,
  names: readonly string[],
  { color, dashOrShape }: ReturnType<typeof distinguish>,
): Spec {
  const rows = all.filter((row) => row.quantity === quantity);
  const methods = inOrder.method(all);
  const y = settingAxis(inOrder.setting(rows), { minExtent: 60 });
  const yOffset = { field: 'method', type: 'nominal', sort: methods, scale: { domain: methods, paddingOuter: 0.2 } };
  const x = {
    field: 'value',
    type: 'quantitative',
    title: titles[quantity],
    scale: { zero: true },
    axis: { tickCount: 4, format: '~r' },
  };
  const only = (level: Row['level']) => [{ filter: `datum.level === '${level}'` }];
  const intervals: Spec = {
    transform: [{ filter: 'datum.low !== null' }],
    mark: { type: 'rule', strokeWidth: 1 },
    encoding: { y, yOffset, x: { ...x, field: 'low' }, x2: { field: 'high' }, color },
  };
  return {
    transform: [{ filter: `datum.quantity === '${quantity}'` }],
    facet: { column: panels('panel', names, quantity === 'steps' ? {} : { labels: false }) },
    spec: {
      height: { step: 8, for: 'offset' },
      layer: [
        ...(quantity === 'area' ? [ruleAt(0, 'x')] : []),
        ...(rows.some(({ low }) => low !== null) ? [intervals] : []),
        {
          transform: only('run'),
          mark: { type: 'tick', orient: 'vertical', thickness: 0.7, size: 7 },
          encoding: { y, yOffset, x, color },
        },
        {
          transform: only('method'),
          mark: { type: 'point', filled: true, size: 18, opacity: 1 },
          encoding: { y, yOffset, x, color, shape: dashOrShape },
        },
      ],
    },
  };
}
