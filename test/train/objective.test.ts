/** Clipping over both modules, and regularisers whose gradient is found by itself, on a toy model. */
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { both, moduleNames, type PerModule } from '../../src/modules';
import { useBackend } from '../../src/tensor/backend';
import { openSession, type Session } from '../../src/tensor/program';
import { wasClipped } from '../../src/train/clipping';
import { initialState, toldPairs, type Setting } from '../../src/train/programs';
import { packStep } from '../../src/train/stepInputs';
import { unpackStep, type UnpackedStep } from '../../src/train/stepNumbers';
import { trainProgram } from '../../src/train/trainProgram';
import { notEmpty } from '../../testing/lists';
import { optimiserOf } from '../../testing/specs';
import { tinyBatch, tinyScalars, tinySetting, tinyShape, type TinyOptions } from '../../testing/tinyModel';

const opened: Session[] = [];
afterEach(() => {
  for (const session of opened.splice(0)) session.dispose();
});
beforeAll(async () => {
  await useBackend({ name: 'cpu' });
});

const open = (setting: Setting): Session => {
  const train = trainProgram(setting, tinyShape, moduleNames, null);
  const session = openSession({ train }, initialState(setting, 0), { eager: true });
  opened.push(session);
  return session;
};
const unit = { encoder: 1, backbone: 1 };
const take = async (
  setting: Setting,
  session: Session,
  rates: PerModule<number>,
  active = unit,
  batch = 1,
): Promise<UnpackedStep> => {
  const { numbers } = await session.run(
    'train',
    packStep({ batch: tinyBatch(batch), ...tinyScalars(1, rates, active) }),
  );
  return unpackStep(numbers!, [], toldPairs(setting));
};
type Vectors = PerModule<Float32Array>;
const read = async (session: Session, piece: string): Promise<Vectors> => {
  const [encoder, backbone] = await Promise.all(moduleNames.map((module) => session.read(`${module}/${piece}`)));
  return { encoder: encoder!, backbone: backbone! };
};
const minus = (a: Float32Array, b: Float32Array) => a.map((value, i) => value - b[i]!);
const dot = (a: Float32Array, b: Float32Array) => a.reduce((sum, value, i) => sum + value * b[i]!, 0);
const length = (a: Float32Array) => Math.sqrt(dot(a, a));

/** The direction in which plain SGD at rate 1 goes: what is taken off theta in one step. */
async function stepOf(options: TinyOptions, active = unit): Promise<{ taken: Vectors; step: UnpackedStep['step'] }> {
  const setting = tinySetting(options);
  const session = open(setting);
  const before = await read(session, 'theta');
  const { step } = await take(setting, session, unit, active);
  const after = await read(session, 'theta');
  return { taken: both((module) => minus(before[module], after[module])), step };
}

describe('clipping', () => {
  const sgd = (clip: number, clipOver: 'module' | 'joint' = 'module') =>
    ({ optimiser: { kind: 'sgd', clip, clipOver } }) as const;

  it('over both modules scales both by one factor, that of their joint norm', async () => {
    const plain = await stepOf(sgd(0));
    const norms = [length(plain.taken.encoder), length(plain.taken.backbone)];
    const limit = Math.hypot(...norms) / 4;
    const joint = await stepOf(sgd(limit, 'joint'));
    for (const module of moduleNames)
      for (const [i, value] of notEmpty(joint.taken[module].entries()))
        expect(value).toBeCloseTo(plain.taken[module][i]! / 4, 5);
    expect(joint.step.normEncoder).toBeCloseTo(norms[0]!, 4); // norms are told as they were
    const loose = await stepOf(sgd(Math.hypot(...norms) * 1.01, 'joint'));
    for (const module of moduleNames) expect(loose.taken[module]).toEqual(plain.taken[module]);
  });

  it('by module leaves each its own norm', async () => {
    const plain = await stepOf(sgd(0));
    const limit = Math.min(length(plain.taken.encoder), length(plain.taken.backbone)) / 2;
    const { taken } = await stepOf(sgd(limit));
    for (const module of moduleNames) expect(length(taken[module]) / limit).toBeCloseTo(1, 3);
  });

  it('over both modules leaves a module that is frozen in a step out of the norm', async () => {
    const plain = await stepOf(sgd(0));
    const limit = length(plain.taken.encoder) / 2;
    const { taken } = await stepOf(sgd(limit, 'joint'), { encoder: 1, backbone: 0 });
    expect(length(taken.encoder) / limit).toBeCloseTo(1, 3);
    expect(length(taken.backbone)).toBe(0);
  });

  it('is read from the journal: by hand', () => {
    const record = { gradientNorm: { encoder: 0.6, backbone: 0.9 }, learningRate: { encoder: 1e-3, backbone: 1e-3 } };
    const of = (clip: number, clipOver: 'module' | 'joint') =>
      wasClipped(optimiserOf({ kind: 'adamw', clip, clipOver }), record);
    expect(of(1, 'module')).toEqual({ encoder: false, backbone: false });
    expect(of(0.8, 'module')).toEqual({ encoder: false, backbone: true });
    expect(of(1, 'joint')).toEqual({ encoder: true, backbone: true }); // hypot(.6, .9) = 1.08
    expect(of(0, 'joint')).toEqual({ encoder: false, backbone: false });
    const frozen = { ...record, learningRate: { encoder: 1e-3, backbone: 0 } };
    expect(wasClipped(optimiserOf({ kind: 'adamw', clip: 1, clipOver: 'joint' }), frozen)).toEqual({
      encoder: false,
      backbone: null,
    });
  });
});

describe('a regulariser whose gradient is found by itself', () => {
  /** A session whose last step went from `previous` to where it stands. */
  async function moved(
    options: TinyOptions,
  ): Promise<{ setting: Setting; session: Session; theta: Vectors; previous: Vectors }> {
    const setting = tinySetting(options);
    const session = open(setting);
    await take(setting, session, { encoder: 0.3, backbone: 0.3 }, unit, 0);
    return { setting, session, theta: await read(session, 'theta'), previous: await read(session, 'previous') };
  }
  const write = async (session: Session, piece: string, values: Vectors) => {
    for (const module of moduleNames) await session.write(`${module}/${piece}`, values[module]);
  };

  it('share: adds its direction with the stated share of the clipped gradient, in every module', async () => {
    const optimiser = { kind: 'sgd', clip: 0.5 } as const;
    const { setting, session, theta, previous } = await moved({
      optimiser,
      regulariser: { kind: 'share', share: 0.25 },
    });
    const { pairs } = await take(setting, session, unit);
    expect(pairs.share!.encoder).toBeCloseTo(0.25, 5);
    expect(pairs.share!.backbone).toBeCloseTo(0.25, 5);
    const after = await read(session, 'theta');
    const plain = tinySetting({ optimiser });
    const alone = open(plain);
    await write(alone, 'theta', theta);
    await take(plain, alone, unit);
    const without = await read(alone, 'theta');
    for (const module of moduleNames) {
      const clipped = minus(theta[module], without[module]);
      const added = minus(without[module], after[module]);
      expect(length(added) / length(clipped)).toBeCloseTo(0.25, 4);
      // it pulls on along the last step: a descent direction of -KL, whose gradient is -F (theta - previous)
      expect(dot(added, minus(theta[module], previous[module]))).toBeLessThan(0);
    }
  });

  it('share: adds nothing while there is no last step to look back on', async () => {
    const setting = tinySetting({ optimiser: { kind: 'sgd', clip: 0 }, regulariser: { kind: 'share', share: 0.5 } });
    const session = open(setting);
    const before = await read(session, 'theta');
    const { pairs } = await take(setting, session, unit);
    expect(pairs.share).toEqual({ encoder: 0, backbone: 0 });
    const { taken } = await stepOf({ optimiser: { kind: 'sgd', clip: 0 } });
    const after = await read(session, 'theta');
    for (const module of moduleNames)
      for (const [i, value] of notEmpty(minus(before[module], after[module]).entries()))
        expect(value).toBeCloseTo(taken[module][i]!, 6);
  });

  it.each(moduleNames)(
    'log-divergence: its own gradient agrees with central differences of the term: %s',
    async (module) => {
      const optimiser = { kind: 'sgd', clip: 0 } as const;
      const { session, theta, previous } = await moved({
        optimiser,
        regulariser: { kind: 'log-divergence', lambda: 0.05 },
      });
      // Of this module's divergence alone: there the tables of the step before stay as they are when it moves.
      const weights = { encoder: 0, backbone: 0, [module]: 1 };
      const stepFrom = async (at: Vectors, rate: number) => {
        await write(session, 'theta', at);
        await write(session, 'previous', previous);
        const { update } = tinyScalars(1, { encoder: rate, backbone: rate });
        const { numbers } = await session.run('train', packStep({ batch: tinyBatch(1), update, weights }));
        return unpackStep(numbers!, [], ['share']).step;
      };
      const plain = tinySetting({ optimiser });
      const alone = open(plain);
      await write(alone, 'theta', theta);
      await take(plain, alone, unit);
      await stepFrom(theta, 1);
      const [within, without] = [await read(session, 'theta'), await read(alone, 'theta')];
      const own = minus(without[module], within[module]);
      const termAt = async (size: number) => {
        const at = theta[module].map((value, i) => value + (size * own[i]!) / length(own));
        const { loss, crossEntropy } = await stepFrom({ ...theta, [module]: at }, 0);
        return loss - crossEntropy;
      };
      const slope = ((await termAt(5e-3)) - (await termAt(-5e-3))) / 1e-2;
      expect(length(own)).toBeGreaterThan(1e-3);
      expect(Math.abs(slope / length(own) - 1)).toBeLessThan(0.025);
    },
  );

  it('log-divergence: the objective is the cross-entropy and the weighted logarithms, by hand', async () => {
    const { setting, session } = await moved({
      optimiser: { kind: 'sgd', clip: 0 },
      regulariser: { kind: 'log-divergence', lambda: 0.05, epsilon: 1e-6 },
    });
    const { step, pairs } = await take(setting, session, unit);
    const term = -0.05 * 0.5 * (Math.log(step.klEncoder) + Math.log(step.klBackbone));
    expect(step.loss - step.crossEntropy).toBeCloseTo(term, 4);
    expect(pairs.share!.encoder).toBeGreaterThan(0);
    expect(pairs.share!.backbone).toBeGreaterThan(0);
  });
});
