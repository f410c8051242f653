/** A tower that is tuned is run in the step: its gradient, its rate, kappa, the journal, and going on after a stop. */
import { beforeAll, describe, expect, it } from 'vitest';
import { readSafetensors } from '../../src/models/weights/safetensors';
import type { RunSpec } from '../../src/manifest/run';
import { useBackend } from '../../src/tensor/backend';
import { openSession } from '../../src/tensor/program';
import { fillBatch } from '../../src/train/batches';
import type { RunCheckpoint } from '../../src/train/checkpoint';
import { initialState, type Setting } from '../../src/train/programs';
import type { JournalRecord, MeasureRecord, TrainRecord } from '../../src/train/records';
import { trainPrepared, type TrainOptions, type TrainSummary } from '../../src/train/run';
import { packStep } from '../../src/train/stepInputs';
import { unpackStep } from '../../src/train/stepNumbers';
import { trainProgram } from '../../src/train/trainProgram';
import { withCache } from '../../testing/environment';
import { expectEvery, notEmpty } from '../../testing/lists';
import { optimiserOf } from '../../testing/specs';
import { tinyScalars } from '../../testing/tinyModel';
import { tinyPrepared, tinySpec } from '../../testing/tinyTask';
import { tunedPrepared, tunedSpec } from '../../testing/tunedTask';

withCache();
beforeAll(async () => {
  await useBackend({ name: 'cpu' });
});

interface Done {
  records: JournalRecord[];
  summary: TrainSummary;
  /** trained parameters by module and name */
  weights: ReturnType<typeof readSafetensors>['tensors'];
}

async function train(spec: RunSpec, prepared = tunedPrepared(spec), options: TrainOptions = {}): Promise<Done> {
  const run = trainPrepared(spec, prepared, options);
  const records: JournalRecord[] = [];
  for (;;) {
    const next = await run.next();
    if (next.done)
      return { records, summary: next.value, weights: readSafetensors(next.value.checkpoint, 'weights').tensors };
    records.push(next.value);
  }
}

const ofKind = <K extends JournalRecord['kind']>(records: JournalRecord[], kind: K) =>
  notEmpty(records.filter((record): record is Extract<JournalRecord, { kind: K }> => record.kind === kind));
const largestDifference = (a: Done, b: Done): number =>
  Math.max(
    ...notEmpty(Object.keys(a.weights)).flatMap((name) =>
      [...a.weights[name]!.data].map((value, i) => Math.abs(value - b.weights[name]!.data[i]!)),
    ),
  );

describe('a tower in the step', () => {
  it('has the gradient that differences of the loss give, tower and connector each', async () => {
    const spec = tunedSpec();
    const prepared = tunedPrepared(spec);
    const { model } = prepared;
    const setting: Setting = {
      model,
      vocabulary: prepared.codec.vocabulary.ids.length,
      optimiser: optimiserOf({ kind: 'sgd', momentum: 0, clip: 0 }),
      regulariser: { kind: 'none' },
      toldParts: ['tower', 'connector'],
    };
    const shape = prepared.shape(4);
    const session = openSession(
      { train: trainProgram(setting, shape, ['encoder', 'backbone'], null) },
      initialState(setting, 1),
    );
    const batch = fillBatch(prepared.examples.train.slice(0, 4), prepared.features, shape);
    const step = async (theta: Float32Array, rate: number) => {
      await session.write('encoder/theta', theta);
      const given = packStep({ batch, ...tinyScalars(1, { encoder: rate, backbone: 0 }) });
      return unpackStep((await session.run('train', given))['numbers']!, ['tower', 'connector']);
    };
    const theta = await session.read('encoder/theta');
    const { parts } = await step(theta, 1);
    const gradient = (await session.read('encoder/theta')).map((value, i) => theta[i]! - value);
    const inTower = model.trainable.encoder
      .filter(({ part }) => part === 'tower')
      .reduce((sum, { shape: sides }) => sum + sides.reduce((a, b) => a * b, 1), 0);
    expect(inTower).toBeGreaterThan(1000);
    for (const part of ['tower', 'connector'] as const) {
      const along = gradient.map((value, i) => (i < inTower === (part === 'tower') ? value : 0));
      const squared = along.reduce((sum, value) => sum + value * value, 0);
      expect(parts[part]!.gradient).toBeCloseTo(Math.sqrt(squared), 4);
      const by = 0.02 / squared;
      const moved = async (sign: number) =>
        (
          await step(
            theta.map((value, i) => value + sign * by * along[i]!),
            0,
          )
        ).step;
      const slope = ((await moved(1)).loss - (await moved(-1)).loss) / (2 * by);
      expect(slope / squared).toBeGreaterThan(0.98);
      expect(slope / squared).toBeLessThan(1.02);
    }
    session.dispose();
  });

  it('gives while it is frozen what cached features give, records and weights', async () => {
    const spec = tunedSpec({ tuning: { backbone: { kind: 'lora', rank: 2, alpha: 4 } } });
    const cached = await train(spec, tunedPrepared(spec, false));
    const inside = await train(spec, tunedPrepared(spec, true));
    expect(Object.keys(inside.weights)).toEqual(Object.keys(cached.weights));
    expect(largestDifference(inside, cached)).toBeLessThan(1e-5);
    const losses = (done: Done) => ofKind(done.records, 'train').map(({ loss }) => loss);
    for (const [i, loss] of notEmpty(losses(inside)).entries()) expect(loss).toBeCloseTo(losses(cached)[i]!, 4);
  });

  it('starts with the connector of every other tuning of its seed', async () => {
    const start = (over: object) => train(tunedSpec({ duration: { steps: 1 }, learningRate: 1e-9, ...over }));
    const rates = { learningRate: { encoder: 1e-9, backbone: 1e-9 } };
    const frozen = await start({ tuning: { backbone: { kind: 'lora', rank: 2, alpha: 4 } }, ...rates });
    const full = await start(rates);
    const name = 'encoder.hidden.weight';
    const apart = [...full.weights[name]!.data].map((value, i) => Math.abs(value - frozen.weights[name]!.data[i]!));
    expect(Math.max(...notEmpty(apart))).toBeLessThan(1e-7);
    expect(Object.keys(full.weights).filter((key) => key.startsWith('encoder.tower.'))).not.toHaveLength(0);
  });
});

describe('rates of parts', () => {
  const rates = (encoder: number, parts: object = {}) => ({ learningRate: { encoder, backbone: 1e-2, ...parts } });
  const decayed = { optimiser: { kind: 'adamw', weightDecay: 0.1 } };

  it.each([
    ['adamw', decayed],
    ['sgd', { optimiser: { kind: 'sgd', momentum: 0.5 } }],
  ])('of both parts, equal to one rate of the encoder, train as that does: %s', async (_name, over) => {
    const plain = await train(tunedSpec({ ...over, ...rates(1e-2) }));
    const stated = await train(tunedSpec({ ...over, ...rates(1e-2, { tower: 1e-2, connector: 1e-2 }) }));
    // Half of a base rate twice as high: every parameter has a rate of its own in the program.
    const halves = await train(tunedSpec({ ...over, ...rates(2e-2, { tower: 1e-2, connector: 1e-2 }) }));
    expect(largestDifference(stated, plain)).toBeLessThan(1e-6);
    expect(largestDifference(halves, plain)).toBeLessThan(1e-6);
    expect(largestDifference(await train(tunedSpec({ ...over, ...rates(2e-2) })), plain)).toBeGreaterThan(1e-4);
  });

  it('of 0 for the tower leave it as it came, with weight decay too, and the connector learns', async () => {
    const spec = tunedSpec({ ...decayed, ...rates(1e-2, { tower: 0 }) });
    const still = await train(spec);
    const { model } = tunedPrepared(spec);
    const towers = notEmpty(model.trainable.encoder.filter(({ part }) => part === 'tower'));
    for (const { name, initial } of towers) {
      const start = initial.kind === 'value' ? initial.data : [];
      expect([...still.weights[`encoder.${name}`]!.data]).toEqual([...start]);
    }
    const measured = ofKind(still.records, 'measure').map(({ parts }) => parts!);
    expectEvery(measured, ({ tower, connector }) => tower!.updateRatio === 0 && connector!.updateRatio > 0);
  });
});

describe('kappa and the journal', () => {
  it("the encoder's step is measured through its tower, where nothing else of it moves", async () => {
    const { records } = await train(tunedSpec({ learningRate: { encoder: 1e-2, connector: 0, backbone: 1e-2 } }));
    for (const { dEncoder, parts, updateRatio } of ofKind(records, 'measure')) {
      expect(dEncoder).toBeGreaterThan(1e-6);
      expect(parts!.connector!.updateRatio).toBe(0);
      expect(parts!.tower!.updateRatio).toBeGreaterThan(0);
      expect(updateRatio.encoder).toBeLessThan(parts!.tower!.updateRatio);
    }
  });

  it('tells of tower and connector what adds up to the encoder, and of the towers of other runs nothing', async () => {
    const { records } = await train(
      tunedSpec({ tuning: { tower: { kind: 'lora', rank: 2 }, backbone: { kind: 'frozen' } } }),
    );
    const both = [...ofKind(records, 'train'), ...ofKind(records, 'measure')] as (TrainRecord | MeasureRecord)[];
    for (const { gradientNorm, parts } of both)
      expect(Math.hypot(parts!.tower!.gradientNorm, parts!.connector!.gradientNorm)).toBeCloseTo(
        gradientNorm.encoder,
        5,
      );
    for (const { parts, relativeGradient } of ofKind(records, 'measure')) {
      const { gradientNorm, parameterNorm, ...ratios } = parts!.tower!;
      expect(ratios.relativeGradient).toBeCloseTo(gradientNorm / parameterNorm, 6);
      expect(relativeGradient.encoder).toBeGreaterThan(0);
    }
    for (const tower of ['frozen', 'scale-shift']) {
      const spec = tinySpec({ tuning: { tower: { kind: tower }, backbone: { kind: 'lora', rank: 2, alpha: 4 } } });
      const other = await train(spec, tinyPrepared(spec));
      expect(notEmpty(other.records).some((record) => 'parts' in record)).toBe(false);
    }
  });

  it('goes on from a checkpoint to the same records and weights', async () => {
    const spec = tunedSpec({
      learningRate: { encoder: 1e-2, tower: 1e-3, backbone: 1e-2 },
      evaluate: { every: 4, limit: 0, validation: 8 },
    });
    const alone = await train(spec);
    const kept: { checkpoint: RunCheckpoint; before: number }[] = [];
    const records: JournalRecord[] = [];
    const run = trainPrepared(spec, tunedPrepared(spec), {
      checkpoints: {
        due: (step) => step === 5,
        save: (checkpoint) => kept.push({ checkpoint: structuredClone(checkpoint), before: records.length }),
      },
    });
    for await (const record of run) records.push(record);
    expect(records).toEqual(alone.records);
    const [{ checkpoint, before }] = notEmpty(kept) as [(typeof kept)[number]];
    const resumed = await train(spec, tunedPrepared(spec), { from: checkpoint });
    expect(resumed.records).toEqual(alone.records.slice(before));
    expect(Buffer.from(resumed.summary.checkpoint).equals(Buffer.from(alone.summary.checkpoint))).toBe(true);
  });
});
