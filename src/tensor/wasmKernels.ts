/**
 * Kernels that the wasm backend lacks for training, or has only in a slow form. TensorFlow.js 4.22 multiplies matrices
 * quickly (XNNPACK, 20 GFLOP/s on one core) only for one pair without transposes and falls to 1 GFLOP/s otherwise; it
 * has no UnsortedSegmentSum (the gradient of gather) and no Conv2DBackpropFilter; its MaxPoolGrad loses the gradient of
 * windows whose values are all negative; its Sum adds in float32 one after the other, which costs the norm of 100,000
 * parameters the fifth digit.
 */
import * as tf from '@tensorflow/tfjs-core';

/** The members of the package's BackendWasm that these kernels use. */
interface WasmBackend extends tf.KernelBackend {
  wasm: {
    HEAPF32: Float32Array;
    cwrap(name: string, returns: null, takes: string[]): (...values: (number | boolean | Uint8Array)[]) => void;
    tfjs: { registerTensor(id: number, size: number, offset: number): void; disposeData(id: number): void };
  };
  dataIdNextNumber: number;
  dataIdMap: { get(id: object): { id: number; memoryOffset: number } };
  makeOutput(shape: number[], dtype: tf.DataType): tf.TensorInfo;
  typedArrayFromHeap(tensor: tf.TensorInfo): Float32Array | Int32Array | Uint8Array;
  disposeData(id: object): boolean;
}

interface MatMulParameters {
  inputs: { a: tf.TensorInfo; b: tf.TensorInfo };
  attrs: { transposeA: boolean; transposeB: boolean };
  backend: WasmBackend;
}

/** Registers the kernels below for backend `wasm`, in place of the package's BatchMatMul, MaxPoolGrad and Sum of floats. Call once, after the package is loaded. */
export function registerWasmKernels(): void {
  tf.unregisterKernel('BatchMatMul', 'wasm');
  let multiply: ReturnType<WasmBackend['wasm']['cwrap']>;
  tf.registerKernel({
    kernelName: 'BatchMatMul',
    backendName: 'wasm',
    setupFunc: (backend) => {
      multiply = (backend as WasmBackend).wasm.cwrap('BatchMatMul', null, [
        'number',
        'array',
        'number',
        'number',
        'array',
        'number',
        'number',
        'number',
        'number',
      ]);
    },
    kernelFunc: (parameters) => matMul(parameters as unknown as MatMulParameters, multiply),
  });
  tf.registerKernel({
    kernelName: 'UnsortedSegmentSum',
    backendName: 'wasm',
    kernelFunc: (parameters) => unsortedSegmentSum(parameters as unknown as SegmentParameters),
  });
  const packageSum = tf.getKernel('Sum', 'wasm').kernelFunc;
  tf.unregisterKernel('Sum', 'wasm');
  tf.registerKernel({
    kernelName: 'Sum',
    backendName: 'wasm',
    kernelFunc: (parameters) =>
      (parameters.inputs['x'] as tf.TensorInfo).dtype === 'float32'
        ? sum(parameters as unknown as SumParameters)
        : packageSum(parameters),
  });
  tf.unregisterKernel('MaxPoolGrad', 'wasm');
  tf.registerKernel({
    kernelName: 'MaxPoolGrad',
    backendName: 'wasm',
    kernelFunc: (parameters) => maxPoolGrad(parameters as unknown as PoolParameters),
  });
  tf.registerKernel({
    kernelName: 'Conv2DBackpropFilter',
    backendName: 'wasm',
    kernelFunc: (parameters) => conv2dBackpropFilter(parameters as unknown as FilterParameters),
  });
}

/**
 * a [..., m, k] times b [..., k, n] (each transposed in its last two axes if asked) with broadcast leading axes: transposes
 * are made explicit, and each pair of the batch is a view into the same memory, so that all go the fast way.
 */
function matMul(
  { inputs, attrs, backend }: MatMulParameters,
  multiply: (...values: (number | boolean | Uint8Array)[]) => void,
): tf.TensorInfo {
  if (inputs.a.dtype !== 'float32' || inputs.b.dtype !== 'float32')
    throw new Error(`matMul on wasm takes float32, not ${inputs.a.dtype} and ${inputs.b.dtype}`);
  const a = attrs.transposeA ? transposeLast(inputs.a, backend) : inputs.a,
    b = attrs.transposeB ? transposeLast(inputs.b, backend) : inputs.b;
  const [m, k] = lastTwo(a.shape),
    [inner, n] = lastTwo(b.shape);
  if (inner !== k)
    throw new Error(`matMul: inner sizes ${k} and ${inner} differ, shapes [${inputs.a.shape}] and [${inputs.b.shape}]`);
  const batchA = a.shape.slice(0, -2),
    batchB = b.shape.slice(0, -2);
  const batch = tf.broadcast_util.assertAndGetBroadcastShape(batchA, batchB);
  const out = backend.makeOutput([...batch, m, n], 'float32');
  const memory = (tensor: tf.TensorInfo) => backend.dataIdMap.get(tensor.dataId).memoryOffset;
  const count = tf.util.sizeFromShape(batch);
  // one matrix for all of the batch is one product with more rows
  const shared = tf.util.sizeFromShape(batchB) === 1;
  const rows = shared ? m * count : m,
    products = shared ? 1 : count;
  if (m > 0 && k > 0 && n > 0) {
    const whichA = broadcastIndices(batchA, batch),
      whichB = broadcastIndices(batchB, batch);
    const shapeBytes = (height: number, width: number) => new Uint8Array(new Int32Array([1, height, width]).buffer);
    const shapeA = shapeBytes(rows, k),
      shapeB = shapeBytes(k, n);
    for (let i = 0; i < products; i++) {
      const ids = [
        view(backend, memory(a) + 4 * whichA(i) * m * k, rows * k),
        view(backend, memory(b) + 4 * whichB(i) * k * n, k * n),
        view(backend, memory(out) + 4 * i * m * n, rows * n),
      ] as const;
      multiply(ids[0], shapeA, 3, ids[1], shapeB, 3, 0, 0, ids[2]);
      for (const id of ids) backend.wasm.tfjs.disposeData(id); // forgets the view and the packed copy of b; the memory stays
    }
  } else if (tf.util.sizeFromShape(out.shape) > 0) {
    backend.typedArrayFromHeap(out).fill(0); // k = 0: a sum over nothing
  }
  if (a !== inputs.a) backend.disposeData(a.dataId);
  if (b !== inputs.b) backend.disposeData(b.dataId);
  return out;
}

/** Tells the wasm program of a piece of memory as a tensor of its own. */
function view(backend: WasmBackend, offset: number, size: number): number {
  const id = backend.dataIdNextNumber++;
  backend.wasm.tfjs.registerTensor(id, size, offset);
  return id;
}

function lastTwo(shape: number[]): [number, number] {
  return [shape.at(-2) ?? 1, shape.at(-1) ?? 1];
}

function transposeLast(x: tf.TensorInfo, backend: WasmBackend): tf.TensorInfo {
  const perm = x.shape.map((_, axis) => axis);
  perm.splice(-2, 2, x.shape.length - 1, x.shape.length - 2);
  const kernel = tf.getKernel('Transpose', 'wasm').kernelFunc;
  return kernel({ inputs: { x }, attrs: { perm }, backend }) as tf.TensorInfo;
}

/** For the i-th place of `to` (row-major) the place in `from` that broadcasting reads. */
function broadcastIndices(from: number[], to: number[]): (i: number) => number {
  const padded = [...new Array<number>(to.length - from.length).fill(1), ...from];
  const strides = padded.map((size, axis) =>
    size === 1 ? 0 : padded.slice(axis + 1).reduce((product, next) => product * next, 1),
  );
  return (i) => {
    let rest = i,
      index = 0;
    for (let axis = to.length - 1; axis >= 0; axis--) {
      index += (rest % to[axis]!) * strides[axis]!;
      rest = Math.floor(rest / to[axis]!);
    }
    return index;
  };
}

interface SumParameters {
  inputs: { x: tf.TensorInfo };
  attrs: { axis: number | number[]; keepDims: boolean };
  backend: WasmBackend;
}

/** Sum of floats over axes, added in float64. */
function sum({ inputs: { x }, attrs: { axis, keepDims }, backend }: SumParameters): tf.TensorInfo {
  const axes = tf.util.parseAxisParam(axis, x.shape);
  const perm = tf.backend_util.getAxesPermutation(axes, x.shape.length);
  const inner =
    perm === null
      ? x
      : (tf.getKernel('Transpose', 'wasm').kernelFunc({ inputs: { x }, attrs: { perm }, backend }) as tf.TensorInfo);
  const [outShape, summed] = tf.backend_util.computeOutAndReduceShapes(
    inner.shape,
    tf.backend_util.getInnerMostAxes(axes.length, inner.shape.length),
  );
  const out = backend.makeOutput(keepDims ? tf.backend_util.expandShapeToKeepDim(outShape, axes) : outShape, 'float32');
  const sums = backend.typedArrayFromHeap(out),
    values = backend.typedArrayFromHeap(inner); // after makeOutput: growing the memory detaches arrays
  const length = tf.util.sizeFromShape(summed);
  for (let i = 0, at = 0; i < sums.length; i++) {
    let total = 0;
    for (const end = at + length; at < end; at++) total += values[at]!;
    sums[i] = total;
  }
  if (inner !== x) backend.disposeData(inner.dataId);
  return out;
}

interface SegmentParameters {
  inputs: { x: tf.TensorInfo; segmentIds: tf.TensorInfo };
  attrs: { numSegments: number };
  backend: WasmBackend;
}

/** Sums the rows of x [rows, ...] that have the same id; rows with an id outside 0..numSegments-1 are left out, as on the other backends. */
function unsortedSegmentSum({ inputs, attrs, backend }: SegmentParameters): tf.TensorInfo {
  const { x, segmentIds } = inputs,
    { numSegments } = attrs;
  if (x.dtype === 'bool' || segmentIds.dtype !== 'int32')
    throw new Error(`unsortedSegmentSum on wasm takes numbers and int32 ids, not ${x.dtype} and ${segmentIds.dtype}`);
  const out = backend.makeOutput([numSegments, ...x.shape.slice(segmentIds.shape.length)], x.dtype);
  const sums = backend.typedArrayFromHeap(out).fill(0); // allocated first: growing the memory would detach the arrays below
  const values = backend.typedArrayFromHeap(x),
    ids = backend.typedArrayFromHeap(segmentIds);
  const width = ids.length === 0 ? 0 : values.length / ids.length;
  for (let row = 0; row < ids.length; row++) {
    const id = ids[row]!;
    if (id < 0 || id >= numSegments) continue;
    for (let i = 0, from = row * width, to = id * width; i < width; i++) sums[to + i]! += values[from + i]!;
  }
  return out;
}

interface FilterParameters {
  inputs: { x: tf.Tensor4D; dy: tf.Tensor4D };
  attrs: {
    strides: [number, number] | number;
    pad: Parameters<typeof tf.backend_util.computeConv2DInfo>[4];
    dataFormat: string;
    dimRoundingMode?: 'floor' | 'round' | 'ceil';
    filterShape: [number, number, number, number];
  };
}

/** Gradient of conv2d with respect to its filter [height, width, in, out]: for each place of the filter one matrix product. */
function conv2dBackpropFilter({ inputs: { x, dy }, attrs }: FilterParameters): tf.TensorInfo {
  if (attrs.dataFormat !== 'NHWC') throw new Error(`conv2d gradient on wasm takes NHWC, not ${attrs.dataFormat}`);
  const info = tf.backend_util.computeConv2DInfo(
    x.shape,
    attrs.filterShape,
    attrs.strides,
    1,
    attrs.pad,
    attrs.dimRoundingMode,
  );
  const { top, bottom, left, right } = info.padInfo;
  return tf.tidy(() => {
    const padded = tf.pad(x, [
      [0, 0],
      [top, bottom],
      [left, right],
      [0, 0],
    ]);
    const gradient = tf.reshape(dy, [-1, info.outChannels]);
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
        places.push(tf.matMul(tf.reshape(seen, [-1, info.inChannels]), gradient, true, false));
      }
    }
    return tf.reshape(tf.stack(places), attrs.filterShape);
  });
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

/** Gradient of maxPool: each output's gradient goes to the first largest value of its window, as on the other backends. */
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
