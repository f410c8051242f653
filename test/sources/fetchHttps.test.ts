import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { contentPath, ensureContent, type Progress } from '../../src/sources/content';
import { fileObjects } from '../../src/sources/dataManifest';
import { hfUrl, type FetchFunction } from '../../src/sources/fetchHttps';
import { parseContentUrl } from '../../src/sources/contentUrl';
import { sha256 } from '../../src/files';
import { manifestOf, workplace, type Workplace } from '../../testing/fetchTools';

const content = Buffer.from(Array.from({ length: 200_000 }, (_, index) => (index * 31 + (index >> 8)) % 256));
let place: Workplace;
let server: Server;
let handle: (request: IncomingMessage, response: ServerResponse) => void;
const seen: { url: string; range: string | undefined; authorization: string | undefined }[] = [];

beforeEach(async () => {
  place = workplace();
  seen.length = 0;
  server = createServer((request, response) => {
    seen.push({ url: request.url ?? '', range: request.headers.range, authorization: request.headers.authorization });
    handle(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
});
afterEach(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  place.close();
});

/** Every https host is the test's own server; its name becomes the first step of the path. */
const local: FetchFunction = (url, init) => {
  const { hostname, pathname } = new URL(url);
  return fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}/${hostname}${pathname}`, init);
};

function fileOf(url = 'https://data.example/set.bin', hash?: string) {
  const [file] = fileObjects(
    manifestOf('set', [{ id: 'set.bin', url, content, format: 'application/octet-stream', hash }]),
  );
  if (file === undefined) throw new Error('no file');
  return file;
}
function get(file = fileOf(), notes: Progress[] = []) {
  return ensureContent(file, 'set', {
    fetch: local,
    retryAfter: [0, 0],
    onProgress: (progress) => {
      if (progress.stage === 'note') notes.push(progress);
    },
  });
}
/** Answers with a range when one is asked for. */
function serve(request: IncomingMessage, response: ServerResponse, body = content): void {
  const from = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0);
  response.writeHead(
    from > 0 ? 206 : 200,
    from > 0 ? { 'content-range': `bytes ${from}-${body.length - 1}/${body.length}` } : {},
  );
  response.end(body.subarray(from));
}
/** Sends a beginning of the answer, then cuts the connection. */
function cut(response: ServerResponse, bytes: number): void {
  response.writeHead(200, { 'content-length': content.length });
  response.write(content.subarray(0, bytes), () => setTimeout(() => response.destroy(), 20));
}
const leftovers = (hash: string) => readdirSync(dirname(contentPath(hash))).filter((name) => name !== hash);

describe('https', () => {
  it('fetches, checks, stores read-only and then stays away from the network', async () => {
    handle = serve;
    const path = await get();
    expect(path).toBe(contentPath(sha256(content)));
    expect(readFileSync(path).equals(content)).toBe(true);
    await get();
    expect(seen).toHaveLength(1);
    expect(leftovers(sha256(content))).toEqual([]);
  });

  it('continues a broken download by a range', async () => {
    handle = (request, response) => (seen.length === 1 ? cut(response, 70_000) : serve(request, response));
    expect(readFileSync(await get()).equals(content)).toBe(true);
    expect(seen.map((request) => request.range)).toEqual([undefined, 'bytes=70000-']);
  });

  it('continues what a killed process has left', async () => {
    await leave(content.subarray(0, 50_000));
    handle = serve;
    expect(readFileSync(await get()).equals(content)).toBe(true);
    expect(seen.map((request) => request.range)).toEqual(['bytes=50000-']);
  });

  it('starts again when what was left does not fit', async () => {
    await leave(Buffer.alloc(50_000, 'x'));
    handle = serve;
    const notes: Progress[] = [];
    expect(readFileSync(await get(fileOf(), notes)).equals(content)).toBe(true);
    expect(seen.map((request) => request.range)).toEqual(['bytes=50000-', undefined]);
    expect(notes.map((note) => note.note).join()).toMatch(/does not fit/);
  });

  it('starts again when the server knows no ranges', async () => {
    await leave(content.subarray(0, 50_000));
    handle = (_request, response) => {
      response.end(content);
    };
    expect(readFileSync(await get()).equals(content)).toBe(true);
  });

  it('does not trust an answer with another range', async () => {
    await leave(content.subarray(0, 50_000));
    handle = (request, response) => {
      if (request.headers.range === undefined) return serve(request, response);
      response.writeHead(206, { 'content-range': `bytes 0-${content.length - 1}/${content.length}` });
      response.end(content);
    };
    expect(readFileSync(await get()).equals(content)).toBe(true);
  });

  it('stops on a wrong hash, names file, expected and found, and keeps nothing', async () => {
    const wrong = Buffer.from(content);
    wrong[100] = 255 - (wrong[100] ?? 0);
    handle = (request, response) => serve(request, response, wrong);
    const error = await get().catch((reason: Error) => reason);
    expect(error).toMatchObject({ name: 'UserError', code: 1 });
    expect(String(error)).toContain('data-manifests/set.json set.bin');
    expect(String(error)).toContain(sha256(wrong));
    expect(String(error)).toContain(`expected ${content.length} bytes with sha256 ${sha256(content)}`);
    expect(existsSync(contentPath(sha256(content)))).toBe(false);
    expect(leftovers(sha256(content))).toEqual([]);
  });

  it('stops an answer that never ends', async () => {
    handle = (_request, response) => {
      response.end(Buffer.concat([content, content]));
    };
    await expect(get()).rejects.toThrow(/sends more than 200000 bytes/);
  });

  it('retries a busy server and gives up in the end, keeping what came', async () => {
    handle = (request, response) => {
      if (seen.length < 3) response.writeHead(503).end();
      else serve(request, response);
    };
    expect(readFileSync(await get()).equals(content)).toBe(true);
    const other = { ...fileOf(), sha256: 'a'.repeat(64) };
    handle = (_request, response) => cut(response, 10_000);
    await expect(get(other)).rejects.toMatchObject({ name: 'UserError', code: 3 });
    expect(readFileSync(`${contentPath(other.sha256)}.part`).equals(content.subarray(0, 10_000))).toBe(true);
  });

  it('says what to do when the file is gone', async () => {
    handle = (_request, response) => {
      response.writeHead(404).end();
    };
    await expect(get()).rejects.toThrow(
      new RegExp(`answered 404; the file is gone or was moved; .*${sha256(content)}.*data fetch --from`),
    );
    expect(seen).toHaveLength(1);
  });

  it('follows redirects within https and refuses to leave it', async () => {
    handle = (request, response) => {
      if (request.url === '/data.example/set.bin')
        response.writeHead(302, { location: 'https://cdn.example/real' }).end();
      else serve(request, response);
    };
    expect(readFileSync(await get()).equals(content)).toBe(true);
    handle = (_request, response) => {
      response.writeHead(302, { location: 'http://data.example/plain' }).end();
    };
    await expect(get({ ...fileOf(), sha256: 'b'.repeat(64) })).rejects.toThrow(/not https/);
  });

  it('gives up on redirects in a circle', async () => {
    handle = (_request, response) => {
      response.writeHead(302, { location: 'https://data.example/set.bin' }).end();
    };
    await expect(get()).rejects.toThrow(/more than ten times/);
  });

  async function leave(bytes: Buffer): Promise<void> {
    handle = (_request, response) => {
      response.writeHead(404).end();
    };
    await get().catch(() => undefined);
    writeFileSync(`${contentPath(sha256(content))}.part`, bytes);
    seen.length = 0;
  }
});

describe('the hub', () => {
  const address = 'hf:owner/model@main#weights/model.safetensors';

  it('sends the token to the hub and not to where the hub sends us', async () => {
    process.env['HF_TOKEN'] = 'secret';
    handle = (request, response) => {
      if (request.url?.startsWith('/huggingface.co/') === true)
        response.writeHead(302, { location: 'https://storage.example/blob' }).end();
      else serve(request, response);
    };
    expect(readFileSync(await get(fileOf(address))).equals(content)).toBe(true);
    expect(seen).toEqual([
      {
        url: '/huggingface.co/owner/model/resolve/main/weights/model.safetensors',
        range: undefined,
        authorization: 'Bearer secret',
      },
      { url: '/storage.example/blob', range: undefined, authorization: undefined },
    ]);
  });

  it('sends no token to other addresses', async () => {
    process.env['HF_TOKEN'] = 'secret';
    handle = serve;
    await get();
    expect(seen.map((request) => request.authorization)).toEqual([undefined]);
  });

  it('explains a gated repository, and refuses an endpoint without https', async () => {
    handle = (_request, response) => {
      response.writeHead(403).end();
    };
    await expect(get(fileOf(address))).rejects.toThrow(/gated/);
    process.env['HF_ENDPOINT'] = 'http://mirror.example';
    await expect(get(fileOf(address))).rejects.toThrow(/is not https/);
  });

  it('names data sets', () => {
    const location = parseContentUrl('hf:datasets/owner/set@abc123#data/a b.parquet');
    expect(location?.kind === 'hf' ? hfUrl(location, 'test') : '').toMatch(
      /\/datasets\/owner\/set\/resolve\/abc123\/data\/a%20b\.parquet$/,
    );
  });
});

it('goes through the proxy that the environment names', async () => {
  const tunnels: string[] = [];
  server.on('connect', (request, socket) => {
    tunnels.push(request.url ?? '');
    socket.end('HTTP/1.1 403 Forbidden\r\n\r\n');
  });
  const before = process.env['HTTPS_PROXY'];
  process.env['HTTPS_PROXY'] = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  try {
    await expect(ensureContent(fileOf(), 'set', { retryAfter: [] })).rejects.toMatchObject({
      name: 'UserError',
      code: 3,
    });
  } finally {
    if (before === undefined) delete process.env['HTTPS_PROXY'];
    else process.env['HTTPS_PROXY'] = before;
  }
  expect(tunnels).toEqual(['data.example:443']);
});

it('a folder of files fetched by hand serves by size and hash, whatever their names', async () => {
  handle = (_request, response) => {
    response.writeHead(500).end();
  };
  place.file('decoy.bin', Buffer.alloc(content.length));
  place.file('renamed', content);
  const path = await ensureContent(fileOf(), 'set', { from: place.root, fetch: local });
  expect(readFileSync(path).equals(content)).toBe(true);
  expect(existsSync(join(place.root, 'renamed'))).toBe(true);
  expect(seen).toHaveLength(0);
});
