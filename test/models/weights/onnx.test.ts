import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { dequantise, readOnnx } from '../../../src/models/weights/onnx';
import { UserError } from '../../../src/problems';
import { bytesField, onnxFile, tensorBytes, varintField, type WrittenTensor } from '../../../testing/onnxFile';

const weight = (change: Partial<WrittenTensor> = {}): WrittenTensor => ({
  name: 'w',
  shape: [2],
  type: 1,
  floats: [1, 2],
  ...change,
});
const file = (tensor: Buffer) => bytesField(7, bytesField(5, tensor));

describe('ONNX weights', () => {
  it('reads floats and bytes, raw or as numbers, and the nodes', () => {
    const node = { operation: 'MatMul', name: '/a/MatMul', inputs: ['x', 'w'], outputs: ['y'] };
    const { initialisers, nodes } = readOnnx(
      onnxFile(
        [
          weight(),
          weight({ name: 'raw', floats: undefined, raw: new Uint8Array(Float32Array.of(3, -4).buffer) }),
          weight({ name: 'u', type: 2, floats: undefined, raw: Uint8Array.of(0, 255) }),
          weight({ name: 'i', type: 3, floats: undefined, raw: Uint8Array.of(0x80, 0x7f) }),
          weight({ name: 'zero', shape: [], type: 3, floats: undefined, integers: [-5] }),
          weight({ name: 'shape', type: 7, floats: undefined, raw: new Uint8Array(16) }),
        ],
        [node],
      ),
    );
    expect(nodes).toEqual([node]);
    expect(Object.fromEntries([...initialisers].map(([name, { values }]) => [name, Array.from(values)]))).toEqual({
      w: [1, 2],
      raw: [3, -4],
      u: [0, 255],
      i: [-128, 127],
      zero: [-5],
    });
  });

  it('turns integers back into floats, for all at once or for each channel of either axis', () => {
    const { initialisers } = readOnnx(
      onnxFile([
        { name: 'w', shape: [2, 3], type: 2, raw: Uint8Array.of(10, 20, 30, 40, 50, 60) },
        { name: 'one', shape: [], type: 1, floats: [0.5] },
        { name: 'zero', shape: [], type: 2, integers: [20] },
        { name: 'rows', shape: [2], type: 1, floats: [1, 10] },
        { name: 'columns', shape: [3], type: 1, floats: [1, 2, 3] },
        { name: 'zeros', shape: [3], type: 2, raw: Uint8Array.of(10, 20, 30) },
        { name: 'signed', shape: [], type: 3, integers: [0] },
      ]),
    );
    const get = (name: string) => initialisers.get(name)!;
    const result = (scale: string, zero: string | null, axis: number) =>
      Array.from(dequantise(get('w'), get(scale), zero === null ? undefined : get(zero), axis).data);
    expect(result('one', 'zero', 1)).toEqual([-5, 0, 5, 10, 15, 20]);
    expect(result('one', null, 1)).toEqual([5, 10, 15, 20, 25, 30]);
    expect(result('rows', 'zero', 0)).toEqual([-10, 0, 10, 200, 300, 400]);
    expect(result('columns', 'zeros', 1)).toEqual([0, 0, 0, 30, 60, 90]);
    expect(() => result('columns', 'zero', 0)).toThrow(/3 scales for 2 channels/);
    expect(() => result('one', 'zeros', 0)).toThrow(/3 zero points/);
    expect(() => result('one', 'signed', 0)).toThrow(/another type/);
    expect(() => result('zero', 'zero', 0)).toThrow(/scale is float32/);
  });

  it.each<[string, Buffer, RegExp]>([
    ['an empty file', Buffer.alloc(0), /no weights/],
    ['a torn file', onnxFile([weight()]).subarray(0, -1), /past the end/],
    [
      'a length beyond the file',
      Buffer.from([0x3a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f]),
      /past the end/,
    ],
    ['an endless number', Buffer.alloc(12, 0xff), /ten bytes/],
    ['a torn number', Buffer.from([0x80]), /breaks off/],
    ['groups', Buffer.from([0x3b]), /wire type 3/],
    ['field zero', Buffer.from([0x02, 0x00]), /field number 0/],
    ['a graph that is a number', varintField(7, 1), /no byte string/],
    ['fewer values than the shape', onnxFile([weight({ shape: [3] })]), /shape \[3\]/],
    [
      'fewer bytes than the shape',
      onnxFile([weight({ type: 2, floats: undefined, raw: Uint8Array.of(1) })]),
      /1 values/,
    ],
    ['a negative side', onnxFile([weight({ shape: [-2] })]), /shape \[-2\]/],
    ['nine sides', onnxFile([weight({ shape: Array(9).fill(1) as number[] })]), /has the shape/],
    [
      'integers out of range',
      onnxFile([weight({ type: 2, floats: undefined, integers: [1, 256] })]),
      /outside 0 to 255/,
    ],
    ['values that are not numbers', onnxFile([weight({ floats: [1, NaN] })]), /not numbers/],
    ['a repeated name', onnxFile([weight(), weight()]), /there twice/],
    ['no name', file(tensorBytes(weight({ name: '' }))), /no name/],
    ['weights in another file', onnxFile([weight({ extra: varintField(14, 1) })]), /another file/],
    [
      'a torn list of numbers',
      onnxFile([weight({ type: 3, floats: undefined, extra: bytesField(5, Uint8Array.of(1, 0x80)) })]),
      /list of numbers/,
    ],
  ])('refuses %s', (_name, bytes, message) => {
    expect(() => readOnnx(bytes)).toThrow(UserError);
    expect(() => readOnnx(bytes)).toThrow(message);
  });

  it('answers any damage with a UserError or with numbers, never with another error', () => {
    const good = onnxFile(
      [weight(), { name: 'q', shape: [2, 2], type: 3, integers: [1, -2, 3, -4] }],
      [{ operation: 'MatMul', name: 'n', inputs: ['a'], outputs: ['b'] }],
    );
    fc.assert(
      fc.property(fc.nat(good.length - 1), fc.nat(255), (at, value) => {
        const bytes = Buffer.from(good);
        bytes[at] = value;
        try {
          readOnnx(bytes);
        } catch (error) {
          expect(error).toBeInstanceOf(UserError);
        }
      }),
      { numRuns: 500 },
    );
  });
});
