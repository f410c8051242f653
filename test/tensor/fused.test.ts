/**
 * The fused kernels: each against its closed form in float64, its gradients against central differences of that, and
 * both against the plain operations; the same bytes with any number of threads and any instruction set; whole models
 * against Hugging Face. Where the linked TensorFlow has none, the tests are skipped and say why.
 */
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { random } from '../../src/random';
import { useBackend } from '../../src/tensor/backend';
import { fusedKernels } from '../../src/tensor/fusedShapes';
import { programCost } from '../../src/tensor/cost';
import { withKernels } from '../../src/tensor/kernels';
import { fusedVersion, kernelsOf } from '../../src/tensor/link/kernels';
import { findLink } from '../../src/tensor/link/state';
import { labelLogLikelihood, labelPlaces } from '../../src/tensor/labels';
import {
  attention,
  causalMask,
  gated,
  gelu,
  geluTanh,
  groupedAttention,
  layerNorm,
  logSoftmax,
  quickGelu,
  rmsNorm,
  rotary,
  silu,
} from '../../src/tensor/ops';
import { tf, type Tensor } from '../../src/tensor/tf';
import { checkModel } from '../../src/train/checkModel';
import { projectRoot } from '../../src/files';
import { published, referenceFolder } from '../../testing/families';
import { withoutFused } from '../../testing/fused';
import { notEmpty } from '../../testing/lists';

const missing = withoutFused();

interface Case {
  name: string;
  /** the kernel that must run */
  kernel: string;
  shapes: number[][];
  /** standard deviation of the inputs, when not 1 */
  spread?: number;
  op(inputs: Tensor[]): Tensor;
  /** the same in float64 */
  exactly(inputs: Float64Array[]): number[];
  /** largest difference allowed, of values of about 1 */
  tolerance?: number;
}

const rowsOf = (x: Float64Array, width: number): number[][] =>
  Array.from({ length: x.length / width }, (_, r) => Array.from(x.subarray(r * width, (r + 1) * width)));
const sum = (values: number[]): number => values.reduce((total, value) => total + value, 0);
const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));
/** The error function by its series without alternating signs; enough terms for |x| < 6. */
function erf(x: number): number {
  let term = x,
    total = x;
  for (let n = 1; n < 200; n++) {
    term *= (2 * x * x) / (2 * n + 1);
    total += term;
  }
  return (2 / Math.sqrt(Math.PI)) * Math.exp(-x * x) * total;
}
const shares = (scores: number[]): number[] => {
  const largest = Math.max(...scores),
    weights = scores.map((score) => Math.exp(score - largest));
  return weights.map((weight) => weight / sum(weights));
};

/** Attention of heads in float64: q [B, H, S, d], k and v [B, G, T, d], `hides(b, s, t)` for masked places. */
function attended(
  [q, k, v]: Float64Array[],
  [batch, heads, from, size]: number[],
  [groups, to]: [number, number],
  hides: (b: number, s: number, t: number) => boolean,
): number[] {
  const out: number[] = [];
  for (let b = 0; b < batch!; b++)
    for (let h = 0; h < heads!; h++)
      for (let s = 0; s < from!; s++) {
        const query = q!.subarray(((b * heads! + h) * from! + s) * size!).subarray(0, size);
        const group = b * groups + Math.floor(h / (heads! / groups));
        const places = Array.from({ length: to }, (_, t) => t);
        const key = (x: Float64Array, t: number) => x.subarray((group * to + t) * size!).subarray(0, size);
        const seen = shares(
          places.map((t) =>
            hides(b, s, t) ? -1e9 : sum(Array.from(query, (x, i) => x * key(k!, t)[i]!)) / Math.sqrt(size!),
          ),
        );
        for (let i = 0; i < size!; i++) out.push(sum(places.map((t) => seen[t]! * key(v!, t)[i]!)));
      }
  return out;
}

const place = (name: string, kernel: string, op: (x: Tensor) => Tensor, exactly: (x: number) => number): Case[] =>
  [[1], [5, 7], [3, 64]].map((shape) => ({
    name: `${name} of [${shape.join(', ')}]`,
    kernel,
    shapes: [shape],
    spread: 2,
    op: ([x]) => op(x!),
    exactly: ([x]) => Array.from(x!, exactly),
  }));

/** A label for each row; the third is none of the vocabulary's. */
const labelsOf = (rows: number, vocabulary: number): number[] =>
  Array.from({ length: rows }, (_, r) => (r === 2 ? vocabulary : (7 * r + 3) % vocabulary));

/** Labels that outlive the function whose gradient is taken, as a program's inputs do. */
const keptLabels = (rows: number, vocabulary: number): Tensor =>
  tf.keep(labelPlaces(tf.tensor1d(labelsOf(rows, vocabulary), 'int32'), vocabulary));

const widths: [number, number][] = [
  [1, 1],
  [1, 16],
  [3, 37],
  [18, 20],
];
const epsilon = 1e-5;
const cases: Case[] = [
  ...place('silu', 'EquipoiseSilu', silu, (x) => x * sigmoid(x)),
  ...place('quick GELU', 'EquipoiseSilu', quickGelu, (x) => x * sigmoid(1.702 * x)),
  ...place('GELU', 'EquipoiseGelu', gelu, (x) => (x / 2) * (1 + erf(x * Math.SQRT1_2))),
  ...place(
    'GELU by tanh',
    'EquipoiseGeluTanh',
    geluTanh,
    (x) => (x / 2) * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3))),
  ),
  ...[[1], [3, 37]].map((shape): Case => ({
    name: `SwiGLU of [${shape.join(', ')}]`,
    kernel: 'EquipoiseSwiglu',
    shapes: [shape, shape],
    op: ([gate, up]) => gated(silu, gate!, () => up!),
    exactly: ([gate, up]) => Array.from(gate!, (x, i) => x * sigmoid(x) * up![i]!),
  })),
  ...widths.map(([rows, width]): Case => ({
    name: `RMSNorm of [${rows}, ${width}]`,
    kernel: 'EquipoiseRmsNorm',
    shapes: [[rows, width], [width]],
    op: ([x, gain]) => rmsNorm(x!, gain!, epsilon),
    exactly: ([x, gain]) =>
      rowsOf(x!, width).flatMap((row) => {
        const scale = 1 / Math.sqrt(sum(row.map((v) => v * v)) / width + epsilon);
        return row.map((v, i) => v * scale * gain![i]!);
      }),
  })),
  ...widths.map(([rows, width]): Case => ({
    name: `layer norm of [${rows}, ${width}]`,
    kernel: 'EquipoiseLayerNorm',
    shapes: [[rows, width], [width], [width]],
    op: ([x, gain, bias]) => layerNorm(x!, gain!, bias!, epsilon),
    exactly: ([x, gain, bias]) =>
      rowsOf(x!, width).flatMap((row) => {
        const mean = sum(row) / width;
        const scale = 1 / Math.sqrt(sum(row.map((v) => (v - mean) ** 2)) / width + epsilon);
        return row.map((v, i) => (v - mean) * scale * gain![i]! + bias![i]!);
      }),
  })),
  ...widths.map(([rows, width]): Case => ({
    name: `log softmax of [${rows}, ${width}]`,
    kernel: 'EquipoiseLogSoftmax',
    shapes: [[rows, width]],
    spread: 8,
    op: ([x]) => logSoftmax(x!),
    exactly: ([x]) => rowsOf(x!, width).flatMap((row) => shares(row).map(Math.log)),
    tolerance: 5e-6,
  })),
  ...widths.slice(1).map(([rows, width]): Case => ({
    name: `log-probabilities at labels of [${rows}, ${width}]`,
    kernel: 'EquipoiseLabelled',
    shapes: [[rows, width]],
    spread: 8,
    op: ([x]) => labelLogLikelihood(x!, logSoftmax(x!), keptLabels(rows, width)),
    exactly: ([x]) =>
      rowsOf(x!, width).map((row, r) => {
        const share = shares(row)[labelsOf(rows, width)[r]!];
        return share === undefined ? 0 : Math.log(share);
      }),
    tolerance: 5e-6,
  })),
  {
    name: 'rotary positions',
    kernel: 'EquipoiseRotary',
    shapes: [[2, 3, 5, 6]],
    op: ([x]) => rotary(x!, tables()[0]!, tables()[1]!),
    exactly: ([x]) =>
      rowsOf(x!, 6).flatMap((row, r) =>
        row.map((v, i) => {
          const angle = (r % 5) / 10 ** (i % 3);
          return v * Math.cos(angle) + row[(i + 3) % 6]! * Math.sin(angle) * (i < 3 ? -1 : 1);
        }),
      ),
  },
  {
    name: 'attention without a mask, of more keys than queries',
    kernel: 'EquipoiseAttention',
    shapes: [
      [1, 2, 3, 3],
      [1, 2, 17, 3],
      [1, 2, 17, 3],
    ],
    op: ([q, k, v]) => attention(q!, k!, v!),
    exactly: (inputs) => attended(inputs, [1, 2, 3, 3], [2, 17], () => false),
  },
  {
    name: 'causal attention of grouped heads',
    kernel: 'EquipoiseAttention',
    shapes: [
      [1, 4, 18, 2],
      [1, 2, 18, 2],
      [1, 2, 18, 2],
    ],
    op: ([q, k, v]) => groupedAttention(q!, k!, v!, causalMask(18)),
    exactly: (inputs) => attended(inputs, [1, 4, 18, 2], [2, 18], (_, s, t) => t > s),
  },
  {
    name: 'attention whose rows of a batch hide places of their own',
    kernel: 'EquipoiseAttention',
    shapes: [
      [2, 2, 3, 4],
      [2, 1, 3, 4],
      [2, 1, 3, 4],
    ],
    op: ([q, k, v]) =>
      groupedAttention(
        q!,
        k!,
        v!,
        tf.tensor4d([0, 0, -1e9, 0, 0, -1e9, 0, 0, -1e9, -1e9, 0, 0, -1e9, 0, 0, -1e9, 0, 0], [2, 1, 3, 3]),
      ),
    exactly: (inputs) => attended(inputs, [2, 2, 3, 4], [1, 3], (b, _, t) => t === (b === 0 ? 2 : 0)),
  },
];

/** k [B, G, T, d] -> [B, G times, T, d], each head `times` times. */
const repeated = (k: Tensor, times: number): Tensor => {
  const [batch, groups, keys, size] = k.shape as [number, number, number, number];
  const apart = tf.tile(tf.reshape(k, [batch, groups, 1, keys * size]), [1, 1, times, 1]);
  return tf.reshape(apart, [batch, groups * times, keys, size]);
};

/** Cosines and signed sines [5, 6] of places over powers of 10. */
const tables = (): [Tensor, Tensor] => {
  const at = (f: (angle: number, i: number) => number) =>
    tf.tensor2d(Array.from({ length: 5 }, (_, p) => Array.from({ length: 6 }, (_, i) => f(p / 10 ** (i % 3), i))));
  return [at(Math.cos), at((angle, i) => Math.sin(angle) * (i < 3 ? -1 : 1))];
};

/** Inputs of a case, exact in float32. */
function inputsOf({ name, shapes, spread = 1 }: Case): Float64Array[] {
  const source = random('fused', name);
  return shapes.map((shape) =>
    Float64Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => Math.fround(spread * source.normal())),
  );
}

/** The value, and the gradient of its weighted sum for each input. */
function computed({ shapes, op }: Case, given: Float64Array[], weights: number[]): Float32Array[] {
  return tf.tidy(() => {
    const inputs = given.map((values, i) => tf.tensor(Float32Array.from(values), shapes[i]!));
    let value: Tensor | undefined;
    const scalar = (...tensors: Tensor[]) => {
      const result = op(tensors);
      value = tf.keep(result.clone());
      return tf.sum(tf.mul(tf.reshape(result, [-1]), tf.tensor1d(weights))) as tf.Scalar;
    };
    const { grads } = tf.valueAndGrads(scalar)(inputs);
    const all = [value!, ...grads].map((tensor) => tensor.dataSync<'float32'>().slice());
    value!.dispose();
    return all;
  });
}

/** The same by central differences in float64. */
function differences({ exactly }: Case, given: Float64Array[], weights: number[]): number[][] {
  const weighted = (): number => sum(exactly(given).map((value, i) => value * weights[i]!));
  const gradients = given.map((values) =>
    Array.from(values, (value, i) => {
      const step = 1e-5 * Math.max(1, Math.abs(value));
      values[i] = value + step;
      const above = weighted();
      values[i] = value - step;
      const below = weighted();
      values[i] = value;
      return (above - below) / (2 * step);
    }),
  );
  return [exactly(given), ...gradients];
}

const worst = (a: ArrayLike<number>, b: ArrayLike<number>): number => {
  expect(a.length).toBe(b.length);
  const scale = Math.max(1, ...Array.from(b, Math.abs));
  return Math.max(...Array.from(a, (value, i) => Math.abs(value - b[i]!))) / scale;
};

describe('each operation', () => {
  beforeAll(async () => {
    if (missing === '') await useBackend({ name: 'tensorflow', device: 'cpu', threads: 1 });
  });
  for (const entry of cases) {
    test(entry.name, async (context) => {
      if (missing !== '') return context.skip(missing);
      const { tolerance = 2e-6, kernel } = entry;
      const given = inputsOf(entry);
      const size = entry.exactly(given).length;
      const source = random('fused weights', entry.name);
      const weights = Array.from({ length: size }, () => Math.fround(source.normal()));
      const exact = differences(entry, given, weights);
      const { result: fused, kernels } = await profiled(() =>
        withKernels('fused', () => computed(entry, given, weights)),
      );
      const plain = computed(entry, given, weights);
      const names = kernels.map(({ name }) => name);
      expect(names).toContain(kernel);
      expect(names.some((name) => name.startsWith(kernel) && name !== kernel)).toBe(true);
      notEmpty(fused).forEach((values, i) => {
        const what = i === 0 ? 'value' : `gradient of input ${i - 1}`;
        expect(worst(values, exact[i]!), `${what} against float64`).toBeLessThan(tolerance);
        expect(worst(values, plain[i]!), `${what} against the plain operation`).toBeLessThan(2 * tolerance);
      });
    });
  }

  test('make what they are planned to make, all of them', async (context) => {
    if (missing !== '') return context.skip(missing);
    const made = new Set<string>();
    for (const entry of cases) {
      const given = inputsOf(entry);
      const { kernels } = await profiled(() =>
        withKernels('fused', () => computed(entry, given, Array<number>(entry.exactly(given).length).fill(1))),
      );
      for (const { name, inputShapes, outputShapes } of kernels.filter((each) => each.name in fusedKernels)) {
        expect(fusedKernels[name]!.outputs(inputShapes as number[][]), name).toEqual(outputShapes);
        made.add(name);
      }
    }
    expect([...made].sort()).toEqual(Object.keys(fusedKernels).sort());
  });

  test('cost what is worked out by hand', () => {
    const of = (inputs: Record<string, number[]>, run: (given: Record<string, Tensor>) => Tensor) =>
      programCost(
        {
          inputs: Object.fromEntries(
            Object.entries(inputs).map(([name, shape]) => [name, { shape, dtype: 'float32' as const }]),
          ),
          reads: [],
          run: (given) => ({ outputs: { y: run(given) } }),
        },
        {},
        'fused',
      );
    // two heads of 3 queries and 5 keys, each of 4 numbers: q k^T and its product with v
    const attended = of({ q: [1, 2, 3, 4], k: [1, 2, 5, 4], v: [1, 2, 5, 4] }, ({ q, k, v }) => attention(q!, k!, v!));
    expect(attended.flops).toBe(2 * (2 * 2 * 3 * 5 * 4));
    // the sum of two inputs, and SiLU and GELU over it in its place: one table of 100
    const placed = of({ x: [10, 10], y: [10, 10] }, ({ x, y }) => gelu(silu(tf.add(x!, y!))));
    expect(placed.activationBytes.recorded).toBe(400);
    expect(placed.kernels).toBe(3);
  });

  test('a place that is masked takes no share at all, and a row that sees nothing spreads evenly', (context) => {
    if (missing !== '') return context.skip(missing);
    const [q, k] = [tf.ones([1, 1, 2, 3]), tf.ones([1, 1, 3, 3])];
    const v = tf.tensor4d([1, 0, 0, 0, 1, 0, 0, 0, 1], [1, 1, 3, 3]);
    const mask = tf.tensor2d([0, 0, -1e9, -1e9, -1e9, -1e9], [2, 3]);
    const found = withKernels('fused', () => attention(q, k, v, mask)).dataSync();
    expect(Array.from(found.slice(0, 3))).toEqual([0.5, 0.5, 0]);
    for (const share of found.slice(3)) expect(share).toBeCloseTo(1 / 3, 6);
  });

  // Some rows see nothing, one first sees a key of the second block, and whole blocks of keys are hidden.
  test('attention over several blocks of queries and keys', (context) => {
    if (missing !== '') return context.skip(missing);
    const [batch, heads, queries, size, groups, keys] = [2, 2, 70, 5, 1, 110] as const;
    const hides = (b: number, s: number, t: number) =>
      b === 0 ? t > s + 40 || s === 5 : t < 98 || (s < 64 && t > 106) || t === 100;
    const mask = tf.tensor(
      Float32Array.from({ length: batch * queries * keys }, (_, i) =>
        hides(Math.floor(i / keys / queries), Math.floor(i / keys) % queries, i % keys) ? -1e9 : 0,
      ),
      [batch, 1, queries, keys],
    );
    const entry: Case = {
      name: 'blocks',
      kernel: 'EquipoiseAttention',
      shapes: [
        [batch, heads, queries, size],
        [batch, groups, keys, size],
        [batch, groups, keys, size],
      ],
      op: ([q, k, v]) => attention(q!, repeated(k!, heads / groups), repeated(v!, heads / groups), mask),
      exactly: (inputs) => attended(inputs, [batch, heads, queries, size], [groups, keys], hides),
    };
    const given = inputsOf(entry);
    const exact = entry.exactly(given);
    const source = random('fused weights', entry.name);
    const weights = exact.map(() => Math.fround(source.normal()));
    const grouped = { ...entry, op: ([q, k, v]: Tensor[]) => groupedAttention(q!, k!, v!, mask) };
    const fused = withKernels('fused', () => computed(grouped, given, weights));
    const plain = computed(entry, given, weights);
    expect(worst(fused[0]!, exact)).toBeLessThan(2e-6);
    notEmpty(fused).forEach((values, i) => expect(worst(values, plain[i]!)).toBeLessThan(4e-6));
    // The scores of a row that sees nothing are lost in -1e9, so it has no slope that could be compared.
    for (let h = 0; h < heads; h++) weights.fill(0, (h * queries + 5) * size, (h * queries + 6) * size);
    const [, ...gradients] = withKernels('fused', () => computed(grouped, given, weights));
    notEmpty(gradients).forEach((gradient, i) => {
      const direction = Float64Array.from(gradient, () => source.normal() / Math.sqrt(gradient.length));
      const at = (step: number) =>
        sum(
          entry
            .exactly(given.map((x, j) => (i === j ? x.map((value, n) => value + step * direction[n]!) : x)))
            .map((x, n) => x * weights[n]!),
        );
      const slope = sum(Array.from(gradient, (x, n) => x * direction[n]!));
      expect(slope).toBeCloseTo((at(1e-4) - at(-1e-4)) / 2e-4, 4);
    });
  });

  test('numbers that are none stay so, and extreme ones stay finite', (context) => {
    if (missing !== '') return context.skip(missing);
    const of = (op: (x: Tensor) => Tensor, ...values: number[]) =>
      Array.from(withKernels('fused', () => op(tf.tensor1d(values))).dataSync());
    for (const op of [silu, gelu, geluTanh, logSoftmax]) expect(of(op, NaN, 1)[0]).toBeNaN();
    expect(of(silu, -1e4, 1e4)).toEqual([expect.closeTo(0, 6), 1e4]);
    expect(of(gelu, -1e4, 1e4)).toEqual([expect.closeTo(0, 6), 1e4]);
    expect(of(logSoftmax, 1e4, 0)).toEqual([0, -1e4]);
  });
});

/** What `work` returns and the kernels that ran. */
async function profiled<T>(
  work: () => T,
): Promise<{ result: T; kernels: Awaited<ReturnType<typeof tf.profile>>['kernels'] }> {
  let result: T | undefined;
  const { kernels } = await tf.profile(() => {
    result = work();
    return tf.scalar(0);
  });
  return { result: result as T, kernels };
}

test('the same bytes with one thread or two, and with every instruction set', (context) => {
  if (missing !== '') return context.skip(missing);
  const link = findLink()!;
  const bytes = (threads: number, instructions: string): unknown =>
    JSON.parse(
      execFileSync(
        process.execPath,
        [join(projectRoot, 'testing', 'fusedBytes.cjs'), link.addonFile, kernelsOf(link).file!],
        {
          env: {
            ...process.env,
            TF_NUM_INTRAOP_THREADS: String(threads),
            TF_CPP_MIN_LOG_LEVEL: '3',
            EQUIPOISE_INSTRUCTIONS: instructions,
          },
          encoding: 'utf8',
        },
      ),
    );
  const first = bytes(1, 'v4') as { all: string };
  expect(bytes(2, 'v4')).toEqual(first);
  expect(bytes(2, 'v3')).toEqual(first);
  expect(bytes(3, 'base')).toEqual(first);
  // Another sum than this: runs with fused kernels have other numbers than before, and `fusedVersion` is to be raised.
  expect([fusedVersion, first.all]).toEqual([2, '126ef980cfe9363302702b55a83e509ccc51d0aabf0677f15951a7abd2c8e7f2']);
}, 60_000);

describe('whole models against Hugging Face', () => {
  // forward pass, loss, gradients, ten steps and kappa: the bounds of the plain operations (checkModel.ts)
  for (const name of published) {
    test(name, async (context) => {
      if (missing !== '') return context.skip(missing);
      await useBackend({ name: 'tensorflow', device: 'cpu', threads: 1 });
      const report = await checkModel(referenceFolder(name), 'fused');
      expect(report.failures).toEqual([]);
      expect(report.notices).toEqual([]);
      expect(report.logits.absolute).toBeLessThan(1e-5);
      expect(report.worst.kappa).toBeLessThan(3e-4);
    });
  }
});
