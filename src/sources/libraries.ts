/**
 * Libraries that are under the LGPL: the installation has none of them. The user's own npm fetches one into the cache
 * when a run first needs it, in the versions and with the hashes of its lock file.
 */
import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { cachePath, sha256 } from '../files';
import type { Modality } from '../modules';
import { exitCode, userError } from '../problems';
import { installNpm } from './fetchNpm';
import pictures from './libraries/pictures.json';
import sounds from './libraries/sounds.json';
import { withLock } from './lock';

/** What each library is for, with its lock file: sharp with libvips, and the decoders of MP3, FLAC and Ogg Vorbis. */
const locks = {
  pictures: { what: 'sharp with libvips (LGPL), which reads and draws pictures', lock: pictures },
  sounds: { what: 'decoders of MP3, FLAC and Ogg Vorbis (LGPL in parts)', lock: sounds },
} as const;

/** A library by what it is for. */
export type Library = keyof typeof locks;

/** What reads the media of a modality. */
export const libraryOf: Readonly<Record<Modality, Library>> = { image: 'pictures', audio: 'sounds' };

/** All of them. */
export const libraries = Object.keys(locks) as Library[];

/** The packages that are asked for, with their versions; what these need is in the lock file. */
export const libraryPackages = (library: Library): Readonly<Record<string, string>> =>
  locks[library].lock.packages[''].dependencies;

/** Of each lock file, so that another one is another folder. */
const keys = Object.fromEntries(
  libraries.map((library) => [library, sha256(JSON.stringify(locks[library].lock)).slice(0, 16)]),
) as Record<Library, string>;

/** npm installs what this kind of machine needs, so another kind that shares the folder has one of its own. */
const machine = [process.platform, process.arch, ...(existsSync('/etc/alpine-release') ? ['musl'] : [])].join('-');

/** Where a library lies once it is fetched; it is there whole or not at all. A folder of them may serve many machines. */
export function libraryFolder(library: Library): string {
  const base = process.env['EQUIPOISE_LIBRARIES'] ?? cachePath('libraries');
  return join(resolve(base), `${library}-${machine}-${keys[library]}`);
}

/**
 * Fetches a library unless the cache has it, and says so in a line on standard error. No script of a package runs.
 * Throws UserError when npm is absent or its registry cannot be reached.
 */
export async function fetchLibrary(library: Library): Promise<void> {
  const folder = libraryFolder(library);
  if (existsSync(folder)) return;
  await withLock(`${folder}.lock`, async () => {
    if (existsSync(folder)) return;
    process.stderr.write(`fetching ${locks[library].what}\n`);
    await install(library, folder);
  });
}

async function install(library: Library, folder: string): Promise<void> {
  const { lock, what } = locks[library];
  const made = `${folder}.building`; // one name for all processes: the lock keeps them apart
  rmSync(made, { recursive: true, force: true });
  mkdirSync(made, { recursive: true });
  try {
    const { name, dependencies } = lock.packages[''];
    writeFileSync(join(made, 'package.json'), JSON.stringify({ name, private: true, dependencies }));
    writeFileSync(join(made, 'package-lock.json'), JSON.stringify(lock));
    await installNpm(made, what);
    renameSync(made, folder);
  } finally {
    rmSync(made, { recursive: true, force: true });
  }
}

/** Loads a package of a library that was fetched. Throws UserError when it does not load on this machine. */
export function requireFrom<T>(library: Library, name: string): T {
  try {
    return createRequire(join(libraryFolder(library), 'package.json'))(name) as T;
  } catch (error) {
    throw notLoading(library, name, error);
  }
}

/** The same of a package of ES modules, which is fetched first. */
export async function importFrom<T>(library: Library, name: string): Promise<T> {
  await fetchLibrary(library);
  try {
    const path = createRequire(join(libraryFolder(library), 'package.json')).resolve(name);
    return (await import(pathToFileURL(path).href)) as T;
  } catch (error) {
    throw notLoading(library, name, error);
  }
}

const notLoading = (library: Library, name: string, error: unknown) =>
  userError(
    {
      where: `${libraryFolder(library)}`,
      what: `the package ${name} cannot be loaded (${
        String(error instanceof Error ? error.message : error)
          .trim()
          .split('\n')[0]!
      })`,
      expected: 'one of the machines that it is published for',
      hint: 'remove this folder: it is fetched again',
    },
    exitCode.unavailable,
  );
