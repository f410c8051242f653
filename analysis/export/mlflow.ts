/**
 * Runs sent to an MLflow tracking server: settings as parameters, journals as metrics, answers as a table among the artifacts.
 * A run that is there already, known by a tag, is not sent twice; one of which only a part arrived is sent anew.
 */
import { exitCode, userError } from '../../src/problems';
import { runFileText } from '../../src/runner/runFile';
import { toldAccuracy } from '../../src/train/records';
import type { Run } from '../aggregate';
import { predictionColumns } from './columns';
import type { MlflowServer } from './mlflowServer';
import { namedValues, predictionRows, recordsOf, settingsOf, type ExportedRuns } from './tidy';

/** What the server took of a run. */
export interface SentRun {
  run: string;
  /** id that the server gave it */
  mlflowRun: string;
  /** it was there already */
  known: boolean;
  /** values of metrics that were sent */
  values: number;
  /** answers that were sent */
  predictions: number;
}

/** By which a run is known again. */
const runTag = 'equipoise.run';
/** What the server takes in one request. */
const mostMetrics = 1000;
const mostParameters = 100;
const longestName = 250;
const longestValue = 6000;

interface Metric {
  key: string;
  value: number;
  timestamp: number;
  step: number;
}

/** Names as the server takes them, by our names: letters, digits, `_`, `-`, `.`, spaces and slashes; no two become one. */
export function mlflowNames(names: Iterable<string>): Map<string, string> {
  const taken = new Set<string>();
  const given = new Map<string, string>();
  for (const name of names) {
    if (given.has(name)) continue;
    const parts = name.split('/').map((part) => part.replace(/[^\p{L}\p{N}_. -]/gu, '_'));
    const plain = parts
      .map((part) => (/^\.*$/.test(part) ? '_' : part))
      .join('/')
      .slice(0, longestName - 5);
    let free = plain;
    for (let next = 2; taken.has(free); next++) free = `${plain}_${next}`;
    taken.add(free);
    given.set(name, free);
  }
  return given;
}

function metricsOf(run: Run): Metric[] {
  const { file } = run;
  const started = Date.parse(file.times.started);
  const time = (step: number) =>
    Math.round((Number.isFinite(started) ? started : 0) + 1000 * step * file.times.secondsPerStep);
  const values = recordsOf(run).flatMap((record) =>
    namedValues(record).map(({ name, value }) => ({ name, value, step: record.step })),
  );
  if (file.final !== null) values.push({ name: 'accuracy', value: toldAccuracy(file.final), step: file.final.step });
  const keys = mlflowNames(values.map(({ name }) => name));
  return values.map(({ name, value, step }) => ({ key: keys.get(name)!, value, timestamp: time(step), step }));
}

function parametersOf(run: Run): { key: string; value: string }[] {
  const settings = Object.entries(settingsOf(run)).filter(([, value]) => value !== null);
  const keys = mlflowNames(settings.map(([name]) => name));
  return settings.map(([name, value]) => ({ key: keys.get(name)!, value: String(value).slice(0, longestValue) }));
}

function* parts<Value>(values: readonly Value[], most: number): Generator<Value[]> {
  for (let at = 0; at < values.length; at += most) yield values.slice(at, at + most);
}

/** A field of an answer, or a failure that says the server is another than expected. */
function textIn(answer: Record<string, unknown> | null, path: readonly string[], address: string): string {
  let inner: unknown = answer;
  for (const name of path) inner = (inner as Record<string, unknown> | null | undefined)?.[name];
  if (typeof inner === 'string') return inner;
  throw userError(
    { where: address, what: `its answer has no ${path.join('.')}`, expected: 'an MLflow tracking server' },
    exitCode.failed,
  );
}

/** The id of the experiment of this name, which is made where it is not there. Throws UserError for a deleted one. */
async function experimentId({ address, ask }: MlflowServer, name: string): Promise<string> {
  const found = await ask('GET', 'experiments/get-by-name', { experiment_name: name });
  if (found === null) return textIn(await ask('POST', 'experiments/create', { name }), ['experiment_id'], address);
  if (textIn(found, ['experiment', 'lifecycle_stage'], address) !== 'active')
    throw userError({
      where: address,
      what: `the experiment "${name}" was deleted there`,
      hint: 'restore it with `mlflow experiments restore`, or remove it for good with `mlflow gc`',
    });
  return textIn(found, ['experiment', 'experiment_id'], address);
}

/** The server's run that holds this one whole; what holds a part of it is deleted. */
async function knownRun({ address, ask }: MlflowServer, experiment: string, run: Run): Promise<string | null> {
  const found = await ask('POST', 'runs/search', {
    experiment_ids: [experiment],
    filter: `tags."${runTag}" = '${run.id}'`,
    max_results: 100,
  });
  let whole: string | null = null;
  for (const each of (found?.['runs'] ?? []) as Record<string, unknown>[]) {
    const id = textIn(each, ['info', 'run_id'], address);
    if (textIn(each, ['info', 'status'], address) === 'FINISHED') whole = id;
    else await ask('POST', 'runs/delete', { run_id: id });
  }
  return whole;
}

/** Files beside the numbers, where the server keeps files: run.json, and the answers as a table of MLflow. */
async function sendFiles(
  { ask, put }: MlflowServer,
  run: Run,
  id: string,
  artifacts: string,
): Promise<{ predictions: number; kept: boolean }> {
  const answers = [...predictionRows([run])];
  const below = /^mlflow-artifacts:\/([^/].*)$/.exec(artifacts)?.[1];
  if (below === undefined) return { predictions: 0, kept: false };
  await put(`${below}/run.json`, runFileText(run.file));
  if (answers.length === 0) return { predictions: 0, kept: true };
  const columns = predictionColumns.map(({ name }) => name);
  const data = answers.map((row) => columns.map((name) => row[name] ?? null));
  await put(`${below}/predictions.json`, JSON.stringify({ columns, data }));
  const value = JSON.stringify([{ path: 'predictions.json', type: 'table' }]);
  await ask('POST', 'runs/set-tag', { run_id: id, key: 'mlflow.loggedArtifacts', value });
  return { predictions: answers.length, kept: true };
}

async function sendRun(server: MlflowServer, experiment: string, run: Run): Promise<SentRun & { kept: boolean }> {
  const { address, ask } = server;
  const { file, panel, method, setting, seed } = run;
  const known = await knownRun(server, experiment, run);
  if (known !== null) return { run: run.id, mlflowRun: known, known: true, values: 0, predictions: 0, kept: true };
  const tags = {
    [runTag]: run.id,
    'equipoise.identity': file.identity,
    'equipoise.version': file.code.version,
    panel,
    method,
    setting,
    'mlflow.source.type': 'PROJECT',
    'mlflow.source.name': 'equipoise',
    ...(file.code.commit === null ? {} : { 'mlflow.source.git.commit': file.code.commit }),
  };
  const made = await ask('POST', 'runs/create', {
    experiment_id: experiment,
    run_name: [panel, method, setting, `seed ${seed}`].join(' · ').slice(0, longestName),
    start_time: Date.parse(file.times.started) || 0,
    tags: Object.entries(tags).map(([key, value]) => ({ key, value })),
  });
  const id = textIn(made, ['run', 'info', 'run_id'], address);
  for (const params of parts(parametersOf(run), mostParameters))
    await ask('POST', 'runs/log-batch', { run_id: id, params });
  const metrics = metricsOf(run);
  for (const batch of parts(metrics, mostMetrics)) await ask('POST', 'runs/log-batch', { run_id: id, metrics: batch });
  const files = await sendFiles(server, run, id, textIn(made, ['run', 'info', 'artifact_uri'], address));
  const ended = Date.parse(file.times.finished ?? file.times.started) || 0;
  // Last: a run that says FINISHED is there whole.
  await ask('POST', 'runs/update', { run_id: id, status: 'FINISHED', end_time: ended });
  return { run: run.id, mlflowRun: id, known: false, values: metrics.length, ...files };
}

/**
 * Sends the runs to the experiment of their name, one after the other. Throws UserError when the server cannot be reached or
 * refuses; what has been sent stays, and a second call goes on after it.
 */
export async function sendToMlflow(
  { experiment, runs }: Pick<ExportedRuns, 'experiment' | 'runs'>,
  server: MlflowServer,
  onRun: (sent: SentRun) => void = () => undefined,
): Promise<{ experimentId: string; sent: SentRun[]; notices: string[] }> {
  const id = await experimentId(server, experiment);
  const sent: SentRun[] = [];
  let kept = true;
  for (const run of runs) {
    const { kept: files, ...told } = await sendRun(server, id, run);
    kept &&= files;
    sent.push(told);
    onRun(told);
  }
  const notices = kept ? [] : ['the server keeps no files through itself: run.json and predictions were not sent'];
  return { experimentId: id, sent, notices };
}
