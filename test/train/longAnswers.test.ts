/** Long answers in many words: tables over the vocabulary are made for some label places after the others. */
import { beforeAll, describe, expect, it } from 'vitest';
import { moduleNames } from '../../src/modules';
import { availableBackends, useBackend } from '../../src/tensor/backend';
import { programCost } from '../../src/tensor/cost';
import { openSession, type Program } from '../../src/tensor/program';
import { byRows, rowsAtOnce } from '../../src/tensor/rows';
import type { Kernels } from '../../src/tensor/kernels';
import { tf } from '../../src/tensor/tf';
import type { Engine } from '../../src/train/resources';
import { initialState, scoreProgram } from '../../src/train/programs';
import { trainProgram } from '../../src/train/trainProgram';
import type { BatchArrays, BatchShape } from '../../src/train/batches';
import { largestDifference } from '../../testing/families';
import { notEmpty } from '../../testing/lists';
import { tinyBatch, tinyConfig, tinySetting, tinyShape } from '../../testing/tinyModel';

const vocabulary = 96_000;
const setting = tinySetting({ config: { ...tinyConfig, vocabulary, context: 2048 } });
const shape: BatchShape = { ...tinyShape, batch: 2, tokens: 400, labels: 360 };
const one: BatchShape = { ...shape, batch: 1 };
const table = 4 * shape.batch * shape.labels * vocabulary;

const isLinked = availableBackends().some(({ name, available }) => name === 'tensorflow' && available);
const asked = ({ features, tokens, positions, labels, mask }: BatchArrays) => ({
  features,
  tokens,
  positions,
  labels,
  mask,
});

/** The questions of one row as a batch of their own. */
function rowOf(batch: BatchArrays, row: number): BatchArrays {
  const cut = <T extends Float32Array | Int32Array>(x: T): T =>
    x.slice((row * x.length) / shape.batch, ((row + 1) * x.length) / shape.batch) as T;
  const places = shape.prefixTokens + shape.tokens;
  return {
    ...batch,
    features: cut(batch.features as Float32Array),
    tokens: cut(batch.tokens),
    positions: cut(batch.positions).map((at) => at - row * places),
    labels: cut(batch.labels),
    mask: cut(batch.mask),
  };
}

describe('rows', () => {
  beforeAll(async () => {
    await useBackend({ name: 'cpu' });
  });

  it('are as many as a table of 256 MiB holds', () => {
    expect([32_768, 49_152, 131_072, 1e9].map(rowsAtOnce)).toEqual([2048, 1365, 512, 1]);
  });

  it.each([1, 2, 3, 4, 5, 9])('come back in their order when %d are taken at a time', (size) => {
    const [x, y] = [tf.tensor2d([1, 2, 3, 4, 5, 6, 7, 8, 9, 10], [5, 2]), tf.tensor1d([10, 20, 30, 40, 50])];
    const taken: number[] = [];
    const [sums, own] = byRows(5, size, (cut) => {
      taken.push(cut(y).shape[0]!);
      return [tf.add(tf.sum(cut(x), 1), cut(y)), cut(y)];
    });
    expect([...sums!.dataSync()]).toEqual([13, 27, 41, 55, 69]);
    expect([...own!.dataSync()]).toEqual([10, 20, 30, 40, 50]);
    expect(Math.max(...taken)).toBe(Math.min(size, 5));
  });
});

describe.runIf(isLinked)('an evaluation pass', () => {
  it('gives each answer what it has by itself', async () => {
    await useBackend({ name: 'tensorflow', threads: 1 });
    expect(shape.batch * shape.labels).toBeGreaterThan(rowsAtOnce(vocabulary));
    expect(one.labels).toBeLessThanOrEqual(rowsAtOnce(vocabulary));
    const session = openSession(
      { both: scoreProgram(setting, shape), one: scoreProgram(setting, one) },
      initialState(setting, 0),
    );
    expect(session.mode).toBe('recorded');
    const batch = tinyBatch(2, shape);
    const whole = await session.run('both', asked(batch));
    for (const row of [0, 1]) {
      const apart = await session.run('one', asked(rowOf(batch, row)));
      for (const name of ['labels', 'first'] as const) {
        const { length } = notEmpty([...apart[name]!]);
        expect(largestDifference(whole[name]!.subarray(row * length, (row + 1) * length), apart[name]!)).toBeLessThan(
          4e-6, // of log-probabilities of about -10: two of their last digits
        );
      }
    }
    session.dispose();
  });
});

describe('memory', () => {
  const shapes = Object.fromEntries(
    Object.entries(initialState(setting, 0)).map(([name, value]) => [name, value.shape]),
  );
  const score = (of: BatchShape) => scoreProgram(setting, of);
  const step = (of: BatchShape) => trainProgram(setting, of, moduleNames, null);
  const measured = (of: BatchShape) => trainProgram(setting, of, moduleNames, { variant: 'a', probe: null });
  /** most bytes at once of a program on answers of so many tokens, in tables over the vocabulary of 360 */
  const most = (programOf: (of: BatchShape) => Program, labels: number, kernels: Kernels, engine: Engine): number =>
    programCost(programOf({ ...shape, labels, tokens: labels + 40 }), shapes, kernels).activationBytes[engine] / table;

  const engines = [
    ['fused', 'recorded'],
    ['plain', 'recorded'],
    ['plain', 'eager'],
  ] as const;

  it.each(engines)('of an evaluation pass hardly grows with its answers (%s, %s)', (kernels, engine) => {
    expect(most(score, 1440, kernels, engine) - most(score, 360, kernels, engine)).toBeLessThan(1.6);
  });

  // Each state of the model would take a table of all 1440, which is four of 360, and their divergences as many more.
  it.each(engines)('of a measured step stays near that of the step itself (%s, %s)', (kernels, engine) => {
    expect(most(measured, 1440, kernels, engine) - most(step, 1440, kernels, engine)).toBeLessThan(5);
  });
});
