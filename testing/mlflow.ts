/** As much of an MLflow tracking server as runs are sent to, in this process: what it was given, and faults on request. */
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';

interface KeptRun {
  id: string;
  name: string;
  status: string;
  deleted: boolean;
  tags: Record<string, string>;
  params: Record<string, string>;
  metrics: { key: string; value: number; timestamp: number; step: number }[];
}

/** The server and all that it keeps. */
export interface FakeMlflow {
  address: string;
  runs: KeptRun[];
  files: Map<string, string>;
  /** credentials of the last request */
  authorization: string | undefined;
  /** requests to log-batch from this one on fail */
  failFrom: number;
  close(): Promise<void>;
}

type Body = Record<string, unknown>;
interface Entry {
  key: string;
  value: string;
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part as Buffer);
  return Buffer.concat(parts).toString('utf8');
}

class Refusal extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
  ) {
    super(message);
  }
}

const found = (server: FakeMlflow, body: Body): KeptRun => server.runs.find(({ id }) => id === body['run_id'])!;
const infoOf = ({ id, status }: KeptRun) => ({
  info: { run_id: id, status, artifact_uri: `mlflow-artifacts:/1/${id}/artifacts` },
});

function create(server: FakeMlflow, body: Body): object {
  const tags = Object.fromEntries((body['tags'] as Entry[]).map(({ key, value }) => [key, value]));
  const run: KeptRun = {
    id: `r${server.runs.length}`,
    name: String(body['run_name']),
    status: 'RUNNING',
    deleted: false,
    tags,
    params: {},
    metrics: [],
  };
  server.runs.push(run);
  return { run: infoOf(run) };
}

function logBatch(server: FakeMlflow, body: Body): object {
  if (server.failFrom-- <= 0) throw new Refusal(500, 'INTERNAL_ERROR', 'the disk is full');
  const run = found(server, body);
  const { metrics = [], params = [] } = body as { metrics?: KeptRun['metrics']; params?: Entry[] };
  if (metrics.length > 1000 || params.length > 100) throw new Refusal(400, 'INVALID_PARAMETER_VALUE', 'too many');
  const names = [...metrics, ...params].map(({ key }) => key);
  // MLflow's own pattern of names (mlflow/utils/validation.py).
  const odd = names.find((name) => !/^[/\w.\- ]*$/.test(name));
  if (odd !== undefined) throw new Refusal(400, 'INVALID_PARAMETER_VALUE', `Invalid metric name: ${odd}`);
  run.metrics.push(...metrics);
  for (const { key, value } of params) run.params[key] = value;
  return {};
}

const answers: Record<string, (server: FakeMlflow, body: Body) => object> = {
  'experiments/get-by-name': (server) => {
    if (server.runs.length === 0) throw new Refusal(404, 'RESOURCE_DOES_NOT_EXIST', 'Could not find experiment');
    return { experiment: { experiment_id: '1', lifecycle_stage: 'active' } };
  },
  'experiments/create': () => ({ experiment_id: '1' }),
  'runs/search': ({ runs }, body) => {
    const id = /^tags\."equipoise\.run" = '(\w+)'$/.exec(String(body['filter']))?.[1];
    return { runs: runs.filter(({ tags, deleted }) => !deleted && tags['equipoise.run'] === id).map(infoOf) };
  },
  'runs/create': create,
  'runs/log-batch': logBatch,
  'runs/delete': (server, body) => {
    found(server, body).deleted = true;
    return {};
  },
  'runs/set-tag': (server, body) => {
    found(server, body).tags[String(body['key'])] = String(body['value']);
    return {};
  },
  'runs/update': (server, body) => {
    found(server, body).status = String(body['status']);
    return {};
  },
};

async function answerOf(server: FakeMlflow, request: IncomingMessage): Promise<object> {
  const url = new URL(request.url!, 'http://127.0.0.1');
  server.authorization = request.headers.authorization;
  const text = await bodyOf(request);
  const file = /^\/api\/2\.0\/mlflow-artifacts\/artifacts\/(.+)$/.exec(url.pathname)?.[1];
  if (file !== undefined) {
    server.files.set(decodeURIComponent(file), text);
    return {};
  }
  const answer = answers[url.pathname.replace('/api/2.0/mlflow/', '')];
  if (answer === undefined) throw new Refusal(404, 'ENDPOINT_NOT_FOUND', `No API found for ${url.pathname}`);
  return answer(server, text === '' ? {} : (JSON.parse(text) as Body));
}

/** Starts one on a free port of this machine. */
export async function fakeMlflow(): Promise<FakeMlflow> {
  const http = createServer((request, response) => {
    answerOf(server, request).then(
      (answer) => response.end(JSON.stringify(answer)),
      (error: Error) => {
        const { status, code } = error instanceof Refusal ? error : new Refusal(500, 'INTERNAL_ERROR', '');
        response.writeHead(status).end(JSON.stringify({ error_code: code, message: error.message }));
      },
    );
  });
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  const server: FakeMlflow = {
    address: `http://127.0.0.1:${(http.address() as AddressInfo).port}`,
    runs: [],
    files: new Map(),
    authorization: undefined,
    failFrom: Infinity,
    close: () =>
      new Promise((resolve) => {
        http.closeAllConnections();
        http.close(() => resolve());
      }),
  };
  return server;
}
