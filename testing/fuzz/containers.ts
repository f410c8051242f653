/** Archives and files of weights, as targets of the fuzz net. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { deflateSync, gzipSync } from 'node:zlib';
import { isInside } from '../../src/data/readers/names';
import { openCheckpoint } from '../../src/models/checkpoint/checkpoint';
import { openSafetensors, readSafetensors, writeSafetensors } from '../../src/models/weights/safetensors';
import type { WeightTensor } from '../../src/models/weights/weight';
import { readCtranslate2 } from '../../src/models/weights/ctranslate2';
import { readGguf } from '../../src/models/weights/gguf';
import { readLlama2c } from '../../src/models/weights/llama2c';
import { readOnnx } from '../../src/models/weights/onnx';
import { readTfjsLayers } from '../../src/models/weights/tfjsLayers';
import { archiveLimits, unpack } from '../../src/sources/archive';
import { unpackBundle } from '../../src/sources/bundle';
import { openQtResource } from '../../src/sources/qtResource';
import { openZip } from '../../src/sources/zip';
import { parseObject } from '../../src/json';
import { readTokenizer } from '../../src/text/tokenizer';
import { ggufTokenizer } from '../../src/text/tokenizerGguf';
import { ctranslate2File } from '../ctranslate2File';
import { arOf, debOf, tarOf } from '../fetchTools';
import { ggufFile } from '../ggufFile';
import { onnxFile } from '../onnxFile';
import { zip } from '../zipFile';
import type { Target } from './fuzz';

const entries = [
  { path: 'a.txt', content: 'one' },
  { path: 'b/c.txt', content: 'two two' },
];

/** The tar of these entries as data.tar.xz and data.tar.zst, made with Python's lzma and zstandard. */
const compressed = {
  xz: '/Td6WFoAAATm1rRGAgAhARYAAAB0L+Wj4Av/AFtdADCLiofEDvKXpPh1PcWp7dmXqh77YEN7EFtItEI/hnFQx0YOXtmU7DQ9fsB3X309trb6Gt93yUFro1f2qjd/cs8kCrkjKvi+ubcrt6xBQphJCSnhOYefxus0aYAAAMyWd6+eAQLOAAF3gBgAAABGJjnxscRn+wIAAAAABFla',
  zst: 'KLUv/WQAC7UCAHKDCxCg7YCHjqetqnFlzgkF4EcKgMGbMjIfH5JAVYvVbjt3rwbNkcauS9xSjPv4cAIPILC3ngH9K7A/FQyQMZWuu3yA1ORTyZw6IHlwBgMHGBRgOyk49t5GxQ==',
} as const;

const debWith = (ending: keyof typeof compressed): Buffer =>
  arOf([
    ['debian-binary', Buffer.from('2.0\n')],
    [`data.tar.${ending}`, Buffer.from(compressed[ending], 'base64')],
  ]);

/** Names stay below the folder, whatever the archive says. */
const inside = (read: unknown): boolean =>
  (read as { path: string }[]).every(
    ({ path }) => !path.startsWith('/') && !path.split('/').some((step) => step === '..'),
  );

function unpacked(name: string, sample: Buffer, format: string, result: Target['result'] = 'same'): Target {
  return {
    name: `archive: ${name}`,
    sample,
    async read(input, place) {
      const path = join(place, 'archive');
      writeFileSync(path, input);
      mkdirSync(join(place, 'to'));
      const files = await unpack(path, format, 'none', join(place, 'to'), () => true, archiveLimits(input.length), 'x');
      return files;
    },
    result,
  };
}

const debian = 'application/vnd.debian.binary-package';

/** Zip members carry checksums, but their names do not. */
const zipped: Target = {
  name: 'archive: zip',
  sample: zip([
    { name: 'a.txt', content: 'one '.repeat(20) },
    { name: 'b/ü.txt', content: 'two', deflate: false },
  ]),
  async read(input, place) {
    writeFileSync(join(place, 'x.zip'), input);
    const open = await openZip(join(place, 'x.zip'), isInside);
    try {
      const read: { path: string; text: string }[] = [];
      for (const path of open.names) read.push({ path, text: (await open.read(path, 1000)).toString('latin1') });
      return read;
    } finally {
      open.close();
    }
  },
  result: inside,
};

/** A Qt resource of format version 2: a root with two files, one of them compressed. */
function qtResource(): Buffer {
  const node = (name: number, flags: number, a: number, b: number) => {
    const entry = Buffer.alloc(22);
    entry.writeUInt32BE(name, 0);
    entry.writeUInt16BE(flags, 4);
    entry.writeUInt32BE(a, 6);
    entry.writeUInt32BE(b, 10);
    return entry;
  };
  const name = (text: string) => {
    const head = Buffer.alloc(6);
    head.writeUInt16BE(text.length);
    return Buffer.concat([head, Buffer.from(text, 'utf16le').swap16()]);
  };
  const content = (bytes: Buffer) => {
    const length = Buffer.alloc(4);
    length.writeUInt32BE(bytes.length);
    return Buffer.concat([length, bytes]);
  };
  const packed = Buffer.concat([Buffer.from([0, 0, 0, 60]), deflateSync(Buffer.alloc(60, 'ab'))]);
  const contents = Buffer.concat([content(Buffer.from('plain')), content(packed)]);
  const names = Buffer.concat([name(''), name('a'), name('b')]);
  const tree = Buffer.concat([node(0, 2, 2, 1), node(6, 0, 0, 0), node(14, 1, 0, 9)]);
  const head = Buffer.alloc(20);
  head.write('qres');
  [2, 20, 20 + tree.length, 20 + tree.length + contents.length].forEach((value, i) =>
    head.writeUInt32BE(value, 4 + 4 * i),
  );
  return Buffer.concat([head, tree, contents, names]);
}

const archives: Target[] = [
  zipped,
  unpacked('tar', tarOf(entries), 'application/x-tar', inside),
  unpacked('tar.gz', gzipSync(tarOf(entries)), 'application/gzip'),
  unpacked('deb (gz)', debOf(entries), debian),
  unpacked('deb (xz)', debWith('xz'), debian, inside),
  unpacked('deb (zst)', debWith('zst'), debian, inside),
  {
    name: 'archive: Qt resource',
    sample: qtResource(),
    read: (input) => {
      const open = openQtResource(input, 'x');
      return open.names.map((path) => ({ path, length: open.read(path).length }));
    },
    result: (read) => Array.isArray(read),
  },
  {
    name: 'archive: Emscripten bundle',
    sample: Buffer.from(
      'loadPackage({"files":[{"filename":"/a.bin","start":0,"end":4},{"filename":"/b.bin","start":4,"end":10}],"remote_package_size":10})',
    ),
    read: (input) =>
      [...unpackBundle(input.toString('utf8'), Buffer.alloc(10), 'x')].map(([path, bytes]) => ({
        path,
        length: bytes.length,
      })),
    result: (read) => (read as { length: number }[]).reduce((sum, { length }) => sum + length, 0) <= 10,
  },
];

const tensors = {
  'a.weight': { shape: [2, 3], data: Float32Array.from([1, 2, 3, 4, 5, 6]) },
  b: { shape: [2], data: Float32Array.from([0.5, -0.5]) },
};
const size = (shape: readonly number[]) => shape.reduce((product, side) => product * side, 1);
const wellShaped = (read: unknown): boolean =>
  Object.values(read as Record<string, WeightTensor>).every(({ shape, data }) => data.length === size(shape));

const bfloat = (): Buffer => {
  const header = Buffer.from(JSON.stringify({ x: { dtype: 'BF16', shape: [4], data_offsets: [0, 8] } }).padEnd(64));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(header.length));
  return Buffer.concat([length, header, Buffer.from('803f004080c00000', 'hex')]);
};

function safetensorsTargets(): Target[] {
  const readFile = (input: Buffer, place: string) => {
    const path = join(place, 'x.safetensors');
    writeFileSync(path, input);
    const open = openSafetensors(path);
    try {
      return Object.fromEntries([...open.entries.keys()].map((name) => [name, open.read(name)]));
    } finally {
      open.close();
    }
  };
  const index = { metadata: { total_size: 32 }, weight_map: { 'a.weight': 'x-1.safetensors', b: 'x-2.safetensors' } };
  return [
    {
      name: 'weights: safetensors in memory',
      sample: Buffer.from(writeSafetensors(tensors, { step: '3' })),
      read: (input) => ({ ...readSafetensors(input, 'x').tensors }),
      result: wellShaped,
    },
    {
      name: 'weights: safetensors',
      sample: Buffer.from(writeSafetensors(tensors)),
      read: readFile,
      result: wellShaped,
    },
    { name: 'weights: safetensors, bfloat16', sample: bfloat(), read: readFile, result: wellShaped },
    {
      name: 'weights: index of shards',
      sample: { value: index },
      read(input, place) {
        writeFileSync(join(place, 'x-1.safetensors'), writeSafetensors({ 'a.weight': tensors['a.weight'] }));
        writeFileSync(join(place, 'x-2.safetensors'), writeSafetensors({ b: tensors.b }));
        writeFileSync(join(place, 'model.safetensors.index.json'), input);
        const open = openCheckpoint(place);
        try {
          return Object.fromEntries([...open.tensors.keys()].map((name) => [name, open.read(name)]));
        } finally {
          open.close();
        }
      },
      result: wellShaped,
    },
  ];
}

/** llama2.c: seven sizes, then floats; widths as small as can be. */
function llama2c(): Buffer {
  const [width, hidden, layers, heads, keyValueHeads, vocabulary, context] = [4, 6, 1, 2, 1, 5, 3];
  const floats =
    vocabulary * width +
    layers * (2 * width + 2 * width * width + 2 * 2 * width + 3 * hidden * width) +
    width +
    context * 2;
  const bytes = Buffer.alloc(28 + 4 * floats);
  [width, hidden, layers, heads, keyValueHeads, vocabulary, context].forEach((value, i) =>
    bytes.writeInt32LE(value, 4 * i),
  );
  return bytes;
}

/** llama2.c's tokenizer.bin: the fixed entries and a few pieces. */
function tokenizerBin(): Buffer {
  const fixed = [
    '<unk>',
    '\n<s>\n',
    '\n</s>\n',
    ...Array.from({ length: 256 }, (_, byte) => String.fromCharCode(byte)),
  ];
  const texts = [...fixed, 'ab', ' a', ' ', 'a', 'b'];
  const longest = Buffer.alloc(4);
  longest.writeInt32LE(27);
  return Buffer.concat([
    longest,
    ...texts.flatMap((text, i) => {
      const head = Buffer.alloc(8);
      head.writeFloatLE(i < fixed.length ? 0 : fixed.length - i);
      head.writeInt32LE(Buffer.byteLength(text), 4);
      return [head, Buffer.from(text)];
    }),
  ]);
}

const floats = (...values: number[]) => Buffer.from(Float32Array.from(values).buffer);
const layers = {
  format: 'layers-model',
  modelTopology: {
    model_config: { config: { layers: [{ class_name: 'BatchNormalization', config: { name: 'n', epsilon: 0.5 } }] } },
  },
  weightsManifest: [{ paths: ['a.bin'], weights: [{ name: 'x', shape: [2, 1], dtype: 'float32' }] }],
};

const others: Target[] = [
  {
    name: 'weights: ONNX',
    sample: onnxFile([
      { name: 'w', shape: [2, 2], type: 1, raw: floats(1, 2, 3, 4) },
      { name: 'q', shape: [3], type: 2, integers: [1, 2, 3] },
    ]),
    read: (input) => readOnnx(input, 'x'),
    result: (read) => typeof read === 'object' && read !== null,
  },
  {
    name: 'weights: GGUF',
    sample: ggufFile({
      metadata: [
        ['general.alignment', 4, 32],
        ['a.text', 8, 'ü'],
        ['a.list', 9, ['x', 'y'], 8],
        ['a.large', 10, 7],
      ],
      tensors: [
        { name: 'plain', shape: [1, 4], type: 0, data: floats(1, 2, 3, 4) },
        { name: 'blocks', shape: [32], type: 8, data: Buffer.concat([Buffer.of(0, 0x3c), Buffer.alloc(32, 3)]) },
      ],
    }),
    read: (input) => {
      const file = readGguf(input, 'x');
      return Object.fromEntries([...file.tensors.keys()].map((name) => [name, file.read(name)]));
    },
    result: wellShaped,
  },
  {
    name: 'weights: CTranslate2',
    sample: ctranslate2File({
      variables: [
        { name: 'a', shape: [2, 1], type: 0, data: floats(1, 2) },
        { name: 'b', shape: [2], type: 4, data: Buffer.of(0, 0x3c, 0, 0x40) },
      ],
      aliases: [['c', 'a']],
    }),
    read: (input) => {
      const file = readCtranslate2(input, 'x');
      const names = [...file.variables].filter(([, { type }]) => type.includes('float')).map(([name]) => name);
      return Object.fromEntries(names.map((name) => [name, file.read(name)]));
    },
    result: wellShaped,
  },
  {
    name: 'tokenizer in a GGUF file',
    sample: {
      value: {
        'tokenizer.ggml.model': 'gpt2',
        'tokenizer.ggml.pre': 'smollm',
        'tokenizer.ggml.tokens': ['<end>', 'a', 'b', 'ab'],
        'tokenizer.ggml.token_type': [3, 1, 1, 1],
        'tokenizer.ggml.merges': ['a b'],
        'tokenizer.ggml.unknown_token_id': 0,
      },
    },
    read: (input) => {
      const tokenizer = ggufTokenizer(new Map(Object.entries(parseObject(input.toString('utf8'), 'x', 8))), 'x');
      return tokenizer.encode('ab1 ä').every((id) => id >= 0 && id < tokenizer.vocabulary);
    },
    result: (read) => read === true,
  },
  {
    name: 'weights: llama2.c',
    sample: llama2c(),
    read: (input) => readLlama2c(input, 'x').tensors,
    result: wellShaped,
  },
  {
    name: 'weights: TensorFlow.js layers',
    sample: { value: layers },
    read(input, place) {
      writeFileSync(join(place, 'a.bin'), floats(1, 2));
      writeFileSync(join(place, 'model.json'), input);
      return readTfjsLayers(place).tensors;
    },
    result: wellShaped,
  },
  {
    name: 'tokenizer.bin',
    sample: tokenizerBin(),
    read: (input) => {
      const tokenizer = readTokenizer(input, 'x');
      return tokenizer.encode('ab ä').every((id) => id >= 0 && id < tokenizer.vocabulary);
    },
    result: (read) => read === true,
  },
];

/** All archives and weights. */
export const containerTargets = (): Target[] => [...archives, ...safetensorsTargets(), ...others];
