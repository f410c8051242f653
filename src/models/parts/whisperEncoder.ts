/** Whisper's encoder (Radford et al. 2022): two convolutions, fixed positions, pre-norm blocks, a norm. */
import { gelu } from '../../tensor/ops';
import { need, tf, type Tensor } from '../../tensor/tf';
import { blockParameters, encoderBlock, type BlockOptions } from './encoderBlock';
import { norm, normParameters, type Declared, type Part } from './part';

export interface WhisperOptions {
  bands: number;
  positions: number;
  layers: number;
  block: BlockOptions;
}

export const whisperParameters = (o: WhisperOptions): Declared[] => [
  { name: 'conv1', shape: [o.block.width, o.bands, 3] },
  { name: 'conv1.bias', shape: [o.block.width] },
  { name: 'conv2', shape: [o.block.width, o.block.width, 3] },
  { name: 'conv2.bias', shape: [o.block.width] },
  { name: 'positions', shape: [o.positions, o.block.width], use: 'fixed' },
  ...Array.from({ length: o.layers }, (_, i) => blockParameters(`layers.${i}`, o.block)).flat(),
  ...normParameters('norm', o.block.width),
];

/** log-mel [B, bands, 2 positions] -> [B, positions, width]. */
export function whisperEncoder(part: Part, mel: Tensor, o: WhisperOptions): Tensor {
  // PyTorch pads with one zero on both sides; `same` with stride 2 would pad only at the end.
  const convolve = (x: Tensor, name: string, stride: number) =>
    gelu(
      tf.add(
        tf.conv1d(
          tf.pad(x, [
            [0, 0],
            [1, 1],
            [0, 0],
          ]) as tf.Tensor3D,
          tf.transpose(need(part.tensors, name), [2, 1, 0]) as tf.Tensor3D,
          stride,
          'valid',
        ),
        need(part.tensors, `${name}.bias`),
      ),
    );
  let x = convolve(convolve(tf.transpose(mel, [0, 2, 1]), 'conv1', 1), 'conv2', 2);
  x = tf.add(x, need(part.tensors, 'positions'));
  for (let i = 0; i < o.layers; i++) x = encoderBlock(part, `layers.${i}`, x, o.block);
  return norm(part, x, 'norm', o.block.epsilon);
}
