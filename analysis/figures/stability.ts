/**
 * How much log kappa swings over the exponent of the coordinated rates, by rule, with the stability limits of
 * docs/method.md section 4 drawn in.
 */
import type { Journals, Run } from '../aggregate';
import { seedCount, type FigureDefinition } from '../figure';
import { footnote, intervalBars, panelTitle } from '../layers';
import { abreast, distinguish, inOrder, type Spec } from '../style';
import { grouped } from '../grouped';
import { orderSettings } from '../labels';
import { baseline, coordinated, limitOf, orList, rules, shownMethods, sqlList } from '../schedulers';
import { leastSquaresSlope, mean, standardDeviation, tInterval } from '../statistics';
import { valueAt } from '../../src/manifest/tree';

type Row = {
  panel: string;
  /** the baseline's name for constant rates */
  rule: string;
  /** setting, and options of the scheduler that differ */
  line: string;
  /** null for constant rates */
  exponent: number | null;
  /** mean over seeds of the standard deviation of log kappa about its trend, second half of the run */
  oscillation: number;
  /** 95 % t interval, null for one seed */
  low: number | null;
  high: number | null;
  /** seeds */
  n: number;
  /** exponent from which on the rule rings without delay; null for constant rates */
  limit: number | null;
};
interface Point {
  panel: string;
  rule: Row['rule'];
  setting: string;
  options: Map<string, string>;
  exponent: number | null;
  oscillation: number;
}

const fewestExponents = 3;
/** Measures in the second half of a run below which their spread says nothing. */
const fewestMeasures = 3;
/** Options of the coordination that tell lines apart beside rule and exponent. */
const options = ['scheduler', 'interval', 'window', 'clip'] as const;

/** Standard deviation of the values about their least-squares line over the steps. */
export function swing(steps: readonly number[], values: readonly number[]): number {
  const [slope, middle] = [leastSquaresSlope(steps, values), mean(steps)];
  return standardDeviation(values.map((value, i) => value - slope * (steps[i]! - middle)));
}

export const stability: FigureDefinition<Row> = {
  name: 'stability',
  title: 'Oscillation over the exponent of the coordinated rates, by rule',
  shows:
    'how much log κ swings over the exponent of the coordinated rates, by rule, with the stability limits of method.md section 4',
  width: 'page',
  needs: `finished runs of ${orList(coordinated)} that differ in the exponent of a rule, with ${fewestExponents} or more values and measures of kappa`,

  async select(journals) {
    const key = (point: Point) => JSON.stringify([point.panel, point.rule, point.setting, [...point.options]]);
    const groups = grouped(await pointsOf(journals), key);
    const place = (group: Point[]) => JSON.stringify([group[0]!.panel, group[0]!.setting]);
    const swept = groups.filter(
      (group) => group[0]!.rule !== baseline && new Set(group.map((point) => point.exponent)).size >= fewestExponents,
    );
    const places = new Set(swept.map(place));
    const constant = groups.filter((group) => group[0]!.rule === baseline && places.has(place(group)));
    const nameOf = lineNames(swept.map((group) => group[0]!));
    return [...swept, ...constant].flatMap((group) => rowsOf(group, nameOf(group[0]!)));
  },

  caption(rows) {
    const limits = rules.map((rule) => `${rule} ${limitOf(rule)}`).join(', ');
    return [
      'Standard deviation of log κ (natural log) about its linear trend over the second half of the run, over the exponent p of the coordinated rates, by rule.',
      `Vertical line: limit beyond which a rule is unstable (${limits}), derived from slope 2 without noise, clip or the delay of a moving average.`,
      `Points: mean of ${seedCount(rows)}; bars: 95 % Student t interval${dashedText(rows)}.`,
      'Part of the oscillation is noise of the measure: compare with small exponents.',
    ].join(' ');
  },

  build(rows, room) {
    const shownRules = rules.filter((rule) => rows.some((row) => row.rule === rule));
    const lines = orderSettings(rows.filter((row) => row.rule !== baseline).map((row) => row.line));
    const looks = distinguish('line', lines, 'lines', room);
    const order = inOrder.panel(rows);
    const { x, y } = axes(rows);
    const untitled = { title: null };
    return {
      title: footnote(`Mean of ${seedCount(rows)}, 95 % t interval${dashedText(rows)}.`),
      columns: Math.min(shownRules.length, abreast(4, room)),
      concat: order.flatMap((name, i) => {
        const xHere = { ...x, ...(i === order.length - 1 ? {} : untitled) };
        return shownRules.map((rule, j) => panel(name, rule, { x: xHere, y, titled: j === 0 }, looks));
      }),
    };
  },
};

/** What the dashed line is, where there is one. */
const dashedText = (rows: readonly Row[]) =>
  rows.some((row) => row.rule === baseline) ? '; dashed: constant rates' : '';

/**
 * Names of lines: the setting where several were swept or nothing else tells lines apart, and the options that differ.
 */
function lineNames(swept: readonly Point[]): (point: Point) => string {
  const differing = options.filter((option) => new Set(swept.map((point) => point.options.get(option))).size > 1);
  const withSetting = differing.length === 0 || new Set(swept.map((point) => point.setting)).size > 1;
  return (point) => {
    if (point.rule === baseline) return point.setting;
    const said = differing.map((option) => `${option} ${point.options.get(option)!}`);
    return [...(withSetting ? [point.setting] : []), ...said].join(', ');
  };
}

/** A row an exponent, from the points of one line. */
function rowsOf(points: readonly Point[], line: string): Row[] {
  const { panel, rule } = points[0]!;
  const limit = rule === baseline ? null : limitOf(rule);
  const exponents = [...new Set(points.map((point) => point.exponent))].sort((a, b) => (a ?? 0) - (b ?? 0));
  return exponents.map((exponent): Row => {
    const here = points.filter((point) => point.exponent === exponent).map((point) => point.oscillation);
    const { n, mean: oscillation, low, high } = tInterval(here);
    return { panel, rule, line, exponent, oscillation, low: low === null ? null : Math.max(0, low), high, n, limit };
  });
}

function axes(rows: readonly Row[]): { x: Spec; y: Spec } {
  const exponents = rows.flatMap((row) => row.exponent ?? []);
  const top = Math.max(...rows.map((row) => row.high ?? row.oscillation));
  return {
    x: {
      field: 'exponent',
      type: 'quantitative',
      title: 'exponent p',
      scale: { domain: [0, Math.max(...exponents, 0.5) * 1.04], nice: false },
      axis: { tickCount: 5, grid: false, format: '~g' },
    },
    y: {
      field: 'oscillation',
      type: 'quantitative',
      title: 'oscillation, sd of log κ',
      scale: { domain: [0, Number((top * 1.06).toPrecision(3))], nice: false },
      axis: { tickCount: 5, format: '~g', minExtent: 24 },
    },
  };
}

/** The drawing of one panel and rule; `titled`: the curve's y axis has its title. */
function panel(
  name: string,
  rule: string,
  { x, y, titled }: { x: Spec; y: Spec; titled: boolean },
  { color, dashOrShape }: ReturnType<typeof distinguish>,
): Spec {
  const inPanel = `datum.panel === ${JSON.stringify(name)}`;
  const ofRule = `${inPanel} && datum.rule === '${rule}'`;
  return {
    title: panelTitle(`${name} · ${rule}`),
    height: 90,
    layer: [
      ...limitMark(rule, x),
      {
        transform: [{ filter: `${inPanel} && datum.rule === '${baseline}'` }],
        mark: { type: 'rule', strokeWidth: 0.9, strokeDash: [4, 2], color: '#777777' },
        encoding: { y },
      },
      intervalBars({ x, y, color }, ofRule),
      {
        transform: [{ filter: ofRule }],
        mark: { type: 'line', point: { size: 14, filled: true } },
        encoding: { x, y: titled ? y : { ...y, title: null }, color, strokeDash: dashOrShape },
      },
    ],
  };
}

/** The line at a rule's limit, and its name. */
function limitMark(rule: string, x: Spec): Spec[] {
  const at = { ...x, field: undefined, datum: limitOf(rule) };
  const data = { values: [{}] };
  return [
    { data, mark: { type: 'rule', strokeWidth: 0.9, color: '#777777' }, encoding: { x: at } },
    {
      data,
      mark: { type: 'text', text: 'limit', align: 'left', dx: 2, fontSize: 6.5, color: '#555555', baseline: 'top' },
      encoding: { x: at, y: { value: 2 } },
    },
  ];
}

/** One point a run of constant or coordinated rates with enough measures above the floor in its second half. */
async function pointsOf(journals: Journals): Promise<Point[]> {
  const rows = await journals.rows<{ id: string; step: number; logKappa: number }>(`
    with last as (select id, max(step) as steps from train group by id),
      counted as (select id from runs where scheduler in ${sqlList(shownMethods)})
    select id, measure.step as step, logKappa
    from measure join last using (id) semi join counted using (id)
    where not floor and measure.step > steps / 2
    order by id, step`);
  const byRun = new Map(grouped(rows, (row) => row.id).map((group) => [group[0]!.id, group]));
  return journals.runs.flatMap((run): Point[] => {
    const measures = byRun.get(run.id) ?? [];
    if (measures.length < fewestMeasures) return [];
    const coordination = coordinationOf(run);
    if (coordination === null) return [];
    const steps = measures.map((row) => row.step);
    const logKappas = measures.map((row) => row.logKappa);
    return [{ panel: run.panel, setting: run.setting, oscillation: swing(steps, logKappas), ...coordination }];
  });
}

/**
 * What a run's scheduler is set to; null for one that is neither the baseline nor coordinated by a rule with a limit.
 */
function coordinationOf(run: Run): Pick<Point, 'rule' | 'options' | 'exponent'> | null {
  const { scheduler } = run.file.spec;
  if (scheduler.kind === baseline) return { rule: baseline, options: new Map(), exponent: null };
  const [rule, exponent] = [valueAt(scheduler, 'rule'), valueAt(scheduler, 'exponent')];
  if (!coordinated.includes(scheduler.kind) || typeof rule !== 'string' || typeof exponent !== 'number') return null;
  const told = (option: string) => (option === 'scheduler' ? scheduler.kind : String(valueAt(scheduler, option)));
  return { rule, exponent, options: new Map(options.map((option) => [option, told(option)])) };
}
