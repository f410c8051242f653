/** Checkpoint files: formats, shards, and files made to do harm. */
import fc from 'fast-check';
import { mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openCheckpoint, readConfig } from '../../src/models/checkpoint/checkpoint';
import { parseObject } from '../../src/json';
import { loadWeights, theirName, type NameTable } from '../../src/models/checkpoint/names';
import { loadFamily } from '../../src/models/published';
import { openSafetensors, readSafetensors, writeSafetensors } from '../../src/models/weights/safetensors';
import { UserError } from '../../src/problems';
import { copyOf, edit, referenceFolder } from '../../testing/families';

const folder = () => mkdtempSync(join(tmpdir(), 'equipoise-checkpoint-'));

/** A file with any header, honest or not. */
function file(header: string, data: Uint8Array | number[] = [], length = Buffer.byteLength(header)): Uint8Array {
  const out = Buffer.alloc(8 + Buffer.byteLength(header) + data.length);
  out.writeBigUInt64LE(BigInt(length), 0);
  out.write(header, 8, 'utf8');
  out.set(data, 8 + Buffer.byteLength(header));
  return out;
}
const one = (entry: object, data: number[] = [0, 0, 0, 0]) => file(JSON.stringify({ x: entry }), data);
const onDisk = (bytes: Uint8Array): string => {
  const path = join(folder(), 'model.safetensors');
  writeFileSync(path, bytes);
  return path;
};

describe('values', () => {
  it('reads float16 and bfloat16 exactly', () => {
    // Known patterns: 1, -2, the largest half, the smallest subnormal, 1/3 rounded; and in bfloat16 1, -2, pi cut off.
    const half = [0x3c00, 0xc000, 0x7bff, 0x0001, 0x3555],
      brain = [0x3f80, 0xc000, 0x4049];
    const little = (values: number[]) => values.flatMap((value) => [value & 255, value >> 8]);
    const opened = openSafetensors(
      onDisk(
        file(
          JSON.stringify({
            b: { dtype: 'BF16', shape: [3], data_offsets: [10, 16] },
            a: { dtype: 'F16', shape: [5, 1], data_offsets: [0, 10] },
          }),
          [...little(half), ...little(brain)],
        ),
      ),
    );
    expect([...opened.read('a').data]).toEqual([1, -2, 65_504, 2 ** -24, 0.333251953125]);
    expect(opened.read('a').shape).toEqual([5, 1]);
    expect([...opened.read('b').data]).toEqual([1, -2, 3.140625]);
    expect(() => opened.readIntegers('a')).toThrow(/type F16; expected I32/);
    opened.close();
  });

  it('converts tensors longer than a chunk', () => {
    const count = 2 ** 20 + 7;
    const data = Buffer.alloc(2 * count);
    for (let i = 0; i < count; i++) data.writeUInt16LE(i % 31_000, 2 * i);
    const opened = openSafetensors(
      onDisk(file(JSON.stringify({ x: { dtype: 'BF16', shape: [count], data_offsets: [0, 2 * count] } }), data)),
    );
    const { data: values } = opened.read('x');
    opened.close();
    const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
    expect([2 ** 20 - 1, 2 ** 20, count - 1].map((i) => bits[i]! >>> 16)).toEqual(
      [2 ** 20 - 1, 2 ** 20, count - 1].map((i) => i % 31_000),
    );
  });

  it('what was written is read again, names of any alphabet included', () => {
    fc.assert(
      fc.property(
        fc.dictionary(
          fc.string({ minLength: 1 }).filter((name) => name !== '__metadata__' && name !== '__proto__'),
          fc.array(fc.float({ noNaN: true }), { maxLength: 9 }),
        ),
        (values) => {
          const tensors = Object.fromEntries(
            Object.entries(values).map(([name, list]) => [
              name,
              { shape: [list.length], data: Float32Array.from(list) },
            ]),
          );
          const bytes = writeSafetensors(tensors);
          expect(Number(new DataView(bytes.buffer).getBigUint64(0, true)) % 8).toBe(0);
          expect({ ...readSafetensors(bytes, 'x').tensors }).toEqual(tensors);
        },
      ),
    );
  });
});

describe('hostile files', () => {
  const deep = `{"x":${'['.repeat(100_000)}${']'.repeat(100_000)}}`;
  it.each<[string, Uint8Array, RegExp]>([
    ['nothing', new Uint8Array(3), /3 bytes; expected at least 8/],
    ['a header longer than the file', file('{}', [], 2 ** 40), /a header of 1099511627776 bytes/],
    ['a header of 2^63 bytes', file('{}', [], Number.MAX_SAFE_INTEGER), /a header of/],
    ['no JSON', file('{"x":'), /not JSON/],
    ['a list', file('[]'), /not an object/],
    ['a deep header', file(deep), /nested more than 4 deep/],
    ['an unknown type', one({ dtype: 'F32X', shape: [1], data_offsets: [0, 4] }), /type "F32X"/],
    [
      'a type named like a property',
      one({ dtype: 'constructor', shape: [1], data_offsets: [0, 4] }),
      /type "constructor"/,
    ],
    ['no entry', file('{"x":null}'), /type nothing/],
    ['a negative side', one({ dtype: 'F32', shape: [-1], data_offsets: [0, 4] }), /shape \[-1\]/],
    ['a fraction', one({ dtype: 'F32', shape: [0.5], data_offsets: [0, 2] }), /shape \[0.5\]/],
    [
      'sides whose product overflows to what fits',
      one({ dtype: 'F32', shape: [2 ** 32, 2 ** 32], data_offsets: [0, 0] }, []),
      /at bytes 0 to 0 of 0/,
    ],
    [
      'a terabyte',
      one({ dtype: 'F32', shape: [2 ** 38], data_offsets: [0, 2 ** 40] }),
      /at bytes 0 to 1099511627776 of 4/,
    ],
    ['offsets backwards', one({ dtype: 'F32', shape: [1], data_offsets: [4, 0] }), /at bytes 4 to 0/],
    [
      'an overlap',
      file(
        JSON.stringify({
          x: { dtype: 'F32', shape: [1], data_offsets: [0, 4] },
          y: { dtype: 'F32', shape: [1], data_offsets: [0, 4] },
        }),
        [0, 0, 0, 0],
      ),
      /overlap or leave gaps/,
    ],
    [
      'a gap',
      one({ dtype: 'F32', shape: [1], data_offsets: [4, 8] }, [0, 0, 0, 0, 0, 0, 0, 0]),
      /overlap or leave gaps/,
    ],
    [
      'surplus data',
      one({ dtype: 'F32', shape: [1], data_offsets: [0, 4] }, [0, 0, 0, 0, 9]),
      /5 bytes of data; expected 4/,
    ],
    ['metadata of numbers', file(JSON.stringify({ __metadata__: { a: 1 } })), /metadata that is not text/],
  ])('%s', (_what, bytes, message) => {
    const path = onDisk(bytes);
    for (const read of [() => readSafetensors(bytes, 'file'), () => openSafetensors(path)]) {
      expect(read).toThrow(UserError);
      expect(read).toThrow(message);
    }
  });

  it('any change of any byte is read or refused, never a crash', () => {
    const bytes = readFileSync(join(referenceFolder('llava-grouped'), 'io.safetensors'));
    const header = 8 + Number(bytes.readBigUInt64LE(0));
    fc.assert(
      fc.property(fc.nat(header - 1), fc.nat(255), fc.nat(bytes.length), (at, value, length) => {
        const changed = Uint8Array.from(bytes.subarray(0, length % 3 === 0 ? length : bytes.length));
        if (at < changed.length) changed[at] = value;
        try {
          readSafetensors(changed, 'changed');
        } catch (error) {
          expect(error).toBeInstanceOf(UserError);
        }
      }),
      { numRuns: 300 },
    );
  });

  it('a file that breaks off after it was opened', () => {
    const path = onDisk(one({ dtype: 'F32', shape: [1], data_offsets: [0, 4] }));
    const opened = openSafetensors(path);
    truncateSync(path, readFileSync(path).length - 2);
    expect(() => opened.read('x')).toThrow(/breaks off/);
    opened.close();
  });

  it('a name that is a property of every object stays a name', () => {
    const opened = openSafetensors(
      onDisk(file('{"__proto__":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}', [0, 0, 128, 63])),
    );
    expect([...opened.entries.keys()]).toEqual(['__proto__']);
    expect(opened.read('__proto__').data[0]).toBe(1);
    opened.close();
  });

  it('configurations: depth, size, kind; brackets inside texts do not count', () => {
    expect(() => parseObject(`{"a":${'{"b":'.repeat(40)}1${'}'.repeat(40)}}`, 'config.json')).toThrow(
      /nested more than 32 deep/,
    );
    expect(parseObject(`{"a":"${'['.repeat(99)}\\"${'{'.repeat(99)}"}`, 'config.json')['a']).toHaveLength(199);
    const home = folder();
    expect(() => readConfig(home)).toThrow(/cannot be read \(ENOENT\)/);
    writeFileSync(join(home, 'config.json'), Buffer.alloc(5 * 2 ** 20, 0x20));
    expect(() => readConfig(home)).toThrow(/at most 4194304 bytes/);
  });
});

describe('shards', () => {
  const shard = (home: string, name: string, tensors: string[]) =>
    writeFileSync(
      join(home, name),
      writeSafetensors(
        Object.fromEntries(tensors.map((tensor) => [tensor, { shape: [1], data: new Float32Array([tensor.length]) }])),
      ),
    );
  const index = (home: string, map: unknown) =>
    writeFileSync(join(home, 'model.safetensors.index.json'), JSON.stringify({ weight_map: map }));

  it('reads each tensor from its file', () => {
    const home = folder();
    shard(home, 'a.safetensors', ['x']);
    shard(home, 'b.safetensors', ['yy', 'zzz']);
    index(home, { x: 'a.safetensors', yy: 'b.safetensors', zzz: 'b.safetensors' });
    const checkpoint = openCheckpoint(home);
    expect(['x', 'yy', 'zzz'].map((name) => checkpoint.read(name).data[0])).toEqual([1, 2, 3]);
    checkpoint.close();
  });

  it('tells all contradictions of index and files at once', () => {
    const home = folder();
    shard(home, 'a.safetensors', ['x', 'extra', 'twice']);
    shard(home, 'b.safetensors', ['twice']);
    index(home, { x: 'a.safetensors', lost: 'a.safetensors', twice: 'b.safetensors' });
    expect(() => openCheckpoint(home)).toThrow(
      /"extra" is not where the index says.*\n.*"twice" is not where the index says.*\n.*no tensor "lost".*\n.*"twice" is in another shard too/s,
    );
  });

  it.each(['../b.safetensors', '/etc/passwd', 'a/b.safetensors', '..', 'a.bin', 7, 'a\0.safetensors'])(
    'refuses the shard %j',
    (name) => {
      const home = folder();
      index(home, { x: name });
      expect(() => openCheckpoint(home)).toThrow(/expected a .safetensors file of the same folder/);
    },
  );

  it('says what is missing', () => {
    const home = folder();
    expect(() => openCheckpoint(home)).toThrow(/neither model.safetensors nor model.safetensors.index.json.*pickle/);
    index(home, { x: 'a.safetensors' });
    expect(() => openCheckpoint(home)).toThrow(/a.safetensors: cannot be read \(ENOENT\)/);
    index(home, ['x']);
    expect(() => openCheckpoint(home)).toThrow(/no weight_map/);
  });
});

describe('names', () => {
  const table: NameTable = {
    rows: [
      ['blocks.*.q', 'h.*.attn.query'],
      ['table', 'wte', 'bare'],
    ],
    renamed: [[/^old\./, '']],
    ignored: [/\.inv_freq$/],
  };

  it('follow from one row for each layer', () => {
    expect(['blocks.11.q', 'blocks.11.q.bias', 'table'].map((name) => theirName(table, name))).toEqual([
      'h.11.attn.query.weight',
      'h.11.attn.query.bias',
      'wte',
    ]);
    expect(() => theirName(table, 'blocks.1.k')).toThrow(/no published name/);
  });

  it('every missing, surplus, mis-shaped and non-finite tensor is told at once', () => {
    const home = folder();
    const tensor = (shape: number[], value = 1) => ({
      shape,
      data: new Float32Array(shape.reduce((a, b) => a * b, 1)).fill(value),
    });
    writeFileSync(
      join(home, 'model.safetensors'),
      writeSafetensors({
        'h.0.attn.query.weight': tensor([2, 3]),
        'old.wte': tensor([1, 4]),
        'h.9.rotary.inv_freq': tensor([2]),
        stranger: tensor([1]),
        'beats.layers.0.fc1.weight': tensor([1]),
        'beats.layers.1.fc1.weight': tensor([1]),
      }),
    );
    const checkpoint = openCheckpoint(home);
    expect(() =>
      loadWeights(
        checkpoint,
        [
          { name: 'blocks.0.q', shape: [3, 2] },
          { name: 'blocks.1.q', shape: [3, 2] },
          { name: 'table', shape: [4] },
        ],
        { ...table, refused: [[/^beats\./, 'another encoder']] },
      ),
    ).toThrow(
      /"h.0.attn.query.weight" has the shape \[2, 3\]; expected \[3, 2\]\n.*"h.1.attn.query.weight" is missing; expected shape \[3, 2\]\n.*2 tensors of another encoder \("beats.layers.0.fc1.weight"\)[^\n]*\n.*"stranger" is surplus[^\n]*$/,
    );
    checkpoint.close();
    writeFileSync(join(home, 'model.safetensors'), writeSafetensors({ wte: tensor([4], Infinity) }));
    const infinite = openCheckpoint(home);
    expect(() => loadWeights(infinite, [{ name: 'table', shape: [4] }], table)).toThrow(
      /"wte" holds values that are not finite/,
    );
    infinite.close();
  });
});

describe('tied embeddings', () => {
  const head = 'lm_head.weight',
    embedding = 'model.language_model.embed_tokens.weight';
  function withHead(change: (values: Float32Array) => void): string {
    const home = copyOf('internvl2');
    const { tensors } = readSafetensors(readFileSync(join(home, 'model.safetensors')), 'reference');
    const copy = { ...tensors[embedding]!, data: tensors[embedding]!.data.slice() };
    change(copy.data);
    writeFileSync(join(home, 'model.safetensors'), writeSafetensors({ ...tensors, [head]: copy }));
    return home;
  }

  it('a copy of the embedding is no head; a head that differs is one', () => {
    expect(loadFamily(withHead(() => undefined)).family.decoder.tied).toBe(true);
    expect(loadFamily(withHead((values) => void (values[3]! += 1))).family.decoder.tied).toBe(false);
  });

  it('a head that is not there is excused only by the configuration', () => {
    const home = copyOf('internvl2');
    edit(home, 'config.json', (config) => void (config['tie_word_embeddings'] = false));
    expect(() => loadFamily(home)).toThrow(/"lm_head.weight" is missing; expected shape \[97, 32\]/);
    const single = copyOf('llava-1.5');
    rmSync(join(single, 'model.safetensors'));
    expect(() => loadFamily(single)).toThrow(/holds neither/);
  });
});
