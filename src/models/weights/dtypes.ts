/** Element types of safetensors files and their conversion to float32. */

/** Bytes of one element, for every type that the format knows (version 0.4 and the float8 types added later). */
export const bytesOf: Readonly<Record<string, number>> = {
  F64: 8,
  I64: 8,
  U64: 8,
  F32: 4,
  I32: 4,
  U32: 4,
  F16: 2,
  BF16: 2,
  I16: 2,
  U16: 2,
  I8: 1,
  U8: 1,
  BOOL: 1,
  F8_E4M3: 1,
  F8_E5M2: 1,
};

/** Types whose values become float32 weights without loss. */
export const floatTypes: readonly string[] = ['F32', 'F16', 'BF16'];

let halves: Float32Array | undefined;

/** All 65,536 IEEE 754 half precision numbers: sign, 5 bits of exponent (bias 15), 10 bits of fraction. */
export function halfTable(): Float32Array {
  if (halves !== undefined) return halves;
  halves = new Float32Array(2 ** 16);
  for (let bits = 0; bits < 2 ** 16; bits++) {
    const sign = bits & 0x8000 ? -1 : 1;
    const exponent = (bits >> 10) & 0x1f;
    const fraction = bits & 0x3ff;
    halves[bits] =
      exponent === 0
        ? sign * fraction * 2 ** -24
        : exponent < 31
          ? sign * (1 + fraction / 1024) * 2 ** (exponent - 15)
          : fraction === 0
            ? sign * Infinity
            : NaN;
  }
  return halves;
}

/**
 * Converts values of type F16 or BF16, stored in the machine's byte order (little-endian, as the format and every
 * platform of ours).
 */
export function toFloat32(values: Uint16Array, type: 'F16' | 'BF16', out: Float32Array): void {
  if (type === 'F16') {
    const table = halfTable();
    for (let i = 0; i < out.length; i++) out[i] = table[values[i]!]!;
    return;
  }
  // bfloat16 is the upper half of a float32.
  const bits = new Uint32Array(out.buffer, out.byteOffset, out.length);
  for (let i = 0; i < out.length; i++) bits[i] = values[i]! << 16;
}
