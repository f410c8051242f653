/** Reads Debian packages: an `ar` file whose member `data.tar.*` holds the files (deb(5)). */
import { Decompress as ZstdDecompress } from 'fzstd';
import { createReadStream } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import { pipeline, Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { XzReadableStream } from 'xz-decompress';
import { exitCode, userError } from '../problems';

/** A member of an ar file and where its content lies. */
interface ArMember {
  name: string;
  /** byte offset of the content */
  start: number;
  bytes: number;
}

const magic = '!<arch>\n';
const headerBytes = 60;

/** The members of an ar file. Throws UserError when it is not one or is cut off. */
async function arMembers(path: string, where: string): Promise<ArMember[]> {
  const bad = (what: string) =>
    userError({ where, what, expected: 'a whole Debian package (an ar file)' }, exitCode.failed);
  const file = await open(path, 'r');
  try {
    const size = (await file.stat()).size;
    if ((await textAt(file, 0, magic.length)) !== magic) throw bad('does not begin as an ar file');
    const members: ArMember[] = [];
    for (let at = magic.length; at < size;) {
      const header = await textAt(file, at, headerBytes);
      const bytes = /^\d+ *$/.test(header.slice(48, 58)) ? Number.parseInt(header.slice(48, 58), 10) : -1;
      if (header.length < headerBytes || header.slice(58) !== '`\n' || bytes < 0)
        throw bad(`has a broken member header at byte ${at}`);
      const start = at + headerBytes;
      if (start + bytes > size) throw bad('ends inside a member');
      if (members.length >= 100) throw bad('has more than 100 members');
      members.push({ name: header.slice(0, 16).trimEnd().replace(/\/$/, ''), start, bytes });
      at = start + bytes + (bytes % 2);
    }
    return members;
  } finally {
    await file.close();
  }
}

/** The decompressed bytes of a package's data.tar (xz, zst, gz or plain). Throws UserError when it has none. */
export async function debData(path: string, where: string): Promise<AsyncIterable<Uint8Array>> {
  const members = await arMembers(path, where);
  const data = members.filter((member) => member.name.startsWith('data.tar'));
  const [member] = data;
  if (members[0]?.name !== 'debian-binary' || member === undefined || data.length > 1) {
    throw userError(
      {
        where,
        what: `has the members ${members.map((m) => m.name).join(', ') || '(none)'}`,
        expected: 'debian-binary first and one data.tar',
      },
      exitCode.failed,
    );
  }
  switch (member.name) {
    case 'data.tar':
      return memberBytes(path, member);
    case 'data.tar.gz':
      return gunzipped(memberBytes(path, member));
    case 'data.tar.zst':
      return unzstd(path, member);
    case 'data.tar.xz':
      return unxz(path, member);
    default:
      throw userError(
        { where, what: `is compressed as ${member.name}`, expected: 'data.tar, .gz, .xz or .zst' },
        exitCode.failed,
      );
  }
}

/** gunzip of a stream; an error or an early end on either side ends both. */
export function gunzipped(bytes: Readable): AsyncIterable<Uint8Array> {
  // The error reaches whoever reads the result; the callback only keeps it from being thrown a second time.
  return pipeline(bytes, createGunzip(), () => undefined);
}

function memberBytes(path: string, member: ArMember): Readable {
  return member.bytes === 0
    ? Readable.from([])
    : createReadStream(path, { start: member.start, end: member.start + member.bytes - 1 });
}

async function* unxz(path: string, member: ArMember): AsyncIterable<Uint8Array> {
  const bytes = memberBytes(path, member);
  try {
    const input = Readable.toWeb(bytes) as ConstructorParameters<typeof XzReadableStream>[0];
    // Each chunk is a view of the decompressor's memory that the next one overwrites.
    for await (const chunk of new XzReadableStream(input) as unknown as AsyncIterable<Uint8Array>)
      yield Uint8Array.from(chunk);
  } finally {
    bytes.destroy();
  }
}

async function* unzstd(path: string, member: ArMember): AsyncIterable<Uint8Array> {
  let ready: Uint8Array[] = [];
  const zstd = new ZstdDecompress((chunk) => {
    ready.push(chunk);
  });
  for await (const chunk of memberBytes(path, member) as AsyncIterable<Uint8Array>) {
    zstd.push(chunk);
    yield* ready;
    ready = [];
  }
  zstd.push(new Uint8Array(0), true);
  yield* ready;
}

async function textAt(file: FileHandle, at: number, length: number): Promise<string> {
  const buffer = Buffer.alloc(length);
  const { bytesRead } = await file.read(buffer, 0, length, at);
  return buffer.toString('latin1', 0, bytesRead);
}
