/** Unpacks chosen regular files of hostile archives (tar, tgz, deb, zip) into a folder, and nothing outside it. */
import { createHash } from 'node:crypto';
import { closeSync, createReadStream, createWriteStream, mkdirSync, openSync, readSync, writeSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { Parser, type ReadEntry } from 'tar';
import { exitCode, Problem, UserError, userError } from '../problems';
import { isSafePath } from './contentUrl';
import { debData, gunzipped } from './deb';
import { openZip } from './zip';

/**
 * How names in the archive become names in the folder: `none` keeps them, `first` drops the first folder (npm's
 * `package/`).
 */
export type Strip = 'none' | 'first';

/** Bounds on what an archive may unpack to: bytes of the whole tar inside it, and entries, chosen or not. */
interface ArchiveLimits {
  bytes: number;
  entries: number;
}

/** One unpacked file. */
export interface UnpackedFile {
  /** relative to the folder, `/` as separator */
  path: string;
  bytes: number;
  sha256: string;
}

/** Bounds for an archive of `bytes`: media hardly shrink and text shrinks about tenfold, so a hundredfold is a bomb. */
export function archiveLimits(bytes: number): ArchiveLimits {
  return { bytes: 16 * 2 ** 20 + 100 * bytes, entries: 200_000 };
}

const regular = new Set(['File', 'OldFile', 'ContiguousFile']);

/**
 * Keeps the first error of several pieces of work, and lets none follow it. An error thrown inside the parser's events
 * would be swallowed by some of its paths: it is rethrown from the loop instead.
 */
interface FirstFailure {
  guard: Guard;
  /** takes an error that was not thrown by guarded work */
  take(error: unknown): void;
  rethrow(): void;
}

function firstFailure(): FirstFailure {
  let failure: unknown = null;
  const take = (error: unknown) => {
    failure ??= error;
  };
  return {
    guard:
      (work) =>
      (...given) => {
        if (failure !== null) return;
        try {
          work(...given);
        } catch (error) {
          take(error);
        }
      },
    take,
    rethrow: () => {
      if (failure !== null) throw failure;
    },
  };
}

/**
 * Unpacks the regular files of `archive` for which `choose(name)` holds into `folder` and returns them sorted by name.
 * The whole archive is read and judged: a name that leaves the folder (for which `safe` does not hold), a chosen link
 * or device, a name that comes twice, more bytes or entries than `limits`, and any damage throw UserError; what was
 * written so far stays in `folder`, which the caller throws away.
 */
export async function unpack(
  archive: string,
  encodingFormat: string,
  strip: Strip,
  folder: string,
  choose: (name: string) => boolean,
  limits: ArchiveLimits,
  where: string,
  safe: (name: string) => boolean = isSafePath,
): Promise<UnpackedFile[]> {
  if (encodingFormat === zipFormat) return unpackZip(archive, folder, choose, limits, where, safe);
  const refuse: Refuse = (what, rest = {}) => userError({ where, what, ...rest }, exitCode.failed);
  const writer = fileWriter(folder, refuse);
  const failure = firstFailure();
  let entries = 0;
  let bytes = 0;
  const parser = new Parser({
    strict: true,
    brotli: false,
    zstd: false,
    onReadEntry: (entry) => {
      failure.guard(() => {
        entries += 1;
        if (entries > limits.entries) throw refuse(`holds more than ${limits.entries} entries`);
        const name = nameOf(entry, strip, safe, refuse);
        if (entry.type === 'Directory' || name === '' || !choose(name)) return;
        writer.take(entry, name, failure.guard);
      })();
      entry.resume();
    },
  });
  parser.on('error', (error: Error) => failure.take(error));
  try {
    for await (const chunk of await tarBytes(archive, encodingFormat, where)) {
      bytes += chunk.length;
      if (bytes > limits.bytes)
        throw refuse(`unpacks to more than ${limits.bytes} bytes`, {
          expected: 'at most a hundredfold of its own size',
        });
      // The parser wants a Buffer; brotli and zstd are off so that it never guesses at a compression inside the tar.
      parser.write(Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength));
      failure.rethrow();
    }
    parser.end();
    failure.rethrow();
  } catch (error) {
    if (error instanceof UserError) throw error;
    throw refuse(`cannot be unpacked (${(error as Error).message})`, { expected: `a whole ${encodingFormat}` });
  } finally {
    writer.close();
  }
  const open = writer.files.find((file) => file.sha256 === '');
  if (open !== undefined) throw refuse(`ends inside \`${open.path}\``, { expected: `a whole ${encodingFormat}` });
  return writer.files.sort((a, b) => (a.path < b.path ? -1 : 1));
}

/** Media type of a zip archive, as wheels are. */
export const zipFormat = 'application/zip';

/** The same for a zip archive, whose directory is judged as a whole and whose wanted members are read. */
async function unpackZip(
  archive: string,
  folder: string,
  choose: (name: string) => boolean,
  limits: ArchiveLimits,
  where: string,
  safe: (name: string) => boolean,
): Promise<UnpackedFile[]> {
  const zip = await openZip(archive, safe, where);
  try {
    if (zip.names.length > limits.entries)
      throw userError({ where, what: `holds more than ${limits.entries} entries` }, exitCode.failed);
    const files: UnpackedFile[] = [];
    let left = limits.bytes;
    for (const path of zip.names.filter(choose).sort()) {
      const target = join(folder, path);
      mkdirSync(dirname(target), { recursive: true });
      const hash = createHash('sha256');
      let bytes = 0;
      const hashing = new Transform({
        transform(chunk: Buffer, _encoding, done) {
          hash.update(chunk);
          bytes += chunk.length;
          done(null, chunk);
        },
      });
      await zip.streamed(path, left, (stream) => pipeline(stream, hashing, createWriteStream(target, { flags: 'wx' })));
      left -= bytes;
      files.push({ path, bytes, sha256: hash.digest('hex') });
    }
    return files;
  } finally {
    zip.close();
  }
}

type Refuse = (what: string, rest?: Partial<Problem>) => UserError;

/** The name that an entry has in the folder, '' for one that is none; every name is judged, wanted or not. */
function nameOf(entry: ReadEntry, strip: Strip, safe: (name: string) => boolean, refuse: Refuse): string {
  const whole = entry.path.replace(/^(?:\.\/)+/, '').replace(/\/+$/, '');
  if (whole === '' || whole === '.') return '';
  if (!safe(whole))
    throw refuse(`holds the name ${JSON.stringify(entry.path)}, which could leave the folder`, {
      expected: 'relative names without `..`',
    });
  return strip === 'first' ? whole.split('/').slice(1).join('/') : whole;
}

type Guard = <A extends unknown[]>(work: (...given: A) => void) => (...given: A) => void;

/** Writes entries below a folder and hashes them on the way; a file whose hash is '' has not ended. */
function fileWriter(folder: string, refuse: Refuse) {
  const files: UnpackedFile[] = [];
  const names = new Set<string>();
  const handles = new Set<number>();
  return {
    files,
    close: () => handles.forEach(closeSync),
    take(entry: ReadEntry, name: string, guard: Guard): void {
      if (!regular.has(entry.type))
        throw refuse(`\`${name}\` is a ${entry.type}`, {
          expected: 'a regular file',
          hint: 'links and devices are never unpacked',
        });
      if (names.has(name)) throw refuse(`holds \`${name}\` twice`);
      names.add(name);
      const file = { path: name, bytes: 0, sha256: '' };
      files.push(file);
      const target = join(folder, name);
      mkdirSync(dirname(target), { recursive: true });
      const hash = createHash('sha256');
      const handle = openSync(target, 'wx', 0o644);
      handles.add(handle);
      entry.on(
        'data',
        guard((chunk: Buffer) => {
          for (let at = 0; at < chunk.length;) at += writeSync(handle, chunk, at);
          hash.update(chunk);
          file.bytes += chunk.length;
        }),
      );
      entry.on(
        'end',
        guard(() => {
          closeSync(handle);
          handles.delete(handle);
          file.sha256 = hash.digest('hex');
        }),
      );
    },
  };
}

/** The plain tar bytes inside an archive. */
async function tarBytes(archive: string, encodingFormat: string, where: string): Promise<AsyncIterable<Uint8Array>> {
  switch (encodingFormat) {
    case 'application/vnd.debian.binary-package':
      return debData(archive, where);
    case 'application/gzip':
      return gunzipped(createReadStream(archive));
    case 'application/x-tar':
      return isGzip(archive) ? gunzipped(createReadStream(archive)) : createReadStream(archive);
    default:
      throw userError({ where, what: `there is no reader for ${encodingFormat}` });
  }
}

function isGzip(path: string): boolean {
  const handle = openSync(path, 'r');
  try {
    const head = Buffer.alloc(2);
    return readSync(handle, head, 0, 2, 0) === 2 && head[0] === 0x1f && head[1] === 0x8b;
  } finally {
    closeSync(handle);
  }
}
