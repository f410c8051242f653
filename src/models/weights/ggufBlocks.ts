/**
 * How GGUF stores numbers: plain ones, and blocks of small integers with a scale. Each value becomes float32 in the
 * steps of float32 arithmetic that the reference takes, so that it equals it to the last bit. Source: ggml,
 * `ggml-common.h` (layout of blocks) and `ggml-quants.c` (`dequantize_row_*`).
 */
import { halfTable, toFloat32 } from './dtypes';

/** One type of number. */
export interface GgufType {
  name: string;
  /** values in a block */
  values: number;
  /** bytes of a block */
  bytes: number;
  /** All values of the blocks in `bytes`, which begin at a whole block. */
  decode(bytes: Uint8Array, out: Float32Array): void;
}

const f = Math.fround;

/** A half precision number of two bytes at `at`. */
const halfAt = (bytes: Uint8Array, at: number, halves: Float32Array): number =>
  halves[bytes[at]! | (bytes[at + 1]! << 8)]!;

const signed = (byte: number): number => (byte << 24) >> 24;

/** A type whose blocks are decoded one at a time: from byte `at`, into `out` from `to`. */
const blocks = (
  name: string,
  values: number,
  size: number,
  block: (bytes: Uint8Array, at: number, out: Float32Array, to: number, halves: Float32Array) => void,
): GgufType => ({
  name,
  values,
  bytes: size,
  decode(bytes, out) {
    const halves = halfTable();
    for (let at = 0, to = 0; to < out.length; at += size, to += values) block(bytes, at, out, to, halves);
  },
});

/** Two bytes a value; a copy, because a view of 16-bit numbers must begin at an even byte. */
const halfType = (name: 'F16' | 'BF16'): GgufType => ({
  name,
  values: 1,
  bytes: 2,
  decode: (bytes, out) => toFloat32(new Uint16Array(bytes.slice().buffer), name, out),
});

const float32: GgufType = {
  name: 'F32',
  values: 1,
  bytes: 4,
  decode: (bytes, out) => out.set(new Float32Array(bytes.slice().buffer)),
};

/** Scale, smallest value, 32 values of 4 bits: low halves of the bytes first. */
const q41 = blocks('Q4_1', 32, 20, (bytes, at, out, to, halves) => {
  const scale = halfAt(bytes, at, halves),
    least = halfAt(bytes, at + 2, halves);
  for (let i = 0; i < 16; i++) {
    const pair = bytes[at + 4 + i]!;
    out[to + i] = f(scale * (pair & 15)) + least;
    out[to + 16 + i] = f(scale * (pair >> 4)) + least;
  }
});

/** Scale, the fifth bits of 32 values, their other four bits; -16 to 15. */
const q50 = blocks('Q5_0', 32, 22, (bytes, at, out, to, halves) => {
  const scale = halfAt(bytes, at, halves);
  const fifth = (i: number) => ((bytes[at + 2 + (i >> 3)]! >> (i & 7)) & 1) << 4;
  for (let i = 0; i < 16; i++) {
    const pair = bytes[at + 6 + i]!;
    out[to + i] = scale * (((pair & 15) | fifth(i)) - 16);
    out[to + 16 + i] = scale * (((pair >> 4) | fifth(i + 16)) - 16);
  }
});

/** Scale, 32 values of 8 bits. */
const q80 = blocks('Q8_0', 32, 34, (bytes, at, out, to, halves) => {
  const scale = halfAt(bytes, at, halves);
  for (let i = 0; i < 32; i++) out[to + i] = scale * signed(bytes[at + 2 + i]!);
});

/**
 * 256 values of 4 bits in 8 groups; scale and smallest value of a group are 6 bits each, times those of the block. The
 * twelve bytes of these hold the lower groups' in their lower 6 bits, and the upper groups' in halves and upper bits.
 */
const q4k = blocks('Q4_K', 256, 144, (bytes, at, out, to, halves) => {
  const scale = halfAt(bytes, at, halves),
    least = halfAt(bytes, at + 2, halves);
  const packed = (i: number) => bytes[at + 4 + i]!;
  for (let group = 0; group < 8; group++) {
    const [s, m] =
      group < 4
        ? [packed(group) & 63, packed(group + 4) & 63]
        : [
            (packed(group + 4) & 15) | ((packed(group - 4) >> 6) << 4),
            (packed(group + 4) >> 4) | ((packed(group) >> 6) << 4),
          ];
    const times = f(scale * s),
      minus = f(least * m),
      from = at + 16 + 32 * (group >> 1),
      shift = 4 * (group & 1);
    for (let i = 0; i < 32; i++) out[to + 32 * group + i] = f(times * ((bytes[from + i]! >> shift) & 15)) - minus;
  }
});

/** 256 values of 6 bits, -32 to 31, in 16 groups with an 8-bit scale each, times that of the block. */
const q6k = blocks('Q6_K', 256, 210, (bytes, at, out, to, halves) => {
  const scale = halfAt(bytes, at + 208, halves);
  for (let i = 0; i < 256; i++) {
    const half = i >> 7,
      quarter = (i >> 5) & 3,
      place = i & 31;
    const low = bytes[at + 64 * half + 32 * (quarter & 1) + place]! >> (4 * (quarter >> 1));
    const high = bytes[at + 128 + 32 * half + place]! >> (2 * quarter);
    out[to + i] = f(scale * signed(bytes[at + 192 + (i >> 4)]!)) * (((low & 15) | ((high & 3) << 4)) - 32);
  }
});

/** The types that are read, by ggml's number of each. */
export const ggufTypes: ReadonlyMap<number, GgufType> = new Map([
  [0, float32],
  [1, halfType('F16')],
  [3, q41],
  [6, q50],
  [8, q80],
  [12, q4k],
  [14, q6k],
  [30, halfType('BF16')],
]);
