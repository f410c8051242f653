/** A file of weights as bytes that are read where they are wanted, so that it costs no more memory than what is read. */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { userError } from '../../problems';
import { alignedFloats } from '../../tensor/alignedMemory';

/** Where bytes come from: `read` fills `into` from offset `at`, which lies inside, or throws UserError. */
export interface FileBytes {
  length: number;
  read(at: number, into: Uint8Array): void;
  /** room for a tensor's values; of a file it is what the library may take over where it stands, since nobody writes to it */
  floats(length: number): Float32Array;
  close(): void;
}

/** Bytes that are in memory already. */
export const bytesInMemory = (bytes: Uint8Array): FileBytes => ({
  length: bytes.length,
  read: (at, into) => into.set(bytes.subarray(at, at + into.length)),
  floats: (length) => new Float32Array(length),
  close: () => undefined,
});

/**
 * Opens a file on disk for `open`, which reads what it needs of it; closes it when that throws. `expected` is what the
 * file should be. Throws UserError for one that cannot be read, and while it is read for one that breaks off.
 */
export function openFile<T>(path: string, expected: string, open: (bytes: FileBytes) => T): T {
  let file: number;
  try {
    file = openSync(path, 'r');
  } catch (error) {
    throw userError({
      where: path,
      what: `cannot be read (${(error as NodeJS.ErrnoException).code ?? 'unknown error'})`,
      expected,
    });
  }
  try {
    const status = fstatSync(file);
    if (!status.isFile()) throw userError({ where: path, what: 'is not a file', expected });
    const read = (at: number, into: Uint8Array) => {
      for (let done = 0; done < into.length;) {
        const got = readSync(file, into, done, Math.min(into.length - done, 2 ** 30), at + done);
        if (got === 0)
          throw userError({
            where: path,
            what: 'the file breaks off',
            expected: `${status.size} bytes`,
            hint: 'fetch it again',
          });
        done += got;
      }
    };
    return open({ length: status.size, read, floats: alignedFloats, close: () => closeSync(file) });
  } catch (error) {
    closeSync(file);
    throw error;
  }
}
