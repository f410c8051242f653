/** bfloat16: its numbers, and what of a recorded program is lowered to it. */
import { beforeAll, describe, expect, it } from 'vitest';
import { random } from '../../src/random';
import { notEmpty } from '../../testing/lists';
import { alignedBits, alignedFloats } from '../../src/tensor/alignedMemory';
import { availableBackends, useBackend } from '../../src/tensor/backend';
import { asFloat32, fromBfloat16, toBfloat16 } from '../../src/tensor/bfloat16';
import { inBfloat16, inFloat32 } from '../../src/tensor/products';
import { openSession, type Program } from '../../src/tensor/program';
import { need, tf, type Tensor } from '../../src/tensor/tf';

const round = (values: Float32Array): Float32Array => fromBfloat16(toBfloat16(values));

describe('numbers', () => {
  it.each([
    [1, 1],
    [1 + 2 ** -7, 1 + 2 ** -7],
    [1 + 2 ** -8, 1], // a tie goes to the even one below
    [1 + 3 * 2 ** -8, 1 + 2 ** -6], // and above
    [1 + 2 ** -8 + 2 ** -20, 1 + 2 ** -7],
    [-(1 + 2 ** -8 + 2 ** -20), -(1 + 2 ** -7)],
    [3.4028234663852886e38, Infinity], // the largest float32 is nearer to what would come next
    [-Infinity, -Infinity],
    [2 ** -133, 2 ** -133], // the smallest
    [2 ** -135, 0],
    [-0, -0],
  ])('%d becomes %d', (value, expected) => {
    expect(round(Float32Array.of(value))[0]).toBe(expected);
  });

  it('what is no number stays none, also where rounding would carry', () => {
    const bits = new Uint32Array([0x7fc00000, 0x7fffffff, 0xffffffff, 0x7f800001]);
    for (const value of round(new Float32Array(bits.buffer))) expect(value).toBeNaN();
  });

  it('memory is zero, aligned and apart, also for one value', () => {
    const parts = [alignedBits(3), alignedFloats(1), alignedBits(0), alignedFloats(70_000)];
    for (const part of parts) {
      expect(part.byteOffset % 64).toBe(0);
      expect(Math.max(0, ...part.subarray(0, 100).map(Math.abs))).toBe(0);
    }
    parts[0]!.fill(1);
    expect(parts[1]![0]).toBe(0);
  });
});

/** Everything that reads stored state: products in either precision, rows, a sum, and gradients. */
const program = (rounded: boolean): Program => ({
  inputs: { x: { shape: [3, 4], dtype: 'float32' }, ids: { shape: [2], dtype: 'int32' } },
  reads: ['w'],
  run(inputs, { w }) {
    const x = need(inputs, 'x'),
      weight = w as tf.Tensor2D;
    const product = (of: Tensor) => tf.matMul(of as tf.Tensor2D, weight, false, true);
    const inside = () => {
      const { value, grad } = tf.valueAndGrad((of: Tensor) => tf.sum(tf.mul(product(of), product(of))))(x);
      return { y: product(x), exact: inFloat32(() => product(x)), value, grad };
    };
    return {
      outputs: {
        ...(rounded ? inBfloat16(inside) : inside()),
        outside: product(x),
        rows: tf.gather(weight, need(inputs, 'ids') as tf.Tensor1D),
        sum: tf.add(weight, 1),
      },
    };
  },
});

const inputsOf = (x: Float32Array) => ({ x, ids: Int32Array.of(4, 0) });

async function outputsOf(
  rounded: boolean,
  w: Float32Array | Uint16Array,
  x: Float32Array,
): Promise<Record<string, Float32Array>> {
  const session = openSession({ program: program(rounded) }, { w: { shape: [5, 4], data: w } });
  expect(session.mode).toBe('recorded');
  try {
    return { ...(await session.run('program', inputsOf(x))), read: await session.read('w') };
  } finally {
    session.dispose();
  }
}

const isLinked = availableBackends().some(({ name, available }) => name === 'tensorflow' && available);

describe.runIf(isLinked)('recorded programs', () => {
  beforeAll(async () => {
    await useBackend({ name: 'tensorflow', threads: 1 });
  });
  const source = random(5, 'bfloat16');
  const normals = (length: number) => Float32Array.from({ length }, () => source.normal());

  it('give the same numbers as in float32 where all of them have few digits', async () => {
    const small = (length: number) => Float32Array.from({ length }, () => source.integer(7) - 3);
    const [w, x] = [small(20), small(12)];
    const [plain, narrow] = [await outputsOf(false, w, x), await outputsOf(true, toBfloat16(w), x)];
    expect(narrow).toEqual(plain);
  });

  it('round operands and result of a product, and nothing else', async () => {
    const [w, x] = [normals(20), normals(12)];
    const narrow = await outputsOf(true, toBfloat16(w), x);
    const stored = round(w);
    const exact = await outputsOf(false, stored, x);
    for (const name of ['exact', 'outside', 'rows', 'sum', 'read'] as const) expect(narrow[name]).toEqual(exact[name]);
    const roundedX = await outputsOf(false, stored, round(x));
    // To the nearest: half of a last digit, and the few float32 steps by which sums in another order differ.
    const half = (value: number) => 2 ** (Math.floor(Math.log2(Math.abs(value))) - 8);
    for (const [i, value] of notEmpty(roundedX['y']!.entries()))
      expect(Math.abs(narrow['y']![i]! - value)).toBeLessThanOrEqual(half(value) + 1e-6);
    expect(narrow['y']).not.toEqual(roundedX['y']);
    expect(round(narrow['y']!)).toEqual(narrow['y']);
    // Each of the two products behind the gradient rounds by 2^-8 at most, its operands too.
    const off = Math.hypot(...narrow['grad']!.map((value, i) => value - exact['grad']![i]!));
    expect(off).toBeGreaterThan(0);
    expect(off / Math.hypot(...exact['grad']!)).toBeLessThan(4 * 2 ** -8);
  });

  it('compute with the bits themselves: no copy of what stands aligned', async () => {
    const w = toBfloat16(normals(20));
    const session = openSession({ program: program(true) }, { w: { shape: [5, 4], data: w } });
    try {
      w.fill(0x3f80); // one
      expect(await session.read('w')).toEqual(new Float32Array(20).fill(1));
    } finally {
      session.dispose();
    }
  });

  it('refuse to write such state, and products in bfloat16 that are not recorded', async () => {
    const w = toBfloat16(normals(20));
    const session = openSession({ program: program(true) }, { w: { shape: [5, 4], data: w } });
    await expect(session.write('w', asFloat32(w))).rejects.toThrow('is stored in bfloat16 and only read');
    session.dispose();
    const eager = openSession(
      { program: program(true) },
      { w: { shape: [5, 4], data: asFloat32(w) } },
      { eager: true },
    );
    await expect(eager.run('program', inputsOf(normals(12)))).rejects.toThrow('recorded on the tensorflow backend');
    eager.dispose();
    expect(() => openSession({}, { w: { shape: [5, 4], data: w } }, { eager: true })).toThrow('is in bfloat16');
  });
});

it.each(['cpu', 'wasm'] as const)('%s refuses state in bfloat16', async (name) => {
  await useBackend({ name });
  expect(() => openSession({}, { w: { shape: [1], data: new Uint16Array(1) } })).toThrow(
    new RegExp(`backend ${name}: computes in float32 only`),
  );
});
