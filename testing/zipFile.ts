/** Writes small zip archives for tests, right or wrong on purpose. */
import { deflateRawSync } from 'node:zlib';

interface ZipMember {
  name: string;
  content: Buffer | string;
  /** stated instead of the true length */
  size?: number;
  deflate?: boolean;
  /** Unix mode, e.g. 0o120777 for a link */
  mode?: number;
}

/** A zip archive of exactly these members: nothing is tidied, so hostile names, sizes and links survive. */
export function zip(members: ZipMember[]): Buffer {
  const local: Buffer[] = [],
    central: Buffer[] = [];
  let offset = 0;
  for (const { name, content, size, deflate = true, mode = 0o100644 } of members) {
    const plain = Buffer.from(content),
      path = Buffer.from(name),
      body = deflate ? deflateRawSync(plain) : plain;
    const head = Buffer.alloc(30),
      entry = Buffer.alloc(46);
    head.writeUInt32LE(0x04034b50, 0);
    entry.writeUInt32LE(0x02014b50, 0);
    entry.writeUInt16LE((3 << 8) | 20, 4); // made on Unix
    for (const [block, at] of [
      [head, 4],
      [entry, 6],
    ] as const) {
      block.writeUInt16LE(20, at);
      block.writeUInt16LE(deflate ? 8 : 0, at + 4);
      block.writeUInt32LE(body.length, at + 14);
      block.writeUInt32LE(size ?? plain.length, at + 18);
      block.writeUInt16LE(path.length, at + 22);
    }
    entry.writeUInt32LE((mode << 16) >>> 0, 38);
    entry.writeUInt32LE(offset, 42);
    local.push(head, path, body);
    central.push(entry, path);
    offset += head.length + path.length + body.length;
  }
  const directory = Buffer.concat(central),
    end = Buffer.alloc(22);
  end.writeUInt32LE(0x06054b50, 0);
  end.writeUInt16LE(members.length, 8);
  end.writeUInt16LE(members.length, 10);
  end.writeUInt32LE(directory.length, 12);
  end.writeUInt32LE(offset, 16);
  return Buffer.concat([...local, directory, end]);
}
