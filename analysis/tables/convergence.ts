/**
 * Does a method learn faster? Loss over the whole run, at its end, and the steps until the loss is where constant rates
 * of the same seed end. The target is ours; the paper claims faster convergence without one that is known to us.
 */
import type { Journals } from '../aggregate';
import { seedCount } from '../figure';
import { baseline } from '../schedulers';
import { bySeed, compared } from '../scores';
import { quantile, mean, tInterval } from '../statistics';
import { bySetting, estimateText, type TableDefinition } from '../table';

/** Training losses of one run, a step each, in order. */
export interface LossCurve {
  panel: string;
  setting: string;
  method: string;
  seed: number;
  losses: readonly number[];
  /** seconds of a step, measures of kappa included */
  secondsPerStep: number;
}

type Row = {
  panel: string;
  setting: string;
  method: string;
  /** seeds that it shares with constant rates */
  n: number;
  /** mean training loss over all steps, minus that of constant rates: the area between the curves over its length */
  area: number;
  areaLow: number | null;
  areaHigh: number | null;
  /** the same over the last tenth of the steps */
  end: number;
  endLow: number | null;
  endHigh: number | null;
  /** runs that reach the target */
  reached: number;
  /** median over the runs, those that never reach it counted as later than all; null when that is never */
  steps: number | null;
  seconds: number | null;
};

/** Steps over which a loss is averaged before it is held against the target: single batches jump. */
export const smoothing = 20;

/** Training losses of every run, a step each, in order. */
export async function lossesOf(journals: Pick<Journals, 'rows'>): Promise<Map<string, number[]>> {
  const found = await journals.rows<{ id: string; losses: string }>(
    'select id, to_json(list(loss order by step))::varchar as losses from train group by id order by id',
  );
  return new Map(found.map((row) => [row.id, JSON.parse(row.losses) as number[]]));
}

/** Mean loss of the last tenth of a run. */
export const endOf = (losses: readonly number[]): number =>
  mean(losses.slice(-Math.max(1, Math.floor(losses.length / 10))));

/** First step, from 1, at which the mean of the last 20 losses is at most the target; null when that never comes. */
export function stepsTo(losses: readonly number[], target: number): number | null {
  const width = Math.min(smoothing, losses.length);
  let sum = 0;
  for (const [i, loss] of losses.entries()) {
    sum += loss - (i >= width ? losses[i - width]! : 0);
    if (i + 1 >= width && sum / width <= target) return i + 1;
  }
  return null;
}

/** Median of values of which null ones count as larger than all others; null when the median is one of them. */
export function medianOf(values: readonly (number | null)[]): number | null {
  const middle = quantile(
    values.map((value) => value ?? Number.MAX_VALUE),
    0.5,
  );
  return middle >= Number.MAX_VALUE / 4 ? null : middle;
}

/** A run beside constant rates of the same seed. */
export interface PairedRun {
  panel: string;
  setting: string;
  method: string;
  seed: number;
  /** mean training loss over all steps, minus that of constant rates: the area between the curves over its length */
  area: number;
  /** the same over the last tenth of the steps */
  end: number;
  /** until its loss is what constant rates end with; null when that never comes */
  steps: number | null;
  seconds: number | null;
}

/**
 * The runs that have constant rates of the same seed beside them, those themselves among them, a list for each method of
 * each setting, in order of seed; none of a setting where but one method has such runs.
 */
export const pairedRuns = (curves: readonly LossCurve[]): PairedRun[][] =>
  compared(curves).flatMap(({ methods }) => {
    const base = bySeed(methods.get(baseline) ?? [], (curve) => curve);
    const lists = [...methods.values()]
      .map((own) => own.flatMap((curve) => paired(curve, base)).sort((a, b) => a.seed - b.seed))
      .filter((runs) => runs.length > 0);
    return lists.length < 2 ? [] : lists;
  });

function paired(
  { panel, setting, method, seed, losses, secondsPerStep }: LossCurve,
  base: ReadonlyMap<number, LossCurve>,
): PairedRun[] {
  const constant = base.get(seed)?.losses;
  if (constant === undefined) return [];
  const steps = stepsTo(losses, endOf(constant));
  return [
    {
      panel,
      setting,
      method,
      seed,
      area: mean(losses) - mean(constant),
      end: endOf(losses) - endOf(constant),
      steps,
      seconds: steps === null ? null : steps * secondsPerStep,
    },
  ];
}

/** The curves of an experiment's runs. */
export async function curvesOf(journals: Pick<Journals, 'rows' | 'runs'>): Promise<LossCurve[]> {
  const losses = await lossesOf(journals);
  return journals.runs.flatMap(({ id, panel, setting, method, seed, file }) => {
    const own = losses.get(id);
    return own === undefined || own.length === 0
      ? []
      : [{ panel, setting, method, seed, losses: own, secondsPerStep: file.times.secondsPerStep }];
  });
}

/** One row for each method of each setting, constant rates among them; none for a setting without constant rates. */
export const convergenceRows = (curves: readonly LossCurve[]): Row[] => pairedRuns(curves).map(rowOf);

function rowOf(runs: readonly PairedRun[]): Row {
  const [area, end] = [tInterval(runs.map((run) => run.area)), tInterval(runs.map((run) => run.end))];
  const { panel, setting, method } = runs[0]!;
  return {
    panel,
    setting,
    method,
    n: runs.length,
    area: area.mean,
    areaLow: area.low,
    areaHigh: area.high,
    end: end.mean,
    endLow: end.low,
    endHigh: end.high,
    reached: runs.filter(({ steps }) => steps !== null).length,
    steps: medianOf(runs.map(({ steps }) => steps)),
    seconds: medianOf(runs.map(({ seconds }) => seconds)),
  };
}

export const convergence: TableDefinition<Row> = {
  name: 'convergence',
  title: 'How fast the methods learn, against constant rates',
  shows:
    'training loss over the whole run and at its end beside constant rates, and steps and seconds until the loss is where constant rates end',
  needs: `finished runs of \`${baseline}\` and of another method with seeds and setting in common`,

  select: async (journals) => convergenceRows(await curvesOf(journals)),

  caption: (rows) =>
    [
      `Mean training loss over all steps, and over the last tenth of them, minus that of ${baseline} with the same seed: mean over ${seedCount(rows)} with 95 % Student t interval, in nats per label token.`,
      `Steps: median number of steps until the mean of ${smoothing} losses is at most what ${baseline} of the same seed ends with, and how many runs get there;`,
      'seconds: the same at the time that a step of the run took while the sweep ran. Bold: an interval below 0.',
    ].join(' '),

  layout: (rows) =>
    bySetting(rows, [
      { header: 'Loss, all steps', cell: (row) => lossCell(row.method, row.area, row.areaLow, row.areaHigh) },
      { header: 'Loss, last tenth', cell: (row) => lossCell(row.method, row.end, row.endLow, row.endHigh) },
      { header: 'Steps', cell: (row) => ({ text: row.steps === null ? 'never' : row.steps.toFixed(0) }) },
      { header: 'Reached', cell: (row) => ({ text: `${row.reached} of ${row.n}` }) },
      { header: 'Seconds', cell: (row) => ({ text: row.seconds === null ? 'never' : row.seconds.toFixed(1) }) },
    ]),
};

const lossCell = (method: string, difference: number, low: number | null, high: number | null) =>
  method === baseline ? { text: '–' } : { text: estimateText(difference, low, high), best: high !== null && high < 0 };
