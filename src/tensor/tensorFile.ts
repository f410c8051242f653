/**
 * Values of a tensor in a file of their own: raw, little-endian, nothing else in it. TensorFlow maps such a file into
 * memory, so that what nobody changes is read when it is needed and held once for all processes. Other backends read it.
 */
import { closeSync, openSync, readSync } from 'node:fs';

export interface TensorFile {
  readonly path: string;
  readonly type: 'float32' | 'bfloat16';
  /** number of values */
  readonly length: number;
}

/** Values in float32, bits of bfloat16 (bfloat16.ts), or a file of either. */
export type StoredValues = Float32Array | Uint16Array | TensorFile;

/** Whether values lie in a file. */
export const isFile = (values: StoredValues): values is TensorFile =>
  !(values instanceof Float32Array || values instanceof Uint16Array);

/** Whether values are kept in bfloat16. */
export const areBfloat16 = (values: StoredValues): boolean =>
  isFile(values) ? values.type === 'bfloat16' : values instanceof Uint16Array;

/** Bytes of values of a type. */
export const bytesOfType = ({ type, length }: Pick<TensorFile, 'type' | 'length'>): number =>
  (type === 'float32' ? 4 : 2) * length;

/** The values from one place up to another, without a copy where they are in memory. Throws the system's error. */
export function valuesBetween(values: StoredValues, from: number, to: number): Float32Array | Uint16Array {
  if (!isFile(values)) return values.subarray(from, to);
  const { path, type } = values;
  const part = type === 'float32' ? new Float32Array(to - from) : new Uint16Array(to - from);
  const bytes = new Uint8Array(part.buffer);
  const file = openSync(path, 'r');
  try {
    const begin = from * part.BYTES_PER_ELEMENT;
    for (let done = 0; done < bytes.length;) {
      const got = readSync(file, bytes, done, Math.min(bytes.length - done, 2 ** 30), begin + done);
      if (got === 0) throw new Error(`${path} breaks off`);
      done += got;
    }
  } finally {
    closeSync(file);
  }
  return part;
}
