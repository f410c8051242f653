/** One journal as it grows: only what was appended is read. */
import { journalStart, readOn } from '../runner/journal';
import { metrics } from './metrics';
import { thinned, type Points } from './thin';

/** The series of one run, by metric. */
export type Series = Record<string, Points>;

/** Follows one journal; `read` before looking. */
export class FollowedJournal {
  private place = journalStart;
  readonly series = new Map<string, Points>();
  /** notices of the journal, with their steps, the last ones */
  notices: { step: number; message: string }[] = [];
  /** raised when the journal was cut back or replaced: what was handed out before is no longer true */
  version = 0;
  damaged = 0;
  /** step of the last record */
  step = 0;

  constructor(private readonly path: string) {}

  /** Reads what is new. */
  read(): void {
    const { records, place, restarted, damaged } = readOn(this.path, this.place);
    if (restarted) this.forget();
    this.place = place;
    this.damaged += damaged;
    for (const record of records) {
      this.step = record.step;
      if (record.kind === 'notice') this.notices.push({ step: record.step, message: String(record.message) });
      for (const metric of metrics) {
        const value = valueOf(() => metric.of(record));
        if (value !== null) this.add(metric.name, record.step, value);
      }
    }
    this.notices = this.notices.slice(-20);
  }

  /** Every series, thinned to about so many points. */
  thinned(most: number): Series {
    return Object.fromEntries([...this.series].map(([name, points]) => [name, thinned(points, most)]));
  }

  private add(name: string, step: number, value: number): void {
    const points = this.series.get(name) ?? { steps: [], values: [] };
    points.steps.push(step);
    points.values.push(value);
    this.series.set(name, points);
  }

  private forget(): void {
    this.version += 1;
    this.series.clear();
    this.notices = [];
    this.damaged = 0;
    this.step = 0;
  }
}

/** A finite number, or null: a record of another version may lack what is asked for. */
function valueOf(of: () => number | null): number | null {
  try {
    const value = of();
    return typeof value === 'number' && Number.isFinite(value) ? value : null;
  } catch {
    return null;
  }
}

/** How much of a journal somebody has been told. */
export interface Told {
  version: number;
  lengths: Map<string, number>;
}

/** All of it, so that only what comes later is told. */
export const toldAll = ({ version, series }: FollowedJournal): Told => ({
  version,
  lengths: new Map([...series].map(([name, { steps }]) => [name, steps.length])),
});

/** Points that were not told yet, and whether all before them must be forgotten; null where nothing is new. */
export function news(journal: FollowedJournal, told: Told): { restarted: boolean; points: Series } | null {
  const restarted = journal.version !== told.version;
  const points: Series = {};
  for (const [name, { steps, values }] of journal.series) {
    const from = restarted ? 0 : (told.lengths.get(name) ?? 0);
    if (from < steps.length) points[name] = { steps: steps.slice(from), values: values.slice(from) };
  }
  return restarted || Object.keys(points).length > 0 ? { restarted, points } : null;
}
