/**
 * safetensors files: 8 bytes of header length, a JSON header, raw little-endian data (format of Hugging Face, version
 * 0.4). Every file is hostile: lengths, offsets, overlaps, types and the header's size and depth are checked before
 * anything of a stated size is allocated. Tensors are read one at a time, so a file costs no more memory than the
 * tensors asked for.
 */
import { show } from '../../printable';
import { userError, UserError } from '../../problems';
import { alignedBits } from '../../tensor/alignedMemory';
import { toBfloat16 } from '../../tensor/bfloat16';
import { bytesOf, floatTypes, toFloat32 } from './dtypes';
import { bytesInMemory, openFile, type FileBytes } from './fileBytes';
import { isObject, parseObject } from '../../json';
import type { WeightTensor } from './weight';

const headerLimit = 16 * 2 ** 20;
/** Header, tensor, list of a tensor: a deeper header is no header. */
const headerDepth = 4;
/** Converted at a time, so that a half precision tensor needs no second copy of itself. */
const chunkValues = 2 ** 20;

export interface TensorEntry {
  dtype: string;
  shape: number[];
  /** bytes after the header */
  from: number;
  to: number;
}

export interface SafetensorsFile {
  /** in the order of the header; a Map, because a name may be `__proto__` */
  entries: ReadonlyMap<string, TensorEntry>;
  metadata: Record<string, string>;
  /**
   * values of a float32, float16 or bfloat16 tensor; throws UserError for another type, an unknown name or a file that
   * breaks off
   */
  read(name: string): WeightTensor;
  /** bits of bfloat16 of such a tensor, read as they are or rounded a block at a time; throws as `read` */
  readBfloat16(name: string): { shape: number[]; data: Uint16Array };
  /** values of an int32 tensor; throws as `read` */
  readIntegers(name: string): { shape: number[]; data: Int32Array };
  close(): void;
}

/** Tensors in the order of their names; equal tensors give equal bytes. */
export function writeSafetensors(
  tensors: Record<string, WeightTensor>,
  metadata: Record<string, string> = {},
): Uint8Array {
  const names = Object.keys(tensors).sort();
  const header: Record<string, unknown> = {
    __metadata__: Object.fromEntries(Object.entries(metadata).sort(([a], [b]) => (a < b ? -1 : 1))),
  };
  let end = 0;
  for (const name of names) {
    const { shape, data } = tensors[name]!;
    header[name] = { dtype: 'F32', shape, data_offsets: [end, (end += data.byteLength)] };
  }
  const text = Buffer.from(JSON.stringify(header), 'utf8');
  const length = Math.ceil(text.length / 8) * 8;
  const out = new Uint8Array(8 + length + end);
  new DataView(out.buffer).setBigUint64(0, BigInt(length), true);
  out.fill(0x20, 8, 8 + length);
  out.set(text, 8);
  let at = 8 + length;
  for (const name of names) {
    const { data } = tensors[name]!;
    out.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), at);
    at += data.byteLength;
  }
  return out;
}

/**
 * All tensors of a file in memory. Throws UserError for a torn file, a header that lies, or values that are not
 * floating point.
 */
export function readSafetensors(
  bytes: Uint8Array,
  where: string,
): { tensors: Record<string, WeightTensor>; metadata: Record<string, string> } {
  const file = open(bytesInMemory(bytes), where, 'delete the file; it is made again');
  const tensors: Record<string, WeightTensor> = Object.create(null) as Record<string, WeightTensor>;
  for (const name of file.entries.keys()) tensors[name] = file.read(name);
  return { tensors, metadata: file.metadata };
}

/** Opens a file on disk; only its header is read. The caller closes it. Throws UserError as `readSafetensors`. */
export const openSafetensors = (path: string): SafetensorsFile =>
  openFile(path, 'a safetensors file', (bytes) => open(bytes, path, 'fetch it again'));

function open(source: FileBytes, where: string, hint: string): SafetensorsFile {
  const bad = (what: string, expected: string): UserError => userError({ where, what, expected, hint });
  if (source.length < 8) throw bad(`${source.length} bytes`, 'at least 8');
  const prefix = new Uint8Array(8);
  source.read(0, prefix);
  const length = Number(new DataView(prefix.buffer).getBigUint64(0, true));
  if (length > headerLimit || 8 + length > source.length)
    throw bad(
      `a header of ${length} bytes in a file of ${source.length}`,
      `a header inside the file, at most ${headerLimit} bytes`,
    );
  const header = new Uint8Array(length);
  source.read(8, header);
  const { entries, metadata } = parseHeader(
    Buffer.from(header).toString('utf8'),
    source.length - 8 - length,
    where,
    bad,
  );
  const find = (name: string, types: readonly string[]): TensorEntry => {
    const entry = entries.get(name);
    if (entry === undefined) throw bad(`no tensor "${name}"`, [...entries.keys()].slice(0, 10).join(', '));
    if (!types.includes(entry.dtype)) throw bad(`tensor "${name}" of type ${entry.dtype}`, types.join(', '));
    return entry;
  };
  const start = 8 + length;
  return {
    entries,
    metadata,
    read(name) {
      const entry = find(name, floatTypes);
      const { dtype, shape, from, to } = entry;
      const data = source.floats((to - from) / bytesOf[dtype]!);
      if (dtype === 'F32') source.read(start + from, new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
      else blocks(source, entry, start, (values, at) => data.set(values, at));
      return { shape, data };
    },
    readBfloat16(name) {
      const entry = find(name, floatTypes);
      const { dtype, shape, from, to } = entry;
      const data = alignedBits((to - from) / bytesOf[dtype]!);
      if (dtype === 'BF16') source.read(start + from, new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
      else blocks(source, entry, start, (values, at) => toBfloat16(values, data.subarray(at, at + values.length)));
      return { shape, data };
    },
    readIntegers(name) {
      const { shape, from, to } = find(name, ['I32']);
      const data = new Int32Array((to - from) / 4);
      source.read(start + from, new Uint8Array(data.buffer));
      return { shape, data };
    },
    close: () => source.close(),
  };
}

/** Hands the values of a floating-point tensor out whose file's tensors begin at `start`, a block at a time. */
function blocks(
  source: FileBytes,
  { dtype, from, to }: TensorEntry,
  start: number,
  take: (values: Float32Array, at: number) => void,
): void {
  const size = bytesOf[dtype]!,
    count = (to - from) / size;
  const values = new Float32Array(Math.min(chunkValues, count));
  const raw = dtype === 'F32' ? new Uint8Array(values.buffer) : new Uint8Array(2 * values.length);
  for (let at = 0; at < count; at += chunkValues) {
    const here = values.subarray(0, Math.min(chunkValues, count - at));
    source.read(start + from + size * at, raw.subarray(0, size * here.length));
    if (dtype !== 'F32') toFloat32(new Uint16Array(raw.buffer, 0, here.length), dtype as 'F16' | 'BF16', here);
    take(here, at);
  }
}

/** Checks every statement of the header against the `available` bytes of data behind it. */
function parseHeader(
  text: string,
  available: number,
  where: string,
  bad: (what: string, expected: string) => UserError,
): { entries: Map<string, TensorEntry>; metadata: Record<string, string> } {
  const header = parseObject(text, `${where} (header)`, headerDepth);
  const whole = (list: unknown): list is number[] =>
    Array.isArray(list) && list.every((n) => Number.isSafeInteger(n) && (n as number) >= 0);
  const entries = new Map<string, TensorEntry>();
  const spans: [number, number][] = [];
  let metadata: unknown = {};
  for (const [name, entry] of Object.entries(header)) {
    if (name === '__metadata__') {
      metadata = entry;
      continue;
    }
    const { dtype, shape, data_offsets: span } = isObject(entry) ? entry : {};
    const size = typeof dtype === 'string' && Object.hasOwn(bytesOf, dtype) ? bytesOf[dtype]! : null;
    if (size === null) throw bad(`tensor "${name}" of type ${show(dtype)}`, Object.keys(bytesOf).join(', '));
    if (!whole(shape) || !whole(span) || span.length !== 2 || shape.length > 16)
      throw bad(`tensor "${name}" with shape ${show(shape)} at ${show(span)}`, 'lists of whole numbers');
    const [from, to] = span as [number, number];
    // Two numbers that are multiplied stay exact only below 2^53; no honest product exceeds the file.
    let values = 1;
    for (const side of shape)
      values = side === 0 || values === 0 ? 0 : Math.min(values * side, Number.MAX_SAFE_INTEGER);
    if (to > available || to - from !== size * values)
      throw bad(
        `tensor "${name}" of shape [${shape.join(', ')}] at bytes ${from} to ${to} of ${available}`,
        `${size * values} bytes inside the file`,
      );
    spans.push([from, to]);
    entries.set(name, { dtype: dtype as string, shape, from, to });
  }
  spans.sort((a, b) => a[0] - b[0] || a[1] - b[1]);
  spans.forEach(([from], i) => {
    if (from !== (spans[i - 1]?.[1] ?? 0)) throw bad('tensors that overlap or leave gaps', 'one after another');
  });
  if ((spans.at(-1)?.[1] ?? 0) !== available) throw bad(`${available} bytes of data`, `${spans.at(-1)?.[1] ?? 0}`);
  if (!isObject(metadata) || Object.values(metadata).some((value) => typeof value !== 'string'))
    throw bad('metadata that is not text', 'texts by name');
  return { entries, metadata: metadata as Record<string, string> };
}
