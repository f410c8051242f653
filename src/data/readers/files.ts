/** The files of a release where the user has put them: plain, in folders, or inside zip and tar archives. */
import {
  closeSync,
  existsSync,
  fstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  realpathSync,
  statSync,
} from 'node:fs';
import { join } from 'node:path';
import { exitCode, userError } from '../../problems';
import { archiveLimits, unpack } from '../../sources/archive';
import { isSafePath } from '../../sources/contentUrl';
import { openZip, type ZipFile } from './zip';

/** Largest question file in bytes; the published ones have at most a fifth of it. */
const largestText = 400 * 2 ** 20;

/** A file of the release: on the disk, or a member of an archive. */
interface ReleasedFile {
  name: string;
  /** absolute path on the disk, where it has one */
  path?: string;
  archive?: ZipFile;
}

export interface ReleasedFiles {
  /** Every file, by its name below the folder or inside its archive, in order of names. */
  list(): ReleasedFile[];
  /** The first of these names that is there, as it stands or below one of the upper folders of the release. */
  find(names: readonly string[]): ReleasedFile | undefined;
  /** The content of a file. Throws UserError when it is larger than `most` bytes or cannot be read. */
  read(file: ReleasedFile, most: number): Promise<Uint8Array>;
  /** The text of a question file. Throws UserError when it is not there, too large, or not UTF-8 and `latin` is not given. */
  text(name: string, onLatin?: () => void): Promise<string>;
  close(): void;
}

/**
 * Opens `places` (files, folders and archives) below `root`; those that are not there are passed over. Links inside folders are not
 * followed, but a place itself may be one, so that a folder that several sets share need not be copied.
 * Tar archives are unpacked into `scratch`, within bounds. Throws UserError when no place is there, or for a hostile archive.
 */
export async function openReleased(root: string, places: readonly string[], scratch: string): Promise<ReleasedFiles> {
  const files = new Map<string, ReleasedFile>();
  const archives: ZipFile[] = [];
  const close = () => archives.forEach((archive) => archive.close());
  const put = (file: ReleasedFile) => {
    if (!files.has(file.name)) files.set(file.name, file);
  };
  try {
    for (const [index, place] of places.entries()) {
      const path = join(root, place);
      if (!existsSync(path)) continue;
      if (statSync(path).isDirectory())
        for (const name of filesIn(path)) put({ name: `${place}/${name}`, path: join(path, name) });
      else if (/\.zip$/i.test(place)) {
        const archive = await openZip(path);
        archives.push(archive);
        for (const name of archive.names) put({ name, archive });
      } else if (/\.(tar|tgz|tar\.gz)$/i.test(place)) {
        const folder = join(scratch, `archive-${index}`);
        mkdirSync(folder, { recursive: true });
        for (const { path: name } of await unpack(
          path,
          'application/x-tar',
          'none',
          folder,
          () => true,
          archiveLimits(statSync(path).size),
          path,
        ))
          put({ name, path: join(folder, name) });
      } else put({ name: place, path });
    }
  } catch (error) {
    close();
    throw error;
  }
  const upper = upperFolders(files.keys());
  const find = (names: readonly string[]): ReleasedFile | undefined => {
    for (const name of names) {
      for (const folder of upper) {
        const found = files.get(folder + name);
        if (found !== undefined) return found;
      }
    }
    return undefined;
  };
  const read = async (file: ReleasedFile, most: number): Promise<Uint8Array> => {
    if (file.archive !== undefined) return file.archive.read(file.name, most);
    return readBounded(file.path ?? '', most);
  };
  return {
    list: () => [...files.values()].sort((a, b) => (a.name < b.name ? -1 : 1)),
    find,
    read,
    async text(name, onLatin) {
      const file = find([name]);
      if (file === undefined)
        throw userError(
          {
            where: join(root, name),
            what: 'there is no such file',
            hint: 'docs/data.md says which files a task needs and where they go',
          },
          exitCode.unavailable,
        );
      const bytes = await read(file, largestText);
      try {
        return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
      } catch {
        if (onLatin === undefined)
          throw userError({ where: join(root, name), what: 'is not UTF-8 text', expected: 'UTF-8' });
        onLatin();
        return new TextDecoder('windows-1252').decode(bytes);
      }
    },
    close,
  };
}

/** Regular files below a folder, with `/`, sorted; links and devices are left out. */
export function filesIn(folder: string): string[] {
  const real = realpathSync(folder);
  return readdirSync(real, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) =>
      join(entry.parentPath, entry.name)
        .slice(real.length + 1)
        .replaceAll('\\', '/'),
    )
    .filter(isSafePath)
    .sort();
}

/** '' and the folders that hold everything else: releases differ in whether their archive has a folder around its content. */
function upperFolders(names: Iterable<string>): string[] {
  const folders = new Set<string>(['']);
  for (const name of names) {
    const steps = name.split('/');
    for (let depth = 1; depth < Math.min(steps.length, 4) && folders.size < 2000; depth++)
      folders.add(`${steps.slice(0, depth).join('/')}/`);
  }
  return [...folders].sort((a, b) => a.split('/').length - b.split('/').length || (a < b ? -1 : 1));
}

function readBounded(path: string, most: number): Uint8Array {
  const handle = openSync(path, 'r');
  try {
    const { size } = fstatSync(handle);
    if (size > most) throw userError({ where: path, what: `has ${size} bytes`, expected: `at most ${most}` });
    return readFileSync(handle);
  } finally {
    closeSync(handle);
  }
}
