/** A run that cannot go on says at which step, in which module, or how large a batch would fit. */
import { beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import type { RunSpec } from '../../src/manifest/run';
import { availableBackends, useBackend } from '../../src/tensor/backend';
import { openSession, type Program } from '../../src/tensor/program';
import { tf } from '../../src/tensor/tf';
import { isOutOfMemory } from '../../src/train/memory';
import { checkFinite } from '../../src/train/finite';
import type { JournalRecord } from '../../src/train/records';
import { trainPrepared } from '../../src/train/run';
import { firstStepFits } from '../../src/train/trial';
import { tinyPrepared, tinySpec } from '../../testing/tinyTask';

/** Training batches above this size find no memory. */
const device = { largest: Infinity };
vi.mock('../../src/tensor/program', async (original) => {
  const real = await original<typeof import('../../src/tensor/program')>();
  const rowsOf = (program: Program | undefined) => program?.inputs['features']?.shape[0] ?? 0;
  return {
    ...real,
    openSession: ((programs, state, options) => {
      const session = real.openSession(programs, state, options);
      return {
        ...session,
        run: async (name, inputs) => {
          if ((name === 'train' || name === 'measured') && rowsOf(programs[name]) > device.largest)
            throw new Error(`OOM when allocating tensor with shape[${rowsOf(programs[name])},9,24]`);
          return session.run(name, inputs);
        },
      };
    }) satisfies typeof openSession,
  };
});

async function failure(spec: RunSpec): Promise<{ message: string; steps: number }> {
  const records: JournalRecord[] = [];
  try {
    for await (const record of trainPrepared(spec, tinyPrepared(spec, false))) records.push(record);
  } catch (error) {
    return { message: (error as Error).message, steps: records.filter(({ kind }) => kind === 'train').length };
  }
  throw new Error('the run did not fail');
}

beforeEach(() => {
  device.largest = Infinity;
});

describe('numbers that are not finite', () => {
  beforeAll(async () => {
    await useBackend({ name: 'cpu' });
  });
  const at = (encoder: number, backbone: number) =>
    failure(
      tinySpec({
        learningRate: { encoder, backbone },
        optimiser: { kind: 'sgd', clip: 0 },
        align: { steps: 0, learningRate: 1 },
      }),
    );

  it('stop the run at that step, with the records before it, and name the module that gave them first', async () => {
    const encoder = await at(1e38, 0),
      backbone = await at(0, 1e38);
    expect(encoder.message).toMatch(/^step \d+: training diverged: the output of the encoder is not finite/);
    expect(backbone.message).toMatch(
      /^step \d+: training diverged: (the (loss|gradient) of|with the step of) the backbone/,
    );
    for (const { message, steps } of [encoder, backbone])
      expect(steps).toBe(Number(/^step (\d+)/.exec(message)![1]) - 1);
  });

  it('are looked for in the order in which a step computes them', () => {
    const fine = { loss: 1, crossEntropy: 1, klEncoder: 0, klBackbone: 0, normEncoder: 1, normBackbone: 1, prefix: 1 };
    expect(() => checkFinite(fine, 4)).not.toThrow();
    expect(() => checkFinite({ ...fine, prefix: NaN, loss: NaN, normEncoder: NaN, normBackbone: NaN }, 4)).toThrow(
      'step 4: training diverged: the output of the encoder is not finite',
    );
    expect(() => checkFinite({ ...fine, loss: Infinity, normEncoder: NaN, normBackbone: NaN }, 4)).toThrow(
      'step 4: training diverged: the loss of the backbone is Infinity',
    );
    expect(() => checkFinite({ ...fine, normEncoder: NaN, normBackbone: Infinity }, 4)).toThrow(
      'step 4: training diverged: the gradient of the backbone is not finite',
    );
    expect(() => checkFinite({ ...fine, normEncoder: NaN }, 4)).toThrow(
      'step 4: training diverged: the gradient of the encoder is not finite',
    );
  });

  it('of a measured step are told as divergence of the module whose half made them, never as kappa', () => {
    const fine = { loss: 1, crossEntropy: 1, klEncoder: 0, klBackbone: 0, normEncoder: 1, normBackbone: 1, prefix: 1 };
    const measured = (dEncoder: number, dBackbone: number) => ({
      dBackbone,
      dEncoder,
      smallestProbability: 0.1,
      meanProbability: 0.2,
      thetaEncoder: 1,
      thetaBackbone: 1,
      deltaEncoder: 1,
      deltaBackbone: 1,
      progressEncoder: 0,
      progressBackbone: 0,
    });
    const said = (dEncoder: number, dBackbone: number) => () => checkFinite(fine, 7, measured(dEncoder, dBackbone));
    expect(said(0.1, 0.2)).not.toThrow();
    expect(said(0.1, NaN)).toThrow(
      'step 7: training diverged: with the step of the backbone the answers are not finite any more (loss 1 before it); lower the learning rate of the backbone or clip harder',
    );
    expect(said(Infinity, 0.1)).toThrow('lower the learning rate of the encoder or');
    expect(said(NaN, NaN)).toThrow(/^step 7.*lower the learning rates of the encoder and the backbone or clip harder$/);
  });
});

describe('out of memory on the device', () => {
  it('fails the run with the batch it asked for; a trial says of any other whether it fits', async () => {
    await useBackend({ name: 'cpu' });
    device.largest = 3;
    const spec = tinySpec({ batch: 8 });
    expect((await failure(spec)).message).toBe(
      'out of memory on cpu with a batch of 8 examples (OOM when allocating tensor with shape[8,9,24])',
    );
    expect(await firstStepFits(spec, 4, tinyPrepared)).toBe(false);
    expect(await firstStepFits(spec, 3, tinyPrepared)).toBe(true);
    // In as many parts as divide it: two of the four that were asked for.
    expect(await firstStepFits({ ...spec, accumulate: 4 }, 2, tinyPrepared)).toBe(true);
  });

  // 2^48 bytes: more than a process can address, so that it fails at once on any machine
  it.skipIf(!availableBackends()[0]!.available)('is recognised in what TensorFlow really says', async () => {
    await useBackend({ name: 'tensorflow', device: 'cpu', threads: 1 });
    let said: unknown;
    try {
      tf.tidy(() => {
        tf.matMul(tf.ones([2 ** 23, 1]), tf.ones([1, 2 ** 23]));
      });
    } catch (error) {
      said = error;
    }
    expect(said).toBeInstanceOf(Error);
    expect(isOutOfMemory(said), String(said)).toBe(true);
  });
});
