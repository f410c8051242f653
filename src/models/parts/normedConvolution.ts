/**
 * Convolutions behind which a batch normalisation stands, with its statistics frozen. As in PyTorch's
 * `FrozenBatchNorm2d` or a `BatchNorm2d` in evaluation mode, what is trained are the kernel and the gain and shift of the
 * normalisation; mean and variance stay as published (Ioffe and Szegedy 2015).
 *
 * The normalisation is folded into its convolution inside the computation: gain (W x + b - mean) / sqrt(variance +
 * epsilon) + shift = (scale W) x + scale (b - mean) + shift. The trained parameters are W, gain and shift all the same,
 * and their gradients those of the unfolded form. To train a product that was folded beforehand would be another
 * method: it has no gain, and its kernels have other sizes, so that a step of one length goes elsewhere.
 */
import { need, tf, type Tensor } from '../../tensor/tf';
import type { WeightTensor } from '../weights/weight';
import { normParameters, type Declared, type Part } from './part';

/** A convolution with its normalisation. */
export interface NormedConvolution {
  name: string;
  /** side of its square kernel */
  size: number;
  inputs: number;
  outputs: number;
  /** it has a bias of its own, which stays as published because the normalisation's does the same */
  biased: boolean;
}

/**
 * Kernels are [height, width, in, out], not PyTorch's order: this is how TensorFlow convolves, and to turn millions of
 * values round in every step would cost more than it explains.
 */
export const normedParameters = (convolutions: readonly NormedConvolution[]): Declared[] =>
  convolutions.flatMap(({ name, size, inputs, outputs, biased }): Declared[] => [
    { name, shape: [size, size, inputs, outputs] },
    ...(biased ? [{ name: `${name}.bias`, shape: [outputs], use: 'fixed' as const }] : []),
    ...normParameters(`${name}.norm`, outputs),
    { name: `${name}.norm.mean`, shape: [outputs], use: 'fixed' },
    { name: `${name}.norm.variance`, shape: [outputs], use: 'fixed' },
  ]);

/**
 * Kernel and bias of a convolution with its normalisation in them; a part that was folded beforehand (`foldedWeights`)
 * has no norm left.
 */
export function foldedKernel({ tensors }: Part, name: string, epsilon: number): { filter: tf.Tensor4D; bias: Tensor } {
  const filter = need(tensors, name) as tf.Tensor4D;
  const gain = tensors[`${name}.norm`];
  if (gain === undefined) return { filter, bias: need(tensors, `${name}.bias`) };
  const own = tensors[`${name}.bias`];
  const mean = need(tensors, `${name}.norm.mean`);
  const scale = tf.mul(gain, tf.rsqrt(tf.add(need(tensors, `${name}.norm.variance`), epsilon)));
  const centred = own === undefined ? tf.neg(mean) : tf.sub(own, mean);
  return {
    filter: tf.mul(filter, scale),
    bias: tf.add(need(tensors, `${name}.norm.bias`), tf.mul(scale, centred)),
  };
}

/**
 * The weights of a part that is not tuned, with every normalisation folded into its convolution, once and in float64:
 * `NAME` and `NAME.bias` alone.
 */
export function foldedWeights(
  weights: Readonly<Record<string, WeightTensor>>,
  convolutions: readonly NormedConvolution[],
  epsilon: number,
): Record<string, WeightTensor> {
  return Object.fromEntries(
    convolutions.flatMap(({ name, biased }) => {
      const values = (of: string) => weights[`${name}${of}`]!.data;
      const [kernel, mean, variance, shift] = ['', '.norm.mean', '.norm.variance', '.norm.bias'].map(values) as [
        Float32Array,
        Float32Array,
        Float32Array,
        Float32Array,
      ];
      const bias = biased ? values('.bias') : new Float32Array(mean.length);
      const scale = Float64Array.from(values('.norm'), (gain, i) => gain / Math.sqrt(variance[i]! + epsilon));
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
