/** ResNet-50 trained on ImageNet, from Keras weights in TensorFlow.js form, up to its last grid. */
import { join } from 'node:path';
import { openSource } from '../../../sources/sources';
import { foldedWeights, normedParameters } from '../../parts/normedConvolution';
import { pooledRows, resNetConvolutions, resNetGrid, type ResNetOptions } from '../../parts/resnet';
import { kerasResNet } from './kerasResnet';
import { readTfjsLayers } from '../../weights/tfjsLayers';
import { readPicture } from './media';
import { encoderTower } from './tower';

/** Side of the pictures in pixels, and of the grid of features. */
export const pictureSide = 128;
const gridSide = pictureSide / 32;

const options: ResNetOptions = {
  stem: 64,
  stages: [
    { blocks: 3, inner: 64, outer: 256 },
    { blocks: 4, inner: 128, outer: 512 },
    { blocks: 6, inner: 256, outer: 1024 },
    { blocks: 3, inner: 512, outer: 2048 },
  ],
  epsilon: 1e-3,
  // of ImageNet, 0 to 255 (Keras's preprocessing `caffe`)
  means: [123.68, 116.779, 103.939],
};

const convolutions = resNetConvolutions(options);

const source = 'resnet50-imagenet';

export const resnet50 = encoderTower({
  file: __filename,
  name: 'resnet50',
  about: 'ResNet-50 trained on ImageNet; its last feature grid',
  modality: 'image',
  blocks: 16,
  source,
  quantised: false,
  version: 1,
  // 2 x 2 means of the grid: sixteen rows were slower and no better.
  rows: 4,
  rowChoices: [4, 16],
  width: 2048,
  input: {
    shape: [pictureSide, pictureSide, 3],
    version: 1,
    read: (file) => readPicture(file, pictureSide),
  },
  part: {
    parameters: normedParameters(convolutions),
    adapted: [],
    async weights() {
      const folder = join((await openSource(source)).folder, 'ResNet50');
      return kerasResNet(readTfjsLayers(folder), options, folder);
    },
    apply: (part, images, rows) =>
      pooledRows(resNetGrid(part, images, options), Math.sqrt((gridSide * gridSide) / rows)),
  },
  batch: 16,
  frozen: (weights) => foldedWeights(weights, convolutions, options.epsilon),
});
