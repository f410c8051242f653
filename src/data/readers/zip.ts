/** Zip archives of pictures and sounds, read member by member without unpacking; an archive is hostile until checked. */
import * as yauzl from 'yauzl';
import { exitCode, UserError, userError } from '../../problems';
import { isSafePath } from '../../sources/contentUrl';
import { show } from '../../manifest/validate';

/** More members than any released set has. */
const mostMembers = 2_000_000;

export interface ZipFile {
  /** names of the regular files, in the archive's order */
  names: string[];
  /** The content of a member. Throws UserError when it is larger than `most` bytes, damaged, encrypted, or a link. */
  read(name: string, most: number): Promise<Buffer>;
  close(): void;
}

const linkType = 0o120000;

/**
 * Opens a zip and reads its directory. The whole archive is refused (UserError) for one name that leaves the folder, one
 * that comes twice, or damage: who wrote such an archive is not to be trusted with the rest.
 */
export async function openZip(path: string): Promise<ZipFile> {
  const refuse = (what: string, expected?: string) =>
    userError({ where: path, what, ...(expected === undefined ? {} : { expected }) }, exitCode.failed);
  let zip: yauzl.ZipFile | undefined;
  try {
    // Names are judged here, in our words; the library would stop at the first with words of its own.
    zip = await yauzl.openPromise(path, {
      autoClose: false,
      strictFileNames: true,
      decodeStrings: true,
      validateEntrySizes: true,
    });
    const members = new Map<string, yauzl.Entry>();
    let count = 0;
    for await (const entry of zip.eachEntry()) {
      count += 1;
      if (count > mostMembers) throw refuse(`holds more than ${mostMembers} members`);
      const name = entry.fileName;
      if (name.endsWith('/')) continue;
      if (!isSafePath(name))
        throw refuse(`holds the name ${show(name)}, which could leave the folder`, 'relative names without `..`');
      if (members.has(name)) throw refuse(`holds ${show(name)} twice`);
      members.set(name, entry);
    }
    const open = zip;
    return {
      names: [...members.keys()],
      async read(name, most) {
        const entry = members.get(name);
        if (entry === undefined) throw refuse(`has no ${show(name)}`);
        if (((entry.externalFileAttributes >>> 16) & 0o170000) === linkType)
          throw refuse(`${show(name)} is a link`, 'a regular file');
        if (entry.isEncrypted()) throw refuse(`${show(name)} is encrypted`, 'a file that can be read');
        if (entry.uncompressedSize > most)
          throw refuse(`${show(name)} unpacks to ${entry.uncompressedSize} bytes`, `at most ${most}`);
        try {
          const parts: Buffer[] = [];
          // The library ends the stream with an error as soon as more comes than the directory states.
          for await (const part of await open.openReadStreamPromise(entry)) parts.push(part as Buffer);
          return Buffer.concat(parts);
        } catch (error) {
          throw refuse(`${show(name)} cannot be unpacked (${(error as Error).message})`, 'a whole archive');
        }
      },
      close: () => open.close(),
    };
  } catch (error) {
    zip?.close();
    if (error instanceof UserError) throw error;
    const message = (error as Error).message;
    const hostile = /^(invalid relative path|absolute path|invalid characters in fileName): (.*)$/.exec(message);
    if (hostile !== null)
      throw refuse(`holds the name ${show(hostile[2])}, which could leave the folder`, 'relative names without `..`');
    throw refuse(`cannot be read as a zip archive (${message})`, 'a whole zip archive');
  }
}
