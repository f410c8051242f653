/** The REST interface of an MLflow tracking server, as far as runs are written to it (MLflow's REST API 2.0). */
import { printable } from '../../src/printable';
import { exitCode, userError } from '../../src/problems';
import { isObject } from '../../src/json';
import { platformFetch } from '../../src/sources/fetchHttps';

/** A tracking server that is spoken to. */
export interface MlflowServer {
  /** without credentials, as it is told */
  address: string;
  /** Sends a request to `api/2.0/<path>`; the answer is null where the server does not know what was asked for. */
  ask(method: 'GET' | 'POST', path: string, body?: object): Promise<Record<string, unknown> | null>;
  /** Keeps a file under `path` of the server's artifacts. */
  put(path: string, content: string): Promise<void>;
}

/** The environment variables of MLflow's own client that are heeded. */
export type MlflowEnvironment = Partial<
  Record<
    'MLFLOW_TRACKING_URI' | 'MLFLOW_TRACKING_TOKEN' | 'MLFLOW_TRACKING_USERNAME' | 'MLFLOW_TRACKING_PASSWORD',
    string
  >
>;

export const defaultMlflow = 'http://127.0.0.1:5000';
const answerWithinMs = 60_000;

/** The address that is meant, and where it was said. Throws UserError for one that is not of a server. */
function addressOf(to: string | undefined, environment: MlflowEnvironment): { url: URL; where: string } {
  const ofEnvironment = environment.MLFLOW_TRACKING_URI ?? '';
  const where = to !== undefined ? '--to' : ofEnvironment !== '' ? 'MLFLOW_TRACKING_URI' : 'MLflow';
  const text = to ?? (ofEnvironment === '' ? defaultMlflow : ofEnvironment);
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url === null || !['http:', 'https:'].includes(url.protocol))
    throw userError({
      where,
      what: `is ${printable(text)}`,
      expected: `the address of a tracking server, such as ${defaultMlflow}`,
    });
  return { url, where };
}

const basic = (name: string, password: string): string =>
  `Basic ${Buffer.from(`${name}:${password}`).toString('base64')}`;

function authorization(url: URL, environment: MlflowEnvironment): Record<string, string> {
  const { MLFLOW_TRACKING_TOKEN: token, MLFLOW_TRACKING_USERNAME: name } = environment;
  if (url.username !== '')
    return { authorization: basic(decodeURIComponent(url.username), decodeURIComponent(url.password)) };
  if (name !== undefined && name !== '')
    return { authorization: basic(name, environment.MLFLOW_TRACKING_PASSWORD ?? '') };
  return token === undefined || token === '' ? {} : { authorization: `Bearer ${token}` };
}

/** No proxy stands between a machine and itself. */
const isLoopback = ({ hostname }: URL): boolean => /^(localhost|127\.[\d.]+|\[::1\])$/.test(hostname);

/** What a failed connection means, in words. */
function unreachable(address: string, error: unknown): Error {
  const { name, message, cause } = error as Error & { cause?: { code?: string; message?: string } };
  const why =
    name === 'TimeoutError'
      ? `gave no answer within ${answerWithinMs / 1000} s`
      : cause?.code === 'ECONNREFUSED'
        ? 'nobody listens there (ECONNREFUSED)'
        : `cannot be reached: ${cause?.code ?? printable(cause?.message ?? message)}`;
  return userError(
    {
      where: address,
      what: why,
      expected: 'an MLflow tracking server',
      hint: 'start one with `mlflow server --port 5000`, or name yours with --to or MLFLOW_TRACKING_URI',
    },
    exitCode.unavailable,
  );
}

function refused(address: string, status: number, answer: unknown): Error {
  const told = isObject(answer) && typeof answer['message'] === 'string' ? answer['message'] : null;
  if (status === 401 || status === 403)
    return userError(
      {
        where: address,
        what: `refuses access (${status}${told === null ? '' : `: ${printable(told)}`})`,
        hint: 'set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or MLFLOW_TRACKING_TOKEN',
      },
      exitCode.unavailable,
    );
  return userError(
    told === null
      ? {
          where: address,
          what: `answers with status ${status}, not as an MLflow tracking server does`,
          hint: 'check the address',
        }
      : { where: address, what: `refuses a request (${status}): ${printable(told)}` },
    exitCode.failed,
  );
}

const parsed = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
};

/**
 * A server by its address (`--to`, else MLFLOW_TRACKING_URI, else port 5000 of this machine). Throws UserError for an address
 * that is none; its requests throw UserError when nobody answers or the server refuses.
 */
export function mlflowServer(to: string | undefined, environment: MlflowEnvironment): MlflowServer {
  const { url } = addressOf(to, environment);
  const headers = authorization(url, environment);
  url.username = url.password = url.search = url.hash = '';
  const address = url.href.replace(/\/+$/, '');
  const send = isLoopback(url) ? fetch : platformFetch();
  const request = async (method: string, path: string, type: string, body?: string) => {
    let response: Response;
    let text: string;
    try {
      response = await send(`${address}/api/2.0/${path}`, {
        method,
        headers: { ...headers, ...(body === undefined ? {} : { 'content-type': type }) },
        ...(body === undefined ? {} : { body }),
        signal: AbortSignal.timeout(answerWithinMs),
      });
      text = await response.text();
    } catch (error) {
      throw unreachable(address, error);
    }
    return { status: response.status, ok: response.ok, answer: parsed(text) };
  };
  return {
    address,
    ask: async (method, path, body) => {
      const query = method === 'GET' && body !== undefined ? `?${new URLSearchParams(Object.entries(body))}` : '';
      const sent = method === 'GET' ? undefined : JSON.stringify(body ?? {});
      const { status, ok, answer } = await request(method, `mlflow/${path}${query}`, 'application/json', sent);
      if (ok && isObject(answer)) return answer;
      if (isObject(answer) && answer['error_code'] === 'RESOURCE_DOES_NOT_EXIST') return null;
      throw refused(address, status, answer);
    },
    put: async (path, content) => {
      const names = path.split('/').map(encodeURIComponent).join('/');
      const sent = await request('PUT', `mlflow-artifacts/artifacts/${names}`, 'application/octet-stream', content);
      if (!sent.ok) throw refused(address, sent.status, sent.answer);
    },
  };
}
