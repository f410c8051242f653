/**
 * Sources: what the data manifests describe, fetched, checked, unpacked, and opened by name. The only door through
 * which data and weights enter.
 */
import { existsSync, lstatSync, rmSync } from 'node:fs';
import { basename, join } from 'node:path';
import { cachePath, canonicalJson, sha256 } from '../files';
import { exitCode, Problem, UserError, userError } from '../problems';
import { contentPath, ensureContent, type FetchOptions, hasContent, hashFile } from './content';
import { type DataManifest, declaredBytes, fileObjects, fileSets } from './dataManifest';
import { withLock } from './lock';
import { readDataManifest, readDataManifests } from './manifestFiles';
import { isPinned, notPinned, pinSource } from './pins';
import { problemsOfAll } from './unreachable';
import { buildFolder, filesBelow, isIntact, listingName, readListing } from './sourceFolder';

/** Grows when the layout of opened folders changes, so that old ones are not taken for new. */
const layout = 1;

export interface OpenOptions extends FetchOptions {
  /** do not touch the network: throw when the source is not in the cache */
  offline?: boolean;
  /** folder of manifests; the project's own by default */
  manifests?: string;
}

/** Every data manifest, sorted by name. Throws UserError with all problems of all manifests. */
export function listSources(manifests?: string): DataManifest[] {
  return readDataManifests(manifests);
}

/** The manifest of one source. Throws UserError that lists the known names. */
export function findSource(name: string, manifests?: string): DataManifest {
  const own = readDataManifest(name, manifests);
  if (own !== null) return own;
  const known = listSources(manifests);
  const found = known.find((manifest) => manifest.name === name);
  if (found === undefined) throw new UserError([unknownSource(name, known)]);
  return found;
}

function unknownSource(name: string, known: DataManifest[]): Problem {
  return {
    where: `data source \`${name}\``,
    what: 'there is no such data manifest',
    expected: `one of ${known.map((manifest) => manifest.name).join(', ')}`,
  };
}

/**
 * sha256 over what the source's files are: the hashes of its distribution and the globs that choose from them. Needs
 * neither network nor cache; wording, licence and addresses do not enter.
 */
export function sourceIdentity(name: string, manifests?: string): string {
  return manifestIdentity(findSource(name, manifests));
}

/** The same of a manifest that was read already. */
export function manifestIdentity(manifest: DataManifest): string {
  if (!fileObjects(manifest).every(isPinned)) throw notPinned(manifest.name);
  const hashes = new Map(fileObjects(manifest).map((file) => [file['@id'], file.sha256]));
  const files = fileObjects(manifest).map((file) => ({
    hash: file.sha256,
    ...(isArchive(manifest, file['@id']) ? {} : { name: file['@id'] }),
  }));
  const sets = fileSets(manifest).map((set) => ({
    hash: hashes.get(set.containedIn['@id']),
    includes: [...set.includes].sort(),
  }));
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
 * Throws UserError: an unknown name, a failed fetch, a wrong hash, a hostile archive, or absent from the cache while
 * `offline`.
 */
export async function openSource(
  name: string,
  options: OpenOptions = {},
): Promise<{ manifest: DataManifest; folder: string }> {
  const manifest = await pinned(findSource(name, options.manifests), options);
  const folder = sourceFolder(manifest);
  if (isIntact(folder)) return { manifest, folder };
  if (options.offline === true && !fileObjects(manifest).every(hasContent)) {
    throw userError(
      {
        where: `data source \`${name}\``,
        what: 'is not in the cache',
        hint: `run \`equipoise data fetch ${name}\` where there is a network`,
      },
      exitCode.unavailable,
    );
  }
  for (const file of fileObjects(manifest)) await ensureContent(file, manifest.name, options);
  await withLock(
    `${folder}.lock`,
    async () => {
      if (isIntact(folder)) return;
      await buildFolder(manifest, folder, options.onProgress);
    },
    (owner) =>
      options.onProgress?.({
        source: name,
        file: name,
        stage: 'wait',
        bytes: 0,
        total: 0,
        note: `${owner} is unpacking it`,
      }),
  );
  return { manifest, folder };
}

/** The manifest with all its files pinned: what no fetch has seen yet is fetched now. */
async function pinned(manifest: DataManifest, options: OpenOptions): Promise<DataManifest> {
  if (fileObjects(manifest).every(isPinned)) return manifest;
  if (options.offline === true) throw notPinned(manifest.name);
  await pinSource(manifest, options, options.manifests);
  return findSource(manifest.name, options.manifests);
}

/** What is known of a source without reading its files: `ready` to open, `fetched` but not unpacked, or `absent`. */
type SourceState = 'ready' | 'fetched' | 'absent';

/** State of a source in the cache, by names and sizes alone. */
export function sourceState(manifest: DataManifest): SourceState {
  if (!fileObjects(manifest).every(isPinned)) return 'absent';
  if (isIntact(sourceFolder(manifest))) return 'ready';
  return fileObjects(manifest).every(hasContent) ? 'fetched' : 'absent';
}

/**
 * Opens the named sources, all by default, one after the other. One that fails does not keep the others: the UserError
 * at the end holds the problems of all. `again` throws away what the cache holds of each and fetches it anew.
 */
export async function fetchSources(
  names?: string[],
  options: OpenOptions & { again?: boolean } = {},
): Promise<{ manifest: DataManifest; folder: string }[]> {
  const chosen = chooseSources(names, options.manifests);
  const opened: { manifest: DataManifest; folder: string }[] = [];
  const failures: UserError[] = [];
  for (const manifest of chosen) {
    if (options.again === true) forget(manifest);
    try {
      opened.push(await openSource(manifest.name, options));
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      failures.push(error);
    }
  }
  const [first] = failures;
  if (first !== undefined) {
    const code = failures.some((failure) => failure.code === exitCode.failed) ? exitCode.failed : first.code;
    throw new UserError(problemsOfAll(failures), code);
  }
  return opened;
}

/** One file of the cache that is not what it should be. */
interface Damage {
  /** absolute */
  path: string;
  expected: string;
  found: string;
}

interface SourceReport {
  name: string;
  state: SourceState | 'damaged';
  /** files hashed */
  files: number;
  bytes: number;
  damage: Damage[];
}

/**
 * Hashes everything that the cache holds of the named sources, all by default: the fetched files against the manifest,
 * the unpacked ones against the listing made while they were unpacked. Changes nothing and needs no network.
 */
export async function verifySources(names?: string[], options: OpenOptions = {}): Promise<SourceReport[]> {
  const reports: SourceReport[] = [];
  for (const manifest of chooseSources(names, options.manifests)) {
    const report: SourceReport = { name: manifest.name, state: sourceState(manifest), files: 0, bytes: 0, damage: [] };
    const check = async (path: string, bytes: number, hash: string) => {
      const stats = lstatSync(path, { throwIfNoEntry: false });
      const found =
        stats?.isFile() === true ? await hashFile(path) : stats === undefined ? 'nothing' : 'no regular file';
      report.files += 1;
      report.bytes += stats?.size ?? 0;
      if (found !== hash)
        report.damage.push({
          path,
          expected: `${bytes} bytes with sha256 ${hash}`,
          found: stats?.isFile() === true ? `${stats.size} bytes with sha256 ${found}` : found,
        });
      options.onProgress?.({ source: manifest.name, file: basename(path), stage: 'check', bytes: 0, total: 0 });
    };
    for (const file of fileObjects(manifest)) {
      if (isPinned(file) && existsSync(contentPath(file.sha256)))
        await check(contentPath(file.sha256), declaredBytes(file), file.sha256);
    }
    const folder = fileObjects(manifest).every(isPinned) ? sourceFolder(manifest) : '';
    if (folder !== '' && existsSync(folder)) {
      const listed = readListing(folder);
      if (listed === null)
        report.damage.push({ path: folder, expected: 'a listing of its files', found: 'none that can be read' });
      for (const file of listed ?? []) await check(join(folder, file.path), file.bytes, file.sha256);
      const known = new Set([listingName, ...(listed ?? []).map((file) => file.path)]);
      for (const path of filesBelow(folder)) {
        if (listed !== null && !known.has(path))
          report.damage.push({
            path: join(folder, path),
            expected: 'nothing: the source has no such file',
            found: 'a file',
          });
      }
    }
    if (report.damage.length > 0) report.state = 'damaged';
    reports.push(report);
  }
  return reports;
}

function chooseSources(names: string[] | undefined, manifests?: string): DataManifest[] {
  const known = listSources(manifests);
  // Whole published checkpoints are fetched only by name: together they are larger than most disks.
  if (names === undefined || names.length === 0)
    return known.filter((manifest) => !fileObjects(manifest).some(({ contentUrl }) => contentUrl.startsWith('hf:')));
  const problems = [...new Set(names)]
    .filter((name) => !known.some((manifest) => manifest.name === name))
    .map((name) => unknownSource(name, known));
  if (problems.length > 0) throw new UserError(problems);
  return known.filter((manifest) => names.includes(manifest.name));
}

/**
 * Removes a source from the cache. A content that another manifest shares goes too and is fetched when that is opened.
 */
function forget(manifest: DataManifest): void {
  if (fileObjects(manifest).every(isPinned)) rmSync(sourceFolder(manifest), { recursive: true, force: true });
  for (const file of fileObjects(manifest).filter(isPinned))
    for (const path of [contentPath(file.sha256), `${contentPath(file.sha256)}.part`]) rmSync(path, { force: true });
}
