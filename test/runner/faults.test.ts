/**
 * Faults of the world around a sweep (docs/reliability.md): what is lost, what is said, and that the next command goes
 * on.
 */
import { spawn, spawnSync } from 'node:child_process';
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { storageFault, writeWhole } from '../../src/files';
import { runIdentity } from '../../src/manifest/identity';
import { newestCheckpoint } from '../../src/runner/checkpoints';
import { readRunFile, runFolder } from '../../src/runner/folders';
import { readJournal, wholeLines } from '../../src/runner/journal';
import type { StartWorker } from '../../src/runner/local';
import { planRuns } from '../../src/runner/plan';
import { runQueue } from '../../src/runner/queue';
import { endText, listGpus, processorQuota, workerMemory, workersFor } from '../../src/runner/resources';
import { readExperiment } from '../../src/runner/results';
import { useBackend } from '../../src/tensor/backend';
import { canMount, smallDisk } from '../../testing/disk';
import { withCache } from '../../testing/environment';
import { fakeRuns, freshResults, identified, inProcess, queueOptions, taskOf } from '../../testing/fakeRuns';
import { fakeSpec } from '../../testing/fakeTrainer';
import { readOutcome, runChild } from '../../testing/killing';
import { expectEvery, notEmpty } from '../../testing/lists';
import { writeSyntheticRun, syntheticSpec } from '../../testing/syntheticJournals';
import { trainTiny } from '../../testing/tinyRuns';
import { tinySpec } from '../../testing/tinyTask';

const { cache } = withCache();
beforeAll(async () => {
  await useBackend({ name: 'cpu' });
});

const short = {
  duration: { steps: 8 },
  align: { steps: 0, learningRate: 1e-2 },
  evaluate: { every: 4, limit: 0, validation: 4 },
};
const mountable = canMount();
let left: { journal: string; weights: Buffer } | undefined;
/** The run that nothing happened to. */
async function alone() {
  if (left === undefined) {
    const results = freshResults();
    await trainTiny(results, { spec: short });
    left = readOutcome(results, short);
  }
  return left;
}
async function goesOnExactly(results: string, notice?: RegExp): Promise<void> {
  expect((await trainTiny(results, { spec: short })).outcome.kind).toBe('done');
  const found = readOutcome(results, short);
  const expected = await alone();
  expect(found.journal).toBe(expected.journal);
  expect(found.weights.equals(expected.weights)).toBe(true);
  if (notice !== undefined) expect(found.file.notices.join('\n')).toMatch(notice);
}

describe('a full disk', () => {
  it('in the journal ends the run without a torn or a lost record; it stays partial and goes on exactly', async () => {
    const results = freshResults();
    const { out, err } = await runChild(
      { results, spec: short, every: 2, on: 'metrics.jsonl', at: 8, part: 0.5, error: 'ENOSPC' },
      cache,
    );
    expect(JSON.parse(out)).toMatchObject({
      kind: 'failed',
      storage: true,
      message: expect.stringMatching(/the disk is full \(ENOSPC\); the run goes on/) as string,
    });
    expect(err).not.toContain('Unhandled');
    const paths = runFolder(results, 'test', taskOf(results, tinySpec(short)).id);
    const text = readFileSync(paths.journal, 'utf8');
    expect(text.endsWith('\n')).toBe(true);
    expect((await alone()).journal.startsWith(text)).toBe(true);
    expect(readRunFile(paths.runJson)).toMatchObject({ file: { status: 'running' } });
    await goesOnExactly(results);
  });

  it('in a checkpoint is told and costs no run', async () => {
    const results = freshResults();
    const { out } = await runChild(
      { results, spec: short, every: 2, on: 'checkpoints', at: 1, part: 0.5, error: 'ENOSPC' },
      cache,
    );
    expect(JSON.parse(out)).toMatchObject({ kind: 'done' });
    const found = readOutcome(results, short);
    expect(found.journal).toBe((await alone()).journal);
    expect(found.file.notices.join()).toContain('a checkpoint could not be written: the disk is full (ENOSPC)');
  });

  it.runIf(mountable)(
    'for real stops the whole sweep with what was written whole, and the next command completes it',
    async () => {
      const disk = smallDisk('96k')!;
      try {
        const runs = fakeRuns(4, 400);
        const endings = await runQueue(queueOptions(disk.path, runs, { start: inProcess, workers: 1 }));
        expect(
          [...endings.values()].filter((ending) => ending.kind === 'failed' && ending.storage === true),
        ).toHaveLength(1);
        for (const run of notEmpty(runs)) {
          const { journal } = runFolder(disk.path, 'test', run.id);
          if (existsSync(journal)) expect(readJournal(journal).torn).toBe(false);
        }
        expect(planRuns(disk.path, 'test', runs).map((run) => run.state)).not.toContain('failed');
        disk.resize('8m');
        await runQueue(queueOptions(disk.path, runs, { start: inProcess }));
        expect(planRuns(disk.path, 'test', runs).map((run) => run.state)).toEqual(['done', 'done', 'done', 'done']);
      } finally {
        disk.unmount();
      }
    },
  );

  it.runIf(mountable)('under a figure or a table ends with one line and exit code 3; the old file stays whole', () => {
    const disk = smallDisk('16k')!;
    try {
      const old = join(disk.path, 'old');
      writeWhole(old, 'old');
      expect(() => writeWhole(old, Buffer.alloc(100_000))).toThrow('ENOSPC');
      expect(readFileSync(old, 'utf8')).toBe('old');
      expect(readdirSync(disk.path)).toEqual(['old']);
      const results = freshResults();
      for (const scheduler of ['constant', 'commit'] as const)
        writeSyntheticRun(join(results, 'synthetic'), syntheticSpec('sound-qa', scheduler, 'equal rates', 1));
      writeFileSync(join(disk.path, 'rest'), Buffer.alloc(8_000));
      const { status, stderr } = equipoise(
        results,
        'figures',
        'synthetic',
        '--only',
        'kappa-curves',
        '--out',
        disk.path,
      );
      expect(stderr).toMatch(/^error: the disk is full \(ENOSPC.*\); what was written before is whole$/m);
      expect(status).toBe(3);
    } finally {
      disk.unmount();
    }
  });
});

function equipoise(results: string, ...args: string[]) {
  return spawnSync(process.execPath, [join(__dirname, '..', '..', 'testing', 'fakeCli.cjs'), ...args], {
    env: { ...process.env, EQUIPOISE_RESULTS: results },
    encoding: 'utf8',
  });
}

function manifestFile(seeds: number[], steps = 5): string {
  const path = join(mkdtempSync(join(tmpdir(), 'equipoise-manifest-')), 'manifest.json');
  writeManifest(path, seeds, steps);
  return path;
}
function writeManifest(path: string, seeds: number[], steps: number): void {
  writeFileSync(
    path,
    JSON.stringify({
      name: 'faults',
      about: { what: 'a test', command: 'equipoise run manifest.json', expectedTime: 'seconds', lookFor: 'nothing' },
      fixed: { task: 'emoji-icon-qa', encoder: 'resnet50', backbone: 'stories15m' },
      steps,
      axes: { seed: seeds },
    }),
  );
}

describe('results that cannot be written', () => {
  it.runIf(mountable)('are told in one line with exit code 3; plan and status still read them', () => {
    const disk = smallDisk('1m')!;
    try {
      const manifest = manifestFile([1]);
      disk.readOnly();
      expect(equipoise(disk.path, 'plan', manifest).status).toBe(0);
      const { status, stderr } = equipoise(disk.path, 'run', manifest);
      expect(stderr).toMatch(
        /error: results: cannot be written: (the folder cannot be made, as on|the file system is) a? ?read-only/,
      );
      expect(stderr).not.toMatch(/^\s+at /m);
      expect(status).toBe(3);
    } finally {
      disk.unmount();
    }
  });

  it('are told apart from other errors', () => {
    const fault = (code: string, syscall?: string) => storageFault(Object.assign(new Error(code), { code, syscall }));
    expect(fault('EDQUOT', 'write')).toBe('the disk quota is used up (EDQUOT)');
    expect([
      fault('ENOENT', 'open'),
      fault('EACCES', 'connect'),
      fault('EPERM'),
      storageFault(new Error('no')),
      storageFault(null),
    ]).toEqual([null, null, null, null, null]);
  });
});

describe('the weights after the best validation', () => {
  it('are there while a run is unfinished, and stay only where that is asked for', async () => {
    const results = freshResults();
    const spec = { ...short, evaluate: { every: 2, limit: 0, validation: 4 } };
    const { paths } = await trainTiny(results, { spec, stopAt: 4 });
    const early = readFileSync(paths.best);
    expect((await trainTiny(results, { spec })).outcome.kind).toBe('done');
    expect(readFileSync(paths.best).length).toBe(early.length);
    const other = { ...spec, seed: 7 };
    const without = await trainTiny(results, { spec: other, task: { best: false } });
    expect(without.outcome.kind).toBe('done');
    expect([without.paths.checkpoint, without.paths.best].map((path) => existsSync(path))).toEqual([true, false]);
  });
});

describe('a damaged checkpoint', () => {
  const interrupted = async () => {
    const results = freshResults();
    const { outcome, paths } = await trainTiny(results, { spec: short, stopAt: 6 });
    expect(outcome).toEqual({ kind: 'stopped', step: 6 });
    const names = readdirSync(paths.checkpoints);
    expect(names).toEqual([
      '000000004-0.json',
      '000000004-0.safetensors',
      '000000006-0.json',
      '000000006-0.safetensors',
    ]);
    expect(planRuns(results, 'test', [identified(tinySpec(short))])[0]).toMatchObject({
      state: 'partial',
      why: 'interrupted at step 6 of 8; it goes on from its checkpoint of step 6',
    });
    return { results, paths, at: (name: string) => join(paths.checkpoints, name) };
  };
  const flip = (path: string, at: number) => {
    const bytes = readFileSync(path);
    bytes[at < 0 ? bytes.length + at : at]! ^= 1;
    writeFileSync(path, bytes);
  };

  it.each<[string, (at: (name: string) => string) => void, RegExp]>([
    [
      'tensors with one bit changed',
      (at) => flip(at('000000006-0.safetensors'), -5),
      /the checkpoint of step 6 cannot be used: its tensors are damaged\nthe checkpoint of step 4 was used instead/,
    ],
    ['tensors cut off', (at) => truncateSync(at('000000006-0.safetensors'), 100), /its tensors are damaged/],
    ['tensors gone', (at) => rmSync(at('000000006-0.safetensors')), /cannot be used: ENOENT/],
    [
      'numbers of the loop changed',
      (at) =>
        writeFileSync(
          at('000000006-0.json'),
          readFileSync(at('000000006-0.json'), 'utf8').replace('"step":6', '"step":7'),
        ),
      /its JSON file is damaged/,
    ],
    ['JSON cut off', (at) => truncateSync(at('000000006-0.json'), 50), /its JSON file is damaged/],
    [
      'another format',
      (at) => writeFileSync(at('000000006-0.json'), '{"format":"equipoise-checkpoint/2"}'),
      /its format is "equipoise-checkpoint\/2"/,
    ],
  ])('(%s) is told, and the one before it serves', async (_name, damage, notice) => {
    const { results, at } = await interrupted();
    damage(at);
    await goesOnExactly(results, notice);
  });

  it('and a damaged one before it: the run begins again and says so', async () => {
    const { results, at } = await interrupted();
    for (const step of ['4', '6']) flip(at(`00000000${step}-0.safetensors`), -1);
    await goesOnExactly(
      results,
      /no checkpoint could be used: trained again from the first step\nan earlier attempt ended early; its \d+ records were repeated exactly/,
    );
  });

  it('of another run is not taken', async () => {
    const { paths } = await interrupted();
    expect(newestCheckpoint(paths.checkpoints, 'f'.repeat(64), wholeLines(paths.journal)).refused.join()).toContain(
      'it belongs to another run',
    );
  });
});

describe('a journal', () => {
  it('with a torn last line loses only that line; records after the checkpoint are made again and compared', async () => {
    const results = freshResults();
    const { paths } = await trainTiny(results, { spec: short, stopAt: 5, every: 4 });
    rmSync(join(paths.checkpoints, '000000005-0.json'));
    appendFileSync(paths.journal, '{"kind":"tra');
    await goesOnExactly(results, /an earlier attempt ended early; its \d+ records were repeated exactly/);
  });

  it('that differs from what is made again is kept, with a notice', async () => {
    const results = freshResults();
    const { paths } = await trainTiny(results, { spec: short, stopAt: 5, every: 4 });
    rmSync(join(paths.checkpoints, '000000005-0.json'));
    const text = readFileSync(paths.journal, 'utf8');
    writeFileSync(paths.journal, text.replace(/"loss":(\d)(?=[^\n]*\n$)/, '"loss":9$1')); // the record after the checkpoint
    await goesOnExactly(results, /was not repeated exactly.*they stay in metrics\.previous\.jsonl/);
    expect(readFileSync(paths.previous, 'utf8')).toContain('"loss":9');
  });

  it('whose beginning was changed makes its checkpoints useless', async () => {
    const results = freshResults();
    const { paths } = await trainTiny(results, { spec: short, stopAt: 6 });
    writeFileSync(paths.journal, readFileSync(paths.journal, 'utf8').replace('"loss":', '"loss":9'));
    await goesOnExactly(results, /the journal no longer begins with its \d+ records/);
  });
});

describe('another version of the program', () => {
  it('with another method is another run; a worker whose code changed under a sweep refuses', async () => {
    const context = { data: 'd', weights: {}, methodVersion: '1.0.0', backend: 'wasm' };
    expect(runIdentity(fakeSpec(1), context).id).not.toBe(
      runIdentity(fakeSpec(1), { ...context, methodVersion: '1.0.1' }).id,
    );
    const results = freshResults();
    const { outcome } = await trainTiny(results, {
      spec: short,
      task: { code: { version: '0', method: '0.9.0', commit: null, dirty: false, lockfile: 'absent' } },
    });
    expect(outcome).toMatchObject({
      kind: 'failed',
      message: expect.stringContaining('the code changed meanwhile') as string,
    });
  });

  it('with the same method goes on with the run and notes it', async () => {
    const results = freshResults();
    await trainTiny(results, { spec: short, stopAt: 4 });
    const { code } = taskOf(results, tinySpec(short));
    await trainTiny(results, { spec: short, task: { code: { ...code, commit: 'b'.repeat(40) } } });
    expect(readOutcome(results, short).file.notices.join()).toMatch(
      /resumed at step 4 under other conditions.*commit unknown then, b{40} now/,
    );
    expect(readOutcome(results, short).journal).toBe((await alone()).journal);
  });

  it.each(['equipoise-run/0', 'equipoise-run/2'])(
    'left a folder of format %s, which is never touched',
    async (format) => {
      const results = freshResults();
      const [run] = fakeRuns(1, 3);
      await runQueue(queueOptions(results, [run!], { start: inProcess }));
      const paths = runFolder(results, 'test', run!.id);
      writeFileSync(paths.runJson, readFileSync(paths.runJson, 'utf8').replace('equipoise-run/1', format));
      const before = readdirSync(paths.folder).map((name) => [name, readFileSync(join(paths.folder, name), 'utf8')]);
      const [planned] = planRuns(results, 'test', [run!]);
      expect(planned).toMatchObject({
        state: 'failed',
        blocked: true,
        why: expect.stringContaining(`format ${format} of another version`) as string,
      });
      const endings = await runQueue(queueOptions(results, [run!], { start: inProcess }));
      expect(endings.get(run!.id)).toMatchObject({ kind: 'failed', message: planned!.why });
      expect(readExperiment(results, 'test')).toMatchObject([{ state: 'failed', why: planned!.why }]);
      expect(readdirSync(paths.folder).map((name) => [name, readFileSync(join(paths.folder, name), 'utf8')])).toEqual(
        before,
      );
    },
  );

  it('or another hand left a run.json that cannot be read, which is kept beside the new one', async () => {
    const results = freshResults();
    const { paths } = await trainTiny(results, { spec: short, stopAt: 6 });
    writeFileSync(paths.runJson, '{"torn');
    await goesOnExactly(results);
    expect(readFileSync(join(paths.folder, 'run.unusable.json'), 'utf8')).toBe('{"torn');
  });
});

describe('a worker', () => {
  it('that hangs is ended after the stated time, named, and its run is tried again', async () => {
    const results = freshResults();
    let started = 0;
    const start: StartWorker = (listener, placement) => {
      started += 1;
      if (started > 1) return inProcess(listener, placement);
      let exit: (reason: string) => void = () => undefined;
      return {
        send: () => undefined,
        end: () => exit('ended'),
        kill: () => exit('killed'),
        exited: new Promise((resolve) => {
          exit = resolve;
        }),
      };
    };
    const runs = fakeRuns(1, 3);
    const endings = await runQueue(queueOptions(results, runs, { start, workers: 1, hang: 0.2 }));
    expect(endings.get(runs[0]!.id)!.kind).toBe('trained');
    expect(readRunFile(runFolder(results, 'test', runs[0]!.id).runJson)).toMatchObject({
      file: { notices: ['attempt 1: the worker process gave no sign of life for 0.2 s and was ended'] },
    });
  });

  it('that the kernel killed for want of memory is named as such as far as can be known', () => {
    expect(endText(null, 'SIGKILL', { before: 3, after: 4 })).toContain('because memory ran out');
    expect(endText(null, 'SIGKILL', { before: 3, after: 3 })).toContain('memory had not run out');
    expect(endText(null, 'SIGKILL', { before: null, after: null })).toContain(
      'as the kernel does when memory runs out',
    );
    expect(endText(null, 'SIGSEGV', { before: 3, after: 4 })).toBe('the worker process was ended by SIGSEGV');
    expect(endText(7, null, { before: 3, after: 4 })).toBe('the worker process ended with exit code 7');
  });

  it('gets processors, memory and a GPU of its own as the machine has them', async () => {
    const machine = { processors: 8, memory: 4 * workerMemory, gpus: ['0', '1', '2'] };
    expect(
      [
        workersFor('auto', 100, false, machine),
        workersFor('auto', 2, false, machine),
        workersFor('auto', 100, true, machine),
        workersFor(6, 100, true, machine),
      ].map(({ workers }) => workers),
    ).toEqual([4, 2, 3, 6]);
    expect(workersFor('auto', 100, false, { ...machine, memory: 0 })).toEqual({
      workers: 1,
      why: 'auto: 8 processors, 0.0 GB free, 1.6 GB assumed for a run; one run alone may not fit',
    });
    // predicted needs: three of 2 GB and two of 0.5 GB fit into 7 GB, largest first
    const alone = (sizes: number[]) => sizes.map((bytes) => ({ bytes, shared: 0, model: 'a' }));
    expect(workersFor('auto', 6, false, { ...machine, memory: 7e9 }, alone([5e8, 2e9, 5e8, 2e9, 2e9, 1e9]))).toEqual({
      workers: 4,
      why: 'auto: 8 processors, 7.0 GB free, 2.0 GB predicted for the largest run; memory is the limit',
    });
    expect(workersFor('auto', 6, false, { ...machine, processors: 2, memory: 7e9 }, alone([5e8, 5e8])).workers).toBe(2);
    // frozen weights count once a model: 3 + 1 + 1 and 2.5 + 0.5 of another fit into 8 GB, and not one more
    const sharing = [
      ...[3e9, 3e9, 3e9].map((bytes) => ({ bytes, shared: 2e9, model: 'a' })),
      ...[2.5e9, 2.5e9, 2.5e9].map((bytes) => ({ bytes, shared: 2e9, model: 'b' })),
    ];
    expect(workersFor('auto', 6, false, { ...machine, memory: 8e9 }, sharing).workers).toBe(5);
    expect([
      processorQuota('150000 100000'),
      processorQuota('50000 100000'),
      processorQuota('max 100000'),
      processorQuota(null),
    ]).toEqual([1, 1, Infinity, Infinity]);
    expect(listGpus('0, GPU-5', () => '')).toEqual(['0', 'GPU-5']);
    expect([listGpus('', () => '0\n1'), listGpus('-1', () => '0\n1')]).toEqual([[], []]);
    expect(listGpus(undefined, () => '0\n1\nNo devices were found\n')).toEqual(['0', '1']);
    const seen: (string | undefined)[] = [];
    const start: StartWorker = (listener, placement) => {
      seen.push(placement?.gpu);
      return inProcess(listener, placement);
    };
    await runQueue(queueOptions(freshResults(), fakeRuns(9, 2), { start, workers: 3, gpus: ['4', '7'] }));
    expect(seen.sort()).toEqual(['4', '4', '7']);
  });

  it('failing as often as is allowed stops the sweep', async () => {
    const results = freshResults();
    const start: StartWorker = (listener) => ({
      send: (message) => {
        if (message.kind === 'run') listener.message({ kind: 'failed', message: 'no', unavailable: false });
      },
      end: () => undefined,
      kill: () => undefined,
      exited: Promise.resolve('ended'),
    });
    const stopped: string[] = [];
    const endings = await runQueue(
      queueOptions(results, fakeRuns(9), {
        start,
        workers: 1,
        stopAfterFailures: 3,
        observe: (event) => {
          if (event.kind === 'stopping') stopped.push(event.why);
        },
      }),
    );
    expect(endings.size).toBe(3);
    expect(stopped).toEqual(['3 failed, which is as many as --stop-after-failures allows; the last: no']);
  });
});

describe('a sweep', () => {
  it('keeps to what it planned when its manifest is edited meanwhile, and ends at its step on SIGTERM', async () => {
    const results = freshResults();
    const manifest = manifestFile([1, 2], 60);
    const ledger = join(results, '..', `${process.pid}-ledger`);
    const env = { ...process.env, EQUIPOISE_RESULTS: results, FAKE_TRAINER: JSON.stringify({ ledger, delay: 20 }) };
    const child = spawn(
      process.execPath,
      [join(__dirname, '..', '..', 'testing', 'fakeCli.cjs'), 'run', manifest, '--workers', '1'],
      { env, stdio: 'ignore' },
    );
    const code = new Promise<number | null>((resolve) => child.on('exit', resolve));
    while (!existsSync(ledger)) await new Promise((resolve) => setTimeout(resolve, 20));
    writeManifest(manifest, [1, 3], 50);
    await new Promise((resolve) => setTimeout(resolve, 1500)); // into the second run
    child.kill('SIGTERM');
    expect(await code).toBe(130);
    const runs = readExperiment(results, 'faults');
    expect(runs.length).toBeGreaterThan(0);
    for (const { file } of notEmpty(runs)) {
      expect(file!.spec.duration).toEqual({ steps: 60 });
      expect(file!.spec.seed).not.toBe(3);
    }
    const plan = JSON.parse(equipoise(results, 'plan', manifest, '--json').stdout) as {
      totals: Record<string, number>;
    };
    expect(plan.totals).toMatchObject({ new: 2, done: 0 }); // the edited manifest names other runs
  });

  it('of 200 runs shared by four runners trains each exactly once', async () => {
    const results = freshResults();
    const ledger = join(results, 'ledger');
    mkdirSync(results, { recursive: true });
    const runner = () =>
      new Promise<Record<string, number>>((resolve, reject) => {
        const child = spawn(
          process.execPath,
          [join(__dirname, '..', '..', 'testing', 'fakeRunner.cjs'), results, '200', '2'],
          { env: { ...process.env, FAKE_TRAINER: JSON.stringify({ ledger }) } },
        );
        let out = '';
        let err = '';
        child.stdout.on('data', (text: Buffer) => {
          out += text.toString();
        });
        child.stderr.on('data', (text: Buffer) => {
          err += text.toString();
        });
        child.on('close', (code) =>
          code === 0 ? resolve(JSON.parse(out) as Record<string, number>) : reject(new Error(err)),
        );
      });
    const counts = await Promise.all([runner(), runner(), runner(), runner()]);
    const trained = readFileSync(ledger, 'utf8')
      .trim()
      .split('\n')
      .map(Number)
      .sort((a, b) => a - b);
    expect(trained).toEqual(Array.from({ length: 200 }, (_, seed) => seed));
    expect(counts.reduce((sum, each) => sum + (each['trained'] ?? 0), 0)).toBe(200);
    expect(counts.filter((each) => (each['trained'] ?? 0) > 0).length).toBeGreaterThan(1); // they did share
    expectEvery(planRuns(results, 'test', fakeRuns(200, 2)), (run) => run.state === 'done');
  });
});
