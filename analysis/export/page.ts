/** docs/exports.md, made of the list of columns. */
import {
  factColumns,
  metricColumns,
  metricNames,
  predictionColumns,
  runColumns,
  tableAbouts,
  type Column,
} from './columns';

const table = (columns: readonly Column[]): string[] => [
  '| column | type | unit | |',
  '|---|---|---|---|',
  ...columns.map(
    ({ name, type, unit = '', about }) => `| \`${name}\` | ${type} | ${unit} | ${about.replaceAll('|', '\\|')} |`,
  ),
];

const introduction = `# Numbers for other programs

    equipoise export metrics quickstart tables
    equipoise export metrics quickstart tables-csv --format csv
    equipoise export metrics quickstart logs --format tensorboard
    equipoise export metrics quickstart --format mlflow --to http://127.0.0.1:5000

The finished runs of an experiment, those that figures and tables count: a name of the results, a committed one (\`results/reference\`), or a path, also of a kept experiment. What is left out is told. A folder
must be empty or not there, and appears whole or not at all.

## Formats

- \`parquet\` and \`csv\`: the three tables below, and \`datapackage.json\` (Frictionless), which says of each file its hash and of each column its meaning and unit. Equal runs give equal bytes. Numbers keep all
  digits. In CSV lists are JSON, and what is not known is empty. With pandas: \`pd.read_parquet('tables/runs.parquet').groupby(['task', 'setting', 'method']).accuracy.agg(['mean', 'std', 'count'])\`.
- \`tensorboard\`: event files, \`tensorboard --logdir logs\`; a folder a run, \`panel/method/setting/seed-N\`. Tags are the names of values below, in float32. Journals hold no times: the wall time of a step is the
  start of the run and the mean time of a step times the step. In the dashboard HPARAMS stand the labels and the settings in which the runs differ; its groups are the seeds. Aim, trackio, SwanLab and W&B say that they import such files.
- \`mlflow\`: to a tracking server, by \`--to\`, else \`MLFLOW_TRACKING_URI\`, else \`http://127.0.0.1:5000\`, into the experiment of the same name; \`MLFLOW_TRACKING_USERNAME\`, \`MLFLOW_TRACKING_PASSWORD\` and \`MLFLOW_TRACKING_TOKEN\`
  are heeded. Settings are parameters, values metrics with their steps, labels tags, \`run.json\` and \`predictions.json\` (a table: \`mlflow.load_table\`) artifacts where the server keeps them itself. A run that
  is there already (tag \`equipoise.run\`) is not sent twice, and one that was sent in part is sent anew. Characters that MLflow does not take become \`_\`. Not to \`mlruns/\`, which newer versions of MLflow refuse.
`;

/** The whole page. */
export function exportPage(): string {
  const abouts = tableAbouts;
  return [
    introduction,
    `## runs\n\n${abouts.runs}. Its columns in order: those here, every setting by its path in the [manifest](manifests.md) (\`scheduler.kind\`, \`learningRate.encoder\`, \`seed\`; defaults too; empty where a run has no such option), the values of the final evaluation by the names below, and the facts.\n`,
    ...table(runColumns),
    '',
    'The facts, by their paths in `run.json`:',
    '',
    ...table(factColumns),
    '',
    `## metrics\n\n${abouts.metrics}.\n`,
    ...table(metricColumns),
    '',
    '`{module}` is encoder or backbone, `{part}` tower or connector, `{split}` validation or evaluation. Symbols: [method.md](method.md).',
    '',
    '| name | unit | |',
    '|---|---|---|',
    ...metricNames.map(
      ({ names, unit, about }) =>
        `| ${names.map((name) => `\`${name}\``).join(', ')} | ${unit} | ${about.replaceAll('|', '\\|')} |`,
    ),
    '',
    `## predictions\n\n${abouts.predictions}. No rows of runs that kept no answers; committed runs have them where they were kept with \`keep --answers\`. The sets of evaluations on other tasks are not looked for.\n`,
    ...table(predictionColumns),
    '',
  ].join('\n');
}
