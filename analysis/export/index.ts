/** Finished runs for other programs: tidy tables, event files, a tracking server. */
import { newFolder } from '../../src/runner/newFolder';
import { mlflowServer, type MlflowEnvironment } from './mlflowServer';
import { sendToMlflow, type SentRun } from './mlflow';
import { writeTables, type TableFormat, type WrittenTable } from './tables';
import { writeEvents, type WrittenEvents } from './tensorboard';
import { exportedRuns, exportNotices, type ExportedRuns } from './tidy';

/** Formats in which metrics are exported. */
export const exportFormats = ['parquet', 'csv', 'tensorboard', 'mlflow'] as const;
export type ExportFormat = (typeof exportFormats)[number];

/** Where metrics go: to a folder, which must be empty or not there, or to a tracking server. */
export type ExportTarget =
  | { format: TableFormat | 'tensorboard'; out: string }
  | { format: 'mlflow'; to: string | undefined; environment: MlflowEnvironment; onRun?: (sent: SentRun) => void };

/** What was exported. */
export type Exported = Pick<ExportedRuns, 'experiment' | 'ignored'> & { runs: number; notices: string[] } & (
    | { format: TableFormat; out: string; tables: WrittenTable[] }
    | { format: 'tensorboard'; out: string; events: WrittenEvents[] }
    | { format: 'mlflow'; server: string; experimentId: string; sent: SentRun[] }
  );

/**
 * Exports the finished runs of `folder`, results/<experiment> or a kept experiment. Throws UserError when there are none, for
 * a folder that is taken, and for a server that cannot be reached or refuses.
 */
export async function exportMetrics(folder: string, target: ExportTarget): Promise<Exported> {
  const found = await exportedRuns(folder);
  const told = {
    experiment: found.experiment,
    ignored: found.ignored,
    runs: found.runs.length,
    notices: exportNotices(found.runs),
  };
  if (target.format === 'mlflow') {
    const server = mlflowServer(target.to, target.environment);
    const { notices, ...sent } = await sendToMlflow(found, server, target.onRun);
    return { ...told, notices: [...told.notices, ...notices], format: 'mlflow', server: server.address, ...sent };
  }
  const { format, out } = target;
  return newFolder(out, async (whole): Promise<Exported> => {
    if (format === 'tensorboard') return { ...told, format, out, events: writeEvents(found.runs, whole) };
    return { ...told, format, out, tables: await writeTables(found, whole, format) };
  });
}
