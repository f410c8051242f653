/**
 * The frozen vision tower: ResNet-50 version 1 (He et al. 2015, stride in the first 1x1 convolution of a stage) up to its last
 * grid, from Keras weights in TensorFlow.js form. Batch normalisation is folded into the convolutions once, in float64.
 */
import { userError } from '../../problems';
import { tf, type Tensor } from '../../tensor/tf';
import type { WeightTensor } from '../weights';
import type { TfjsLayers } from '../weights/tfjsLayers';

/** One convolution with its batch normalisation folded in: kernel [height, width, in, out], bias [out]. */
export interface FoldedConvolution {
  kernel: WeightTensor;
  bias: WeightTensor;
}

export interface ResNetWeights {
  /** `stem` and `S.B.{reduce,spatial,expand,shortcut}` for stage S and block B from 0; `shortcut` in the first block of a stage */
  convolutions: Record<string, FoldedConvolution>;
  /** number of bottleneck blocks of each stage, [3, 4, 6, 3] for ResNet-50 */
  blocks: number[];
  /** channels of the last grid */
  width: number;
}

const resNet50Blocks = [3, 4, 6, 3];

/** Means of ImageNet's red, green and blue, 0 to 255, which the weights expect subtracted (Keras `caffe` preprocessing). */
const channelMeans = [123.68, 116.779, 103.939];

/**
 * Takes a ResNet out of a Keras-named layers model (`conv1`, `bn_conv1`, `res2a_branch2a`, `bn2a_branch2a`, ...).
 * The weights saw blue, green, red; the stem's kernel is turned round so that `resNetGrid` takes red, green, blue.
 * Throws UserError when a weight is missing or has another shape than its neighbours ask for.
 */
export function resNetWeights(
  model: TfjsLayers,
  blocks: readonly number[] = resNet50Blocks,
  where = 'ResNet weights',
): ResNetWeights {
  const bad = (what: string, expected: string) => userError({ where, what, expected, hint: 'fetch the weights again' });
  const tensor = (name: string, shape: readonly (number | null)[]): WeightTensor => {
    const found = Object.hasOwn(model.tensors, name) ? model.tensors[name] : undefined;
    if (found === undefined) throw bad(`no weight ${name}`, 'the weights of a Keras ResNet');
    if (found.shape.length !== shape.length || !shape.every((side, i) => side === null || side === found.shape[i]))
      throw bad(`${name} has the shape [${found.shape}]`, `[${shape.map((side) => side ?? 'any')}]`);
    return found;
  };

  function folded(
    convolution: string,
    normalisation: string,
    size: number,
    inputs: number | null,
    outputs: number | null,
  ): FoldedConvolution {
    const kernel = tensor(`${convolution}/kernel`, [size, size, inputs, outputs]);
    const out = kernel.shape[3]!;
    const bias = tensor(`${convolution}/bias`, [out]);
    const [gamma, beta, mean, variance] = ['gamma', 'beta', 'moving_mean', 'moving_variance'].map(
      (part) => tensor(`${normalisation}/${part}`, [out]).data,
    ) as [Float32Array, Float32Array, Float32Array, Float32Array];
    const epsilon = model.layers.get(normalisation)?.['epsilon'];
    if (typeof epsilon !== 'number' || !(epsilon > 0 && epsilon < 1))
      throw bad(`the epsilon of ${normalisation} is ${String(epsilon)}`, 'a number between 0 and 1');
    // gamma (W x + b - mean) / sqrt(variance + epsilon) + beta  =  (scale W) x + scale (b - mean) + beta
    if (variance.some((value) => value < 0)) throw bad(`${normalisation} has a negative variance`, 'variances');
    const scale = Float64Array.from(gamma, (g, i) => g / Math.sqrt(variance[i]! + epsilon));
    return {
      kernel: { shape: kernel.shape, data: scaledChannels(kernel.data, scale) },
      bias: { shape: [out], data: bias.data.map((value, i) => scale[i]! * (value - mean[i]!) + beta[i]!) },
    };
  }

  const stem = folded('conv1', 'bn_conv1', 7, 3, null);
  const convolutions: Record<string, FoldedConvolution> = { stem: { ...stem, kernel: reversedInputs(stem.kernel) } };
  let width = stem.bias.shape[0]!;
  blocks.forEach((count, stage) => {
    for (let block = 0; block < count; block++) {
      const layer = `${stage + 2}${String.fromCharCode(97 + block)}_branch`;
      const part = (branch: string, size: number, inputs: number, outputs: number | null) =>
        folded(`res${layer}${branch}`, `bn${layer}${branch}`, size, inputs, outputs);
      const reduce = part('2a', 1, width, null);
      const spatial = part('2b', 3, reduce.bias.shape[0]!, null);
      const expand = part('2c', 1, spatial.bias.shape[0]!, block === 0 ? null : width);
      const outputs = expand.bias.shape[0]!;
      Object.assign(convolutions, {
        [`${stage}.${block}.reduce`]: reduce,
        [`${stage}.${block}.spatial`]: spatial,
        [`${stage}.${block}.expand`]: expand,
      });
      if (block === 0) convolutions[`${stage}.${block}.shortcut`] = part('1', 1, width, outputs);
      width = outputs;
    }
  });
  return { convolutions, blocks: [...blocks], width };
}

/** Every run of `scale.length` values times the scales: the last axis of a kernel is its output channels. */
function scaledChannels(data: Float32Array, scale: Float64Array): Float32Array {
  const out = new Float32Array(data.length);
  for (let from = 0; from < data.length; from += scale.length)
    for (let i = 0; i < scale.length; i++) out[from + i] = data[from + i]! * scale[i]!;
  return out;
}

/** The kernel [height, width, in, out] with its input channels in reverse order. */
function reversedInputs({ shape, data }: WeightTensor): WeightTensor {
  const [, , inputs, outputs] = shape as [number, number, number, number];
  const turned = data.map((_, i) => {
    const channel = Math.floor(i / outputs) % inputs;
    return data[i + (inputs - 1 - 2 * channel) * outputs]!;
  });
  return { shape, data: turned };
}

/** Folded convolutions as tensors on the current backend: `NAME.kernel`, `NAME.bias`. The caller disposes them. */
export function resNetTensors(weights: ResNetWeights): Record<string, Tensor> {
  return Object.fromEntries(
    Object.entries(weights.convolutions).flatMap(([name, { kernel, bias }]) => [
      [`${name}.kernel`, tf.tensor(kernel.data, kernel.shape)],
      [`${name}.bias`, tf.tensor(bias.data, bias.shape)],
    ]),
  );
}

/**
 * The last grid of features. images [batch, height, width, 3] with red, green, blue from 0 to 255 ->
 * [batch, height/32, width/32, channels] (128 px and ResNet-50: 4 x 4 x 2048). Height and width are multiples of 32.
 */
export function resNetGrid(tensors: Record<string, Tensor>, blocks: readonly number[], images: Tensor): Tensor {
  return tf.tidy(() => {
    const convolve = (x: tf.Tensor4D, name: string, stride: number, pad: number, activation: 'relu' | 'linear') =>
      tf.fused.conv2d({
        x,
        filter: tensors[`${name}.kernel`] as tf.Tensor4D,
        bias: tensors[`${name}.bias`]!,
        activation,
        strides: stride,
        pad: pad === 0 ? 'valid' : 'same',
      });
    const centred = tf.sub(images, tf.tensor1d(channelMeans)) as tf.Tensor4D;
    let x = convolve(
      tf.pad(centred, [
        [0, 0],
        [3, 3],
        [3, 3],
        [0, 0],
      ]),
      'stem',
      2,
      0,
      'relu',
    );
    // Padding with zeros before the pool is Keras's; after a rectifier it cannot win over a true value.
    x = tf.maxPool(
      tf.pad(x, [
        [0, 0],
        [1, 1],
        [1, 1],
        [0, 0],
      ]),
      3,
      2,
      'valid',
    );
    blocks.forEach((count, stage) => {
      for (let block = 0; block < count; block++) {
        const name = `${stage}.${block}`;
        const stride = block === 0 && stage > 0 ? 2 : 1;
        const inner = convolve(convolve(x, `${name}.reduce`, stride, 0, 'relu'), `${name}.spatial`, 1, 1, 'relu');
        const shortcut = block === 0 ? convolve(x, `${name}.shortcut`, stride, 0, 'linear') : x;
        x = tf.relu(tf.add(convolve(inner, `${name}.expand`, 1, 0, 'linear'), shortcut) as tf.Tensor4D);
      }
    });
    return x;
  });
}

/** Mean over squares of `side` x `side` cells: [batch, height, width, channels] -> [batch, height/side * width/side, channels], rows first. */
export function pooledRows(grid: Tensor, side: number): Tensor {
  return tf.tidy(() => {
    const pooled = side === 1 ? grid : tf.avgPool(grid as tf.Tensor4D, side, side, 'valid');
    const [batch, height, width, channels] = pooled.shape as [number, number, number, number];
    return tf.reshape(pooled, [batch, height * width, channels]);
  });
}
