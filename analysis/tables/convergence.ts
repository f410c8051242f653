/**
 * Does a method learn faster? Loss over the whole run, at its end, and the steps until the loss is where constant rates
 * of the same seed end. The target is ours; the paper claims faster convergence without one that is known to us.
 */
import type { Journals } from '../aggregate';
import { pairedDifferences } from '../comparison';
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
const smoothing = 20;

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

/** One row for each method of each setting, constant rates among them; none for a setting without constant rates. */
export function convergenceRows(curves: readonly LossCurve[]): Row[] {
  return compared(curves).flatMap(({ methods }) => {
    const base = bySeed(methods.get(baseline) ?? [], (curve) => curve);
    return methods.size < 2 ? [] : [...methods.values()].flatMap((own) => rowOf(own, base));
  });
}

function rowOf(own: readonly LossCurve[], base: ReadonlyMap<number, LossCurve>): Row[] {
  const paired = own.filter(({ seed }) => base.has(seed));
  if (paired.length === 0) return [];
  const difference = (of: (losses: readonly number[]) => number) =>
    tInterval(
      pairedDifferences(
        new Map(paired.map(({ seed, losses }) => [seed, of(losses)])),
        new Map(paired.map(({ seed }) => [seed, of(base.get(seed)!.losses)])),
      ).map((pair) => pair.difference),
    );
  const [area, end] = [difference(mean), difference(endOf)];
  const steps = paired.map(({ seed, losses }) => stepsTo(losses, endOf(base.get(seed)!.losses)));
  const { panel, setting, method } = paired[0]!;
  return [
    {
      panel,
      setting,
      method,
      n: paired.length,
      area: area.mean,
      areaLow: area.low,
      areaHigh: area.high,
      end: end.mean,
      endLow: end.low,
      endHigh: end.high,
      reached: steps.filter((step) => step !== null).length,
      steps: medianOf(steps),
      seconds: medianOf(steps.map((step, i) => (step === null ? null : step * paired[i]!.secondsPerStep))),
    },
  ];
}

export const convergence: TableDefinition<Row> = {
  name: 'convergence',
  title: 'How fast the methods learn, against constant rates',
  shows:
    'training loss over the whole run and at its end beside constant rates, and steps and seconds until the loss is where constant rates end',
  needs: `finished runs of \`${baseline}\` and of another method with seeds and setting in common`,

  async select(journals) {
    const losses = await lossesOf(journals);
    return convergenceRows(
      journals.runs.flatMap(({ id, panel, setting, method, seed, file }) => {
        const own = losses.get(id);
        return own === undefined || own.length === 0
          ? []
          : [{ panel, setting, method, seed, losses: own, secondsPerStep: file.times.secondsPerStep }];
      }),
    );
  },

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
