/** The vision transformer of DINOv2's small size (ViT-S/14), from the ONNX export of a saliency model. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { openSource } from '../../../sources/sources';
import { gelu } from '../../../tensor/ops';
import { tf, type Tensor } from '../../../tensor/tf';
import { plainBlock } from '../../parts/encoderBlock';
import { pooledRows } from '../../parts/resnet';
import { gridSide, vitParameters, vitStates, type VitOptions } from '../../parts/vit';
import { readOnnx } from '../../weights/onnx';
import { readSquare } from './media';
import { onnxDino } from './onnxDino';
import { encoderTower } from './tower';

const options: VitOptions = {
  image: 224,
  patch: 14,
  channels: 3,
  layers: 12,
  used: 12,
  block: { ...plainBlock, width: 384, hidden: 1536, heads: 6, epsilon: 1e-6, activation: gelu, layerScale: true },
  patchBias: true,
  preNorm: false,
  postNorm: 'applied',
  positions: true,
  maskToken: false,
};

/** Side of the grid of positions in the file: pictures of 518 pixels. */
const trainedSide = 37;

const source = 'dinov2-small';

/** Of ImageNet, 0 to 1, as the published processor normalises. */
const means = [0.485, 0.456, 0.406];
const deviations = [0.229, 0.224, 0.225];

/** Levels [B, side, side, 3] -> [B, 3, side, side]. */
const normalised = (pictures: Tensor): Tensor =>
  tf.transpose(tf.div(tf.sub(tf.div(pictures, 255), means), deviations), [0, 3, 1, 2]);

export const dinov2Small = encoderTower({
  name: 'dinov2-small',
  about:
    'a vision transformer of the size of DINOv2 ViT-S/14, as a saliency model ships it; its patches behind the last norm',
  modality: 'image',
  blocks: options.layers,
  source,
  quantised: false,
  version: 1,
  rows: 16,
  rowChoices: [16, 64, 256],
  width: options.block.width,
  input: {
    shape: [options.image, options.image, 3],
    version: 1,
    read: (file) => readSquare(file, options.image),
  },
  part: {
    parameters: vitParameters(options),
    adapted: ['q', 'v'],
    async weights() {
      const { folder } = await openSource(source);
      const path = join(folder, 'vit_s_focus.onnx');
      return onnxDino(readOnnx(readFileSync(path), path), options, trainedSide, path);
    },
    apply(part, pictures, rows) {
      const states = vitStates(part, normalised(pictures), options).at(-1)!;
      const side = gridSide(options),
        batch = states.shape[0]!,
        { width } = options.block;
      const patches = tf.slice(states, [0, 1, 0], [batch, side * side, width]);
      return pooledRows(tf.reshape(patches, [batch, side, side, width]), side / Math.sqrt(rows));
    },
  },
  batch: 8,
});
