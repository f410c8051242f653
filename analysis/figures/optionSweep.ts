/** Ablations: final accuracy over any numeric option that an experiment varies (interval, window, exponent, weight of the regulariser, ...). */
import type { FigureDefinition } from '../figure';
import { footnote, seedCount } from '../figure';
import { grouped } from '../grouped';
import { byText, leaves, orderSettings } from '../labels';
import { shareInterval } from '../statistics';
import { accuracyScale, distinguish, logAxis, type Spec } from '../style';

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
const ownAxis = /^(seed|task|learningRate\.|evaluate\.|duration\.)/;

export const optionSweep: FigureDefinition<Row> = {
  name: 'option-sweep',
  title: 'Final accuracy over the options of a method',
  width: 'page',
  needs: `finished runs that differ in a numeric option with ${fewestValues} or more values`,

  async select(journals) {
    const accuracies = new Map(
      (await journals.rows<{ id: string; choice: number | null }>('select id, choice from final order by id')).map(
        (row) => [row.id, row.choice],
      ),
    );
    const all = journals.runs.map((run) => ({
      run,
      of: leaves(run.file.spec),
      accuracy: accuracies.get(run.id) ?? null,
    }));
    const paths = [...new Set(all.flatMap(({ of }) => [...of.keys()]))].filter((path) => !ownAxis.test(path)).sort();
    const values = (path: string) =>
      new Set(all.flatMap(({ of }) => (Number.isFinite(Number(of.get(path) ?? NaN)) ? [of.get(path)!] : [])));
    return paths
      .filter((path) => values(path).size >= fewestValues)
      .flatMap((option) => {
        const points = all.flatMap(({ run, of, accuracy }): Point[] =>
          of.has(option) && accuracy !== null
            ? [
                {
                  option,
                  task: run.task,
                  setting: run.setting,
                  rest: new Map([...of].filter(([path]) => path !== option && path !== 'seed' && path !== 'task')),
                  value: Number(of.get(option)),
                  accuracy,
                },
              ]
            : [],
        );
        return linesOf(points);
      });
  },

  caption: (rows) =>
    `Final choice accuracy over ${[...new Set(rows.map((row) => row.option))].join(', ')}; everything else of a line is equal. Points: mean of ${seedCount(rows.map((row) => row.n))}; bars: 95 % Student t interval cut to 0..1.`,

  build(rows) {
    const options = [...new Set(rows.map((row) => row.option))];
    const tasks = [...new Set(rows.map((row) => row.task))].sort();
    const lines = [...new Set(rows.map((row) => row.line))];
    const { color, dashOrShape } = distinguish('line', lines, 'lines', 'page');
    const scale = accuracyScale(
      rows.flatMap((row) => [row.accuracy, row.low ?? row.accuracy, row.high ?? row.accuracy]),
    );
    const places = options.flatMap((option) =>
      tasks
        .filter((task) => rows.some((row) => row.option === option && row.task === task))
        .map((task) => ({ option, task })),
    );
    const one = places.length === 1;
    const panel = ({ option, task }: { option: string; task: string }): Spec => {
      const here = rows.filter((row) => row.option === option).map((row) => row.value);
      const [low, high] = [Math.min(...here), Math.max(...here)];
      const logarithmic = low > 0 && high / low >= 8;
      // The values that were run are the ticks; bars at the same value stand a little aside of each other.
      const values = [...new Set(here)].sort((a, b) => a - b);
      const shown = lines.filter((line) =>
        rows.some((row) => row.option === option && row.task === task && row.line === line),
      );
      const place = (line: string) => 0.012 * (shown.indexOf(line) - (shown.length - 1) / 2);
      const asides = JSON.stringify(
        Object.fromEntries(
          shown.map((line) => [
            line,
            Number((logarithmic ? (high / low) ** place(line) : (high - low) * place(line)).toPrecision(6)),
          ]),
        ),
      );
      const { scale: xScale, axis: xAxis }: { scale: Spec; axis: Spec } = logarithmic
        ? logAxis(here.flatMap((value) => [value * (high / low) ** -0.03, value * (high / low) ** 0.03]))
        : { scale: { zero: false, nice: false, padding: 8 }, axis: { tickCount: 5, format: '~g' } };
      const x = {
        field: 'place',
        type: 'quantitative',
        title: option.replace(/^scheduler\.|^regulariser\./, ''),
        scale: xScale,
        axis: values.length > mostTicks ? xAxis : { values, format: '~g' },
      };
      const y = {
        field: 'accuracy',
        type: 'quantitative',
        title: 'final accuracy',
        scale,
        axis: { tickCount: 5, format: '~g' },
      };
      return {
        title: { text: task, orient: 'top', anchor: 'middle', fontSize: 7.5, color: '#000000' },
        height: one ? 150 : 90,
        transform: [
          { filter: `datum.option === '${option}' && datum.task === '${task}'` },
          { calculate: `datum.value ${logarithmic ? '*' : '+'} (${asides})[datum.line]`, as: 'place' },
        ],
        layer: [
          {
            transform: [{ filter: 'datum.low !== null' }],
            mark: { type: 'rule', strokeWidth: 0.9 },
            encoding: { x, y: { ...y, field: 'low' }, y2: { field: 'high' }, color },
          },
          {
            mark: { type: 'line', point: { size: 14, filled: true } },
            encoding: { x, y, color, strokeDash: dashOrShape },
          },
        ],
      };
    };
    return {
      title: footnote(`Mean of ${seedCount(rows.map((row) => row.n))}, 95 % t interval.`),
      columns: Math.min(3, tasks.length === 1 ? options.length : tasks.length),
      concat: places.map(panel),
    };
  },
};

/** Lines of points that differ in nothing but the option's value and the seed; shorter ones are no sweep. */
function linesOf(points: readonly Point[]): Row[] {
  const key = ({ task, rest }: Point) => JSON.stringify([task, [...rest]]);
  const lines = grouped(points, key).filter((group) => new Set(group.map((point) => point.value)).size >= fewestValues);
  const paths = [...new Set(lines.flatMap(([first]) => [...first!.rest.keys()]))].sort();
  // The name of a line: its scheduler, and whatever else differs between the lines of a task.
  const settings = new Set(lines.map(([first]) => first!.setting)).size > 1;
  const differing = paths.filter(
    (path) =>
      path !== 'scheduler.kind' &&
      !path.startsWith('learningRate.') &&
      [...new Set(lines.map(([first]) => first!.task))].some(
        (task) =>
          new Set(lines.filter(([first]) => first!.task === task).map(([first]) => first!.rest.get(path))).size > 1,
      ),
  );
  const order = orderSettings(lines.map(([first]) => first!.setting));
  const named = lines
    .map((group) => {
      const { setting, rest } = group[0]!;
      const line = [
        rest.get('scheduler.kind') ?? '',
        ...(settings ? [setting] : []),
        ...differing
          .filter((path) => rest.has(path))
          .map((path) => `${path.replace(/^scheduler\.|^regulariser\./, '')}=${rest.get(path)!}`),
      ].join(', ');
      return { group, line, place: order.indexOf(setting) };
    })
    .sort((a, b) => a.place - b.place || byText(a.line, b.line));
  return named.flatMap(({ group, line }) => {
    const { option, task } = group[0]!;
    return [...new Set(group.map((point) => point.value))]
      .sort((a, b) => a - b)
      .map((value): Row => {
        const { n, mean, low, high } = shareInterval(
          group.filter((point) => point.value === value).map((point) => point.accuracy),
        );
        return { option, task, line, value, accuracy: mean, low, high, n };
      });
  });
}
