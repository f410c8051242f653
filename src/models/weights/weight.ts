/** A weight as numbers, and what is asked of its shape and values. */

/** One weight: row-major float32 values of the given shape. */
export interface WeightTensor {
  shape: number[];
  data: Float32Array;
}

/** Whether every value is a finite number: a NaN in a weight file would only show as a ruined run much later. */
export function allFinite(values: Float32Array): boolean {
  for (let i = 0; i < values.length; i++) if (!Number.isFinite(values[i])) return false;
  return true;
}

/** Little-endian float32 values from bytes at any alignment; `bytes.length` must be a multiple of 4. Returns a copy. */
export function floatsOf(bytes: Uint8Array): Float32Array {
  const copy = new Uint8Array(bytes.length);
  copy.set(bytes);
  return new Float32Array(copy.buffer);
}

/** The matrix [rows, columns] as [columns, rows], a copy. */
export function transposed({ shape, data }: WeightTensor): WeightTensor {
  const [rows, columns] = shape as [number, number];
  const turned = new Float32Array(data.length);
  for (let row = 0; row < rows; row++)
    for (let column = 0; column < columns; column++) turned[column * rows + row] = data[row * columns + column]!;
  return { shape: [columns, rows], data: turned };
}
