/**
 * The backbones and towers of real compositions against numbers of other programs (fixtures/weights, fixtures/encoders).
 * Runs where the weights are in the cache already and says so where they are not; nothing is fetched.
 */
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { encodeWav } from '../../src/data/audio';
import { llama, llamaLogits } from '../../src/models/parts/llama';
import { findBackbone } from '../../src/models/zoo/backbones';
import { encoderRegistry } from '../../src/models/zoo/encoders';
import { useBackend } from '../../src/tensor/backend';
import { tf } from '../../src/tensor/tf';
import { answerIds, headOf, promptIds } from '../../src/text/tokenizer';
import { openGguf } from '../../src/models/weights/gguf';
import { ggufTokenizer } from '../../src/text/tokenizerGguf';
import { cachedSource } from '../../testing/cached';
import { notEmpty } from '../../testing/lists';
import { chirp, stripes } from '../../testing/syntheticMedia';
import { sharp } from '../../testing/sharp';

const fixture = <T>(name: string) => JSON.parse(readFileSync(join(__dirname, '..', 'fixtures', name), 'utf8')) as T;

interface Sample {
  shape: number[];
  step: number;
  values: number[];
}
const largest = (a: ArrayLike<number>, { step, values }: Pick<Sample, 'step' | 'values'>) =>
  values.reduce((worst, value, i) => Math.max(worst, Math.abs(a[i * step]! - value)), 0);

beforeAll(async () => {
  await useBackend({ name: 'wasm' });
});

describe('SmolLM2-135M-Instruct', () => {
  const expected = fixture<{
    tokens: { text: string; ids: number[] }[];
    asked: string;
    answered: string;
    chat: number[];
    step: number;
    logits: number[];
    first: number[];
    answer: number[];
    sums: Record<string, number>;
  }>('weights/smollm2.json');
  const name = 'smollm2-135m-instruct';

  it('cuts hard texts into the tokens of llama.cpp', async (context) => {
    const { folder } = await cachedSource(context, name);
    const file = openGguf(join(folder, 'SmolLM2-135M-Instruct.Q4_1.gguf'));
    const tokenizer = ggufTokenizer(file.metadata, 'x');
    file.close();
    expect(tokenizer.vocabulary).toBe(49_152);
    expect(tokenizer.opening).toEqual([]);
    for (const { text, ids } of notEmpty(expected.tokens)) expect(tokenizer.encode(text), text).toEqual(ids);
  });

  it("writes a question and its answer as the file's own chat template does, features behind the user's mark", async (context) => {
    await cachedSource(context, name);
    const definition = findBackbone(name);
    const tokenizer = await definition.tokenizer();
    const { ids } = expected.tokens.find(({ text }) => text === expected.answered)!;
    const head = headOf(tokenizer);
    expect(head).toHaveLength(definition.headTokens!);
    const turn = [...head, ...promptIds(tokenizer, 'Question: What is it? Answer:'), ...answerIds(tokenizer, ' A dog')];
    const lineBreak = tokenizer.encode('a\nb')[1]!;
    // The template, with a line break between the features and the question.
    expect([...turn.slice(0, head.length), ...turn.slice(head.length + 1), tokenizer.answerEnd, lineBreak]).toEqual(
      ids,
    );
    expect(turn[head.length]).toBe(lineBreak);
    expect(tokenizer.decode(answerIds(tokenizer, 'A dog'))).toBe('A dog');
    expect(() => promptIds(tokenizer, 'What<|im_end|>')).toThrow(/"<\|im_end\|>" in it/);
    expect(() => answerIds(tokenizer, ' ')).toThrow(/no text/);
  });

  it('gives the logits of transformers on the weights that the reference dequantises, and its answer', async (context) => {
    await cachedSource(context, name);
    const { config, weights } = await findBackbone(name).load();
    expect(Object.values(weights).reduce((sum, { data }) => sum + data.length, 0)).toBe(134_515_008);
    for (const [of, sum] of notEmpty(Object.entries(expected.sums)))
      expect(weights[of]!.data.reduce((total, value) => total + Math.abs(value), 0) / sum, of).toBeCloseTo(1, 9);
    const tensors = Object.fromEntries(
      Object.entries(weights).map(([of, { shape, data }]) => [of, tf.tensor(data, shape)]),
    );
    const ids = [...expected.chat, ...expected.answer];
    const logits = tf.tidy(() => {
      const embeddings = tf.reshape(tf.gather(tensors['tokenEmbedding']!, tf.tensor1d(ids, 'int32')), [
        1,
        ids.length,
        config.width,
      ]);
      const hidden = tf.reshape(llama(config, { tensors }, embeddings), [ids.length, config.width]);
      const from = expected.chat.length - 1;
      const kept = tf.gather(hidden, tf.tensor1d([0, ...ids.slice(from, -1).map((_, i) => from + i)], 'int32'));
      return llamaLogits(config, tensors, kept);
    });
    const values = logits.dataSync<'float32'>();
    const row = (i: number) => values.slice(i * config.vocabulary, (i + 1) * config.vocabulary);
    // Logits are of the order of 20.
    expect(largest(row(0), { step: expected.step, values: expected.first })).toBeLessThan(2e-3);
    expect(largest(row(1), { step: expected.step, values: expected.logits })).toBeLessThan(2e-3);
    // What Python wrote as the answer is what is most probable here at every place.
    expect(expected.answer.map((_, i) => row(i + 1).indexOf(row(i + 1).reduce((a, b) => Math.max(a, b))))).toEqual(
      expected.answer,
    );
    tf.dispose([logits, tensors]);
  }, 240_000);
});

describe('Whisper encoders in half precision', () => {
  const expected = fixture<Record<string, Sample>>('encoders/whisper.json');

  it.for(['whisper-base', 'whisper-tiny-en'])('%s gives the features of transformers', async (name, context) => {
    await cachedSource(context, name);
    const path = join(mkdtempSync(join(tmpdir(), 'towers-')), 'chirp.wav');
    writeFileSync(path, encodeWav(chirp()));
    const tower = encoderRegistry[name]!;
    const open = await tower.open();
    const [rows] = await open.extract([path]);
    open.close();
    expect([rows!.length / tower.width, tower.width]).toEqual(expected[name]!.shape);
    // The file holds 16-bit samples, the expected numbers come from float32 ones; features are of the order of 3.
    expect(largest(rows!, expected[name]!)).toBeLessThan(4e-3);
  });
});

describe('dinov2-small', () => {
  const expected = fixture<Record<'levels' | 'patches' | 'pooled', Sample>>('encoders/dinov2.json');

  it('gives the features of onnxruntime, as a frozen tower and as a part that may be trained', async (context) => {
    await cachedSource(context, 'dinov2-small');
    const path = join(mkdtempSync(join(tmpdir(), 'towers-')), 'stripes.png');
    await sharp(stripes(), { raw: { width: 128, height: 128, channels: 3 } })
      .png()
      .toFile(path);
    const tower = encoderRegistry['dinov2-small']!;
    expect(largest(await tower.input.read(path), expected.levels)).toBe(0);
    const weights = await tower.part.weights();
    expect(Object.values(weights).reduce((sum, { data }) => sum + data.length, 0)).toBe(
      22_056_192 - (37 * 37 - 16 * 16) * 384,
    );
    expect(Object.entries(weights).map(([of, { shape, data }]) => [of, shape, data.length])).toEqual(
      tower.part.parameters.map(({ name: of, shape }) => [of, shape, shape.reduce((a, b) => a * b)]),
    );
    const tensors = Object.fromEntries(
      Object.entries(weights).map(([of, { shape, data }]) => [of, tf.tensor(data, shape)]),
    );
    const input = tf.tensor(await tower.input.read(path), [1, ...tower.input.shape]);
    for (const [rows, of] of [
      [256, expected.patches],
      [16, expected.pooled],
    ] as const) {
      const features = tf.tidy(() => tower.part.apply({ tensors }, input, rows));
      expect(features.shape).toEqual([1, rows, tower.width]);
      // Features are of the order of 5.
      expect(largest(features.dataSync(), of)).toBeLessThan(1e-3);
    }
    const open = await tower.open();
    const [pooled] = await open.extract([path]);
    open.close();
    expect(largest(pooled!, expected.pooled)).toBeLessThan(1e-3);
  }, 240_000);
});
