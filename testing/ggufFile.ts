/** Writes small GGUF files for tests, right or wrong on purpose. */

interface Tensor {
  name: string;
  /** slowest axis first */
  shape: number[];
  type: number;
  data: Buffer;
  /** stated place instead of the next free one */
  at?: number;
}

export interface GgufParts {
  version?: number;
  /** stated instead of the true numbers */
  keys?: bigint;
  count?: bigint;
  /** key, type, value, and the type of a list's values */
  metadata: [key: string, type: number, value: number | string | (number | string)[], of?: number][];
  tensors: Tensor[];
}

const u32 = (value: number) => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value >>> 0);
  return bytes;
};
const u64 = (value: bigint | number) => {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt(value));
  return bytes;
};
const text = (value: string) => Buffer.concat([u64(Buffer.byteLength(value)), Buffer.from(value)]);
const float = (value: number) => Buffer.from(Float32Array.of(value).buffer);

function single(type: number, value: number | string): Buffer {
  if (typeof value === 'string') return text(value);
  return type === 10 ? u64(value) : type === 6 ? float(value) : u32(value);
}

/** A file of exactly these parts: nothing is checked. */
export function ggufFile({ version = 3, keys, count, metadata, tensors }: GgufParts): Buffer {
  const head: Buffer[] = [
    Buffer.from('GGUF'),
    u32(version),
    u64(count ?? tensors.length),
    u64(keys ?? metadata.length),
  ];
  for (const [key, type, value, of = 4] of metadata) {
    head.push(text(key), u32(type));
    if (Array.isArray(value)) head.push(u32(of), u64(value.length), ...value.map((one) => single(of, one)));
    else head.push(single(type, value));
  }
  const data: Buffer[] = [];
  let at = 0;
  for (const tensor of tensors) {
    const sides = [...tensor.shape].reverse();
    head.push(text(tensor.name), u32(sides.length), ...sides.map(u64), u32(tensor.type), u64(tensor.at ?? at));
    const stored = Buffer.concat([tensor.data, Buffer.alloc((32 - (tensor.data.length % 32)) % 32)]);
    data.push(stored);
    at += stored.length;
  }
  const header = Buffer.concat(head);
  return Buffer.concat([header, Buffer.alloc((32 - (header.length % 32)) % 32), ...data]);
}
