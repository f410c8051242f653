/**
 * An evaluation that is interrupted goes on where it was: nothing that was kept is computed again, and the bytes are
 * those of the run left alone.
 */
import { cpSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { sha256 } from '../../src/files';
import type { RunSpec } from '../../src/manifest/run';
import { runFolder } from '../../src/runner/folders';
import { useBackend } from '../../src/tensor/backend';
import type { KeptEvaluation } from '../../src/train/batchLog';
import type { RunCheckpoint } from '../../src/train/checkpoint';
import type { Prepared } from '../../src/train/prepare';
import { trainPrepared, type TrainOptions } from '../../src/train/run';
import { withCache } from '../../testing/environment';
import { freshResults, taskOf } from '../../testing/fakeRuns';
import { readOutcome, runChild } from '../../testing/killing';
import { notEmpty } from '../../testing/lists';
import { trainTiny } from '../../testing/tinyRuns';
import { tinyPrepared, tinySpec } from '../../testing/tinyTask';

const { cache } = withCache();
beforeAll(async () => {
  await useBackend({ name: 'cpu' });
});

const short = {
  duration: { steps: 4 },
  align: { steps: 0, learningRate: 1e-2 },
  evaluate: { every: 4, limit: 0, validation: 4 },
};
const again = <T>(value: T): T => JSON.parse(JSON.stringify(value)) as T;

/** The toy task with two other tasks to transfer to: its own questions in two more orders. */
function withTransfer(spec: RunSpec): Prepared {
  const prepared = tinyPrepared(spec);
  const other = (task: string, items: Prepared['items']['evaluation']) => ({
    task,
    items,
    codec: prepared.codec,
    features: prepared.features,
    sizes: prepared.sizes,
    notices: [],
  });
  return {
    ...prepared,
    transfer: [
      other('there', [...prepared.items.validation].reverse()),
      other('elsewhere', prepared.items.evaluation.slice(0, 5)),
    ],
  };
}

async function collect(
  options: TrainOptions,
  prepared = withTransfer,
): Promise<{ lines: string[]; predictions: string; notices: string[] }> {
  const spec = tinySpec(short);
  const run = trainPrepared(spec, prepared(spec), options);
  const lines: string[] = [];
  for (;;) {
    const next = await run.next();
    if (next.done) return { lines, predictions: next.value.predictions, notices: next.value.notices };
    lines.push(JSON.stringify(next.value));
  }
}

/**
 * Every state in which an evaluation of the run could be interrupted, as it would be read again, and the records before
 * it.
 */
async function interruptions(): Promise<{ states: RunCheckpoint[]; before: number[] }> {
  const spec = tinySpec(short);
  let newest: RunCheckpoint | undefined;
  let [records, atCheckpoint] = [0, 0];
  const states: RunCheckpoint[] = [];
  const before: number[] = [];
  const run = trainPrepared(spec, withTransfer(spec), {
    checkpoints: {
      due: () => false,
      dueInEvaluation: () => true,
      save: ({ loop, tensors }) => {
        [newest, atCheckpoint] = [{ loop: again(loop), tensors }, records];
      },
      saveEvaluated: (evaluated) => {
        states.push({ ...newest!, evaluated: again(evaluated) });
        before.push(atCheckpoint);
      },
    },
  });
  while ((await run.next()).done !== true) records += 1;
  return { states, before };
}

describe('an evaluation', () => {
  it('goes on after any batch of any of its passes, computes no kept batch again, and gives the same records and predictions', async () => {
    const alone = await collect({});
    const { states, before } = await interruptions();
    expect(states.length).toBeGreaterThan(10);
    expect(new Set(states.map(({ loop }) => loop.reached))).toEqual(new Set(['trained', 'closed']));
    for (const [i, state] of notEmpty(states.entries())) {
      const kept: KeptEvaluation[] = [];
      const found = await collect({
        from: state,
        checkpoints: {
          due: () => false,
          dueInEvaluation: () => true,
          save: () => undefined,
          saveEvaluated: (evaluated) => kept.push(again(evaluated)),
        },
      });
      expect([...alone.lines.slice(0, before[i]), ...found.lines], `interrupted after ${i}`).toEqual(alone.lines);
      expect(found.predictions).toBe(alone.predictions);
      expect(kept).toHaveLength(states.length - i - 1);
      expect(kept.map(({ batches }) => batches)).toEqual(
        states.slice(i + 1).map(({ evaluated }) => evaluated!.batches),
      );
      expect(found.notices).toEqual(alone.notices);
    }
  });

  it('interrupted between two tasks of evaluate.transfer hands out no record twice', async () => {
    const alone = await collect({});
    const stop = new AbortController();
    const saved: RunCheckpoint[] = [];
    const lines: string[] = [];
    const spec = tinySpec(short);
    const run = trainPrepared(spec, withTransfer(spec), {
      signal: stop.signal,
      onStage: (text) => {
        if (text.startsWith('elsewhere')) stop.abort();
      },
      checkpoints: { due: () => false, save: (checkpoint) => saved.push(checkpoint) },
    });
    await expect(
      (async () => {
        for await (const record of run) lines.push(JSON.stringify(record));
      })(),
    ).rejects.toThrow(/abort/i);
    const rest = await collect({ from: saved.at(-1)! });
    expect(lines.at(-1)).toContain('"task":"there"');
    expect([...lines, ...rest.lines]).toEqual(alone.lines);
    expect(rest.predictions).toBe(alone.predictions);
  });

  it('computes again what does not fit its questions, and says so', async () => {
    const alone = await collect({});
    const { states } = await interruptions();
    const last = states.at(-1)!;
    const wrong = last.evaluated!.batches.map((rows, i) => (i === 1 ? rows.slice(1) : rows));
    const found = await collect({ from: { ...last, evaluated: { ...last.evaluated!, batches: wrong } } });
    expect(found.predictions).toBe(alone.predictions);
    expect(alone.lines.slice(-found.lines.length)).toEqual(found.lines);
    expect(found.notices.join()).toContain('did not fit');
  });
});

describe('a run that is killed while it is evaluated', () => {
  let left: ReturnType<typeof readOutcome>;
  let killed = '';
  beforeAll(async () => {
    const results = freshResults();
    await trainTiny(results, { spec: short });
    left = readOutcome(results, short);
    killed = freshResults();
    // Inside a later write of what was evaluated: earlier ones are whole, of this one half the bytes.
    expect(
      (
        await runChild(
          { results: killed, spec: short, every: 100, seconds: 0, on: 'evaluated', at: 19, part: 0.5 },
          cache,
        )
      ).killed,
    ).toBe(true);
  }, 60_000);
  /** The notices of the run that goes on, after its kept files were changed. */
  async function goOn(change: (text: string) => string): Promise<string> {
    const results = freshResults();
    cpSync(killed, results, { recursive: true });
    const { checkpoints } = runFolder(results, 'test', taskOf(results, tinySpec(short)).id);
    const kept = readdirSync(checkpoints).filter((file) => file.endsWith('.evaluated.json'));
    expect(kept.length).toBeGreaterThan(0);
    for (const file of kept)
      writeFileSync(join(checkpoints, file), change(readFileSync(join(checkpoints, file), 'utf8')));
    expect((await trainTiny(results, { spec: short })).outcome.kind).toBe('done');
    const found = readOutcome(results, short);
    expect(found.journal).toBe(left.journal);
    expect(found.predictions).toBe(left.predictions);
    expect(found.weights.equals(left.weights)).toBe(true);
    return found.file.notices.join('\n');
  }
  const resealed = (change: (content: Record<string, unknown>) => void) => (text: string) => {
    const { sha256: _seal, ...content } = JSON.parse(text) as Record<string, unknown>;
    change(content);
    return JSON.stringify({ ...content, sha256: sha256(JSON.stringify(content)) });
  };

  it('goes on with what it had kept, to the same bytes', async () => {
    expect(await goOn((text) => text)).toMatch(
      /an evaluation after step 4 was interrupted; it went on after its first \d+ batches/,
    );
  });

  it.each([
    ['torn', (text: string) => text.slice(0, text.length / 2), 'its file is damaged'],
    ['changed', (text: string) => text.replace(/-\d\.\d{3}/, '-0.001'), 'its file is damaged'],
    ['no object', () => '[1]', 'its file is damaged'],
    [
      'without numbers',
      resealed((content) => {
        content['evaluated'] = { batches: [[[null]]], seconds: 1 };
      }),
      'its file is damaged',
    ],
    [
      'of another version',
      resealed((content) => {
        content['format'] = 'equipoise-evaluated/9';
      }),
      'its format is "equipoise-evaluated/9"',
    ],
    [
      'of other weights',
      resealed((content) => {
        content['tensors'] = '0'.repeat(64);
      }),
      'it belongs to other weights',
    ],
    [
      'of another run',
      resealed((content) => {
        content['identity'] = '0'.repeat(64);
      }),
      'it belongs to another run',
    ],
    [
      'of another machine',
      resealed((content) => {
        (content['origin'] as Record<string, unknown>)['threads'] = 7;
      }),
      'it was made under other conditions: threads 7 then, 1 now',
    ],
  ])('evaluates again, and says so, when what was kept is %s', async (_what, change, why) => {
    const notices = await goOn(change);
    expect(notices).toContain(`what was evaluated after step 4 cannot be used and is evaluated again: ${why}`);
    expect(notices).not.toContain('went on after');
  });
});
