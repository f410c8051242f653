/** Linking with tools that are missing, fail, or lie; PATH holds only the fakes, and no network is reached. */
import { execFile, spawn } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readFileSync, readdirSync, truncateSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import * as tar from 'tar';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { projectRoot } from '../../src/files';
import { linkTensorFlow, type LinkOptions, type LinkReport } from '../../src/tensor/link/link';
import { findLink, linkCommand } from '../../src/tensor/link/state';
import { smallDisk } from '../../testing/disk';
import { withCache } from '../../testing/environment';
import { notEmpty } from '../../testing/lists';
import { libraryHead, writeWheel, type WheelChanges } from '../../testing/wheelFile';

const realLink = findLink();
const realPath = process.env['PATH'];
const place = withCache('test', (folder) => ({
  EQUIPOISE_TENSORFLOW: undefined,
  CXX: undefined,
  PATH: join(folder, 'tools'),
  TFJS_NODE_BASE_URI: 'http://127.0.0.1:9/libtensorflow-', // nobody listens on the discard port
}));
let folder = '',
  tools = '',
  links = '';

beforeEach(() => {
  folder = place.folder;
  tools = join(folder, 'tools');
  links = join(folder, 'cache', 'tensorflow');
  mkdirSync(tools);
});

/** A program on the PATH of the test. */
function tool(name: string, script: string): void {
  writeFileSync(join(tools, name), `#!/bin/sh\n${script}\n`);
  chmodSync(join(tools, name), 0o755);
}

/** A python3 without tensorflow whose pip runs `download`. */
function python(download: string, imports = ''): void {
  tool(
    'python3',
    `case "$1 $2 $3" in
"-c "*) echo "${imports}";;
"-m pip --version") echo "pip 25";;
"-m pip download") ${download};;
*) exit 1;;
esac`,
  );
}

const link = (options: LinkOptions = {}) => linkTensorFlow({ nvidia: false, ...options });
const problems = (report: LinkReport) =>
  Object.fromEntries(report.attempts.map(({ source, problem, hint }) => [source, `${problem}; ${hint ?? ''}`]));

/** Nothing counts as linked and no half-done work is left. */
function expectNothingLeft(report: LinkReport): void {
  expect(report.link).toBeNull();
  expect(report.made).toBe(false);
  expect(existsSync(links) ? readdirSync(links) : []).toEqual([]);
  for (const { problem } of notEmpty(report.attempts)) expect(problem).not.toContain('\n');
}

async function linkWheel(changes: WheelChanges = {}): Promise<string> {
  const wheel = join(folder, 'tensorflow_cpu-2.21.0-py3-none-any.whl');
  writeWheel(wheel, changes);
  process.env['EQUIPOISE_TENSORFLOW'] = wheel;
  const report = await link();
  expectNothingLeft(report);
  expect(report.attempts).toHaveLength(1);
  return `${report.attempts[0]!.problem}; ${report.attempts[0]!.hint ?? ''}`;
}

describe('what is missing is told in a line, then the next way is tried', () => {
  test('no python3', async () => {
    const report = await link();
    expectNothingLeft(report);
    expect(problems(report)).toEqual({
      'TensorFlow of python3': 'python3: not found; apt-get install python3',
      'pip download tensorflow-cpu': 'python3 is not found; apt-get install python3 python3-pip',
      "tfjs-node's own download": expect.stringContaining('ECONNREFUSED'),
    });
  });

  test('python3 without pip', async () => {
    tool('python3', '[ "$1" = -c ] && exit 0; echo "No module named pip" >&2; exit 1');
    expect(problems(await link())).toMatchObject({
      'TensorFlow of python3': expect.stringContaining('has no package tensorflow'),
      'pip download tensorflow-cpu': 'python3 has no pip; apt-get install python3-pip',
    });
  });

  test('pip without a network: asked once, not for every version', async () => {
    python(
      `echo x >> ${join(folder, 'calls')}; echo "WARNING: Retrying (Retry(total=1)) after connection broken by NewConnectionError" >&2; echo "ERROR: No matching distribution found" >&2; exit 1`,
    );
    expect(problems(await link())).toMatchObject({
      'pip download tensorflow-cpu': expect.stringContaining('cannot reach a package index'),
    });
    expect(readFileSync(join(folder, 'calls'), 'utf8')).toBe('x\n');
  });

  test('no wheel for the running Python: those of other versions are tried, and the library inside is taken', async () => {
    const wheel = join(folder, 'tensorflow_cpu-2.21.0-cp311-cp311-manylinux_2_27_x86_64.whl');
    writeWheel(wheel);
    python(`all="$*"; case "$all" in *"--python-version 3.11"*) ;; *) echo "ERROR: No matching distribution found for tensorflow-cpu" >&2; exit 1;; esac
while [ "$1" != -d ]; do shift; done; /bin/cp ${wheel} "$2"`);
    const said: string[] = [];
    const report = await link({ say: (line) => said.push(line) });
    expect(said).toContain('downloading tensorflow-cpu with pip (wheel for Python 3.11)');
    expect(problems(report)).toMatchObject({
      'pip download tensorflow-cpu': 'compiler: no C++ compiler is found; apt-get install g++',
    });
  });

  test('with an NVIDIA driver wheels with CUDA come first, and one without CUDA is not mistaken for one', async () => {
    const wheel = join(folder, 'tensorflow-2.21.0-cp311-cp311-manylinux_2_27_x86_64.whl');
    writeWheel(wheel);
    python(`while [ "$1" != -d ]; do shift; done; /bin/cp ${wheel} "$2"`);
    const report = await link({ nvidia: true });
    expect(report.attempts.map(({ source }) => source)).toEqual([
      'TensorFlow of python3 with CUDA',
      'pip download tensorflow and nvidia-*',
      'TensorFlow of python3',
      'pip download tensorflow-cpu',
      "tfjs-node's own download",
    ]);
    expect(report.attempts[1]!.problem).toContain('is built without CUDA');
  });

  test('a cache that cannot be written', async () => {
    writeFileSync(join(folder, 'file'), '');
    process.env['EQUIPOISE_CACHE'] = join(folder, 'file');
    const report = await link();
    expect(report.link).toBeNull();
    expect(report.attempts[0]).toMatchObject({
      source: 'cache',
      hint: 'set EQUIPOISE_CACHE to a folder that can be written',
    });
  });
});

describe('a disk without room', () => {
  let disk: ReturnType<typeof smallDisk> = null;
  beforeAll(() => {
    disk = smallDisk('128k');
  });
  afterAll(() => disk?.unmount());

  test('is told with what is needed before anything is fetched or unpacked', async (context) => {
    if (disk === null) return context.skip('no disk can be mounted here');
    process.env['EQUIPOISE_CACHE'] = disk.path;
    python(`echo fetched > ${join(folder, 'fetched')}; exit 1`);
    const needed = /^disk: 0\.0 GB free in .*, \d\.\d GB needed; set EQUIPOISE_CACHE to a larger disk$/;
    const report = await link();
    expect(report.link).toBeNull();
    expect(problems(report)['pip download tensorflow-cpu']).toMatch(needed);
    expect(existsSync(join(folder, 'fetched'))).toBe(false);
    expect(await linkWheel()).toMatch(needed);
    expect(readdirSync(join(disk.path, 'tensorflow'))).toEqual([]);
  });
});

describe('a wheel is hostile until checked', () => {
  test('no archive, torn, without a library', async () => {
    process.env['EQUIPOISE_TENSORFLOW'] = join(folder, 'none.whl');
    expect((await link()).attempts[0]).toMatchObject({ problem: expect.stringContaining('does not exist') });
    const wheel = join(folder, 'torn.whl');
    writeWheel(wheel);
    truncateSync(wheel, 700);
    process.env['EQUIPOISE_TENSORFLOW'] = wheel;
    expect((await link()).attempts[0]).toMatchObject({
      problem: expect.stringContaining('is torn or no archive'),
      hint: 'delete it and try again',
    });
    expect(await linkWheel({ members: { 'tensorflow/libtensorflow_cc.so.2': null } })).toContain(
      'holds no tensorflow/libtensorflow_cc.so.2',
    );
  });

  test('another hash than RECORD, or none', async () => {
    expect(await linkWheel({ tamper: 'tensorflow/libtensorflow_cc.so.2' })).toContain(
      'has another sha256 than RECORD says',
    );
    expect(
      await linkWheel({
        members: { 'tensorflow/libtensorflow_framework.so.2': null },
        unlisted: [['tensorflow/libtensorflow_framework.so.2', 'x']],
      }),
    ).toContain('RECORD has no sha256');
  });

  test('names that lead outside, or come twice', async () => {
    for (const name of ['../../escaped', '/outside/escaped', 'a\\..\\..\\escaped'])
      expect(await linkWheel({ unlisted: [[name, 'x']] })).toContain('is torn or no archive');
    expect(await linkWheel({ unlisted: [['tensorflow/libtensorflow_cc.so.2', 'x']] })).toContain('twice');
    expect(existsSync(join(folder, 'escaped'))).toBe(false);
  });

  test('another processor, or too old', async () => {
    expect(await linkWheel({ machine: process.arch === 'arm64' ? 62 : 183 })).toMatch(
      /is built for (arm64|x64), this machine is (x64|arm64)/,
    );
    expect(await linkWheel({ version: '2.14.1' })).toContain('is TensorFlow 2.14.1; take 2.15 or newer');
  });
});

describe('compiler and check', () => {
  test('a compiler that is missing, is misnamed, or fails', async () => {
    expect(await linkWheel()).toBe('compiler: no C++ compiler is found; apt-get install g++');
    process.env['CXX'] = 'no-such-compiler';
    expect(await linkWheel()).toContain('CXX=no-such-compiler is not found');
    delete process.env['CXX'];
    tool('g++', 'echo "addon.cc:1: error: no member named X" >&2; echo "compilation terminated." >&2; exit 1');
    expect(await linkWheel()).toContain('g++ failed: addon.cc:1: error: no member named X');
  });

  test('the compiler sees the needed headers alone, and what it makes must load and compute', async () => {
    tool(
      'c++',
      `previous=; for argument in "$@"; do case "$argument" in -I*/deps/include) (cd "\${argument#-I}" && /usr/bin/find . -type f | /usr/bin/sort > ${join(folder, 'headers')});; esac; [ "$previous" = -o ] && echo "no library" > "$argument"; previous="$argument"; done`,
    );
    expect(await linkWheel()).toContain('the linked library fails its check: ');
    expect(readFileSync(join(folder, 'headers'), 'utf8')).toBe('./tensorflow/c/c_api.h\n./tensorflow/c/tf_status.h\n');
  });

  test('a folder: each missing part is named', async () => {
    const given = join(folder, 'given');
    mkdirSync(join(given, 'lib'), { recursive: true });
    process.env['EQUIPOISE_TENSORFLOW'] = given;
    const problem = async () => (await link()).attempts[0]!.problem;
    expect(await problem()).toContain('holds no libtensorflow_cc.so.2 or libtensorflow.so.2');
    writeFileSync(join(given, 'lib', 'libtensorflow.so.2'), 'text');
    expect(await problem()).toContain('holds no libtensorflow_framework.so.2');
    writeFileSync(join(given, 'lib', 'libtensorflow_framework.so.2'), libraryHead());
    expect(await problem()).toContain('holds no tensorflow/c/c_api.h');
    mkdirSync(join(given, 'include', 'tensorflow', 'c'), { recursive: true });
    writeFileSync(join(given, 'include', 'tensorflow', 'c', 'c_api.h'), '');
    expect(await problem()).toContain('is no shared library of Linux');
  });

  test("tfjs-node's own download is unpacked and built by ourselves", async () => {
    const archive = join(folder, 'archive');
    mkdirSync(join(archive, 'include', 'tensorflow', 'c'), { recursive: true });
    mkdirSync(join(archive, 'lib'));
    writeFileSync(join(archive, 'include', 'tensorflow', 'c', 'c_api.h'), '');
    for (const name of ['libtensorflow.so.2', 'libtensorflow_framework.so.2'])
      writeFileSync(join(archive, 'lib', name), libraryHead());
    await tar.create({ gzip: true, file: join(folder, 'archive.tar.gz'), cwd: archive }, ['include', 'lib']);
    const server = createServer((_request, response) => response.end(readFileSync(join(folder, 'archive.tar.gz'))));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    try {
      process.env['TFJS_NODE_BASE_URI'] = `http://127.0.0.1:${(server.address() as AddressInfo).port}/libtensorflow-`;
      expect(problems(await link())["tfjs-node's own download"]).toContain('no C++ compiler is found');
    } finally {
      server.close();
    }
  });
});

/** Links in a process of its own; resolves to what it printed. */
function linkInChild(): { done: Promise<LinkReport>; kill(): void; said: string[] } {
  const script = `require('ts-node').register({ project: ${JSON.stringify(join(projectRoot, 'tsconfig.json'))}, swc: true });
    require(${JSON.stringify(join(projectRoot, 'src/tensor/link/link.ts'))}).linkTensorFlow({ nvidia: false, say: (line) => console.error(line) }).then((report) => console.log(JSON.stringify(report)));`;
  const child = spawn(process.execPath, ['-e', script], { cwd: projectRoot, env: process.env });
  const said: string[] = [];
  let out = '';
  child.stdout.on('data', (part: Buffer) => (out += part.toString()));
  child.stderr.on('data', (part: Buffer) => said.push(part.toString()));
  return {
    said,
    kill: () => void child.kill('SIGKILL'),
    done: new Promise((resolve, reject) =>
      child.on('close', () => {
        try {
          resolve(JSON.parse(out) as LinkReport);
        } catch {
          reject(new Error(`no report: ${out} ${said.join('')}`));
        }
      }),
    ),
  };
}

test('a build that was killed leaves nothing that counts, and the next one clears it away', async () => {
  const wheel = join(folder, 'tensorflow_cpu-2.21.0-py3-none-any.whl');
  writeWheel(wheel);
  process.env['EQUIPOISE_TENSORFLOW'] = wheel;
  tool('c++', `echo started > ${join(folder, 'started')}; exec /bin/sleep 20`);
  const child = linkInChild();
  const ended = child.done.catch((error: Error) => error);
  while (!existsSync(join(folder, 'started'))) await sleep(50);
  child.kill();
  expect(await ended).toBeInstanceOf(Error);
  expect(readdirSync(links).some((name) => name.startsWith('.work-'))).toBe(true);
  expect(findLink()).toBeNull();
  tool('c++', 'exit 1');
  expectNothingLeft(await link());
});

test('two at once with a real TensorFlow: one builds, both get the link, and it is not built again', async (context) => {
  if (realLink === null) return context.skip('TensorFlow is not linked on this machine');
  process.env['EQUIPOISE_TENSORFLOW'] = join(realLink.folder, 'deps');
  process.env['PATH'] = realPath;
  const reports = await Promise.all([linkInChild().done, linkInChild().done]);
  expect(reports.map(({ made }) => made).sort()).toEqual([false, true]);
  expect(reports[0]!.link).toEqual(reports[1]!.link);
  expect(reports[0]!.link).toMatchObject({
    tensorflow: realLink.tensorflow,
    source: { kind: 'given', path: join(realLink.folder, 'deps') },
    addon: realLink.addon,
  });
  expect(readdirSync(links)).toHaveLength(1);
  expect(await link()).toMatchObject({ made: false, attempts: [] });
}, 180_000);

test('set-up: a failed link is told in one line, tried once, and is no failure', async () => {
  const setup = (more: NodeJS.ProcessEnv = {}) =>
    new Promise<{ code: number; lines: string[] }>((resolve) => {
      execFile(
        process.execPath,
        [join(projectRoot, 'bin', 'setup.cjs')],
        { env: { ...process.env, ...more } },
        (error, out) =>
          resolve({ code: error === null ? 0 : Number(error.code), lines: out.split('\n').filter(Boolean) }),
      );
    });
  process.env['EQUIPOISE_TENSORFLOW'] = join(folder, 'absent');
  expect(await setup({ EQUIPOISE_LINK: 'off' })).toEqual({ code: 0, lines: [] });
  const first = await setup();
  expect(first.code).toBe(0);
  expect(first.lines).toEqual([expect.stringContaining('absent: '), expect.stringContaining(linkCommand)]);
  expect(await setup()).toEqual({ code: 0, lines: [first.lines[1]] });
});
