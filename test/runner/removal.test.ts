/** remove, clean and run --again: what goes and what never does; the old run stays until the new one has finished. */
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { takeClaim } from '../../src/claim';
import { define as clean } from '../../src/cli/clean';
import { define as remove } from '../../src/cli/remove';
import { sourceMaps } from '../../src/cli/sourceMaps';
import { againFolder, endAgain, prepareAgain, replaceByAgain } from '../../src/runner/again';
import { listRunIds, runFolder } from '../../src/runner/folders';
import { planRuns, type IdentifiedRun } from '../../src/runner/plan';
import { runQueue } from '../../src/runner/queue';
import type { RunFile } from '../../src/runner/runFile';
import { commandOutput } from '../../testing/commandOutput';
import { fakeRuns, freshResults, inProcess, queueOptions, withOrders } from '../../testing/fakeRuns';

const cache = mkdtempSync(join(tmpdir(), 'equipoise-clean-cache-'));
afterAll(() => rmSync(cache, { recursive: true, force: true }));

let results: string;
beforeEach(() => {
  results = freshResults();
  vi.stubEnv('EQUIPOISE_RESULTS', results);
  vi.stubEnv('EQUIPOISE_CACHE', cache);
});
afterEach(() => {
  vi.unstubAllEnvs();
  process.exitCode = undefined;
  rmSync(results, { recursive: true, force: true });
});

const run = (...argv: string[]) => commandOutput({ remove, clean }, ...argv);
const put = (path: string, text = 'x') => {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
};

/** Trains fake runs into an experiment of the results. */
async function trained(runs: IdentifiedRun[], experiment = 'test', orders = {}): Promise<void> {
  await withOrders(orders, () => runQueue(queueOptions(results, runs, { start: inProcess, experiment, retries: 0 })));
}

const changeFile = (experiment: string, id: string, change: (file: RunFile) => Partial<RunFile>) => {
  const { runJson } = runFolder(results, experiment, id);
  const file = JSON.parse(readFileSync(runJson, 'utf8')) as RunFile;
  writeFileSync(runJson, JSON.stringify({ ...file, ...change(file) }));
};

describe('equipoise remove', () => {
  it('says first what would go, then removes that and nothing else', async () => {
    const runs = fakeRuns(3, 2);
    await trained(runs);
    await trained(runs.slice(0, 1), 'other');
    put(join(results, 'reference', 'test', 'runs.parquet'));
    put(join(results, 'test', 'notes.txt'));
    const [a, b, c] = runs.map(({ id }) => id) as [string, string, string];
    const dry = await run('remove', `test/${a}`, b.slice(0, 8));
    expect(dry.out).toContain('would go: 2 runs');
    expect(dry.out).toContain('--yes');
    expect(listRunIds(results, 'test')).toHaveLength(3);
    expect((await run('remove', `test/${a}`, b, '--yes', '--dry-run')).out).toContain('would go: 2 runs');
    expect((await run('remove', `test/${a}`, b, '--yes')).out).toMatch(/^removed: 2 runs, [\d.]+ kB/);
    expect(listRunIds(results, 'test')).toEqual([c]);
    await run('remove', 'test', '--yes');
    expect(listRunIds(results, 'test')).toEqual([]);
    expect(existsSync(join(results, 'test', 'notes.txt'))).toBe(true);
    expect(listRunIds(results, 'other')).toEqual([a]);
    expect(existsSync(join(results, 'reference', 'test', 'runs.parquet'))).toBe(true);
    expect(existsSync(join(results, '.removed'))).toBe(false);
  });

  it('never removes a run that is being trained, nor what a link leads to', async () => {
    const runs = fakeRuns(2, 2);
    await trained(runs);
    const [a, b] = runs.map(({ id }) => id) as [string, string];
    mkdirSync(join(results, 'linked'));
    symlinkSync(runFolder(results, 'test', b).folder, join(results, 'linked', b));
    const claim = takeClaim(runFolder(results, 'test', a).claim)!;
    expect((await run('remove', 'test')).err).toContain(`test/${a} stays: it is being trained`);
    await run('remove', 'linked', '--yes');
    expect(existsSync(join(results, 'linked'))).toBe(false);
    expect(existsSync(runFolder(results, 'test', b).journal)).toBe(true);
    await run('remove', 'test', '--yes');
    expect(process.exitCode).toBe(1);
    expect(listRunIds(results, 'test')).toEqual([a]);
    expect(claim.touch()).toBe(true);
    claim.release();
  });

  it('refuses the reference, unknown names and names of several runs, all at once', async () => {
    const runs = fakeRuns(1, 2);
    await trained(runs);
    await trained(runs, 'other');
    put(join(results, 'reference', runs[0]!.id, 'run.json'));
    const refused = run('remove', 'reference', 'tset', runs[0]!.id, '--yes');
    await expect(refused).rejects.toThrow(
      /reference results, which no command removes[^]*did you mean test[^]*any of 2/,
    );
    expect(listRunIds(results, 'other')).toHaveLength(1);
  });
});

describe('equipoise clean', () => {
  it('tells failed, partial and stale runs apart, and removes what is named', async () => {
    const runs = fakeRuns(4, 4);
    await trained(runs, 'test', { fail: { seed: 1, step: 2, message: 'made to fail' } });
    const [done, failed, partial, stale] = runs.map(({ id }) => id) as [string, string, string, string];
    changeFile('test', partial, () => ({ status: 'running', final: null }));
    changeFile('test', stale, ({ code }) => ({ code: { ...code, method: '0.0.1' } }));
    const items = async (...words: string[]) =>
      (
        JSON.parse((await run('clean', ...words, '--json')).out) as {
          items: { what: string; name: string; why: string }[];
        }
      ).items;
    expect((await items('failed', 'partial', 'stale')).map(({ what, name }) => [what, name])).toEqual([
      ['failed', `test/${failed}`],
      ['partial', `test/${partial}`],
      ['stale', `test/${stale}`],
    ]);
    expect((await items('stale'))[0]!.why).toMatch(/^version 0\.0\.1 of the method/);
    expect((await run('clean')).out).toMatch(/^failed +1 /m);
    expect(listRunIds(results, 'test')).toHaveLength(4);
    await expect(run('clean', '--yes')).rejects.toThrow('nothing is named');
    await run('clean', 'failed', 'stale', '--yes');
    expect(listRunIds(results, 'test')).toEqual([done, partial].sort());
    await expect(run('clean', 'faild')).rejects.toThrow('nothing that can be cleaned');
  });

  it('removes best weights of finished runs, and of the cache what is named, not while runs are trained', async () => {
    const runs = fakeRuns(1, 2);
    await trained(runs);
    const paths = runFolder(results, 'test', runs[0]!.id);
    writeFileSync(paths.best, 'weights');
    put(join(cache, 'features', 'a', 'values'));
    put(join(cache, 'features', 'b', 'values'));
    put(join(cache, 'published', 'mine', 'answers.json'));
    const making = takeClaim(join(cache, 'features', 'b.lock'))!;
    await expect(run('clean', 'cache/published', '--yes')).rejects.toThrow('not removed by a command');
    const claim = takeClaim(paths.claim)!;
    await expect(run('clean', 'cache', '--yes')).rejects.toThrow('is being trained and may read it');
    claim.release();
    expect((await run('clean', 'best', '--yes')).out).toContain('removed: 1 item');
    await run('clean', 'cache', '--yes');
    expect(existsSync(paths.best)).toBe(false);
    expect(existsSync(paths.checkpoint) || existsSync(paths.journal)).toBe(true);
    expect(existsSync(join(cache, 'features', 'a'))).toBe(false);
    expect(existsSync(join(cache, 'features', 'b'))).toBe(true);
    expect(existsSync(join(cache, 'published', 'mine', 'answers.json'))).toBe(true);
    making.release();
  });
});

describe('a run that is trained again', () => {
  const again = async (runs: IdentifiedRun[], orders = {}) => {
    prepareAgain(results, 'test', runs);
    const hidden = againFolder(results);
    await withOrders(orders, () => runQueue(queueOptions(hidden, runs, { start: inProcess, retries: 0 })));
    const compared = runs.map((each) => replaceByAgain(results, 'test', each));
    endAgain(results, 'test', runs);
    return compared;
  };
  const stateOf = (each: IdentifiedRun) => planRuns(results, 'test', [each])[0]!.state;

  it('takes the place of the old one, and says whether it is equal byte for byte', async () => {
    const [first, second] = fakeRuns(2, 4) as [IdentifiedRun, IdentifiedRun];
    await trained([first, second]);
    const { journal } = runFolder(results, 'test', second.id);
    const text = readFileSync(journal, 'utf8');
    writeFileSync(journal, text.replace('"step":2', '"step":2,"changed":true'));
    expect(await again([first, second])).toEqual([
      { id: first.id, differs: [] },
      { id: second.id, differs: ['metrics.jsonl'] },
    ]);
    expect(readFileSync(journal, 'utf8')).toBe(text);
    expect([first, second].map(stateOf)).toEqual(['done', 'done']);
    expect(readFileSync(runFolder(results, 'test', first.id).runJson, 'utf8')).toContain('byte for byte');
    expect(existsSync(againFolder(results))).toBe(false);
  });

  it('leaves the old one where the new one fails, and takes back an exchange that was cut short', async () => {
    const [first] = fakeRuns(1, 4) as [IdentifiedRun];
    await trained([first]);
    const paths = runFolder(results, 'test', first.id);
    const before = readFileSync(paths.runJson, 'utf8');
    expect(await again([first], { fail: { seed: 0, step: 2, message: 'made to fail' } })).toEqual([null]);
    expect(readFileSync(paths.runJson, 'utf8')).toBe(before);
    // As if killed between the two renames of the exchange.
    const aside = `${runFolder(againFolder(results), 'test', first.id).folder}.before`;
    mkdirSync(dirname(aside), { recursive: true });
    renameSync(paths.folder, aside);
    prepareAgain(results, 'test', [first]);
    expect(readFileSync(paths.runJson, 'utf8')).toBe(before);
  });
});

it('source maps go from packages, and nothing else of them', () => {
  const folder = mkdtempSync(join(tmpdir(), 'equipoise-maps-'));
  for (const path of ['a/dist/x.js', 'a/dist/x.js.map', 'a/y.map', 'b/z.js']) {
    mkdirSync(join(folder, path, '..'), { recursive: true });
    writeFileSync(join(folder, path), '12345');
  }
  const found = sourceMaps(folder);
  expect(found.map((each) => [each.folder, each.bytes])).toEqual([[join(folder, 'a'), 10]]);
  for (const each of found) each.remove();
  expect(readdirSync(folder, { recursive: true }).sort()).toEqual(['a', 'a/dist', 'a/dist/x.js', 'b', 'b/z.js']);
  rmSync(folder, { recursive: true });
});
