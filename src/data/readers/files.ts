/**
 * The files of a release where the user has put them: plain, in folders, or inside zip and tar archives; found by their
 * paths.
 */
import { closeSync, fstatSync, mkdirSync, openSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { sha256 } from '../../files';
import { exitCode, type UserError, userError } from '../../problems';
import { archiveLimits, unpack } from '../../sources/archive';
import { whatItIs } from '../contentKind';
import { requireKind } from './archiveKind';
import { filesBelow, type LeftLink, placeAt } from './folder';
import { alike, composed, isInside, shown } from './names';
import { openZip, type ZipFile } from '../../sources/zip';

/** Largest question file in bytes; the published ones have at most a fifth of it. */
const largestText = 400 * 2 ** 20;

/** A file of the release: on the disk, or a member of an archive. */
export interface ReleasedFile {
  /** path from the task's folder, with `/`; a member of an archive follows the archive's name */
  name: string;
  /** its path inside its archive; else as `name` */
  inner: string;
  /** where its content lies on the disk, where it does */
  path?: string | Buffer;
  archive?: ZipFile;
}

/** What became of a name: one file, or why none. */
export type Located = { file: ReleasedFile } | { fault: { kind: string; what: string } };

export interface ReleasedFiles {
  /** Every file in order of paths. */
  list(): ReleasedFile[];
  /** Whether a file of this name is there, one or several. */
  has(name: string): boolean;
  /**
   * The file that the first of these names which is there means: the one whose path is the name, else the one whose
   * path ends with it, at any depth. Several with other content are a fault that names all of them.
   */
  locate(names: readonly string[]): Promise<Located>;
  /** The content of a file. Throws UserError when it is larger than `most` bytes or cannot be read. */
  read(file: ReleasedFile, most: number): Promise<Uint8Array>;
  /**
   * The text of a question file. Throws UserError when it is not there, ambiguous, too large, or not UTF-8 and `latin`
   * is not given.
   */
  text(name: string, onLatin?: () => void): Promise<string>;
  /** links that were not followed */
  readonly left: readonly LeftLink[];
  /** folder of the release */
  readonly root: string;
  close(): void;
}

/**
 * Opens `places` (files, folders and archives) below `root`; those that are not there are passed over. A place itself
 * may be a link to anywhere, so that a folder that several sets share need not be copied; of links inside folders,
 * folder.ts says which are followed. Tar archives are unpacked into `scratch`, within bounds. Throws UserError for a
 * hostile archive.
 */
export async function openReleased(root: string, places: readonly string[], scratch: string): Promise<ReleasedFiles> {
  const files: ReleasedFile[] = [];
  const left: LeftLink[] = [];
  const absent: string[] = [];
  const archives: ZipFile[] = [];
  const close = () => archives.forEach((archive) => archive.close());
  try {
    for (const [index, place] of places.entries()) {
      const path = placeAt(root, place);
      if (path === undefined) {
        absent.push(place);
        continue;
      }
      const put = (inner: string, rest: Omit<ReleasedFile, 'name' | 'inner'>) =>
        files.push({ name: `${place}/${inner}`, inner, ...rest });
      if (statSync(path).isDirectory()) {
        const below = filesBelow(path, root);
        for (const file of below.files)
          files.push({ name: `${place}/${file.name}`, inner: `${place}/${file.name}`, path: file.path });
        left.push(...below.left.map(({ name, why }) => ({ name: `${place}/${name}`, why })));
      } else if (/\.zip$/i.test(place)) {
        requireKind(path, 'zip');
        const archive = await openZip(path, isInside);
        archives.push(archive);
        for (const name of archive.names) put(name, { archive });
      } else if (/\.(tar|tgz|tar\.gz)$/i.test(place)) {
        requireKind(path, 'tar');
        for (const name of await unpacked(path, join(scratch, `archive-${index}`)))
          put(name, { path: join(scratch, `archive-${index}`, name) });
      } else {
        if (!isText(place)) requireKind(path, 'plain');
        files.push({ name: place, inner: place, path });
      }
    }
  } catch (error) {
    close();
    throw error;
  }
  return releasedFiles(root, places, { files, left, absent }, close);
}

/** Question files say themselves what they are not, when they are read. */
const isText = (place: string) => /\.(?:jsonl?|csv|ya?ml|txt)$/i.test(place);

/** What is there, what is not followed, and which places are not there. */
interface Found {
  files: readonly ReleasedFile[];
  left: readonly LeftLink[];
  absent: readonly string[];
}

async function unpacked(path: string, folder: string): Promise<string[]> {
  mkdirSync(folder, { recursive: true });
  const limits = archiveLimits(statSync(path).size);
  const all = await unpack(path, 'application/x-tar', 'none', folder, () => true, limits, path, isInside);
  return all.map(({ path: name }) => name);
}

function releasedFiles(root: string, places: readonly string[], found: Found, close: () => void): ReleasedFiles {
  const { files, left } = found;
  const candidates = indexOf(files);
  const read = async (file: ReleasedFile, most: number): Promise<Uint8Array> =>
    file.archive === undefined ? readBounded(file.path ?? '', most) : file.archive.read(file.inner, most);
  const locateOne = async (name: string): Promise<Located | undefined> => {
    const named = candidates(name);
    const [first] = named;
    if (first === undefined) return undefined;
    if (named.length === 1 || (await sameContent(named, read))) return { file: first };
    return { fault: { kind: 'is ambiguous', what: ambiguity(name, named) } };
  };
  const locate = async (names: readonly string[]): Promise<Located> => {
    for (const name of names) {
      const located = await locateOne(name);
      if (located !== undefined) return located;
    }
    return { fault: missing(names, found) };
  };
  return {
    list: () => [...files].sort((a, b) => (a.name < b.name ? -1 : 1)),
    has: (name) => candidates(name).length > 0,
    locate,
    read,
    left,
    root,
    close,
    async text(name, onLatin) {
      const located = await locate([name]);
      if ('fault' in located) throw noText(root, places, name, located.fault);
      return decoded(await read(located.file, largestText), join(root, name), onLatin);
    },
  };
}

/**
 * Finds files by name: those with exactly this path; else those whose path ends with it; else the same of names that
 * look alike (NFC and NFD).
 */
function indexOf(files: readonly ReleasedFile[]): (name: string) => ReleasedFile[] {
  const byEnd = new Map<string, ReleasedFile[]>();
  const endOf = (path: string, steps: number) => composed(path.split('/').slice(-steps).join('/'));
  for (const file of files)
    for (const steps of [1, 2]) {
      const end = endOf(file.name, steps);
      if (steps === 2 && !end.includes('/')) continue;
      const list = byEnd.get(end);
      if (list === undefined) byEnd.set(end, [file]);
      else list.push(file);
    }
  return (given) => {
    const name = given.replace(/^(?:\.\/)+/, '');
    const near = byEnd.get(endOf(name, 2)) ?? [];
    const among = (read: (text: string) => string): ReleasedFile[] => {
      const wanted = read(name);
      const ends = near.filter((file) => read(file.name) === wanted || read(file.name).endsWith(`/${wanted}`));
      // The path from the task's folder says which is meant, unless an archive, whose own paths are stated as often,
      // has it too.
      return ends.some((file) => read(file.name) === wanted)
        ? ends.filter((file) => read(file.name) === wanted || read(file.inner) === wanted)
        : ends;
    };
    const exact = among((text) => text);
    const steps = (file: ReleasedFile) => file.name.split('/').length;
    return (exact.length > 0 ? exact : among(composed)).sort((a, b) => steps(a) - steps(b));
  };
}

/**
 * Whether all of these files hold the same bytes: then it does not matter which is meant (an archive beside what was
 * unpacked from it).
 */
async function sameContent(
  files: readonly ReleasedFile[],
  read: (file: ReleasedFile, most: number) => Promise<Uint8Array>,
): Promise<boolean> {
  let before: string | undefined;
  for (const file of files) {
    try {
      const hash = sha256(await read(file, largestText));
      if (before !== undefined && before !== hash) return false;
      before = hash;
    } catch {
      return false;
    }
  }
  return true;
}

const mostNamed = 8;

function ambiguity(name: string, found: readonly ReleasedFile[]): string {
  const alikes = new Set(found.map((file) => composed(file.name))).size < found.length;
  // Composed and decomposed letters look the same: told apart by their numbers.
  const told = (text: string) => (alikes ? shown(text).replace(/[^\x20-\x7e]/gu, escaped) : shown(text));
  const all = found.map((file) => told(file.name)).sort();
  const more = all.length > mostNamed ? ` and ${all.length - mostNamed} more` : '';
  return `${shown(name)} may be ${all.slice(0, mostNamed).join(' or ')}${more}, which differ; state the path from the task's folder`;
}

const escaped = (letter: string) => `\\u{${letter.codePointAt(0)!.toString(16)}}`;

function missing(names: readonly string[], { files, left, absent }: Found): { kind: string; what: string } {
  const [first = ''] = names;
  const link = left.find(({ name }) => names.some((each) => name === each || name.endsWith(`/${each}`)));
  if (link !== undefined) return { kind: 'is a link that is not followed', what: `${shown(link.name)} ${link.why}` };
  const near = files.find(({ name }) =>
    names.some((each) => alike(name) === alike(each) || alike(name).endsWith(`/${alike(each)}`)),
  );
  // A release may lie in several ways, so what is absent matters only where nothing beside the questions is there.
  const empty = files.every(({ name }) => isText(name)) && absent.length > 0;
  const places = empty ? `; not there: ${absent.slice(0, 3).map(shown).join(', ')}` : '';
  return { kind: 'is missing', what: shown(first) + (near === undefined ? places : `; there is ${shown(near.name)}`) };
}

function noText(
  root: string,
  places: readonly string[],
  name: string,
  { kind, what }: { kind: string; what: string },
): UserError {
  if (kind !== 'is missing') return userError({ where: join(root, name), what: `${kind}: ${what}` });
  return userError(
    {
      where: join(root, name),
      what: 'there is no such file',
      expected: `it there, or below or inside one of ${
        places
          .filter((place) => place !== name)
          .map(shown)
          .join(', ') || 'its places'
      }`,
      hint: `${contentsOf(root)}; docs/data.md says which files a task needs and where they go`,
    },
    exitCode.unavailable,
  );
}

/** What a folder holds, in words for a message: the first names. */
export function contentsOf(root: string): string {
  const names = readdirSync(root).sort();
  if (names.length === 0) return 'the folder is empty';
  const more = names.length > mostNamed ? ` and ${names.length - mostNamed} more` : '';
  return `the folder holds ${names.slice(0, mostNamed).map(shown).join(', ')}${more}`;
}

/** UTF-8, or UTF-16 with its byte order mark, as some editors write; Windows-1252 where the caller allows it. */
function decoded(bytes: Uint8Array, where: string, onLatin?: () => void): string {
  const what = whatItIs(bytes);
  if (what === 'text in UTF-16') return new TextDecoder(bytes[0] === 0xff ? 'utf-16le' : 'utf-16be').decode(bytes);
  if (!['JSON text', 'plain text'].includes(what) && !what.startsWith('a file that begins'))
    throw userError({ where, what: `is ${what}`, expected: 'the text file of that name; fetch it again' });
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    if (onLatin === undefined) throw userError({ where, what: 'is not UTF-8 text', expected: 'UTF-8' });
    onLatin();
    return new TextDecoder('windows-1252').decode(bytes);
  }
}

function readBounded(path: string | Buffer, most: number): Uint8Array {
  const handle = openSync(path, 'r');
  try {
    const { size } = fstatSync(handle);
    if (size > most) throw userError({ where: String(path), what: `has ${size} bytes`, expected: `at most ${most}` });
    return readFileSync(handle);
  } finally {
    closeSync(handle);
  }
}
