/**
 * The frozen audio tower: the first blocks of Whisper's encoder (Radford et al. 2022), from a quantised ONNX export whose
 * weights are turned back into float32 (activations stay float32 too).
 */
import { userError } from '../../problems';
import { attention, gelu, joinHeads, layerNorm, splitHeads } from '../../tensor/ops';
import { tf, type Tensor } from '../../tensor/tf';
import { sizeOf, type WeightTensor } from '../weights';
import type { OnnxWeights } from '../weights/onnx';
import { namedWeights } from '../weights/onnxNamed';

export interface WhisperConfig {
  width: number;
  heads: number;
  /** blocks that were read */
  blocks: number;
  bands: number;
  /** longest input in frames after the convolutions */
  positions: number;
}

export interface WhisperWeights {
  config: WhisperConfig;
  tensors: Record<string, WeightTensor>;
}

/** Heads of Whisper-tiny, -base, ... are all 64 wide. */
const headWidth = 64;

/**
 * The convolutions, positions and first `blocks` blocks of a Whisper encoder exported by transformers:
 * `conv1.weight` [3, bands, width], `conv2.weight` [3, width, width], `positions` [positions, width], and for block N
 * `layers.N.{attentionNorm,feedForwardNorm}.{gain,bias}` [width], `layers.N.{q,k,v,o}.weight` [in, out], `layers.N.up.weight`
 * [width, hidden], `layers.N.down.weight` [hidden, width], and `.bias` beside each weight but k, which has none.
 * Throws UserError when a weight is missing or has another shape.
 */
export function whisperWeights(onnx: OnnxWeights, blocks: number, where = 'Whisper weights'): WhisperWeights {
  const bad = (what: string, expected: string) => userError({ where, what, expected, hint: 'fetch the weights again' });
  const { has, weight: floats, matrix } = namedWeights(onnx, 'a Whisper encoder', where);

  const kernel = (name: string, inputs: number | null, outputs: number | null) =>
    channelsLast(floats(name, 0, [outputs, inputs, 3]));
  const tensors: Record<string, WeightTensor> = {};
  tensors['conv1.weight'] = kernel('conv1.weight', null, null);
  const [, bands, width] = tensors['conv1.weight'].shape as [number, number, number];
  if (width % headWidth !== 0) throw bad(`width ${width}`, `a multiple of ${headWidth}`);
  tensors['conv1.bias'] = floats('conv1.bias', 0, [width]);
  tensors['conv2.weight'] = kernel('conv2.weight', width, width);
  tensors['conv2.bias'] = floats('conv2.bias', 0, [width]);
  tensors['positions'] = floats('embed_positions.weight', 0, [null, width]);
  for (let block = 0; block < blocks; block++) {
    const from = `layers.${block}`;
    if (!has(`${from}.fc1.bias`)) throw bad(`no block ${block}`, `at least ${blocks} blocks`);
    for (const [ours, theirs] of [
      ['attentionNorm', 'self_attn_layer_norm'],
      ['feedForwardNorm', 'final_layer_norm'],
    ] as const) {
      tensors[`${from}.${ours}.gain`] = floats(`${from}.${theirs}.weight`, 0, [width]);
      tensors[`${from}.${ours}.bias`] = floats(`${from}.${theirs}.bias`, 0, [width]);
    }
    for (const [ours, theirs] of [
      ['q', 'q_proj'],
      ['k', 'k_proj'],
      ['v', 'v_proj'],
      ['o', 'out_proj'],
    ] as const) {
      tensors[`${from}.${ours}.weight`] = matrix(`${from}.self_attn.${theirs}`, [width, width]);
      if (ours !== 'k') tensors[`${from}.${ours}.bias`] = floats(`${from}.self_attn.${theirs}.bias`, 0, [width]);
    }
    tensors[`${from}.up.weight`] = matrix(`${from}.fc1`, [width, null]);
    const hidden = tensors[`${from}.up.weight`]!.shape[1]!;
    tensors[`${from}.up.bias`] = floats(`${from}.fc1.bias`, 0, [hidden]);
    tensors[`${from}.down.weight`] = matrix(`${from}.fc2`, [hidden, width]);
    tensors[`${from}.down.bias`] = floats(`${from}.fc2.bias`, 0, [width]);
  }
  return {
    config: { width, heads: width / headWidth, blocks, bands, positions: tensors['positions'].shape[0]! },
    tensors,
  };
}

/** A PyTorch convolution kernel [out, in, size] as TensorFlow's [size, in, out]. */
function channelsLast({ shape, data }: WeightTensor): WeightTensor {
  const [outputs, inputs, size] = shape as [number, number, number];
  const turned = new Float32Array(sizeOf(shape));
  for (let out = 0; out < outputs; out++) {
    for (let input = 0; input < inputs; input++)
      for (let at = 0; at < size; at++)
        turned[(at * inputs + input) * outputs + out] = data[(out * inputs + input) * size + at]!;
  }
  return { shape: [size, inputs, outputs], data: turned };
}

/**
 * Features after the last block that was read (no final layer norm: that belongs to the last block of the whole encoder).
 * mel [batch, frames, bands] -> [batch, frames / 2, width]. The positions are cut to the frames there are: a sound of 5 s is
 * 250 positions, not padded with silence to the 30 s of Whisper's training (features of the two differ).
 * Throws RangeError when there are more frames than positions.
 */
export function whisperFeatures(tensors: Record<string, Tensor>, config: WhisperConfig, mel: Tensor): Tensor {
  return tf.tidy(() => {
    const at = (name: string): Tensor => tensors[name]!;
    // The published convolutions pad with one zero on both sides; `same` with stride 2 would pad only at the end.
    const convolve = (x: Tensor, name: string, stride: number) =>
      gelu(
        tf.add(
          tf.conv1d(
            tf.pad(x, [
              [0, 0],
              [1, 1],
              [0, 0],
            ]) as tf.Tensor3D,
            at(`${name}.weight`) as tf.Tensor3D,
            stride,
            'valid',
          ),
          at(`${name}.bias`),
        ),
      );
    const project = (x: Tensor, name: string, bias = true) => {
      const weight = at(`${name}.weight`) as tf.Tensor2D;
      const product = tf.matMul(tf.reshape(x, [-1, weight.shape[0]]) as tf.Tensor2D, weight);
      return tf.reshape(bias ? tf.add(product, at(`${name}.bias`)) : product, [
        ...x.shape.slice(0, -1),
        weight.shape[1],
      ]);
    };
    const normalise = (x: Tensor, name: string) => layerNorm(x, at(`${name}.gain`), at(`${name}.bias`), 1e-5);

    let x = convolve(convolve(mel, 'conv1', 1), 'conv2', 2);
    const frames = x.shape[1]!;
    if (frames > config.positions) throw new RangeError(`${frames} frames for ${config.positions} positions`);
    x = tf.add(x, tf.slice(at('positions'), [0, 0], [frames, config.width]));
    for (let block = 0; block < config.blocks; block++) {
      const name = `layers.${block}`;
      const normal = normalise(x, `${name}.attentionNorm`);
      const heads = (part: string, bias = true) => splitHeads(project(normal, `${name}.${part}`, bias), config.heads);
      x = tf.add(x, project(joinHeads(attention(heads('q'), heads('k', false), heads('v'))), `${name}.o`));
      x = tf.add(x, project(gelu(project(normalise(x, `${name}.feedForwardNorm`), `${name}.up`)), `${name}.down`));
    }
    return x;
  });
}

/** Mean over every `size` neighbouring frames: [batch, frames, width] -> [batch, frames / size, width]. */
export function pooledFrames(features: Tensor, size: number): Tensor {
  const [batch, frames, width] = features.shape as [number, number, number];
  return tf.tidy(() => tf.mean(tf.reshape(features, [batch, frames / size, size, width]), 2));
}
