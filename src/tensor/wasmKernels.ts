/**
 * Kernels that the wasm backend lacks for training, or has only in a slow form. TensorFlow.js 4.22 multiplies matrices
 * quickly (XNNPACK, 20 GFLOP/s on one core) only for one pair without transposes and falls to 1 GFLOP/s otherwise; it
 * has no UnsortedSegmentSum (the gradient of gather); its Sum adds in float32 one after the other, which costs the norm
 * of 100,000 parameters the fifth digit. Gradients of convolutions and pools stand in `wasmConvolutions.ts`.
 */
import * as tf from '@tensorflow/tfjs-core';

/** The members of the package's BackendWasm that these kernels use. */
export interface WasmBackend extends tf.KernelBackend {
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

/**
 * Registers the kernels below for backend `wasm`, in place of the package's BatchMatMul and Sum of floats. Call once,
 * after the package is loaded.
 */
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
}

/**
 * a [..., m, k] times b [..., k, n] (each transposed in its last two axes if asked) with broadcast leading axes:
 * transposes are made explicit, and each pair of the batch is a view into the same memory, so that all go the fast way.
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

/**
 * Sums the rows of x [rows, ...] that have the same id; rows with an id outside 0..numSegments-1 are left out, as on
 * the other backends.
 */
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
