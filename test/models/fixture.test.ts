/**
 * Model, loss, gradients, optimiser and kappa against PyTorch and Hugging Face (test/fixtures/models/make_fixture.py).
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { kappaOf } from '../../src/balance/kappa';
import { predictedAt } from '../../src/models/sequence';
import { zooModel } from '../../src/models/zoo/compose';
import { readSafetensors } from '../../src/models/weights/safetensors';
import { availableBackends, useBackend, type BackendName } from '../../src/tensor/backend';
import { openSession } from '../../src/tensor/program';
import { both } from '../../src/modules';
import { initialState, scoreProgram, type Setting } from '../../src/train/programs';
import { packStep } from '../../src/train/stepInputs';
import { unpackStep } from '../../src/train/stepNumbers';
import { trainProgram } from '../../src/train/trainProgram';
import type { BatchArrays } from '../../src/train/batches';
import { notEmpty } from '../../testing/lists';
import { tinyConfig, tinyShape } from '../../testing/tinyModel';
import { optimiserOf } from '../../testing/specs';

interface Fixture {
  rates: { encoder: number; backbone: number };
  logProbabilities: number[][];
  batches: { features: number[]; tokens: number[] }[];
  steps: {
    loss: number;
    normEncoder: number;
    normBackbone: number;
    dBackbone: number;
    dEncoder: number;
    kappa: number;
  }[];
}
const folder = join(__dirname, '..', 'fixtures', 'models');
const fixture = JSON.parse(readFileSync(join(folder, 'tiny.json'), 'utf8')) as Fixture;
const { tensors } = readSafetensors(readFileSync(join(folder, 'tiny.safetensors')), 'tiny.safetensors');
const weightsOf = (module: string) =>
  Object.fromEntries(
    Object.entries(tensors)
      .filter(([name]) => name.startsWith(`${module}.`))
      .map(([name, tensor]) => [name.slice(module.length + 1), tensor]),
  );

function setting(): Setting {
  const model = zooModel(
    { connector: { kind: 'mlp', tokens: 2, width: 12 }, tuning: { backbone: { kind: 'full' } } },
    { rows: 4, width: 6 },
    { config: { ...tinyConfig, tied: false }, weights: weightsOf('backbone'), head: [1] },
  );
  const encoder = weightsOf('encoder');
  model.trainable.encoder = model.trainable.encoder.map((spec) => ({
    ...spec,
    initial: { kind: 'value', data: encoder[spec.name]!.data },
  }));
  return {
    model,
    vocabulary: 20,
    optimiser: optimiserOf({ kind: 'adamw', clipOver: 'module' }),
    regulariser: { kind: 'none' },
  };
}

function batch(at: number): BatchArrays {
  const { features, tokens } = fixture.batches[at]!;
  const { batch: rows, tokens: length, labels, prefixTokens } = tinyShape;
  const places = Array.from({ length: rows * labels }, (_, i) => ({
    row: Math.floor(i / labels),
    t: length - labels + (i % labels),
  }));
  return {
    features: Float32Array.from(features),
    tokens: Int32Array.from(tokens),
    positions: Int32Array.from(places, ({ row, t }) => predictedAt(row, t, prefixTokens, length)),
    labels: Int32Array.from(places, ({ row, t }) => tokens[row * length + t]!),
    mask: new Float32Array(rows * labels).fill(1),
  };
}

const backends = availableBackends()
  .filter(({ name, available }) => available && name !== 'webgpu')
  .map(({ name }) => name);
describe.each(backends)('on %s', (backend: BackendName) => {
  it('log-probabilities agree to 1e-4', async () => {
    await useBackend({ name: backend, threads: 1 });
    const session = openSession({ score: scoreProgram(setting(), tinyShape) }, initialState(setting(), 0));
    const { first, labels } = await session.run('score', batch(0));
    notEmpty(fixture.logProbabilities).forEach((row, i) => {
      expect(Math.abs(labels![i]! - row[batch(0).labels[i]!]!)).toBeLessThan(1e-4);
      if (i % 2 === 0)
        notEmpty(row).forEach((value, v) => expect(Math.abs(first![(i / 2) * 20 + v]! - value)).toBeLessThan(1e-4));
    });
    session.dispose();
  });

  it('ten training steps agree: loss 1e-5, gradient norms 1e-4 and kappa 1e-3 relative', async () => {
    await useBackend({ name: backend, threads: 1 });
    const session = openSession(
      { measured: trainProgram(setting(), tinyShape, ['encoder', 'backbone'], { variant: 'a', probe: null }) },
      initialState(setting(), 0),
    );
    for (const [at, expected] of notEmpty(fixture.steps.entries())) {
      const update = both((module) => ({
        rate: fixture.rates[module],
        active: 1,
        correction1: 1 - 0.9 ** (at + 1),
        correction2: 1 - 0.999 ** (at + 1),
      }));
      const outputs = await session.run('measured', packStep({ batch: batch(at), update }));
      const { step, measure } = unpackStep(outputs['numbers']!);
      expect(Math.abs(step.loss - expected.loss)).toBeLessThan(1e-5 * Math.max(1, expected.loss));
      expect(Math.abs(step.normEncoder / expected.normEncoder - 1)).toBeLessThan(1e-4);
      expect(Math.abs(step.normBackbone / expected.normBackbone - 1)).toBeLessThan(1e-4);
      expect(
        Math.abs(kappaOf(measure!.dBackbone, measure!.dEncoder).kappa / expected.kappa - 1),
        `kappa of step ${at + 1}`,
      ).toBeLessThan(1e-3);
    }
    session.dispose();
  });
});
