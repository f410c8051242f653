/** `equipoise export metrics`: finished runs for pandas, TensorBoard and MLflow. */
import { Option } from 'commander';
import { relative, resolve } from 'node:path';
import { defaultMlflow } from '../../../analysis/export/mlflowServer';
import {
  exportFormats,
  exportMetrics,
  type Exported,
  type ExportFormat,
  type ExportTarget,
} from '../../../analysis/export';
import { cachePath } from '../../files';
import { printable } from '../../printable';
import { userError } from '../../problems';
import { experimentFolders } from '../analysis';
import type { Define } from '../command';
import { count, note, say, sayJson } from '../text';

interface MetricsOptions {
  format: ExportFormat;
  to?: string;
  json?: boolean;
}

const help = `
parquet, csv: runs (a row a run), metrics (run, step, name, value) and predictions, with datapackage.json, which says what each
column is and its unit. tensorboard: a folder of event files a run, to be shown with tensorboard --logdir OUT. mlflow: to a tracking
server, named by --to or MLFLOW_TRACKING_URI (default ${defaultMlflow}). All columns and names: docs/exports.md.

Examples:
  equipoise export metrics quickstart quickstart-tables
  equipoise export metrics quickstart quickstart-csv --format csv
  equipoise export metrics quickstart logs --format tensorboard
  equipoise export metrics quickstart --format mlflow --to ${defaultMlflow}`;

/** `export metrics <experiment> [out]`. */
export const define: Define = (command) => {
  command
    .addOption(new Option('--format <format>', 'what to write').choices(exportFormats).default('parquet'))
    .option('--to <address>', 'tracking server, with --format mlflow')
    .option('--json', 'print JSON')
    .addHelpText('after', help)
    .action(async (experiment: string, out: string | undefined, options: MetricsOptions) => {
      const target = targetOf(out, options);
      const made = await exportMetrics(experimentFolders(experiment)[0]!, target);
      for (const { id, reason } of made.ignored) note(`note: ${id} is left out: ${printable(reason)}`);
      for (const notice of made.notices) note(`note: ${printable(notice)}`);
      const { format: kind, ...rest } = made;
      if (options.json === true) sayJson('export-metrics', { kind, ...rest });
      else say(told(made));
    });
};

/** Where it goes. Throws UserError where folder and server do not fit the format. */
function targetOf(out: string | undefined, { format, to, json }: MetricsOptions): ExportTarget {
  if (format === 'mlflow') {
    if (out !== undefined)
      throw userError({
        where: printable(out),
        what: 'is a folder, and with --format mlflow none is written',
        hint: 'name the server with --to',
      });
    const onRun = (sent: { run: string; known: boolean }) => {
      if (json !== true) note(`${sent.run}: ${sent.known ? 'there already' : 'sent'}`);
    };
    return { format, to, environment: process.env, onRun };
  }
  if (to !== undefined)
    throw userError({ where: '--to', what: `is nothing for --format ${format}`, expected: 'it with --format mlflow' });
  if (out === undefined)
    throw userError({
      where: 'equipoise export metrics',
      what: 'no folder is named',
      expected: 'a folder to write to, after the experiment',
    });
  return { format, out: resolve(out) };
}

function told(made: Exported): string {
  const runs = `${printable(made.experiment)}: ${count(made.runs, 'run')}`;
  if (made.format === 'mlflow') {
    const sent = made.sent.filter(({ known }) => !known);
    const values = sent.reduce((sum, each) => sum + each.values, 0);
    const answers = sent.reduce((sum, each) => sum + each.predictions, 0);
    const known = made.sent.length - sent.length;
    return `${printable(made.experiment)}: ${count(sent.length, 'run')} sent to ${made.server}, ${count(values, 'value')}, ${count(answers, 'answer')}${known === 0 ? '' : `; ${known} there already`}`;
  }
  const place = relative(process.cwd(), made.out);
  const out = place === '' || place.startsWith('..') ? made.out : place;
  if (made.format === 'tensorboard') {
    const values = made.events.reduce((sum, each) => sum + each.values, 0);
    return `${runs}, ${count(values, 'value')} in ${out}\n  tensorboard --logdir ${out}`;
  }
  const answered = made.tables.some(({ table, rows }) => table === 'predictions' && rows > 0);
  return [
    `${runs} in ${out}`,
    ...made.tables.map(({ file, rows }) => `  ${file}: ${count(rows, 'row')}`),
    ...(answered ? [`  paths of pictures and sounds are below ${cachePath()}`] : []),
  ].join('\n');
}
