/** Whisper's encoder (Radford et al. 2022): two convolutions, fixed positions, pre-norm blocks, a norm. */
import { gelu } from '../../tensor/ops';
import { need, tf, type Tensor } from '../../tensor/tf';
import { blockParameters, encoderBlock, plainBlock, type BlockOptions } from './encoderBlock';
import { layersOf, nothingShared } from './layers';
import { norm, normParameters, type Declared, type Part } from './part';

export interface WhisperOptions {
  bands: number;
  /** longest input in frames behind the convolutions */
  positions: number;
  /** blocks that are run */
  layers: number;
  /** the norm behind the last block; an encoder that is left after an earlier block has none */
  lastNorm: boolean;
  block: BlockOptions;
}

/** What all Whisper encoders have in common: their blocks, but for the sizes. */
export const whisperBlock = ({
  width,
  hidden,
  heads,
}: {
  width: number;
  hidden: number;
  heads: number;
}): BlockOptions => ({
  width,
  hidden,
  heads,
  epsilon: 1e-5,
  activation: gelu,
  ...plainBlock,
  bias: 'no keys',
});

export const whisperParameters = (o: WhisperOptions): Declared[] => [
  { name: 'conv1', shape: [o.block.width, o.bands, 3] },
  { name: 'conv1.bias', shape: [o.block.width] },
  { name: 'conv2', shape: [o.block.width, o.block.width, 3] },
  { name: 'conv2.bias', shape: [o.block.width] },
  { name: 'positions', shape: [o.positions, o.block.width], use: 'fixed' },
  ...Array.from({ length: o.layers }, (_, i) => blockParameters(`layers.${i}`, o.block)).flat(),
  ...(o.lastNorm ? normParameters('norm', o.block.width) : []),
];

/** log-mel by band, [B, bands, frames], as published models take it -> [B, frames / 2, width]. */
export const whisperEncoder = (part: Part, mel: Tensor, o: WhisperOptions): Tensor =>
  whisperFrames(part, tf.transpose(mel, [0, 2, 1]), o);

/**
 * log-mel by frame, [B, frames, bands] -> [B, frames / 2, width]. The positions are cut to the frames there are: a
 * sound of 5 s is 250 positions, not padded with silence to the 30 s of Whisper's training (features of the two
 * differ). Throws RangeError when there are more frames than positions.
 */
export function whisperFrames(part: Part, mel: Tensor, o: WhisperOptions): Tensor {
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
  let x = convolve(convolve(mel, 'conv1', 1), 'conv2', 2);
  const frames = x.shape[1]!;
  if (frames > o.positions) throw new RangeError(`${frames} frames for ${o.positions} positions`);
  const positions = need(part.tensors, 'positions');
  x = tf.add(x, frames === o.positions ? positions : tf.slice(positions, [0, 0], [frames, o.block.width]));
  const inLayer = layersOf(part, nothingShared);
  for (let i = 0; i < o.layers; i++)
    x = inLayer(`layers.${i}`, x, (own, input) => encoderBlock(own, `layers.${i}`, input, o.block));
  return o.lastNorm ? norm(part, x, 'norm', o.block.epsilon) : x;
}

/** Mean over every `size` neighbouring frames: [batch, frames, width] -> [batch, frames / size, width]. */
export function pooledFrames(features: Tensor, size: number): Tensor {
  const [batch, frames, width] = features.shape as [number, number, number];
  return tf.mean(tf.reshape(features, [batch, frames / size, size, width]), 2);
}
