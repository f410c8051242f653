/**
 * Gradients of convolutions and pools on the wasm backend. TensorFlow.js 4.22 has no Conv2DBackpropFilter there, its
 * Conv2DBackpropInput is plain loops, ten times slower than the convolution, and its MaxPoolGrad loses the gradient of
 * windows whose values are all negative.
 */
import * as tf from '@tensorflow/tfjs-core';
import type { WasmBackend } from './wasmKernels';

/**
 * Registers the kernels below for backend `wasm`, in place of the package's. Call once, after the package is loaded.
 */
export function registerWasmConvolutions(): void {
  tf.registerKernel({
    kernelName: 'Conv2DBackpropFilter',
    backendName: 'wasm',
    kernelFunc: (parameters) => conv2dBackpropFilter(parameters as unknown as FilterParameters),
  });
  tf.unregisterKernel('Conv2DBackpropInput', 'wasm');
  tf.registerKernel({
    kernelName: 'Conv2DBackpropInput',
    backendName: 'wasm',
    kernelFunc: (parameters) => conv2dBackpropInput(parameters as unknown as InputParameters),
  });
  tf.unregisterKernel('MaxPoolGrad', 'wasm');
  tf.registerKernel({
    kernelName: 'MaxPoolGrad',
    backendName: 'wasm',
    kernelFunc: (parameters) => maxPoolGrad(parameters as unknown as PoolParameters),
  });
}

type Sides = [number, number, number, number];

interface ConvolutionAttributes {
  strides: [number, number] | number;
  pad: Parameters<typeof tf.backend_util.computeConv2DInfo>[4];
  dataFormat: string;
  dimRoundingMode?: 'floor' | 'round' | 'ceil';
}
interface FilterParameters {
  inputs: { x: tf.Tensor4D; dy: tf.Tensor4D };
  attrs: ConvolutionAttributes & { filterShape: Sides };
}
interface InputParameters {
  inputs: { dy: tf.Tensor4D; filter: tf.Tensor4D };
  attrs: ConvolutionAttributes & { inputShape: Sides };
  backend: WasmBackend;
}

/** Sizes of a convolution. Throws Error for channels that come first. */
function sizesOf(
  inputShape: Sides,
  filterShape: Sides,
  { strides, pad, dataFormat, dimRoundingMode }: ConvolutionAttributes,
): tf.backend_util.Conv2DInfo {
  if (dataFormat !== 'NHWC') throw new Error(`conv2d gradient on wasm takes NHWC, not ${dataFormat}`);
  return tf.backend_util.computeConv2DInfo(inputShape, filterShape, strides, 1, pad, dimRoundingMode);
}

/** One row of input for one row of output: the convolution is a product of matrices. */
const isProduct = (info: tf.backend_util.Conv2DInfo): boolean =>
  info.filterHeight === 1 &&
  info.filterWidth === 1 &&
  info.outHeight === info.inHeight &&
  info.outWidth === info.inWidth;

/**
 * Gradient of conv2d with respect to its filter [height, width, in, out]: for each place of the filter one matrix
 * product.
 */
function conv2dBackpropFilter({ inputs: { x, dy }, attrs }: FilterParameters): tf.TensorInfo {
  const info = sizesOf(x.shape, attrs.filterShape, attrs);
  const { top, bottom, left, right } = info.padInfo;
  return tf.tidy(() => {
    const gradient = tf.reshape(dy, [-1, info.outChannels]);
    const product = (seen: tf.Tensor) => tf.matMul(tf.reshape(seen, [-1, info.inChannels]), gradient, true, false);
    if (isProduct(info)) return tf.reshape(product(x), attrs.filterShape);
    const padded = tf.pad(x, [
      [0, 0],
      [top, bottom],
      [left, right],
      [0, 0],
    ]);
    const places: tf.Tensor[] = [];
    for (let row = 0; row < info.filterHeight; row++) {
      for (let column = 0; column < info.filterWidth; column++) {
        const seen = tf.stridedSlice(
          padded,
          [0, row, column, 0],
          [
            info.batchSize,
            row + (info.outHeight - 1) * info.strideHeight + 1,
            column + (info.outWidth - 1) * info.strideWidth + 1,
            info.inChannels,
          ],
          [1, info.strideHeight, info.strideWidth, 1],
        );
        places.push(product(seen));
      }
    }
    return tf.reshape(tf.stack(places), attrs.filterShape);
  });
}

/**
 * Gradient of conv2d with respect to its input: for each place of the filter one matrix product, whose rows are added
 * to the inputs that the place saw.
 */
function conv2dBackpropInput({ inputs: { dy, filter }, attrs, backend }: InputParameters): tf.TensorInfo {
  const info = sizesOf(attrs.inputShape, filter.shape, attrs);
  const { inChannels, outChannels } = info;
  const product = (place: tf.Tensor) =>
    tf.matMul(
      tf.reshape(dy, [-1, outChannels]) as tf.Tensor2D,
      tf.reshape(place, [inChannels, outChannels]) as tf.Tensor2D,
      false,
      true,
    );
  if (isProduct(info)) return tf.tidy(() => tf.reshape(product(filter), attrs.inputShape));
  const out = backend.makeOutput(attrs.inputShape, 'float32');
  backend.typedArrayFromHeap(out).fill(0);
  for (let row = 0; row < info.filterHeight; row++) {
    for (let column = 0; column < info.filterWidth; column++) {
      const rows = tf.tidy(() => product(tf.slice(filter, [row, column, 0, 0], [1, 1, inChannels, outChannels])));
      // The arrays are taken anew: memory that grows leaves the old ones behind.
      addAtPlace(
        backend.typedArrayFromHeap(out) as Float32Array,
        backend.typedArrayFromHeap(rows) as Float32Array,
        info,
        row,
        column,
      );
      rows.dispose();
    }
  }
  return out;
}

/**
 * Adds rows [batch * outHeight * outWidth, in] to the inputs [batch, inHeight, inWidth, in] that place (row, column) of
 * the filter saw.
 */
function addAtPlace(
  sums: Float32Array,
  rows: Float32Array,
  info: tf.backend_util.Conv2DInfo,
  row: number,
  column: number,
): void {
  const { batchSize, inHeight, inWidth, outHeight, outWidth, inChannels, padInfo } = info;
  let from = 0;
  for (let batch = 0; batch < batchSize; batch++) {
    for (let outRow = 0; outRow < outHeight; outRow++) {
      const y = outRow * info.strideHeight + row - padInfo.top;
      for (let outColumn = 0; outColumn < outWidth; outColumn++, from += inChannels) {
        const x = outColumn * info.strideWidth + column - padInfo.left;
        if (y < 0 || y >= inHeight || x < 0 || x >= inWidth) continue;
        const to = ((batch * inHeight + y) * inWidth + x) * inChannels;
        for (let i = 0; i < inChannels; i++) sums[to + i]! += rows[from + i]!;
      }
    }
  }
}

interface PoolParameters {
  inputs: { dy: tf.TensorInfo; input: tf.TensorInfo };
  attrs: {
    filterSize: [number, number] | number;
    strides: [number, number] | number;
    pad: 'valid' | 'same' | number;
    dimRoundingMode?: 'floor' | 'round' | 'ceil';
  };
  backend: WasmBackend;
}

/**
 * Gradient of maxPool: each output's gradient goes to the first largest value of its window, as on the other backends.
 */
function maxPoolGrad({ inputs: { dy, input }, attrs, backend }: PoolParameters): tf.TensorInfo {
  const info = tf.backend_util.computePool2DInfo(
    input.shape as [number, number, number, number],
    attrs.filterSize,
    attrs.strides,
    1,
    attrs.pad,
    attrs.dimRoundingMode,
  );
  const out = backend.makeOutput(input.shape, 'float32');
  const gradient = backend.typedArrayFromHeap(out).fill(0);
  const values = backend.typedArrayFromHeap(input),
    incoming = backend.typedArrayFromHeap(dy);
  const { inHeight, inWidth, outHeight, outWidth, inChannels: channels } = info;
  for (let batch = 0, from = 0; batch < info.batchSize; batch++) {
    for (let outRow = 0; outRow < outHeight; outRow++) {
      const top = outRow * info.strideHeight - info.padInfo.top;
      for (let outColumn = 0; outColumn < outWidth; outColumn++) {
        const left = outColumn * info.strideWidth - info.padInfo.left;
        for (let channel = 0; channel < channels; channel++, from++) {
          let best = -1;
          for (let row = Math.max(top, 0); row < Math.min(top + info.filterHeight, inHeight); row++) {
            for (let column = Math.max(left, 0); column < Math.min(left + info.filterWidth, inWidth); column++) {
              const at = ((batch * inHeight + row) * inWidth + column) * channels + channel;
              if (best < 0 || values[at]! > values[best]!) best = at;
            }
          }
          if (best >= 0) gradient[best]! += incoming[from]!;
        }
      }
    }
  }
  return out;
}
