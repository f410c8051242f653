/** Exact resume: a run that is killed at any moment and goes on gives the same bytes as the run that was left alone. */
import { beforeAll, describe, expect, it } from 'vitest';
import { readSafetensors } from '../../src/models/weights/safetensors';
import { useBackend } from '../../src/tensor/backend';
import type { RunCheckpoint } from '../../src/train/checkpoint';
import type { JournalRecord } from '../../src/train/records';
import { trainPrepared, trainRun, type TrainOptions, type TrainSummary } from '../../src/train/run';
import { withCache } from '../../testing/environment';
import { killAndResume } from '../../testing/killing';
import { notEmpty } from '../../testing/lists';
import { tinyPrepared, tinySpec } from '../../testing/tinyTask';

withCache();
beforeAll(async () => {
  await useBackend({ name: 'cpu' });
});

const regularised = {
  scheduler: { kind: 'commit', interval: 2, window: 3 },
  regulariser: { kind: 'commit', lambda: 0.5, cap: 1e-7 },
  measure: { every: 2, on: 'batch' },
  evaluate: { every: 4, limit: 0, validation: 8 },
};

async function collect(over: object, options: TrainOptions = {}): Promise<{ lines: string[]; summary: TrainSummary }> {
  const spec = tinySpec(over);
  const run = trainPrepared(spec, tinyPrepared(spec), options);
  const lines: string[] = [];
  for (;;) {
    const next = await run.next();
    if (next.done) return { lines, summary: next.value };
    lines.push(JSON.stringify(next.value));
  }
}

/** Every checkpoint of a run with the number of records before it, after a round trip through JSON. */
async function checkpointsOf(over: object): Promise<{
  all: { checkpoint: RunCheckpoint; before: number }[];
  lines: string[];
  summary: TrainSummary;
  best: Uint8Array[];
}> {
  const spec = tinySpec(over);
  const all: { checkpoint: RunCheckpoint; before: number }[] = [];
  const best: Uint8Array[] = [];
  const records: JournalRecord[] = [];
  const run = trainPrepared(spec, tinyPrepared(spec), {
    checkpoints: {
      due: () => true,
      save: ({ loop, tensors }) =>
        all.push({
          checkpoint: { loop: JSON.parse(JSON.stringify(loop)) as RunCheckpoint['loop'], tensors },
          before: records.length,
        }),
      best: (weights) => best.push(weights),
    },
  });
  for (;;) {
    const next = await run.next();
    if (next.done) return { all, lines: records.map((record) => JSON.stringify(record)), summary: next.value, best };
    records.push(next.value);
  }
}

describe('a checkpoint', () => {
  it.each([
    ['commit with its regulariser', regularised],
    [
      'coordinate descent, sgd',
      { scheduler: { kind: 'feature-cd', warm: 0.4, period: 2 }, optimiser: { kind: 'sgd', momentum: 0.9 } },
    ],
    [
      'conditional learning speed, LoRA+, LAMB',
      { scheduler: { kind: 'greedy', rebalance: 2 }, optimiser: { kind: 'lamb', loraRatio: 4 } },
    ],
    ['modulated gradients, schedule-free', { scheduler: { kind: 'ogm' }, optimiser: { kind: 'schedule-free' } }],
    ['prodigy', { optimiser: { kind: 'prodigy', safeguard: 'on' }, learningRate: { encoder: 1, backbone: 1 } }],
  ])('of a step continues to the same records and weights: %s', async (_name, over) => {
    const alone = await collect(over);
    const kept = await checkpointsOf(over);
    expect(kept.lines).toEqual(alone.lines); // keeping checkpoints changes nothing
    expect(kept.all).toHaveLength(12);
    for (const { checkpoint, before } of notEmpty(kept.all.filter((_, i) => i % 6 === 0 || i === 11))) {
      const { lines, summary } = await collect(over, { from: checkpoint });
      expect([...alone.lines.slice(0, before), ...lines]).toEqual(alone.lines);
      expect(Buffer.compare(summary.checkpoint, alone.summary.checkpoint)).toBe(0);
      expect(summary.notices).toEqual(alone.summary.notices);
    }
  });

  it('is not waited for while the run is being prepared: it stops at the next stage', async () => {
    const stages: string[] = [];
    const onStage = (stage: string) => void stages.push(stage);
    await expect(trainRun(tinySpec(regularised), { signal: AbortSignal.abort(), onStage }).next()).rejects.toThrow(
      /abort/i,
    );
    expect(stages).toEqual([]);
  });

  it('is handed out when the run is stopped, also in the middle of an evaluation, and continues exactly', async () => {
    const alone = await collect(regularised);
    expect(alone.summary.notices.join()).toContain('above its cap'); // the notice at the end of training must not come twice
    for (const [stage, at] of [
      ['validation', 1],
      ['evaluation', 1],
      ['training', 0],
    ] as const) {
      const stop = new AbortController();
      const saved: RunCheckpoint[] = [];
      const lines: string[] = [];
      const spec = tinySpec(regularised);
      const run = trainPrepared(spec, tinyPrepared(spec), {
        signal: stop.signal,
        checkpoints: { due: () => false, save: (checkpoint) => saved.push(checkpoint) },
        onStage: (text) => {
          if (at > 0 && text.startsWith(`${stage} `)) stop.abort();
        },
      });
      await expect(
        (async () => {
          for await (const record of run) {
            lines.push(JSON.stringify(record));
            if (stage === 'training' && record.step === 5) stop.abort();
          }
        })(),
      ).rejects.toThrow(/abort/i);
      expect(saved).toHaveLength(1);
      const rest = await collect(regularised, { from: saved[0]! });
      expect([...lines, ...rest.lines]).toEqual(alone.lines);
      expect(Buffer.compare(rest.summary.checkpoint, alone.summary.checkpoint)).toBe(0);
    }
  });

  it('of the best validation holds its weights and its score', async () => {
    const { best, lines } = await checkpointsOf({
      duration: { steps: 12 },
      evaluate: { every: 2, limit: 0, validation: 9 },
    });
    const scores = lines
      .map((line) => JSON.parse(line) as JournalRecord)
      .flatMap((record) => (record.kind === 'evaluate' && record.split === 'validation' ? [record] : []));
    const highest = Math.max(...scores.map(({ choice }) => choice.accuracy));
    const { metadata } = readSafetensors(best.at(-1)!, 'best');
    expect(Number(metadata['accuracy'])).toBe(highest);
    expect(scores.find(({ step }) => step === Number(metadata['step']))!.loss).toBe(Number(metadata['loss']));
  });

  it('of another model is refused', async () => {
    const { all } = await checkpointsOf({});
    await expect(
      collect({ connector: { kind: 'mlp', tokens: 2, width: 10 } }, { from: all[0]!.checkpoint }),
    ).rejects.toThrow(/encoder\/first has shape/);
    await expect(collect(regularised, { from: all[0]!.checkpoint })).rejects.toThrow(
      /the checkpoint holds .*, the run needs .*previous/,
    );
  });
});

describe('a run that is killed with SIGKILL', () => {
  it('at 13 random moments, in appends and in checkpoint writes, ends with the same bytes', async () => {
    const reports = await Promise.all([
      killAndResume(regularised, 7, 'a'),
      killAndResume({ scheduler: { kind: 'commit-clr', interval: 3 }, optimiser: { kind: 'schedule-free' } }, 6, 'b'),
    ]);
    expect(reports.flatMap((report) => report.differences)).toEqual([]);
    expect(reports.reduce((sum, report) => sum + report.kills, 0)).toBe(13);
    for (const { where, notices } of notEmpty(reports)) {
      expect(Object.keys(where).sort()).toEqual(['checkpoints', 'metrics.jsonl', 'time']);
      expect(notices.filter((notice) => notice.includes('not repeated exactly'))).toEqual([]);
    }
  }, 240_000); // some fifteen processes, two at a time
});
