/**
 * Every op that models and methods use, and its gradient, gives the same numbers on every backend: the cpu backend,
 * which sums in double precision, is the reference. A backend that this machine lacks is skipped with the reason.
 */
import * as tf from '@tensorflow/tfjs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { random } from '../../src/random';
import { availableBackends, useBackend, type BackendName } from '../../src/tensor/backend';
import { notEmpty } from '../../testing/lists';
import { withoutValues } from '../../src/tensor/shapeBackend';

const tolerance = 1e-5;

/** Values of one shape from a named stream; `positive` for roots and logarithms. */
function values(shape: number[], stream: string, positive = false): tf.Tensor {
  const source = random('conformance', stream);
  return tf.tensor(
    Float32Array.from({ length: tf.util.sizeFromShape(shape) }, () =>
      positive ? 0.5 + source.uniform() : source.normal(),
    ),
    shape,
  );
}

interface Case {
  name: string;
  /** float32 inputs; gradients are taken with respect to all of them */
  inputs: { shape: number[]; positive?: boolean }[];
  run(...inputs: tf.Tensor[]): tf.Tensor;
  /** default true */
  gradient?: boolean;
  /** relative tolerance on webgpu where its language promises less than float32 */
  webgpu?: number;
}

const one = (name: string, shape: number[], run: (x: tf.Tensor) => tf.Tensor, positive = false): Case => ({
  name,
  inputs: [{ shape, positive }],
  run,
});
const ids = (...list: number[]) => tf.tensor1d(list, 'int32');

function products(): Case[] {
  const cases: Case[] = [];
  for (const transposeA of [false, true]) {
    for (const transposeB of [false, true]) {
      for (const [label, batchA, batchB] of [
        ['one pair', [], []],
        ['batch', [3], [3]],
        ['batch of heads', [2, 3], [2, 3]],
        ['weights for a batch', [2, 3], [1, 1]],
        ['one for a batch', [1], [4]],
      ] as const) {
        const a = transposeA ? [7, 5] : [5, 7],
          b = transposeB ? [6, 7] : [7, 6];
        // tfjs sums gradients over broadcast axes on no backend, so there only the product itself is compared
        cases.push({
          name: `matMul ${label}${transposeA ? ' aT' : ''}${transposeB ? ' bT' : ''}`,
          inputs: [{ shape: [...batchA, ...a] }, { shape: [...batchB, ...b] }],
          run: (x, y) => tf.matMul(x, y, transposeA, transposeB),
          gradient: !label.includes('for a batch'),
        });
      }
    }
  }
  cases.push({
    name: 'matMul of 200 x 130 x 170',
    inputs: [{ shape: [200, 130] }, { shape: [130, 170] }],
    run: (x, y) => tf.matMul(x, y),
  });
  cases.push({
    name: 'attention',
    inputs: [{ shape: [2, 3, 9, 4] }, { shape: [2, 3, 9, 4] }, { shape: [2, 3, 9, 4] }],
    run: (q, k, v) => tf.matMul(tf.softmax(tf.mul(tf.matMul(q, k, false, true), 0.5)), v),
  });
  return cases;
}

const elementwise: Case[] = [
  one('exp', [4, 5], tf.exp),
  one('log', [4, 5], tf.log, true),
  one('sqrt', [4, 5], tf.sqrt, true),
  one('rsqrt', [4, 5], tf.rsqrt, true),
  one('square', [4, 5], tf.square),
  one('abs', [4, 5], tf.abs),
  one('neg', [4, 5], tf.neg),
  one('reciprocal', [4, 5], tf.reciprocal, true),
  one('log1p', [4, 5], tf.log1p, true),
  one('expm1', [4, 5], tf.expm1),
  one('relu', [4, 5], tf.relu),
  one('sigmoid', [4, 5], tf.sigmoid),
  one('tanh', [4, 5], tf.tanh),
  one('erf', [4, 5], tf.erf),
  one('softplus', [4, 5], tf.softplus),
  { ...one('sin and cos', [4, 5], (x) => tf.add(tf.sin(x), tf.cos(x))), webgpu: 2 ** -10 },
  one('silu', [4, 5], (x) => tf.mul(x, tf.sigmoid(x))),
  one('clipByValue', [4, 5], (x) => tf.clipByValue(x, -0.5, 0.5)),
  one('leakyRelu', [4, 5], (x) => tf.leakyRelu(x, 0.1)),
  one('pow', [4, 5], (x) => tf.pow(x, 3)),
  one('gelu by erf', [4, 5], (x) => tf.mul(tf.mul(x, 0.5), tf.add(tf.erf(tf.div(x, Math.SQRT2)), 1))),
  one('gelu by tanh', [4, 5], (x) =>
    tf.mul(
      tf.mul(x, 0.5),
      tf.add(tf.tanh(tf.mul(Math.sqrt(2 / Math.PI), tf.add(x, tf.mul(0.044715, tf.pow(x, 3))))), 1),
    ),
  ),
  { name: 'add, broadcast', inputs: [{ shape: [3, 4, 5] }, { shape: [5] }], run: tf.add },
  { name: 'sub, broadcast', inputs: [{ shape: [3, 1, 5] }, { shape: [4, 1] }], run: tf.sub },
  { name: 'mul, broadcast', inputs: [{ shape: [3, 4, 5] }, { shape: [4, 1] }], run: tf.mul },
  { name: 'div, broadcast', inputs: [{ shape: [3, 4] }, { shape: [4], positive: true }], run: tf.div },
  { name: 'maximum', inputs: [{ shape: [3, 4] }, { shape: [3, 4] }], run: tf.maximum },
  { name: 'minimum', inputs: [{ shape: [3, 4] }, { shape: [3, 4] }], run: tf.minimum },
  {
    name: 'where',
    inputs: [{ shape: [3, 4] }, { shape: [3, 4] }],
    run: (x, y) =>
      tf.where(
        tf.tensor2d(
          Array.from({ length: 12 }, (_, i) => i % 3),
          [3, 4],
          'bool',
        ),
        x,
        tf.mul(y, 2),
      ),
  },
  {
    name: 'where, mask of one row',
    inputs: [{ shape: [2, 3, 3] }],
    run: (x) => tf.where(tf.tensor2d([1, 0, 0, 1, 1, 0, 1, 1, 1], [3, 3], 'bool'), x, tf.scalar(-1e9)),
  },
];

const reductions: Case[] = [
  one('sum', [3, 4, 5], (x) => tf.sum(x)),
  one('sum of an inner axis', [3, 4, 5], (x) => tf.sum(x, 1)),
  one('sum of the first axis, kept', [3, 4, 5], (x) => tf.sum(x, 0, true)),
  one('sum of two axes', [3, 4, 5], (x) => tf.sum(x, [0, 1])),
  one('sum of many squares', [100_000], (x) => tf.sum(tf.square(x))),
  one('mean', [3, 4, 5], (x) => tf.mean(x)),
  one('mean of an axis', [3, 4, 5], (x) => tf.mean(x, 1)),
  one('max', [3, 4], (x) => tf.max(x, -1)),
  one('min', [3, 4], (x) => tf.min(x, -1)),
  one('logSumExp', [3, 4], (x) => tf.logSumExp(x, -1)),
  one('cumsum', [3, 6], (x) => tf.cumsum(x, 1)),
  one('cumsum, exclusive and reversed', [3, 6], (x) => tf.cumsum(x, 1, true, true)),
  one('softmax', [3, 4, 7], (x) => tf.softmax(x)),
  one('logSoftmax', [3, 4, 7], (x) => tf.logSoftmax(x)),
  one('argMax', [3, 9], (x) => tf.cast(tf.argMax(x, -1), 'float32')),
  one('topk', [3, 9], (x) => tf.topk(x, 3).values),
  one('norm', [30], (x) => tf.norm(x)),
].map((entry) => (['argMax', 'topk'].includes(entry.name) ? { ...entry, gradient: false } : entry));
reductions.push(
  {
    name: 'layer norm',
    inputs: [{ shape: [3, 4, 8] }, { shape: [8] }, { shape: [8] }],
    run: (x, gain, shift) => {
      const centred = tf.sub(x, tf.mean(x, -1, true));
      return tf.add(
        tf.mul(tf.mul(centred, tf.rsqrt(tf.add(tf.mean(tf.square(centred), -1, true), 1e-5))), gain),
        shift,
      );
    },
  },
  {
    name: 'RMS norm',
    inputs: [{ shape: [3, 4, 8] }, { shape: [8] }],
    run: (x, gain) => tf.mul(tf.mul(x, tf.rsqrt(tf.add(tf.mean(tf.square(x), -1, true), 1e-5))), gain),
  },
  {
    name: 'cross-entropy',
    inputs: [{ shape: [6, 11] }],
    run: (x) => tf.neg(tf.mean(tf.sum(tf.mul(tf.logSoftmax(x), tf.oneHot(ids(0, 3, 10, 3, 7, 1), 11)), -1))),
  },
  {
    name: 'binary cross-entropy',
    inputs: [{ shape: [6, 4] }],
    run: (x) =>
      tf.mean(
        tf.sub(
          tf.softplus(x),
          tf.mul(
            x,
            tf.tensor2d(
              Array.from({ length: 24 }, (_, i) => i % 2),
              [6, 4],
            ),
          ),
        ),
      ),
  },
);

const shapes: Case[] = [
  one('reshape', [3, 4, 5], (x) => tf.reshape(x, [12, 5])),
  one('transpose', [3, 4, 5], (x) => tf.transpose(x, [2, 0, 1])),
  one('transpose of heads', [2, 3, 4, 5], (x) => tf.transpose(x, [0, 2, 1, 3])),
  one('slice', [4, 6], (x) => tf.slice(x, [1, 2], [2, 3])),
  one('slice of a vector', [100], (x) => tf.slice(x, [13], [50])),
  one('pad', [3, 4], (x) =>
    tf.pad(x, [
      [1, 2],
      [0, 3],
    ]),
  ),
  one('pad of pictures', [2, 3, 3, 2], (x) =>
    tf.pad(x, [
      [0, 0],
      [1, 1],
      [2, 0],
      [0, 0],
    ]),
  ),
  one('split', [4, 6], (x) => {
    const [a, b, c] = tf.split(x, [1, 2, 3], 1);
    return tf.concat([c!, tf.mul(a!, 2), b!], 1);
  }),
  one('tile', [2, 3], (x) => tf.tile(x, [2, 2])),
  one('expandDims and squeeze', [4, 5], (x) => tf.squeeze(tf.expandDims(tf.mul(x, 2), 1))),
  one('broadcastTo', [1, 5], (x) => tf.broadcastTo(x, [4, 5])),
  one('reverse', [3, 4], (x) => tf.reverse(x, 1)),
  one('unstack and stack', [3, 4], (x) => tf.stack([...tf.unstack(x)].reverse(), 1)),
  { name: 'concat', inputs: [{ shape: [2, 3, 4] }, { shape: [2, 5, 4] }], run: (x, y) => tf.concat([x, y], 1) },
  { name: 'stack', inputs: [{ shape: [3, 4] }, { shape: [3, 4] }], run: (x, y) => tf.stack([x, y], 1) },
  {
    name: 'gather of rows, one twice',
    inputs: [{ shape: [7, 5] }],
    run: (x) => tf.mul(tf.gather(x, ids(3, 0, 3, 6)), 2),
  },
  {
    name: 'gather by a table of ids',
    inputs: [{ shape: [7, 5] }],
    run: (x) => tf.gather(x, tf.tensor2d([1, 1, 6, 0, 2, 5], [2, 3], 'int32')),
  },
  { name: 'gather along an inner axis', inputs: [{ shape: [3, 6, 2] }], run: (x) => tf.gather(x, ids(5, 1, 5), 1) },
  {
    name: 'unsortedSegmentSum, ids outside left out',
    inputs: [{ shape: [5, 3] }],
    run: (x) => tf.unsortedSegmentSum(x as tf.Tensor2D, ids(2, 0, 2, -1, 1), 4),
    gradient: false,
  },
  {
    name: 'comparisons and casts',
    inputs: [{ shape: [3, 4] }],
    run: (x) =>
      tf.add(
        tf.cast(tf.logicalAnd(tf.greater(x, 0), tf.lessEqual(x, 1)), 'float32'),
        tf.cast(tf.equal(tf.floor(x), 0), 'float32'),
      ),
    gradient: false,
  },
  {
    name: 'range and mask',
    inputs: [{ shape: [4, 4] }],
    run: (x) =>
      tf.add(
        x,
        tf.mul(
          tf.cast(tf.greater(tf.expandDims(tf.range(0, 4), 0), tf.expandDims(tf.range(0, 4), 1)), 'float32'),
          -1e4,
        ),
      ),
  },
];

const convolutions: Case[] = [
  ...(
    [
      [1, 'same', 3],
      [2, 'same', 3],
      [1, 'valid', 3],
      [2, 'valid', 2],
      [1, 'valid', 1],
      [2, 'valid', 1],
      [4, 'valid', 4],
    ] as const
  ).map(([strides, pad, size]): Case => ({
    name: `conv2d ${size} x ${size}, strides ${strides}, ${pad}`,
    inputs: [{ shape: [2, 9, 8, 3] }, { shape: [size, size, 3, 4] }],
    run: (x, filter) => tf.conv2d(x as tf.Tensor4D, filter as tf.Tensor4D, strides, pad),
  })),
  // the tensorflow backend takes no explicit padding: pad first
  {
    name: 'conv2d after padding',
    inputs: [{ shape: [1, 11, 11, 3] }, { shape: [7, 7, 3, 2] }],
    run: (x, filter) =>
      tf.conv2d(
        tf.pad(x as tf.Tensor4D, [
          [0, 0],
          [3, 3],
          [3, 3],
          [0, 0],
        ]),
        filter as tf.Tensor4D,
        2,
        'valid',
      ),
  },
  ...(['linear', 'relu'] as const).map((activation): Case => ({
    name: `fused conv2d, ${activation}`,
    inputs: [{ shape: [2, 9, 8, 3] }, { shape: [3, 3, 3, 4] }, { shape: [4] }],
    run: (x, filter, bias) =>
      tf.fused.conv2d({
        x: x as tf.Tensor4D,
        filter: filter as tf.Tensor4D,
        bias,
        activation,
        strides: 1,
        pad: 'same',
      }),
  })),
  {
    name: 'conv2d whose kernel is scaled by channel',
    inputs: [{ shape: [2, 9, 8, 3] }, { shape: [1, 1, 3, 4] }, { shape: [4] }],
    run: (x, filter, scale) => tf.conv2d(x as tf.Tensor4D, tf.mul(filter, scale) as tf.Tensor4D, 2, 'valid'),
  },
  {
    name: 'conv1d after padding, kernel as in PyTorch',
    inputs: [{ shape: [2, 12, 3] }, { shape: [4, 3, 3] }],
    run: (x, filter) =>
      tf.conv1d(
        tf.pad(x as tf.Tensor3D, [
          [0, 0],
          [1, 1],
          [0, 0],
        ]),
        tf.transpose(filter, [2, 1, 0]) as tf.Tensor3D,
        2,
        'valid',
      ),
  },
  {
    name: 'conv1d',
    inputs: [{ shape: [2, 12, 3] }, { shape: [3, 3, 4] }],
    run: (x, filter) => tf.conv1d(x as tf.Tensor3D, filter as tf.Tensor3D, 2, 'same'),
  },
  one('maxPool', [2, 8, 8, 3], (x) => tf.maxPool(x as tf.Tensor4D, 3, 2, 'same')),
  one('maxPool after padding', [2, 9, 9, 3], (x) =>
    tf.maxPool(
      tf.pad(x as tf.Tensor4D, [
        [0, 0],
        [1, 1],
        [1, 1],
        [0, 0],
      ]),
      3,
      2,
      'valid',
    ),
  ),
  one('avgPool whose windows overlap', [2, 7, 8, 3], (x) => tf.avgPool(x as tf.Tensor4D, 3, 2, 'valid')),
  one('avgPool', [2, 8, 8, 3], (x) => tf.avgPool(x as tf.Tensor4D, 2, 2, 'valid')),
  { ...one('resizeBilinear', [1, 4, 4, 2], (x) => tf.image.resizeBilinear(x as tf.Tensor4D, [7, 7])), gradient: false },
];

const cases = [...products(), ...elementwise, ...reductions, ...shapes, ...convolutions];

/** Leaves freed memory full of NaN behind: a kernel that reads what it has not written shows. */
function soilMemory(): void {
  tf.tidy(() => {
    for (let size = 1; size <= 4096; size *= 2)
      for (let i = 0; i < 8; i++) tf.neg(tf.tensor1d(new Float32Array(size).fill(NaN)));
  });
}

/**
 * Result, then the gradient of sum(result * weights) with respect to each input: uneven weights show a gradient in the
 * wrong place.
 */
function tensorsOf({ name, inputs, run, gradient = true }: Case): tf.Tensor[] {
  return tf.tidy(() => {
    const given = inputs.map(({ shape, positive }, i) => values(shape, `${name} ${i}`, positive));
    const result = run(...given);
    if (!gradient) return [result];
    const weights = values(result.shape, `${name} weights`);
    return [result, ...tf.grads((...x: tf.Tensor[]) => tf.sum(tf.mul(run(...x), weights)))(given)];
  });
}

async function compute(entry: Case): Promise<{ label: string; shape: number[]; values: Float32Array }[]> {
  const tensors = tensorsOf(entry);
  const results = await Promise.all(
    tensors.map(async (tensor, i) => ({
      label: i === 0 ? 'result' : `gradient of input ${i - 1}`,
      shape: tensor.shape,
      values: Float32Array.from(await tensor.data()),
    })),
  );
  tf.dispose(tensors);
  return results;
}

const reference = new Map<string, Awaited<ReturnType<typeof compute>>>();
describe('cpu, the reference', () => {
  beforeAll(async () => void (await useBackend({ name: 'cpu' })));
  for (const entry of cases) {
    test(entry.name, async () => {
      expect(reference.has(entry.name), 'a name that is used twice').toBe(false);
      const results = await compute(entry);
      for (const { label, values: numbers } of notEmpty(results))
        expect(numbers.length > 0 && numbers.every(Number.isFinite), label).toBe(true);
      reference.set(entry.name, results);
    });
  }
});

describe('shapes without values', () => {
  for (const entry of cases.filter(({ name }) => !['topk', 'resizeBilinear'].includes(name))) {
    test(entry.name, () => {
      const { result } = withoutValues(() => tensorsOf(entry).map(({ shape }) => shape));
      expect(result).toEqual(reference.get(entry.name)!.map(({ shape }) => shape));
    });
  }
});

/** Why a backend cannot be compared here, or '' when it is active. */
async function activate(name: BackendName): Promise<string> {
  const { available, reason } = availableBackends().find((entry) => entry.name === name)!;
  if (!available) return reason;
  if (name !== 'webgpu') await useBackend({ name, threads: 1 });
  else {
    try {
      await useBackend({ name });
    } catch (error) {
      return error instanceof Error ? error.message : String(error); // an adapter is a fact of the machine
    }
  }
  return '';
}

for (const name of ['wasm', 'tensorflow', 'webgpu'] as const) {
  describe(name, () => {
    let missing = '';
    let tensorsBefore = 0;
    beforeAll(async () => {
      missing = await activate(name);
      tensorsBefore = tf.memory().numTensors;
    });
    afterAll(() => {
      if (missing === '') expect(tf.memory().numTensors, 'tensors that were not freed').toBe(tensorsBefore);
    });
    for (const entry of cases) {
      test(entry.name, async (context) => {
        if (missing !== '') context.skip(`${name}: ${missing}`);
        soilMemory();
        const found = await compute(entry),
          expected = reference.get(entry.name)!;
        expect(found.map(({ label, shape }) => [label, shape])).toEqual(
          expected.map(({ label, shape }) => [label, shape]),
        );
        for (const [i, { label, values: numbers }] of notEmpty(found.entries())) {
          const right = expected[i]!.values,
            largest = right.reduce((max, value) => Math.max(max, Math.abs(value)), 0);
          const worst = numbers.reduce(
            (max, value, j) => Math.max(max, Number.isFinite(value) ? Math.abs(value - right[j]!) : Infinity),
            0,
          );
          expect(worst, `${label}: largest difference, of values up to ${largest}`).toBeLessThanOrEqual(
            (name === 'webgpu' ? (entry.webgpu ?? tolerance) : tolerance) * Math.max(largest, 1e-3),
          );
        }
      });
    }
    if (name === 'webgpu') return; // its matMul throws for axes that are broadcast both ways
    test('matMul broadcasts leading axes both ways', async (context) => {
      if (missing !== '') context.skip(`${name}: ${missing}`);
      const difference = tf.tidy(() => {
        const x = values([2, 1, 3, 4], 'crossed x'),
          y = values([1, 5, 4, 2], 'crossed y'); // wrong on the cpu backend: spread the inputs out instead
        const spread = tf.matMul(tf.broadcastTo(x, [2, 5, 3, 4]), tf.broadcastTo(y, [2, 5, 4, 2]));
        const product = tf.matMul(x, y);
        expect(product.shape).toEqual([2, 5, 3, 2]);
        return tf.max(tf.abs(tf.sub(product, spread)));
      });
      expect((await difference.data())[0]).toBeLessThan(1e-5);
      difference.dispose();
    });
  });
}
