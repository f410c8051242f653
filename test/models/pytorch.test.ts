/** Files that PyTorch wrote (fixtures/weights/make_pytorch.py), and files that nobody should believe. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { isCall, readPickle } from '../../src/models/weights/pickle';
import { openPytorch } from '../../src/models/weights/pytorch';
import { zip } from '../../testing/zipFile';

const small = join(__dirname, '..', 'fixtures', 'weights', 'small.pth');
const made = mkdtempSync(join(tmpdir(), 'equipoise-pytorch-'));
afterAll(() => rmSync(made, { recursive: true, force: true }));

describe('a file of torch.save', () => {
  it('gives its tensors, whatever their strides, offsets and types', async () => {
    const file = await openPytorch(small);
    expect([...file.tensors.keys()].sort()).toEqual(
      ['brain', 'broken', 'half', 'inner.none', 'inner.scalar', 'part', 'steps', 'trained', 'turned', 'whole'].sort(),
    );
    const values = async (name: string) => {
      const { shape, data } = await file.read(name);
      return [shape, [...data]];
    };
    const table = Array.from({ length: 24 }, (_, i) => i / 8);
    expect(await values('whole')).toEqual([[4, 6], table]);
    expect(await values('turned')).toEqual([[6, 4], table.map((_, i) => table[(i % 4) * 6 + Math.floor(i / 4)])]);
    expect(await values('part')).toEqual([
      [2, 3],
      [1, 1.125, 1.25, 1.75, 1.875, 2],
    ]);
    expect(await values('trained')).toEqual([[2], [1.5, -2]]);
    expect(await values('half')).toEqual([[3], [0.5, -65504, 2 ** -24]]);
    expect(await values('brain')).toEqual([[2], [1, -3.140625]]);
    expect(await values('inner.scalar')).toEqual([[], [2.5]]);
    expect(await values('inner.none')).toEqual([[0, 3], []]);
    await expect(file.read('steps')).rejects.toThrow(/"steps" of type I64.*F32, F16 or BF16/);
    await expect(file.read('broken')).rejects.toThrow(/"broken" holds values that are not numbers/);
    await expect(file.read('hole')).rejects.toThrow(/no tensor "hole"/);
    file.close();
  });
});

// Opcodes of CPython's pickletools.
const text = (value: string) => Buffer.concat([Buffer.of(0x8c, Buffer.byteLength(value)), Buffer.from(value)]);
const name = (of: string, what: string) => Buffer.from(`c${of}\n${what}\n`);
const [dictionary, mark, tuple, call, set, outside, stop] = [...'}(tRsQ.'].map((letter) => Buffer.from(letter)) as [
  Buffer,
  Buffer,
  Buffer,
  Buffer,
  Buffer,
  Buffer,
  Buffer,
];
const whole = (...bytes: number[]) => Buffer.of(0x4a, ...bytes);
const small4 = (value: number) => whole(value & 255, (value >> 8) & 255, (value >> 16) & 255, value >>> 24);

/** A pickle of one tensor `x` with what is said of it. */
function tensorPickle({ values = 4, offset = 0, shape = [4], stride = [1], type = 'FloatStorage', member = '0' } = {}) {
  const numbers = (list: number[]) => Buffer.concat([mark, ...list.map(small4), tuple]);
  const storage = [
    mark,
    text('storage'),
    name('torch', type),
    text(member),
    text('cpu'),
    small4(values),
    tuple,
    outside,
  ];
  const given = [mark, ...storage, small4(offset), numbers(shape), numbers(stride), tuple];
  return Buffer.concat([dictionary, text('x'), name('torch._utils', '_rebuild_tensor_v2'), ...given, call, set, stop]);
}

async function refused(pickle: Buffer, members: Record<string, Buffer> = { 'data/0': Buffer.alloc(16) }) {
  const path = join(made, 'x.pth');
  const content = { 'data.pkl': pickle, ...members };
  writeFileSync(
    path,
    zip(Object.entries(content).map(([member, bytes]) => ({ name: `x/${member}`, content: bytes, deflate: false }))),
  );
  const file = await openPytorch(path);
  try {
    return await file.read('x');
  } finally {
    file.close();
  }
}

describe('a file that nobody should believe', () => {
  it('is read when it is sound after all', async () => {
    expect(await refused(tensorPickle())).toEqual({ shape: [4], data: new Float32Array(4) });
  });

  it('is never run: a call is a record, and an unknown opcode the end', () => {
    const evil = Buffer.concat([name('os', 'system'), mark, text('touch x'), tuple, call, stop]);
    const value = readPickle(evil, 'x');
    expect(isCall(value) && value.of).toEqual({ kind: 'name', name: 'os.system' });
    expect(() => readPickle(Buffer.from('i__builtin__\neval\n.'), 'x')).toThrow(/the opcode "0x69"/);
  });

  it.each([
    ['an offset past its storage', tensorPickle({ offset: 1 }), /beyond its storage of 4 values/],
    ['a shape larger than its storage', tensorPickle({ shape: [5] }), /beyond its storage/],
    ['a stride past its storage', tensorPickle({ shape: [2, 2], stride: [3, 1] }), /beyond its storage/],
    ['a huge shape of nothing', tensorPickle({ shape: [2 ** 30, 2 ** 30], stride: [0, 0] }), /beyond its storage/],
    ['fewer strides than sides', tensorPickle({ shape: [2, 2] }), /not described as PyTorch does/],
    ['a type that nobody knows', tensorPickle({ type: 'QInt8Storage' }), /not described as PyTorch does/],
    ['less in its storage than it says', tensorPickle({ values: 400, shape: [400] }), /with 16 bytes.*1600 bytes/],
    ['a storage that is not there', tensorPickle({ member: '7' }), /has no "x\/data\/7"/],
    ['a storage of another folder', tensorPickle({ member: '../../x' }), /has no "x\/data\/..\/..\/x"/],
    ['a pickle that breaks off', tensorPickle().subarray(0, 40), /breaks off/],
    ['a memory that was never written', Buffer.from('h\x07.'), /memory 7/],
    ['entries of what is no dictionary', Buffer.from('NNNs.'), /no dictionary/],
    ['an opcode without its values', Buffer.from('s.'), /without its values/],
    ['no tensor at all', Buffer.from('}.'), /no tensor/],
  ])('is refused for %s', async (_what, pickle, message) => {
    await expect(refused(pickle)).rejects.toThrow(message);
  });

  it('may hold itself, and is left soon all the same', async () => {
    // a dictionary under its own key, a thousand times
    const itself = [
      Buffer.from('}q\x00'),
      ...Array.from({ length: 1000 }, (_, i) => [text(`${i}`), Buffer.from('h\x00s')]),
    ];
    await expect(refused(Buffer.concat([...itself.flat(), stop]))).rejects.toThrow(/no tensor/);
  });

  it('is refused in another byte order', async () => {
    await expect(
      refused(tensorPickle(), { byteorder: Buffer.from('big'), 'data/0': Buffer.alloc(16) }),
    ).rejects.toThrow(/another byte order/);
  });
});
