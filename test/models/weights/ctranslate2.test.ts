/** Model files of CTranslate2: what a sound one holds, files that lie, and a Whisper encoder out of one. */
import { describe, expect, it } from 'vitest';
import { readCtranslate2 } from '../../../src/models/weights/ctranslate2';
import { whisperBlock, whisperParameters, type WhisperOptions } from '../../../src/models/parts/whisperEncoder';
import { ctranslate2Whisper } from '../../../src/models/zoo/encoders/ctranslate2Whisper';
import { ctranslate2File, type Ctranslate2Parts } from '../../../testing/ctranslate2File';
import { notEmpty } from '../../../testing/lists';

const halves = (...bits: number[]) => Buffer.from(Uint16Array.from(bits).buffer);
const floats = (...values: number[]) => Buffer.from(Float32Array.from(values).buffer);
const good = (): Ctranslate2Parts => ({
  variables: [
    { name: 'a', shape: [2], type: 4, data: halves(0x3c00, 0xc000) }, // 1 and -2
    { name: 'b', shape: [1, 2], type: 0, data: floats(0.5, 3) },
    { name: 'n', shape: [], type: 2, data: halves(8) },
    { name: 'c', shape: [1], type: 5, data: halves(0x3f80) },
  ],
  aliases: [['other', 'a']],
});

describe('a sound file', () => {
  const file = readCtranslate2(ctranslate2File(good()), 'x');

  it('has its variables, under all of their names, as float32', () => {
    expect(file.spec).toBe('WhisperSpec');
    expect(Object.fromEntries(file.variables)).toEqual({
      a: { shape: [2], type: 'float16' },
      b: { shape: [1, 2], type: 'float32' },
      n: { shape: [], type: 'int16' },
      c: { shape: [1], type: 'bfloat16' },
      other: { shape: [2], type: 'float16' },
    });
    expect(file.read('a')).toEqual({ shape: [2], data: Float32Array.of(1, -2) });
    expect(file.read('other')).toEqual(file.read('a'));
    expect(file.read('b')).toEqual({ shape: [1, 2], data: Float32Array.of(0.5, 3) });
    expect(file.read('c').data).toEqual(Float32Array.of(1));
  });

  it('has no floating point where it holds whole numbers, and nothing under other names', () => {
    expect(() => file.read('n')).toThrow(/"n" of type int16/);
    expect(() => file.read('x')).toThrow(/no variable "x"/);
  });
});

describe('a file that lies', () => {
  it.each<[string, (file: Ctranslate2Parts) => void, RegExp]>([
    ['another version', (file) => (file.version = 5), /version 5/],
    ['more variables than it has', (file) => (file.count = 9), /"" of type 6/],
    ['more variables than any file', (file) => (file.count = 2 ** 31), /2147483648 variables/],
    ['a variable twice', (file) => file.variables.push(file.variables[0]!), /"a" is there twice/],
    ['a type that is none', (file) => (file.variables[0]!.type = 9), /of type 9/],
    ['more values than bytes', (file) => (file.variables[0]!.shape = [3]), /shape \[3\] in 4 bytes/],
    ['a product that overflows', (file) => (file.variables[0]!.shape = [2 ** 31, 2 ** 31, 8]), /in 4 bytes/],
    ['nine axes', (file) => (file.variables[0]!.shape = [1, 1, 1, 1, 1, 1, 1, 1, 2]), /9 axes/],
    ['another name of nothing', (file) => file.aliases!.push(['x', 'y']), /"x" for "y"/],
    ['another name that is taken', (file) => file.aliases!.push(['b', 'a']), /"b" is there twice/],
    ['bytes behind its end', (file) => (file.more = 3), /3 bytes more/],
  ])('is refused: %s', (_what, change, message) => {
    const file = good();
    change(file);
    expect(() => readCtranslate2(ctranslate2File(file), 'x')).toThrow(message);
  });

  it('is refused where it breaks off, and for values that are no numbers', () => {
    const whole = ctranslate2File(good());
    for (let length = 0; length < whole.length; length++)
      expect(() => readCtranslate2(whole.subarray(0, length), 'x'), `${length} bytes`).toThrow(
        expect.objectContaining({ name: 'UserError' }),
      );
    const file = good();
    file.variables[0]!.data = halves(0x7c00, 0);
    expect(() => readCtranslate2(ctranslate2File(file), 'x').read('a')).toThrow(/not numbers/);
  });
});

describe('a Whisper encoder', () => {
  const options: WhisperOptions = {
    bands: 3,
    positions: 6,
    layers: 1,
    lastNorm: true,
    block: whisperBlock({ width: 4, hidden: 8, heads: 2 }),
  };
  const ascending = (size: number, from: number) => floats(...Array.from({ length: size }, (_, i) => from + i));
  const shapes: Record<string, number[]> = {
    'conv1/weight': [4, 3, 3],
    'conv1/bias': [4],
    'conv2/weight': [4, 4, 3],
    'conv2/bias': [4],
    'position_encodings/encodings': [6, 4],
    'layer_norm/gamma': [4],
    'layer_norm/beta': [4],
    'layer_0/self_attention/layer_norm/gamma': [4],
    'layer_0/self_attention/layer_norm/beta': [4],
    'layer_0/self_attention/linear_0/weight': [12, 4],
    'layer_0/self_attention/linear_0/bias': [12],
    'layer_0/self_attention/linear_1/weight': [4, 4],
    'layer_0/self_attention/linear_1/bias': [4],
    'layer_0/ffn/layer_norm/gamma': [4],
    'layer_0/ffn/layer_norm/beta': [4],
    'layer_0/ffn/linear_0/weight': [8, 4],
    'layer_0/ffn/linear_0/bias': [8],
    'layer_0/ffn/linear_1/weight': [4, 8],
    'layer_0/ffn/linear_1/bias': [4],
  };
  const file = (change: (file: Ctranslate2Parts) => void = () => undefined): Ctranslate2Parts => {
    const made: Ctranslate2Parts = {
      variables: Object.entries(shapes).map(([name, shape], i) => ({
        name: `encoder/${name}`,
        shape,
        type: 0,
        data:
          name.endsWith('linear_0/bias') && name.includes('attention')
            ? floats(1, 2, 3, 4, 0, 0, 0, 0, 5, 6, 7, 8)
            : ascending(
                shape.reduce((a, b) => a * b),
                100 * i,
              ),
      })),
    };
    change(made);
    return made;
  };
  const read = (made: Ctranslate2Parts) =>
    ctranslate2Whisper(readCtranslate2(ctranslate2File(made), 'x'), options, 'x');

  it('has every parameter, queries, keys and values each a third of one variable', () => {
    const weights = read(file());
    for (const { name, shape } of notEmpty(whisperParameters(options)))
      expect([weights[name]!.shape, weights[name]!.data.length], name).toEqual([shape, shape.reduce((a, b) => a * b)]);
    expect([...weights['layers.0.k']!.data]).toEqual(Array.from({ length: 16 }, (_, i) => 900 + 16 + i));
    expect([...weights['layers.0.v.bias']!.data]).toEqual([5, 6, 7, 8]);
    expect(weights['norm']!.data[0]).toBe(500);
    expect(weights['layers.0.down']!.data[0]).toBe(1700);
  });

  it.each<[string, (file: Ctranslate2Parts) => void, RegExp]>([
    ['another model', (of) => (of.spec = 'TransformerSpec'), /TransformerSpec/],
    ['a weight less', (of) => of.variables.splice(0, 1), /no variable encoder\/conv1\/weight/],
    ['another shape', (of) => (of.variables[0]!.shape = [3, 4, 3]), /has the shape \[3,4,3\]/],
    ['keys with a bias', (of) => (of.variables[10]!.data = ascending(12, 1)), /a bias of the keys/],
  ])('is refused: %s', (_what, change, message) => expect(() => read(file(change))).toThrow(message));
});
