/**
 * The true weights against numbers of other programs (fixtures/encoders/towers.json, fixtures/tokenizer.json). Runs
 * where the weights are in the cache already and says so where they are not; nothing is fetched.
 */
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { encodeWav } from '../../src/data/audio';
import { encoderRegistry } from '../../src/models/zoo/encoders';
import { llama, llamaLogits } from '../../src/models/parts/llama';
import { qformerParameters } from '../../src/models/parts/qformer';
import { loadStories15m } from '../../src/models/zoo/backbones/stories15m';
import { loadMiniLm } from '../../src/models/zoo/connectors/minilm';
import { loadTokenizer, loadWholeBackbone } from '../../src/models/zoo/backbones';
import { useBackend } from '../../src/tensor/backend';
import { gelu } from '../../src/tensor/ops';
import { tf } from '../../src/tensor/tf';
import { cachedSource } from '../../testing/cached';
import { notEmpty } from '../../testing/lists';
import { chirp, stripes } from '../../testing/syntheticMedia';
import { sharp } from '../../testing/sharp';

interface Sample {
  shape: number[];
  step: number;
  values: number[];
  cellMeans?: number[];
}
const fixture = <T>(name: string) => JSON.parse(readFileSync(join(__dirname, '..', 'fixtures', name), 'utf8')) as T;
const towers = fixture<Record<string, Sample>>('encoders/towers.json');

const largest = (a: ArrayLike<number>, { step, values }: Sample) =>
  values.reduce((worst, value, i) => Math.max(worst, Math.abs(a[i * step]! - value)), 0);

beforeAll(async () => {
  await useBackend({ name: 'wasm' });
});

describe('pretrained towers', () => {
  it('ResNet-50 gives the grid of a NumPy forward pass', async (context) => {
    await cachedSource(context, 'resnet50-imagenet');
    const path = join(mkdtempSync(join(tmpdir(), 'towers-')), 'stripes.png');
    await sharp(stripes(), { raw: { width: 128, height: 128, channels: 3 } })
      .png()
      .toFile(path);
    const expected = towers['resnet50']!;
    const tower = await encoderRegistry['resnet50']!.open(16);
    const [grid] = await tower.extract([path]);
    tower.close();
    expect(grid!.length).toBe(expected.shape.reduce((a, b) => a * b));
    expect(largest(grid!, expected)).toBeLessThan(1e-3);
    const means = expected.cellMeans!.map(
      (_, cell) => grid!.subarray(cell * 2048, (cell + 1) * 2048).reduce((a, b) => a + b) / 2048,
    );
    expect(largest(means, { shape: [16], step: 1, values: expected.cellMeans! })).toBeLessThan(1e-4);
    const pooledTower = await encoderRegistry['resnet50']!.open();
    const [pooled] = await pooledTower.extract([path]);
    pooledTower.close();
    // The first row of 2 x 2 is the mean of cells 0, 1, 4, 5 of 4 x 4.
    for (let i = 0; i < 2048; i++)
      expect(pooled![i]).toBeCloseTo(
        [0, 1, 4, 5].reduce((sum, cell) => sum + grid![cell * 2048 + i]! / 4, 0),
        4,
      );
  });

  it('Whisper-tiny gives the features of onnxruntime after its second block', async (context) => {
    await cachedSource(context, 'whisper-tiny');
    const path = join(mkdtempSync(join(tmpdir(), 'towers-')), 'chirp.wav');
    writeFileSync(path, encodeWav(chirp()));
    const tower = await encoderRegistry['whisper-tiny']!.open();
    const [rows] = await tower.extract([path]);
    tower.close();
    expect(rows!.length).toBe(50 * 384);
    // The file holds 16-bit samples, the expected numbers come from float32 ones.
    expect(largest(rows!, towers['whisperRows']!)).toBeLessThan(2e-3);
  });
});

/** What the part that is trained makes of one file, with its published weights. */
async function trainedFeatures(name: string, path: string, rows: number): Promise<Float32Array> {
  const tower = encoderRegistry[name]!;
  const weights = await tower.part.weights();
  expect(Object.entries(weights).map(([of, { shape }]) => [of, shape])).toEqual(
    tower.part.parameters.map(({ name: of, shape }) => [of, shape]),
  );
  const tensors = Object.fromEntries(
    Object.entries(weights).map(([of, { shape, data }]) => [of, tf.tensor(data, shape)]),
  );
  const input = tf.tensor(await tower.input.read(path), [1, ...tower.input.shape]);
  const features = tf.tidy(() => tower.part.apply({ tensors }, input, rows));
  expect(features.shape).toEqual([1, rows, tower.width]);
  const values = features.dataSync<'float32'>().slice();
  tf.dispose([features, input, tensors]);
  return values;
}

describe('a pretrained tower as the part that is trained', () => {
  it('gives the grid of a NumPy forward pass: ResNet-50', async (context) => {
    await cachedSource(context, 'resnet50-imagenet');
    const path = join(mkdtempSync(join(tmpdir(), 'towers-')), 'stripes.png');
    await sharp(stripes(), { raw: { width: 128, height: 128, channels: 3 } })
      .png()
      .toFile(path);
    expect(largest(await trainedFeatures('resnet50', path, 16), towers['resnet50']!)).toBeLessThan(1e-3);
  });

  it('gives the features of onnxruntime: Whisper-tiny', async (context) => {
    await cachedSource(context, 'whisper-tiny');
    const path = join(mkdtempSync(join(tmpdir(), 'towers-')), 'chirp.wav');
    writeFileSync(path, encodeWav(chirp()));
    expect(largest(await trainedFeatures('whisper-tiny', path, 50), towers['whisperRows']!)).toBeLessThan(2e-3);
  });
});

describe('stories15M', () => {
  it('has the architecture that its publisher names', async (context) => {
    await cachedSource(context, 'stories15m');
    const { config, tensors } = await loadStories15m();
    expect(config).toEqual({
      width: 288,
      hiddenWidth: 768,
      layers: 6,
      heads: 6,
      keyValueHeads: 6,
      vocabulary: 32_000,
      context: 256,
      tied: true,
    });
    expect(Object.values(tensors).reduce((sum, { data }) => sum + data.length, 0)).toBe(15_191_712);
  });

  it('tokenizes as llama-tokenizer-js does', async (context) => {
    await cachedSource(context, 'stories15m');
    const tokenizer = await loadTokenizer('stories15m');
    const { cases } = fixture<{ cases: { text: string; ids: number[] }[] }>('tokenizer.json');
    expect(cases.length).toBeGreaterThan(10);
    for (const { text, ids } of notEmpty(cases)) {
      expect(tokenizer.encode(text), text).toEqual(ids);
      expect(tokenizer.decode(ids)).toBe(text);
    }
  });
});

interface ZooFixture {
  'minimind2-small': {
    tokens: { text: string; ids: number[] }[];
    sentence: string;
    step: number;
    logits: number[];
    bits: number;
    continued: string[];
  };
  minilm: Record<string, number>;
}

describe('MiniMind2-Small', () => {
  const expected = fixture<ZooFixture>('zoo/zoo.json')['minimind2-small'];

  it('tokenizes as the tokenizers library of Python does', async (context) => {
    await cachedSource(context, 'minimind2-small');
    const tokenizer = await loadTokenizer('minimind2-small');
    for (const { text, ids } of notEmpty(expected.tokens)) {
      expect(tokenizer.encode(text), text).toEqual(ids);
      expect(tokenizer.decode(ids)).toBe(text);
    }
    expect([tokenizer.vocabulary, tokenizer.begin, tokenizer.answerEnd]).toEqual([6400, 1, 2]);
  });

  it('gives the logits of transformers on weights that Python turned into float32, and continues as it does', async (context) => {
    await cachedSource(context, 'minimind2-small');
    const tokenizer = await loadTokenizer('minimind2-small');
    const { config, weights } = await loadWholeBackbone('minimind2-small');
    expect(Object.values(weights).reduce((sum, { data }) => sum + data.length, 0)).toBe(25_829_888);
    const tensors = Object.fromEntries(
      Object.entries(weights).map(([name, { shape, data }]) => [name, tf.tensor(data, shape)]),
    );
    const logits = (ids: number[]) =>
      tf.tidy(() => {
        const embeddings = tf.reshape(tf.gather(tensors['tokenEmbedding']!, tf.tensor1d(ids, 'int32')), [
          1,
          ids.length,
          config.width,
        ]);
        return llamaLogits(
          config,
          tensors,
          tf.reshape(llama(config, { tensors }, embeddings), [ids.length, config.width]),
        );
      });
    const text = tokenizer.encode(expected.sentence);
    const all = tf.tidy(() => tf.logSoftmax(logits([tokenizer.begin, ...text]))).dataSync();
    const bits =
      -text.reduce((sum, id, i) => sum + all[i * config.vocabulary + id]!, 0) / Math.LN2 / expected.sentence.length;
    expect(bits).toBeCloseTo(expected.bits, 5);
    const last = logits([tokenizer.begin, ...text])
      .dataSync()
      .slice(text.length * config.vocabulary);
    expect(
      expected.logits.reduce((worst, value, i) => Math.max(worst, Math.abs(last[i * expected.step]! - value)), 0),
    ).toBeLessThan(1e-4);
    for (const [i, prompt] of ['The sky is blue and the grass is', 'Once upon a time there was a little'].entries()) {
      const words = tokenizer.encode(expected.continued[i]!),
        from = tokenizer.encode(prompt).length;
      expect(words.length).toBeGreaterThan(from);
      // What Python wrote after the prompt is what is most probable here at every place.
      const best = tf.tidy(() => tf.argMax(logits([tokenizer.begin, ...words]), -1)).dataSync();
      expect(words.slice(from).map((_, at) => best[from + at])).toEqual(words.slice(from));
    }
  });
});

describe('MiniLM', () => {
  it('holds the tensors that Python reads, under the names that a Q-Former starts from', async (context) => {
    await cachedSource(context, 'minilm');
    const sums = fixture<ZooFixture>('zoo/zoo.json').minilm;
    const ours: Record<string, string> = {
      'embeddings.LayerNorm.weight': 'norm',
      'encoder.layer.1.attention.self.key.weight': 'layers.1.self.k',
      'encoder.layer.1.output.dense.weight': 'layers.1.feedForward.down',
      'encoder.layer.5.attention.output.LayerNorm.bias': 'layers.5.self.norm.bias',
    };
    const wanted = qformerParameters({
      width: 384,
      hidden: 1536,
      layers: 6,
      heads: 12,
      epsilon: 1e-12,
      activation: gelu,
      features: 384,
      queries: 1,
      crossEvery: 2,
      textLayers: false,
      normFirst: false,
    });
    const start = await loadMiniLm(wanted);
    for (const [name, sum] of Object.entries(sums))
      expect(
        start[ours[name]!]!.data.reduce((total, value) => total + value, 0),
        name,
      ).toBeCloseTo(sum, 4);
  });
});
