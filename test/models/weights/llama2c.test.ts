import { describe, expect, it } from 'vitest';
import { UserError } from '../../../src/problems';
import { readLlama2c } from '../../../src/models/weights/llama2c';

const sizes = { width: 4, hiddenWidth: 6, layers: 2, heads: 2, keyValueHeads: 1, vocabulary: 5, context: 3 };

/** A llama2.c file whose k-th float is k, so that every offset shows in the values. */
function llama2cFile(header: Partial<typeof sizes> = {}, floats?: number): Buffer {
  const { width: w, hiddenWidth: h, layers: l, heads, keyValueHeads, vocabulary: v, context } = { ...sizes, ...header };
  const kv = (w / heads) * keyValueHeads;
  const count =
    floats ??
    Math.abs(v) * w +
      l * (2 * w + 2 * w * w + 2 * kv * w + 3 * h * w) +
      w +
      context * (w / heads) +
      (v < 0 ? -v * w : 0);
  const bytes = Buffer.alloc(28 + 4 * count);
  [w, h, l, heads, keyValueHeads, v, context].forEach((value, i) => bytes.writeInt32LE(value, 4 * i));
  for (let k = 0; k < count; k++) bytes.writeFloatLE(k, 28 + 4 * k);
  return bytes;
}

describe('llama2.c weights', () => {
  it('finds every tensor at its place in the file', () => {
    const { config, tensors } = readLlama2c(llama2cFile());
    expect(config).toEqual({ ...sizes, tied: true });
    const places = Object.fromEntries(
      Object.entries(tensors).map(([name, { shape, data }]) => [name, [data[0], ...shape]]),
    );
    // vocabulary 5 x 4 = 20; then norms 4 x 2, q 16 x 2, k 8 x 2, v 8 x 2, o 16 x 2, norms 4 x 2, w1, w2, w3 24 x 2
    // each, norm 4.
    expect(places).toEqual({
      tokenEmbedding: [0, 5, 4],
      'layers.0.attentionNorm': [20, 4],
      'layers.1.attentionNorm': [24, 4],
      'layers.0.q': [28, 4, 4],
      'layers.1.q': [44, 4, 4],
      'layers.0.k': [60, 2, 4],
      'layers.1.k': [68, 2, 4],
      'layers.0.v': [76, 2, 4],
      'layers.1.v': [84, 2, 4],
      'layers.0.o': [92, 4, 4],
      'layers.1.o': [108, 4, 4],
      'layers.0.feedForwardNorm': [124, 4],
      'layers.1.feedForwardNorm': [128, 4],
      'layers.0.gate': [132, 6, 4],
      'layers.1.gate': [156, 6, 4],
      'layers.0.down': [180, 4, 6],
      'layers.1.down': [204, 4, 6],
      'layers.0.up': [228, 6, 4],
      'layers.1.up': [252, 6, 4],
      finalNorm: [276, 4],
    });
    for (const { shape, data } of Object.values(tensors)) expect(data.length).toBe(shape.reduce((a, b) => a * b));
  });

  it('reads an output head of its own after the rotary tables, also at an odd offset', () => {
    const file = Buffer.concat([Buffer.from([1]), llama2cFile({ vocabulary: -5 })]).subarray(1);
    const { config, tensors } = readLlama2c(file);
    expect([config.vocabulary, config.tied]).toEqual([5, false]);
    expect([tensors['lmHead']!.data[0], ...tensors['lmHead']!.shape]).toEqual([286, 5, 4]);
  });

  it.each<[string, Buffer, RegExp]>([
    ['a torn header', llama2cFile().subarray(0, 27), /header of 28 bytes/],
    ['a torn body', llama2cFile().subarray(0, -4), /bytes for the sizes/],
    ['a longer body', Buffer.concat([llama2cFile(), Buffer.alloc(4)]), /bytes for the sizes/],
    ['no layers', llama2cFile({ layers: 0 }), /layers is 0/],
    ['negative width', llama2cFile({ width: -4 }, 9), /width is -4/],
    ['sizes that overflow', llama2cFile({ width: 2 ** 31 - 1, hiddenWidth: 2 ** 31 - 1 }, 9), /width is 2147483647/],
    ['the smallest integer as vocabulary', llama2cFile({ vocabulary: -(2 ** 31) }, 9), /vocabulary is 2147483648/],
    ['odd head width', llama2cFile({ width: 6, keyValueHeads: 2 }, 9), /even width/],
    ['heads that do not divide', llama2cFile({ keyValueHeads: 3, heads: 2 }, 9), /whole number of heads/],
    [
      'a value that is no number',
      (() => {
        const file = llama2cFile();
        file.writeFloatLE(NaN, 28 + 4 * 62);
        return file;
      })(),
      /layers\.0\.k holds/,
    ],
  ])('refuses %s', (_name, bytes, message) => {
    expect(() => readLlama2c(bytes)).toThrow(UserError);
    expect(() => readLlama2c(bytes)).toThrow(message);
  });
});
