/**
 * Ablations: final accuracy over any numeric option that an experiment varies (interval, window, exponent, weight of
 * the regulariser, ...).
 */
import { accuracyScale, logAxis } from '../axes';
import { seedCount, type FigureDefinition } from '../figure';
import { footnote, intervalBars, panelTitle } from '../layers';
import { abreast, distinguish, type Spec } from '../style';
import type { Run } from '../aggregate';
import { grouped } from '../grouped';
import { byText, leaves, orderSettings } from '../labels';
import { shareInterval } from '../statistics';

type Row = {
  /** dotted path of the option */
  option: string;
  task: string;
  /** what else distinguishes the runs of this line */
  line: string;
  value: number;
  /** mean over seeds */
  accuracy: number;
  low: number | null;
  high: number | null;
  n: number;
};
interface Point {
  option: string;
  task: string;
  setting: string;
  rest: Map<string, string>;
  value: number;
  accuracy: number;
}

/** Values of an option that are all marked on its axis. */
const mostTicks = 7;

/** Values of an option that make a line. */
const fewestValues = 3;
const ownAxis = /^(seed|task|learningRate\.(encoder|backbone)$|evaluate\.|duration\.)/;

export const optionSweep: FigureDefinition<Row> = {
  name: 'option-sweep',
  title: 'Final accuracy over the options of a method',
  shows:
    'final accuracy over each numeric option that an experiment varies: interval, window, exponent, weight of the regulariser and others',
  width: 'page',
  needs: `finished runs that differ in a numeric option with ${fewestValues} or more values`,

  async select(journals) {
    const finals = await journals.rows<{ id: string; choice: number | null }>(
      'select id, choice from final order by id',
    );
    const accuracies = new Map(finals.map((row) => [row.id, row.choice]));
    const all = journals.runs.map((run) => ({ run, of: leaves(run.file.spec) }));
    const paths = [...new Set(all.flatMap(({ of }) => [...of.keys()]))].filter((path) => !ownAxis.test(path)).sort();
    const numbers = (path: string) =>
      new Set(all.flatMap(({ of }) => (Number.isFinite(Number(of.get(path) ?? NaN)) ? [of.get(path)!] : [])));
    const swept = paths.filter((path) => numbers(path).size >= fewestValues);
    return swept.flatMap((option) =>
      linesOf(
        all.flatMap(({ run, of }) => {
          const accuracy = accuracies.get(run.id) ?? null;
          return of.has(option) && accuracy !== null ? [pointOf(option, run, of, accuracy)] : [];
        }),
      ),
    );
  },

  caption(rows) {
    const options = [...new Set(rows.map((row) => row.option))].join(', ');
    return [
      `Final choice accuracy over ${options}; everything else of a line is equal.`,
      `Points: mean of ${seedCount(rows)}; bars: 95 % Student t interval cut to 0..1.`,
    ].join(' ');
  },

  build(rows, room) {
    const options = [...new Set(rows.map((row) => row.option))];
    const tasks = [...new Set(rows.map((row) => row.task))].sort();
    const lines = [...new Set(rows.map((row) => row.line))];
    const looks = distinguish('line', lines, 'lines', room);
    const scale = accuracyScale(
      rows.flatMap((row) => [row.accuracy, row.low ?? row.accuracy, row.high ?? row.accuracy]),
    );
    const places = options.flatMap((option) =>
      tasks
        .filter((task) => rows.some((row) => row.option === option && row.task === task))
        .map((task) => ({ option, task })),
    );
    const height = places.length === 1 ? 150 : 90;
    return {
      title: footnote(`Mean of ${seedCount(rows)}, 95 % t interval.`),
      columns: Math.min(abreast(3, room), tasks.length === 1 ? options.length : tasks.length),
      concat: places.map(({ option, task }) => {
        const ofOption = rows.filter((row) => row.option === option);
        const ofTask = ofOption.filter((row) => row.task === task);
        const shown = lines.filter((line) => ofTask.some((row) => row.line === line));
        const { x, calculate } = optionAxis(
          option,
          ofOption.map((row) => row.value),
          shown,
        );
        return panel({ option, task, calculate }, x, scale, looks, height);
      }),
    };
  },
};

function pointOf(option: string, run: Run, of: ReadonlyMap<string, string>, accuracy: number): Point {
  const rest = [...of].filter(([path]) => path !== option && path !== 'seed' && path !== 'task');
  const { task, setting } = run;
  return { option, task, setting, rest: new Map(rest), value: Number(of.get(option)), accuracy };
}

/**
 * How far the bars of neighbouring lines stand from each other, as a share of the axis: at the same place they would
 * hide each other.
 */
const asideShare = 0.012;

/**
 * The axis of an option and the Vega expression of a row's place on it: logarithmic from a factor of eight on, the
 * values that were run as ticks.
 */
function optionAxis(
  option: string,
  values: readonly number[],
  lines: readonly string[],
): { x: Spec; calculate: string } {
  const low = Math.min(...values);
  const high = Math.max(...values);
  const logarithmic = low > 0 && high / low >= 8;
  const aside = (line: string) => {
    const share = asideShare * (lines.indexOf(line) - (lines.length - 1) / 2);
    return Number((logarithmic ? (high / low) ** share : (high - low) * share).toPrecision(6));
  };
  const asides = JSON.stringify(Object.fromEntries(lines.map((line) => [line, aside(line)])));
  const { scale, axis }: { scale: Spec; axis: Spec } = logarithmic
    ? logAxis(values.flatMap((value) => [-0.03, 0.03].map((share) => value * (high / low) ** share)))
    : { scale: { zero: false, nice: false, padding: 8 }, axis: { tickCount: 5, format: '~g' } };
  const distinct = [...new Set(values)].sort((a, b) => a - b);
  return {
    x: {
      field: 'place',
      type: 'quantitative',
      title: option.replace(/^scheduler\.|^regulariser\./, ''),
      scale,
      axis: distinct.length > mostTicks ? axis : { values: distinct, format: '~g' },
    },
    calculate: `datum.value ${logarithmic ? '*' : '+'} (${asides})[datum.line]`,
  };
}

function panel(
  { option, task, calculate }: { option: string; task: string; calculate: string },
  x: Spec,
  scale: Spec,
  { color, dashOrShape }: ReturnType<typeof distinguish>,
  height: number,
): Spec {
  const y = {
    field: 'accuracy',
    type: 'quantitative',
    title: 'final accuracy',
    scale,
    axis: { tickCount: 5, format: '~g' },
  };
  return {
    title: panelTitle(task),
    height,
    transform: [{ filter: `datum.option === '${option}' && datum.task === '${task}'` }, { calculate, as: 'place' }],
    layer: [
      intervalBars({ x, y, color }),
      {
        mark: { type: 'line', point: { size: 14, filled: true } },
        encoding: { x, y, color, strokeDash: dashOrShape },
      },
    ],
  };
}

/** Lines of points that differ in nothing but the option's value and the seed; shorter ones are no sweep. */
function linesOf(points: readonly Point[]): Row[] {
  const key = ({ task, rest }: Point) => JSON.stringify([task, [...rest]]);
  const lines = grouped(points, key).filter((group) => new Set(group.map((point) => point.value)).size >= fewestValues);
  const firsts = lines.map((group) => group[0]!);
  const order = orderSettings(firsts.map((point) => point.setting));
  const nameOf = lineNames(firsts);
  return lines
    .map((group) => ({ group, line: nameOf(group[0]!), place: order.indexOf(group[0]!.setting) }))
    .sort((a, b) => a.place - b.place || byText(a.line, b.line))
    .flatMap(({ group, line }) => rowsOf(group, line));
}

/**
 * The name of a line: its scheduler, and whatever else differs between the lines of a task; `firsts` has a point of
 * each line.
 */
function lineNames(firsts: readonly Point[]): (point: Point) => string {
  const tasks = grouped(firsts, (point) => point.task);
  const paths = [...new Set(firsts.flatMap((point) => [...point.rest.keys()]))].sort();
  const differing = paths.filter(
    (path) =>
      path !== 'scheduler.kind' &&
      !/^learningRate\.(encoder|backbone)$/.test(path) &&
      tasks.some((inTask) => new Set(inTask.map((point) => point.rest.get(path))).size > 1),
  );
  const withSetting = new Set(firsts.map((point) => point.setting)).size > 1;
  const short = (path: string) => path.replace(/^scheduler\.|^regulariser\./, '');
  return ({ setting, rest }) => {
    const options = differing.filter((path) => rest.has(path)).map((path) => `${short(path)}=${rest.get(path)!}`);
    return [rest.get('scheduler.kind') ?? '', ...(withSetting ? [setting] : []), ...options].join(', ');
  };
}

/** A row a value, from the points of one line. */
function rowsOf(group: readonly Point[], line: string): Row[] {
  const { option, task } = group[0]!;
  const values = [...new Set(group.map((point) => point.value))].sort((a, b) => a - b);
  return values.map((value): Row => {
    const accuracies = group.filter((point) => point.value === value).map((point) => point.accuracy);
    const { n, mean, low, high } = shareInterval(accuracies);
    return { option, task, line, value, accuracy: mean, low, high, n };
  });
}
