/** Writes small zip archives and wheels for tests, right or wrong on purpose. */
import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';

/** A zip archive with stored (uncompressed) members; names are written as they are given. */
export function zipOf(members: [name: string, content: Buffer | string][]): Buffer {
  const local: Buffer[] = [], central: Buffer[] = [];
  let offset = 0;
  for (const [name, text] of members) {
    const content = Buffer.from(text), path = Buffer.from(name);
    const head = Buffer.alloc(30);
    head.writeUInt32LE(0x04034b50, 0);
    head.writeUInt16LE(20, 4);
    head.writeUInt32LE(content.length, 18);
    head.writeUInt32LE(content.length, 22);
    head.writeUInt16LE(path.length, 26);
    const entry = Buffer.alloc(46);
    entry.writeUInt32LE(0x02014b50, 0);
    entry.writeUInt16LE(20, 6);
    entry.writeUInt32LE(content.length, 20);
    entry.writeUInt32LE(content.length, 24);
    entry.writeUInt16LE(path.length, 28);
    entry.writeUInt32LE(offset, 42);
    local.push(head, path, content);
    central.push(entry, path);
    offset += head.length + path.length + content.length;
  }
  const directory = Buffer.concat(central), end = Buffer.alloc(22);
  end.writeUInt32LE(0x06054b50, 0);
  end.writeUInt16LE(members.length, 8);
  end.writeUInt16LE(members.length, 10);
  end.writeUInt32LE(directory.length, 12);
  end.writeUInt32LE(offset, 16);
  return Buffer.concat([...local, directory, end]);
}

/** The first bytes of a 64-bit shared library of Linux for a machine number (62: x64, 183: arm64); nothing can load it. */
export function libraryHead(machine = process.arch === 'arm64' ? 183 : 62): Buffer {
  const head = Buffer.alloc(64);
  head.writeUInt32BE(0x7f454c46, 0);
  head.writeUInt16LE(machine, 18);
  return head;
}

export interface WheelChanges { version?: string; machine?: number; /** members to add or, as null, leave out */ members?: Record<string, string | null>; /** false hash for this member */ tamper?: string; /** added without a RECORD line */ unlisted?: [string, string][] }

/** A wheel shaped like TensorFlow's, a few kilobytes, whose libraries hold nothing. */
export function writeWheel(path: string, changes: WheelChanges = {}): void {
  const info = 'tensorflow_cpu-2.21.0.dist-info';
  const members: Record<string, Buffer | string | null> = {
    'tensorflow/libtensorflow_cc.so.2': libraryHead(changes.machine), 'tensorflow/libtensorflow_framework.so.2': libraryHead(changes.machine),
    'tensorflow/include/tensorflow/c/c_api.h': '#include "tensorflow/c/tf_status.h"\n#include <stddef.h>\n#include "../../../../outside.h"\n', 'tensorflow/include/tensorflow/c/tf_status.h': '#pragma once\n',
    'tensorflow/include/tensorflow/unused.h': '', 'tensorflow/python/platform/build_info.py': "build_info = dict([('is_cuda_build', False)])\n",
    [`${info}/METADATA`]: `Metadata-Version: 2.1\nName: tensorflow-cpu\nVersion: ${changes.version ?? '2.21.0'}\n`, ...changes.members,
  };
  const kept = Object.entries(members).filter((member): member is [string, Buffer | string] => member[1] !== null);
  const record = kept.map(([name, content]) => `${name},sha256=${createHash('sha256').update(name === changes.tamper ? 'other' : content).digest('base64url')},${content.length}`);
  writeFileSync(path, zipOf([...kept, [`${info}/RECORD`, `${record.join('\r\n')}\r\n`], ...(changes.unlisted ?? [])]));
}
