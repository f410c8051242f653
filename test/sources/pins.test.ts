/**
 * Files without a stated hash: pinned at the first fetch, held to it ever after. A local server stands in for the hub.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { checkDataManifest } from '../../src/sources/dataManifest';
import { readDataManifests } from '../../src/sources/manifestFiles';
import type { FetchFunction } from '../../src/sources/fetchHttps';
import {
  fetchSources,
  findSource,
  openSource,
  sourceIdentity,
  sourceState,
  verifySources,
} from '../../src/sources/sources';
import { sha256 } from '../../src/files';
import { workplace, type Workplace } from '../../testing/fetchTools';

const content = Buffer.from(Array.from({ length: 90_000 }, (_, index) => (index * 29 + (index >> 7)) % 256));
const commit = 'a'.repeat(40),
  later = 'b'.repeat(40);
let place: Workplace, server: Server;
let handle: (request: IncomingMessage, response: ServerResponse, host: string) => void;
const seen: { host: string; path: string; range: string | undefined; authorization: string | undefined }[] = [];

beforeEach(async () => {
  place = workplace();
  process.env['HF_ENDPOINT'] = 'https://hub.example';
  process.env['HF_TOKEN'] = 'secret';
  seen.length = 0;
  server = createServer((request, response) => {
    const [, host = '', ...path] = (request.url ?? '').split('/');
    seen.push({
      host,
      path: path.join('/'),
      range: request.headers.range,
      authorization: request.headers.authorization,
    });
    handle(request, response, host);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  put();
});
afterEach(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  place.close();
});

const local: FetchFunction = (url, init) => {
  const { hostname, pathname } = new URL(url);
  return fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}/${hostname}${pathname}`, init);
};
const manifest = (more: object = {}) => ({
  '@context': {},
  '@type': 'sc:Dataset',
  conformsTo: 'http://mlcommons.org/croissant/1.0',
  name: 'checkpoint',
  description: 'A checkpoint.',
  keywords: ['weights'],
  license: 'MIT',
  citeAs: 'Nobody.',
  url: 'https://example.org',
  distribution: [
    {
      '@type': 'cr:FileObject',
      '@id': 'model.safetensors',
      contentUrl: 'hf:owner/model@main#model.safetensors',
      encodingFormat: 'application/octet-stream',
      ...more,
    },
  ],
});
const put = (more: object = {}) =>
  writeFileSync(join(place.manifests, 'checkpoint.json'), JSON.stringify(manifest(more)));
const options = () => ({ manifests: place.manifests, fetch: local, retryAfter: [0, 0] });
/** The hub redirects large files to another host. */
const hub =
  (body: Buffer, revision: string) =>
  (request: IncomingMessage, response: ServerResponse, host: string): void => {
    if (host === 'hub.example') {
      response.writeHead(302, { location: 'https://store.example/blob', 'x-repo-commit': revision }).end();
      return;
    }
    const from = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0);
    response.writeHead(from > 0 ? 206 : 200, {
      'content-length': body.length - from,
      ...(from > 0 ? { 'content-range': `bytes ${from}-${body.length - 1}/${body.length}` } : {}),
    });
    response.end(body.subarray(from));
  };

describe('a file without a stated hash', () => {
  it('is fetched with the token at the hub alone, and pinned', async () => {
    handle = hub(content, commit);
    expect(sourceState(findSource('checkpoint', place.manifests))).toBe('absent');
    expect(() => sourceIdentity('checkpoint', place.manifests)).toThrow(/never fetched here.*data fetch checkpoint/);
    const { folder } = await openSource('checkpoint', options());
    expect(readFileSync(join(folder, 'model.safetensors')).equals(content)).toBe(true);
    expect(seen.map(({ host, path, authorization }) => [host, path, authorization])).toEqual([
      ['hub.example', 'owner/model/resolve/main/model.safetensors', 'Bearer secret'],
      ['store.example', 'blob', undefined],
    ]);
    expect(JSON.parse(readFileSync(join(place.manifests, 'pins', 'checkpoint.json'), 'utf8'))).toEqual({
      format: 'equipoise-pins/1',
      files: [
        {
          id: 'model.safetensors',
          contentUrl: 'hf:owner/model@main#model.safetensors',
          revision: commit,
          bytes: content.length,
          sha256: sha256(content),
        },
      ],
    });
    expect(sourceIdentity('checkpoint', place.manifests)).toMatch(/^[0-9a-f]{64}$/);
    expect((await verifySources(['checkpoint'], options()))[0]).toMatchObject({ state: 'ready', damage: [] });
    await openSource('checkpoint', options());
    expect(seen).toHaveLength(2);
  });

  it('is held to its pin: at the pinned commit, and a changed file is refused', async () => {
    handle = hub(content, commit);
    await openSource('checkpoint', options());
    const changed = Buffer.from(content);
    changed[5]! ^= 1;
    handle = hub(changed, later);
    seen.length = 0;
    await expect(fetchSources(['checkpoint'], { ...options(), again: true })).rejects.toThrow(
      new RegExp(`sha256 ${sha256(changed)}; expected ${content.length} bytes with sha256 ${sha256(content)}`),
    );
    expect(seen[0]!.path).toBe(`owner/model/resolve/${commit}/model.safetensors`);
  });

  it('goes on where a broken download stopped, at the commit where it began', async () => {
    handle = (request, response, host) => {
      if (host === 'hub.example') return hub(content, commit)(request, response, host);
      response.writeHead(200, { 'content-length': content.length });
      response.write(content.subarray(0, 30_000), () => setTimeout(() => response.destroy(), 20));
    };
    await expect(openSource('checkpoint', { ...options(), retryAfter: [] })).rejects.toThrow(
      /broke off.*resumes where it stopped/,
    );
    seen.length = 0;
    handle = hub(content, later);
    const { folder } = await openSource('checkpoint', options());
    expect(readFileSync(join(folder, 'model.safetensors')).equals(content)).toBe(true);
    expect(seen.map(({ path, range }) => [path, range])).toEqual([
      [`owner/model/resolve/${commit}/model.safetensors`, 'bytes=30000-'],
      ['blob', 'bytes=30000-'],
    ]);
    expect(readFileSync(join(place.manifests, 'pins', 'checkpoint.json'), 'utf8')).toContain(commit);
  });

  it.each([
    [401, /wants a token: set HF_TOKEN.*its page says so: https:\/\/hub\.example\/owner\/model/],
    [403, /must first be accepted on its page \(https:\/\/hub\.example\/owner\/model\), then HF_TOKEN set/],
    [404, /gone or was moved/],
  ])('says what to do after %i', async (status, message) => {
    handle = (_request, response) => {
      response.writeHead(status).end();
    };
    await expect(openSource('checkpoint', options())).rejects.toThrow(message);
    expect(existsSync(join(place.manifests, 'pins'))).toBe(false);
  });

  it('is not fetched unless it is named, and never offline', async () => {
    handle = () => {
      throw new Error('no request was expected');
    };
    expect(await fetchSources([], options())).toEqual([]);
    await expect(openSource('checkpoint', { ...options(), offline: true })).rejects.toThrow(/never fetched/);
    expect(seen).toEqual([]);
  });

  it('states both size and hash or neither, and only on the hub', () => {
    const problems = (more: object) => checkDataManifest(manifest(more), 'x.json').map(({ what }) => what);
    expect(problems({})).toEqual([]);
    expect(problems({ contentSize: '5 B' })).toEqual(['key `sha256` is missing']);
    expect(problems({ contentUrl: 'https://data.example/model' })).toEqual([
      'key `sha256` is missing',
      'key `contentSize` is missing',
    ]);
  });

  it('a lock file that is none is refused, and a pin of another address does not count', async () => {
    mkdirSync(join(place.manifests, 'pins'));
    const path = join(place.manifests, 'pins', 'checkpoint.json');
    for (const text of [
      '{',
      '{"format":"equipoise-pins/1","files":[{"id":"model.safetensors","revision":"../../x"}]}',
    ]) {
      writeFileSync(path, text);
      expect(() => readDataManifests(place.manifests)).toThrow(/is not a lock file of pins/);
    }
    rmSync(path);
    handle = hub(content, commit);
    await openSource('checkpoint', options());
    put({ contentUrl: 'hf:owner/other@main#model.safetensors' });
    expect(() => sourceIdentity('checkpoint', place.manifests)).toThrow(/never fetched/);
  });
});
