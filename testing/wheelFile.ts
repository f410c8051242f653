/** Writes small wheels for tests, right or wrong on purpose. */
import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { zip } from './zipFile';

/**
 * The first bytes of a 64-bit shared library of Linux for a machine number (62: x64, 183: arm64); nothing can load it.
 */
export function libraryHead(machine = process.arch === 'arm64' ? 183 : 62): Buffer {
  const head = Buffer.alloc(64);
  head.writeUInt32BE(0x7f454c46, 0);
  head.writeUInt16LE(machine, 18);
  return head;
}

export interface WheelChanges {
  version?: string;
  machine?: number;
  /** members to add or, as null, leave out */
  members?: Record<string, string | null>;
  /** false hash for this member */
  tamper?: string;
  /** added without a RECORD line */
  unlisted?: [string, string][];
}

/** A wheel shaped like TensorFlow's, a few kilobytes, whose libraries hold nothing. */
export function writeWheel(path: string, changes: WheelChanges = {}): void {
  const info = 'tensorflow_cpu-2.21.0.dist-info';
  const members: Record<string, Buffer | string | null> = {
    'tensorflow/libtensorflow_cc.so.2': libraryHead(changes.machine),
    'tensorflow/libtensorflow_framework.so.2': libraryHead(changes.machine),
    'tensorflow/include/tensorflow/c/c_api.h':
      '#include "tensorflow/c/tf_status.h"\n#include <stddef.h>\n#include "../../../../outside.h"\n',
    'tensorflow/include/tensorflow/c/tf_status.h': '#pragma once\n',
    'tensorflow/include/tensorflow/unused.h': '',
    'tensorflow/python/platform/build_info.py': "build_info = dict([('is_cuda_build', False)])\n",
    [`${info}/METADATA`]: `Metadata-Version: 2.1\nName: tensorflow-cpu\nVersion: ${changes.version ?? '2.21.0'}\n`,
    ...changes.members,
  };
  const kept = Object.entries(members).filter((member): member is [string, Buffer | string] => member[1] !== null);
  const record = kept.map(
    ([name, content]) =>
      `${name},sha256=${createHash('sha256')
        .update(name === changes.tamper ? 'other' : content)
        .digest('base64url')},${content.length}`,
  );
  const all: [string, Buffer | string][] = [
    ...kept,
    [`${info}/RECORD`, `${record.join('\r\n')}\r\n`],
    ...(changes.unlisted ?? []),
  ];
  writeFileSync(path, zip(all.map(([name, content]) => ({ name, content, deflate: false }))));
}
