/** Arithmetic, tables and command line of the benchmark. */
import { describe, expect, it } from 'vitest';
import { choose } from '../../bench/main';
import { hasTurn, turnsOf } from '../../bench/measure';
import { machineClass, type BenchRecord, type EngineOutcome, type SizeResult } from '../../bench/record';
import { limitShare, overhead, spread, throughputRatio, withMeasure } from '../../bench/statistics';
import { replaceBetween } from '../../bench/markdown';
import { isMet, markers, pairRatio, renderRecord, targets } from '../../bench/table';
import { notEmpty } from '../../testing/lists';

const outcome = (plain: number, extra: Partial<Extract<EngineOutcome, { ok: true }>> = {}): EngineOutcome => ({
  ok: true,
  device: 'cpu',
  threads: 2,
  versions: { library: '1.2' },
  notice: null,
  openMs: 1500,
  gflops: [100, 300, 200],
  memory: { idle: 100 * 2 ** 20, peak: 300 * 2 ** 20 },
  loss: {},
  ms: {
    plain: [plain, plain, plain * 2],
    kappaBatch: [plain * 1.4],
    kappaProbe: [plain * 3],
    regularised: [plain * 1.25],
  },
  ...extra,
});
const size: SizeResult = {
  config: 'small',
  batch: 4,
  parameters: 1_500_000,
  flops: 2e9,
  tokens: 256,
  engines: {
    recorded: outcome(40),
    fused: outcome(45),
    torch: outcome(50, { memory: { idle: 0, peak: 100 * 2 ** 20 } }),
    eager: outcome(80),
    wasm: { ok: false, reason: 'broken | pipe' },
  },
  pair: { steps: 10, alone: [100, 110, 90], together: [120, 125, 115] },
};
const record: BenchRecord = {
  format: 'equipoise-bench/1',
  date: '2026-01-02',
  machine: { cpu: 'Intel(R) Some Thing', cores: 2, memoryGiB: 8, platform: 'linux x64', gpu: null },
  node: '20.0.0',
  threads: 2,
  rounds: 3,
  sizes: [size],
};
const value = (name: RegExp) => targets.find((target) => name.test(target.name))!.of(size);

describe('arithmetic', () => {
  it('gives medians and quartiles, also between values and of one', () => {
    expect(spread([4, 1, 3, 2])).toEqual({ median: 2.5, low: 1.75, high: 3.25, count: 4 });
    expect(spread([7])).toEqual({ median: 7, low: 7, high: 7, count: 1 });
    expect(() => spread([])).toThrow(RangeError);
  });

  it('spreads a measured step over ten', () => {
    expect(withMeasure(10, 15, 10)).toBeCloseTo(10.5);
    expect(overhead(10.5, 10)).toBeCloseTo(0.05);
  });

  it('compares the work of processes in the same time', () => {
    expect(throughputRatio(2, 100, 100)).toBe(2);
    expect(throughputRatio(2, 200, 100)).toBe(1);
    expect(pairRatio(size)).toBeCloseTo(200 / 120);
    expect(pairRatio({ ...size, pair: { reason: 'none' } })).toBeNull();
  });

  it('gives a slow engine fewer rounds, never less than three, spread evenly', () => {
    const effort = { rounds: 7, engineSeconds: 40 };
    expect([1000, 8000, 10_000, 60_000].map((ms) => turnsOf(ms, effort))).toEqual([7, 5, 4, 3]);
    expect(turnsOf(60_000, { rounds: 2, engineSeconds: 5 })).toBe(2);
    for (const turns of [1, 3, 5, 7])
      expect([0, 1, 2, 3, 4, 5, 6].filter((round) => hasTurn(round, turns, 7))).toHaveLength(turns);
    expect([0, 1, 2, 3, 4, 5, 6].filter((round) => hasTurn(round, 3, 7))).toEqual([2, 4, 6]);
  });

  it('relates a step to the measured limit', () => {
    expect(limitShare(2e9, 40, 200)).toBeCloseTo(0.25); // 50 of 200 GFLOP/s
  });
});

describe('targets', () => {
  it('compare the right engines', () => {
    expect(value(/PyTorch eager/)).toBeCloseTo(0.8);
    expect(value(/fused kernels, time/)).toBeCloseTo(0.9);
    expect(value(/product limit at batch 4/)).toBeCloseTo(2e9 / 45e-3 / 1e9 / 200);
    expect(value(/product limit at batch 16/)).toBeNull();
    expect(value(/op by op/)).toBeCloseTo(2);
    expect(value(/on the batch/)).toBeCloseTo(0.04);
    expect(value(/on a probe of 12/)).toBeCloseTo(0.2);
    expect(value(/^regulariser/)).toBeCloseTo(0.25);
    expect(value(/wasm/)).toBeNull();
    expect(value(/memory/)).toBeCloseTo(2);
    expect(value(/recording and loading/)).toBeCloseTo(1.5);
  });

  it('are met at their limit', () => {
    expect(isMet({ limit: 0.9, direction: 'at most' }, 0.9)).toBe(true);
    expect(isMet({ limit: 0.9, direction: 'at most' }, 0.91)).toBe(false);
    expect(isMet({ limit: 1.6, direction: 'at least' }, 1.5)).toBe(false);
  });
});

describe('the page', () => {
  const text = renderRecord(record);

  it('shows figures, misses and reasons', () => {
    expect(text).toContain('| recorded, time over PyTorch eager | at most 0.90 x | 0.80 x met |');
    expect(text).toContain('| op by op, time over recorded | at least 2.20 x | 2.00 x **missed** |');
    expect(text).toContain('| wasm, time over recorded | at most 8.00 x | no number |');
    expect(text).toContain(
      '| TensorFlow, recorded | **40.0** (40.0-60.0) | 41.6 (+4.0 %) | 48.0 (+20 %) | 50.0 (+25 %) | 6400 | 25 % of 200 | 200 | 1.5 |',
    );
    expect(text).toContain('not measured: broken \\| pipe');
    expect(text).toContain('2026-01-02; linux x64, 8 GiB; 2 threads; 3 rounds; library 1.2.');
  });

  it('has as many cells in every row of a table as in its head', () => {
    for (const block of notEmpty(text.split('\n\n').filter((part) => part.startsWith('|')))) {
      const cells = block.split('\n').map((line) => line.replaceAll('\\|', '').split('|').length);
      expect(new Set(cells).size).toBe(1);
    }
  });

  it('replaces only what stands between the markers, and twice gives the same', () => {
    const page = `before\n${markers.begin}\nold\n${markers.end}\nafter\n`;
    const once = replaceBetween(page, 'new', markers);
    expect(once).toBe(`before\n${markers.begin}\n\nnew\n\n${markers.end}\nafter\n`);
    expect(replaceBetween(once, 'new', markers)).toBe(once);
    expect(() => replaceBetween('no markers', 'new', markers)).toThrow(/once each/);
    expect(() => replaceBetween(`${page}${page}`, 'new', markers)).toThrow(/once each/);
  });

  it('names a machine without its marks', () => {
    expect(machineClass(record.machine)).toBe('intel-some-thing-2-cores');
    expect(machineClass({ ...record.machine, gpu: 'NVIDIA X1' })).toBe('intel-some-thing-2-cores-nvidia-x1');
  });
});

describe('--only', () => {
  it('takes engines, configurations and batches; a sort that is not named stays whole', () => {
    const chosen = choose('recorded, torch,small');
    expect([chosen.engines.map(({ name }) => name), chosen.configs, chosen.batches]).toEqual([
      ['recorded', 'torch'],
      ['small'],
      [4, 16],
    ]);
    expect(choose('16').batches).toEqual([16]);
  });

  it('names what there is when a word is unknown', () => {
    expect(() => choose('recorded,smal')).toThrow(/"smal" is no engine.*stories15m/);
    expect(() => choose(' ,')).toThrow(/nothing is no engine/);
  });
});
