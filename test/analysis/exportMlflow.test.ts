/** Runs sent to a tracking server: what arrives, what is sent once more, what is said when nobody listens. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { exportMetrics } from '../../analysis/export';
import { mlflowNames } from '../../analysis/export/mlflow';
import type { MlflowEnvironment } from '../../analysis/export/mlflowServer';
import { smallExperiment, type SmallExperiment } from '../../testing/exportedRuns';
import { notEmpty } from '../../testing/lists';
import { fakeMlflow, type FakeMlflow } from '../../testing/mlflow';

let small: SmallExperiment;
let server: FakeMlflow;
beforeAll(() => {
  small = smallExperiment();
});
afterAll(() => small.remove());
beforeEach(async () => {
  server = await fakeMlflow();
});
afterEach(() => server.close());

const send = (to: string | undefined = server.address, environment: MlflowEnvironment = {}) =>
  exportMetrics(small.experiment, { format: 'mlflow', to, environment });

test('every run arrives whole: settings, values by step, answers as a table', async () => {
  const made = await send();
  expect(made).toMatchObject({ format: 'mlflow', runs: 4, experimentId: '1' });
  expect(server.runs.map(({ status }) => status)).toEqual(Array(4).fill('FINISHED'));
  for (const run of notEmpty(server.runs)) {
    const id = run.tags['equipoise.run']!;
    const { scheduler, seed } = small.runs.get(id)!;
    expect(run.name).toBe(`emoji-icon-qa · ${scheduler} · equal rates · seed ${seed}`);
    expect(run.params).toMatchObject({
      'scheduler.kind': scheduler,
      seed: String(seed),
      'learningRate.encoder': '0.0003',
    });
    const lines = readFileSync(join(small.experiment, id, 'metrics.jsonl'), 'utf8')
      .trimEnd()
      .split('\n');
    const losses = lines
      .map((line) => JSON.parse(line) as { kind: string; step: number; loss: number })
      .filter(({ kind }) => kind === 'train');
    const sent = run.metrics.filter(({ key }) => key === 'train/loss');
    expect(sent.map(({ step, value }) => [step, value])).toEqual(losses.map(({ step, loss }) => [step, loss]));
    // 0.3 s a step, from the start of the run.
    expect(sent[9]!.timestamp).toBe(10 * 300);
    expect(JSON.parse(server.files.get(`1/${run.id}/artifacts/run.json`)!)).toMatchObject({ id });
    const table = server.files.get(`1/${run.id}/artifacts/predictions.json`);
    if (scheduler === 'constant' && seed === 2) expect(table).toBeUndefined();
    else expect((JSON.parse(table!) as { data: unknown[][] }).data).toHaveLength(4);
  }
});

test('a second call sends nothing; what was broken off is deleted and sent anew', async () => {
  server.failFrom = 3;
  await expect(send()).rejects.toThrow(/refuses a request \(500\): the disk is full/);
  expect(server.runs.map(({ status }) => status)).toEqual(['FINISHED', 'RUNNING']);
  server.failFrom = Infinity;
  const made = await send();
  expect('sent' in made && made.sent.map(({ known }) => known)).toEqual([true, false, false, false]);
  expect(server.runs.map(({ status, deleted }) => `${status} ${deleted}`)).toEqual([
    'FINISHED false',
    'RUNNING true',
    ...Array<string>(3).fill('FINISHED false'),
  ]);
  const again = await send();
  expect('sent' in again && again.sent.map(({ known, values }) => [known, values])).toEqual(Array(4).fill([true, 0]));
  expect(server.runs).toHaveLength(5);
});

test('address and credentials: the option, then the variables that MLflow itself heeds', async () => {
  const basic = (text: string) => `Basic ${Buffer.from(text).toString('base64')}`;
  const named = { MLFLOW_TRACKING_USERNAME: 'ada', MLFLOW_TRACKING_PASSWORD: 'x:y' };
  await send(undefined, { MLFLOW_TRACKING_URI: `${server.address}/`, ...named });
  expect(server.authorization).toBe(basic('ada:x:y'));
  await send(undefined, { MLFLOW_TRACKING_URI: server.address, MLFLOW_TRACKING_TOKEN: 't' });
  expect(server.authorization).toBe('Bearer t');
  const made = await send(server.address.replace('//', '//ada:p%40ss@'), {
    MLFLOW_TRACKING_URI: 'http://nowhere.invalid',
  });
  expect(server.authorization).toBe(basic('ada:p@ss'));
  expect(JSON.stringify(made)).not.toContain('p%40ss');
});

test('nobody listens, and something else listens', async () => {
  const { address } = server;
  await server.close();
  await expect(send(address)).rejects.toMatchObject({
    code: 3,
    message: expect.stringMatching(/nobody listens there \(ECONNREFUSED\).*mlflow server --port/) as string,
  });
  const other = createServer((_, response) => response.writeHead(404).end('<h1>Not found</h1>'));
  await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
  const { port } = other.address() as AddressInfo;
  await expect(send(`http://127.0.0.1:${port}`)).rejects.toThrow(/status 404, not as an MLflow tracking server does/);
  other.close();
});

test('names become such as the server takes, and stay apart', () => {
  expect([...mlflowNames(['train/loss', 'a b/κ·2', 'a b/κ_2', '../x', 'a//b', 'train/loss']).values()]).toEqual([
    'train/loss',
    'a b/κ_2',
    'a b/κ_2_2',
    '_/x',
    'a/_/b',
  ]);
});
