/** How much log kappa swings over the exponent of the coordinated rates, by rule, with the stability limits of docs/method.md section 4 drawn in. */
import type { Journals, Run } from '../aggregate';
import type { FigureDefinition } from '../figure';
import { footnote, seedCount } from '../figure';
import { grouped } from '../grouped';
import { orderSettings } from '../labels';
import { baseline, coordinated, orList, shownMethods, sqlList } from '../methods';
import { mean, standardDeviation, tInterval } from '../statistics';
import { distinguish, inOrder, type Spec } from '../style';
import { leastSquaresSlope } from './slopeLaw';
import { schedulerFacts } from '../../src/balance/schedulers';
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

/** By rule, the exponent from which on the rates ring, as the coordinated schedulers state it. */
const limits: Readonly<Record<string, number>> = Object.assign(
  {},
  ...coordinated.map((scheduler) => schedulerFacts(scheduler).stableBelow),
) as Record<string, number>;
const rules = Object.keys(limits);
const fewestExponents = 3;

/** Standard deviation of the values about their least-squares line over the steps. */
export function swing(steps: readonly number[], values: readonly number[]): number {
  const [slope, middle] = [leastSquaresSlope(steps, values), mean(steps)];
  return standardDeviation(values.map((value, i) => value - slope * (steps[i]! - middle)));
}

export const stability: FigureDefinition<Row> = {
  name: 'stability',
  title: 'Oscillation over the exponent of the coordinated rates, by rule',
  width: 'page',
  needs: `finished runs of ${orList(coordinated)} that differ in the exponent of a rule, with ${fewestExponents} or more values and measures of kappa`,

  async select(journals) {
    const points = await pointsOf(journals);
    const key = (point: Point) => JSON.stringify([point.panel, point.rule, point.setting, [...point.options]]);
    const groups = grouped(points, key);
    const swept = groups.filter(
      ([first, ...others]) =>
        first!.rule !== baseline && new Set([first!, ...others].map((point) => point.exponent)).size >= fewestExponents,
    );
    const panelsAndSettings = new Set(swept.map(([first]) => `${first!.panel}\n${first!.setting}`));
    const constant = groups.filter(
      ([first]) => first!.rule === baseline && panelsAndSettings.has(`${first!.panel}\n${first!.setting}`),
    );
    const differing = ['scheduler', 'interval', 'window', 'clip'].filter(
      (option) => new Set(swept.map(([first]) => first!.options.get(option))).size > 1,
    );
    const settings = new Set(swept.map(([first]) => first!.setting)).size > 1;
    return [...swept, ...constant].flatMap((group) => {
      const { panel, rule, setting, options } = group[0]!;
      const line =
        rule === baseline
          ? setting
          : [
              ...(settings || differing.length === 0 ? [setting] : []),
              ...differing.map((option) => `${option} ${options.get(option)!}`),
            ].join(', ');
      return [...new Set(group.map((point) => point.exponent))]
        .sort((a, b) => (a ?? 0) - (b ?? 0))
        .map((exponent): Row => {
          const {
            n,
            mean: oscillation,
            low,
            high,
          } = tInterval(group.filter((point) => point.exponent === exponent).map((point) => point.oscillation));
          return {
            panel,
            rule,
            line,
            exponent,
            oscillation,
            low: low === null ? null : Math.max(0, low),
            high,
            n,
            limit: rule === baseline ? null : limits[rule]!,
          };
        });
    });
  },

  caption: (rows) =>
    'Standard deviation of log κ (natural log) about its linear trend over the second half of the run, over the exponent p of the coordinated rates, by rule. ' +
    `Vertical line: limit beyond which a rule is unstable (${rules.map((rule) => `${rule} ${limits[rule]!}`).join(', ')}), derived from slope 2 without noise, clip or the delay of a moving average. ` +
    `Points: mean of ${seedCount(rows.map((row) => row.n))}; bars: 95 % Student t interval${rows.some((row) => row.rule === baseline) ? '; dashed: constant rates' : ''}. Part of the oscillation is noise of the measure: compare with small exponents.`,

  build(rows) {
    const shownRules = rules.filter((rule) => rows.some((row) => row.rule === rule));
    const lines = orderSettings(rows.filter((row) => row.rule !== baseline).map((row) => row.line));
    const { color, dashOrShape } = distinguish('line', lines, 'lines', 'page');
    const order = inOrder.panel(rows);
    const exponents = rows.flatMap((row) => row.exponent ?? []);
    const x: Spec = {
      field: 'exponent',
      type: 'quantitative',
      title: 'exponent p',
      scale: { domain: [0, Math.max(...exponents, 0.5) * 1.04], nice: false },
      axis: { tickCount: 5, grid: false, format: '~g' },
    };
    const top = Math.max(...rows.map((row) => row.high ?? row.oscillation));
    const y: Spec = {
      field: 'oscillation',
      type: 'quantitative',
      title: 'oscillation, sd of log κ',
      scale: { domain: [0, Number((top * 1.06).toPrecision(3))], nice: false },
      axis: { tickCount: 5, format: '~g', minExtent: 24 },
    };
    const panel = (name: string, rule: string, first: boolean, last: boolean): Spec => {
      const own = { ...x, ...(last ? {} : { title: null }) };
      const title = [...name.split(' · '), rule].join(' · ');
      return {
        title: { text: title, orient: 'top', anchor: 'middle', fontSize: 7.5, color: '#000000' },
        height: 90,
        layer: [
          {
            data: { values: [{}] },
            mark: { type: 'rule', strokeWidth: 0.9, color: '#777777' },
            encoding: { x: { ...own, field: undefined, datum: limits[rule]! } },
          },
          {
            data: { values: [{}] },
            mark: {
              type: 'text',
              text: 'limit',
              align: 'left',
              dx: 2,
              fontSize: 6.5,
              color: '#555555',
              baseline: 'top',
            },
            encoding: { x: { ...own, field: undefined, datum: limits[rule]! }, y: { value: 2 } },
          },
          {
            transform: [{ filter: `datum.panel === ${JSON.stringify(name)} && datum.rule === '${baseline}'` }],
            mark: { type: 'rule', strokeWidth: 0.9, strokeDash: [4, 2], color: '#777777' },
            encoding: { y },
          },
          {
            transform: [
              { filter: `datum.panel === ${JSON.stringify(name)} && datum.rule === '${rule}' && datum.low !== null` },
            ],
            mark: { type: 'rule', strokeWidth: 0.9 },
            encoding: { x: own, y: { ...y, field: 'low' }, y2: { field: 'high' }, color },
          },
          {
            transform: [{ filter: `datum.panel === ${JSON.stringify(name)} && datum.rule === '${rule}'` }],
            mark: { type: 'line', point: { size: 14, filled: true } },
            encoding: { x: own, y: first ? y : { ...y, title: null }, color, strokeDash: dashOrShape },
          },
        ],
      };
    };
    return {
      title: footnote(
        `Mean of ${seedCount(rows.map((row) => row.n))}, 95 % t interval${rows.some((row) => row.rule === baseline) ? '; dashed: constant rates' : ''}.`,
      ),
      columns: shownRules.length,
      concat: order.flatMap((name, i) =>
        shownRules.map((rule, j) => panel(name, rule, j === 0, i === order.length - 1)),
      ),
    };
  },
};

/** One point a run of constant or coordinated rates with at least three measures above the floor in its second half. */
async function pointsOf(journals: Journals): Promise<Point[]> {
  const rows = await journals.rows<{ id: string; step: number; logKappa: number }>(`
    with last as (select id, max(step) as steps from train group by id)
    select id, measure.step as step, logKappa from measure join last using (id) semi join (select id from runs where scheduler in ${sqlList(shownMethods)}) using (id)
    where not floor and measure.step > steps / 2 order by id, step`);
  const byRun = new Map<string, { step: number; logKappa: number }[]>();
  for (const row of rows) byRun.set(row.id, [...(byRun.get(row.id) ?? []), row]);
  return journals.runs.flatMap((run): Point[] => {
    const measures = byRun.get(run.id) ?? [];
    if (measures.length < 3) return [];
    const coordination = coordinationOf(run);
    if (coordination === null) return [];
    return [
      {
        panel: run.panel,
        setting: run.setting,
        oscillation: swing(
          measures.map((row) => row.step),
          measures.map((row) => row.logKappa),
        ),
        ...coordination,
      },
    ];
  });
}

/** What a run's scheduler is set to; null for one that is neither the baseline nor coordinated by a rule with a limit. */
function coordinationOf(run: Run): Pick<Point, 'rule' | 'options' | 'exponent'> | null {
  const { scheduler } = run.file.spec;
  if (scheduler.kind === baseline) return { rule: baseline, options: new Map(), exponent: null };
  const [rule, exponent] = [valueAt(scheduler, 'rule'), valueAt(scheduler, 'exponent')];
  if (typeof rule !== 'string' || typeof exponent !== 'number' || limits[rule] === undefined) return null;
  const others = ['interval', 'window', 'clip'].map((option) => [option, String(valueAt(scheduler, option))] as const);
  return { rule, exponent, options: new Map([...others, ['scheduler', scheduler.kind]]) };
}
