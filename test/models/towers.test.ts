/**
 * The towers of the small zoo as parts that are trained: outputs and gradients of tiny ones held to PyTorch on every
 * backend.
 */
import { beforeAll, describe, expect, it } from 'vitest';
import { inOrder, inTheirPlaces } from '../../src/models/inputs/computeFeatures';
import { batchedTower, encoderRegistry, findEncoder, type OpenTower } from '../../src/models/zoo/encoders';
import { loraParameters, mergeLora, type LoraSpec } from '../../src/models/parts/lora';
import { foldedWeights } from '../../src/models/parts/normedConvolution';
import { resNetConvolutions } from '../../src/models/parts/resnet';
import { availableBackends, useBackend } from '../../src/tensor/backend';
import { programCost } from '../../src/tensor/cost';
import { openSession } from '../../src/tensor/program';
import { shapeTensor, withoutValues } from '../../src/tensor/shapeBackend';
import { tf } from '../../src/tensor/tf';
import {
  closedForm,
  tinyResNetOptions,
  tinyTowers,
  towerFixture,
  towerProgram,
  type TinyTower,
} from '../../testing/towers';

/** Largest difference from PyTorch's values, relative to the largest of them. */
function difference(found: Float32Array, expected: readonly number[]): number {
  expect(found).toHaveLength(expected.length);
  const largest = Math.max(...expected.map(Math.abs));
  expect(largest).toBeGreaterThan(0);
  return expected.reduce((worst, value, i) => Math.max(worst, Math.abs(found[i]! - value)), 0) / largest;
}

/** What the tower makes of its input with these weights. */
const rows = (tower: TinyTower, weights: TinyTower['weights'], lora?: LoraSpec): Float32Array =>
  tf.tidy(() => {
    const tensors = Object.fromEntries(
      Object.entries(weights).map(([name, { shape, data }]) => [name, tf.tensor(data, shape)]),
    );
    return tower.apply({ tensors, lora }, tf.tensor(tower.input.data, tower.input.shape)).dataSync<'float32'>();
  });

async function compare(tower: TinyTower, eager: boolean, mode: 'eager' | 'recorded'): Promise<void> {
  const fixture = towerFixture(tower);
  const session = openSession({ step: towerProgram(tower, fixture.shape) }, tower.weights, { eager });
  expect([session.mode, session.notice]).toEqual([mode, undefined]);
  const found = await session.run('step', {
    input: tower.input.data,
    weights: closedForm('loss', fixture.shape, 1).data,
  });
  session.dispose();
  const trained = tower.parameters.filter(({ use }) => use === undefined).map(({ name }) => name);
  expect(Object.keys(fixture.gradients).sort()).toEqual([...trained].sort());
  expect(difference(found['rows']!, fixture.outputs), 'outputs').toBeLessThan(1e-4);
  expect(found['loss']![0]!).toBeCloseTo(fixture.loss, 3);
  for (const [name, gradient] of Object.entries(fixture.gradients))
    expect(difference(found[`gradient/${name}`]!, gradient), `gradient of ${name}`).toBeLessThan(1e-4);
}

describe.each([
  ['cpu', true, 'eager'],
  ['wasm', true, 'eager'],
  ['tensorflow', true, 'eager'],
  ['tensorflow', false, 'recorded'],
] as const)('on %s, eager %s', (backend, eager, mode) => {
  const { available, reason } = availableBackends().find(({ name }) => name === backend)!;
  beforeAll(async () => {
    if (available) await useBackend({ name: backend, threads: 1 });
  });
  for (const tower of tinyTowers)
    it(`a tiny ${tower.name} has the outputs and gradients of PyTorch`, async (context) => {
      if (!available) context.skip(reason);
      await compare(tower, eager, mode);
    });
});

/** A tiny tower over files that are called by a number, four in a pass. */
function overFiles({ weights, input, apply }: TinyTower): OpenTower {
  const tensors = Object.fromEntries(
    Object.entries(weights).map(([name, { shape, data }]) => [name, tf.tensor(data, shape)]),
  );
  const shape = input.shape.slice(1);
  const read = (file: string) => Promise.resolve(closedForm(`file ${file}`, shape, 60, 120).data as Float32Array);
  return batchedTower(tensors, 4, shape, read, (inputs) => apply({ tensors }, inputs));
}

describe.each(['cpu', 'wasm', 'tensorflow'] as const)('features of some files on %s', (backend) => {
  const { available, reason } = availableBackends().find(({ name }) => name === backend)!;
  const files = Array.from({ length: 14 }, (_, i) => String(10 + i));
  const some = new Set(['11', '12', '15', '16', '19', '23']);
  for (const tower of tinyTowers)
    it(`are those of all to the last bit, by a tiny ${tower.name}`, async (context) => {
      if (!available) context.skip(reason);
      await useBackend({ name: backend });
      const open = overFiles(tower);
      const of = async (passes: readonly (readonly (string | null)[])[]) => {
        const found = new Map<string, string>();
        for (const pass of passes) {
          const values = await open.extract(pass);
          pass.forEach((file, i) => file !== null && found.set(file, Buffer.from(values[i]!.buffer).toString('hex')));
        }
        return found;
      };
      const all = await of(inOrder(files));
      expect(new Set(all.values()).size).toBe(files.length);
      const part = await of(inTheirPlaces(files, some, open.batch!));
      expect([...part.keys()].sort()).toEqual([...some]);
      for (const [file, values] of part) expect(values).toBe(all.get(file));
      if (backend !== 'wasm') return;
      for (const [file, values] of await of(inOrder([...some]))) expect(values).toBe(all.get(file));
    });
});

describe('a ResNet', () => {
  beforeAll(async () => void (await useBackend({ name: 'cpu' })));

  it('computes the same with its normalisations folded beforehand, which frozen features are made with', () => {
    const tower = tinyTowers[0]!;
    const folded = foldedWeights(tower.weights, resNetConvolutions(tinyResNetOptions), tinyResNetOptions.epsilon);
    expect(Object.keys(folded)).toHaveLength(
      2 * Object.keys(tower.weights).filter((name) => name.endsWith('.norm')).length,
    );
    expect(difference(rows(tower, folded), Array.from(rows(tower, tower.weights)))).toBeLessThan(1e-5);
    expect(difference(rows(tower, folded), towerFixture(tower).outputs)).toBeLessThan(1e-4);
  });
});

describe('a tower with adapters', () => {
  beforeAll(async () => void (await useBackend({ name: 'cpu' })));

  it('computes as with the adapters merged into its weights', () => {
    const tower = tinyTowers[1]!;
    const lora = { rank: 2, alpha: 3, targets: [...findEncoder('whisper-tiny').part.adapted] };
    const adapters = Object.fromEntries(
      loraParameters(lora, tower.parameters).map(({ name, shape }) => [name, closedForm(name, shape, 0.5)]),
    );
    expect(Object.keys(adapters)).toHaveLength(2 * 2 * 2);
    const merged = Object.fromEntries(
      Object.entries(tower.weights).map(([name, weight]) => {
        const a = adapters[`${name}.lora_A`];
        return [name, a === undefined ? weight : mergeLora(weight, a, adapters[`${name}.lora_B`]!, lora)];
      }),
    );
    const adapted = rows(tower, { ...tower.weights, ...adapters }, lora);
    expect(difference(adapted, Array.from(rows(tower, merged)))).toBeLessThan(1e-5);
    expect(difference(adapted, Array.from(rows(tower, tower.weights)))).toBeGreaterThan(1e-2);
  });
});

describe('a tower of the zoo', () => {
  it.each(Object.keys(encoderRegistry))(
    '%s gives rows of its width, and a gradient to all that may be trained',
    (name) => {
      const { part, input, rowChoices, rows: usual, width } = encoderRegistry[name]!;
      expect(rowChoices).toContain(usual);
      const trained = part.parameters.filter(({ use }) => use === undefined);
      expect(trained.length).toBeGreaterThan(10);
      const { result } = withoutValues(() => {
        const tensors = Object.fromEntries(part.parameters.map(({ name: of, shape }) => [of, shapeTensor(shape)]));
        const batch = shapeTensor([3, ...input.shape]);
        const given = rowChoices.map((asked) => part.apply({ tensors }, batch, asked).shape);
        const gradients = tf.grads((...values: tf.Tensor[]) => {
          const now = {
            ...tensors,
            ...Object.fromEntries(trained.map((parameter, i) => [parameter.name, values[i]!])),
          };
          return tf.sum(part.apply({ tensors: now }, batch, usual));
        })(trained.map((parameter) => tensors[parameter.name]!));
        return { given, gradients: gradients.map(({ shape }) => shape) };
      });
      expect(result.given).toEqual(rowChoices.map((asked) => [3, asked, width]));
      expect(result.gradients).toEqual(trained.map(({ shape }) => shape));
      if (part.adapted.length > 0)
        expect(
          loraParameters({ rank: 1, alpha: 1, targets: [...part.adapted] }, [...part.parameters]).length,
        ).toBeGreaterThan(0);
    },
  );
});

describe('a step through a tower', () => {
  it.each(tinyTowers.map((tower) => [tower.name, tower] as const))(
    'is planned from shapes alone: %s',
    (_name, tower) => {
      const shapes = Object.fromEntries(tower.parameters.map(({ name, shape }) => [name, shape]));
      const cost = programCost(towerProgram(tower, towerFixture(tower).shape), shapes);
      expect(cost.flops).toBeGreaterThan(1e5);
      expect(cost.activationBytes.recorded).toBeLessThan(cost.activationBytes.eager);
    },
  );
});
