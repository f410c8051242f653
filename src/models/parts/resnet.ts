/**
 * ResNet version 1 (He et al. 2015: bottleneck blocks, stride in the first 1 x 1 convolution of a stage) up to its last
 * grid, with frozen statistics of batch normalisation (normedConvolution.ts).
 */
import { tf, type Tensor } from '../../tensor/tf';
import { foldedKernel, type NormedConvolution } from './normedConvolution';
import type { Part } from './part';

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

/** All convolutions: `stem`, then `S.B.{reduce,spatial,expand}` of block B in stage S, and `S.0.shortcut`. */
export function resNetConvolutions(o: ResNetOptions): NormedConvolution[] {
  const found: NormedConvolution[] = [{ name: 'stem', size: 7, inputs: 3, outputs: o.stem, biased: true }];
  let width = o.stem;
  for (const [stage, { blocks, inner, outer }] of o.stages.entries()) {
    for (let block = 0; block < blocks; block++) {
      const add = (name: string, size: number, inputs: number, outputs: number) =>
        found.push({ name: `${stage}.${block}.${name}`, size, inputs, outputs, biased: true });
      add('reduce', 1, width, inner);
      add('spatial', 3, inner, inner);
      add('expand', 1, inner, outer);
      if (block === 0) add('shortcut', 1, width, outer);
      width = outer;
    }
  }
  return found;
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
  ) => tf.fused.conv2d({ x, ...foldedKernel(part, name, o.epsilon), activation, strides: stride, pad });
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
