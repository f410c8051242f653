/** The server of `equipoise ui`, without a browser: who is answered, what is never written, and what is hostile. */
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it, test } from 'vitest';
import { refusalOf, sameToken } from '../../src/ui/guard';
import { joinedModules, readPage, standalonePage } from '../../src/ui/page';
import { answers } from '../../src/ui/routes';
import { syntheticSpec, writeSyntheticRun } from '../../testing/syntheticJournals';
import { served, type Served } from '../../testing/uiServer';

const folder = mkdtempSync(join(tmpdir(), 'equipoise-ui-'));
const experiment = join(folder, 'results', 'small');
const hostile = '<img src=x onerror=alert(1)>';
let at: Served;
let id: string;

beforeAll(async () => {
  const options = { steps: 20, every: 5, validateEvery: 10 };
  [id] = [1, 2].map((seed) =>
    writeSyntheticRun(experiment, syntheticSpec('emoji-icon-qa', 'constant', 'equal rates', seed, 20), options, {
      notices: [hostile],
    }),
  ) as [string, string];
  at = await served(folder);
});
afterAll(async () => {
  await at.close();
  rmSync(folder, { recursive: true, force: true });
});

/** Every file below a folder with its content and time. */
const stateOf = (root: string): string[] =>
  readdirSync(root, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .map((path) => `${path} ${statSync(path).mtimeMs} ${createHash('sha256').update(readFileSync(path)).digest('hex')}`)
    .sort();

describe('who is answered', () => {
  it('is this machine under its own name, through a tunnel at any port, and nobody else', async () => {
    expect((await at.ask('/')).status).toBe(200);
    for (const host of [`localhost:${at.port}`, `[::1]:${at.port}`, 'localhost:9000', '127.0.0.1:1'])
      expect((await at.ask('/', { headers: { host } })).status).toBe(200);
    const strangers = [
      'evil.example',
      `evil.example:${at.port}`,
      'localhost.evil.example',
      `127.0.0.1.evil.example:${at.port}`,
      `user@127.0.0.1:${at.port}`,
    ];
    for (const host of strangers)
      expect([host, (await at.ask('/api/experiments', { headers: { host } })).status]).toEqual([host, 403]);
  });

  it('is this page and no other', async () => {
    const own = { origin: `http://127.0.0.1:${at.port}` };
    expect((await at.ask('/api/experiments', { headers: own })).status).toBe(200);
    const tunnel = { host: 'localhost:9000', origin: 'http://localhost:9000' };
    expect((await at.ask('/api/experiments', { headers: tunnel })).status).toBe(200);
    for (const origin of ['null', 'http://evil.example', `https://127.0.0.1:${at.port}`, 'http://127.0.0.1:1'])
      expect([origin, (await at.ask('/api/experiments', { headers: { origin } })).status]).toEqual([origin, 403]);
  });

  it('only reads', async () => {
    for (const method of ['POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS']) {
      const { status, headers } = await at.ask('/api/runs?experiment=small', { method });
      expect([method, status, headers['allow']]).toEqual([method, 405, 'GET, HEAD']);
    }
    const head = await at.ask('/', { method: 'HEAD' });
    expect([head.status, head.text]).toEqual([200, '']);
  });

  it('carries the token where one is needed', async () => {
    const guarded = await served(folder, 'secret');
    try {
      for (const path of ['/', '/api/experiments', '/page/app.mjs', '/?token=wrong', '/api/experiments?token=secret'])
        expect([path, (await guarded.ask(path)).status]).toEqual([path, 401]);
      const let_in = await guarded.ask('/?token=secret');
      expect([let_in.status, let_in.headers['location']]).toEqual([303, '/']);
      const [cookie] = let_in.headers['set-cookie'] as string[];
      expect(cookie).toMatch(/; HttpOnly; SameSite=Lax; Path=\/$/);
      const given = { cookie: `other=1; ${cookie!.split(';')[0]!}` };
      expect((await guarded.ask('/api/experiments', { headers: given })).status).toBe(200);
      expect(
        (await guarded.ask('/api/experiments', { headers: { cookie: `equipoise-${guarded.port}=secre` } })).status,
      ).toBe(401);
      expect((await guarded.ask('/', { headers: { ...given, host: 'evil.example' } })).status).toBe(403);
    } finally {
      await guarded.close();
    }
    expect([sameToken('a', 'a'), sameToken('a', 'b'), sameToken('', 'a')]).toEqual([true, false, false]);
  });

  test('a request without a host is refused', () => {
    expect(refusalOf({ method: 'GET', headers: {} }, { hosts: ['localhost'], port: 80, token: null })?.status).toBe(
      403,
    );
  });
});

describe('what is answered', () => {
  it('runs nothing but the page’s own files', async () => {
    const { headers } = await at.ask('/');
    const policy = String(headers['content-security-policy']);
    expect(policy).toMatch(/^default-src 'none'; script-src 'self'; style-src 'self'; /);
    expect(policy).not.toMatch(/unsafe|\*|https?:/);
    expect(policy).toContain("frame-ancestors 'none'");
    expect(headers['x-content-type-options']).toBe('nosniff');
    expect(headers['cross-origin-resource-policy']).toBe('same-origin');
  });

  it('is nothing that is not listed', async () => {
    writeFileSync(join(folder, 'secret.txt'), 'secret');
    mkdirSync(join(folder, 'results', 'other'), { recursive: true });
    const paths = [
      '/../secret.txt',
      '/page/../../secret.txt',
      '/page/%2e%2e%2f%2e%2e%2fsecret.txt',
      '/page/server.ts',
      '//evil.example/',
      'http://evil.example/',
      '/api/constructor',
      '/api/runs',
      '/api/runs?experiment=..',
      '/api/runs?experiment=small%2F..%2F..',
      '/api/runs?experiment=%2Fetc',
      `/api/run?experiment=other&run=${id}`,
      '/api/run?experiment=small&run=..%2F..%2Fsecret',
      '/api/compare?experiment=small&settings=nothing',
      `/media?experiment=small&run=${id}&item=..%2F..%2Fsecret.txt`,
      '/drawn?experiment=small&name=..%2Fsecret&kind=svg',
      '/drawn?experiment=small&name=learning-curves&kind=exe',
      '/events?experiment=nothing',
    ];
    for (const path of paths) expect([path, (await at.ask(path)).status]).toEqual([path, 404]);
  });

  it('holds hostile texts as texts', async () => {
    const { headers, text } = await at.ask(`/api/run?experiment=small&run=${id}`);
    expect(headers['content-type']).toBe('application/json; charset=utf-8');
    expect((JSON.parse(text) as { notices: string[] }).notices).toEqual([hostile]);
  });

  it('draws what the command draws, and lets nothing run in it', async () => {
    const { status, headers, text } = await at.ask('/drawn?experiment=small&name=learning-curves&kind=svg');
    expect([status, headers['content-type']]).toEqual([200, 'image/svg+xml']);
    expect(text).toMatch(/^<(\?xml|svg)/);
    expect(headers['content-security-policy']).toBe("default-src 'none'; style-src 'unsafe-inline'; sandbox");
  });

  it('changes no file, whatever is asked', async () => {
    const before = stateOf(join(folder, 'results'));
    for (const name of Object.keys(answers)) {
      const { status } = await at.ask(`/api/${name}?experiment=small&run=${id}&name=results`);
      expect([name, status]).toEqual([name, 200]);
    }
    expect(stateOf(join(folder, 'results'))).toEqual(before);
  });
});

describe('one file for all', () => {
  const hostileText = '</script><script>alert(1)</script>';
  const page = standalonePage({ answers: { x: hostileText }, files: {}, contents: {} }, Buffer.from(hostileText));

  it('allows exactly the script and the style that it holds', () => {
    for (const [kind, pattern] of [
      ['script', /<script type="module">([^]*?)<\/script>/],
      ['style', /<style>([^]*?)<\/style>/],
    ] as const) {
      const hash = createHash('sha256').update(pattern.exec(page)![1]!).digest('base64');
      expect(page).toContain(`${kind}-src 'sha256-${hash}'`);
    }
    expect(page).not.toMatch(/(src|href)="\/page/);
  });

  it('keeps its data from ending early', () => {
    expect(page.match(/<script/g)).toHaveLength(3);
    expect(page).not.toContain('<script>alert');
    const held = (id: string) =>
      gunzipSync(Buffer.from(new RegExp(`id="${id}">([^]*?)</script>`).exec(page)![1]!, 'base64')).toString('utf8');
    expect((JSON.parse(held('data')) as { answers: { x: string } }).answers.x).toBe(hostileText);
    expect(held('media')).toBe(hostileText);
  });

  it('holds every module once, after those that it needs', () => {
    const files = new Map([
      ['a.mjs', { type: '', text: "import { b } from './b.mjs';\nimport {\n  c,\n} from './c.mjs';\nb(c);\n" }],
      ['b.mjs', { type: '', text: "import { c } from './c.mjs';\nexport const b = () => c;\n" }],
      ['c.mjs', { type: '', text: 'export const c = 1;\n' }],
    ]);
    expect(joinedModules(files, 'a.mjs').replaceAll(/\n+/g, '\n')).toBe('const c = 1;\nconst b = () => c;\nb(c);\n');
    const real = joinedModules(readPage(), 'app.mjs');
    expect(real).not.toMatch(/^(import|export) /m);
    const names = [...real.matchAll(/^(?:async )?(?:const|let|function\*?|class) (\w+)/gm)].map(([, name]) => name!);
    expect(names.length).toBeGreaterThan(50);
    expect(names.filter((name, i) => names.indexOf(name) !== i)).toEqual([]);
  });
});
