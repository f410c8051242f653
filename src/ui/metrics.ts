/** What of a journal the page draws over steps. */
import type { JournalRecord, MeasureRecord, TrainRecord } from '../train/records';
import { toldAccuracy } from '../train/records';
import { moduleNames, type PerModule } from '../modules';

/** One chart: a line, or one for each module. */
export interface Chart {
  name: string;
  title: string;
  /** its axis is logarithmic */
  log: boolean;
  /** a value that means something, e.g. kappa 1: both modules learn alike */
  mark?: number;
  /** names of the series that it draws, and what each is called */
  lines: { metric: string; label: string }[];
}

interface Metric {
  name: string;
  /** its value in a record; null where the record says nothing of it */
  of(record: JournalRecord): number | null;
}

const alone = (name: string) => [{ metric: name, label: '' }];
const modules = (name: string) => moduleNames.map((module) => ({ metric: `${name}.${module}`, label: module }));

/** Every chart of a run, in the order of the page. */
export const charts: readonly Chart[] = [
  { name: 'loss', title: 'Training loss, nats per label token', log: false, lines: alone('loss') },
  { name: 'kappa', title: 'κ, balance coefficient', log: true, mark: 1, lines: alone('kappa') },
  { name: 'accuracy', title: 'Validation accuracy', log: false, lines: alone('accuracy') },
  { name: 'rate', title: 'Learning rates', log: true, lines: modules('rate') },
  { name: 'gradient', title: 'Gradient norms, before clipping', log: true, lines: modules('gradient') },
  { name: 'parameter', title: 'Parameter norms', log: false, lines: modules('parameter') },
  { name: 'update', title: 'Relative updates ‖Δθ‖ / ‖θ‖', log: true, lines: modules('update') },
];

const ofModules = <Record extends TrainRecord | MeasureRecord>(
  name: string,
  kind: Record['kind'],
  of: (record: Record) => PerModule<number>,
): Metric[] =>
  moduleNames.map((module) => ({
    name: `${name}.${module}`,
    of: (record) => (record.kind === kind ? (of(record as Record)?.[module] ?? null) : null),
  }));

/** Every series that charts draw. */
export const metrics: readonly Metric[] = [
  { name: 'loss', of: (record) => (record.kind === 'train' ? record.loss : null) },
  // Not defined while a module is frozen; at the floor it is a bound, not a value.
  {
    name: 'kappa',
    of: (record) =>
      record.kind === 'measure' && !record.floor && record.learningRate.encoder > 0 && record.learningRate.backbone > 0
        ? record.kappa
        : null,
  },
  {
    name: 'accuracy',
    of: (record) =>
      record.kind === 'evaluate' && record.split === 'validation' && record.task === undefined
        ? toldAccuracy(record)
        : null,
  },
  ...ofModules<TrainRecord>('rate', 'train', (record) => record.learningRate),
  ...ofModules<TrainRecord>('gradient', 'train', (record) => record.gradientNorm),
  ...ofModules<MeasureRecord>('parameter', 'measure', (record) => record.parameterNorm),
  ...ofModules<MeasureRecord>('update', 'measure', (record) => record.updateRatio),
];
