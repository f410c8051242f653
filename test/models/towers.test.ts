/** The towers of the small zoo as parts that are trained: outputs and gradients of tiny ones held to PyTorch on every backend. */
import { beforeAll, describe, expect, it } from 'vitest';
import { foldedResNet } from '../../src/models/parts/resnet';
import { availableBackends, useBackend } from '../../src/tensor/backend';
import { programCost } from '../../src/tensor/cost';
import { openSession } from '../../src/tensor/program';
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

describe('a ResNet', () => {
  beforeAll(async () => void (await useBackend({ name: 'cpu' })));

  it('computes the same with its normalisations folded beforehand, which frozen features are made with', () => {
    const tower = tinyTowers[0]!;
    const rows = (weights: TinyTower['weights']) =>
      tf.tidy(() =>
        tower
          .apply(
            {
              tensors: Object.fromEntries(
                Object.entries(weights).map(([name, { shape, data }]) => [name, tf.tensor(data, shape)]),
              ),
            },
            tf.tensor(tower.input.data, tower.input.shape),
          )
          .dataSync<'float32'>(),
      );
    const folded = foldedResNet(tower.weights, tinyResNetOptions);
    expect(Object.keys(folded)).toHaveLength(
      2 * Object.keys(tower.weights).filter((name) => name.endsWith('.norm')).length,
    );
    expect(difference(rows(folded), Array.from(rows(tower.weights)))).toBeLessThan(1e-5);
    expect(difference(rows(folded), towerFixture(tower).outputs)).toBeLessThan(1e-4);
  });
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
