/** The folder of an opened source in the cache: made whole from stored files, with a listing of what it holds. */
import {
  copyFileSync,
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
} from 'node:fs';
import { dirname, join, relative, sep } from 'node:path';
import picomatch from 'picomatch';
import { writeWhole } from '../files';
import { isObject, objectIn } from '../json';
import { exitCode, userError } from '../problems';
import { archiveLimits, unpack, type UnpackedFile } from './archive';
import { contentPath, hashFile, type Progress } from './content';
import { temporaryFolder } from './scratch';
import { isSafePath, parseContentUrl } from './contentUrl';
import { type DataManifest, declaredBytes, type FileObject, fileObjects, type FileSet, fileSets } from './dataManifest';

/** Name of the listing inside an opened folder: every file with size and sha256. */
export const listingName = '.equipoise-listing.json';

/** The listing of an opened folder, null when there is none or it cannot be read. */
export function readListing(folder: string): UnpackedFile[] | null {
  const path = join(folder, listingName);
  const files = existsSync(path) ? objectIn(readFileSync(path, 'utf8'))?.['files'] : undefined;
  const isFile = (file: unknown): boolean =>
    isObject(file) &&
    typeof file['path'] === 'string' &&
    isSafePath(file['path']) &&
    Number.isSafeInteger(file['bytes']) &&
    typeof file['sha256'] === 'string';
  return Array.isArray(files) && files.every(isFile) ? (files as UnpackedFile[]) : null;
}

/** Whether a folder has every file of its listing at its size: cheap, and catches what a crash or a clean-up leaves. */
export function isIntact(folder: string): boolean {
  const files = readListing(folder);
  return (
    files !== null &&
    files.every((file) => statSync(join(folder, file.path), { throwIfNoEntry: false })?.size === file.bytes)
  );
}

/** Names of everything below a folder that is not a folder, relative with `/`, sorted. */
export function filesBelow(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => !entry.isDirectory())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)).split(sep).join('/'))
    .sort();
}

type OnProgress = (progress: Progress) => void;

/** A stored file was checked when it was fetched, which may be months ago; a disk may have changed it since. */
async function requireStored(file: FileObject, { name }: DataManifest, onProgress?: OnProgress): Promise<void> {
  const total = declaredBytes(file);
  const path = contentPath(file.sha256);
  const found = await hashFile(path, (bytes) =>
    onProgress?.({ source: name, file: file['@id'], stage: 'check', bytes, total }),
  );
  if (found !== file.sha256)
    throw userError(
      {
        where: `data-manifests/${name}.json ${file['@id']}`,
        what: `${path} has sha256 ${found}`,
        expected: `sha256 ${file.sha256}`,
        hint: `run \`equipoise data fetch --again ${name}\``,
      },
      exitCode.failed,
    );
}

/** The files of an archive that the manifest's sets choose, in the folder `built`. */
async function unpackSets(
  file: FileObject,
  sets: readonly FileSet[],
  { name }: DataManifest,
  built: string,
): Promise<UnpackedFile[]> {
  const strip = parseContentUrl(file.contentUrl)?.kind === 'npm' ? 'first' : 'none';
  const unpacked = await unpack(
    contentPath(file.sha256),
    file.encodingFormat,
    strip,
    built,
    chooser(sets.flatMap((set) => set.includes)),
    archiveLimits(declaredBytes(file)),
    `data-manifests/${name}.json ${file['@id']}`,
  );
  for (const set of sets) {
    for (const glob of set.includes) {
      const matches = chooser([glob]);
      if (!unpacked.some((one) => matches(one.path)))
        throw userError(
          {
            where: `data-manifests/${name}.json ${set['@id']}`,
            what: `no file of ${file['@id']} matches \`${glob}\``,
          },
          exitCode.failed,
        );
    }
  }
  return unpacked;
}

/** One stored file in the folder `built`: itself, or what of it the manifest's sets choose. */
async function addFile(
  file: FileObject,
  manifest: DataManifest,
  built: string,
  onProgress?: OnProgress,
): Promise<UnpackedFile[]> {
  await requireStored(file, manifest, onProgress);
  const total = declaredBytes(file);
  const sets = fileSets(manifest).filter((set) => set.containedIn['@id'] === file['@id']);
  if (sets.length === 0) {
    const where = `data-manifests/${manifest.name}.json ${file['@id']}`;
    place(contentPath(file.sha256), join(built, file['@id']), where);
    return [{ path: file['@id'], bytes: total, sha256: file.sha256 }];
  }
  onProgress?.({ source: manifest.name, file: file['@id'], stage: 'unpack', bytes: 0, total });
  return unpackSets(file, sets, manifest, built);
}

/**
 * Unpacks and places the stored files of a source in a temporary folder and renames it to `folder`; a damaged one that
 * lies there is replaced. Every file's fsync would take minutes for thousands of drawings: what a power cut could leave
 * instead is found by `isIntact`. Throws UserError for a hostile archive, a glob without a file, or names that collide.
 */
export async function buildFolder(manifest: DataManifest, folder: string, onProgress?: OnProgress): Promise<void> {
  const temporary = temporaryFolder();
  try {
    const built = join(temporary, 'source');
    mkdirSync(built);
    const files: UnpackedFile[] = [];
    for (const file of fileObjects(manifest)) files.push(...(await addFile(file, manifest, built, onProgress)));
    files.sort((a, b) => (a.path < b.path ? -1 : 1));
    writeWhole(join(built, listingName), JSON.stringify({ files }));
    if (existsSync(folder)) {
      onProgress?.({
        source: manifest.name,
        file: manifest.name,
        stage: 'note',
        bytes: 0,
        total: 0,
        note: 'its folder in the cache was damaged and is made again',
      });
      renameSync(folder, join(temporary, 'damaged'));
    }
    mkdirSync(dirname(folder), { recursive: true });
    renameSync(built, folder);
    onProgress?.({ source: manifest.name, file: manifest.name, stage: 'ready', bytes: 0, total: 0 });
  } finally {
    rmSync(temporary, { recursive: true, force: true });
  }
}

function chooser(globs: string[]): (name: string) => boolean {
  return picomatch(globs, { dot: true, nonegate: true });
}

/** Puts a stored file into a folder without a second copy of its bytes where the file system can. */
function place(from: string, to: string, where: string): void {
  if (existsSync(to)) throw userError({ where, what: 'another file of the manifest has the same name' });
  mkdirSync(dirname(to), { recursive: true });
  try {
    linkSync(from, to);
  } catch {
    copyFileSync(from, to);
  }
}
