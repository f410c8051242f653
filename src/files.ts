/** Files that are whole or absent, the cache folder, and hashes of content. Every room may use these. */
import { createHash, randomUUID } from 'node:crypto';
import {
  closeSync,
  existsSync,
  fsyncSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { homedir } from 'node:os';
import { dirname, join, resolve, sep } from 'node:path';

/**
 * Whether this is a checkout, in which the project's own folders are worked in, or what a package was built from it
 * (dist/src).
 */
export const isCheckout = existsSync(join(__dirname, '..', 'package.json'));

/** The project's root folder, or that of the installed package: where manifests, data manifests and commands lie. */
export const projectRoot = resolve(__dirname, isCheckout ? '..' : '../..');

/** How a command of this program is typed here: inside a checkout its npm script, elsewhere its own name. */
export const commandText = (words: string): string =>
  isCheckout && `${resolve(process.cwd())}${sep}`.startsWith(`${projectRoot}${sep}`)
    ? `npm run equipoise -- ${words}`
    : `equipoise ${words}`;

/** Folder of an installed package, found as `require` finds it; undefined when it is not installed. */
export function packageFolder(name: string): string | undefined {
  const folders = createRequire(__filename).resolve.paths(name) ?? [];
  return folders.map((folder) => join(folder, name)).find((folder) => existsSync(join(folder, 'package.json')));
}

/**
 * A path in the cache: EQUIPOISE_CACHE, else ~/.cache/equipoise. Nothing outside it is ever written by fetching or
 * linking.
 */
export function cachePath(...parts: string[]): string {
  const base =
    process.env['EQUIPOISE_CACHE'] ?? join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'equipoise');
  return join(resolve(base), ...parts);
}

/** A sha256 as it is written, as a part of a pattern. */
export const sha256Form = '[0-9a-f]{64}';

const wholeSha256 = new RegExp(`^${sha256Form}$`);

/** Whether a value from outside is a sha256 in hexadecimal digits. */
export const isSha256 = (value: unknown): value is string => typeof value === 'string' && wholeSha256.test(value);

/** sha256 of bytes or text, hexadecimal. */
export function sha256(content: string | Uint8Array): string {
  return createHash('sha256').update(content).digest('hex');
}

/**
 * Size and sha256 (hexadecimal) of a file of any size, read in parts. Throws the system's error when it cannot be read.
 */
export function sha256OfFile(path: string | Buffer): { bytes: number; sha256: string } {
  const hash = createHash('sha256');
  const file = openSync(path, 'r');
  const buffer = Buffer.alloc(2 ** 20);
  let bytes = 0;
  try {
    for (let got = readSync(file, buffer); got > 0; got = readSync(file, buffer)) {
      hash.update(buffer.subarray(0, got));
      bytes += got;
    }
  } finally {
    closeSync(file);
  }
  return { bytes, sha256: hash.digest('hex') };
}

/** JSON with sorted keys and without `undefined`: equal values give equal text. */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(sorted(value));
}

/** The value with its keys in order. Not a replacer of JSON.stringify, which is several times as slow. */
function sorted(value: unknown): unknown {
  if (value === null || typeof value !== 'object') return value;
  const { toJSON } = value as { toJSON?: () => unknown };
  if (typeof toJSON === 'function') return sorted(toJSON.call(value));
  if (Array.isArray(value)) return value.map(sorted);
  const result: Record<string, unknown> = {};
  for (const key of Object.keys(value).sort()) {
    const inner = sorted((value as Record<string, unknown>)[key]);
    if (key === '__proto__') Object.defineProperty(result, key, { value: inner, enumerable: true });
    else result[key] = inner;
  }
  return result;
}

/** Writes a file by temporary name, fsync and rename: a reader sees the old content or the new, never a part. */
export function writeWhole(path: string, content: string | Uint8Array): void {
  mkdirSync(dirname(path), { recursive: true });
  const temporary = `${path}.${randomUUID()}.tmp`; // not the process id: two machines may share the folder
  const bytes = typeof content === 'string' ? Buffer.from(content, 'utf8') : content;
  const file = openSync(temporary, 'w');
  try {
    for (let at = 0; at < bytes.length;) at += writeSync(file, bytes, at);
    fsyncSync(file);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  } finally {
    closeSync(file);
  }
  renameSync(temporary, path);
}

const storageFaults: Record<string, string> = {
  ENOSPC: 'the disk is full',
  EDQUOT: 'the disk quota is used up',
  EFBIG: 'the file would be larger than the system allows',
  EROFS: 'the file system is read-only',
  EACCES: 'writing is not permitted',
  EPERM: 'writing is not permitted',
  EIO: 'the disk reports an input/output error',
  ESTALE: 'the shared file system has lost the folder',
};

const storageCalls = new Set([
  'futime',
  'statfs',
  'write',
  'open',
  'fsync',
  'ftruncate',
  'mkdir',
  'mkdtemp',
  'rename',
  'link',
  'unlink',
  'rmdir',
  'rm',
  'copyfile',
  'utime',
  'close',
  'read',
  'stat',
  'fstat',
  'scandir',
]);

/**
 * What is wrong with the disk, in words with the path where the system names it; null for errors that are not about
 * storage.
 */
export function storageFault(error: unknown): string | null {
  const { code, path, syscall } = (error ?? {}) as NodeJS.ErrnoException;
  if (code === undefined || syscall === undefined || !storageCalls.has(syscall)) return null;
  // Node says ENOENT when it cannot make the folders of a path, whatever the reason.
  const words =
    code === 'ENOENT' && syscall === 'mkdir'
      ? 'the folder cannot be made, as on a read-only file system'
      : storageFaults[code];
  return words === undefined ? null : `${words} (${code}${path === undefined ? '' : `, ${path}`})`;
}

/** Bytes of a file, or of all files of a folder; one with several hard links counts once, a symbolic link as itself. */
export function bytesAt(path: string, seen = new Set<string>()): number {
  const entry = lstatSync(path, { throwIfNoEntry: false });
  if (entry === undefined) return 0; // another process removed it meanwhile
  if (entry.isDirectory()) return readdirSync(path).reduce((sum, name) => sum + bytesAt(join(path, name), seen), 0);
  const key = `${entry.dev}:${entry.ino}`;
  if (seen.has(key)) return 0;
  seen.add(key);
  return entry.size;
}
