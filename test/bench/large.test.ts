/** The benchmark at the paper's sizes: its step against PyTorch + PEFT on one tiny checkpoint, and its arithmetic. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startProcess } from '../../bench/engineProcess';
import { largeCases, type LargeCase } from '../../bench/large/cases';
import { checkpointBytes, writeCheckpoint } from '../../bench/large/checkpoint';
import { sizesOf } from '../../bench/large/command';
import { groupsOf, membersOf, type Member } from '../../bench/large/measure';
import { memoryOf } from '../../bench/large/memory';
import { filesOf, openLarge, type LargePlan } from '../../bench/large/model';
import type { LargeCommand, LargeReply } from '../../bench/large/protocol';
import { merged, type LargeCaseResult, type LargeOutcome, type LargeRecord } from '../../bench/large/record';
import { configOf } from '../../bench/large/sizes';
import { floorOf, renderLarge } from '../../bench/large/table';
import { parametersOf } from '../../src/models/composition';
import { familyOf } from '../../src/models/published';
import { openSafetensors } from '../../src/models/weights/safetensors';
import { availableBackends, useBackend } from '../../src/tensor/backend';
import { sizeOf } from '../../src/tensor/shape';

const folder = mkdtempSync(join(tmpdir(), 'equipoise-large-'));
beforeAll(() => writeCheckpoint(folder, 'tiny'));
afterAll(() => {
  for (const made of [filesOf(folder), folder]) rmSync(made, { recursive: true, force: true });
});

const python = process.env['EQUIPOISE_PYTHON'] ?? 'python3';
const isLinked = availableBackends().some(({ name, available }) => name === 'tensorflow' && available);

/** Whether the Python lacks what the reference needs; says so. */
function lacksTorch(): boolean {
  const asked = ['torch', 'transformers', 'peft', 'safetensors'];
  const found = spawnSync(
    python,
    ['-c', 'import sys, importlib.util as u; print(*filter(u.find_spec, sys.argv[1:]))', ...asked],
    { encoding: 'utf8' },
  ).stdout?.split(/\s+/);
  const missing = asked.filter((name) => !found?.includes(name));
  if (missing.length > 0)
    process.stderr.write(`large.test.ts: PyTorch is skipped, ${python} has no ${missing.join(', ')}\n`);
  return missing.length > 0;
}

describe('the step is that of large_torch.py', () => {
  const steps = 4;
  // As far apart as rounding takes them: in bfloat16 losses of about 6.5 differ in the fourth digit.
  const modes = [
    { precision: 'float32', checkpointing: 'none', bound: 1e-5 },
    ...(isLinked ? [{ precision: 'bfloat16', checkpointing: 'layers', bound: 1e-3 } as const] : []),
  ] as const;

  it.skipIf(lacksTorch())(
    'by the losses of the first steps, in float32 and in bfloat16 with checkpointing',
    async () => {
      const reference = startProcess<LargeCommand, LargeReply>('python', 'reference/large_torch.py', 1);
      try {
        await reference.ask({ do: 'start', threads: 1 });
        await useBackend({ name: isLinked ? 'tensorflow' : 'wasm', threads: 1 });
        for (const { bound, ...mode } of modes) {
          const open = { folder, batch: 2, kernels: 'plain', kind: 'plain', ...mode } as const;
          await reference.ask({ do: 'open', ...open });
          const { loss } = await reference.ask({ do: 'steps', steps });
          const opened = openLarge(open);
          for (const expected of loss) expect(Math.abs((await opened.step()) / expected - 1)).toBeLessThan(bound);
          opened.dispose();
          // Else equal losses would say nothing of the updates.
          expect(1 - loss.at(-1)! / loss[0]!).toBeGreaterThan(4 * bound);
        }
      } finally {
        reference.close();
      }
    },
    120_000,
  );
});

describe('a checkpoint of random weights', () => {
  it('has the size of the published model', () => {
    // transformers' LlamaForCausalLM of the same configuration
    const published = { '135m': 134_515_008, '1.1b': 1_100_048_384, '6.7b': 6_738_415_616 } as const;
    for (const size of ['135m', '1.1b', '6.7b'] as const) {
      const backbone = parametersOf(familyOf(configOf(size))).filter(({ part }) => part === 'backbone');
      expect(backbone.reduce((sum, { shape }) => sum + sizeOf(shape), 0)).toBe(published[size]);
    }
  });

  it('holds gains of one and normal numbers that no row repeats', () => {
    const file = openSafetensors(join(folder, 'model.safetensors'));
    const gain = file.read('model.language_model.norm.weight').data;
    const { shape, data } = file.read('model.language_model.embed_tokens.weight');
    file.close();
    expect(statSync(join(folder, 'model.safetensors')).size).toBeGreaterThan(checkpointBytes('tiny'));
    expect([...gain]).toEqual(Array<number>(64).fill(1));
    const deviation = Math.sqrt(data.reduce((sum, value) => sum + value * value, 0) / data.length);
    expect(Math.abs(deviation / 0.02 - 1)).toBeLessThan(0.02);
    const rows = Array.from({ length: shape[0]! }, (_, i) => data.slice(i * shape[1]!, (i + 1) * shape[1]!).join());
    expect(new Set(rows).size).toBe(rows.length);
  });
});

const plan = (bytes: number, flops: LargePlan['flops']): LargePlan => ({
  parameters: 2e9,
  trained: 1e6,
  memory: { plain: bytes, kappa: 1.5 * bytes, regularised: 2 * bytes },
  flops,
});
const plans = {
  bfloat16: plan(2e9, { plain: 10, kappa: 25, regularised: 40 }),
  float32: plan(4e9, { plain: 10, kappa: 20, regularised: 20 }),
  'float32-plain': plan(5e9, { plain: 10, kappa: 20, regularised: 20 }),
};

describe('who runs at the same time', () => {
  const given: LargeCase = { ...largeCases[0]!, engines: ['bfloat16', 'torch', 'float32-plain'] };
  const members = membersOf(given, plans);

  it('gives each kind of step a process of its own', () => {
    expect(members).toEqual([
      { engine: 'bfloat16', kind: 'plain', bytes: 2e9 },
      { engine: 'torch', kind: 'plain', bytes: 2e9 },
      { engine: 'float32-plain', kind: 'plain', bytes: 5e9 },
      { engine: 'bfloat16', kind: 'kappa', bytes: 3e9 },
      { engine: 'bfloat16', kind: 'regularised', bytes: 4e9 },
    ]);
  });

  it('is as many as there is room for, in their order', () => {
    const engines = (groups: Member[][]) => groups.map((group) => group.length);
    expect(engines(groupsOf(members, 20e9))).toEqual([5]);
    expect(engines(groupsOf(members, 5e9))).toEqual([2, 1, 1, 1]);
    expect(engines(groupsOf(members, 4e9))).toEqual([2, 1, 1, 1]);
  });
});

const outcome = (plain: number[], extra: Partial<Extract<LargeOutcome, { ok: true }>> = {}): LargeOutcome => ({
  ok: true,
  versions: { library: '1.2' },
  notice: null,
  openSeconds: 12,
  ms: { plain },
  gflops: [100],
  loss: [10.5, 9.25],
  memory: { plain: { peak: 2.5e9, anonymous: 1e9, proportional: 2e9 } },
  ...extra,
});
const result: LargeCaseResult = {
  size: '135m',
  batch: 1,
  checkpointing: 'none',
  date: '2026-01-02',
  threads: 2,
  rounds: 3,
  plan: plans,
  engines: {
    bfloat16: outcome([50, 60, 40], { ms: { plain: [50, 60, 40], kappa: [210], regularised: [440] } }),
    float32: outcome([100]),
    torch: outcome([62.5], { memory: { plain: { peak: 2e9, anonymous: 1e9, proportional: 2e9 } } }),
    'float32-plain': { ok: false, reason: 'no | room' },
  },
  pair: { one: 2e9, both: 2.2e9 },
};
const record: LargeRecord = {
  format: 'equipoise-bench-large/2',
  machine: { cpu: 'Some Thing', cores: 2, memoryGiB: 24, platform: 'linux x64', gpu: null },
  node: '20.0.0',
  cases: [result],
};

describe('the tables', () => {
  it('set kappa beside the plain step and the products that it adds in float32', () => {
    expect(floorOf(result, 'bfloat16', 'kappa')).toBeCloseTo(50 + (15 * 100) / 10);
    expect(floorOf(result, 'float32', 'kappa')).toBeCloseTo(200);
    expect(floorOf({ ...result, engines: { bfloat16: outcome([50]) } }, 'bfloat16', 'kappa')).toBeNull();
  });

  it('say what is met and what is not', () => {
    const text = renderLarge(record);
    expect(text).toContain('| bfloat16 step, time over PyTorch + PEFT in bfloat16 | 0.80 x met (at most 0.85 x) |');
    expect(text).toContain('| peak memory over PyTorch | 1.25 x **missed** (at most 1.10 x) |');
    expect(text).toContain('| step with kappa over its floor | 1.05 x met (at most 1.15 x) |');
    expect(text).toContain('| step with the regulariser over its floor | 1.26 x **missed** (at most 1.15 x) |');
    expect(text).toContain(
      '| memory of two processes on one checkpoint over that of one | 1.10 x met (at most 1.20 x) |',
    );
    expect(text).toContain('| peak memory as predicted over measured | 0.80 x met (within 20 %) |');
    expect(text).toContain('not measured: no \\| room');
  });

  it('keep what was measured of other cases before', () => {
    const older = { ...record, cases: [result, { ...result, size: '6.7b' as const }] };
    const newer = { ...record, cases: [{ ...result, date: '2026-02-03' }] };
    const order = [{ ...result, size: '6.7b' as const }, result];
    expect(merged(older, newer, order).cases.map(({ size, date }) => [size, date])).toEqual([
      ['6.7b', '2026-01-02'],
      ['135m', '2026-02-03'],
    ]);
    expect(merged(null, newer, order).cases).toHaveLength(1);
  });
});

describe('what is asked and read', () => {
  it('names sizes in their order and refuses others', () => {
    expect(sizesOf('1.1b, 135m')).toEqual(['135m', '1.1b']);
    expect(() => sizesOf('13b')).toThrow('"13b" is no size; there are 135m, 1.1b, 6.7b.');
    expect(() => sizesOf('tiny')).toThrow(/no size/);
  });

  it.skipIf(process.platform !== 'linux')('tells the memory of a process as the process itself does', () => {
    const { peak, anonymous, proportional } = memoryOf(process.pid)!;
    const own = process.memoryUsage.rss();
    expect(peak).toBeGreaterThanOrEqual(0.9 * own);
    expect(anonymous).toBeLessThan(own);
    expect(proportional).toBeGreaterThan(0.5 * own);
    expect(proportional).toBeLessThan(1.1 * own);
    expect(memoryOf(2 ** 30)).toBeNull();
  });
});
