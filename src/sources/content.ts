/**
 * The content-addressed store: every fetched file lies once in the cache, under its sha256, whole and checked, or not
 * at all.
 */
import { createHash } from 'node:crypto';
import {
  chmodSync,
  closeSync,
  constants,
  copyFileSync,
  createReadStream,
  createWriteStream,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { cachePath } from '../files';
import { exitCode, UserError, userError } from '../problems';
import { archiveLimits, unpack, zipFormat } from './archive';
import { type ContentLocation, parseContentUrl } from './contentUrl';
import { declaredBytes, type FileObject } from './dataManifest';
import { fetchDeb } from './fetchDeb';
import { download, type FetchFunction, hfPage, hfUrl } from './fetchHttps';
import { packNpm } from './fetchNpm';
import { Unreachable } from './unreachable';
import { downloadWheel } from './fetchPypi';
import { withLock } from './lock';
import { freshInode, temporaryFolder } from './scratch';

/** What a fetch is doing, for a progress line. */
export interface Progress {
  /** manifest name */
  source: string;
  /** @id of the file, or of the archive being unpacked */
  file: string;
  stage: 'wait' | 'fetch' | 'check' | 'unpack' | 'note' | 'ready';
  /** bytes done and to do; both 0 when unknown */
  bytes: number;
  total: number;
  note?: string;
}

export interface FetchOptions {
  onProgress?: (progress: Progress) => void;
  /** a folder of files fetched by hand, looked through by size and hash before the network */
  from?: string;
  /** for tests: stands in for the platform's fetch */
  fetch?: FetchFunction;
  /** for tests: seconds before each retry */
  retryAfter?: number[];
}

/** Where the content with this hash lies in the cache, whether it is there or not. */
export function contentPath(hash: string): string {
  return cachePath('content', hash.slice(0, 2), hash);
}

/** Whether the store has this file, judged by its size: only checked files ever get this name. */
export function hasContent(file: FileObject): boolean {
  if (file.sha256 === '') return false; // not pinned yet
  const path = contentPath(file.sha256);
  return existsSync(path) && statSync(path).size === declaredBytes(file);
}

/** sha256 of a file, hexadecimal, read in pieces. */
export async function hashFile(path: string, onBytes?: (bytes: number) => void): Promise<string> {
  const hash = createHash('sha256');
  let bytes = 0;
  for await (const chunk of createReadStream(path, { highWaterMark: 2 ** 20 }) as AsyncIterable<Buffer>) {
    hash.update(chunk);
    bytes += chunk.length;
    onBytes?.(bytes);
  }
  return hash.digest('hex');
}

/**
 * Makes sure that the store holds `file` and returns its path. Two processes that want the same file fetch it once.
 * Throws UserError: code `unavailable` when it cannot be fetched, `failed` when its size or hash is wrong.
 */
export async function ensureContent(file: FileObject, source: string, options: FetchOptions = {}): Promise<string> {
  const path = contentPath(file.sha256);
  const total = declaredBytes(file);
  const tell = (stage: Progress['stage'], bytes: number, note?: string) =>
    options.onProgress?.({ source, file: file['@id'], stage, bytes, total, ...(note === undefined ? {} : { note }) });
  if (hasContent(file)) return path;
  return withLock(
    `${path}.lock`,
    async () => {
      if (hasContent(file)) return path;
      const where = `data-manifests/${source}.json ${file['@id']}`;
      const part = `${path}.part`;
      const fetchPart = () => withHint(file, () => fetchWhole(part, { file, where, options, tell }));
      if (await adopt(file, part, options.from)) tell('note', total, `found in ${options.from}`);
      else {
        const resumed = freshInode(part);
        tell('fetch', 0);
        await fetchPart();
        if (resumed && (await difference(file, part, tell)) !== null) {
          tell('note', 0, 'what an earlier fetch had left does not fit; starting from the beginning');
          rmSync(part);
          await fetchPart();
        }
      }
      const found = await difference(file, part, tell);
      if (found !== null) {
        rmSync(part);
        throw userError(
          {
            where,
            what: `${file.contentUrl} gave ${found}`,
            expected: `${total} bytes with sha256 ${file.sha256}`,
            hint: 'what was fetched is not what was published when the manifest was written, and was thrown away; try again, and if it stays so, do not trust the source',
          },
          exitCode.failed,
        );
      }
      settle(part, path);
      return path;
    },
    (owner) => tell('wait', 0, `${owner} is fetching it`),
  );
}

type Tell = (stage: Progress['stage'], bytes: number, note?: string) => void;

/** What a fetch is told and whom it tells. */
interface Fetching {
  file: FileObject;
  where: string;
  options: FetchOptions;
  tell: Tell;
}

function locationOf(contentUrl: string, where: string): ContentLocation {
  const location = parseContentUrl(contentUrl);
  if (location === null) throw userError({ where, what: `\`${contentUrl}\` is no content address` });
  return location;
}

/** Fetches a file into `part`, unchecked; one that its publisher cut into pieces is put together again. */
async function fetchWhole(part: string, fetching: Fetching): Promise<void> {
  const { file, where } = fetching;
  const [first, ...others] = [file.contentUrl, ...(file.continuedBy ?? [])].map((url) => locationOf(url, where));
  await fetchTo(first!, part, fetching);
  for (const location of others) {
    const piece = `${part}.piece`;
    try {
      await fetchTo(location, piece, fetching);
      await pipeline(createReadStream(piece), createWriteStream(part, { flags: 'a' }));
    } finally {
      rmSync(piece, { force: true });
    }
  }
}

/** Fetches `location` into `part`, unchecked. */
const fetchTo = (location: ContentLocation, part: string, fetching: Fetching): Promise<void> =>
  location.kind === 'https' || location.kind === 'hf'
    ? fetchPage(location, part, fetching)
    : fetchPackage(location, part, fetching);

async function fetchPage(
  location: Extract<ContentLocation, { kind: 'https' | 'hf' }>,
  part: string,
  { file, where, options, tell }: Fetching,
): Promise<void> {
  const url = location.kind === 'hf' ? hfUrl(location, where) : location.url;
  const token = location.kind === 'hf' ? process.env['HF_TOKEN'] : undefined;
  await download(() => url, part, {
    where,
    ...(location.kind === 'hf' ? { page: hfPage(location) } : {}),
    bytes: declaredBytes(file),
    fetch: options.fetch,
    token,
    onBytes: (bytes) => tell('fetch', bytes),
    onNote: (note) => tell('note', 0, note),
    retryAfter: options.retryAfter,
  });
}

type PackageLocation = Extract<ContentLocation, { kind: 'npm' | 'pypi' | 'deb' }>;

const packageFormats = {
  npm: 'application/gzip',
  pypi: zipFormat,
  deb: 'application/vnd.debian.binary-package',
} as const satisfies Record<PackageLocation['kind'], string>;

/** A package of npm, PyPI or Debian, or one file of it. */
async function fetchPackage(location: PackageLocation, part: string, fetching: Fetching): Promise<void> {
  const { where } = fetching;
  const folder = temporaryFolder();
  try {
    const archive = await packageArchive(location, folder, fetching);
    if (location.path === undefined) {
      renameSync(archive, part);
      return;
    }
    const unpacked = join(folder, 'unpacked');
    const [only] = await unpack(
      archive,
      packageFormats[location.kind],
      location.kind === 'npm' ? 'first' : 'none',
      unpacked,
      (name) => name === location.path,
      archiveLimits(statSync(archive).size),
      where,
    );
    if (only === undefined)
      throw userError({ where, what: `the package has no file \`${location.path}\`` }, exitCode.failed);
    renameSync(join(unpacked, only.path), part);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The whole archive of a package, in `folder`. */
async function packageArchive(
  location: PackageLocation,
  folder: string,
  { file, where, options, tell }: Fetching,
): Promise<string> {
  if (location.kind === 'npm') return packNpm(location.name, location.version, folder, where);
  if (location.kind === 'pypi') return downloadWheel(location.name, location.version, folder, where);
  const { name, version } = location;
  const bytes = location.path === undefined ? declaredBytes(file) : undefined;
  return fetchDeb({ name, version, poolPath: file.name, bytes }, folder, where, {
    fetch: options.fetch,
    onNote: (note) => tell('note', 0, note),
    onBytes: (done) => tell('fetch', done),
  });
}

/** What `part` is, when that is not what the manifest states; null when it is. */
async function difference(file: FileObject, part: string, tell: Tell): Promise<string | null> {
  const bytes = statSync(part).size;
  const hash = await hashFile(part, (done) => tell('check', done));
  return bytes === declaredBytes(file) && hash === file.sha256 ? null : `${bytes} bytes with sha256 ${hash}`;
}

/** Puts a checked file on the disk for good and gives it its final name; the folder must be there. */
export function settle(part: string, path: string): void {
  const handle = openSync(part, 'r+');
  try {
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
  chmodSync(part, 0o444);
  renameSync(part, path);
}

/** Copies a file of the right size and hash from the user's own folder, if there is one. */
async function adopt(file: FileObject, part: string, from: string | undefined): Promise<boolean> {
  if (from === undefined) return false;
  if (!existsSync(from) || !statSync(from).isDirectory())
    throw userError({ where: '--from', what: `${from} is no folder` });
  for (const name of readdirSync(from).sort()) {
    const candidate = join(from, name);
    const stats = statSync(candidate, { throwIfNoEntry: false });
    if (stats?.isFile() !== true || stats.size !== declaredBytes(file) || (await hashFile(candidate)) !== file.sha256)
      continue;
    rmSync(part, { force: true });
    mkdirSync(dirname(part), { recursive: true });
    copyFileSync(candidate, part, constants.COPYFILE_FICLONE);
    chmodSync(part, 0o644);
    return true;
  }
  return false;
}

/** Adds to a failed fetch what a person can do when the source is gone for good. */
async function withHint<T>(file: FileObject, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof UserError) || error instanceof Unreachable || error.code !== exitCode.unavailable)
      throw error;
    const advice = `a copy from elsewhere will do if its sha256 is ${file.sha256}: put it in a folder and run \`equipoise data fetch --from FOLDER\``;
    throw new UserError(
      error.problems.map((problem) => ({
        ...problem,
        hint: problem.hint === undefined ? advice : `${problem.hint}; ${advice}`,
      })),
      error.code,
    );
  }
}
