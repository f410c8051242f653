/** The server of `equipoise ui` over a folder, and requests as a browser, or somebody else, would send them. */
import { mkdirSync } from 'node:fs';
import { request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { loopback } from '../src/ui/guard';
import { Library, type LibraryOptions } from '../src/ui/library';
import { uiServer } from '../src/ui/server';

export interface Answered {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  text: string;
}

export interface Served {
  library: Library;
  port: number;
  address: string;
  /** Sends a request; a path is sent as it is, `..` and all. */
  ask(path: string, options?: { method?: string; headers?: Record<string, string> }): Promise<Answered>;
  /** The JSON of a question, which must be answered. */
  json<T>(question: string): Promise<T>;
  close(): Promise<void>;
}

/** Serves the results below `folder`/results, with `folder`/committed as the committed runs. */
export async function served(
  folder: string,
  token: string | null = null,
  describe: LibraryOptions['describe'] = () => undefined,
): Promise<Served> {
  const [results, committed] = [join(folder, 'results'), join(folder, 'committed')];
  mkdirSync(results, { recursive: true });
  const library = new Library({ results, committed, describe });
  const server = uiServer({ library, hosts: loopback, token });
  await new Promise<void>((ready) => server.listen(0, '127.0.0.1', ready));
  const { port } = server.address() as AddressInfo;
  const ask: Served['ask'] = (path, { method = 'GET', headers = {} } = {}) =>
    new Promise((resolve, reject) => {
      const sent = request(
        { host: '127.0.0.1', port, path, method, headers: { host: `127.0.0.1:${port}`, ...headers }, agent: false },
        (response) => {
          const parts: Buffer[] = [];
          response.on('data', (part: Buffer) => parts.push(part));
          response.on('end', () =>
            resolve({
              status: response.statusCode ?? 0,
              headers: response.headers,
              text: Buffer.concat(parts).toString('utf8'),
            }),
          );
        },
      );
      sent.on('error', reject).end();
    });
  return {
    library,
    port,
    address: `http://127.0.0.1:${port}/`,
    ask,
    json: async <T>(question: string) => {
      const { status, text } = await ask(`/api/${question}`);
      if (status !== 200) throw new Error(`${question}: ${status} ${text}`);
      return JSON.parse(text) as T;
    },
    close: () =>
      new Promise((done) => {
        server.closeAllConnections();
        server.close(() => done());
      }),
  };
}
