/** GGUF files against numbers of the reference package (fixtures/weights/gguf.json), and files that lie. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readGguf } from '../../../src/models/weights/gguf';
import { ggufTypes } from '../../../src/models/weights/ggufBlocks';
import { ggufLlama } from '../../../src/models/zoo/backbones/ggufLlama';
import { interleavedToHalf, llamaWeights, type LlamaConfig } from '../../../src/models/parts/llama';
import { ggufFile } from '../../../testing/ggufFile';
import { notEmpty } from '../../../testing/lists';

interface Fixture {
  blocks: Record<string, { bytes: string; values: string }>;
  file: string;
  tensors: Record<string, string>;
}
const fixture = JSON.parse(
  readFileSync(join(__dirname, '..', '..', 'fixtures', 'weights', 'gguf.json'), 'utf8'),
) as Fixture;
const bytesOf = (text: string) => new Uint8Array(Buffer.from(text, 'base64'));
const floatsOf = (text: string) => new Float32Array(bytesOf(text).buffer);
const sameBits = (a: Float32Array, b: Float32Array) =>
  expect(Buffer.from(a.buffer, a.byteOffset, a.byteLength).equals(Buffer.from(b.buffer))).toBe(true);

describe('blocks of quantised numbers', () => {
  it.each(notEmpty(Object.entries(fixture.blocks)))(
    '%s becomes what the reference makes of it, to the bit',
    (name, of) => {
      const kind = [...ggufTypes.values()].find((type) => type.name === name)!;
      const values = floatsOf(of.values);
      const out = new Float32Array(values.length);
      expect(bytesOf(of.bytes).length / kind.bytes).toBe(values.length / kind.values);
      kind.decode(bytesOf(of.bytes), out);
      sameBits(out, values);
    },
  );
});

describe('a file that the reference package wrote', () => {
  const file = readGguf(bytesOf(fixture.file), 'x');

  it('has its metadata', () => {
    expect(Object.fromEntries(file.metadata)).toEqual({
      'general.architecture': 'llama',
      'llama.block_count': 1,
      'some.float': 0.25,
      'some.flag': true,
      'some.texts': ['a', 'ü', ''],
      'some.numbers': [1, -2, 3],
      'some.large': 2 ** 40,
    });
  });

  it('has its tensors, as the package reads them', () => {
    expect([...file.tensors].map(([name, { type, shape }]) => [name, type, shape])).toEqual([
      ['plain', 'F32', [2, 64]],
      ['half', 'F16', [2, 64]],
      ['BF16', 'BF16', [2, 64]],
      ['Q8_0', 'Q8_0', [2, 64]],
      ['Q4_1', 'Q4_1', [2, 64]],
    ]);
    for (const [name, values] of notEmpty(Object.entries(fixture.tensors))) {
      const { shape, data } = file.read(name);
      expect(shape).toEqual([2, 64]);
      sameBits(data, floatsOf(values));
    }
    expect(() => file.read('none')).toThrow(/no tensor "none"/);
  });
});

describe('a file that lies', () => {
  const good = () => ({
    metadata: [['a', 4, 7]] as [string, number, number | string | (number | string)[], number?][],
    tensors: [{ name: 't', shape: [4], type: 0, data: Buffer.alloc(16) }] as Parameters<typeof ggufFile>[0]['tensors'],
  });
  const read = (change: (file: Parameters<typeof ggufFile>[0]) => void) => () => {
    const file: Parameters<typeof ggufFile>[0] = good();
    change(file);
    return readGguf(ggufFile(file), 'x').read('t');
  };

  it('is read while it does not', () =>
    expect(read(() => undefined)()).toEqual({ shape: [4], data: new Float32Array(4) }));

  it.each<[string, (file: Parameters<typeof ggufFile>[0]) => void, RegExp]>([
    ['another version', (file) => (file.version = 1), /version 1/],
    ['the other order of bytes', (file) => (file.version = 3 << 24), /big-endian/],
    ['more keys than a file can hold', (file) => (file.keys = 2n ** 40n), /the number of keys/],
    ['more tensors than it has', (file) => (file.count = 2n), /tensor "" with 0 axes/],
    ['a key twice', (file) => file.metadata.push(['a', 4, 7]), /"a" is there twice/],
    ['a value of no type', (file) => file.metadata.push(['b', 99, 7]), /type 99/],
    ['a list of lists', (file) => file.metadata.push(['b', 9, [1], 9]), /type 9/],
    ['a number beyond 2^53', (file) => file.metadata.push(['b', 10, 2 ** 60]), /below 2\^53/],
    ['an alignment of 3', (file) => file.metadata.push(['general.alignment', 4, 3]), /general\.alignment/],
    ['a tensor of a type that is not read', (file) => (file.tensors[0]!.type = 2), /of type 2/],
    ['a tensor twice', (file) => file.tensors.push({ ...file.tensors[0]!, at: 32 }), /"t" is there twice/],
    [
      'tensors that overlap',
      (file) => file.tensors.push({ ...file.tensors[0]!, name: 'u', at: 0 }),
      /a place of its own/,
    ],
    ['a tensor past the end', (file) => (file.tensors[0]!.shape = [9]), /a place of its own/],
    ['a tensor between two places', (file) => (file.tensors[0]!.at = 4), /a multiple of 32/],
    ['a tensor without values', (file) => (file.tensors[0]!.shape = [4, 0]), /shape \[4, 0\]/],
    ['half a block', (file) => Object.assign(file.tensors[0]!, { type: 8, shape: [16] }), /a multiple of 32 values/],
    ['a shape whose product overflows', (file) => (file.tensors[0]!.shape = [2 ** 31, 2 ** 31, 2 ** 31]), /bytes 0 to/],
    ['five axes', (file) => (file.tensors[0]!.shape = [1, 1, 1, 1, 4]), /5 axes/],
    ['values that are no numbers', (file) => file.tensors[0]!.data.fill(0xff), /not numbers/],
  ])('is refused: %s', (_what, change, message) => {
    expect(read(change)).toThrow(message);
    expect(read(change)).toThrow(expect.objectContaining({ name: 'UserError' }));
  });

  it('is refused where it breaks off', () => {
    const whole = ggufFile(good());
    for (let length = 0; length <= whole.length - 32; length += 7)
      expect(() => readGguf(whole.subarray(0, length), 'x'), `${length} bytes`).toThrow(
        expect.objectContaining({ name: 'UserError' }),
      );
  });
});

describe('a Llama in a GGUF file', () => {
  const config: LlamaConfig = {
    width: 8,
    hiddenWidth: 4,
    layers: 1,
    heads: 2,
    keyValueHeads: 1,
    vocabulary: 3,
    context: 16,
    tied: true,
    normEpsilon: 1e-5,
    ropeBase: 10_000,
  };
  const theirs: Record<string, string> = {
    tokenEmbedding: 'token_embd',
    finalNorm: 'output_norm',
    attentionNorm: 'attn_norm',
    q: 'attn_q',
    k: 'attn_k',
    v: 'attn_v',
    o: 'attn_output',
    feedForwardNorm: 'ffn_norm',
    gate: 'ffn_gate',
    up: 'ffn_up',
    down: 'ffn_down',
  };
  const numbers = (size: number, from: number) => Float32Array.from({ length: size }, (_, i) => from + i / 64);
  const values = new Map(
    llamaWeights(config).map(({ name, shape }, i) => [
      name,
      numbers(
        shape.reduce((a, b) => a * b),
        i,
      ),
    ]),
  );
  const file = (change: (file: Parameters<typeof ggufFile>[0]) => void = () => undefined) => {
    const made: Parameters<typeof ggufFile>[0] = {
      metadata: [
        ['general.architecture', 8, 'llama'],
        ['llama.embedding_length', 4, 8],
        ['llama.feed_forward_length', 4, 4],
        ['llama.block_count', 4, 1],
        ['llama.attention.head_count', 4, 2],
        ['llama.attention.head_count_kv', 4, 1],
        ['llama.rope.dimension_count', 4, 4],
        ['llama.rope.freq_base', 6, 10_000],
        ['llama.context_length', 4, 16],
        ['llama.attention.layer_norm_rms_epsilon', 6, 1e-5],
      ],
      tensors: llamaWeights(config).map(({ name, shape }) => ({
        name: `${name.startsWith('layers') ? 'blk.0.' : ''}${theirs[name.split('.').at(-1)!]!}.weight`,
        shape,
        type: 0,
        data: Buffer.from(values.get(name)!.slice().buffer),
      })),
    };
    change(made);
    return () => ggufLlama(readGguf(ggufFile(made), 'x'), config, 'x');
  };

  it('has our names and shapes, rows of q and k for the half-split rotation', () => {
    const weights = file()();
    for (const { name, shape } of notEmpty(llamaWeights(config))) {
      const part = name.split('.').at(-1)!;
      const heads = part === 'q' ? 2 : part === 'k' ? 1 : null;
      const stored = values.get(name)!;
      expect(weights[name], name).toEqual({
        shape,
        data: heads === null ? stored : interleavedToHalf(stored, heads, 8),
      });
    }
  });

  it.each<[string, (file: Parameters<typeof ggufFile>[0]) => void, RegExp]>([
    ['another architecture', (of) => (of.metadata[0]![2] = 'qwen2'), /"qwen2" as general\.architecture/],
    ['other sizes', (of) => (of.metadata[4]![2] = 4), /4 as llama\.attention\.head_count/],
    ['stretched positions', (of) => of.metadata.push(['llama.rope.scaling.type', 8, 'yarn']), /rope\.scaling\.type/],
    ['a weight less', (of) => of.tensors.pop(), /"output_norm\.weight" is missing/],
    ['a weight more', (of) => of.tensors.push({ ...of.tensors[0]!, name: 'output.weight' }), /surplus/],
    ['another shape', (of) => (of.tensors[0]!.shape = [2, 12]), /has the shape \[2,12\]/],
  ])('is refused: %s', (_what, change, message) => expect(file(change)).toThrow(message));
});
