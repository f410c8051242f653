/**
 * safetensors files: 8 bytes of header length, a JSON header, raw little-endian data (format of Hugging Face, version 0.4).
 * Reading treats the file as hostile. Only float32 is needed here.
 */
import { userError } from '../problems';
import { sizeOf } from '../tensor/parameters';
import type { WeightTensor } from './weights';

const headerLimit = 16 * 2 ** 20;

/** Tensors in the order of their names; equal tensors give equal bytes. */
export function writeSafetensors(tensors: Record<string, WeightTensor>, metadata: Record<string, string> = {}): Uint8Array {
  const names = Object.keys(tensors).sort();
  const header: Record<string, unknown> = { __metadata__: Object.fromEntries(Object.entries(metadata).sort(([a], [b]) => (a < b ? -1 : 1))) };
  let end = 0;
  for (const name of names) {
    const { shape, data } = tensors[name]!;
    header[name] = { dtype: 'F32', shape, data_offsets: [end, (end += data.byteLength)] };
  }
  const text = JSON.stringify(header);
  const head = Buffer.from(text.padEnd(Math.ceil(text.length / 8) * 8, ' '), 'utf8');
  const out = new Uint8Array(8 + head.length + end);
  new DataView(out.buffer).setBigUint64(0, BigInt(head.length), true);
  out.set(head, 8);
  let at = 8 + head.length;
  for (const name of names) {
    const { data } = tensors[name]!;
    out.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), at);
    at += data.byteLength;
  }
  return out;
}

/** Throws UserError for a torn file, a header that lies about lengths, overlapping or surplus data, or another dtype. */
export function readSafetensors(bytes: Uint8Array, where: string): { tensors: Record<string, WeightTensor>; metadata: Record<string, string> } {
  const bad = (what: string, expected: string) => userError({ where, what, expected, hint: 'delete the file; it is made again' });
  if (bytes.length < 8) throw bad(`${bytes.length} bytes`, 'at least 8');
  const length = Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true));
  if (length > headerLimit || 8 + length > bytes.length) throw bad(`a header of ${length} bytes in a file of ${bytes.length}`, `a header inside the file, at most ${headerLimit} bytes`);
  let header: unknown;
  try {
    header = JSON.parse(Buffer.from(bytes.subarray(8, 8 + length)).toString('utf8'));
  } catch {
    throw bad('a header that is not JSON', 'JSON');
  }
  if (header === null || typeof header !== 'object' || Array.isArray(header)) throw bad('a header that is not an object', 'an object');
  const { __metadata__: metadata = {}, ...entries } = header as Record<string, unknown>;
  const tensors: Record<string, WeightTensor> = Object.create(null) as Record<string, WeightTensor>;
  const data = bytes.subarray(8 + length);
  const spans: [number, number][] = [];
  for (const [name, entry] of Object.entries(entries)) {
    const { dtype, shape, data_offsets: span } = (entry ?? {}) as { dtype?: unknown; shape?: unknown; data_offsets?: unknown };
    const whole = (list: unknown): list is number[] => Array.isArray(list) && list.every((n) => Number.isSafeInteger(n) && (n as number) >= 0);
    if (dtype !== 'F32') throw bad(`tensor "${name}" of type ${JSON.stringify(dtype)}`, 'F32');
    if (!whole(shape) || !whole(span) || span.length !== 2) throw bad(`tensor "${name}" with shape ${JSON.stringify(shape)} at ${JSON.stringify(span)}`, 'lists of whole numbers');
    const [from, to] = span as [number, number];
    if (to > data.length || to - from !== 4 * sizeOf(shape)) throw bad(`tensor "${name}" of shape [${shape.join(', ')}] at bytes ${from} to ${to} of ${data.length}`, `${4 * sizeOf(shape)} bytes inside the file`);
    spans.push([from, to]);
    // A copy: the file's bytes may lie at any alignment inside a larger buffer.
    tensors[name] = { shape, data: new Float32Array(new Uint8Array(data.subarray(from, to)).buffer) };
  }
  spans.sort((a, b) => a[0] - b[0]);
  spans.forEach(([from], i) => {
    if (from !== (spans[i - 1]?.[1] ?? 0)) throw bad('tensors that overlap or leave gaps', 'one after another');
  });
  if ((spans.at(-1)?.[1] ?? 0) !== data.length) throw bad(`${data.length} bytes of data`, `${spans.at(-1)?.[1] ?? 0}`);
  if (metadata === null || typeof metadata !== 'object' || Object.values(metadata).some((value) => typeof value !== 'string')) throw bad('metadata that is not text', 'texts by name');
  return { tensors, metadata: metadata as Record<string, string> };
}
