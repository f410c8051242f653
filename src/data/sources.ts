/** Sources: what the data manifests describe, fetched, checked, unpacked, and opened by name. The only door through which data and weights enter. */
import { existsSync, linkSync, copyFileSync, mkdirSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import picomatch from 'picomatch';
import { cachePath, canonicalJson, sha256, writeWhole } from '../files';
import { exitCode, userError } from '../problems';
import { archiveLimits, unpack, type UnpackedFile } from './archive';
import { contentPath, ensureContent, type FetchOptions, hasContent, temporaryFolder } from './content';
import { parseContentUrl } from './contentUrl';
import { type DataManifest, declaredBytes, fileObjects, fileSets, readDataManifests } from './dataManifest';
import { withLock } from './lock';

/** Grows when the layout of opened folders changes, so that old ones are not taken for new. */
const layout = 1;

/** Name of the listing inside an opened folder: every file with size and sha256. */
const listingName = '.equipoise-listing.json';

export interface OpenOptions extends FetchOptions {
  /** do not touch the network: throw when the source is not in the cache */ offline?: boolean;
  /** folder of manifests; the project's own by default */ manifests?: string;
}

/** Every data manifest, sorted by name. Throws UserError with all problems of all manifests. */
export function listSources(manifests?: string): DataManifest[] {
  return readDataManifests(manifests);
}

/** The manifest of one source. Throws UserError that lists the known names. */
export function findSource(name: string, manifests?: string): DataManifest {
  const known = listSources(manifests);
  const found = known.find((manifest) => manifest.name === name);
  if (found === undefined) throw userError({ where: `data source \`${name}\``, what: 'there is no such data manifest', expected: `one of ${known.map((manifest) => manifest.name).join(', ')}` });
  return found;
}

/**
 * sha256 over what the source's files are: the hashes of its distribution and the globs that choose from them. Needs
 * neither network nor cache; wording, licence and addresses do not enter.
 */
export function sourceIdentity(name: string, manifests?: string): string {
  return manifestIdentity(findSource(name, manifests));
}

function manifestIdentity(manifest: DataManifest): string {
  const hashes = new Map(fileObjects(manifest).map((file) => [file['@id'], file.sha256]));
  const files = fileObjects(manifest).map((file) => ({ hash: file.sha256, ...(isArchive(manifest, file['@id']) ? {} : { name: file['@id'] }) }));
  const sets = fileSets(manifest).map((set) => ({ hash: hashes.get(set.containedIn['@id']), includes: [...set.includes].sort() }));
  const sorted = (entries: object[]) => entries.map(canonicalJson).sort();
  return sha256(canonicalJson({ files: sorted(files), sets: sorted(sets) }));
}

function isArchive(manifest: DataManifest, id: string): boolean {
  return fileSets(manifest).some((set) => set.containedIn['@id'] === id);
}

/** Folder where a source lies once it is open. */
export function sourceFolder(manifest: DataManifest): string {
  return cachePath('sources', manifest.name, `${manifestIdentity(manifest).slice(0, 16)}-${layout}`);
}

/**
 * Opens a source: fetches and checks what is missing, unpacks what its FileSets include, and returns the folder. Files
 * of archives lie at their names in the archive (npm's leading `package/` dropped), plain files at their `@id`.
 * Throws UserError: an unknown name, a failed fetch, a wrong hash, a hostile archive, or absent from the cache while `offline`.
 */
export async function openSource(name: string, options: OpenOptions = {}): Promise<{ manifest: DataManifest; folder: string }> {
  const manifest = findSource(name, options.manifests);
  const folder = sourceFolder(manifest);
  if (isIntact(folder)) return { manifest, folder };
  if (options.offline === true && !fileObjects(manifest).every(hasContent)) {
    throw userError({ where: `data source \`${name}\``, what: 'is not in the cache', hint: `run \`equipoise data fetch ${name}\` where there is a network` }, exitCode.unavailable);
  }
  for (const file of fileObjects(manifest)) await ensureContent(file, manifest.name, options);
  await withLock(`${folder}.lock`, async () => {
    if (isIntact(folder)) return;
    await build(manifest, folder, options);
  }, (owner) => options.onProgress?.({ source: name, file: name, stage: 'wait', bytes: 0, total: 0, note: `${owner} is unpacking it` }));
  return { manifest, folder };
}

/** The listing of an opened folder, null when there is none or it cannot be read. */
export function readListing(folder: string): UnpackedFile[] | null {
  try {
    const value = JSON.parse(readFileSync(join(folder, listingName), 'utf8')) as { files?: UnpackedFile[] };
    return Array.isArray(value.files) ? value.files : null;
  } catch {
    return null;
  }
}

/** Whether a folder has every file of its listing at its size: cheap, and catches what a crash or a clean-up leaves. */
export function isIntact(folder: string): boolean {
  const files = readListing(folder);
  return files !== null && files.every((file) => statSync(join(folder, file.path), { throwIfNoEntry: false })?.size === file.bytes);
}

/** Puts a source together in a temporary folder and renames it into place. */
async function build(manifest: DataManifest, folder: string, options: OpenOptions): Promise<void> {
  const temporary = temporaryFolder();
  try {
    const built = join(temporary, 'source');
    mkdirSync(built);
    const files: UnpackedFile[] = [];
    for (const file of fileObjects(manifest)) {
      const where = `data-manifests/${manifest.name}.json ${file['@id']}`;
      const total = declaredBytes(file);
      const sets = fileSets(manifest).filter((set) => set.containedIn['@id'] === file['@id']);
      if (sets.length === 0) {
        place(contentPath(file.sha256), join(built, file['@id']), where);
        files.push({ path: file['@id'], bytes: total, sha256: file.sha256 });
        continue;
      }
      options.onProgress?.({ source: manifest.name, file: file['@id'], stage: 'unpack', bytes: 0, total });
      const strip = parseContentUrl(file.contentUrl)?.kind === 'npm' ? 'first' : 'none';
      const unpacked = await unpack(contentPath(file.sha256), file.encodingFormat, strip, built, chooser(sets.flatMap((set) => set.includes)), archiveLimits(total), where);
      for (const set of sets) {
        for (const glob of set.includes) {
          const matches = chooser([glob]);
          if (!unpacked.some((one) => matches(one.path))) throw userError({ where: `data-manifests/${manifest.name}.json ${set['@id']}`, what: `no file of ${file['@id']} matches \`${glob}\`` }, exitCode.failed);
        }
      }
      files.push(...unpacked);
    }
    files.sort((a, b) => (a.path < b.path ? -1 : 1));
    writeWhole(join(built, listingName), JSON.stringify({ files }));
    if (existsSync(folder)) {
      options.onProgress?.({ source: manifest.name, file: manifest.name, stage: 'note', bytes: 0, total: 0, note: 'its folder in the cache was damaged and is made again' });
      renameSync(folder, join(temporary, 'damaged'));
    }
    mkdirSync(dirname(folder), { recursive: true });
    renameSync(built, folder);
    options.onProgress?.({ source: manifest.name, file: manifest.name, stage: 'ready', bytes: 0, total: 0 });
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
