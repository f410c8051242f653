/**
 * The towers' arithmetic at toy size, always; test/models/encodersPretrained.test.ts holds the true weights against
 * numbers of other programs.
 */
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as layersApi from '@tensorflow/tfjs';
import { beforeAll, describe, expect, it } from 'vitest';
import { encodeWav } from '../../src/data/audio';
import { findEncoder } from '../../src/models/zoo/encoders';
import { logMel, melFilters } from '../../src/models/parts/logMel';
import { readPicture, readSoundOf } from '../../src/models/zoo/encoders/media';
import { foldedWeights } from '../../src/models/parts/normedConvolution';
import { pooledRows, resNetConvolutions, resNetGrid, type ResNetOptions } from '../../src/models/parts/resnet';
import { pooledFrames, whisperBlock, whisperFrames, type WhisperOptions } from '../../src/models/parts/whisperEncoder';
import { kerasResNet } from '../../src/models/zoo/encoders/kerasResnet';
import { readOnnx } from '../../src/models/weights/onnx';
import { onnxWhisper } from '../../src/models/zoo/encoders/onnxWhisper';
import type { WeightTensor } from '../../src/models/weights/weight';
import { readTfjsLayers } from '../../src/models/weights/tfjsLayers';
import { UserError } from '../../src/problems';
import { random } from '../../src/random';
import { useBackend } from '../../src/tensor/backend';
import { tf } from '../../src/tensor/tf';
import { onnxFile, type WrittenNode, type WrittenTensor } from '../../testing/onnxFile';
import { chirp } from '../../testing/syntheticMedia';
import { sharp } from '../../testing/sharp';
import type { SharpPicture } from '../../src/sources/sharp';

beforeAll(async () => {
  await useBackend({ name: 'cpu' });
});

const folder = () => mkdtempSync(join(tmpdir(), 'encoders-'));
const largest = (a: ArrayLike<number>, b: ArrayLike<number>) =>
  Array.from(a).reduce(
    (worst, value, i) => Math.max(worst, Math.abs(value - b[i]!)),
    a.length === b.length ? 0 : Infinity,
  );

/**
 * A small ResNet with Keras's names by the layers API, written as a layers model with random weights, moving statistics
 * too.
 */
async function writtenResNet(blocks: number[], into: string): Promise<layersApi.LayersModel> {
  const { layers } = layersApi;
  const convolve = (
    x: layersApi.SymbolicTensor,
    name: string,
    filters: number,
    size: number,
    strides: number,
    padding: 'same' | 'valid',
  ) => {
    const y = layers
      .conv2d({ name: name === 'conv1' ? name : `res${name}`, filters, kernelSize: size, strides, padding })
      .apply(x);
    return layers
      .batchNormalization({ name: name === 'conv1' ? 'bn_conv1' : `bn${name}`, epsilon: 1e-3 })
      .apply(y) as layersApi.SymbolicTensor;
  };
  const relu = (x: layersApi.SymbolicTensor) => layers.reLU().apply(x) as layersApi.SymbolicTensor;
  const pad = (x: layersApi.SymbolicTensor, by: number) =>
    layers.zeroPadding2d({ padding: by }).apply(x) as layersApi.SymbolicTensor;
  const input = layersApi.input({ shape: [64, 64, 3] });
  let x = relu(convolve(pad(input, 3), 'conv1', 4, 7, 2, 'valid'));
  x = layers.maxPooling2d({ poolSize: 3, strides: 2 }).apply(pad(x, 1)) as layersApi.SymbolicTensor;
  blocks.forEach((count, stage) => {
    for (let block = 0; block < count; block++) {
      const name = `${stage + 2}${'ab'[block]}_branch`;
      const strides = block === 0 && stage > 0 ? 2 : 1;
      const inner = relu(
        convolve(relu(convolve(x, `${name}2a`, 3 + stage, 1, strides, 'valid')), `${name}2b`, 3 + stage, 3, 1, 'same'),
      );
      const shortcut = block === 0 ? convolve(x, `${name}1`, 6 + 2 * stage, 1, strides, 'valid') : x;
      x = relu(
        layers
          .add()
          .apply([convolve(inner, `${name}2c`, 6 + 2 * stage, 1, 1, 'valid'), shortcut]) as layersApi.SymbolicTensor,
      );
    }
  });
  const model = layersApi.model({ inputs: input, outputs: x });
  const draw = random(7, 'resnet weights');
  model.setWeights(
    model.weights.map((weight) => {
      const positive = weight.name.includes('variance');
      const values = Float32Array.from({ length: weight.shape.reduce<number>((a, b) => a * b!, 1) }, () =>
        positive ? 0.5 + draw.uniform() : 0.4 * draw.normal(),
      );
      return tf.tensor(values, weight.shape as number[]);
    }),
  );
  await model.save(
    layersApi.io.withSaveHandler(async (artifacts) => {
      writeFileSync(join(into, 'all.bin'), Buffer.from(artifacts.weightData as ArrayBuffer));
      writeFileSync(
        join(into, 'model.json'),
        JSON.stringify({
          format: 'layers-model',
          modelTopology: artifacts.modelTopology,
          weightsManifest: [{ paths: ['all.bin'], weights: artifacts.weightSpecs }],
        }),
      );
      return { modelArtifactsInfo: layersApi.io.getModelArtifactsInfoForJSON(artifacts) };
    }),
  );
  return model;
}

type Stage = ResNetOptions['stages'][number];

/** Weights as tensors on the current backend. */
const onBackend = (weights: Record<string, WeightTensor>) =>
  Object.fromEntries(Object.entries(weights).map(([name, { shape, data }]) => [name, tf.tensor(data, shape)]));

describe('ResNet', () => {
  const blocks = [2, 1, 2];
  const options: ResNetOptions = {
    stem: 4,
    stages: blocks.map((count, stage) => ({ blocks: count, inner: 3 + stage, outer: 6 + 2 * stage })),
    epsilon: 1e-3,
    means: [123.68, 116.779, 103.939],
  };
  let path: string;
  let model: layersApi.LayersModel;
  beforeAll(async () => {
    model = await writtenResNet(blocks, (path = folder()));
  });

  it.each([
    ['as they are trained', (weights: Record<string, WeightTensor>) => weights],
    [
      'folded',
      (weights: Record<string, WeightTensor>) => foldedWeights(weights, resNetConvolutions(options), options.epsilon),
    ],
  ])(
    'gives the grid of the layers API, which sees blue, green, red without the means; weights %s',
    async (_how, form) => {
      const draw = random(7, 'pictures');
      const images = tf.tensor4d(
        Float32Array.from({ length: 2 * 64 * 64 * 3 }, () => draw.integer(256)),
        [2, 64, 64, 3],
      );
      const expected = model.predict(
        tf.sub(tf.reverse(images, -1), tf.tensor1d([103.939, 116.779, 123.68])),
      ) as layersApi.Tensor;
      const tensors = onBackend(form(kerasResNet(readTfjsLayers(path), options)));
      const grid = tf.tidy(() => resNetGrid({ tensors }, images, options));
      expect(grid.shape).toEqual([2, 4, 4, 10]);
      expect(grid.shape).toEqual(expected.shape);
      const values = await expected.data();
      expect(Math.max(...values)).toBeGreaterThan(1);
      expect(largest(await grid.data(), values)).toBeLessThan(1e-4 * Math.max(...values));
    },
  );

  it('refuses weights that are missing, misshapen or without an epsilon', () => {
    const good = () => readTfjsLayers(path);
    const damaged = (change: (model: ReturnType<typeof good>) => void) => () => {
      const model = good();
      change(model);
      kerasResNet(model, options);
    };
    expect(damaged(() => undefined)).not.toThrow();
    expect(
      damaged((m) => {
        delete m.tensors['bn3a_branch2b/gamma'];
      }),
    ).toThrow(/no weight bn3a_branch2b\/gamma/);
    expect(
      damaged((m) => {
        m.tensors['res2b_branch2c/kernel']!.shape = [1, 1, 3, 5];
      }),
    ).toThrow(/shape \[1,1,3,5\]/);
    expect(
      damaged((m) => {
        m.tensors['bn_conv1/moving_variance']!.data[0] = -1;
      }),
    ).toThrow(/negative variance/);
    expect(
      damaged((m) => {
        m.layers.get('bn_conv1')!['epsilon'] = 'x';
      }),
    ).toThrow(/epsilon of bn_conv1 is x/);
    const [first, second, third] = options.stages as [Stage, Stage, Stage];
    expect(() => kerasResNet(good(), { ...options, stages: [first, second, { ...third, blocks: 3 }] })).toThrow(
      UserError,
    );
    expect(() => kerasResNet(good(), { ...options, epsilon: 1e-5 })).toThrow(/epsilon of bn_conv1 is 0\.001.*0\.00001/);
  });

  it('pools squares of the grid into rows', async () => {
    const grid = tf.tensor4d(
      Array.from({ length: 16 }, (_, i) => i),
      [1, 4, 4, 1],
    );
    expect(await pooledRows(grid, 2).array()).toEqual([[[2.5], [4.5], [10.5], [12.5]]]);
    expect(await pooledRows(grid, 1).array()).toEqual([Array.from({ length: 16 }, (_, i) => [i])]);
  });
});

describe('log-mel', () => {
  const expected = (
    JSON.parse(readFileSync(join(__dirname, '../fixtures/encoders/towers.json'), 'utf8')) as Record<
      string,
      { step: number; values: number[] }
    >
  )['logMel']!;

  it('equals the spectrogram of transformers on a chirp', () => {
    const mel = logMel(chirp());
    expect(mel.length).toBe(500 * 80);
    expect(
      largest(
        expected.values.map((_, i) => mel[i * expected.step]!),
        expected.values,
      ),
    ).toBeLessThan(1e-4);
  });

  it('puts a pure tone into the band around it, also in an odd number of frames', () => {
    const hertz = 1000;
    const mel = logMel(Float32Array.from({ length: 160 * 5 }, (_, i) => Math.sin((2 * Math.PI * hertz * i) / 16_000)));
    const middle = Array.from(mel.subarray(4 * 80, 5 * 80));
    const filters = melFilters();
    expect(filters[middle.indexOf(Math.max(...middle))]![hertz / 40]).toBe(
      Math.max(...filters.map((filter) => filter[hertz / 40]!)),
    );
  });

  it('spans 8 decades of power at most, and silence is even', () => {
    const mel = logMel(chirp());
    expect(Math.max(...mel) - Math.min(...mel)).toBeLessThanOrEqual(2 + 1e-6);
    expect(new Set(logMel(new Float32Array(1600))).size).toBe(1);
  });

  it('refuses lengths and values that it cannot take', () => {
    expect(() => logMel(new Float32Array(161))).toThrow(RangeError);
    expect(() => logMel(new Float32Array(160))).toThrow(RangeError);
    expect(() => logMel(new Float32Array(1600).fill(NaN))).toThrow(/finite/);
  });
});

/** A Whisper encoder of width 128 with random 8-bit weights, and the floats that its file means. */
function writtenWhisper(blocks: number): {
  file: Buffer;
  floats: Map<string, { shape: number[]; data: Float32Array }>;
} {
  const draw = random(11, 'whisper weights');
  const tensors: WrittenTensor[] = [];
  const nodes: WrittenNode[] = [];
  const floats = new Map<string, { shape: number[]; data: Float32Array }>();
  const plain = (name: string, shape: number[], middle = 0) => {
    const data = Float32Array.from({ length: shape.reduce((a, b) => a * b) }, () => middle + 0.2 * draw.normal());
    tensors.push({ name, shape, type: 1, raw: new Uint8Array(data.buffer) });
    floats.set(name, { shape, data });
  };
  /** quantised: unsigned with one scale, or signed with a scale and zero point for each output channel */
  const quantised = (name: string, stored: string, shape: number[], axis: number, perChannel: boolean) => {
    const channels = perChannel ? shape[axis]! : 1;
    const raw = Uint8Array.from({ length: shape.reduce((a, b) => a * b) }, () => draw.integer(256));
    const scales = Float32Array.from({ length: channels }, () => 0.001 * (1 + draw.uniform()));
    const zeros = Int8Array.from({ length: channels }, () => draw.integer(20) - 10);
    const type = perChannel ? 3 : 2;
    const unsignedZero = 120;
    tensors.push(
      { name: `${stored}_quantized`, shape, type, raw },
      { name: `${stored}_scale`, shape: perChannel ? [channels] : [], type: 1, floats: Array.from(scales) },
      perChannel
        ? { name: `${stored}_zero_point`, shape: [channels], type, raw: new Uint8Array(zeros.buffer) }
        : { name: `${stored}_zero_point`, shape: [], type, integers: [unsignedZero] },
    );
    const stride = shape.slice(axis + 1).reduce((a, b) => a * b, 1);
    floats.set(name, {
      shape,
      data: Float32Array.from(raw, (byte, i) => {
        const channel = Math.floor(i / stride) % channels;
        return perChannel
          ? scales[channel]! * (((byte << 24) >> 24) - zeros[channel]!)
          : scales[0]! * (byte - unsignedZero);
      }),
    });
  };
  quantised('conv1.weight', 'conv1.weight', [128, 8, 3], 0, true);
  plain('conv1.bias', [128]);
  quantised('conv2.weight', 'conv2.weight', [128, 128, 3], 0, false);
  plain('conv2.bias', [128]);
  plain('embed_positions.weight', [7, 128]);
  for (let block = 0; block < blocks; block++) {
    for (const norm of ['self_attn_layer_norm', 'final_layer_norm']) {
      plain(`layers.${block}.${norm}.weight`, [128], 1);
      plain(`layers.${block}.${norm}.bias`, [128]);
    }
    for (const [part, shape] of [
      ['self_attn/q_proj', [128, 128]],
      ['self_attn/k_proj', [128, 128]],
      ['self_attn/v_proj', [128, 128]],
      ['self_attn/out_proj', [128, 128]],
      ['fc1', [128, 96]],
      ['fc2', [96, 128]],
    ] as [string, number[]][]) {
      const module = `layers.${block}/${part}`;
      const stored = `onnx::MatMul_${tensors.length}`;
      const asFloats = part === 'self_attn/v_proj';
      if (asFloats) {
        plain(stored, shape);
        floats.set(module, floats.get(stored)!);
      } else quantised(module, stored, shape, 1, part === 'fc1');
      nodes.push({
        operation: asFloats ? 'MatMul' : 'MatMulInteger',
        name: `/${module}/MatMul${asFloats ? '' : '_quant'}`,
        inputs: ['x', asFloats ? stored : `${stored}_quantized`],
        outputs: [`${module}_out`],
      });
      if (part !== 'self_attn/k_proj') plain(`layers.${block}.${part.replace('/', '.')}.bias`, [shape[1]!]);
    }
  }
  return { file: onnxFile(tensors, nodes), floats };
}

/** Whisper's encoder blocks for one sound in plain float64 loops: [frames][width]. */
function plainWhisper(
  mel: number[][],
  floats: Map<string, { shape: number[]; data: Float32Array }>,
  blocks: number,
): number[][] {
  const get = (name: string) => floats.get(name)!.data;
  const erf = (x: number) => {
    // Maclaurin series: exact enough for |x| < 4
    let [term, sum] = [x, x];
    for (let n = 1; n < 120; n++) sum += (term *= (-x * x) / n) / (2 * n + 1);
    return Math.abs(x) > 5 ? Math.sign(x) : (2 / Math.sqrt(Math.PI)) * sum;
  };
  const gelu = (x: number) => 0.5 * x * (1 + erf(x / Math.SQRT2));
  const convolve = (x: number[][], name: string, stride: number) => {
    const [outputs, inputs] = floats.get(`${name}.weight`)!.shape as [number, number];
    return Array.from({ length: Math.ceil(x.length / stride) }, (_, t) =>
      Array.from({ length: outputs }, (_unused, o) => {
        let sum = get(`${name}.bias`)[o]!;
        for (let k = 0; k < 3; k++)
          for (let i = 0; i < inputs; i++)
            sum += (x[t * stride + k - 1]?.[i] ?? 0) * get(`${name}.weight`)[(o * inputs + i) * 3 + k]!;
        return gelu(sum);
      }),
    );
  };
  const project = (x: number[][], module: string, bias: boolean) => {
    const {
      shape: [inputs, outputs],
      data,
    } = floats.get(module) as { shape: [number, number]; data: Float32Array };
    return x.map((row) =>
      Array.from({ length: outputs }, (_, o) => {
        let sum = bias ? get(`${module.replaceAll('/', '.')}.bias`)[o]! : 0;
        for (let i = 0; i < inputs; i++) sum += row[i]! * data[i * outputs + o]!;
        return sum;
      }),
    );
  };
  const normalise = (x: number[][], name: string) =>
    x.map((row) => {
      const mean = row.reduce((a, b) => a + b) / row.length;
      const variance = row.reduce((a, b) => a + (b - mean) ** 2, 0) / row.length;
      return row.map(
        (value, i) =>
          ((value - mean) / Math.sqrt(variance + 1e-5)) * get(`${name}.weight`)[i]! + get(`${name}.bias`)[i]!,
      );
    });
  const plus = (x: number[][], y: number[][]) => x.map((row, t) => row.map((value, i) => value + y[t]![i]!));
  let x = convolve(convolve(mel, 'conv1', 1), 'conv2', 2);
  x = x.map((row, t) => row.map((value, i) => value + get('embed_positions.weight')[t * 128 + i]!));
  for (let block = 0; block < blocks; block++) {
    const name = `layers.${block}`;
    const normal = normalise(x, `${name}.self_attn_layer_norm`);
    const [q, k, v] = (['q', 'k', 'v'] as const).map((part) =>
      project(normal, `${name}/self_attn/${part}_proj`, part !== 'k'),
    ) as [number[][], number[][], number[][]];
    const mixed = x.map(() => Array<number>(128).fill(0));
    for (let head = 0; head < 2; head++) {
      q.forEach((row, t) => {
        const dot = (other: number[]) => {
          let sum = 0;
          for (let i = 64 * head; i < 64 * head + 64; i++) sum += row[i]! * other[i]!;
          return Math.exp(sum / 8);
        };
        const scores = k.map(dot);
        const total = scores.reduce((a, b) => a + b);
        scores.forEach((score, s) => {
          for (let i = 64 * head; i < 64 * head + 64; i++) mixed[t]![i]! += (score / total) * v[s]![i]!;
        });
      });
    }
    x = plus(x, project(mixed, `${name}/self_attn/out_proj`, true));
    x = plus(
      x,
      project(
        project(normalise(x, `${name}.final_layer_norm`), `${name}/fc1`, true).map((row) => row.map(gelu)),
        `${name}/fc2`,
        true,
      ),
    );
  }
  return x;
}

describe('Whisper', () => {
  const { file, floats } = writtenWhisper(3);
  const options = (layers: number): WhisperOptions => ({
    bands: 8,
    positions: 7,
    layers,
    lastNorm: false,
    block: whisperBlock({ width: 128, hidden: 96, heads: 2 }),
  });

  it.each([1, 2])('gives the features of plain loops after %i blocks, from quantised weights', async (blocks) => {
    const draw = random(3, 'mel');
    const mel = Array.from({ length: 10 }, () => Array.from({ length: 8 }, () => draw.normal()));
    const expected = plainWhisper(mel, floats, blocks);
    const tensors = onBackend(onnxWhisper(readOnnx(file), options(blocks)));
    const features = whisperFrames({ tensors }, tf.tensor3d([mel]), options(blocks));
    expect(features.shape).toEqual([1, 5, 128]);
    expect(largest(await features.data(), expected.flat())).toBeLessThan(1e-4);
  });

  it('refuses more sound than positions, more blocks than stored, and other models', () => {
    const tensors = onBackend(onnxWhisper(readOnnx(file), options(1)));
    expect(() => whisperFrames({ tensors }, tf.zeros([1, 16, 8]), options(1))).toThrow(/8 frames for 7 positions/);
    expect(() => onnxWhisper(readOnnx(file), options(4))).toThrow(/no block 3/);
    expect(() => onnxWhisper(readOnnx(file), { ...options(1), bands: 9 })).toThrow(/conv1.weight has the shape/);
    const other = onnxFile([{ name: 'w', shape: [1], type: 1, floats: [1] }]);
    expect(() => onnxWhisper(readOnnx(other), options(1))).toThrow(/no weight conv1/);
    const onnx = readOnnx(file);
    expect(() => onnxWhisper({ ...onnx, nodes: onnx.nodes.slice(1) }, options(1))).toThrow(
      /0 products for layers\.0\.self_attn\.q_proj/,
    );
  });

  it('means neighbouring frames', async () => {
    expect(await pooledFrames(tf.tensor3d([[[1], [3], [5], [9]]]), 2).array()).toEqual([[[2], [7]]]);
  });
});

describe('media of the towers', () => {
  const png = async (
    change: (image: SharpPicture) => SharpPicture = (image) => image,
    channels: 3 | 4 = 3,
    name = 'x.png',
  ) => {
    const path = join(folder(), name);
    await change(sharp(Buffer.alloc(8 * 8 * channels, 200), { raw: { width: 8, height: 8, channels } })).toFile(path);
    return path;
  };

  it('reads red, green and blue of an opaque PNG, also of a grey one', async () => {
    const pixels = Buffer.from(Array.from({ length: 2 * 2 * 3 }, (_, i) => 20 * i));
    const path = join(folder(), 'x.png');
    await sharp(pixels, { raw: { width: 2, height: 2, channels: 3 } })
      .png()
      .toFile(path);
    expect(Array.from(await readPicture(path, 2))).toEqual(Array.from(pixels));
    expect(new Set(await readPicture(await png((image) => image.greyscale()), 8))).toEqual(new Set([200]));
  });

  it('refuses what the tower cannot see truly', async () => {
    await expect(readPicture(await png(), 16)).rejects.toThrow(/8 x 8 pixels.*16 x 16/);
    await expect(readPicture(await png(undefined, 4), 8)).rejects.toThrow(/transparent/);
    await expect(readPicture(await png((image) => image.jpeg(), 3, 'x.jpg'), 8)).rejects.toThrow(/jpeg/);
    await expect(readPicture(join(folder(), 'none.png'), 8)).rejects.toThrow(UserError);
    const torn = await png();
    writeFileSync(torn, readFileSync(torn).subarray(0, -30));
    await expect(readPicture(torn, 8)).rejects.toThrow(UserError);
  });

  it('cuts a long sound and fills a short one with silence', async () => {
    const path = join(folder(), 'x.wav');
    writeFileSync(path, encodeWav(Float32Array.of(0.5, -0.5, 0.25)));
    expect(Array.from(await readSoundOf(path, 2))).toEqual([expect.closeTo(0.5, 3), expect.closeTo(-0.5, 3)]);
    expect(Array.from(await readSoundOf(path, 5)).slice(3)).toEqual([0, 0]);
  });

  it('knows its towers, and neither others nor names of Object.prototype', async () => {
    expect(findEncoder('resnet50')).toMatchObject({ modality: 'image', rows: 4, width: 2048 });
    expect(findEncoder('whisper-tiny')).toMatchObject({ modality: 'audio', rows: 50, width: 384 });
    expect(() => findEncoder('toString')).toThrow(/expected one of resnet50, .*whisper-tiny/);
    await expect(findEncoder('resnet50').open(5)).rejects.toThrow(/4 or 16/);
  });
});
