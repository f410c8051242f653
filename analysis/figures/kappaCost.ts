/**
 * What measuring kappa costs, by interval and by number of questions, and how far an estimate from few questions is
 * from one of many: along one and the same training.
 */
import type { Journals, Run } from '../aggregate';
import { logAxis } from '../axes';
import { seedCount, type FigureDefinition } from '../figure';
import { footnote, intervalBars, panelTitle } from '../layers';
import { distinguish, inOrder, type Spec } from '../style';
import { grouped } from '../grouped';
import { byText } from '../labels';
import { quantile, tInterval } from '../statistics';
import { alikeBeside, measuresInBoth, partsWithout } from '../trainAlike';

type Row = {
  quantity: 'error' | 'cost by questions' | 'cost by interval';
  panel: string;
  on: 'batch' | 'probe';
  /** questions measured, or steps between measures */
  x: number;
  /**
   * error: median over the steps of |log kappa - log kappa of the largest probe|, nats; cost: wall-clock time added to
   * a step, %
   */
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
/** What the points of one group of runs have in common. */
type About = Pick<Row, 'panel' | 'reference' | 'every' | 'sparsest'>;
type Point = About & Pick<Row, 'quantity' | 'on' | 'x' | 'value'>;

/** Sizes of the probe that make a curve. */
const fewestSizes = 3;
/** Measures in common below which a pair says nothing. */
const fewestMeasures = 5;
/** How many times as seldom as the others a run must measure to stand for a step without measuring. */
const fewestTimesAsSparse = 10;

export const kappaCost: FigureDefinition<Row> = {
  name: 'kappa-cost',
  title: 'What measuring the balance coefficient costs, and its error from few questions',
  shows:
    'what measuring κ costs by interval and by number of questions, and how far an estimate from few questions is from one of many',
  width: 'page',
  needs: `finished runs that differ only in \`measure\`, under a scheduler that does not read kappa, with ${fewestSizes} or more sizes of the probe, and one measured far more seldom`,

  async select(journals) {
    const points = await pointsOf(journals);
    const key = (point: Point) => JSON.stringify([point.quantity, point.panel, point.on, point.x]);
    return grouped(points, key)
      .map((group): Row => {
        const { n, mean: value, low, high } = tInterval(group.map((point) => point.value));
        const isDistance = group[0]!.quantity === 'error';
        return { ...group[0]!, value, low: isDistance && low !== null ? Math.max(0, low) : low, high, n };
      })
      .sort((a, b) => byText(a.panel, b.panel) || byText(a.quantity, b.quantity) || byText(a.on, b.on) || a.x - b.x);
  },

  caption(rows) {
    const { reference, every, sparsest } = rows[0]!;
    return [
      `Left: median over the steps of the distance of log κ (natural log) from that on a probe of ${reference} questions in a run that trains alike, measured every ${every} steps;`,
      'smaller probes are the first questions of larger ones, the batch changes with the step.',
      `Middle and right: wall-clock time that measuring adds to a training step, over a run measured every ${sparsest} steps;`,
      'runs side by side on one machine, so read it as a rough number (npm run bench measures alone).',
      `Points: mean of ${seedCount(rows)}; bars: 95 % Student t interval.`,
    ].join(' ');
  },

  build(rows, room) {
    const { every } = rows[0]!;
    const looks = distinguish('on', ['batch', 'probe'], 'points', room);
    const all: Column[] = [
      { quantity: 'error', x: 'questions measured', y: 'error of log κ', format: '.1f' },
      { quantity: 'cost by questions', x: 'questions measured', y: `% of a step, every ${every}`, format: '.0f' },
      { quantity: 'cost by interval', x: 'steps between measures', y: '% of a step', format: '.0f' },
    ];
    const columns = all.filter(({ quantity }) => rows.some((row) => row.quantity === quantity));
    const order = inOrder.panel(rows);
    return {
      title: footnote(`Mean of ${seedCount(rows)}, 95 % t interval.`),
      columns: columns.length,
      concat: order.flatMap((name, i) =>
        columns.map((column) => {
          const named = i === order.length - 1 ? column : { ...column, x: null };
          return panel(name, named, rows, looks);
        }),
      ),
    };
  },
};

/** A quantity with the titles of its axes; a title of null where the panel below says it. */
interface Column {
  quantity: Row['quantity'];
  x: string | null;
  y: string;
  /** of the numbers along y */
  format: string;
}

function panel(
  name: string,
  column: Column,
  rows: readonly Row[],
  { color, dashOrShape }: ReturnType<typeof distinguish>,
): Spec {
  const here = rows.filter((row) => row.quantity === column.quantity);
  const measured = [...new Set(here.map((row) => row.x))].sort((a, b) => a - b);
  const { scale, axis } = logAxis(here.map((row) => row.x));
  const x: Spec = {
    field: 'x',
    type: 'quantitative',
    title: column.x,
    scale,
    axis: { ...axis, values: measured, labelExpr: 'datum.label', format: '~g', grid: false },
  };
  const low = Math.min(0, ...here.map((row) => row.low ?? row.value));
  const high = Math.max(...here.map((row) => row.high ?? row.value));
  const y: Spec = {
    field: 'value',
    type: 'quantitative',
    title: column.y,
    scale: { domain: [low * 1.05, Number((high * 1.06).toPrecision(3))], nice: false },
    axis: { tickCount: 5, format: column.format, minExtent: 24 },
  };
  return {
    title: panelTitle(name.split(' · ')),
    height: 90,
    transform: [{ filter: `datum.panel === ${JSON.stringify(name)} && datum.quantity === '${column.quantity}'` }],
    layer: [
      intervalBars({ x, y, color }),
      { mark: { type: 'line', strokeWidth: 0.8 }, encoding: { x, y, color } },
      {
        mark: { type: 'point', size: 18, filled: true, opacity: 1 },
        encoding: { x, y, color, shape: dashOrShape },
      },
    ],
  };
}

const allOfMeasure = /^measure\./;

/** Questions on which a run measures kappa. */
function questions({ file: { spec } }: Run): number {
  return spec.measure.on === 'probe' ? spec.measure.probe! : spec.batch;
}

/** The points of each group of runs that train alike: equal in all but `measure`. */
async function pointsOf(journals: Journals): Promise<Point[]> {
  const groups = alikeBeside(allOfMeasure, journals.runs);
  const several = new Set(groups.flat().map((run) => run.method)).size > 1;
  const points: Point[] = [];
  for (const group of groups) points.push(...(await pointsOfGroup(journals, group, several)));
  return points;
}

/**
 * The points of one group; none when it has too few sizes of the probe. `withMethod`: the panel's name says the method.
 */
async function pointsOfGroup(journals: Journals, group: readonly Run[], withMethod: boolean): Promise<Point[]> {
  const probes = group.filter(({ file: { spec } }) => spec.measure.on === 'probe' && spec.measure.probe !== undefined);
  if (new Set(probes.map(questions)).size < fewestSizes) return [];
  const largest = probes.reduce((a, b) => (questions(b) > questions(a) ? b : a));
  const sparsest = group.reduce((a, b) => (b.file.spec.measure.every > a.file.spec.measure.every ? b : a));
  const { every } = largest.file.spec.measure;
  const bare = partsWithout(allOfMeasure, largest.panel);
  const about: About = {
    panel: [...(bare.length > 0 ? bare : [largest.task]), ...(withMethod ? [largest.method] : [])].join(' · '),
    reference: questions(largest),
    every,
    sparsest: sparsest.file.spec.measure.every,
  };
  const measured = group.filter((run) => run.id !== sparsest.id);
  const asOften = measured.filter((run) => run.file.spec.measure.every === every);
  const errors = await errorsOf(journals, largest, asOften, about);
  // Without a run that measures hardly ever nothing says what a step costs alone.
  return about.sparsest < fewestTimesAsSparse * every
    ? errors
    : [...errors, ...costsOf(measured, asOften, sparsest, about)];
}

/** Distance of each run's log kappa from that of the largest probe: its median over the steps that both measured. */
async function errorsOf(journals: Journals, largest: Run, asOften: readonly Run[], about: About): Promise<Point[]> {
  const points: Point[] = [];
  for (const run of asOften.filter((each) => each.id !== largest.id)) {
    const measures = await measuresInBoth(journals, run, largest);
    if (measures.length < fewestMeasures) continue;
    const distances = measures.map(({ a, b }) => Math.abs(a - b));
    const { on } = run.file.spec.measure;
    points.push({ ...about, quantity: 'error', on, x: questions(run), value: quantile(distances, 0.5) });
  }
  return points;
}

/**
 * Time that measuring adds to a step, in percent of a step of the sparsest run: by questions, and by interval where
 * there are several.
 */
function costsOf(measured: readonly Run[], asOften: readonly Run[], sparsest: Run, about: About): Point[] {
  const seconds = (run: Run) => run.file.times.secondsPerStep;
  const added = (run: Run) => 100 * (seconds(run) / seconds(sparsest) - 1);
  const byQuestions = asOften.map((run): Point => {
    const { on } = run.file.spec.measure;
    return { ...about, quantity: 'cost by questions', on, x: questions(run), value: added(run) };
  });
  const onBatch = measured.filter((run) => run.file.spec.measure.on === 'batch');
  if (onBatch.length < 2) return byQuestions;
  const byInterval = onBatch.map((run): Point => {
    const { every } = run.file.spec.measure;
    return { ...about, quantity: 'cost by interval', on: 'batch', x: every, value: added(run) };
  });
  return [...byQuestions, ...byInterval];
}
