/** The vision transformer (Dosovitskiy et al. 2021): patches, a class token, positions, blocks; variants by options. */
import { linear } from '../../tensor/ops';
import { need, tf, type Tensor } from '../../tensor/tf';
import { blockParameters, encoderBlock, type BlockOptions } from './encoderBlock';
import { layersOf, nothingShared } from './layers';
import { norm, normParameters, type Declared, type Part } from './part';

export interface VitOptions {
  image: number;
  patch: number;
  channels: number;
  layers: number;
  block: BlockOptions;
  patchBias: boolean;
  /** CLIP's norm between embeddings and blocks */
  preNorm: boolean;
  /** the norm after the blocks: none, there and applied, or there in the checkpoint only */
  postNorm: 'none' | 'applied' | 'unused';
  positions: boolean;
  maskToken: boolean;
  /** number of blocks that are computed; the rest is in the checkpoint only */
  used: number;
  /** no output depends on the class token: no block is computed and the token itself left out */
  classUnused?: boolean;
}

/** Patches along one side. */
export const gridSide = (o: Pick<VitOptions, 'image' | 'patch'>): number => Math.floor(o.image / o.patch);

export function vitParameters(o: VitOptions): Declared[] {
  const { width } = o.block;
  const unused = (declared: Declared[], when: boolean): Declared[] =>
    when ? declared.map((parameter) => ({ ...parameter, use: 'unused' })) : declared;
  return [
    ...unused([{ name: 'classToken', shape: [width] }], o.classUnused === true),
    ...(o.maskToken ? unused([{ name: 'maskToken', shape: [width] }], true) : []),
    { name: 'patches', shape: [width, o.channels, o.patch, o.patch] },
    ...(o.patchBias ? [{ name: 'patches.bias', shape: [width] }] : []),
    ...(o.positions ? [{ name: 'positions', shape: [gridSide(o) ** 2 + 1, width] }] : []),
    ...(o.preNorm ? normParameters('preNorm', width) : []),
    ...Array.from({ length: o.layers }, (_, i) => unused(blockParameters(`blocks.${i}`, o.block), i >= o.used)).flat(),
    ...(o.postNorm === 'none' ? [] : unused(normParameters('postNorm', width), o.postNorm === 'unused')),
  ];
}

/**
 * Pixels [B, channels, image, image] -> the states [B, 1 + patches, width] before the first block and after each that
 * is used; the last one after `postNorm` where that is applied.
 */
export function vitStates(part: Part, pixels: Tensor, o: VitOptions): Tensor[] {
  const batch = pixels.shape[0]!,
    side = gridSide(o),
    { width } = o.block;
  const embedded = linear(
    patchRows(pixels, o),
    tf.reshape(need(part.tensors, 'patches'), [width, -1]),
    o.patchBias ? need(part.tensors, 'patches.bias') : undefined,
  );
  const classToken = tf.tile(
    tf.reshape(o.classUnused ? tf.zeros([width]) : need(part.tensors, 'classToken'), [1, 1, width]),
    [batch, 1, 1],
  );
  let x: Tensor = tf.concat([classToken, tf.reshape(embedded, [batch, side * side, width])], 1);
  if (o.positions) x = tf.add(x, need(part.tensors, 'positions'));
  if (o.preNorm) x = norm(part, x, 'preNorm', o.block.epsilon);
  const states = [x];
  const inLayer = layersOf(part, nothingShared);
  for (let i = 0; i < o.used; i++) {
    const name = `blocks.${i}`;
    states.push((x = inLayer(name, x, (own, input) => encoderBlock(own, name, input, o.block))));
  }
  if (o.postNorm === 'applied') states[states.length - 1] = norm(part, x, 'postNorm', o.block.epsilon);
  return states;
}

/**
 * Pixels -> [B, side * side, channels * patch * patch], each row in the order of a convolution's kernel; what does not
 * fill a patch is left out.
 */
function patchRows(pixels: Tensor, o: VitOptions): Tensor {
  const batch = pixels.shape[0]!,
    side = gridSide(o),
    reach = side * o.patch;
  const whole = reach === o.image ? pixels : tf.slice(pixels, [0, 0, 0, 0], [batch, o.channels, reach, reach]);
  // Axes one at a time: not every backend transposes six.
  const rows = tf.transpose(tf.reshape(whole, [batch, o.channels, side, o.patch * reach]), [0, 2, 1, 3]);
  const cells = tf.transpose(tf.reshape(rows, [batch * side, o.channels * o.patch, side, o.patch]), [0, 2, 1, 3]);
  return tf.reshape(cells, [batch, side * side, o.channels * o.patch * o.patch]);
}
