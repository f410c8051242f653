/** The view *Compare*: settings side by side: what differs, curves as mean and interval, differences paired by seed. */
import { improvementEstimate } from '../../../analysis/bootstrap';
import { holmOfTested, pairedDifferences, pairedEffect, pairedTest } from '../../../analysis/comparison';
import { leaves, varying } from '../../../analysis/labels';
import { bySeed } from '../../../analysis/scores';
import { tInterval } from '../../../analysis/statistics';
import { estimateText, probabilityText } from '../../../analysis/table';
import type { Setting } from '../fold';
import { NotListed, type ExperimentPlace, type Library } from '../library';
import { charts } from '../metrics';
import { thinned } from '../thin';
import { shownSetting } from './runs';

/** Settings that are compared at once: more colours nobody tells apart. */
const mostSettings = 8;
const mostPoints = 300;
/** Options that must vary before parallel lines say more than a table. */
const leastAxes = 3;

/** A curve over steps: mean over the seeds that have the step, with its t interval; null ends of one seed. */
export interface Curve {
  key: string;
  steps: number[];
  mean: number[];
  low: (number | null)[];
  high: (number | null)[];
  /** seeds at each step */
  n: number[];
}

interface SeedSeries {
  steps: readonly number[];
  values: readonly number[];
}

/** Mean and interval of series over the steps that they have; of a logarithmic axis the geometric mean. */
export function curveOf(key: string, series: readonly SeedSeries[], log: boolean): Curve {
  const at = new Map<number, number[]>();
  for (const { steps, values } of series)
    steps.forEach((step, i) => {
      const value = log ? Math.log(values[i]!) : values[i]!;
      if (!Number.isFinite(value)) return;
      const here = at.get(step);
      if (here === undefined) at.set(step, [value]);
      else here.push(value);
    });
  const all = [...at.keys()].sort((a, b) => a - b);
  const middle = (step: number) => at.get(step)!.reduce((sum, value) => sum + value, 0) / at.get(step)!.length;
  const { steps } = thinned({ steps: all, values: all.map(middle) }, mostPoints);
  const estimates = steps.map((step) => tInterval(at.get(step)!));
  const back = (value: number | null) => (value === null ? null : log ? Math.exp(value) : value);
  return {
    key,
    steps,
    mean: estimates.map(({ mean }) => back(mean)!),
    low: estimates.map(({ low }) => back(low)),
    high: estimates.map(({ high }) => back(high)),
    n: estimates.map(({ n }) => n),
  };
}

const scores = ({ runs }: Setting): Map<number, number> =>
  bySeed(
    runs.filter(({ counts }) => counts),
    ({ accuracy }) => accuracy,
  );

/** Each of the others minus the first, seed by seed; p corrected by Holm over these. */
export function pairedRows([base, ...others]: readonly Setting[]) {
  if (base === undefined) return [];
  const rows = others.map((other) => {
    const pairs = other.task === base.task ? pairedDifferences(scores(other), scores(base)) : [];
    const apart = pairs.map(({ difference }) => difference);
    return { key: other.key, pairs, apart, p: pairedTest(apart) };
  });
  const corrected = holmOfTested(rows.map(({ p }) => p));
  return rows.map(({ key, pairs, apart }, i) => {
    if (apart.length === 0) return { key, n: 0, difference: '', effect: '', improvement: '', p: '' };
    const { n, mean, low, high } = tInterval(apart);
    const of = (values: Map<number, number>) => pairs.map(({ seed }) => values.get(seed)!);
    const other = others.find((each) => each.key === key)!;
    const improvement = improvementEstimate(
      of(scores(other)),
      of(scores(base)),
      [other.panel, other.setting, other.method].join(' '),
    );
    const effect = pairedEffect(apart);
    return {
      key,
      n,
      difference: estimateText(mean, low, high),
      effect: effect === null ? '' : effect.toFixed(2).replace('-', '−'),
      improvement: estimateText(improvement.probability, improvement.low, improvement.high, 2),
      p: probabilityText(corrected[i]!),
    };
  });
}

/** Options in which the settings differ, with the value of each; a dash where one has no such option. */
export function differing(settings: readonly Setting[]) {
  const all = settings.map(({ spec }) => leaves({ ...spec, seed: 0 }));
  const paths = [...new Set(all.flatMap((each) => [...each.keys()]))].sort();
  return paths
    .map((path) => ({ path, values: all.map((each) => each.get(path) ?? '–') }))
    .filter(({ values }) => new Set(values).size > 1);
}

/** Lines of all settings over the options that vary, where there are enough of them; what follows from a kind has no axis. */
function parallelOf(settings: readonly Setting[]) {
  const paths = varying(settings.map(({ spec }) => leaves({ ...spec, seed: 0 })));
  // Of options that go together, value for value, such as task and encoder, the task stands for all, else the first.
  const shape = (path: string) => {
    const values = settings.map(({ options }) => JSON.stringify(options[path]));
    return values.map((value) => values.indexOf(value)).join();
  };
  const order = [...paths.filter((path) => path === 'task'), ...paths.filter((path) => path !== 'task')];
  const axes = order.filter((path, i) => order.findIndex((other) => shape(other) === shape(path)) === i);
  if (axes.length < leastAxes) return { axes: [], lines: [], fewest: leastAxes, found: axes.length };
  return {
    axes,
    lines: settings
      .filter(({ result }) => result !== null)
      .map(({ key, options, result, method }) => ({
        key,
        method,
        values: axes.map((path) => options[path] ?? null),
        accuracy: result!.choice ?? result!.generation,
      })),
    fewest: leastAxes,
    found: axes.length,
  };
}

/** Settings of an experiment side by side; the first is what the others are compared with. Throws NotListed. */
export async function compareView(library: Library, place: ExperimentPlace, keys: readonly string[]) {
  const { settings } = await library.settings(place);
  const chosen = [...new Set(keys)].slice(0, mostSettings).map((key) => {
    const found = settings.find((setting) => setting.key === key);
    if (found === undefined) throw new NotListed('there is no such setting');
    return found;
  });
  const journals = await Promise.all(
    chosen.map(({ runs }) => Promise.all(runs.map(({ id }) => library.journal(place, id)))),
  );
  const drawn = charts.map((chart) => ({
    ...chart,
    lines: chart.lines.map((line) => ({
      ...line,
      curves: chosen.map(({ key }, i) =>
        curveOf(
          key,
          journals[i]!.flatMap(({ series }) => series.get(line.metric) ?? []),
          chart.log,
        ),
      ),
    })),
  }));
  return {
    experiment: place.key,
    settings: chosen.map((setting) => shownSetting(setting, [])),
    differing: differing(chosen),
    charts: drawn,
    paired: pairedRows(chosen),
    parallel: parallelOf(settings),
    all: settings.map(({ key, panel, setting, method, choice, n }) => ({ key, panel, setting, method, choice, n })),
  };
}
