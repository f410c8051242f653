/**
 * Weights that no step changes, in files of the cache, a tensor a file (src/tensor/tensorFile.ts), so that all workers
 * on one model share one copy and opening it reads none. They are made of a checkpoint once, not mapped where it lies:
 * its tensors stand at odd places and in other types, and one that is saved anew while a run trains would change the
 * run's weights. A file is whole when it has its size and the fixed time that is set on a finished one; one that was
 * cut off, altered or touched since has another, and is made anew.
 */
import { randomUUID } from 'node:crypto';
import {
  closeSync,
  fsyncSync,
  futimesSync,
  mkdirSync,
  readdirSync,
  openSync,
  renameSync,
  rmSync,
  statfsSync,
  statSync,
  writeSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { cachePath, canonicalJson, sha256, storageFault } from '../../files';
import { mapsFiles } from '../../tensor/backend';
import { toBfloat16 } from '../../tensor/bfloat16';
import { areBfloat16, bytesOfType, isFile, type TensorFile } from '../../tensor/tensorFile';
import { sizeOf } from '../../tensor/shape';
import type { StoredTensor, WeightTensor } from './weight';

/** Grows with any change of what is made of weights, so that all files are made anew. */
const version = 1;

/** Seconds since 1970 that a finished file says it was changed at: the first of January 2000. */
const finished = 946_684_800;

/** Milliseconds. */
const day = 86_400_000;

/** Bytes of the disk that are left to others. */
const leftFree = 2 ** 30;

/** A tensor as it is wanted. */
export interface FrozenTensor {
  name: string;
  shape: readonly number[];
  /** in bfloat16, not float32 */
  isNarrow: boolean;
}

export interface FrozenFiles {
  /** a tensor's file; undefined where there is none that is whole */
  find(wanted: FrozenTensor): StoredTensor | undefined;
  /** puts the values of a tensor into its file; where the disk takes none, the values themselves */
  keep(wanted: FrozenTensor, tensor: StoredTensor): StoredTensor;
  /** why some are not kept in files, for run.json */
  notices: string[];
  /** removes the files that were made here, since what they were made of was not what it should have been */
  discard(): void;
}

/** The folder of the cache for files of what is described by `of`. */
export const frozenFolder = (of: object): string => cachePath('frozen', sha256(canonicalJson({ version, of })));

/**
 * The files of what is described by `of`: all that their values depend on. Null where the current backend maps none.
 */
export function openFrozenFiles(of: object): FrozenFiles | null {
  if (!mapsFiles()) return null;
  const folder = frozenFolder(of);
  const notices: string[] = [],
    made: string[] = [];
  const fileOf = ({ name, shape, isNarrow }: FrozenTensor): TensorFile => {
    const type = isNarrow ? 'bfloat16' : 'float32';
    return { path: join(folder, `${encodeURIComponent(name)}.${type}`), type, length: sizeOf(shape) };
  };
  return {
    notices,
    find(wanted) {
      const file = fileOf(wanted);
      return isWhole(file) ? { shape: [...wanted.shape], data: file } : undefined;
    },
    keep(wanted, tensor) {
      const file = fileOf(wanted);
      const { data } = tensor;
      if (notices.length > 0 || isFile(data) || areBfloat16(data) !== wanted.isNarrow) return tensor;
      try {
        if (!isWhole(file)) {
          write(file, new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
          made.push(file.path);
        }
        return { ...tensor, data: file };
      } catch (error) {
        const fault = error instanceof NoRoom ? error.message : storageFault(error);
        if (fault === null) throw error;
        notices.push(`frozen weights are held by each worker for itself: ${fault}`);
        return tensor;
      }
    },
    discard: () => made.forEach((path) => rmSync(path, { force: true })),
  };
}

/**
 * All of these, as files where they lie there or `files` takes them; `load` is asked for values only where a file is
 * missing. Without `files`, all that `load` gives.
 */
export async function frozenTensors(
  files: FrozenFiles | null,
  wanted: readonly FrozenTensor[],
  load: () => Promise<Record<string, WeightTensor>>,
): Promise<StoredTensor[]> {
  const found = wanted.map((tensor) => files?.find(tensor));
  const loaded = found.includes(undefined) ? await load() : {};
  return wanted.map((tensor, i) => {
    const file = found[i];
    if (file !== undefined) return file;
    const { shape, data } = loaded[tensor.name]!;
    if (files === null) return { shape, data };
    return files.keep(tensor, { shape, data: tensor.isNarrow ? toBfloat16(data) : data });
  });
}

class NoRoom extends Error {}

function isWhole(file: TensorFile): boolean {
  const status = statSync(file.path, { throwIfNoEntry: false });
  return status?.isFile() === true && status.size === bytesOfType(file) && status.mtimeMs === finished * 1000;
}

/**
 * Removes what killed processes left of a file a day ago or earlier: nobody writes for so long. It goes by the time of
 * the last change of any kind, which nobody can set; that of its content is an old one before a file gets its name.
 */
function clearLeft(path: string): void {
  for (const name of readdirSync(dirname(path))) {
    if (!name.startsWith(`${basename(path)}.`) || !name.endsWith('.tmp')) continue;
    const left = join(dirname(path), name);
    const written = statSync(left, { throwIfNoEntry: false })?.ctimeMs ?? Infinity;
    if (Date.now() - written > day) rmSync(left, { force: true });
  }
}

/** Writes a file whole or not at all. Throws NoRoom, or the system's error. */
function write(file: TensorFile, bytes: Uint8Array): void {
  const { path } = file;
  mkdirSync(dirname(path), { recursive: true });
  clearLeft(path);
  const free = statfsSync(dirname(path));
  if (free.bavail * free.bsize < bytes.length + leftFree)
    throw new NoRoom(`the disk has no room for them (${dirname(path)})`);
  const temporary = `${path}.${randomUUID()}.tmp`;
  const into = openSync(temporary, 'w', 0o444);
  try {
    for (let at = 0; at < bytes.length;) at += writeSync(into, bytes, at, Math.min(bytes.length - at, 2 ** 30));
    fsyncSync(into);
    futimesSync(into, new Date(), finished); // disks that are cleared by age go by when a file was last used
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  } finally {
    closeSync(into);
  }
  // Another process may have been quicker: what is mapped there already is to be shared.
  if (isWhole(file)) rmSync(temporary, { force: true });
  else renameSync(temporary, path);
}
