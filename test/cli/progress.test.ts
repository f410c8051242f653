/** Progress, words and estimates. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { showProgress } from '../../src/cli/progress';
import { duration, short } from '../../src/cli/text';
import { estimateRuns, runEstimator, type Timing } from '../../src/runner/estimate';
import { workerCount } from '../../src/runner/local';
import { planRuns } from '../../src/runner/plan';
import { fakeRuns, freshResults } from '../../testing/fakeRuns';
import { fakeSpec } from '../../testing/fakeTrainer';
import { schedulerOf } from '../../testing/specs';

const timing = (seed: number, steps: number, secondsPerStep: number, otherSeconds: number): Timing => ({
  spec: fakeSpec(seed, steps),
  backend: 'cpu cpu',
  steps,
  secondsPerStep,
  otherSeconds,
});

describe('progress', () => {
  beforeEach(() => {
    vi.useFakeTimers();
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  const shown = (isTTY: boolean) => {
    const written: string[] = [];
    const runs = planRuns(freshResults(), 'test', fakeRuns(3, 100));
    const progress = showProgress({
      stream: { write: (text) => written.push(text), isTTY, columns: 60 },
      total: 5,
      done: 2,
      runs,
      workers: 2,
      timings: [timing(9, 100, 0.5, 10)],
      timingOf: () => timing(0, 100, 0.5, 10),
    });
    return { written, runs, progress };
  };

  it('without a terminal is a line for each end and one every ten seconds', () => {
    const { written, runs, progress } = shown(false);
    progress.observe({ kind: 'started', run: runs[0]!, attempt: 1 });
    progress.observe({
      kind: 'progress',
      run: runs[0]!,
      step: 50,
      steps: 100,
      loss: 1.2345,
      kappa: 2,
      stepsPerSecond: 2.04,
    });
    vi.advanceTimersByTime(9_900);
    expect(written).toEqual([]);
    vi.advanceTimersByTime(200);
    expect(written).toEqual([
      `2/5 done | ${runs[0]!.id.slice(0, 6)} step 50/100 loss 1.23 kappa 2 2.04 steps/s | about 1 min 15 s left\n`,
    ]);
    progress.observe({
      kind: 'ended',
      run: runs[0]!,
      ending: { kind: 'trained', seconds: 61, accuracy: 0.5, steps: 100 },
    });
    progress.observe({
      kind: 'ended',
      run: runs[1]!,
      ending: { kind: 'failed', message: 'no\u001b[2J', unavailable: false },
    });
    expect(written.slice(1)).toEqual([
      `[3/5] ${runs[0]!.id} done in 1 min 1 s, accuracy 0.500  seed 0\n`,
      `[3/5] ${runs[1]!.id} failed: no\\u001b[2J  seed 1\n`,
    ]);
    progress.end();
    vi.advanceTimersByTime(60_000);
    expect(written).toHaveLength(3);
  });

  const screen = /^\r(?:\u001b\[\d+A)?\u001b\[J$/;

  it('on a terminal is one line that is rewritten and never wider, as long as one run is trained', () => {
    const { written, runs, progress } = shown(true);
    progress.observe({ kind: 'started', run: runs[0]!, attempt: 1 });
    vi.advanceTimersByTime(500);
    expect(written.filter((text) => text.includes('\n'))).toEqual([]);
    expect(written.filter((text) => text.includes('2/5 done'))).toHaveLength(2);
    for (const text of written) expect(text.replace(screen, '').length).toBeLessThan(60);
    progress.end();
    expect(written.at(-1)).toMatch(screen);
  });

  it('on a terminal shows each of several runs on a line, shortened where there is no room, and keeps the time left', () => {
    const { written, runs, progress } = shown(true);
    const at = (i: number, kappa: number) =>
      progress.observe({
        kind: 'progress',
        run: runs[i]!,
        step: 50,
        steps: 100,
        loss: 1.2345,
        kappa,
        stepsPerSecond: 2.04,
      });
    at(0, 3_990_000);
    vi.advanceTimersByTime(250);
    const alone = written.at(-1)!.split('\n');
    expect(alone[0]).toMatch(/^2\/5 done \| about 1 min \d+ s left$/);
    expect(alone[1]).toBe(`${runs[0]!.id.slice(0, 6)} step 50/100 loss 1.23 kappa 3.99e6 2.04 steps/s`);
    at(1, 0.00000462);
    vi.advanceTimersByTime(250);
    expect(written.at(-2)).toBe('\r\u001b[1A\u001b[J');
    const both = written.at(-1)!.split('\n');
    expect(both).toHaveLength(3);
    expect(both[2]).toContain('kappa 4.62e-6');
    for (const line of both) expect(line.length).toBeLessThan(60);
    progress.end();
    expect(written.at(-1)).toBe('\r\u001b[2A\u001b[J');
  });

  it('on a dumb terminal is written as to a file', () => {
    const written: string[] = [];
    const runs = planRuns(freshResults(), 'test', fakeRuns(1, 100));
    const progress = showProgress(
      {
        stream: { write: (text) => written.push(text), isTTY: true, columns: 40 },
        total: 1,
        done: 0,
        runs,
        workers: 1,
        timings: [],
        timingOf: () => null,
      },
      { TERM: 'dumb' },
    );
    progress.observe({ kind: 'started', run: runs[0]!, attempt: 1 });
    vi.advanceTimersByTime(10_000);
    progress.end();
    expect(written).toEqual([`0/1 done | ${runs[0]!.id.slice(0, 6)} starting\n`]);
  });
});

describe('an estimate', () => {
  it('comes from runs of the same kind and long enough, scaled by steps', () => {
    const secondsOf = runEstimator([timing(1, 100, 0.5, 30), timing(2, 100, 0.5, 10), timing(3, 6, 9, 200)]);
    expect(secondsOf(fakeSpec(7, 200))).toBe(110);
    expect(secondsOf(fakeSpec(7, 1000))).toBeNull();
    expect(secondsOf({ ...fakeSpec(7), task: 'another' })).toBeNull();
    expect(secondsOf({ ...fakeSpec(7), scheduler: schedulerOf({ kind: 'commit-clr' }) })).toBe(15);
  });

  it('shares the work, but no run is shared', () => {
    expect(estimateRuns([fakeSpec(1), fakeSpec(2), fakeSpec(3)], 2, () => 10)).toEqual({
      seconds: 15,
      known: 3,
      unknown: 0,
    });
    expect(estimateRuns([fakeSpec(1)], 8, () => 10).seconds).toBe(10);
    expect(estimateRuns([fakeSpec(1)], 8, () => null)).toEqual({ seconds: null, known: 0, unknown: 1 });
    expect(estimateRuns([], 8, () => null).seconds).toBe(0);
  });

  it('counts workers as asked, else one on a GPU, and never more than runs', () => {
    expect(workerCount(3, 10, true)).toBe(3);
    expect(workerCount('auto', 10, true)).toBe(1);
    expect(workerCount('auto', 1, false)).toBe(1);
    expect(workerCount(5, 0, false)).toBe(1);
  });
});

describe('words', () => {
  it('for a length of time use the units that matter', () => {
    expect([0.4, 59, 60, 200, 599.6, 3599, 3600, 7500, 100_000].map(duration)).toEqual([
      '0 s',
      '59 s',
      '1 min',
      '3 min 20 s',
      '10 min',
      '1 h',
      '1 h',
      '2 h 5 min',
      '1 d 4 h',
    ]);
  });

  it('for a number are three digits, with a power of ten where it is large or small', () => {
    const told = [
      0, 1, 120, 0.5, 1.2345, -3.14159, 99_999, 3_990_000, 0.00000462, 9.3e-7, 0.001, 123.4, 1e21, -2e-5,
    ].map(short);
    expect(told).toEqual([
      '0',
      '1',
      '120',
      '0.5',
      '1.23',
      '-3.14',
      '100000',
      '3.99e6',
      '4.62e-6',
      '9.30e-7',
      '0.001',
      '123',
      '1.00e21',
      '-2.00e-5',
    ]);
  });
});
