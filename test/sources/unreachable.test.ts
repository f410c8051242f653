/** A registry that does not answer: asked once, told once, for all that it would have given. */
import { spawn } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { connect, createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { pipDownload } from '../../src/pip';
import { exitCode, UserError } from '../../src/problems';
import { proxyVariables, silenceOf } from '../../src/sources/connect';
import { download } from '../../src/sources/fetchHttps';
import { fetchSources, openSource } from '../../src/sources/sources';
import { manifestOf, workplace, type Workplace } from '../../testing/fetchTools';

let place: Workplace;
let log = '';
const reason = 'npm error FetchError: request to http://127.0.0.1:9/x failed, reason: connect ECONNREFUSED 127.0.0.1:9';

beforeAll(() => {
  place = workplace();
  log = join(place.root, 'calls');
  for (const name of ['birds', 'bees', 'trees'])
    place.put(
      manifestOf(name, [{ id: `${name}.tgz`, url: `npm:${name}@1.0.0`, content: Buffer.from(name), includes: ['*'] }]),
    );
  place.program(
    'npm',
    `require('fs').appendFileSync(${JSON.stringify(log)}, 'asked\\n'); console.error(${JSON.stringify(reason)}); process.exit(1);`,
  );
});
afterAll(() => place.close());

const calls = () => (existsSync(log) ? readFileSync(log, 'utf8').trim().split('\n').length : 0);

describe('a registry that does not answer', () => {
  it('is asked once, and told with its cause and with everything that is missing', async () => {
    const error = await fetchSources([], { manifests: place.manifests }).then(
      () => null,
      (thrown: unknown) => thrown,
    );
    expect(calls()).toBe(2); // where its registry is, and the first package
    expect(error).toBeInstanceOf(UserError);
    const { problems, code } = error as UserError;
    expect(code).toBe(exitCode.unavailable);
    expect(problems).toHaveLength(1);
    expect(problems[0]!.what).toBe(
      `cannot be reached (${reason}), so these are not here: data-manifests/bees.json bees.tgz, data-manifests/birds.json birds.tgz, data-manifests/trees.json trees.tgz`,
    );
  });

  it('of PyPI is told with the line that names the cause', async () => {
    place.put(
      manifestOf('wheel', [
        { id: 'one.txt', url: 'pypi:wheel@1.0#one.txt', content: Buffer.from('one'), format: 'text/plain' },
      ]),
    );
    const cause = 'WARNING: Retrying (Retry(total=1)) after connection broken by NewConnectionError';
    place.program(
      'python3',
      `console.error(${JSON.stringify(`${cause}\nERROR: No matching distribution found`)}); process.exit(1);`,
    );
    await expect(openSource('wheel', { manifests: place.manifests })).rejects.toThrow(
      `the index of PyPI: cannot be reached (${cause})`,
    );
  });

  it('is told from one that is only slow: that gets a patient try', async () => {
    const asked = join(place.root, 'pip');
    const tries = async (said: string): Promise<string[]> => {
      place.program(
        'python3',
        `fs.appendFileSync(${JSON.stringify(asked)}, args.find((arg) => arg.startsWith('--timeout')) + '\\n'); console.error(${JSON.stringify(said)}); process.exit(1);`,
      );
      writeFileSync(asked, '');
      await pipDownload(join(place.root, 'bin', 'python3'), 'slow==1.0', place.root);
      return readFileSync(asked, 'utf8').trim().split('\n');
    };
    expect(await tries('ReadTimeoutError: HTTPSConnectionPool: Read timed out.')).toEqual([
      '--timeout=4',
      '--timeout=20',
    ]);
    for (const said of [
      'after connection broken by ConnectTimeoutError: Connection to x timed out. (connect timeout=4.0)',
      'after connection broken by NewConnectionError',
      'ERROR: No matching distribution found for slow==1.0',
    ])
      expect(await tries(said), said).toEqual(['--timeout=4']);
  });

  it('is not asked again for a while', async () => {
    await expect(openSource('birds', { manifests: place.manifests })).rejects.toThrow(/cannot be reached/);
    expect(calls()).toBe(2);
  });
});

/** A port that drops what wants to connect: a process listens there and never takes a connection, and its queue is full. */
async function drops(): Promise<{ url: string; close: () => void }> {
  const child = spawn(process.execPath, [
    '-e',
    "const s = require('net').createServer().listen({ port: 0, host: '127.0.0.1', backlog: 1 }, () => { require('fs').writeSync(1, String(s.address().port)); Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0); });",
  ]);
  const port = await new Promise<number>((resolve) => child.stdout.once('data', (text) => resolve(Number(text))));
  const waiting = Array.from({ length: 4 }, () => connect(port, '127.0.0.1').on('error', () => undefined));
  await new Promise((resolve) => setTimeout(resolve, 200));
  return {
    url: `http://127.0.0.1:${port}`,
    close: () => {
      for (const socket of waiting) socket.destroy();
      child.kill('SIGKILL');
    },
  };
}

describe.runIf(process.platform === 'linux')('a network that drops packets', () => {
  let hole: Awaited<ReturnType<typeof drops>>;
  const names = [...proxyVariables, 'NO_PROXY', 'no_proxy'];
  const before = new Map(names.map((name) => [name, process.env[name]]));
  beforeAll(async () => {
    for (const name of names) delete process.env[name];
    hole = await drops();
  });
  afterAll(() => {
    hole.close();
    for (const [name, value] of before) if (value !== undefined) process.env[name] = value;
  });

  it('is told from one that answers or refuses', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    const open = `http://127.0.0.1:${(server.address() as AddressInfo).port}/npm/`;
    const host = new URL(hole.url).host;
    expect(await silenceOf({ servers: [hole.url] }, 0.3)).toBe(`no connection to ${host} within 0.3 s`);
    expect(await silenceOf({ servers: [hole.url, open] }, 0.3)).toBeNull();
    expect(await silenceOf({ servers: [open] }, 0.3)).toBeNull();
    server.close();
    expect(await silenceOf({ servers: [open] }, 0.3)).toBeNull();
    expect(await silenceOf({ servers: ['file:///x'] }, 0.3)).toBeNull();
    // A proxy is asked in place of the servers, unless some are exempt; one of another kind is left to the tool.
    expect(await silenceOf({ servers: [open], proxies: [hole.url] }, 0.3)).toContain(host);
    expect(await silenceOf({ servers: [hole.url], proxies: [open] }, 0.3)).toBeNull();
    expect(await silenceOf({ servers: [hole.url], proxies: ['socks5://127.0.0.1:1'] }, 0.3)).toBeNull();
    expect(await silenceOf({ servers: [hole.url], proxies: ['null', ''] }, 0.3)).toContain(host);
    process.env['NO_PROXY'] = 'inside.example';
    expect(await silenceOf({ servers: [open], proxies: [hole.url] }, 0.3)).toBeNull();
    delete process.env['NO_PROXY'];
    // No way to a host is told by any tool at once.
    expect(await silenceOf({ servers: ['http://no-such-host.invalid'] }, 5)).toBeNull();
  });

  it('is told within ten seconds of a web address and by apt, which has the next package told at once', async () => {
    const told = async (work: Promise<unknown>): Promise<string> => {
      const begun = performance.now();
      const error: unknown = await work.then(
        () => null,
        (thrown: unknown) => thrown,
      );
      expect(error).toBeInstanceOf(UserError);
      expect((error as UserError).code).toBe(exitCode.unavailable);
      expect(performance.now() - begun).toBeLessThan(10_000);
      return (error as UserError).message;
    };
    const host = new URL(hole.url).host;
    const path = join(place.root, 'down');
    expect(await told(download(() => `${hole.url}/x`, path, { where: 'x', allowHttp: true }))).toContain(
      `${host}: cannot be reached (no connection to ${host} within 8 s)`,
    );
    const asked = join(place.root, 'asked');
    place.program(
      'apt-get',
      `fs.appendFileSync(${JSON.stringify(asked)}, args[0] + '\\n'); console.log("'${hole.url}/pool/x.deb' x.deb 1");`,
    );
    const silent = "the archive of apt's packages: cannot be reached (no connection to";
    for (const name of ['fern', 'moss']) {
      place.put(
        manifestOf(name, [{ id: `${name}.deb`, url: `deb:${name}=1.0`, content: Buffer.from(name), includes: ['*'] }]),
      );
      expect(await told(openSource(name, { manifests: place.manifests }))).toContain(silent);
    }
    expect(readFileSync(asked, 'utf8')).toBe('--print-uris\n');
  });
});
