/**
 * Kernels of the wasm backend that only move values, written again because the package's are slow: its slice first
 * copies the whole tensor out of the wasm memory, once for each part of a split, and its transpose jumps through
 * memory.
 */
import * as tf from '@tensorflow/tfjs-core';

/** The members of the package's BackendWasm that these kernels use. */
interface WasmBackend extends tf.KernelBackend {
  makeOutput(shape: number[], dtype: tf.DataType): tf.TensorInfo;
  typedArrayFromHeap(tensor: tf.TensorInfo): Float32Array | Int32Array | Uint8Array;
}
interface Parameters<A> {
  inputs: { x: tf.TensorInfo };
  attrs: A;
  backend: WasmBackend;
}

/**
 * Registers Slice, SplitV and Transpose for backend `wasm`; strings stay with the package. Call once, after the package
 * is loaded.
 */
export function registerWasmCopies(): void {
  replace('Slice', (parameters) => slice(parameters as unknown as Parameters<{ begin: number[]; size: number[] }>));
  replace('SplitV', (parameters) =>
    split(parameters as unknown as Parameters<{ numOrSizeSplits: number[] | number; axis: number }>),
  );
  replace('Transpose', (parameters) => transpose(parameters as unknown as Parameters<{ perm: number[] }>));
}

/** Replaces the computation only: other kernels of the package call its transpose and need it set up. */
function replace(kernelName: string, kernelFunc: tf.KernelFunc): void {
  const packageKernel = tf.getKernel(kernelName, 'wasm');
  tf.unregisterKernel(kernelName, 'wasm');
  tf.registerKernel({
    ...packageKernel,
    kernelFunc: (parameters) =>
      (parameters.inputs['x'] as tf.TensorInfo).dtype === 'string'
        ? packageKernel.kernelFunc(parameters)
        : kernelFunc(parameters),
  });
}

type Values = Int32Array | Uint8Array;

/**
 * Both tensors' values as bits; asked for after every output is made, since growing the memory detaches older views.
 */
function views(backend: WasmBackend, x: tf.TensorInfo, out: tf.TensorInfo): { from: Values; to: Values } {
  const bits = (tensor: tf.TensorInfo) => {
    const values = backend.typedArrayFromHeap(tensor);
    return values instanceof Float32Array ? new Int32Array(values.buffer, values.byteOffset, values.length) : values;
  };
  return { from: bits(x), to: bits(out) };
}

function slice({ inputs: { x }, attrs, backend }: Parameters<{ begin: number[]; size: number[] }>): tf.TensorInfo {
  const [begin, size] = tf.slice_util.parseSliceParams(x as tf.Tensor, attrs.begin, attrs.size) as [number[], number[]];
  const out = backend.makeOutput(size, x.dtype);
  const { from, to } = views(backend, x, out);
  const strides = stridesOf(x.shape);
  // from this axis on the slice is one piece of memory
  let piece = Math.max(0, x.shape.length - 1);
  while (piece > 0 && size[piece] === x.shape[piece]) piece--;
  const length = size.slice(piece).reduce((a, b) => a * b, 1);
  const first = begin.reduce((sum, at, axis) => sum + at * strides[axis]!, 0);
  let at = 0;
  if (to.length > 0)
    eachOffset(size.slice(0, piece), strides, (offset) => {
      to.set(from.subarray(first + offset, first + offset + length), at);
      at += length;
    });
  return out;
}

function split({
  inputs: { x },
  attrs,
  backend,
}: Parameters<{ numOrSizeSplits: number[] | number; axis: number }>): tf.TensorInfo[] {
  const axis = tf.util.parseAxisParam(attrs.axis, x.shape)[0]!;
  const begin = x.shape.map(() => 0);
  return tf.backend_util.prepareSplitSize(x as tf.Tensor, attrs.numOrSizeSplits, axis).map((size) => {
    const part = slice({
      inputs: { x },
      attrs: { begin, size: x.shape.map((whole, i) => (i === axis ? size : whole)) },
      backend,
    });
    begin[axis]! += size;
    return part;
  });
}

/** Values of a block that fits into the fastest cache while rows are read and columns written. */
const tile = 16;

function transpose({ inputs: { x }, attrs: { perm }, backend }: Parameters<{ perm: number[] }>): tf.TensorInfo {
  const out = backend.makeOutput(
    perm.map((axis) => x.shape[axis]!),
    x.dtype,
  );
  const { from, to } = views(backend, x, out);
  if (to.length === 0) return out;
  const move = joinAxes(x.shape, perm);
  const last = move.shape.length - 1;
  if ((move.order.at(-1) ?? -1) === last) moveRows(from, to, move);
  else moveTiles(from, to, move);
  return out;
}

/** A move of axes: sizes of those of the source, and which of them each axis of the result is. */
interface Move {
  shape: number[];
  order: number[];
}

/** Rows keep together, or nothing moves. */
function moveRows(from: Values, to: Values, { shape, order }: Move): void {
  const strides = stridesOf(shape);
  const width = shape.at(-1) ?? 1;
  const outer = order.slice(0, -1);
  let at = 0;
  eachOffset(
    outer.map((axis) => shape[axis]!),
    outer.map((axis) => strides[axis]!),
    (offset) => {
      for (const end = offset + width; offset < end;) to[at++] = from[offset++]!;
    },
  );
}

/** Rows run along the last axis of the source, columns along the last axis of the result. */
function moveTiles(from: Values, to: Values, { shape, order }: Move): void {
  const strides = stridesOf(shape);
  const last = shape.length - 1;
  const outStrides = stridesOf(order.map((axis) => shape[axis]!));
  const columnAxis = order.at(-1)!;
  const rows = shape[last]!,
    columns = shape[columnAxis]!;
  const columnStride = strides[columnAxis]!,
    rowStride = outStrides[order.indexOf(last)]!;
  const outer = order.filter((axis) => axis !== last && axis !== columnAxis);
  const targets: number[] = [];
  eachOffset(
    outer.map((axis) => shape[axis]!),
    outer.map((axis) => outStrides[order.indexOf(axis)]!),
    (offset) => targets.push(offset),
  );
  let which = 0;
  eachOffset(
    outer.map((axis) => shape[axis]!),
    outer.map((axis) => strides[axis]!),
    (source) => {
      const target = targets[which++]!;
      for (let top = 0; top < columns; top += tile) {
        const bottom = Math.min(columns, top + tile);
        for (let left = 0; left < rows; left += tile) {
          const right = Math.min(rows, left + tile);
          for (let row = left; row < right; row++) {
            for (
              let column = top, read = source + row + top * columnStride, write = target + row * rowStride + top;
              column < bottom;
              column++, read += columnStride
            )
              to[write++] = from[read]!;
          }
        }
      }
    },
  );
}

function stridesOf(shape: readonly number[]): number[] {
  const strides = new Array<number>(shape.length).fill(1);
  for (let axis = shape.length - 2; axis >= 0; axis--) strides[axis] = strides[axis + 1]! * shape[axis + 1]!;
  return strides;
}

/** Axes of size one left out, and axes that stay neighbours as one: the same move with fewer axes. */
function joinAxes(shape: readonly number[], perm: readonly number[]): Move {
  const groups: number[][] = [];
  for (const axis of perm.filter((one) => shape[one] !== 1)) {
    const group = groups.at(-1);
    const before = group?.at(-1);
    if (before !== undefined && shape.slice(before + 1, axis).every((size) => size === 1) && axis > before)
      group!.push(axis);
    else groups.push([axis]);
  }
  const sorted = [...groups].sort((a, b) => a[0]! - b[0]!);
  return {
    shape: sorted.map((group) => group.reduce((size, axis) => size * shape[axis]!, 1)),
    order: groups.map((group) => sorted.indexOf(group)),
  };
}

/** Calls `visit` with the sum of index times stride for every index of `shape`, the last axis fastest. */
function eachOffset(shape: readonly number[], strides: readonly number[], visit: (offset: number) => void): void {
  const walk = (axis: number, offset: number): void => {
    if (axis === shape.length) return visit(offset);
    for (let i = 0; i < shape[axis]!; i++) walk(axis + 1, offset + i * strides[axis]!);
  };
  walk(0, 0);
}
