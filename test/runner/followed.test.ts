/** Runs that follow another: trained behind it, by its own factors, and refused without it. */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { filledRun } from '../../src/manifest/defaults';
import type { RunSpec } from '../../src/manifest/run';
import { checkFollowed, followedBy, followedRun } from '../../src/runner/followed';
import { readRunFile, runFolder } from '../../src/runner/folders';
import { identifyRuns } from '../../src/runner/identify';
import { createJournal } from '../../src/runner/journal';
import { runQueue } from '../../src/runner/queue';
import { freshResults, inProcess, queueOptions, withOrders } from '../../testing/fakeRuns';
import { fakeSpec, readLedger } from '../../testing/fakeTrainer';

const parts = { task: 'emoji-icon-qa', encoder: 'resnet50', backbone: 'stories15m' };
const specOf = (seed: number, scheduler: object): RunSpec =>
  filledRun({ ...fakeSpec(seed, 4), ...parts, scheduler, warmup: 2 });
const leader = specOf(8, { kind: 'commit-clr' });
const follower = specOf(7, { kind: 'yoked' });
const identified = (specs: RunSpec[]) => identifyRuns(specs, 'cpu');

describe('a run that follows another', () => {
  it('names it by identity: the same setting, coordinated, with a seed that is one higher', () => {
    const [run] = identified([follower]);
    const [wanted] = identified([leader]);
    expect(followedRun(run!)).toMatchObject({ id: wanted!.id, identity: wanted!.identity });
    const further = identified([specOf(6, { kind: 'yoked', shift: 2 }), specOf(7, { kind: 'yoked', exponent: 0.1 })]);
    expect(followedRun(further[0]!)!.id).toBe(wanted!.id);
    expect(followedRun(further[1]!)!.id).not.toBe(wanted!.id);
    expect(followedRun(wanted!)).toBeNull();
  });

  it('follows every coordinated rule: that of the integral, and one that the manifest writes', () => {
    const integral = { rule: 'integral', interval: 25 };
    const written = { encoder: 'average^0.1', constants: { p: 0.1 }, interval: 3 };
    for (const [control, followed] of [
      [
        { kind: 'yoked', ...integral },
        { kind: 'commit-clr', ...integral },
      ],
      [
        { kind: 'yoked-formula', form: 'replay', ...written },
        { kind: 'formula', ...written },
      ],
    ] as const) {
      const [run] = identified([specOf(7, control)]);
      const [wanted] = identified([specOf(8, followed)]);
      expect(followedRun(run!)).toMatchObject({ id: wanted!.id, identity: wanted!.identity });
    }
  });

  it('is trained behind it, whatever the order of the manifest, and says in run.json whom it follows', async () => {
    const results = freshResults();
    const ledger = join(results, '..', `${process.pid}-followed-ledger`);
    const runs = identified([follower, leader]);
    await withOrders({ ledger, delay: 20 }, async () => {
      const endings = await runQueue(queueOptions(results, runs, { start: inProcess }));
      expect([...endings.values()].map(({ kind }) => kind)).toEqual(['trained', 'trained']);
    });
    expect(readLedger(ledger)).toEqual([8, 7]);
    const read = readRunFile(runFolder(results, 'test', runs[0]!.id).runJson);
    expect(read.state === 'read' && read.file.notices).toContain(
      `learning rates follow those of run ${runs[1]!.id} (commit-clr of seed 8)`,
    );
  });

  it('takes its factors from the journal: rates over base rate and warm-up, by hand', async () => {
    const results = freshResults();
    const runs = identified([leader, follower]);
    await runQueue(queueOptions(results, [runs[0]!], { start: inProcess }));
    const { encoder, backbone } = leader.learningRate;
    const path = runFolder(results, 'test', runs[0]!.id).journal;
    rmSync(path);
    const journal = createJournal(path);
    const gradientNorm = { encoder: 1, backbone: 1 };
    // warm-up of 2 steps: the first has half of the rate
    [
      { encoder: encoder * 0.5, backbone: backbone * 0.5 },
      { encoder: encoder * 2, backbone: backbone * 0.25 },
    ].forEach((learningRate, i) => journal.append({ kind: 'train', step: i + 1, loss: 1, learningRate, gradientNorm }));
    journal.close();
    const { factors } = followedBy(results, 'test', runs[1]!)!;
    expect(factors).toEqual([
      { encoder: 1, backbone: 1 },
      { encoder: expect.closeTo(2, 12) as number, backbone: expect.closeTo(0.25, 12) as number },
    ]);
  });

  it('is refused at plan time where that run is neither among the runs nor finished', async () => {
    const results = freshResults();
    const [run, other] = identified([follower, leader]);
    expect(() => checkFollowed(results, 'test', [run!])).toThrow(
      /follows commit-clr of seed 8 .* neither among the runs nor finished/s,
    );
    expect(() => checkFollowed(results, 'test', [run!, other!])).not.toThrow();
    await runQueue(queueOptions(results, [other!], { start: inProcess, experiment: 'before' }));
    expect(() => checkFollowed(results, 'test', [run!])).not.toThrow();
  });

  it('fails with a clear line where it is trained alone all the same', async () => {
    const results = freshResults();
    const [run] = identified([follower]);
    const endings = await runQueue(queueOptions(results, [run!], { start: inProcess }));
    expect(endings.get(run!.id)).toMatchObject({
      kind: 'failed',
      message: expect.stringMatching(/follows run .*not finished/),
    });
  });
});
