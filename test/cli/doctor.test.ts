import { linkSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { cacheFolders } from '../../src/cli/cacheFolders';
import { define, doctor, doctorLines } from '../../src/cli/doctor';
import { projectRoot } from '../../src/files';
import { linkCommand } from '../../src/tensor/link/state';
import { commandOutput } from '../../testing/commandOutput';
import { withCache } from '../../testing/environment';
import { importsOf } from '../../testing/imports';

const place = withCache('test', (folder) => ({
  EQUIPOISE_TENSORFLOW: join(folder, 'absent'),
  PATH: process.env['PATH'],
}));
afterEach(() => {
  process.exitCode = undefined;
});

test('says what works, what is missing, and the command that mends it', async () => {
  mkdirSync(join(place.cache, 'content'));
  writeFileSync(join(place.cache, 'content', 'a'), Buffer.alloc(3 * 2 ** 20));
  linkSync(join(place.cache, 'content', 'a'), join(place.cache, 'content', 'b'));
  process.env['PATH'] = '';
  const report = await doctor();
  const works = Object.fromEntries(report.backends.map((entry) => [entry.name, entry.works]));
  expect(works).toMatchObject({ cpu: true, wasm: true, tensorflow: false });
  expect(report.backends.find(({ name }) => name === 'wasm')?.facts).toMatchObject({ device: 'cpu', threads: 1 });
  expect(report.cache.parts).toContainEqual({
    ...{ name: 'content', bytes: 3 * 2 ** 20 },
    ...{ holds: cacheFolders['content']!.holds, again: 'fetched', cost: cacheFolders['content']!.cost },
  });
  expect(report.missing).toContainEqual({
    what: 'backend tensorflow: not linked on this machine',
    command: linkCommand,
  });
  expect(report.missing).toContainEqual({ what: 'c++ is not found', command: 'apt-get install g++' });
  const text = doctorLines(report).join('\n');
  expect(text).toContain(`Missing: backend tensorflow: not linked on this machine; to mend: ${linkCommand}`);
  expect(text).toMatch(/content +3\.0 MB {2}fetched packages as they came/);
});

test('doctor --link --json reports each try and ends with code 3 when there is no link', async () => {
  const { out } = await commandOutput({ doctor: define }, 'doctor', '--link', '--json');
  const report = JSON.parse(out) as Awaited<ReturnType<typeof doctor>>;
  expect(report.link).toMatchObject({
    link: null,
    made: false,
    attempts: [{ problem: expect.stringContaining('does not exist') }],
  });
  expect(process.exitCode).toBe(3);
});

test('every folder of the cache that the program names is told by doctor and docs/data.md, with the same words', () => {
  const sources = [...importsOf(projectRoot, ['src', 'analysis']).keys()].map((file) =>
    readFileSync(join(projectRoot, file), 'utf8'),
  );
  const named = [...sources, readFileSync(join(projectRoot, 'bin', 'setup.cjs'), 'utf8')].flatMap((text) =>
    [...text.matchAll(/cachePath\(\s*'([^']+)'/g)].map(([, name]) => name!),
  );
  expect([...new Set(named)].filter((name) => !Object.hasOwn(cacheFolders, name))).toEqual([]);
  expect(named.length).toBeGreaterThan(10);
  const page = readFileSync(join(projectRoot, 'docs', 'data.md'), 'utf8');
  const rows = Object.entries(cacheFolders).map(
    ([name, { holds, again, cost }]) => `| \`${name}\` | ${holds} | ${again} | ${cost} |`,
  );
  expect(rows.filter((row) => !page.includes(row))).toEqual([]);
});
