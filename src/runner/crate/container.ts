/**
 * The files of a crate's folder, which is hostile until this has looked at it: no link is followed, nothing outside is
 * read.
 */
import { createHash } from 'node:crypto';
import { closeSync, constants, fstatSync, openSync, readdirSync, readSync } from 'node:fs';
import { join } from 'node:path';

/** A file of a crate: path with `/` from the crate's root. */
export interface CrateFile {
  path: string;
  bytes: number;
  sha256: string;
}

/** Files that a crate may have, folders in folders, and bytes of one file. */
const limits = { files: 100_000, depth: 6, bytes: 2 ** 30 };

/** Bytes of the parts of a crate that are read whole. A lock lists each file where the data are in the crate. */
export const readLimits = { metadata: 2 ** 27, journal: 2 ** 28, record: 2 ** 22, lock: 2 ** 26 };

const plainName = /^[A-Za-z0-9_@+][A-Za-z0-9_@+.-]{0,99}$/;

/** Whether a path stays inside a crate and means the same on every system. */
export function isCratePath(path: string): boolean {
  const parts = path.split('/');
  return parts.length <= limits.depth && parts.every((part) => plainName.test(part));
}

/** Every regular file below `folder` with its hash, by path, and a sentence for everything else that lies there. */
export function readContainer(folder: string): { files: CrateFile[]; faults: string[] } {
  const files: CrateFile[] = [];
  const faults: string[] = [];
  const waiting = [''];
  for (let at = waiting.pop(); at !== undefined; at = waiting.pop()) {
    for (const entry of readdirSync(join(folder, at), { withFileTypes: true })) {
      const path = at === '' ? entry.name : `${at}/${entry.name}`;
      if (!isCratePath(path)) faults.push(`${path}: has a name that a crate may not have`);
      else if (entry.isDirectory()) waiting.push(path);
      else if (!entry.isFile())
        faults.push(
          `${path}: is ${entry.isSymbolicLink() ? 'a symbolic link' : 'no regular file'}; a crate holds files and folders only`,
        );
      else if (files.length >= limits.files)
        return { files: [], faults: [`there are more than ${limits.files} files`] };
      else {
        const found = hashed(join(folder, path));
        if (typeof found === 'string') faults.push(`${path}: ${found}`);
        else files.push({ path, ...found });
      }
    }
  }
  const byPath = (a: CrateFile, b: CrateFile) => (a.path < b.path ? -1 : 1);
  return { files: files.sort(byPath), faults: faults.sort() };
}

/** Size and hash of a regular file; a sentence when it is none by now, or too large. */
function hashed(path: string): Omit<CrateFile, 'path'> | string {
  let file: number;
  try {
    file = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    return `cannot be read (${(error as NodeJS.ErrnoException).code ?? 'unknown'})`;
  }
  try {
    const facts = fstatSync(file);
    if (!facts.isFile()) return 'is no regular file';
    if (facts.size > limits.bytes) return `has ${facts.size} bytes; a file of a crate has at most ${limits.bytes}`;
    const hash = createHash('sha256');
    const piece = Buffer.allocUnsafe(Math.min(2 ** 20, facts.size + 1));
    let bytes = 0;
    for (let read = readSync(file, piece); read > 0; read = readSync(file, piece)) {
      hash.update(piece.subarray(0, read));
      bytes += read;
      if (bytes > limits.bytes) return 'grows while it is read';
    }
    return { bytes, sha256: hash.digest('hex') };
  } finally {
    closeSync(file);
  }
}
