/**
 * The convolutional network of the DCASE baselines (Kong et al. 2018) over a mel spectrogram: blocks of two 3 x 3
 * convolutions, each with a normalisation of frozen statistics and a rectifier, and a pool of 2 x 2 by the maximum behind
 * every block but the last; then the mean over the bands.
 */
import { tf, type Tensor } from '../../tensor/tf';
import { foldedKernel, type NormedConvolution } from './normedConvolution';
import type { Part } from './part';

export interface SoundCnnOptions {
  /** channels behind each block */
  channels: readonly number[];
  /** of every normalisation */
  epsilon: number;
}

/** All convolutions: `blocks.B.0` and `blocks.B.1` of block B. */
export const soundCnnConvolutions = ({ channels }: SoundCnnOptions): NormedConvolution[] =>
  channels.flatMap((outputs, block) =>
    [0, 1].map((which) => ({
      name: `blocks.${block}.${which}`,
      size: 3,
      inputs: which === 1 ? outputs : (channels[block - 1] ?? 1),
      outputs,
      biased: false,
    })),
  );

/** Rows that become of some frames: half of them behind every block but the last. */
export const soundCnnRows = (frames: number, { channels }: SoundCnnOptions): number =>
  channels.slice(1).reduce((rows) => Math.floor(rows / 2), frames);

/** Spectrograms [batch, frames, bands] -> [batch, rows, channels of the last block]. */
export function soundCnn(part: Part, mel: Tensor, o: SoundCnnOptions): Tensor {
  let x = tf.expandDims(mel, 3) as tf.Tensor4D;
  for (const block of o.channels.keys()) {
    for (const which of [0, 1])
      x = tf.fused.conv2d({
        x,
        ...foldedKernel(part, `blocks.${block}.${which}`, o.epsilon),
        activation: 'relu',
        strides: 1,
        pad: 'same',
      });
    if (block < o.channels.length - 1) x = tf.maxPool(x, 2, 2, 'valid');
  }
  return tf.mean(x, 2);
}
