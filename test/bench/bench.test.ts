/** The benchmark's model against PyTorch, its count of work, its process protocol. Nothing here is timed. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { gpuRecord } from '../../bench/gpuRecord';
import { choose } from '../../bench/main';
import { NotMeasured } from '../../bench/engineProcess';
import { engines, gpuEngines, startEngine, type Engine, type StepProcess } from '../../bench/engines';
import {
  benchBatch,
  benchConfigs,
  benchModel,
  benchSetting,
  benchShape,
  stepFlops,
  type BenchConfigName,
} from '../../bench/model';
import { probeSize } from '../../bench/protocol';
import { kappaOf } from '../../src/balance/kappa';
import { useBackend } from '../../src/tensor/backend';
import { adamDecays } from '../../src/tensor/optimiserKinds';
import { totalSize } from '../../src/tensor/parameters';
import { sizeOf } from '../../src/tensor/shape';
import { openSession } from '../../src/tensor/program';
import { tf } from '../../src/tensor/tf';
import { both } from '../../src/modules';
import { initialState, type Setting } from '../../src/train/programs';
import { packStep, updateValues } from '../../src/train/stepInputs';
import { unpackStep } from '../../src/train/stepNumbers';
import { trainProgram } from '../../src/train/trainProgram';

interface Fixture {
  parameters: Record<BenchConfigName, number>;
  shapes: number[][];
  measured: { kind: 'plain' | 'kappaBatch' | 'kappaProbe'; loss: number; kappa: number | null }[];
  regularised: { loss: number }[];
}
const fixture = JSON.parse(readFileSync(join(__dirname, '..', 'fixtures', 'bench', 'tiny.json'), 'utf8')) as Fixture;
const config = benchConfigs.tiny;
const batch = 3;
const modules = ['encoder', 'backbone'] as const;

/** The formulas that bench/reference/step_torch.py starts its fixture from. */
const wave = (size: number, offset: number, scale: number): number[] =>
  Array.from({ length: size }, (_, i) => scale * Math.sin(offset + 1.3 * i + 0.17 * i * i));

function withStart(setting: Setting): Setting {
  let number = 0;
  for (const module of modules) {
    setting.model.trainable[module] = setting.model.trainable[module].map((spec) => {
      const one = spec.name.endsWith('.gain') ? 1 : 0;
      return {
        ...spec,
        initial: {
          kind: 'value' as const,
          data: Float32Array.from(wave(sizeOf(spec.shape), number++, 0.4), (value) => one + value),
        },
      };
    });
  }
  return setting;
}

function examples(rows: number, offset: number) {
  const { textTokens, patches, patchWidth, vocabulary } = config;
  const text = Array.from({ length: rows * (textTokens + 1) }, (_, i) => (7 * i * i + 3 * i + offset) % vocabulary);
  const take = (from: number) =>
    Int32Array.from(
      { length: rows * textTokens },
      (_, i) => text[Math.floor(i / textTokens) * (textTokens + 1) + (i % textTokens) + from]!,
    );
  return {
    features: Float32Array.from(wave(rows * patches * patchWidth, offset, 1)),
    tokens: take(0),
    labels: take(1),
    positions: new Int32Array(rows * textTokens),
    mask: new Float32Array(rows * textTokens).fill(1),
  };
}

function trainer(setting: Setting, measured: boolean) {
  const shape = benchShape(config, batch),
    probe = benchShape(config, probeSize);
  const plain = trainProgram(setting, shape, modules, null);
  const session = openSession(
    measured
      ? {
          plain,
          kappaBatch: trainProgram(setting, shape, modules, { variant: 'a', probe: null }),
          kappaProbe: trainProgram(setting, shape, modules, { variant: 'a', probe }),
        }
      : { plain },
    initialState(setting, 0),
  );
  const adam = adamDecays(setting.optimiser);
  let updates = 0;
  return async (kind: string) => {
    updates += 1;
    const values = {
      batch: examples(batch, 1),
      probe: kind === 'kappaProbe' ? examples(probeSize, 2) : null,
      update: both(() => updateValues(adam, updates, 1e-3)),
      weights: { encoder: 0.5, backbone: 0.5 },
    };
    const outputs = await session.run(kind, packStep(values));
    return unpackStep(outputs['numbers']!);
  };
}

describe('the model is the one of step_torch.py', () => {
  it('has as many parameters, in the same shapes and order', () => {
    for (const name of ['tiny', 'small', 'stories15m'] as const) {
      const { encoder, backbone } = benchModel(benchConfigs[name]).trainable;
      expect(totalSize([...encoder, ...backbone])).toBe(fixture.parameters[name]);
    }
    const { encoder, backbone } = benchModel(config).trainable;
    expect([...encoder, ...backbone].map(({ shape }) => shape)).toEqual(fixture.shapes);
  });

  describe.each(['cpu', 'wasm'] as const)('on %s', (name) => {
    beforeAll(async () => {
      await useBackend({ name });
    });

    it('takes the same steps and measures the same kappa on batch and probe', async () => {
      const step = trainer(withStart(benchSetting(config)), true);
      for (const expected of fixture.measured) {
        const { step: numbers, measure } = await step(expected.kind);
        expect(Math.abs(numbers.loss / expected.loss - 1)).toBeLessThan(1e-5);
        expect(measure === null).toBe(expected.kappa === null);
        if (measure !== null)
          expect(Math.abs(kappaOf(measure.dBackbone, measure.dEncoder).kappa / expected.kappa! - 1)).toBeLessThan(2e-3);
      }
    });

    it('takes the same steps with the regulariser', async () => {
      const step = trainer(withStart(benchSetting(config, true)), false);
      for (const expected of fixture.regularised)
        expect(Math.abs((await step('plain')).step.loss / expected.loss - 1)).toBeLessThan(1e-5);
    });
  });
});

describe('the count of work', () => {
  it('is that of the matrix products which the forward pass runs', async () => {
    await useBackend({ name: 'cpu' });
    const { model } = benchSetting(config);
    const given = benchBatch(config, batch, 'count');
    const kernels = tf.getKernel('BatchMatMul', 'cpu')!;
    let counted = 0;
    tf.unregisterKernel('BatchMatMul', 'cpu');
    tf.registerKernel({
      ...kernels,
      kernelFunc: (parameters) => {
        const { a, b } = parameters.inputs as { a: tf.TensorInfo; b: tf.TensorInfo };
        const { transposeA, transposeB } = parameters.attrs as unknown as { transposeA: boolean; transposeB: boolean };
        const size = tf.util.sizeFromShape(a.shape);
        counted += 2 * size * b.shape.at(transposeB ? -2 : -1)!;
        expect(transposeA).toBe(false);
        return kernels.kernelFunc(parameters);
      },
    });
    try {
      tf.tidy(() => {
        const parts = Object.fromEntries(
          modules.map((module) => [module, model.trainable[module].map(({ shape }) => tf.ones(shape))]),
        );
        const prefix = model.prefix({
          encoder: parts['encoder']!,
          frozen: {},
          features: tf.tensor(given.features, [batch, config.patches, config.patchWidth]),
        });
        const pass = { backbone: parts['backbone']!, frozen: {} };
        const hidden = model.hidden({
          ...pass,
          prefix,
          tokens: tf.tensor2d(given.tokens, [batch, config.textTokens], 'int32'),
          positions: tf.tensor1d(given.positions, 'int32'),
        });
        model.words(pass, hidden);
      });
    } finally {
      tf.unregisterKernel('BatchMatMul', 'cpu');
      tf.registerKernel(kernels);
    }
    const patch = 2 * batch * config.patches * config.patchWidth * config.width;
    expect(counted).toBe((stepFlops(config, batch) + patch) / 3); // three times the forward pass, but patches need no gradient
  });
});

describe('the engines of a measurement', () => {
  it('are all that need no GPU unless some are named', () => {
    expect(choose('small').engines).toEqual(engines);
    expect(choose('torch-gpu,webgpu-bfloat16,4').engines.map(({ name }) => name)).toEqual([
      'webgpu-bfloat16',
      'torch-gpu',
    ]);
    expect(engines.filter((engine) => gpuEngines.includes(engine))).toEqual([]);
    expect(() => choose('torch-tpu')).toThrow(/no engine/);
  });
});

describe('the record of a look at a GPU', () => {
  it('says of each part how it ended, what it found, and why there is nothing', () => {
    const folder = mkdtempSync(join(tmpdir(), 'equipoise-gpu-'));
    const files = {
      'nvidia.end': '127 0',
      'nvidia.err': 'no such program',
      'doctor.end': '0 3',
      'doctor.out': '{"node":{}}',
      'conformance.end': '1 9',
      'conformance.json': JSON.stringify({
        testResults: [
          {
            assertionResults: [
              { status: 'passed', fullName: 'a', failureMessages: [] },
              { status: 'pending', fullName: 'b', failureMessages: [] },
              { status: 'failed', fullName: 'c', failureMessages: ['wrong\nat x'] },
            ],
          },
        ],
      }),
      'bench4.end': '124 180',
      'bench4.err': 'round 1',
    };
    for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
    expect(gpuRecord(folder, new Date(0))).toEqual({
      format: 'equipoise-gpu/1',
      date: '1970-01-01T00:00:00.000Z',
      nvidia: { code: 127, seconds: 0, said: 'no such program', found: [] },
      doctor: { code: 0, seconds: 3, found: { node: {} } },
      conformance: {
        code: 1,
        seconds: 9,
        found: { passed: 1, skipped: 1, failed: [{ name: 'c', why: 'wrong' }] },
      },
      bench: [
        { batch: 4, code: 124, seconds: 180, problem: 'took too long', said: 'round 1', found: null },
        expect.objectContaining({ batch: 16, found: null }),
      ],
    });
    rmSync(folder, { recursive: true });
  });
});

describe('an engine process', () => {
  const engine: Engine = { name: 'eager', title: 'cpu', backend: 'cpu', eager: true, language: 'typescript' };
  const running: StepProcess[] = [];
  const start = (of: Engine) => {
    const process = startEngine(of, 1);
    running.push(process);
    return process;
  };
  const python = process.env['EQUIPOISE_PYTHON'];
  afterEach(() => {
    running.splice(0).forEach((one) => one.close());
    if (python === undefined) delete process.env['EQUIPOISE_PYTHON'];
    else process.env['EQUIPOISE_PYTHON'] = python;
  });

  it('trains, measures and tells its memory', async () => {
    const process = start(engine);
    expect((await process.ask({ do: 'start', backend: 'cpu', threads: 1 })).device).toBe('cpu');
    expect(
      (
        await process.ask({
          do: 'open',
          config: 'tiny',
          batch,
          kinds: ['plain', 'kappaProbe', 'regularised'],
          eager: true,
          rate: 1e-2,
        })
      ).parameters,
    ).toBe(fixture.parameters.tiny);
    const first = await process.ask({ do: 'steps', kind: 'plain', steps: 1 });
    const later = await process.ask({ do: 'steps', kind: 'plain', steps: 8 });
    expect(later.ms).toHaveLength(8);
    expect(later.loss).toBeLessThan(first.loss);
    expect((await process.ask({ do: 'steps', kind: 'kappaProbe', steps: 1 })).kappa).toBeGreaterThan(0);
    expect(Number.isFinite((await process.ask({ do: 'steps', kind: 'regularised', steps: 2 })).loss)).toBe(true);
    const { rss, peak } = await process.ask({ do: 'memory' });
    expect(peak).toBeGreaterThan(0.9 * rss);
    await expect(process.ask({ do: 'steps', kind: 'kappaBatch', steps: 1 })).rejects.toThrow(/kappaBatch/);
  });

  it('that cannot be had says why', async () => {
    process.env['EQUIPOISE_PYTHON'] = join(__dirname, 'no-such-python');
    const torch = start({ ...engine, backend: 'torch-eager', language: 'python' });
    const asked = torch.ask({ do: 'start', backend: 'torch-eager', threads: 1 });
    await expect(asked).rejects.toThrow(NotMeasured);
    await expect(asked).rejects.toThrow('no Python: neither EQUIPOISE_PYTHON nor python3 starts');
    await expect(torch.ask({ do: 'memory' })).rejects.toThrow(/no Python/);
    await expect(start(engine).ask({ do: 'steps', kind: 'plain', steps: 1 })).rejects.toThrow('open first');
  });

  it('that ends or never answers is given up', async () => {
    process.env['EQUIPOISE_PYTHON'] = process.execPath; // fails on a Python file
    await expect(
      start({ ...engine, backend: 'torch-eager', language: 'python' }).ask({
        do: 'start',
        backend: 'torch-eager',
        threads: 1,
      }),
    ).rejects.toThrow(NotMeasured);
    await expect(start(engine).ask({ do: 'start', backend: 'cpu', threads: 1 }, 0.01)).rejects.toThrow(
      'no answer to "start" in 0.01 s',
    );
  });
});
