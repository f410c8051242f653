/** What measuring kappa costs, by interval and by number of questions, and how far an estimate from few questions is from one of many: along one and the same training. */
import type { Journals, Run } from '../aggregate';
import type { FigureDefinition } from '../figure';
import { footnote, seedCount } from '../figure';
import { grouped } from '../grouped';
import { byText, leaves } from '../labels';
import { quantile, tInterval } from '../statistics';
import { distinguish, inOrder, logAxis, type Spec } from '../style';
import { ignoresKappa } from './batchAndProbe';

type Row = {
  quantity: 'error' | 'cost by questions' | 'cost by interval';
  panel: string;
  on: 'batch' | 'probe';
  /** questions measured, or steps between measures */
  x: number;
  /** error: median over the steps of |log kappa - log kappa of the largest probe|, nats; cost: wall-clock time added to a step, % */
  value: number;
  /** 95 % t interval over seeds, null for one */
  low: number | null;
  high: number | null;
  /** seeds */
  n: number;
  /** questions of the largest probe */
  reference: number;
  /** interval of the runs by question */
  every: number;
  /** interval of the runs taken as free of cost */
  sparsest: number;
};
type Point = Pick<Row, 'quantity' | 'panel' | 'on' | 'x' | 'value' | 'reference' | 'every' | 'sparsest'>;

/** Sizes of the probe that make a curve. */
const fewestSizes = 3;
/** Measures in common below which a pair says nothing. */
const fewestMeasures = 5;

export const kappaCost: FigureDefinition<Row> = {
  name: 'kappa-cost',
  title: 'What measuring the balance coefficient costs, and its error from few questions',
  width: 'page',
  needs: `finished runs that differ only in \`measure\`, under a scheduler that does not read kappa, with ${fewestSizes} or more sizes of the probe, and one measured far more seldom`,

  async select(journals) {
    const points = await pointsOf(journals);
    const key = (point: Point) => JSON.stringify([point.quantity, point.panel, point.on, point.x]);
    return grouped(points, key)
      .map((group): Row => {
        const { n, mean: value, low, high } = tInterval(group.map((point) => point.value));
        return {
          ...group[0]!,
          value,
          low: group[0]!.quantity === 'error' && low !== null ? Math.max(0, low) : low,
          high,
          n,
        };
      })
      .sort((a, b) => byText(a.panel, b.panel) || byText(a.quantity, b.quantity) || byText(a.on, b.on) || a.x - b.x);
  },

  caption(rows) {
    const { reference, every, sparsest } = rows[0]!;
    return (
      `Left: median over the steps of the distance of log κ (natural log) from that on a probe of ${reference} questions in a run that trains alike, measured every ${every} steps; smaller probes are the first questions of larger ones, the batch changes with the step. ` +
      `Middle and right: wall-clock time that measuring adds to a training step, over a run measured every ${sparsest} steps; runs side by side on one machine, so read it as a rough number (npm run bench measures alone). ` +
      `Points: mean of ${seedCount(rows.map((row) => row.n))}; bars: 95 % Student t interval.`
    );
  },

  build(rows) {
    const { every } = rows[0]!;
    const order = inOrder.panel(rows);
    const { color, dashOrShape } = distinguish('on', ['batch', 'probe'], 'points', 'page');
    const of = (quantity: Row['quantity']) => rows.filter((row) => row.quantity === quantity);
    const quantities = (
      [
        ['error', 'questions measured', 'error of log κ'],
        ['cost by questions', 'questions measured', `% of a step, every ${every}`],
        ['cost by interval', 'steps between measures', '% of a step'],
      ] as const
    ).filter(([quantity]) => of(quantity).length > 0);
    const panel = (name: string, [quantity, xTitle, yTitle]: (typeof quantities)[number], last: boolean): Spec => {
      const here = of(quantity);
      const { scale, axis } = logAxis(here.map((row) => row.x));
      const values = [...new Set(here.map((row) => row.x))].sort((a, b) => a - b);
      const x: Spec = {
        field: 'x',
        type: 'quantitative',
        title: last ? xTitle : null,
        scale,
        axis: { ...axis, values, labelExpr: 'datum.label', format: '~g', grid: false },
      };
      const [low, high] = [
        Math.min(0, ...here.map((row) => row.low ?? row.value)),
        Math.max(...here.map((row) => row.high ?? row.value)),
      ];
      const y: Spec = {
        field: 'value',
        type: 'quantitative',
        title: yTitle,
        scale: { domain: [low * 1.05, Number((high * 1.06).toPrecision(3))], nice: false },
        axis: { tickCount: 5, format: quantity === 'error' ? '.1f' : '.0f', minExtent: 24 },
      };
      return {
        title: { text: name.split(' · '), orient: 'top', anchor: 'middle', fontSize: 7.5, color: '#000000' },
        height: 90,
        transform: [{ filter: `datum.panel === ${JSON.stringify(name)} && datum.quantity === '${quantity}'` }],
        layer: [
          {
            transform: [{ filter: 'datum.low !== null' }],
            mark: { type: 'rule', strokeWidth: 0.9 },
            encoding: { x, y: { ...y, field: 'low' }, y2: { field: 'high' }, color },
          },
          { mark: { type: 'line', strokeWidth: 0.8 }, encoding: { x, y, color } },
          {
            mark: { type: 'point', size: 18, filled: true, opacity: 1 },
            encoding: { x, y, color, shape: dashOrShape },
          },
        ],
      };
    };
    return {
      title: footnote(`Mean of ${seedCount(rows.map((row) => row.n))}, 95 % t interval.`),
      columns: quantities.length,
      concat: order.flatMap((name, i) => quantities.map((quantity) => panel(name, quantity, i === order.length - 1))),
    };
  },
};

/** The points of each group of runs that train alike: equal in all but `measure`. */
async function pointsOf(journals: Journals): Promise<Point[]> {
  const besideMeasure = (run: Run) =>
    JSON.stringify([...leaves(run.file.spec)].filter(([path]) => !path.startsWith('measure.')).sort());
  const runs = journals.runs.filter(ignoresKappa);
  const several = new Set(runs.map((run) => run.method)).size > 1;
  const points: Point[] = [];
  for (const group of grouped(runs, besideMeasure)) {
    const probes = group.filter(
      (run) => run.file.spec.measure.on === 'probe' && run.file.spec.measure.probe !== undefined,
    );
    const size = (run: Run) =>
      run.file.spec.measure.on === 'probe' ? run.file.spec.measure.probe! : run.file.spec.batch;
    if (new Set(probes.map(size)).size < fewestSizes) continue;
    const largest = probes.reduce((a, b) => (size(b) > size(a) ? b : a));
    const sparsest = group.reduce((a, b) => (b.file.spec.measure.every > a.file.spec.measure.every ? b : a));
    const { every } = largest.file.spec.measure;
    const { task, panel, method } = largest;
    // The panel's name without what makes the group.
    const bare = panel
      .split(' · ')
      .map((part) =>
        part
          .split(', ')
          .filter((each) => !each.startsWith('measure.'))
          .join(', '),
      )
      .filter((part) => part !== '');
    const about = {
      panel: [...(bare.length > 0 ? bare : [task]), ...(several ? [method] : [])].join(' · '),
      reference: size(largest),
      every,
      sparsest: sparsest.file.spec.measure.every,
    };
    const asOften = group.filter((run) => run.file.spec.measure.every === every && run.id !== sparsest.id);
    for (const run of asOften.filter((each) => each.id !== largest.id)) {
      const rows = await journals.rows<{ apart: number }>(
        `select abs(a.logKappa - b.logKappa) as apart from measure a join measure b using (step) where a.id = '${run.id}' and b.id = '${largest.id}' and not a.floor and not b.floor and a.bothTrained order by step`,
      );
      if (rows.length >= fewestMeasures)
        points.push({
          ...about,
          quantity: 'error',
          on: run.file.spec.measure.on,
          x: size(run),
          value: quantile(
            rows.map((row) => row.apart),
            0.5,
          ),
        });
    }
    const added = (run: Run) => 100 * (run.file.times.secondsPerStep / sparsest.file.times.secondsPerStep - 1);
    if (sparsest.file.spec.measure.every < 10 * every) continue;
    for (const run of asOften)
      points.push({
        ...about,
        quantity: 'cost by questions',
        on: run.file.spec.measure.on,
        x: size(run),
        value: added(run),
      });
    const onBatch = group.filter((run) => run.file.spec.measure.on === 'batch' && run.id !== sparsest.id);
    if (onBatch.length > 1)
      for (const run of onBatch)
        points.push({
          ...about,
          quantity: 'cost by interval',
          on: 'batch',
          x: run.file.spec.measure.every,
          value: added(run),
        });
  }
  return points;
}
