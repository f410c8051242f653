/**
 * Weights that PyTorch saved (`torch.save` since version 1.6): a zip of a pickle, which names the tensors, and one file
 * of little-endian values for each storage. The pickle is read as data (pickle.ts), so nothing of it is run; of its calls
 * those that rebuild tensors are understood and all others are left alone. Every file is hostile: shape, stride and
 * offset are held against the storage before anything is allocated. Source: PyTorch, `torch/serialization.py` and
 * `torch/_utils.py` (`_rebuild_tensor_v2`).
 */
import { statSync } from 'node:fs';
import { show } from '../../printable';
import { userError } from '../../problems';
import { openZip } from '../../sources/zip';
import { bytesOf, toFloat32 } from './dtypes';
import { isCall, isName, isOutside, readPickle, type Pickled } from './pickle';
import { allFinite, floatsOf, type WeightTensor } from './weight';

/** A tensor as the pickle describes it. */
interface Stored {
  /** F32, F16, BF16, ... (dtypes.ts) */
  type: string;
  /** member of the zip that holds the storage's values, below `data/` */
  member: string;
  /** values of the storage, and the tensor's first among them */
  values: number;
  offset: number;
  shape: number[];
  stride: number[];
}

export interface PytorchFile {
  /** tensors by their names in the dictionaries of the file, inner ones joined by dots */
  tensors: ReadonlyMap<string, { shape: readonly number[]; type: string }>;
  /** Values of a tensor of floats. Throws UserError for an unknown name, another type, or values that are not finite. */
  read(name: string): Promise<WeightTensor>;
  close(): void;
}

const storageTypes: Readonly<Record<string, string>> = {
  'torch.FloatStorage': 'F32',
  'torch.HalfStorage': 'F16',
  'torch.BFloat16Storage': 'BF16',
  'torch.DoubleStorage': 'F64',
  'torch.LongStorage': 'I64',
  'torch.IntStorage': 'I32',
  'torch.ShortStorage': 'I16',
  'torch.CharStorage': 'I8',
  'torch.ByteStorage': 'U8',
  'torch.BoolStorage': 'BOOL',
};

/** Far above any published tensor. */
const limits = { axes: 8, values: 2 ** 31, depth: 8, pickle: 16 * 2 ** 20 } as const;

type Bad = (what: string, expected: string) => Error;

const wholes = (value: Pickled | undefined): number[] | null =>
  Array.isArray(value) &&
  value.length <= limits.axes &&
  value.every((each) => typeof each === 'number' && Number.isSafeInteger(each) && each >= 0)
    ? (value as number[])
    : null;

/** The tensor that a call rebuilds; null for any other value. Throws for one that does not fit its storage. */
function tensorOf(value: Pickled | undefined, bad: Bad): Stored | null {
  if (!isCall(value) || !isName(value.of)) return null;
  if (value.of.name === 'torch._utils._rebuild_parameter') return tensorOf(value.given[0], bad);
  if (value.of.name !== 'torch._utils._rebuild_tensor_v2') return null;
  const [outside, offset, size, strides] = value.given;
  const key = isOutside(outside) && Array.isArray(outside.key) ? outside.key : [];
  const [storage, kind, member, , values] = key;
  const [shape, stride] = [wholes(size), wholes(strides)];
  const type = isName(kind) ? storageTypes[kind.name] : undefined;
  if (
    storage !== 'storage' ||
    type === undefined ||
    typeof member !== 'string' ||
    !Number.isSafeInteger(values) ||
    !Number.isSafeInteger(offset) ||
    (offset as number) < 0 ||
    shape === null ||
    stride?.length !== shape.length
  )
    throw bad('a tensor that is not described as PyTorch does', 'storage, offset, shape and stride');
  const count = shape.reduce((product, side) => Math.min(product * side, 2 ** 40), 1);
  const last = shape.reduce((at, side, axis) => at + Math.max(0, side - 1) * stride[axis]!, offset as number);
  if (count > limits.values || (count > 0 && last >= (values as number)))
    throw bad(`a tensor [${shape}] beyond its storage of ${values as number} values`, 'one that fits');
  return { type, member, values: values as number, offset: offset as number, shape, stride };
}

/** Every tensor of nested dictionaries and lists; a list, as of weights and settings, has no names of its own. */
function tensorsIn(whole: Pickled, bad: Bad): Map<string, Stored> {
  const found = new Map<string, Stored>();
  // What a pickle names again and again is looked at once: it may hold itself.
  const seen = new Set<Pickled>();
  const collect = (value: Pickled, name: string, depth: number): void => {
    const tensor = tensorOf(value, bad);
    if (tensor !== null) {
      if (found.has(name)) throw bad(`${show(name)} is there twice`, 'one tensor a name');
      found.set(name, tensor);
      return;
    }
    const entries = value instanceof Map ? value : isCall(value) ? value.entries : null;
    if ((entries === null && !Array.isArray(value)) || seen.has(value)) return;
    seen.add(value);
    if (depth > limits.depth) throw bad('dictionaries deeper than any model', `at most ${limits.depth}`);
    for (const [key, inner] of entries ?? [])
      if (typeof key === 'string') collect(inner, name === '' ? key : `${name}.${key}`, depth + 1);
    if (Array.isArray(value)) for (const inner of value) collect(inner, name, depth + 1);
  };
  collect(whole, '', 0);
  return found;
}

/** Opens a file on disk; no values are read. The caller closes it. Throws UserError. */
export async function openPytorch(path: string): Promise<PytorchFile> {
  const bad: Bad = (what, expected) => userError({ where: path, what, expected, hint: 'fetch it again' });
  const zip = await openZip(path, (name) => !name.startsWith('/') && !name.split('/').includes('..'));
  try {
    const pickles = zip.names.filter((name) => /^[^/]+\/data\.pkl$/.test(name));
    if (pickles.length !== 1) throw bad(`${pickles.length} members data.pkl`, 'one, as torch.save writes');
    const root = pickles[0]!.slice(0, -'data.pkl'.length);
    if (zip.names.includes(`${root}byteorder`) && String(await zip.read(`${root}byteorder`, 16)) !== 'little')
      throw bad('values in another byte order', 'little-endian ones');
    const tensors = tensorsIn(readPickle(await zip.read(pickles[0]!, limits.pickle), path), bad);
    if (tensors.size === 0) throw bad('no tensor', 'a file of weights');
    // Values are stored as they are: more than the file has would come of a compression, which PyTorch does not use.
    const most = statSync(path).size;
    return {
      tensors,
      async read(name) {
        const tensor = tensors.get(name);
        if (tensor === undefined) throw bad(`no tensor ${show(name)}`, [...tensors.keys()].slice(0, 10).join(', '));
        const data = await valuesOf(tensor, show(name), (member) => zip.read(`${root}data/${member}`, most), bad);
        return { shape: [...tensor.shape], data };
      },
      close: () => zip.close(),
    };
  } catch (error) {
    zip.close();
    throw error;
  }
}

/** The values of a tensor, row by row; `member` reads a storage. */
async function valuesOf(
  { type, member, values, offset, shape, stride }: Stored,
  name: string,
  storageOf: (member: string) => Promise<Buffer>,
  bad: Bad,
): Promise<Float32Array> {
  if (type !== 'F32' && type !== 'F16' && type !== 'BF16') throw bad(`${name} of type ${type}`, 'F32, F16 or BF16');
  const length = values * bytesOf[type]!;
  const bytes = await storageOf(member);
  if (bytes.length !== length) throw bad(`${name} with ${bytes.length} bytes of values`, `${length} bytes`);
  const data = strided(storageFloats(bytes, type), offset, shape, stride);
  if (!allFinite(data)) throw bad(`${name} holds values that are not numbers`, 'finite numbers');
  return data;
}

function storageFloats(bytes: Buffer, type: 'F32' | 'F16' | 'BF16'): Float32Array {
  if (type === 'F32') return floatsOf(bytes);
  const halves = new Uint16Array(bytes.length / 2);
  new Uint8Array(halves.buffer).set(bytes);
  const out = new Float32Array(halves.length);
  toFloat32(halves, type, out);
  return out;
}

/** What a tensor takes out of its storage. */
function strided(
  storage: Float32Array,
  offset: number,
  shape: readonly number[],
  stride: readonly number[],
): Float32Array {
  const out = new Float32Array(shape.reduce((product, side) => product * side, 1));
  const at = shape.map(() => 0);
  for (let i = 0, place = offset; i < out.length; i++) {
    out[i] = storage[place]!;
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      at[axis]! += 1;
      place += stride[axis]!;
      if (at[axis]! < shape[axis]!) break;
      place -= shape[axis]! * stride[axis]!;
      at[axis] = 0;
    }
  }
  return out;
}
