/** The server behind `equipoise ui`: reads, answers and streams; changes nothing. */
import { createReadStream, statSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { UserError } from '../problems';
import { streamEvents, Watch } from './events';
import { cookieName, hasToken, refusalOf, sameToken, type Guard } from './guard';
import { NotListed, type Library } from './library';
import { readPage, type PageFile } from './page';
import { answers, placeOf, required } from './routes';
import { mediaFile } from './views/answers';
import { drawnFile } from './views/statements';

/** Nothing but this server's own files runs, is drawn or is asked for; nobody frames the page. */
const headers = {
  'cache-control': 'no-store',
  'content-security-policy': [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self'",
    "media-src 'self'",
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; '),
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
};

const plain = 'text/plain; charset=utf-8';

/** A drawing that is opened by itself may hold nothing that runs, only its own style. */
const alone = "default-src 'none'; style-src 'unsafe-inline'; sandbox";

function send(response: ServerResponse, status: number, type: string, body: string | Uint8Array, more = {}): void {
  const bytes = typeof body === 'string' ? Buffer.from(body, 'utf8') : body;
  response.writeHead(status, { ...headers, 'content-type': type, 'content-length': bytes.length, ...more });
  response.end(response.req.method === 'HEAD' ? undefined : bytes);
}

export interface ServerOptions {
  library: Library;
  /** names under which it is asked, besides which it answers nothing */
  hosts: readonly string[];
  token: string | null;
}

/** The server; it listens when the caller says where. */
export function uiServer({ library, hosts, token }: ServerOptions): Server {
  const page = readPage();
  const server = createServer((request, response) => {
    const address = server.address();
    const guard: Guard = { hosts, token, port: typeof address === 'object' && address !== null ? address.port : 0 };
    answer(request, response, library, page, guard).catch((error: unknown) => fail(response, error));
  });
  return server;
}

/** Tells what went wrong, in words where they are meant for a person. */
function fail(response: ServerResponse, error: unknown): void {
  if (response.headersSent) response.destroy();
  else if (error instanceof NotListed) send(response, 404, plain, error.message);
  else if (error instanceof UserError) send(response, 500, plain, error.message);
  else send(response, 500, plain, 'this is a fault of the program, not of your input; EQUIPOISE_DEBUG=1 shows more');
  if (process.env['EQUIPOISE_DEBUG'] === '1' && !(error instanceof NotListed))
    process.stderr.write(`${String(error)}\n`);
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  library: Library,
  page: ReadonlyMap<string, PageFile>,
  guard: Guard,
): Promise<void> {
  const refused = refusalOf(request, guard);
  if (refused !== null)
    return send(response, refused.status, plain, refused.text, refused.status === 405 ? { allow: 'GET, HEAD' } : {});
  const url = URL.canParse(request.url ?? '', 'http://page') ? new URL(request.url!, 'http://page') : null;
  if (url === null || url.host !== 'page') return send(response, 404, plain, 'there is nothing here');
  if (guard.token !== null && !hasToken(request, guard)) return letIn(response, url, guard, guard.token);
  const [, room = '', name = '', ...rest] = url.pathname.split('/');
  const query = url.searchParams;
  if (url.pathname === '/') return send(response, 200, page.get('index.html')!.type, page.get('index.html')!.text);
  const file = room === 'page' && rest.length === 0 ? page.get(name) : undefined;
  if (file !== undefined) return send(response, 200, file.type, file.text);
  if (room === 'api' && rest.length === 0 && Object.hasOwn(answers, name)) {
    const found = await answers[name]!(library, query);
    return send(response, 200, 'application/json; charset=utf-8', JSON.stringify(found));
  }
  switch (url.pathname) {
    case '/events': {
      const watch = new Watch(library, placeOf(library, query), query.get('run'));
      response.writeHead(200, { ...headers, 'content-type': 'text/event-stream' });
      return request.method === 'HEAD' ? void response.end() : streamEvents(response, watch);
    }
    case '/media': {
      const place = placeOf(library, query);
      const { path, type } = await mediaFile(library, place, required(query, 'run'), required(query, 'item'));
      return sendFile(request, response, path, type);
    }
    case '/drawn': {
      const { content, type } = await drawnFile(
        library,
        placeOf(library, query),
        required(query, 'name'),
        required(query, 'kind'),
      );
      return send(response, 200, type, content, { 'content-security-policy': alone });
    }
    default:
      return send(response, 404, plain, 'there is nothing here');
  }
}

/** Takes the token from the address into a cookie; without it nobody sees anything. */
function letIn(response: ServerResponse, url: URL, { port }: Guard, token: string): void {
  const given = url.searchParams.get('token');
  if (url.pathname !== '/' || given === null || !sameToken(given, token))
    return send(response, 401, plain, 'open the address with the token that equipoise ui printed');
  send(response, 303, plain, '', {
    location: '/',
    'set-cookie': `${cookieName(port)}=${token}; HttpOnly; SameSite=Lax; Path=/`,
  });
}

/** A picture or sound, or the part of it that a player asks for. */
function sendFile(request: IncomingMessage, response: ServerResponse, path: string, type: string): void {
  const size = statSync(path).size;
  const range = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? '');
  const from = range === null ? 0 : Number(range[1]);
  const to = range === null || range[2] === '' ? size - 1 : Math.min(size - 1, Number(range[2]));
  if (from > to) return send(response, 416, plain, 'there is no such part', { 'content-range': `bytes */${size}` });
  response.writeHead(range === null ? 200 : 206, {
    ...headers,
    'content-type': type,
    'content-length': to - from + 1,
    'accept-ranges': 'bytes',
    // It is named by the run and the question, and those never change.
    'cache-control': 'private, max-age=3600',
    ...(range === null ? {} : { 'content-range': `bytes ${from}-${to}/${size}` }),
  });
  if (request.method === 'HEAD') return void response.end();
  createReadStream(path, { start: from, end: to })
    .on('error', () => response.destroy())
    .pipe(response);
}
