/** The command line as a process: what it prints, where, and with which exit code. Fake workers, no network. */
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it, test } from 'vitest';
import { projectRoot } from '../../src/files';
import type { FakeOrders } from '../../testing/fakeTrainer';
import { readLedger } from '../../testing/fakeTrainer';
import { expectEvery, notEmpty } from '../../testing/lists';
import { jsonOutput } from '../../testing/outputs';

const cli = join(__dirname, '..', '..', 'testing', 'fakeCli.cjs');

interface Place {
  folder: string;
  manifest: string;
  ledger: string;
  env: NodeJS.ProcessEnv;
}

/** A folder with a manifest of `seeds` runs, and an environment in which everything lies inside it. */
function place(seeds = 3, steps = 5, orders: FakeOrders = {}): Place {
  const folder = mkdtempSync(join(tmpdir(), 'equipoise-cli-'));
  const manifest = join(folder, 'manifest.json');
  const ledger = join(folder, 'ledger');
  writeFileSync(
    manifest,
    JSON.stringify({
      name: 'cli-test',
      about: {
        what: 'a test of the command line',
        command: 'equipoise run manifest.json',
        expectedTime: 'seconds',
        lookFor: 'exit codes',
      },
      fixed: { task: 'emoji-icon-qa', encoder: 'resnet50', backbone: 'stories15m', connector: 'mlp' },
      steps,
      axes: { seed: Array.from({ length: seeds }, (_, seed) => seed) },
      profiles: { brief: { about: 'one run', keep: { seed: 0 } } },
    }),
  );
  return {
    folder,
    manifest,
    ledger,
    env: {
      ...process.env,
      EQUIPOISE_RESULTS: join(folder, 'results'),
      EQUIPOISE_CACHE: join(folder, 'cache'),
      FAKE_TRAINER: JSON.stringify({ ledger, ...orders }),
    },
  };
}

function equipoise({ env }: Place, ...args: string[]): { code: number | null; out: string; err: string } {
  const { status, stdout, stderr } = spawnSync(process.execPath, [cli, ...args], { env, encoding: 'utf8' });
  expect(stderr).not.toMatch(/^\s+at /m); // never a stack trace
  if (args.includes('--json')) jsonOutput(stdout);
  return { code: status, out: stdout, err: stderr };
}

const json = (text: string) => JSON.parse(text) as Record<string, unknown>;

/** Starts the command and hands it over when the first training has begun. */
async function whileTraining(
  at: Place,
  act: (child: ReturnType<typeof spawn>) => unknown,
): Promise<{ code: number | null; signal: string | null }> {
  const child = spawn(process.execPath, [cli, 'run', at.manifest, '--workers', '2'], { env: at.env, stdio: 'ignore' });
  const ended = new Promise<{ code: number | null; signal: string | null }>((resolve) =>
    child.on('exit', (code, signal) => resolve({ code, signal })),
  );
  while (readLedger(at.ledger).length === 0) await sleep(20);
  await sleep(200);
  await act(child);
  return ended;
}

describe('plan and run', () => {
  it('agree: what plan calls new is trained, once, with a plain line for each run', () => {
    const at = place();
    const before = equipoise(at, 'plan', at.manifest, '--json');
    expect(before.code).toBe(0);
    expect(json(before.out)).toMatchObject({
      experiment: 'cli-test',
      totals: { new: 3, done: 0, partial: 0, failed: 0 },
      estimate: { seconds: null, unknown: 3 },
    });
    const run = equipoise(at, 'run', at.manifest, '--workers', '2');
    expect(run.code).toBe(0);
    expect(run.out).toBe('cli-test: 3 trained now; in all 3 of 3 done\n');
    expect(
      run.err.match(/^\[\d\/3\] [0-9a-f]{16} done in \d+ s, accuracy \d\.\d{3} {2}emoji-icon-qa .* seed \d/gm),
    ).toHaveLength(3);
    expect(run.err).not.toContain('\u001b');
    expect(readLedger(at.ledger).sort()).toEqual([0, 1, 2]);
    const again = equipoise(at, 'run', at.manifest);
    expect(again).toMatchObject({ code: 0, out: 'cli-test: 3 of 3 runs done already; nothing to train\n' });
    expect(readLedger(at.ledger)).toHaveLength(3);
    const after = equipoise(at, 'plan', at.manifest);
    expect(after.out).toContain('3 runs: 3 done, 0 new, 0 partial, 0 failed; wasm');
    expect(after.out).toContain('time left: nothing is left to train');
  });

  it('estimate the rest from finished runs of the same kind, and train no more than --limit', () => {
    const at = place(4);
    expect(equipoise(at, 'run', at.manifest, '--limit', '2', '--json').code).toBe(0);
    expect(readLedger(at.ledger)).toHaveLength(2);
    const plan = json(equipoise(at, 'plan', at.manifest, '--json', '--workers', '2').out);
    expect(plan).toMatchObject({ totals: { done: 2, new: 2 }, estimate: { known: 2, unknown: 0 } });
    expect((plan['estimate'] as { seconds: number }).seconds).toBeGreaterThan(0);
  });

  it('copy no more than --limit, and say how many that were', () => {
    const at = place(3);
    equipoise(at, 'run', at.manifest);
    const other = join(at.folder, 'other.json');
    writeFileSync(other, JSON.stringify({ ...json(readFileSync(at.manifest, 'utf8')), name: 'other' }));
    const one = equipoise(at, 'run', other, '--limit', '1');
    expect(one.out).toBe('other: 1 copied now; in all 1 of 3 done, 2 more to copy from other experiments\n');
    expect(json(equipoise(at, 'run', other, '--json').out)).toMatchObject({ totals: { done: 3 }, toCopy: 0 });
  });

  it('report a failed run with exit code 1, and missing things with 3', () => {
    const failing = place(2, 5, { fail: { seed: 1, step: 2, message: 'the loss is not finite' } });
    const run = equipoise(failing, 'run', failing.manifest, '--json');
    expect(run.code).toBe(1);
    expect(json(run.out)).toMatchObject({ totals: { done: 1, failed: 1 }, interrupted: false });
    expect(equipoise(failing, 'plan', failing.manifest).out).toContain('the loss is not finite; run tries it again');
    const lacking = place(2, 5, { unavailable: 0 });
    const lack = equipoise(lacking, 'run', lacking.manifest, '--workers', '1');
    expect(lack.code).toBe(3);
    expect(lack.err).toContain('error: 2 runs failed');
    expect(readLedger(lacking.ledger)).toEqual([0]);
  });

  it('stop on one Ctrl-C with exit code 130 and partial runs, which the next command completes', async () => {
    const at = place(2, 200, { delay: 20 });
    expect(await whileTraining(at, (child) => child.kill('SIGINT'))).toEqual({ code: 130, signal: null });
    const plan = json(equipoise(at, 'plan', at.manifest, '--json').out);
    expect((plan['totals'] as { partial: number }).partial).toBeGreaterThan(0);
    at.env['FAKE_TRAINER'] = JSON.stringify({ ledger: at.ledger });
    expect(equipoise(at, 'run', at.manifest).out).toContain('in all 2 of 2 done');
  });

  it('stop at once on a second Ctrl-C, in the middle of a step, and leave what the next command completes', async () => {
    const at = place(2, 5, { delay: 120_000 });
    const begun = performance.now();
    expect(
      await whileTraining(at, async (child) => {
        child.kill('SIGINT');
        await sleep(1000);
        expect(child.exitCode).toBeNull(); // the first one waits for the step
        child.kill('SIGINT');
      }),
    ).toEqual({ code: 130, signal: null });
    expect(performance.now() - begun).toBeLessThan(60_000);
    const plan = json(equipoise(at, 'plan', at.manifest, '--json').out);
    expect(plan['totals']).toMatchObject({ done: 0, failed: 0 });
    for (const run of notEmpty(plan['runs'] as { claimed: boolean }[])) expect(run.claimed).toBe(false);
    at.env['FAKE_TRAINER'] = JSON.stringify({ ledger: at.ledger });
    expect(equipoise(at, 'run', at.manifest).out).toContain('in all 2 of 2 done');
  });

  it('leave partial runs when the runner is killed outright; its workers end by themselves and its claims are stale', async () => {
    const at = place(2, 200, { delay: 20 });
    expect(await whileTraining(at, (child) => child.kill('SIGKILL'))).toEqual({ code: null, signal: 'SIGKILL' });
    await sleep(300);
    const plan = json(equipoise(at, 'plan', at.manifest, '--json').out);
    expect(plan).toMatchObject({ totals: { partial: readLedger(at.ledger).length, done: 0 } });
    for (const run of notEmpty(plan['runs'] as { claimed: boolean }[])) expect(run.claimed).toBe(false);
    at.env['FAKE_TRAINER'] = JSON.stringify({ ledger: at.ledger });
    const done = equipoise(at, 'run', at.manifest, '--json');
    expect(json(done.out)).toMatchObject({ totals: { done: 2 } });
  });
});

describe('bad input', () => {
  it('ends with exit code 2, one line a problem, and the nearest name', () => {
    const at = place();
    const content = json(readFileSync(at.manifest, 'utf8'));
    writeFileSync(
      at.manifest,
      JSON.stringify({ ...content, fixed: { task: 'emoji-icon-q', encoder: 'resnet5', backbone: 'stories15m' } }),
    );
    const wrong = equipoise(at, 'plan', at.manifest);
    expect(wrong.code).toBe(2);
    expect(wrong.out).toBe('');
    expectEvery(wrong.err.trim().split('\n'), (line) => line.startsWith('error: '));
    expect(wrong.err.trim().split('\n').length).toBeGreaterThanOrEqual(2);
    for (const [args, text] of [
      [['plan', 'experiments/quickstrat.json'], /did you mean .*quickstart\.json\?/],
      [['run', at.manifest, '--workers', '0'], /whole number of at least 1/],
      [['run', at.manifest, '--retries', '-1'], /retries/],
      [['plan', at.manifest, '--backend', 'tensorfow'], /Allowed choices/],
      [['plan', at.manifest, '--profile', 'breif'], /profile/],
      [['plan'], /missing required argument/],
      [['pln'], /Did you mean plan/],
      [['run', at.manifest, '--worker', '2'], /Did you mean --workers/],
      [['status', 'nothing'], /has no results/],
      [['why', 'ffff'], /neither in the results, nor committed, nor in a manifest/],
    ] as const) {
      const { code, err } = equipoise(at, ...args);
      expect(code, args.join(' ')).toBe(2);
      expect(err, args.join(' ')).toMatch(text);
    }
  });

  it('shows a stack trace only when asked', () => {
    const at = place();
    const { status, stderr } = spawnSync(process.execPath, [cli, 'plan', 'nowhere.json'], {
      env: { ...at.env, EQUIPOISE_DEBUG: '1' },
      encoding: 'utf8',
    });
    expect(status).toBe(2);
    expect(stderr).toMatch(/^\s+at /m);
  });

  it('has help with examples and exit codes', () => {
    const at = place();
    for (const name of ['plan', 'run', 'status', 'why', 'reproduce']) {
      const { code, out } = equipoise(at, name, '--help');
      expect(code).toBe(0);
      expect(out).toContain(`Examples:\n  equipoise ${name}`);
    }
    expect(equipoise(at, '--help').out).toContain('Exit codes: 0 done; 1 a run');
    for (const name of ['figures', 'tables', 'data', 'doctor'])
      expect(equipoise(at, '--help').out).toMatch(new RegExp(`^ {2}${name} `, 'm'));
    // Help about a command below another loads that one's file alone.
    expect(equipoise(at, 'data', 'help', 'list').out).toContain('Examples:\n  equipoise data list');
  });
});

test('every command of the table has a file that defines it, loads no other, and no TensorFlow', () => {
  // In a process of its own: a test's runner loads TypeScript in another way.
  const script = `
    require(${JSON.stringify(join(projectRoot, 'bin', 'typescript.cjs'))});
    const { commands } = require(${JSON.stringify(join(projectRoot, 'src', 'cli', 'commands.ts'))});
    const before = Object.keys(require.cache).filter((path) => path.includes('/src/')).map((path) => path.split('/src/')[1]);
    const all = (entries, path) => entries.flatMap((entry) => {
      const name = [...path, entry.call.split(' ')[0]];
      return entry.commands === undefined ? [[name.join(' '), typeof entry.load()]] : all(entry.commands, name);
    });
    const defined = all(commands, []);
    const heavy = Object.keys(require.cache).filter((path) => path.includes('/@tensorflow/'));
    console.log(JSON.stringify({ before, defined, heavy }));`;
  const { before, defined, heavy } = JSON.parse(
    execFileSync(process.execPath, ['-e', script], { encoding: 'utf8' }),
  ) as {
    before: string[];
    defined: [string, string][];
    heavy: string[];
  };
  expect(before).toEqual(['cli/commands.ts']);
  expect(heavy).toEqual([]);
  expect(defined.length).toBeGreaterThan(20);
  expect(defined.filter(([, kind]) => kind !== 'function')).toEqual([]);
  expect(defined.map(([name]) => name)).toEqual(expect.arrayContaining(['plan', 'data fetch', 'export ro-crate']));
});

describe('status and why', () => {
  it('count, list and explain', () => {
    const at = place(2, 5, { fail: { seed: 1, step: 2, message: 'the loss\u001b[31m is not finite' } });
    expect(equipoise(at, 'status').out).toContain('no results yet');
    equipoise(at, 'run', at.manifest);
    expect(json(equipoise(at, 'status', '--json').out)['experiments']).toEqual([
      { experiment: 'cli-test', done: 1, running: 0, partial: 0, failed: 1 },
    ]);
    const listed = equipoise(at, 'status', 'cli-test').out;
    expect(listed).toContain('2 runs: 1 done, 0 running, 0 partial, 1 failed');
    expect(listed).not.toContain('\u001b');
    expect(equipoise(at, 'status', 'cli-tset').err).toContain('did you mean cli-test?');
    const failed = (
      JSON.parse(equipoise(at, 'status', 'cli-test', '--json').out) as { runs: { id: string; state: string }[] }
    ).runs.find((run) => run.state === 'failed')!;
    const why = equipoise(at, 'why', failed.id.slice(0, 8));
    expect(why.code).toBe(0);
    expect(why.out).toMatch(/: failed\n[^]*not finite[^]*which differs in\n {4}seed: 1 here, 0 there\n$/);
    const planned = (
      json(equipoise(at, 'plan', at.manifest, '--backend', 'cpu', '--json').out)['runs'] as { id: string }[]
    )[0]!.id;
    const fresh = json(equipoise(at, 'why', planned, '--manifest', at.manifest, '--backend', 'cpu', '--json').out);
    expect(fresh).toMatchObject({
      state: 'new',
      nearest: { differences: [{ field: 'backend', here: 'cpu', there: 'wasm' }] },
    });
  });
});

describe('reproduce', () => {
  it('measures, trains and draws; says loudly that it is brief on wasm; trains nothing the second time', () => {
    const at = place();
    const first = equipoise(at, 'reproduce', at.manifest);
    expect(first.code).toBe(0);
    expect(first.err).toContain('only the profile "brief"');
    expect(first.out).toMatch(
      /1 run to train of 1: about \d+ s for 1 run with 1 worker, from a few steps measured just now/,
    );
    expect(first.out).toMatch(
      /1 trained now; in all 1 of 1 done\nfigures and tables of cli-test-brief\ncli-test-brief against the committed runs\n$/,
    );
    const trained = readLedger(at.ledger).length;
    const again = equipoise(at, 'reproduce', at.manifest, '--strict');
    expect(again.out).toBe(
      'cli-test-brief: 1 of 1 run done already; nothing to train\nfigures and tables of cli-test-brief\ncli-test-brief against the committed runs, strictly\n',
    );
    expect(readLedger(at.ledger)).toHaveLength(trained);
    const whole = equipoise(at, 'reproduce', at.manifest, '--backend', 'cpu');
    expect(whole.out).toContain('3 runs to train of 3');
  });
});
