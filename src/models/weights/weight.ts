/** A weight as numbers, and what is asked of its shape and values. */

import { alignedFloats } from '../../tensor/alignedMemory';
import { asFloat32 } from '../../tensor/bfloat16';
import type { StoredValues } from '../../tensor/tensorFile';

/** One weight: row-major float32 values of the given shape. */
export interface WeightTensor {
  shape: number[];
  data: Float32Array;
}

/** The same, or in bfloat16, or in a file (src/tensor/tensorFile.ts). */
export interface StoredTensor {
  shape: number[];
  data: StoredValues;
}

/**
 * Whether every value is a finite number: a NaN in a weight file would only show as a ruined run much later. Bits are
 * those of bfloat16.
 */
export function allFinite(values: Float32Array | Uint16Array): boolean {
  if (values instanceof Uint16Array) {
    // An exponent of ones alone is infinity or no number.
    for (let i = 0; i < values.length; i++) if ((values[i]! & 0x7f80) === 0x7f80) return false;
    return true;
  }
  for (let i = 0; i < values.length; i++) if (!Number.isFinite(values[i])) return false;
  return true;
}

/** A tensor in float32, whichever way it is kept. */
export const inFloats = ({ shape, data }: StoredTensor): WeightTensor => ({ shape, data: asFloat32(data) });

/** Little-endian float32 values from bytes at any alignment; `bytes.length` must be a multiple of 4. Returns a copy. */
export function floatsOf(bytes: Uint8Array): Float32Array {
  const copy = alignedFloats(bytes.length / 4);
  new Uint8Array(copy.buffer, copy.byteOffset, copy.byteLength).set(bytes);
  return copy;
}

/** The matrix [rows, columns] as [columns, rows], a copy. */
export function transposed({ shape, data }: WeightTensor): WeightTensor {
  const [rows, columns] = shape as [number, number];
  const turned = new Float32Array(data.length);
  for (let row = 0; row < rows; row++)
    for (let column = 0; column < columns; column++) turned[column * rows + row] = data[row * columns + column]!;
  return { shape: [columns, rows], data: turned };
}
