import { linkSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { doctor, doctorCommand, doctorLines } from '../../src/cli/doctor';
import { linkCommand } from '../../src/tensor/link/state';
import { commandOutput } from '../../testing/commandOutput';

const before = { ...process.env };
let cache = '';
beforeEach(() => {
  cache = mkdtempSync(join(tmpdir(), 'equipoise-doctor-'));
  process.env['EQUIPOISE_CACHE'] = cache;
  process.env['EQUIPOISE_TENSORFLOW'] = join(cache, 'absent');
});
afterEach(() => {
  rmSync(cache, { recursive: true });
  for (const name of ['EQUIPOISE_CACHE', 'EQUIPOISE_TENSORFLOW', 'PATH']) {
    if (before[name] === undefined) delete process.env[name];
    else process.env[name] = before[name];
  }
  process.exitCode = undefined;
});

test('says what works, what is missing, and the command that mends it', async () => {
  mkdirSync(join(cache, 'content'));
  writeFileSync(join(cache, 'content', 'a'), Buffer.alloc(3 * 2 ** 20));
  linkSync(join(cache, 'content', 'a'), join(cache, 'content', 'b'));
  process.env['PATH'] = '';
  const report = await doctor();
  const works = Object.fromEntries(report.backends.map((entry) => [entry.name, entry.works]));
  expect(works).toMatchObject({ cpu: true, wasm: true, tensorflow: false });
  expect(report.backends.find(({ name }) => name === 'wasm')?.facts).toMatchObject({ device: 'cpu', threads: 1 });
  expect(report.cache.parts).toContainEqual({ name: 'content', bytes: 3 * 2 ** 20 });
  expect(report.missing).toContainEqual({
    what: 'backend tensorflow: not linked on this machine',
    command: linkCommand,
  });
  expect(report.missing).toContainEqual({ what: 'c++ is not found', command: 'apt-get install g++' });
  const text = doctorLines(report).join('\n');
  expect(text).toContain(`Missing: backend tensorflow: not linked on this machine; to mend: ${linkCommand}`);
  expect(text).toMatch(/content +3\.0 MB/);
});

test('doctor --link --json reports each try and ends with code 3 when there is no link', async () => {
  const { out } = await commandOutput(doctorCommand, 'doctor', '--link', '--json');
  const report = JSON.parse(out) as Awaited<ReturnType<typeof doctor>>;
  expect(report.link).toMatchObject({
    link: null,
    made: false,
    attempts: [{ problem: expect.stringContaining('does not exist') }],
  });
  expect(process.exitCode).toBe(3);
});
