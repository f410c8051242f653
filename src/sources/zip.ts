/** Zip archives, read member by member without unpacking; an archive is hostile until checked. */
import { isUtf8 } from 'node:buffer';
import type { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import * as yauzl from 'yauzl';
import { show } from '../printable';
import { exitCode, UserError, userError } from '../problems';

/** More members than any released set has. */
const mostMembers = 2_000_000;

export interface ZipFile {
  /** names of the regular files, in the archive's order */
  names: string[];
  /** The content of a member. Throws UserError when it is larger than `most` bytes, damaged, encrypted, or a link. */
  read(name: string, most: number): Promise<Buffer>;
  /** The same as a stream, which `use` reads to its end. Throws UserError as `read`, and for any failure of `use`. */
  streamed<T>(name: string, most: number, use: (stream: Readable) => Promise<T>): Promise<T>;
  close(): void;
}

const linkType = 0o120000;

/**
 * Opens a zip and reads its directory. The whole archive is refused (UserError) for one name that leaves the folder
 * (for which `inside` does not hold), one that comes twice, or damage: who wrote such an archive is not to be trusted
 * with the rest. `where` names the archive in messages.
 */
export async function openZip(path: string, inside: (name: string) => boolean, where = path): Promise<ZipFile> {
  const refuse = (what: string, expected?: string) =>
    userError({ where, what, ...(expected === undefined ? {} : { expected }) }, exitCode.failed);
  let zip: yauzl.ZipFile | undefined;
  try {
    // Names are judged here, in our words; the library would stop at the first with words of its own.
    zip = await yauzl.openPromise(path, {
      autoClose: false,
      strictFileNames: true,
      decodeStrings: false,
      validateEntrySizes: true,
    });
    const members = await membersOf(zip, inside, refuse);
    const open = zip;
    // The library ends a stream with an error as soon as more comes than the directory states.
    const streamed = async <T>(name: string, most: number, use: (stream: Readable) => Promise<T>): Promise<T> => {
      const entry = readable(members.get(name), name, most, refuse);
      try {
        return await use(await open.openReadStreamPromise(entry));
      } catch (error) {
        throw refuse(`${show(name)} cannot be unpacked (${(error as Error).message})`, 'a whole archive');
      }
    };
    return {
      names: [...members.keys()],
      streamed,
      read: (name, most) => streamed(name, most, buffer),
      close: () => open.close(),
    };
  } catch (error) {
    zip?.close();
    if (error instanceof UserError) throw error;
    throw refuse(`cannot be read as a zip archive (${(error as Error).message})`, 'a whole zip archive');
  }
}

type Refuse = (what: string, expected?: string) => UserError;

/** The regular files of an archive by name, in its order. */
async function membersOf(
  zip: yauzl.ZipFile,
  inside: (name: string) => boolean,
  refuse: Refuse,
): Promise<Map<string, yauzl.Entry>> {
  const members = new Map<string, yauzl.Entry>();
  let count = 0;
  for await (const entry of zip.eachEntry()) {
    count += 1;
    if (count > mostMembers) throw refuse(`holds more than ${mostMembers} members`);
    const name = nameOf(entry);
    if (name.endsWith('/')) continue;
    if (!inside(name) || !inside(name.replaceAll('\\', '/')))
      throw refuse(`holds the name ${show(name)}, which could leave the folder`, 'relative names without `..`');
    if (name.includes('\\'))
      throw refuse(
        `holds the name ${show(name)}: a backslash, which some Windows programs write between folders, is no separator in a zip`,
        'names with `/`; pack the folder again with another program',
      );
    if (members.has(name)) throw refuse(`holds ${show(name)} twice`);
    members.set(name, entry);
  }
  return members;
}

/** A member that may be read. Throws UserError for one that is not there, is no plain file, or is too large. */
function readable(entry: yauzl.Entry | undefined, name: string, most: number, refuse: Refuse): yauzl.Entry {
  if (entry === undefined) throw refuse(`has no ${show(name)}`);
  if (((entry.externalFileAttributes >>> 16) & 0o170000) === linkType)
    throw refuse(`${show(name)} is a link`, 'a regular file');
  if (entry.isEncrypted()) throw refuse(`${show(name)} is encrypted`, 'a file that can be read');
  if (entry.uncompressedSize > most)
    throw refuse(`${show(name)} unpacks to ${entry.uncompressedSize} bytes`, `at most ${most}`);
  return entry;
}

/** Bit 11 of the flags says that a name is UTF-8. */
const utf8Flag = 0x800;

/**
 * The name of a member. Without the flag, and without the field that Info-ZIP adds for it, a name is in the code page
 * of old DOS; macOS and many other programs write UTF-8 all the same, which no text in that code page is by chance.
 */
function nameOf(entry: yauzl.Entry): string {
  const raw = entry.fileName as unknown as Buffer; // the library's types know decoded names only
  if (
    (entry.generalPurposeBitFlag & utf8Flag) === 0 &&
    !entry.extraFields.some(({ id }) => id === 0x7075) &&
    isUtf8(raw)
  )
    return raw.toString('utf8');
  return yauzl.getFileNameLowLevel(entry.generalPurposeBitFlag, raw, entry.extraFields, true);
}
