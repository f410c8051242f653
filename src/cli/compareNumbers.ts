/** The numbers of two runs or settings side by side, and their differences: those of settings paired by seed. */
import type { Journals } from '../../analysis/aggregate';
import { valuesOf } from '../../analysis/claims/quantities';
import { pairedDifferences, pairedTest } from '../../analysis/comparison';
import { numberText } from '../../analysis/figure';
import { bySeed } from '../../analysis/scores';
import { shareInterval, tInterval } from '../../analysis/statistics';
import { estimateText, probabilityText } from '../../analysis/table';
import { UserError } from '../problems';
import type { RunFile } from '../runner/runFile';
import type { StoredRun } from '../runner/results';
import { toldAccuracy } from '../train/records';
import type { ExperimentPlace, Library } from '../ui/library';
import type { PlacedSetting } from './statusRows';

/** A number of both sides. `a`, `b`: means over seeds for settings; null where there is none. */
export interface ComparedNumbers {
  name: string;
  a: number | null;
  b: number | null;
  /** b - a; of settings the mean over the seeds that both have */
  difference: number | null;
  /** 95 % t interval of the difference; null for runs, and for fewer than two pairs */
  low: number | null;
  high: number | null;
  /** seeds that both have; null for runs */
  pairs: number | null;
  /** of the paired t test, not corrected; null where there is none */
  p: number | null;
  text: { a: string; b: string; difference: string; pairs: string; p: string };
}

interface Metric {
  name: string;
  digits: number;
  /** whether it lies in 0..1, and its interval is cut to that, as in tables */
  isShare?: boolean;
  /** of a finished run; null where it has none */
  of(run: { file: RunFile; logKappa: number | undefined }): number | null;
}

const metrics: readonly Metric[] = [
  {
    name: 'accuracy',
    digits: 3,
    isShare: true,
    of: ({ file }) => (file.final === null ? null : toldAccuracy(file.final)),
  },
  { name: 'exact match', digits: 3, isShare: true, of: ({ file }) => file.final?.generation?.accuracy ?? null },
  { name: 'loss', digits: 3, of: ({ file }) => file.final?.loss ?? null },
  { name: 'log kappa, mean', digits: 2, of: ({ logKappa }) => logKappa ?? null },
  {
    name: 'seconds',
    digits: 1,
    of: ({ file: { final, times } }) => (final === null ? null : times.trainSeconds + times.evaluateSeconds),
  },
];

/** Metrics of generated texts that any of the runs has. */
const textMetrics = (files: readonly RunFile[]): Metric[] =>
  [...new Set(files.flatMap(({ final }) => Object.keys(final?.texts ?? {})))].map((name) => ({
    name,
    digits: 3,
    of: ({ file }) => (file.final?.texts as Record<string, { value: number }> | undefined)?.[name]?.value ?? null,
  }));

/** Mean log kappa of the finished runs of an experiment, by id; none where no journal can be used. */
async function kappasOf(library: Library, place: ExperimentPlace): Promise<Map<string, number>> {
  try {
    const journals: Journals = await library.journals(place);
    return await valuesOf(journals, 'logKappa.mean');
  } catch (error) {
    if (error instanceof UserError) return new Map();
    throw error;
  }
}

/** The numbers of two settings: means with t intervals, and differences paired by seed. */
export async function comparedSettings(
  sides: readonly [PlacedSetting, PlacedSetting],
  library: Library,
): Promise<ComparedNumbers[]> {
  const runs = await Promise.all(
    sides.map(async ({ place, setting }) => {
      const files = new Map((await library.storedRuns(place)).map(({ id, file }) => [id, file]));
      const kappas = await kappasOf(library, place);
      return setting.runs.flatMap(({ id, seed, counts }) => {
        const file = files.get(id) ?? null;
        return counts && file !== null ? [{ seed, file, logKappa: kappas.get(id) }] : [];
      });
    }),
  );
  const [a = [], b = []] = runs;
  return [...metrics, ...textMetrics([...a, ...b].map(({ file }) => file))].flatMap((metric) => {
    const [left, right] = [bySeed(a, metric.of), bySeed(b, metric.of)];
    return left.size + right.size === 0 ? [] : [pairedNumbers(metric, left, right)];
  });
}

function pairedNumbers(
  { name, digits, isShare = false }: Metric,
  a: ReadonlyMap<number, number>,
  b: ReadonlyMap<number, number>,
): ComparedNumbers {
  const estimate = (values: readonly number[], of = tInterval) => (values.length === 0 ? null : of(values));
  const level = isShare ? shareInterval : tInterval;
  const apart = pairedDifferences(b, a).map(({ difference }) => difference);
  const [left, right, difference] = [
    estimate([...a.values()], level),
    estimate([...b.values()], level),
    estimate(apart),
  ];
  const text = (found: ReturnType<typeof estimate>) =>
    estimateText(found?.mean ?? null, found?.low ?? null, found?.high ?? null, digits);
  const p = pairedTest(apart);
  return {
    name,
    a: left?.mean ?? null,
    b: right?.mean ?? null,
    difference: difference?.mean ?? null,
    low: difference?.low ?? null,
    high: difference?.high ?? null,
    pairs: apart.length,
    p,
    text: {
      a: text(left),
      b: text(right),
      difference: text(difference),
      pairs: String(apart.length),
      p: probabilityText(p),
    },
  };
}

/** The numbers of two runs as they are. */
export async function comparedRuns(
  sides: readonly [StoredRun, StoredRun],
  library: Library,
): Promise<ComparedNumbers[]> {
  const runs = await Promise.all(
    sides.map(async ({ experiment, id, file }) => {
      const place = library.experiments().find(({ key, name }) => key === experiment || name === experiment);
      const kappas = place === undefined ? new Map<string, number>() : await kappasOf(library, place);
      return { file, logKappa: kappas.get(id) };
    }),
  );
  const known = runs.flatMap(({ file }) => file ?? []);
  const value = (metric: Metric, { file, logKappa }: (typeof runs)[number]) =>
    file === null ? null : metric.of({ file, logKappa });
  return [...metrics, ...textMetrics(known)].flatMap((metric): ComparedNumbers[] => {
    const [a, b] = [value(metric, runs[0]!), value(metric, runs[1]!)];
    if (a === null && b === null) return [];
    const difference = a === null || b === null ? null : b - a;
    const text = (found: number | null) => (found === null ? '–' : numberText(found, metric.digits));
    return [
      {
        ...{ name: metric.name, a, b, difference, low: null, high: null, pairs: null, p: null },
        text: { a: text(a), b: text(b), difference: text(difference), pairs: '', p: '' },
      },
    ];
  });
}
