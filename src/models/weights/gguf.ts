/**
 * GGUF files (versions 2 and 3, little-endian): metadata by key, tensors by name, raw data. Every file is hostile:
 * counts, lengths, offsets and types are checked before anything of a stated size is allocated, and each tensor must
 * lie inside the file and beside the others. Tensors are read one at a time. The library @huggingface/gguf is not used:
 * it reads headers of files on the network, and neither holds the tensors' places against the file nor reads values.
 * Source: ggml, `docs/gguf.md`.
 */
import { show } from '../../printable';
import { userError, type UserError } from '../../problems';
import { bytesInMemory, openFile, type FileBytes } from './fileBytes';
import { ggufTypes, type GgufType } from './ggufBlocks';
import { allFinite, type WeightTensor } from './weight';

/** A value of the metadata. */
export type GgufValue = number | boolean | string | readonly (number | boolean | string)[];

export interface GgufTensor {
  /** e.g. `Q4_1` */
  type: string;
  /** the axis whose neighbours lie side by side comes last */
  shape: number[];
}

export interface GgufFile {
  /** a Map, because a key may be `__proto__` */
  metadata: ReadonlyMap<string, GgufValue>;
  tensors: ReadonlyMap<string, GgufTensor>;
  /** Values of a tensor as float32. Throws UserError for an unknown name or values that are not finite. */
  read(name: string): WeightTensor;
  close(): void;
}

/** Far above any published file. */
const limits = {
  /** bytes before the data */
  header: 64 * 2 ** 20,
  keys: 65_536,
  tensors: 65_536,
  /** values of a list */
  list: 2 ** 22,
  /** bytes of a name */
  name: 512,
  axes: 4,
  alignment: 65_536,
} as const;

type Bad = (what: string, expected: string) => UserError;

/** Opens a file on disk; only what stands before its data is read. The caller closes it. Throws UserError. */
export const openGguf = (path: string): GgufFile => openFile(path, 'a GGUF file', (bytes) => open(bytes, path));

/** The same of bytes in memory. */
export const readGguf = (bytes: Uint8Array, where: string): GgufFile => open(bytesInMemory(bytes), where);

/** Reads numbers and texts one after the other. Every function throws UserError past the end of the header. */
interface Header {
  at(): number;
  u32(): number;
  /** an unsigned 64-bit number of at most `most` */
  count(what: string, most: number): number;
  text(what: string, most?: number): string;
  value(type: number, key: string): GgufValue;
}

/** Bytes of a value of each fixed type, and how it is read. */
const scalars: ReadonlyMap<number, { bytes: number; read(view: DataView, at: number): number | boolean | bigint }> =
  new Map([
    [0, { bytes: 1, read: (view, at) => view.getUint8(at) }],
    [1, { bytes: 1, read: (view, at) => view.getInt8(at) }],
    [2, { bytes: 2, read: (view, at) => view.getUint16(at, true) }],
    [3, { bytes: 2, read: (view, at) => view.getInt16(at, true) }],
    [4, { bytes: 4, read: (view, at) => view.getUint32(at, true) }],
    [5, { bytes: 4, read: (view, at) => view.getInt32(at, true) }],
    [6, { bytes: 4, read: (view, at) => view.getFloat32(at, true) }],
    [7, { bytes: 1, read: (view, at) => view.getUint8(at) !== 0 }],
    [10, { bytes: 8, read: (view, at) => view.getBigUint64(at, true) }],
    [11, { bytes: 8, read: (view, at) => view.getBigInt64(at, true) }],
    [12, { bytes: 8, read: (view, at) => view.getFloat64(at, true) }],
  ]);
const textType = 8,
  listType = 9;

function headerOf(bytes: Uint8Array, bad: Bad): Header {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  let at = 0;
  const take = (length: number, what: string): number => {
    if (length > bytes.length - at)
      throw bad(`it breaks off in ${what}`, `a header inside the file, at most ${limits.header} bytes`);
    at += length;
    return at - length;
  };
  const count = (what: string, most: number): number => {
    const value = view.getBigUint64(take(8, what), true);
    if (value > BigInt(most)) throw bad(`${value} as ${what}`, `at most ${most}`);
    return Number(value);
  };
  const text = (what: string, most: number = bytes.length): string => {
    const length = count(`the length of ${what}`, most);
    const from = take(length, what);
    return Buffer.from(bytes.buffer, bytes.byteOffset + from, length).toString('utf8');
  };
  function single(type: number, key: string): number | boolean | string {
    if (type === textType) return text(show(key));
    const scalar = scalars.get(type);
    if (scalar === undefined)
      throw bad(`a value of type ${type} for ${show(key)}`, 'a number, a truth value or a text');
    const value = scalar.read(view, take(scalar.bytes, show(key)));
    if (typeof value !== 'bigint') return value;
    if (!Number.isSafeInteger(Number(value))) throw bad(`${value} for ${show(key)}`, 'a number below 2^53');
    return Number(value);
  }
  const u32 = (): number => view.getUint32(take(4, 'a number'), true);
  return {
    at: () => at,
    u32,
    count,
    text,
    value(type, key) {
      if (type !== listType) return single(type, key);
      const of = u32();
      const length = count(`the length of ${show(key)}`, limits.list);
      return Array.from({ length }, () => single(of, key));
    },
  };
}

interface Placed extends GgufTensor {
  kind: GgufType;
  /** bytes after the beginning of the data */
  from: number;
  to: number;
}

/** What is said of a tensor before its data. */
function tensorOf(header: Header, alignment: number, bad: Bad): [string, Placed] {
  const name = header.text('the name of a tensor', limits.name);
  const axes = header.u32();
  if (axes < 1 || axes > limits.axes) throw bad(`tensor ${show(name)} with ${axes} axes`, `1 to ${limits.axes}`);
  // The fastest axis comes first in the file.
  const sides = Array.from({ length: axes }, () => header.count(`a side of ${show(name)}`, 2 ** 31));
  const type = header.u32();
  const kind = ggufTypes.get(type);
  if (kind === undefined)
    throw bad(
      `tensor ${show(name)} of type ${type}`,
      [...ggufTypes].map(([number, { name: known }]) => `${known} (${number})`).join(', '),
    );
  const from = header.count(`the place of ${show(name)}`, Number.MAX_SAFE_INTEGER);
  // Two numbers that are multiplied stay exact only below 2^53; no honest product exceeds the file.
  const values = sides.reduce((product, side) => Math.min(product * side, Number.MAX_SAFE_INTEGER), 1);
  if (values === 0 || sides[0]! % kind.values !== 0)
    throw bad(
      `tensor ${show(name)} of shape [${sides.reverse().join(', ')}]`,
      `rows of a multiple of ${kind.values} values`,
    );
  if (from % alignment !== 0) throw bad(`tensor ${show(name)} at byte ${from}`, `a multiple of ${alignment}`);
  const to = from + (values / kind.values) * kind.bytes;
  return [name, { type: kind.name, shape: sides.reverse(), kind, from, to }];
}

/** Throws where tensors overlap or leave the data. */
function checkPlaces(tensors: ReadonlyMap<string, Placed>, available: number, bad: Bad): void {
  const placed = [...tensors].sort(([, a], [, b]) => a.from - b.from);
  placed.forEach(([name, { from, to }], i) => {
    const before = placed[i - 1]?.[1].to ?? 0;
    if (from < before || to > available)
      throw bad(
        `tensor ${show(name)} at bytes ${from} to ${to} of ${available}`,
        `a place of its own inside the file, from ${before} on`,
      );
  });
}

/** The fixed beginning of a file, as far as it says what follows: how many tensors, how many keys. */
function countsOf(header: Header, bad: Bad): { tensors: number; keys: number } {
  const magic = header.u32();
  if (magic !== 0x46554747) throw bad('does not begin as a GGUF file', 'GGUF');
  const version = header.u32();
  if (version !== 2 && version !== 3)
    throw bad(
      version % 65_536 === 0 ? 'numbers in the other order (big-endian)' : `version ${version}`,
      'version 2 or 3, little-endian',
    );
  return {
    tensors: header.count('the number of tensors', limits.tensors),
    keys: header.count('the number of keys', limits.keys),
  };
}

function open(source: FileBytes, where: string): GgufFile {
  const bad: Bad = (what, expected) => userError({ where, what, expected, hint: 'fetch it again' });
  const bytes = new Uint8Array(Math.min(source.length, limits.header));
  source.read(0, bytes);
  const header = headerOf(bytes, bad);
  const { tensors: count, keys } = countsOf(header, bad);
  const metadata = new Map<string, GgufValue>();
  for (let i = 0; i < keys; i++) {
    const key = header.text('a key', limits.name);
    if (metadata.has(key)) throw bad(`${show(key)} is there twice`, 'one value a key');
    metadata.set(key, header.value(header.u32(), key));
  }
  const alignment = metadata.get('general.alignment') ?? 32;
  if (typeof alignment !== 'number' || alignment < 8 || alignment % 8 !== 0 || alignment > limits.alignment)
    throw bad(`${show(alignment)} as general.alignment`, `a multiple of 8 of at most ${limits.alignment}`);
  const tensors = new Map<string, Placed>();
  for (let i = 0; i < count; i++) {
    const [name, tensor] = tensorOf(header, alignment, bad);
    if (tensors.has(name)) throw bad(`tensor ${show(name)} is there twice`, 'one tensor a name');
    tensors.set(name, tensor);
  }
  const start = Math.ceil(header.at() / alignment) * alignment;
  checkPlaces(tensors, source.length - start, bad);
  return {
    metadata,
    tensors,
    read(name) {
      const tensor = tensors.get(name);
      if (tensor === undefined) throw bad(`no tensor ${show(name)}`, [...tensors.keys()].slice(0, 10).join(', '));
      const { kind, shape, from, to } = tensor;
      const stored = new Uint8Array(to - from);
      source.read(start + from, stored);
      const data = source.floats((stored.length / kind.bytes) * kind.values);
      kind.decode(stored, data);
      if (!allFinite(data)) throw bad(`tensor ${show(name)} holds values that are not numbers`, 'finite numbers');
      return { shape: [...shape], data };
    },
    close: () => source.close(),
  };
}
