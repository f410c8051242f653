/**
 * The slope-2 law (docs/method.md section 2): log kappa early in training against the log ratio of the rates, with a
 * fitted and the derived line.
 */
import { grouped } from '../grouped';
import { byText } from '../labels';
import { logAxis } from '../axes';
import { seedCount, type FigureDefinition } from '../figure';
import { footnote } from '../layers';
import { inRows, panels } from '../panels';
import { abreast, inOrder, type Spec } from '../style';
import { baseline } from '../schedulers';
import { leastSquaresSlope, mean, tInterval } from '../statistics';
import { estimateText } from '../table';

type Early = { panel: string; seed: number; ratio: number; logKappa: number };
type Row = {
  /** a run, or an end of a line */
  level: 'run' | 'fitted' | 'derived';
  panel: string;
  /** rate of the backbone over that of the encoder */
  ratio: number;
  kappa: number;
  seed: number | null;
  /** mean over seeds of the slope of log kappa over the log ratio, with 95 % t interval */
  slope: number;
  slopeLow: number | null;
  slopeHigh: number | null;
  /** seeds */
  n: number;
  /** runs */
  runs: number;
};

/** Share of a run's steps that counts as early. */
export const early = 0.1;

const derivedSlope = 2;

export const slopeLaw: FigureDefinition<Row> = {
  name: 'slope-law',
  title: 'Balance coefficient early in training against the ratio of the learning rates',
  shows:
    'the slope-2 law of method.md section 2: κ early in training against the ratio of the rates, with the fitted and the derived line',
  width: 'column',
  needs: `finished runs of \`${baseline}\` with measures of kappa at two or more ratios of the learning rates for one seed`,

  async select(journals) {
    const runs = await journals.rows<Early>(`
      with last as (select id, max(step) as steps from train group by id),
        first as (select id, min(step) as measured from measure group by id)
      select panel, seed, round(rateBackbone / rateEncoder, 6) as ratio, avg(logKappa order by measure.step) as logKappa
      from measure join runs using (id) join last using (id) join first using (id)
      where scheduler = '${baseline}' and bothTrained and not floor and measure.step <= greatest(steps * ${early}, measured)
      group by id, panel, seed, rateBackbone, rateEncoder
      order by panel, ratio, seed, id`);
    return grouped(runs, (run) => run.panel)
      .sort((a, b) => byText(a[0]!.panel, b[0]!.panel))
      .flatMap(linesOf);
  },

  caption(rows) {
    const slopes = inOrder.panel(rows).map((panel) => `${panel}: ${slopeText(rows, panel)}`);
    return [
      'Geometric mean of κ over the measures in the first tenth of the steps (at least the first one) against the ratio of the base learning rates under constant rates (both log scales); one point a run.',
      `Solid: least-squares line, its slope the mean of one slope a seed; dashed: the derived slope ${derivedSlope} through the centre of the points.`,
      `Slope with 95 % Student t interval: ${slopes.join('; ')}.`,
      'Measures at the floor are left out.',
    ].join(' ');
  },

  build(rows, room) {
    const order = inOrder.panel(rows);
    const points = rows.filter((row) => row.level === 'run');
    const x = {
      field: 'ratio',
      type: 'quantitative',
      title: 'backbone / encoder rate',
      ...logAxis(
        rows.map((row) => row.ratio),
        [1],
      ),
    };
    const y = {
      field: 'kappa',
      type: 'quantitative',
      title: 'κ early in training',
      ...logAxis(
        rows.map((row) => row.kappa),
        [1],
      ),
    };
    const line = (level: Row['level'], mark: Spec): Spec => ({
      transform: [{ filter: `datum.level === '${level}'` }],
      mark: { type: 'line', ...mark },
      encoding: { x, y },
    });
    return {
      title: footnote(`One point a run (n = ${points.length}). Solid: fitted; dashed: derived slope ${derivedSlope}.`),
      facet: panels('panel', order),
      ...inRows(order.length, abreast(2, room)),
      spec: {
        height: 110,
        layer: [
          line('derived', { color: '#d55e00', strokeDash: [4, 1.5] }),
          line('fitted', { color: '#000000' }),
          {
            transform: [{ filter: "datum.level === 'run'" }],
            mark: { type: 'point', size: 16, filled: false, strokeWidth: 0.9, color: '#0072b2' },
            encoding: { x, y },
          },
          slopeNote(rows, order),
        ],
      },
    };
  },
};

/** The slope of each panel, written once into its lower right corner: beside the last end of the derived line. */
function slopeNote(rows: readonly Row[], order: readonly string[]): Spec {
  const byPanel = (value: (panel: string) => string | number) =>
    `(${JSON.stringify(Object.fromEntries(order.map((panel) => [panel, value(panel)])))})[datum.panel]`;
  const largestRatio = byPanel((panel) =>
    Math.max(...rows.filter((row) => row.panel === panel).map((row) => row.ratio)),
  );
  const text = byPanel((panel) => `slope ${slopeText(rows, panel).replace(', n = ', '\nn = ')}`);
  return {
    transform: [
      { filter: `datum.level === 'derived' && datum.ratio === ${largestRatio}` },
      { calculate: text, as: 'text' },
    ],
    mark: { type: 'text', align: 'right', baseline: 'bottom', lineBreak: '\n', fontSize: 6.5, dx: -3, dy: -11 },
    encoding: { x: { value: 'width' }, y: { value: 'height' }, text: { field: 'text', type: 'nominal' } },
  };
}

function slopeText(rows: readonly Row[], panel: string): string {
  const { slope, slopeLow, slopeHigh, n, runs } = rows.find((row) => row.panel === panel)!;
  return `${estimateText(slope, slopeLow, slopeHigh, 2)}, n = ${seedCount([{ n }])}, ${runs} runs`;
}

/** Slope of log kappa over the log ratio of the rates, backbone's over encoder's, through the runs of one seed. */
export const slopeOf = (own: readonly { ratio: number; logKappa: number }[]): number =>
  leastSquaresSlope(
    own.map((run) => Math.log(run.ratio)),
    own.map((run) => run.logKappa),
  );

/** The runs of one panel whose seed has several ratios, and the two lines; none when no seed has. */
function linesOf(all: readonly Early[]): Row[] {
  const bySeed = grouped(all, (run) => String(run.seed))
    .sort((a, b) => a[0]!.seed - b[0]!.seed)
    .filter((own) => new Set(own.map((run) => run.ratio)).size > 1);
  if (bySeed.length === 0) return [];
  const slopes = bySeed.map(slopeOf);
  const { n, mean: slope, low, high } = tInterval(slopes);
  const used = bySeed.flat().sort((a, b) => a.ratio - b.ratio || a.seed - b.seed);
  const about = { panel: used[0]!.panel, slope, slopeLow: low, slopeHigh: high, n, runs: used.length };
  const centre = { x: mean(used.map((run) => Math.log(run.ratio))), y: mean(used.map((run) => run.logKappa)) };
  const ends = (level: 'fitted' | 'derived', rise: number) =>
    [used[0]!.ratio, used.at(-1)!.ratio].map((ratio): Row => ({
      level,
      ...about,
      ratio,
      kappa: Math.exp(centre.y + rise * (Math.log(ratio) - centre.x)),
      seed: null,
    }));
  return [
    ...used.map((run): Row => ({
      level: 'run',
      ...about,
      ratio: run.ratio,
      kappa: Math.exp(run.logKappa),
      seed: run.seed,
    })),
    ...ends('fitted', slope),
    ...ends('derived', derivedSlope),
  ];
}
