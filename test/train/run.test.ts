/** Whole runs of a toy task: records, determinism, evaluation, alignment of both modalities. */
import { existsSync, readdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { cachePath } from '../../src/files';
import { readSafetensors } from '../../src/models/weights/safetensors';
import { availableBackends, useBackend } from '../../src/tensor/backend';
import { asFloat32 } from '../../src/tensor/bfloat16';
import { openSession } from '../../src/tensor/program';
import { batchIndices, encodeExample } from '../../src/train/batches';
import { evaluationRecord, predict } from '../../src/train/evaluate';
import { predictionLines, readPredictions, stored } from '../../src/train/predictions';
import { initialState, scoreProgram } from '../../src/train/programs';
import type { JournalRecord, TrainRecord } from '../../src/train/records';
import type { RunCheckpoint } from '../../src/train/checkpoint';
import { trainPrepared, type TrainOptions, type TrainSummary } from '../../src/train/run';
import type { RunSpec } from '../../src/manifest/run';
import { withCache } from '../../testing/environment';
import { expectEvery, notEmpty } from '../../testing/lists';
import { tinyPrepared, tinySpec } from '../../testing/tinyTask';
import { schedulerOf } from '../../testing/specs';

const linked = cachePath('tensorflow');
const { cache } = withCache();
beforeAll(async () => {
  if (existsSync(linked)) symlinkSync(linked, join(cache, 'tensorflow'));
  await useBackend({ name: 'cpu' });
});

async function collect(
  spec: RunSpec,
  sound = false,
  options: TrainOptions = {},
): Promise<{ records: JournalRecord[]; summary: TrainSummary }> {
  const run = trainPrepared(spec, tinyPrepared(spec, sound), options);
  const records: JournalRecord[] = [];
  for (;;) {
    const next = await run.next();
    if (next.done) return { records, summary: next.value };
    records.push(next.value);
  }
}
const of = <K extends JournalRecord['kind']>(records: JournalRecord[], kind: K) =>
  records.filter((record): record is Extract<JournalRecord, { kind: K }> => record.kind === kind);

describe('a run', () => {
  it.each([
    ['image, captions', false],
    ['sound, classes', true],
  ])('trains and evaluates end to end: %s', async (_name, sound) => {
    const spec = tinySpec({
      duration: { steps: 80 },
      evaluate: { every: 40, limit: 0, validation: 9 },
      align: { steps: 40, learningRate: 1e-2, batch: 8 },
    });
    const { records, summary } = await collect(spec, sound);
    const losses = of(records, 'train').map(({ loss }) => loss);
    expect(losses).toHaveLength(80);
    expect(losses.slice(-10).reduce((a, b) => a + b) / losses.slice(0, 10).reduce((a, b) => a + b)).toBeLessThan(0.5);
    expect(of(records, 'measure').map(({ step }) => step)).toEqual(Array.from({ length: 26 }, (_, i) => 3 * (i + 1)));
    expect(of(records, 'evaluate').map(({ step, split }) => `${split} ${step}`)).toEqual([
      'validation 40',
      'validation 80',
      'evaluation 80',
    ]);
    expect(summary.final.choice.total).toBe(9);
    expect(summary.final.choice.accuracy).toBeGreaterThan(0.6);
    expect(summary.final.generation!.accuracy).toBeGreaterThan(0.5); // among all words, not three choices
    const { tensors } = readSafetensors(summary.checkpoint, 'checkpoint');
    expect(Object.keys(tensors)).toContain('encoder.hidden.weight');
    expect(Object.keys(tensors)).toContain('backbone.layers.1.down.lora_B');
  });

  it('is a function of its spec: the same run twice gives the same bytes, another seed does not', async () => {
    const [first, second, other] = [
      await collect(tinySpec()),
      await collect(tinySpec()),
      await collect(tinySpec({ seed: 2 })),
    ];
    expect(JSON.stringify(second.records)).toBe(JSON.stringify(first.records));
    expect(Buffer.compare(second.summary.checkpoint, first.summary.checkpoint)).toBe(0);
    expect(JSON.stringify(other.records)).not.toBe(JSON.stringify(first.records));
  });

  it('aligns once for a seed: another scheduler reads the cached encoder', async () => {
    const before = readdirSync(join(cache, 'alignment')).length;
    await collect(tinySpec({ seed: 77 }));
    await collect(tinySpec({ seed: 77, scheduler: { kind: 'commit-clr' } }));
    await collect(tinySpec({ seed: 77, optimiser: { kind: 'schedule-free' } }));
    await collect(tinySpec({ seed: 77, optimiser: { kind: 'adamw', loraRatio: 8 } }));
    expect(readdirSync(join(cache, 'alignment')).length).toBe(before + 1);
  });

  it.each([
    ['feature-cd', { kind: 'feature-cd', warm: 0.5, period: 3 }],
    ['language-cd', { kind: 'language-cd', warm: 0.5, period: 3 }],
  ] as const)('%s trains one module at a time', async (name, scheduler) => {
    const { records } = await collect(tinySpec({ scheduler }));
    for (const { learningRate } of notEmpty(of(records, 'train')))
      expect(Math.min(learningRate.encoder, learningRate.backbone)).toBe(0);
    const alone = name === 'feature-cd' ? 'encoder' : 'backbone';
    expectEvery(of(records, 'train').slice(0, 6), ({ learningRate }) => learningRate[alone] > 0);
    expectEvery(of(records, 'measure'), ({ floor }) => floor);
  });

  it('commit-clr moves the rates against kappa, and commit adds its regulariser', async () => {
    const clr = of(
      (
        await collect(
          tinySpec({ scheduler: { kind: 'commit-clr', interval: 3, window: 1 }, measure: { every: 3, on: 'batch' } }),
        )
      ).records,
      'measure',
    );
    for (let i = 1; i < clr.length; i++) {
      const expected = Math.sign(clr[i - 1]!.logKappa);
      expect(Math.sign(clr[i]!.factor.encoder - clr[i]!.factor.backbone)).toBe(expected);
    }
    const commit = of(
      (await collect(tinySpec({ scheduler: { kind: 'commit' }, regulariser: { kind: 'commit', lambda: 0.5 } })))
        .records,
      'measure',
    );
    expect(commit.at(-1)!.regulariser).toBeLessThan(0);
    expect(clr.at(-1)!.regulariser).toBe(0);
  });

  it('the rivals train too: gradnorm keeps a sum of 2, the cosine ends at its final factor, ogm-ge repeats its noise', async () => {
    const balanced = of(
      (await collect(tinySpec({ scheduler: { kind: 'gradnorm', rate: 0.3 } }))).records,
      'measure',
    ).map(({ factor }) => factor);
    for (const factor of notEmpty(balanced)) expect(factor.encoder + factor.backbone).toBeCloseTo(2, 12);
    expect(balanced.at(-1)!.encoder).not.toBe(1);
    const cosine = of((await collect(tinySpec({ scheduler: { kind: 'warmup-cosine', final: 0.1 } }))).records, 'train');
    expect(cosine.at(-1)!.learningRate.encoder / tinySpec().learningRate.encoder).toBeCloseTo(0.1, 9);
    const losses = async (scheduler: RunSpec['scheduler']) =>
      of((await collect(tinySpec({ scheduler }))).records, 'train').map(({ loss }) => loss);
    const noisy = await losses(schedulerOf({ kind: 'ogm-ge' }));
    expect(noisy).toEqual(await losses(schedulerOf({ kind: 'ogm-ge' })));
    expect(noisy).not.toEqual(await losses({ kind: 'constant' }));
  });

  it('greedy trains both modules first, then the slower one alone in most steps', async () => {
    const { records } = await collect(tinySpec({ scheduler: { kind: 'greedy', warm: 0.25, rebalance: 2 } }));
    const trained = of(records, 'train').map(({ learningRate: { encoder, backbone } }) => [encoder > 0, backbone > 0]);
    expectEvery(trained.slice(0, 3), (both) => both[0]! && both[1]!);
    expect(trained.slice(3).filter((both) => both[0] !== both[1]).length).toBeGreaterThan(3);
  });

  it('schedule-free is evaluated and kept at its average, and prodigy tells the distances that it finds', async () => {
    const averaged = tinySpec({ optimiser: { kind: 'schedule-free' } });
    let checkpoint: RunCheckpoint | undefined;
    const { summary } = await collect(averaged, false, {
      checkpoints: { due: (step) => step === 12, save: (kept) => (checkpoint = kept) },
    });
    const { tensors } = checkpoint!;
    const kept = Object.entries(readSafetensors(summary.checkpoint, 'checkpoint').tensors);
    const evaluated = (module: string) =>
      kept.filter(([name]) => name.startsWith(`${module}.`)).flatMap(([, { data }]) => [...data]);
    for (const module of ['encoder', 'backbone']) {
      expect(evaluated(module).sort()).toEqual([...asFloat32(tensors[`${module}/average`]!.data)].sort());
      expect(evaluated(module).sort()).not.toEqual([...asFloat32(tensors[`${module}/theta`]!.data)].sort());
    }
    const { records } = await collect(
      tinySpec({ optimiser: { kind: 'prodigy', safeguard: 'on' }, learningRate: { encoder: 1, backbone: 1 } }),
    );
    const distances = of(records, 'train').map(({ distance }) => distance!);
    for (const [i, { encoder, backbone }] of notEmpty(distances.entries())) {
      const before = distances[i - 1] ?? { encoder: Math.fround(1e-6), backbone: Math.fround(1e-6) };
      expect(encoder >= before.encoder && backbone >= before.backbone).toBe(true);
    }
    expect(distances.at(-1)!.encoder).toBeGreaterThan(1e-5);
  });

  it('trains the connector alone before a frozen backbone, whose divergence is at the floor', async () => {
    const { records } = await collect(tinySpec({ tuning: { backbone: { kind: 'frozen' } } }));
    expectEvery(
      of(records, 'measure'),
      ({ floor, dBackbone, parameterNorm }) => floor && dBackbone === 1e-8 && parameterNorm.backbone === 0,
    );
    expectEvery(of(records, 'train'), ({ gradientNorm }) => gradientNorm.backbone === 0 && gradientNorm.encoder > 0);
  });

  it.each([
    ['image, captions', false],
    ['sound, classes', true],
  ])(
    'starts alike with the connector on either side, aligned once, and counts it where it belongs: %s',
    async (_name, sound) => {
      const aligned = () => readdirSync(join(cache, 'alignment')).length;
      const before = aligned();
      const withSide = async (connectorSide: string) =>
        collect(
          tinySpec({
            seed: 78,
            connectorSide,
            tuning: { encoder: 'scale-shift', backbone: { kind: 'lora', rank: 2, alpha: 4 } },
            regulariser: { kind: 'commit', lambda: 0.01 },
          }),
          sound,
        );
      const [usual, other] = [await withSide('encoder'), await withSide('backbone')];
      expect(aligned()).toBe(before + 1);
      const [first, second] = [usual, other].map(({ records }) => of(records, 'train')) as [
        TrainRecord[],
        TrainRecord[],
      ];
      expect(second[0]!.loss).toBe(first[0]!.loss);
      const norms = (record: TrainRecord) => record.gradientNorm;
      // All gradients of both modules together are the same; the connector's are most of them, and change sides.
      expect(Math.hypot(norms(second[0]!).encoder, norms(second[0]!).backbone)).toBeCloseTo(
        Math.hypot(norms(first[0]!).encoder, norms(first[0]!).backbone),
        5,
      );
      expect(norms(second[0]!).encoder).toBeLessThan(norms(first[0]!).encoder);
      expect(norms(second[0]!).encoder).toBeGreaterThan(0);
      expectEvery(of(other.records, 'measure'), ({ floor, kappa }) => !floor && kappa > 0);
      const names = Object.keys(readSafetensors(other.summary.checkpoint, 'checkpoint').tensors);
      expect(names.filter((name) => name.startsWith('encoder.'))).toEqual([
        'encoder.features.scale',
        'encoder.features.shift',
      ]);
      expect(names).toContain('backbone.hidden.weight');
      expect(other.summary.final.generation!.total).toBe(usual.summary.final.generation!.total);
    },
  );

  it('is evaluated on other tasks without any trace in its own numbers, and keeps what it predicted there', async () => {
    const spec = tinySpec();
    const prepared = tinyPrepared(spec);
    const other = {
      task: 'other',
      items: prepared.items.evaluation.slice(0, 6),
      codec: prepared.codec,
      features: prepared.features,
      sizes: prepared.sizes,
      notices: ['something was left out'],
    };
    const collected = async (transfer: (typeof other)[]) => {
      const records: JournalRecord[] = [];
      const run = trainPrepared(spec, { ...prepared, transfer });
      for (;;) {
        const next = await run.next();
        if (next.done === true) return { records, summary: next.value };
        records.push(next.value);
      }
    };
    const [alone, both] = [await collected([]), await collected([other])];
    expect(both.summary.final).toEqual(alone.summary.final);
    expect(both.records.filter((record) => record.kind === 'train')).toEqual(
      alone.records.filter((record) => record.kind === 'train'),
    );
    const there = of(both.records, 'evaluate').filter(({ task }) => task === 'other');
    expect(there).toHaveLength(1);
    expect(both.records.at(-1)).toEqual(both.summary.final);
    expect(both.summary.notices).toContain('something was left out');
    const predictions = readPredictions(both.summary.predictions, 'here');
    const at = (task: string) =>
      predictions.filter((prediction) => prediction.task === task).map(({ task: _task, ...rest }) => rest);
    expect(at('other')).toEqual(at('emoji-icon-qa').slice(0, 6));
    expect(there[0]!.choice.correct).toBe(at('other').filter(({ chosen, answer }) => chosen === answer).length);
  });

  it('measures on a probe when asked', async () => {
    const { records } = await collect(tinySpec({ measure: { every: 3, on: 'probe', probe: 5 } }));
    expectEvery(of(records, 'measure'), ({ on, kappa }) => on === 'probe' && kappa > 0);
  });

  it('stops with the step and module when numbers are no longer finite', async () => {
    await expect(
      collect(
        tinySpec({
          learningRate: { encoder: 1e30, backbone: 1e30 },
          optimiser: { kind: 'sgd', clip: 0 },
          align: { steps: 0, learningRate: 1 },
        }),
      ),
    ).rejects.toThrow(
      /step \d+: training diverged: the (output of the encoder|loss of the backbone|gradient of the (encoder|backbone)) is/,
    );
  });
});

describe('evaluation', () => {
  it('generates what teacher forcing predicts, and scores long choices by their whole text', async () => {
    const spec = tinySpec();
    const prepared = tinyPrepared(spec);
    const setting = {
      model: prepared.model,
      vocabulary: prepared.codec.vocabulary.ids.length,
      optimiser: spec.optimiser,
      regulariser: spec.regulariser,
    };
    const session = openSession({ score: scoreProgram(setting, prepared.shape(4)) }, initialState(setting, 3));
    const predictions = await predict(
      session,
      prepared.items.evaluation,
      prepared.codec,
      prepared.features,
      prepared.shape(4),
      { generate: true },
    );
    expect(predictions).toHaveLength(9);
    for (const { item, likelihoods, chosen, generated, loss } of notEmpty(predictions)) {
      expect(likelihoods).toHaveLength(item.choices.length);
      expect(chosen).toBe(item.choices[likelihoods.indexOf(Math.max(...likelihoods))]);
      // a generated answer scores at least as well, token by token, as the reference does at its first token
      expect(generated).not.toBeNull();
      expect(loss).toBeGreaterThan(0);
      if (item.kind === 'long') expect(-loss).toBeCloseTo(likelihoods[item.choices.indexOf(item.answer)]!, 4);
    }
    const lines = predictionLines(predictions.map((prediction) => stored('emoji-icon-qa', prediction)));
    const record = await evaluationRecord(readPredictions(lines, 'here'), 5, 'evaluation');
    expect(record.choice.total).toBe(9);
    expect(Object.keys(record.choiceByKind)).toEqual(['long', 'short']);
    expect(record.choiceByKind['long']!.total + record.choiceByKind['short']!.total).toBe(9);
    session.dispose();
  });
});

describe('batches', () => {
  it('see every example once an epoch, in an order that depends on seed and purpose alone', () => {
    const seen = (seed: number) => {
      const of = batchIndices(10, 4, seed, 'train');
      return Array.from({ length: 5 }, (_, i) => of(i + 1)).flat();
    };
    expect([...seen(1).slice(0, 10)].sort((a, b) => a - b)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect(seen(1)).toEqual(seen(1));
    expect(seen(1)).not.toEqual(seen(2));
    // any step can be asked for first: nothing is a stream
    expect(batchIndices(10, 4, 1, 'train')(4)).toEqual(seen(1).slice(12, 16));
  });

  it('label the answer and its end only', () => {
    const { codec } = tinyPrepared(tinySpec());
    const example = encodeExample(codec, 'm', 'what is it', 'old cat');
    expect(example.tokens).toHaveLength(6);
    expect(example.answerFrom).toBe(3);
  });
});

const native = availableBackends().find(({ name }) => name === 'tensorflow')!;
describe.runIf(native.available)('recorded on TensorFlow', () => {
  it('the same run twice gives the same bytes', async () => {
    await useBackend({ name: 'tensorflow', threads: 1 });
    const [first, second] = [await collect(tinySpec()), await collect(tinySpec())];
    expect(JSON.stringify(second.records)).toBe(JSON.stringify(first.records));
    expect(Buffer.compare(second.summary.checkpoint, first.summary.checkpoint)).toBe(0);
  });
});
