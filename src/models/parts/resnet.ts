/**
 * ResNet version 1 (He et al. 2015: bottleneck blocks, stride in the first 1 x 1 convolution of a stage) up to its last
 * grid, with frozen statistics of batch normalisation. As in PyTorch's `FrozenBatchNorm2d` or a `BatchNorm2d` in
 * evaluation mode, what is trained are the kernels and the gain and shift of each normalisation; mean and variance stay
 * as published.
 *
 * The normalisation is folded into its convolution inside the computation: gain (W x + b - mean) / sqrt(variance +
 * epsilon) + shift = (scale W) x + scale (b - mean) + shift. The trained parameters are W, gain and shift all the same,
 * and their gradients those of the unfolded form. To train a product that was folded beforehand would be another
 * method: it has no gain, and its kernels have other sizes, so that a step of one length goes elsewhere.
 */
import { need, tf, type Tensor } from '../../tensor/tf';
import type { WeightTensor } from '../weights/weight';
import { normParameters, type Declared, type Part } from './part';

export interface ResNetOptions {
  /** channels behind the first convolution */
  stem: number;
  /** bottleneck blocks of each stage, the channels inside them and behind them */
  stages: readonly { blocks: number; inner: number; outer: number }[];
  /** of every normalisation */
  epsilon: number;
  /** subtracted from red, green and blue */
  means: readonly [number, number, number];
}

/** A convolution with its normalisation. */
interface Convolution {
  name: string;
  size: number;
  inputs: number;
  outputs: number;
}

/** All convolutions: `stem`, then `S.B.{reduce,spatial,expand}` of block B in stage S, and `S.0.shortcut`. */
export function resNetConvolutions(o: ResNetOptions): Convolution[] {
  const found: Convolution[] = [{ name: 'stem', size: 7, inputs: 3, outputs: o.stem }];
  let width = o.stem;
  for (const [stage, { blocks, inner, outer }] of o.stages.entries()) {
    for (let block = 0; block < blocks; block++) {
      const add = (name: string, size: number, inputs: number, outputs: number) =>
        found.push({ name: `${stage}.${block}.${name}`, size, inputs, outputs });
      add('reduce', 1, width, inner);
      add('spatial', 3, inner, inner);
      add('expand', 1, inner, outer);
      if (block === 0) add('shortcut', 1, width, outer);
      width = outer;
    }
  }
  return found;
}

/**
 * Kernels are [height, width, in, out], not PyTorch's order: this is how TensorFlow convolves, and to turn 23 million
 * values round in every step would cost more than it explains. `.bias` is a constant because `.norm.bias` does the same
 * and PyTorch has none.
 */
export const resNetParameters = (o: ResNetOptions): Declared[] =>
  resNetConvolutions(o).flatMap(({ name, size, inputs, outputs }): Declared[] => [
    { name, shape: [size, size, inputs, outputs] },
    { name: `${name}.bias`, shape: [outputs], use: 'fixed' },
    ...normParameters(`${name}.norm`, outputs),
    { name: `${name}.norm.mean`, shape: [outputs], use: 'fixed' },
    { name: `${name}.norm.variance`, shape: [outputs], use: 'fixed' },
  ]);

/**
 * Kernel and bias of a convolution with its normalisation in them; a part that was folded beforehand has no norm left.
 */
function kernelOf({ tensors }: Part, name: string, epsilon: number): { filter: tf.Tensor4D; bias: Tensor } {
  const filter = need(tensors, name) as tf.Tensor4D;
  const bias = need(tensors, `${name}.bias`);
  const gain = tensors[`${name}.norm`];
  if (gain === undefined) return { filter, bias };
  const scale = tf.mul(gain, tf.rsqrt(tf.add(need(tensors, `${name}.norm.variance`), epsilon)));
  const centred = tf.sub(bias, need(tensors, `${name}.norm.mean`));
  return {
    filter: tf.mul(filter, scale),
    bias: tf.add(need(tensors, `${name}.norm.bias`), tf.mul(scale, centred)),
  };
}

/** [batch, height, width, channels] with zeros around each picture. */
const padded = (x: Tensor, by: number): tf.Tensor4D =>
  tf.pad(x as tf.Tensor4D, [
    [0, 0],
    [by, by],
    [by, by],
    [0, 0],
  ]);

/**
 * The last grid of features. images [batch, height, width, 3] with red, green, blue from 0 to 255 ->
 * [batch, height / 32, width / 32, channels] for four stages. Height and width are multiples of 32.
 */
export function resNetGrid(part: Part, images: Tensor, o: ResNetOptions): Tensor {
  const convolve = (
    x: tf.Tensor4D,
    name: string,
    stride: number,
    pad: 'valid' | 'same',
    activation: 'relu' | 'linear',
  ) => tf.fused.conv2d({ x, ...kernelOf(part, name, o.epsilon), activation, strides: stride, pad });
  const stem = convolve(padded(tf.sub(images, tf.tensor1d([...o.means])), 3), 'stem', 2, 'valid', 'relu');
  // Zeros around the pool are Keras's; after a rectifier they cannot win over a true value.
  let x = tf.maxPool(padded(stem, 1), 3, 2, 'valid');
  for (const [stage, { blocks }] of o.stages.entries()) {
    for (let block = 0; block < blocks; block++) {
      const name = `${stage}.${block}`;
      const stride = block === 0 && stage > 0 ? 2 : 1;
      const reduced = convolve(x, `${name}.reduce`, stride, 'valid', 'relu');
      const inner = convolve(reduced, `${name}.spatial`, 1, 'same', 'relu');
      const shortcut = block === 0 ? convolve(x, `${name}.shortcut`, stride, 'valid', 'linear') : x;
      x = tf.relu(tf.add<tf.Tensor4D>(convolve(inner, `${name}.expand`, 1, 'valid', 'linear'), shortcut));
    }
  }
  return x;
}

/**
 * Mean over squares of `side` x `side` cells: [batch, height, width, channels] -> [batch, height/side * width/side,
 * channels], rows first.
 */
export function pooledRows(grid: Tensor, side: number): Tensor {
  const pooled = side === 1 ? grid : tf.avgPool(grid as tf.Tensor4D, side, side, 'valid');
  const [batch, height, width, channels] = pooled.shape as [number, number, number, number];
  return tf.reshape(pooled, [batch, height * width, channels]);
}

/**
 * The weights of a part that is not tuned, with every normalisation folded into its convolution, once and in float64:
 * `NAME` and `NAME.bias` alone.
 */
export function foldedResNet(
  weights: Readonly<Record<string, WeightTensor>>,
  o: ResNetOptions,
): Record<string, WeightTensor> {
  return Object.fromEntries(
    resNetConvolutions(o).flatMap(({ name }) => {
      const values = (of: string) => weights[`${name}${of}`]!.data;
      const [kernel, bias, mean, variance, shift] = ['', '.bias', '.norm.mean', '.norm.variance', '.norm.bias'].map(
        values,
      ) as [Float32Array, Float32Array, Float32Array, Float32Array, Float32Array];
      const scale = Float64Array.from(values('.norm'), (gain, i) => gain / Math.sqrt(variance[i]! + o.epsilon));
      return [
        [name, { shape: weights[name]!.shape, data: scaledChannels(kernel, scale) }],
        [
          `${name}.bias`,
          { shape: [bias.length], data: bias.map((value, i) => scale[i]! * (value - mean[i]!) + shift[i]!) },
        ],
      ];
    }),
  );
}

/** Every run of `scale.length` values times the scales: the last axis of a kernel is its output channels. */
function scaledChannels(data: Float32Array, scale: Float64Array): Float32Array {
  const out = new Float32Array(data.length);
  for (let from = 0; from < data.length; from += scale.length)
    for (let i = 0; i < scale.length; i++) out[from + i] = data[from + i]! * scale[i]!;
  return out;
}
