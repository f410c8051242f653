/**
 * The one builder: names and starts of the zoo's parameters, tuning part by part, a tower that is tuned inside the
 * step.
 */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import type { ConnectorSpec } from '../../src/manifest/run';
import { buildModel, type Model } from '../../src/models/build';
import type { Composition, Tuning } from '../../src/models/composition';
import type { StoredTensor } from '../../src/models/weights/weight';
import { zooComposition, zooModel } from '../../src/models/zoo/compose';
import type { ModuleName, PerModule } from '../../src/modules';
import { useBackend } from '../../src/tensor/backend';
import { asFloat32 } from '../../src/tensor/bfloat16';
import { initialVector } from '../../src/tensor/parameters';
import { openSession } from '../../src/tensor/program';
import { tf, type Tensor, type Tensors } from '../../src/tensor/tf';
import { initialState } from '../../src/train/programs';
import { packStep } from '../../src/train/stepInputs';
import { unpackStep } from '../../src/train/stepNumbers';
import { trainProgram } from '../../src/train/trainProgram';
import { tinyBackbone, tinyBatch, tinyConfig, tinyScalars } from '../../testing/tinyModel';
import { expectEvery } from '../../testing/lists';
import { tinyTowers } from '../../testing/towers';
import { connectorOf, optimiserOf, tuningOf } from '../../testing/specs';

beforeAll(async () => {
  await useBackend({ name: 'cpu' });
});

interface Pinned extends PerModule<{ names: string[]; sha256: string }> {
  connector: ConnectorSpec;
  connectorSide: ModuleName;
}
/** Written by the builder that the small zoo had of its own: journals and checkpoints of kept runs depend on it. */
const pinned = JSON.parse(
  readFileSync(join(__dirname, '..', 'fixtures', 'models', 'zooParameters.json'), 'utf8'),
) as Pinned[];

describe("the zoo's parameters", () => {
  it.each(pinned)('of $connector.kind in the $connectorSide keep names, order and first values', (of) => {
    const { connectorSide } = of;
    const connector = connectorOf(of.connector);
    const backbone =
      connectorSide === 'encoder'
        ? { kind: 'lora' as const, rank: 2, alpha: 4, targets: ['q', 'down'] }
        : { kind: 'full' as const };
    const model = zooModel(
      { connector, connectorSide, tuning: { tower: { kind: 'scale-shift' }, backbone } },
      { rows: 16, width: 6 },
      tinyBackbone(),
    );
    for (const module of ['encoder', 'backbone'] as const) {
      const trained = model.trainable[module];
      const shown = trained
        .filter(({ part, name }) => part !== 'backbone' || name.includes('.lora_'))
        .map(({ name, shape }) => `${name} ${shape.join('x')}`);
      expect(shown).toEqual(of[module].names);
      const values = new Uint8Array(initialVector(trained, 3).buffer);
      expect(createHash('sha256').update(values).digest('hex')).toBe(of[module].sha256);
    }
  });
});

const tower = tinyTowers.find(({ name }) => name === 'whisper')!;
const backbone = tinyBackbone();
const rows = 3,
  width = 16;

/** A connector and a backbone of the zoo behind a tower that is run inside the step. */
const composition: Composition = {
  ...zooComposition({ kind: 'mlp', tokens: rows, width: 8 }, { rows, width }, backbone),
  input: { shape: tower.input.shape.slice(1) },
  tower: tower.apply,
};
composition.parameters = { ...composition.parameters, tower: tower.parameters };
const weights: Record<string, StoredTensor> = {
  ...backbone.weights,
  ...Object.fromEntries(Object.entries(tower.weights).map(([name, weight]) => [`tower.${name}`, weight])),
};
const layout = { kind: 'question', head: backbone.head, form: 'zoo' } as const;
const built = (tuning: Partial<Tuning>, connectorSide: ModuleName = 'encoder') =>
  buildModel(composition, weights, { layout, tuning, connectorSide });

/** Parts in their order, each once. */
const partsIn = (model: Model, module: ModuleName) =>
  model.trainable[module].map(({ part }) => part).filter((part, i, all) => part !== all[i - 1]);

const frozenOf = (model: Model): Tensors =>
  Object.fromEntries(
    Object.entries(model.frozen).map(([name, { data, shape }]) => [name, tf.tensor(asFloat32(data), shape)]),
  );
const startOf = (model: Model): Tensor[] =>
  model.trainable.encoder.map((parameter) => tf.tensor(initialVector([parameter], 1), parameter.shape));

describe('tuning by part', () => {
  const lora = { kind: 'lora', rank: 2, alpha: 4 } as const;
  const backboneLora = tuningOf(lora);
  const full = { kind: 'full' } as const;
  const trainedTower = tower.parameters.filter(({ use }) => use !== 'fixed').map(({ name }) => `tower.${name}`);

  it('says of each parameter which part it belongs to; parts stand together in their order', () => {
    const model = built({ tower: full, backbone: lora });
    expect([partsIn(model, 'encoder'), partsIn(model, 'backbone')]).toEqual([['tower', 'connector'], ['backbone']]);
    expect(model.trainable.encoder.flatMap(({ name, part }) => (part === 'tower' ? [name] : []))).toEqual(trainedTower);
    // Whisper's positions are a published constant.
    expect(Object.keys(model.frozen).filter((name) => model.frozen[name]!.part === 'tower')).toEqual([
      'tower.positions',
    ]);
    const other = built({ tower: lora, backbone: full }, 'backbone');
    expect([partsIn(other, 'encoder'), partsIn(other, 'backbone')]).toEqual([['tower'], ['connector', 'backbone']]);
    const adapters = other.trainable.encoder.map(({ name }) => name);
    expect(adapters).toContain('tower.layers.1.up.lora_B');
    expectEvery(adapters, (name) => /^tower\..*\.lora_[AB]$/.test(name));
    const scaled = built({ tower: { kind: 'scale-shift' } });
    expect(scaled.trainable.encoder.flatMap(({ name, part }) => (part === 'tower' ? [name] : []))).toEqual([
      'features.scale',
      'features.shift',
    ]);
  });

  it('refuses a part that starts at random and would never be trained, and an adapter without a layer to sit on', () => {
    expect(() => built({ connector: { kind: 'frozen' } })).toThrow(
      /tuning.connector: norm.gain starts at random and would never be trained; expected full/,
    );
    const bare = { ...composition, parameters: { ...composition.parameters, tower: [{ name: 'kernel', shape: [3] }] } };
    expect(() =>
      buildModel(
        bare,
        { ...weights, 'tower.kernel': weights['tower.conv1.bias']! },
        {
          layout,
          tuning: { tower: lora },
        },
      ),
    ).toThrow(/tuning.tower: no layer takes an adapter; expected full or frozen/);
  });

  it.each(['frozen', 'full', 'lora', 'scale-shift'] as const)(
    'a tower that is %s gives inside the step what it gives beforehand, as long as it has its first values',
    (kind) => {
      const inside = built({ tower: kind === 'lora' ? lora : { kind } });
      const beforehand = zooModel(
        { connector: { kind: 'mlp', tokens: rows, width: 8 }, tuning: { backbone: backboneLora } },
        { rows, width },
        backbone,
      );
      const input = tf.tensor(tower.input.data, tower.input.shape);
      const tensors = Object.fromEntries(
        Object.entries(tower.weights).map(([name, { data, shape }]) => [name, tf.tensor(data, shape)]),
      );
      const seen = inside.prefix({ encoder: startOf(inside), frozen: frozenOf(inside), features: input });
      const expected = beforehand.prefix({
        encoder: startOf(beforehand),
        frozen: {},
        features: tower.apply({ tensors }, input),
      });
      expect(seen.shape).toEqual([2, rows, tinyConfig.width]);
      expect([...seen.dataSync()]).toEqual([...expected.dataSync()]);
    },
  );

  it('a tuned tower learns in the step of every run, and a frozen one stays', async () => {
    const [batch, tokens, labels] = [2, 6, 2];
    const [frames, bands] = composition.input.shape as [number, number];
    const shape = { batch, tokens, labels, rows: frames, width: bands, prefixTokens: rows };
    for (const kind of ['full', 'frozen'] as const) {
      const model = built({ tower: { kind }, backbone: lora });
      const setting = {
        model,
        vocabulary: tinyConfig.vocabulary,
        optimiser: optimiserOf({ kind: 'adam', clip: 0 }),
        regulariser: { kind: 'none' as const },
      };
      const session = openSession(
        { train: trainProgram(setting, shape, ['encoder', 'backbone'], null) },
        initialState(setting, 1),
      );
      const before = await session.read('encoder/theta');
      const losses: number[] = [];
      for (let step = 1; step <= 3; step++) {
        const values = { batch: { ...tinyBatch(0, shape), features: tower.input.data }, ...tinyScalars(step) };
        losses.push(unpackStep((await session.run('train', packStep(values)))['numbers']!).step.loss);
      }
      expect(losses[2]).toBeLessThan(losses[0]!);
      const after = await session.read('encoder/theta');
      session.dispose();
      let at = 0;
      const moved = new Map(
        model.trainable.encoder.map(({ name, part, shape: sides }) => {
          const size = sides.reduce((a, b) => a * b, 1);
          const values = [before, after].map((vector) => [...vector.subarray(at, at + size)]) as [number[], number[]];
          at += size;
          return [name, { part, moved: values[0].some((value, i) => value !== values[1][i]) }];
        }),
      );
      const towers = [...moved.values()].filter(({ part }) => part === 'tower');
      expect(towers).toHaveLength(kind === 'full' ? trainedTower.length : 0);
      if (kind === 'full') expectEvery(towers, (one) => one.moved);
      expect(moved.get('hidden.weight')!.moved).toBe(true);
    }
  });
});
