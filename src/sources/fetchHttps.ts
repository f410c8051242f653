/** `https:` and `hf:` addresses: downloads that resume after a break and never follow a redirect out of https. */
import { closeSync, existsSync, openSync, rmSync, statSync, truncateSync, writeSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { exitCode, userError } from '../problems';
import { proxyVariables, silenceOf } from './connect';
import type { ContentLocation } from './contentUrl';
import { notAnswering, requireAnswering } from './unreachable';

export type FetchFunction = (
  url: string,
  init: { headers: Record<string, string>; redirect: 'manual' },
) => Promise<Response>;

interface DownloadOptions {
  where: string;
  /** stated size; a longer answer is cut off as wrong */
  bytes?: number;
  /** where no size is stated: a longer answer is refused */
  atMost?: number;
  /** page of a repository where access is asked for */
  page?: string;
  /** called with the headers of the first answer, before any redirect */
  onHeaders?: (headers: Headers) => void;
  /** for tests; the platform's fetch by default */
  fetch?: FetchFunction;
  /** sent to the first host alone, never after a redirect to another */
  token?: string;
  allowHttp?: boolean;
  /** called with the bytes that lie on disk */
  onBytes?: (bytes: number) => void;
  onNote?: (note: string) => void;
  /** seconds before the first, second, ... retry */
  retryAfter?: number[];
}

const hubEndpoint = () => (process.env['HF_ENDPOINT'] ?? 'https://huggingface.co').replace(/\/+$/, '');
const repositoryPath = ({ type, repository }: ContentLocation & { kind: 'hf' }) =>
  `${type === 'dataset' ? 'datasets/' : ''}${repository}`;

/** The page of a repository on the hub, where a gated one is accepted. */
export const hfPage = (location: ContentLocation & { kind: 'hf' }): string =>
  `${hubEndpoint()}/${repositoryPath(location)}`;

/** The https address of a file on the Hugging Face hub, or on the mirror of it that HF_ENDPOINT names (https only). */
export function hfUrl(location: ContentLocation & { kind: 'hf' }, where: string): string {
  const endpoint = hubEndpoint();
  if (!endpoint.startsWith('https://'))
    throw userError({
      where: 'HF_ENDPOINT',
      what: `\`${endpoint}\` is not https`,
      expected: 'https://host',
      hint: `needed for ${where}`,
    });
  const path = location.path.split('/').map(encodeURIComponent).join('/');
  return `${endpoint}/${repositoryPath(location)}/resolve/${location.revision}/${path}`;
}

/**
 * Downloads to `path` what lies at `address()`, which is asked before each try. A file that is already there is taken
 * as the beginning of the content and continued by an HTTP range; a server that does not resume restarts it. Breaks are
 * retried; what has come stays for the next try. Throws UserError (code `unavailable`) when the address is gone or
 * refuses, or the retries are used up.
 */
export async function download(address: () => string, path: string, options: DownloadOptions): Promise<void> {
  const delays = options.retryAfter ?? [1, 3, 10];
  /** tries in a row in which a host was not reached */
  let refused = 0;
  for (let attempt = 0; ; attempt++) {
    const url = address();
    try {
      await downloadOnce(url, path, options);
      return;
    } catch (error) {
      refused = error instanceof NoConnection ? refused + 1 : 0;
      if (error instanceof NoConnection && refused > 1) throw notAnswering(error.host, error.message, options.where);
      const delay = delays[attempt];
      if (!(error instanceof Break) || delay === undefined) {
        if (error instanceof Break)
          throw userError(
            {
              where: options.where,
              what: `${url} broke off (${error.message})`,
              hint: 'try again: the download resumes where it stopped',
            },
            exitCode.unavailable,
          );
        throw error;
      }
      options.onNote?.(`broke off (${error.message}); trying again`);
      await sleep(delay * 1000);
    }
  }
}

/** A failure that another try may mend. */
class Break extends Error {}
/** A host was not reached at all: one more try, and it is told. */
class NoConnection extends Break {
  constructor(
    message: string,
    readonly host: string,
  ) {
    super(message);
  }
}

/** What the platform says then. */
const notReached: ReadonlySet<string> = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'UND_ERR_CONNECT_TIMEOUT',
]);

const answering = new Set<string>();

/** Throws Unreachable for a host that takes no connection within seconds, or did not a moment ago. */
async function requireConnection(url: string, where: string): Promise<void> {
  const { host } = new URL(url);
  requireAnswering(host, where);
  if (answering.has(host)) return;
  const silence = await silenceOf({ servers: [url] });
  if (silence !== null) throw notAnswering(host, silence, where);
  answering.add(host);
}

async function downloadOnce(url: string, path: string, options: DownloadOptions): Promise<void> {
  let have = existsSync(path) ? statSync(path).size : 0;
  if (options.bytes !== undefined && have > options.bytes) {
    rmSync(path);
    have = 0;
  }
  if (options.bytes !== undefined && have === options.bytes && have > 0) return;
  const response = await request(url, have, options);
  if (response.status === 416) {
    await response.body?.cancel();
    // Without a stated size only the server knows that everything is here.
    if (options.bytes === undefined && have > 0 && response.headers.get('content-range') === `bytes */${have}`) return;
    rmSync(path, { force: true });
    throw new Break('the server holds less than what was already here');
  }
  if (response.status === 206) {
    if (!(response.headers.get('content-range') ?? '').startsWith(`bytes ${have}-`)) {
      rmSync(path, { force: true });
      throw new Break('the server sent another range than was asked for');
    }
  } else if (response.status === 200) {
    if (have > 0) truncateSync(path, 0);
    have = 0;
  } else {
    await response.body?.cancel();
    throw refusal(response.status, url, options);
  }
  const file = openSync(path, 'a');
  try {
    for await (const chunk of chunks(response)) {
      have += chunk.length;
      if (options.bytes !== undefined && have > options.bytes) {
        throw userError(
          {
            where: options.where,
            what: `${url} sends more than ${options.bytes} bytes`,
            expected: `${options.bytes} bytes, as the manifest states`,
          },
          exitCode.failed,
        );
      }
      if (options.atMost !== undefined && have > options.atMost)
        throw userError(
          {
            where: options.where,
            what: `${url} sends more than ${options.atMost} bytes`,
            expected: 'a file of a published checkpoint',
          },
          exitCode.failed,
        );
      for (let at = 0; at < chunk.length;) at += writeSync(file, chunk, at);
      options.onBytes?.(have);
    }
  } finally {
    closeSync(file);
  }
  if (options.bytes !== undefined && have < options.bytes) throw new Break(`${have} of ${options.bytes} bytes came`);
}

async function* chunks(response: Response): AsyncIterable<Uint8Array> {
  try {
    if (response.body !== null) yield* response.body as unknown as AsyncIterable<Uint8Array>;
  } catch (error) {
    throw new Break((error as Error).message);
  }
}

/**
 * The platform's fetch, or undici's where the environment names a proxy, which Node's own does not heed before version
 * 24.
 */
export function platformFetch(): (url: string, init: RequestInit) => Promise<Response> {
  if (proxyVariables.every((name) => (process.env[name] ?? '') === '')) return (url, init) => fetch(url, init);
  return async (url, init) => {
    const undici = await import('undici');
    const proxied = { ...(init as import('undici').RequestInit), dispatcher: new undici.EnvHttpProxyAgent() };
    return (await undici.fetch(url, proxied)) as unknown as Response;
  };
}

/** Follows up to ten redirects by hand: each must stay https, and the token goes to the first origin alone. */
async function request(start: string, from: number, options: DownloadOptions): Promise<Response> {
  const fetchFunction = options.fetch ?? platformFetch();
  const origin = new URL(start).origin;
  let url = start;
  for (let hop = 0; hop <= 10; hop++) {
    const { protocol } = new URL(url);
    if (protocol !== 'https:' && !(protocol === 'http:' && options.allowHttp === true)) {
      throw userError(
        { where: options.where, what: `${start} leads to ${url}, which is not https`, expected: 'https all the way' },
        exitCode.failed,
      );
    }
    const headers: Record<string, string> = { 'accept-encoding': 'identity' };
    if (from > 0) headers['range'] = `bytes=${from}-`;
    if (options.token !== undefined && new URL(url).origin === origin)
      headers['authorization'] = `Bearer ${options.token}`;
    if (options.fetch === undefined) await requireConnection(url, options.where);
    let response: Response;
    try {
      response = await fetchFunction(url, { headers, redirect: 'manual' });
    } catch (error) {
      const { cause } = error as Error & { cause?: { message?: string; code?: string } };
      const told = cause?.message ?? (error as Error).message;
      throw notReached.has(cause?.code ?? '') ? new NoConnection(told, new URL(url).host) : new Break(told);
    }
    if (hop === 0 && response.status < 400) options.onHeaders?.(response.headers);
    if (![301, 302, 303, 307, 308].includes(response.status)) return response;
    await response.body?.cancel();
    const location = response.headers.get('location');
    if (location === null || !URL.canParse(location, url)) throw new Break('a redirect without an address');
    url = new URL(location, url).href;
  }
  throw userError({ where: options.where, what: `${start} redirects more than ten times` }, exitCode.unavailable);
}

function refusal(status: number, url: string, options: DownloadOptions): Error {
  if (status === 408 || status === 429 || status >= 500) return new Break(`the server answered ${status}`);
  const gate =
    options.page === undefined ? '' : `; if it is gated or does not exist, its page says so: ${options.page}`;
  const reasons: Record<number, string> = {
    401: `the server wants a token: set HF_TOKEN to one that may read this repository${gate}`,
    403: `access is refused: a gated repository must first be accepted on its page${options.page === undefined ? '' : ` (${options.page})`}, then HF_TOKEN set`,
    404: 'the file is gone or was moved',
    410: 'the file is gone',
  };
  return userError(
    {
      where: options.where,
      what: `${url} answered ${status}`,
      hint: reasons[status] ?? 'the address may have changed',
    },
    exitCode.unavailable,
  );
}
