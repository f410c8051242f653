/**
 * The method's programs on a toy model, on the cpu backend (reference) and, where it is linked, recorded on TensorFlow.
 */
import { setImmediate as turn } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { initialState, scoreProgram, toldPairs, type Setting } from '../../src/train/programs';
import { packStep, type StepValues } from '../../src/train/stepInputs';
import { unpackStep, type PairName } from '../../src/train/stepNumbers';
import { trainProgram } from '../../src/train/trainProgram';
import { chooseBackend, useBackend, availableBackends } from '../../src/tensor/backend';
import { asFloat32 } from '../../src/tensor/bfloat16';
import { openSession, type Program, type Session } from '../../src/tensor/program';
import { sizeOf } from '../../src/tensor/shape';
import { tf } from '../../src/tensor/tf';
import { kappaOf } from '../../src/balance/kappa';
import { notEmpty } from '../../testing/lists';
import { tinyBatch, tinyConfig, tinyScalars, tinySetting, tinyShape, type TinyOptions } from '../../testing/tinyModel';

const opened: Session[] = [];
afterEach(() => {
  for (const session of opened.splice(0)) session.dispose();
});
const open = (setting: Setting, options: { eager?: boolean; probe?: boolean; variant?: 'a' | 'b' } = {}): Session => {
  const session = openSession(
    {
      train: trainProgram(setting, tinyShape, ['encoder', 'backbone'], null),
      measured: trainProgram(setting, tinyShape, ['encoder', 'backbone'], {
        variant: options.variant ?? 'a',
        probe: options.probe ? tinyShape : null,
      }),
      score: scoreProgram(setting, tinyShape),
    },
    initialState(setting, 0),
    options.eager ? { eager: true } : {},
  );
  opened.push(session);
  return session;
};

const step = async (
  session: Session,
  at: number,
  rates?: { encoder: number; backbone: number },
  active?: { encoder: number; backbone: number },
  batch = at,
  pairs: readonly PairName[] = [],
) => {
  const values = packStep({ batch: tinyBatch(batch), ...tinyScalars(at, rates, active) });
  return unpackStep((await session.run('measured', values))['numbers']!, [], pairs);
};

describe('on the cpu backend', () => {
  beforeAll(async () => {
    await useBackend({ name: 'cpu' });
  });

  it('kappa has slope 2 in the ratio of the learning rates', async () => {
    const logKappa = async (ratio: number) => {
      // SGD: the step is proportional to the rate, so D ~ rate^2 to first order
      const session = open(tinySetting({ optimiser: { kind: 'sgd', clip: 0 } }), { eager: true });
      await session.run(
        'train',
        packStep({ batch: tinyBatch(0), ...tinyScalars(1, { encoder: 0.05, backbone: 0.05 }) }),
      ); // LoRA's B leaves zero
      const { measure } = await step(session, 2, { encoder: 0.004, backbone: 0.004 * ratio });
      session.dispose();
      return kappaOf(measure!.dBackbone, measure!.dEncoder).logKappa;
    };
    const [low, middle] = [await logKappa(0.5), await logKappa(1)];
    expect((middle - low) / Math.log(2)).toBeGreaterThan(1.85);
    expect((middle - low) / Math.log(2)).toBeLessThan(2.15);
  });

  it('variants (a) and (b) agree to first order', async () => {
    const rates = { encoder: 5e-4, backbone: 5e-4 };
    const [a, b] = await Promise.all(
      (['a', 'b'] as const).map(
        async (variant) => (await step(open(tinySetting(), { eager: true, variant }), 1, rates)).measure!,
      ),
    );
    expect(Math.abs(Math.log(a!.dEncoder / b!.dEncoder))).toBeLessThan(0.1);
    expect(Math.abs(Math.log(a!.dBackbone / b!.dBackbone))).toBeLessThan(0.1);
  });

  it('a probe equal to the batch measures the same divergences', async () => {
    const onBatch = (await step(open(tinySetting(), { eager: true }), 1)).measure!;
    const session = open(tinySetting(), { eager: true, probe: true });
    const inputs = packStep({ batch: tinyBatch(1), probe: tinyBatch(1), ...tinyScalars(1) });
    const { measure } = unpackStep((await session.run('measured', inputs))['numbers']!);
    expect(measure!.dEncoder / onBatch.dEncoder).toBeCloseTo(1, 3);
    expect(measure!.dBackbone / onBatch.dBackbone).toBeCloseTo(1, 3);
  });

  describe('what stands beside a measure', () => {
    const measured = async (probe: boolean, end: number | null) => {
      const setting = tinySetting();
      const program = trainProgram(setting, tinyShape, ['encoder', 'backbone'], {
        variant: 'a',
        probe: probe ? tinyShape : null,
        isBeside: true,
        end,
      });
      const session = openSession({ measured: program }, initialState(setting, 0), { eager: true });
      opened.push(session);
      const inputs = packStep({ batch: tinyBatch(1), probe: tinyBatch(2), ...tinyScalars(1) });
      const { numbers } = await session.run('measured', inputs);
      return unpackStep(
        numbers!,
        [],
        [],
        [...(probe ? (['probe'] as const) : []), ...(end === null ? [] : (['withoutEnd'] as const))],
      );
    };

    it('changes nothing of it, and on the probe is what the probe alone measures', async () => {
      const [plain, both] = [await measured(false, null), await measured(true, 5)];
      expect(both.measure).toEqual(plain.measure);
      expect(both.step).toEqual(plain.step);
      expect(plain.beside).toEqual({});
      const inputs = packStep({ batch: tinyBatch(1), probe: tinyBatch(2), ...tinyScalars(1) });
      const alone = unpackStep(
        (await open(tinySetting(), { eager: true, probe: true }).run('measured', inputs))['numbers']!,
      );
      expect(both.beside.probe).toEqual({ dBackbone: alone.measure!.dBackbone, dEncoder: alone.measure!.dEncoder });
    });

    it('leaves out every label that ends an answer, and no other', async () => {
      const { labels, mask } = tinyBatch(1);
      const asked = [...labels].filter((_, i) => mask[i] === 1);
      const { measure, step } = await measured(false, null);
      // What all other labels leave of a sum is the share of one of them; these shares make up the whole.
      const sums = { loss: 0, dBackbone: 0, dEncoder: 0 };
      const whole = { loss: step.crossEntropy, dBackbone: measure!.dBackbone, dEncoder: measure!.dEncoder };
      for (const label of new Set(asked)) {
        const rest = asked.filter((other) => other !== label).length;
        const { withoutEnd } = (await measured(false, label)).beside;
        for (const key of ['loss', 'dBackbone', 'dEncoder'] as const)
          sums[key] += asked.length * whole[key] - rest * withoutEnd![key];
      }
      for (const key of ['loss', 'dBackbone', 'dEncoder'] as const)
        expect(sums[key] / (asked.length * whole[key])).toBeCloseTo(1, 4);
    });
  });

  it('a frozen module keeps its parameters and moments, and its divergence is zero', async () => {
    const session = open(tinySetting(), { eager: true });
    await step(session, 1);
    const before = await Promise.all(['theta', 'first', 'second'].map((key) => session.read(`backbone/${key}`)));
    const { measure } = await step(session, 2, undefined, { encoder: 1, backbone: 0 });
    const after = await Promise.all(['theta', 'first', 'second'].map((key) => session.read(`backbone/${key}`)));
    expect(after).toEqual(before);
    expect(Math.abs(measure!.dBackbone)).toBeLessThan(1e-7);
    expect(measure!.dEncoder).toBeGreaterThan(1e-6);
  });

  it.each(['module', 'tensor'] as const)('gradient noise has the spread of the gradient it joins: %s', async (of) => {
    const setting = tinySetting({ optimiser: { kind: 'sgd', clip: 0 } });
    const rates = { encoder: 0.5, backbone: 0.5 };
    const after = async (noise: ((i: number) => number) | null): Promise<Float32Array[]> => {
      const session = open({ ...setting, gradientNoise: noise === null ? null : of }, { eager: true });
      const sizes = await Promise.all(
        (['encoder', 'backbone'] as const).map(async (module) => (await session.read(`${module}/theta`)).length),
      );
      const numbers: StepValues['noise'] =
        noise === null
          ? null
          : {
              encoder: Float32Array.from({ length: sizes[0]! }, (_, i) => noise(i)),
              backbone: Float32Array.from({ length: sizes[1]! }, (_, i) => noise(i)),
            };
      await session.run('train', packStep({ batch: tinyBatch(0), ...tinyScalars(1, rates), noise: numbers }));
      return Promise.all([session.read('encoder/theta'), session.read('backbone/theta')]);
    };
    const start = initialState(setting, 0);
    const plain = await after(null);
    expect(await after(() => 0)).toEqual(plain);
    const noisy = await after((i) => (i % 3) - 1);
    (['encoder', 'backbone'] as const).forEach((module, m) => {
      const gradient = plain[m]!.map((value, i) => (asFloat32(start[`${module}/theta`]!.data)[i]! - value) / 0.5);
      // the first adapter's A has no gradient while its B is zero, so its B is looked at
      const [before, part] = setting.model.trainable[module].map(({ shape }) => sizeOf(shape)) as [number, number];
      const [from, to] = module === 'encoder' ? [0, before] : [before, before + part];
      const joined = of === 'module' ? gradient : gradient.slice(from, to);
      const mean = joined.reduce((sum, g) => sum + g, 0) / joined.length;
      const deviation = Math.sqrt(joined.reduce((sum, g) => sum + (g - mean) ** 2, 0) / joined.length);
      expect(deviation).toBeGreaterThan(0);
      expect(to - from).toBeGreaterThan(5);
      for (const i of [0, 1, 2, 5].map((place) => from + place))
        expect((plain[m]![i]! - noisy[m]![i]!) / 0.5).toBeCloseTo(((i % 3) - 1) * deviation, 5);
    });
  });

  it('the regulariser has no gradient when the previous state equals the current one', async () => {
    const plain = open(tinySetting(), { eager: true });
    const regularised = open(tinySetting({ regulariser: { kind: 'commit', lambda: 5 } }), { eager: true });
    const [a, b] = [await step(plain, 1), await step(regularised, 1)];
    expect(b.step.klEncoder).toBe(0);
    expect(b.step.normEncoder).toBeCloseTo(a.step.normEncoder, 5);
    expect(b.step.normBackbone).toBeCloseTo(a.step.normBackbone, 5);
  });

  it('the regulariser adds a heavy-ball pull along the last step', async () => {
    // -lambda w KL(p_t || p_{t-1}) has gradient -lambda w F (theta_t - theta_{t-1}): it lowers the loss along the last
    // step
    const session = open(
      tinySetting({ regulariser: { kind: 'commit', lambda: 0.1 }, optimiser: { kind: 'sgd', clip: 0 } }),
      { eager: true },
    );
    await step(session, 1);
    const second = await step(session, 2);
    expect(second.step.klEncoder).toBeGreaterThan(0);
    expect(second.step.loss).toBeLessThan(second.step.crossEntropy);
    expect(second.step.loss).toBeCloseTo(
      second.step.crossEntropy - 0.1 * 0.5 * (second.step.klEncoder + second.step.klBackbone),
      5,
    );
  });

  it.each<[string, TinyOptions]>([
    ['usual', {}],
    ['the connector beside the backbone', { connectorSide: 'backbone', encoder: 'scale-shift' }],
  ])('gradients agree with central differences of the loss: %s', async (_name, options) => {
    const setting = tinySetting({ optimiser: { kind: 'sgd', clip: 0 }, ...options });
    const session = open(setting, { eager: true });
    await session.run('train', packStep({ batch: tinyBatch(0), ...tinyScalars(1, { encoder: 0.1, backbone: 0.1 }) }));
    for (const module of ['encoder', 'backbone'] as const) {
      const theta = await session.read(`${module}/theta`);
      const rates = { encoder: 0, backbone: 0, [module]: 1 };
      const lossAt = async (values: Float32Array) => {
        await session.write(`${module}/theta`, values);
        const { numbers } = await session.run(
          'train',
          packStep({ batch: tinyBatch(1), ...tinyScalars(2, { encoder: 0, backbone: 0 }) }),
        );
        return unpackStep(numbers!).step.crossEntropy;
      };
      await session.write(`${module}/theta`, theta);
      await session.run('train', packStep({ batch: tinyBatch(1), ...tinyScalars(2, rates) })); // theta - gradient
      const moved = await session.read(`${module}/theta`);
      const gradient = theta.map((value, i) => value - moved[i]!);
      const norm = Math.hypot(...gradient);
      const along = (size: number) => theta.map((value, i) => value + (size * gradient[i]!) / norm);
      const slope = ((await lossAt(along(1e-2))) - (await lossAt(along(-1e-2)))) / 2e-2;
      expect(slope / norm).toBeCloseTo(1, 2);
      await session.write(`${module}/theta`, theta);
    }
  });

  it('keeps the number of tensors constant over steps', async () => {
    const session = open(tinySetting({ regulariser: { kind: 'commit', lambda: 0.1 } }), { eager: true });
    await step(session, 1);
    const before = tf.memory().numTensors;
    for (let i = 2; i < 8; i++) await step(session, i);
    await session.run('score', tinyBatch(1));
    expect(tf.memory().numTensors).toBe(before);
    session.dispose();
  });

  it('names a missing or mis-sized input', async () => {
    const session = open(tinySetting(), { eager: true });
    await expect(session.run('score', { ...tinyBatch(1), tokens: new Int32Array(2) })).rejects.toThrow(
      /"tokens" has 2 values/,
    );
    await expect(session.run('train', tinyBatch(1))).rejects.toThrow(/is missing/);
  });
});

const combinations: [string, TinyOptions][] = [
  ['mlp, lora', {}],
  ['qformer, lora', { connector: { kind: 'qformer', tokens: 2, width: 8, layers: 1, heads: 2 } }],
  [
    'mlp, full tuning, untied head',
    { tuning: { kind: 'full' }, config: { ...tinyConfig, tied: false, keyValueHeads: 4 } },
  ],
  ['mlp, lora, regulariser', { regulariser: { kind: 'commit', lambda: 0.1 } }],
  [
    'scale and shift, connector beside the backbone, regulariser',
    { connectorSide: 'backbone', encoder: 'scale-shift', regulariser: { kind: 'commit', lambda: 0.1 } },
  ],
  ['mlp, lora, regulariser with a share', { regulariser: { kind: 'share', share: 0.2 } }],
  ['mlp, lora, regulariser by logarithms', { regulariser: { kind: 'log-divergence' } }],
  ['mlp, lora, clipped over both modules', { optimiser: { kind: 'adamw', clip: 0.5, clipOver: 'joint' } }],
  ['mlp, lora, sgd', { optimiser: { kind: 'sgd', momentum: 0.9, clip: 1 } }],
  ['mlp, LoRA+', { optimiser: { kind: 'adamw', loraRatio: 4, weightDecay: 0.1 } }],
  ['mlp, lora, lamb', { optimiser: { kind: 'lamb', weightDecay: 0.1 } }],
  ['mlp, lora, prodigy', { optimiser: { kind: 'prodigy', start: 1e-3, biasCorrection: 'on' } }],
  ['mlp, lora, schedule-free', { optimiser: { kind: 'schedule-free' } }],
];

describe('on wasm', () => {
  it.each(combinations)(
    'every kernel is there and the numbers are those of the reference: %s',
    async (_name, options) => {
      const numbers = async (backend: 'cpu' | 'wasm') => {
        await useBackend({ name: backend });
        const setting = tinySetting(options);
        const session = open(setting, { eager: true });
        const told = toldPairs(setting);
        const take = (at: number) => step(session, at, undefined, undefined, at, told);
        const steps = [await take(1), await take(2)];
        const { labels } = await session.run('score', tinyBatch(1));
        session.dispose();
        return [
          ...steps.flatMap(({ step: a, measure }) => [
            a.loss,
            a.normEncoder,
            a.normBackbone,
            measure!.dBackbone,
            measure!.dEncoder,
            measure!.progressEncoder,
          ]),
          ...labels!,
        ];
      };
      const [reference, wasm] = [await numbers('cpu'), await numbers('wasm')];
      for (const [i, value] of notEmpty(wasm.entries()))
        expect(Math.abs(value - reference[i]!), `number ${i}`).toBeLessThan(1e-3 * Math.abs(reference[i]!) + 1e-5);
    },
  );
});

/** V8's own, which ordinary programs do not see. */
function garbageCollector(): () => void {
  setFlagsFromString('--expose-gc');
  return runInNewContext('gc') as () => void;
}

const native = availableBackends().find(({ name }) => name === 'tensorflow')!;
describe.runIf(native.available)('recorded on TensorFlow', () => {
  beforeAll(async () => {
    await useBackend({ name: 'tensorflow', threads: 1 });
  });

  it.each(combinations)('replay equals eager while rates, step, batch and mask change: %s', async (_name, options) => {
    const setting = tinySetting(options);
    const [recorded, eager] = [open(setting), open(setting, { eager: true })];
    expect(recorded.notice).toBeUndefined();
    expect(recorded.mode).toBe('recorded');
    for (let at = 1; at <= 6; at++) {
      const rates = { encoder: 1e-3 * at, backbone: 2e-3 / at };
      const active = { encoder: at === 4 ? 0 : 1, backbone: 1 };
      const told = toldPairs(setting);
      const [a, b] = [
        await step(recorded, at, rates, active, at, told),
        await step(eager, at, rates, active, at, told),
      ];
      expect(a.step.loss / b.step.loss).toBeCloseTo(1, 5);
      expect(a.step.normEncoder / b.step.normEncoder).toBeCloseTo(1, 4);
      expect(a.measure!.dBackbone).toBeCloseTo(b.measure!.dBackbone, 6);
    }
    const [x, y] = [await recorded.read('backbone/theta'), await eager.read('backbone/theta')];
    const size = Math.hypot(...y);
    expect(Math.hypot(...x.map((value, i) => value - y[i]!)) / size).toBeLessThan(1e-5);
    recorded.dispose();
    eager.dispose();
  });

  it('the values that state begins with are not kept beside the session', async () => {
    const collect = garbageCollector();
    const begin = (): { session: Session; values: WeakRef<Float32Array> } => {
      // At no multiple of 64 bytes: there TensorFlow would compute on these very values.
      const data = new Float32Array(new ArrayBuffer(4004), 4).fill(2);
      const double: Program = {
        inputs: { by: { shape: [], dtype: 'float32' } },
        reads: ['w'],
        run: ({ by }, { w }) => ({ outputs: { y: tf.sum(tf.mul(w!, by!)) } }),
      };
      const session = openSession({ double }, { w: { shape: [1000], data } });
      opened.push(session);
      return { session, values: new WeakRef(data) };
    };
    const { session, values } = begin();
    await turn(); // what was made in this turn of the event loop is held until it ends
    collect();
    expect((await session.run('double', { by: new Float32Array([2]) }))['y']![0]).toBe(4000);
    expect(values.deref()).toBeUndefined();
  });

  it('every input reaches the graph: each one changed alone changes the step', async () => {
    const base = packStep({ batch: tinyBatch(1), ...tinyScalars(3) });
    const setting = tinySetting({ regulariser: { kind: 'commit', lambda: 0.1 } });
    const start = Object.entries(initialState(setting, 0)).filter(([name]) => !name.startsWith('frozen/'));
    const session = open(setting);
    const after = async (inputs: Record<string, Float32Array | Int32Array>) => {
      for (const [name, { data }] of start) await session.write(name, asFloat32(data));
      await session.run('train', packStep({ batch: tinyBatch(0), ...tinyScalars(1) }));
      const { numbers } = await session.run('train', inputs);
      return [...numbers!, ...(await session.read('encoder/theta')), ...(await session.read('backbone/theta'))].join();
    };
    const unchanged = await after(base);
    expect(await after(base)).toBe(unchanged);
    for (const name of Object.keys(base) as (keyof typeof base)[]) {
      const values = base[name]!.slice();
      values[0] =
        name === 'tokens' || name === 'labels'
          ? (values[0]! + 1) % 20
          : name === 'positions'
            ? values[0]! - 1
            : values[0]! * 0.5 + 0.3;
      expect(await after({ ...base, [name]: values }), String(name)).not.toBe(unchanged);
    }
  });
});

it.runIf(!native.available)(
  `TensorFlow is not linked (${native.reason}): recorded programs are not tested here`,
  () => {
    expect(chooseBackend({ name: 'auto' }).name).toBe('wasm');
  },
);
