/**
 * What a release was when it was first read: sizes and hashes of its files. For the published sets the pin is a lock
 * file in `data-manifests/locks/` (or the folder in EQUIPOISE_LOCKS), so that plans need neither the files nor a
 * network and everyone trains on the same bytes; a user's own task is hashed each time.
 */
import { isObject } from '../../json';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { FoundTask } from '../../manifest/taskManifest';
import { readDocument } from '../../manifest/parse';
import { cachePath, canonicalJson, isSha256, projectRoot, sha256, sha256OfFile, writeWhole } from '../../files';
import { exitCode, userError } from '../../problems';
import { contentsOf } from './files';
import { filesBelow, placeAt } from './folder';

/**
 * One file, or one folder as a whole: `files` counts its regular files, and `sha256` is over their names and hashes.
 */
export interface PinnedPlace {
  name: string;
  files: number;
  bytes: number;
  sha256: string;
}

/**
 * Folder where the files of a task lie: beside the manifest of a user's own, else EQUIPOISE_DATA/NAME, by default in
 * the cache.
 */
export function releaseFolder({ manifest, kind, folder }: FoundTask): string {
  if (kind === 'own') return folder;
  const base = process.env['EQUIPOISE_DATA'];
  return base === undefined || base === '' ? cachePath('published', manifest.name) : join(base, manifest.name);
}

/** The lock file of a published set. */
export function lockPath(name: string): string {
  const base = process.env['EQUIPOISE_LOCKS'];
  return join(base === undefined || base === '' ? join(projectRoot, 'data-manifests', 'locks') : base, `${name}.json`);
}

/**
 * Names of everything that a task may read below its folder `root`, in the manifest's order. TextVQA's OCR tokens lie
 * beside its questions, and the hub's Parquet files, where they are not in `data/`, in `default/` (the hub's own
 * conversion) or in the folder itself.
 */
export function placesOf({ format, questions, media }: FoundTask['manifest'], root: string): string[] {
  const files = questions.map(({ file }) => file);
  const beside =
    format === 'textvqa'
      ? files.map((file) => file.replace(/TextVQA_0\.5\.1_(?=[a-z]+\.json$)/, 'TextVQA_Rosetta_OCR_v0.2_'))
      : [];
  const hub =
    format === 'textvqa' && existsSync(root)
      ? readdirSync(root)
          .filter((name) => name === 'default' || /\.parquet$/i.test(name))
          .sort()
      : [];
  return [...new Set([...files, ...beside, ...media, ...hub])];
}

/** A file of a release with its content's hash. */
export interface PinnedFile {
  /** below its place; '' where the place is the file */
  name: string;
  bytes: number;
  sha256: string;
}

/** A place of a task that is there, with every file of it and where that lies. */
export interface HashedPlace {
  name: string;
  isFolder: boolean;
  files: (PinnedFile & { path: string | Buffer })[];
}

/** Hashes every file of the task that is there, in the manifest's order. Throws UserError when none is. */
export function hashedPlaces(task: FoundTask): HashedPlace[] {
  const root = releaseFolder(task);
  const places = placesOf(task.manifest, root).flatMap((name) => {
    const path = placeAt(root, name);
    return path === undefined ? [] : [{ name, path }];
  });
  if (places.length === 0) throw notThere(task);
  return places.map(({ name, path }) => {
    const isFolder = statSync(path).isDirectory();
    const files = isFolder ? filesBelow(path, root).files : [{ name: '', path }];
    return { name, isFolder, files: files.map((file) => ({ ...file, ...sha256OfFile(file.path) })) };
  });
}

/** A place as a lock has it. */
export function pinned({
  name,
  isFolder,
  files,
}: Pick<HashedPlace, 'name' | 'isFolder'> & { files: readonly PinnedFile[] }): PinnedPlace {
  return {
    name,
    files: files.length,
    bytes: files.reduce((sum, { bytes }) => sum + bytes, 0),
    sha256: isFolder ? sha256(canonicalJson(files.map((one) => [one.name, one.sha256]))) : files[0]!.sha256,
  };
}

/** The places of a task as a lock has them. Throws UserError when no file of the task is there. */
export const pinRelease = (task: FoundTask): PinnedPlace[] => hashedPlaces(task).map(pinned);

function notThere(task: FoundTask): Error {
  const { manifest } = task;
  const root = releaseFolder(task);
  const hub = manifest.format === 'textvqa' ? "; or the hub's Parquet files, here, in data/ or in default/" : '';
  const wanted = [...manifest.questions.map(({ file }) => file), ...manifest.media].join(', ') + hub;
  const from = (manifest.download ?? []).map(({ file, url }) => `${file} from ${url}`).join(', ');
  return userError(
    {
      where: `task ${manifest.name}`,
      what: `none of its files is in ${root}${existsSync(root) ? ` (${contentsOf(root)})` : ''}`,
      expected: wanted,
      hint:
        task.kind === 'own'
          ? "put them beside the task's manifest"
          : `fetch ${from === '' ? `them from ${manifest.url ?? 'the publisher'}` : from}; put them there (EQUIPOISE_DATA names another folder) and run \`equipoise data import ${manifest.name}\``,
    },
    exitCode.unavailable,
  );
}

/** The pin that a lock file holds; null when there is none. Throws UserError for a file that is no lock. */
export function readLock(name: string): PinnedPlace[] | null {
  const path = lockPath(name);
  return existsSync(path) ? placesOfLock(readDocument(path).value, path) : null;
}

/** The pin that a parsed lock file holds; `path` names it. Throws UserError for what is no lock. */
export function placesOfLock(value: unknown, path: string): PinnedPlace[] {
  const places: unknown = isObject(value) ? value['places'] : undefined;
  const isPlace = (each: unknown): each is PinnedPlace =>
    isObject(each) &&
    typeof each['name'] === 'string' &&
    isSha256(each['sha256']) &&
    Number.isInteger(each['bytes']) &&
    Number.isInteger(each['files']);
  if (!Array.isArray(places) || places.length === 0 || !places.every(isPlace))
    throw userError({
      where: path,
      what: 'is no lock of a published set',
      expected: 'a file that `equipoise data import` has written',
    });
  return places;
}

/** The text of a lock. */
export function lockText(name: string, places: readonly PinnedPlace[]): string {
  return `${JSON.stringify({ format: 'equipoise-lock/1', name, places }, null, 2)}\n`;
}

/** Writes the lock of a published set. */
export function writeLock(name: string, places: readonly PinnedPlace[]): void {
  writeWhole(lockPath(name), lockText(name, places));
}

/** What these places are as a whole. */
export const identityOfPlaces = (places: readonly PinnedPlace[]): string =>
  sha256(canonicalJson(places.map(({ name, sha256: hash }) => [name, hash])));

/**
 * The identity of a task's files: from the lock (published) or from the files (own). Throws UserError when neither is
 * there.
 */
export function releaseIdentity(task: FoundTask): string {
  const places = task.kind === 'own' ? pinRelease(task) : readLock(task.manifest.name);
  if (places === null) {
    if (!existsSync(releaseFolder(task))) throw notThere(task);
    throw userError(
      {
        where: `task ${task.manifest.name}`,
        what: 'its files have not been read yet',
        hint: `run \`equipoise data import ${task.manifest.name}\`, which checks them and writes down their hashes`,
      },
      exitCode.unavailable,
    );
  }
  return identityOfPlaces(places);
}

/** Throws UserError that names the first file that is not what the lock says; a task of a user's own has no lock. */
export function requirePinned(task: FoundTask): void {
  const locked = task.kind === 'own' ? null : readLock(task.manifest.name);
  if (locked === null) return;
  const found = pinRelease(task);
  const added = found.find(({ name }) => !locked.some((place) => place.name === name));
  if (added !== undefined)
    throw userError(
      {
        where: join(releaseFolder(task), added.name),
        what: `is new: ${lockPath(task.manifest.name)} does not know it`,
        hint: `if it is meant, run \`equipoise data import ${task.manifest.name} --again\`: runs get new identities`,
      },
      exitCode.failed,
    );
  for (const place of locked) {
    const now = found.find(({ name }) => name === place.name);
    if (now?.sha256 === place.sha256) continue;
    throw userError(
      {
        where: join(releaseFolder(task), place.name),
        what:
          now === undefined
            ? 'is not there any more'
            : `has ${now.files} files, ${now.bytes} bytes, sha256 ${now.sha256}`,
        expected: `${place.files} files, ${place.bytes} bytes, sha256 ${place.sha256}, as ${lockPath(task.manifest.name)} says`,
        hint: `if the new files are meant, run \`equipoise data import ${task.manifest.name} --again\`: runs get new identities`,
      },
      exitCode.failed,
    );
  }
}
