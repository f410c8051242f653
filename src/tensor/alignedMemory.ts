/**
 * Memory that TensorFlow takes over without a copy. It shares a typed array whose address is a multiple of 64 and copies
 * every other (TF_NewTensor); Node gives addresses that are not, and a WebAssembly memory always begins at a page. For
 * values that nobody changes: what is shared is shared both ways.
 */

const alignment = 64;
const pageBytes = 2 ** 16;
/** Reserved at a time and taken from the machine page by page as it is written, so what is not used costs nothing. */
const blockBytes = 2 ** 28;

/** The part of WebAssembly that is used here; the types of Node do not name it. */
interface Memories {
  Memory: new (size: { initial: number; maximum: number }) => { buffer: ArrayBuffer };
}

/** What is left of the newest block. It is freed when nothing in it is used any more. */
let block: { buffer: ArrayBuffer; used: number } | null = null;

/** So many bytes at a multiple of 64; ordinary memory where the machine reserves no more blocks. */
function aligned(bytes: number): { buffer: ArrayBuffer; offset: number } {
  if (block === null || block.used + bytes > block.buffer.byteLength) {
    const pages = Math.ceil(Math.max(bytes, blockBytes) / pageBytes);
    try {
      const { Memory } = (globalThis as unknown as { WebAssembly: Memories }).WebAssembly;
      block = { buffer: new Memory({ initial: pages, maximum: pages }).buffer, used: 0 };
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      return { buffer: new ArrayBuffer(bytes), offset: 0 };
    }
  }
  const offset = block.used;
  block.used = Math.ceil((offset + bytes) / alignment) * alignment;
  return { buffer: block.buffer, offset };
}

/** Zeros in float32, for values that are written once. */
export function alignedFloats(length: number): Float32Array {
  const { buffer, offset } = aligned(4 * length);
  return new Float32Array(buffer, offset, length);
}

/** Zeros in 16 bits. */
export function alignedBits(length: number): Uint16Array {
  const { buffer, offset } = aligned(2 * length);
  return new Uint16Array(buffer, offset, length);
}
