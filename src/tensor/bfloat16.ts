/**
 * bfloat16 numbers: the upper half of a float32 (sign, 8 bits of exponent, 7 of fraction), kept as bits in a
 * Uint16Array, since JavaScript has no array of them.
 */
import { alignedBits } from './alignedMemory';
import { valuesBetween, type StoredValues } from './tensorFile';

/** The nearest bfloat16 numbers; ties go to the even one, as IEEE 754 rounds and PyTorch and TensorFlow do. */
export function toBfloat16(values: Float32Array, out: Uint16Array = alignedBits(values.length)): Uint16Array {
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
  for (let i = 0; i < bits.length; i++) {
    const each = bits[i]!;
    // The carry of rounding would turn some NaNs into infinity: they keep their sign and become quiet ones.
    out[i] = (each & 0x7fffffff) > 0x7f800000 ? (each >>> 16) | 0x40 : (each + 0x7fff + ((each >>> 16) & 1)) >>> 16;
  }
  return out;
}

/** The same numbers as float32, exactly. */
export function fromBfloat16(values: Uint16Array, out: Float32Array = new Float32Array(values.length)): Float32Array {
  const bits = new Uint32Array(out.buffer, out.byteOffset, out.length);
  for (let i = 0; i < bits.length; i++) bits[i] = values[i]! << 16;
  return out;
}

/** Values in float32, whichever way they are kept. Throws the system's error for a file that cannot be read. */
export function asFloat32(values: StoredValues): Float32Array {
  if (values instanceof Float32Array) return values;
  const read = valuesBetween(values, 0, values.length);
  return read instanceof Float32Array ? read : fromBfloat16(read);
}
