/**
 * Files of a Qt binary resource (`.rcc`), the format in which GCompris ships its sounds and pictures: a header, a tree
 * of nodes, names in UTF-16 and contents, all big-endian (layout as written by Qt's `rcc`, format versions 1 to 3).
 * The archive is hostile until checked: every offset, the number of nodes, and loops are.
 */
import { inflateSync } from 'node:zlib';
import { userError } from '../problems';

const compressed = 1;
const directory = 2;
const mostNodes = 100000;
/** an unpacked file may not be larger than this, in bytes */ const mostBytes = 64 * 2 ** 20;

/** Where one file lies inside the archive. */
interface Place {
  flags: number;
  at: number;
  length: number;
}

/** The readable files of an archive: their names, and a function that unpacks one. */
export interface QtResource {
  names: string[];
  /** Throws UserError when there is no such file or it cannot be unpacked. */
  read(name: string): Uint8Array;
}

/** Opens a Qt resource held in memory; `where` names it in messages. Throws UserError for anything malformed. */
export function openQtResource(bytes: Uint8Array, where: string): QtResource {
  const bad = (what: string) =>
    userError({
      where,
      what,
      expected: 'a whole Qt resource of format version 1 to 3',
      hint: 'fetch the package again',
    });
  const words = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const need = (at: number, length: number) => {
    if (at < 0 || at + length > bytes.length) throw bad('the archive refers to places outside itself');
    return at;
  };
  const word = (at: number) => words.getUint32(need(at, 4));
  if (bytes.length < 20 || word(0) !== 0x71726573) throw bad('the archive does not begin with `qres`');
  const version = word(4);
  if (version < 1 || version > 3) throw bad(`the archive has format version ${version}`);
  const [tree, contents, names] = [word(8), word(12), word(16)];
  const nodeBytes = version === 1 ? 14 : 22; // later versions add a modification time

  const nameAt = (offset: number): string => {
    const length = words.getUint16(need(names + offset, 6));
    const start = need(names + offset + 6, 2 * length);
    return Array.from({ length }, (_, i) => String.fromCharCode(words.getUint16(start + 2 * i))).join('');
  };
  const places = new Map<string, Place>();
  const pending: { node: number; path: string }[] = [{ node: 0, path: '' }];
  let seen = 0;
  for (let entry = pending.pop(); entry !== undefined; entry = pending.pop()) {
    if (++seen > mostNodes) throw bad('the archive has too many entries, or a folder that contains itself');
    const at = need(tree + entry.node * nodeBytes, nodeBytes);
    const path = entry.node === 0 ? '' : `${entry.path}${entry.path === '' ? '' : '/'}${nameAt(word(at))}`;
    const flags = words.getUint16(at + 4);
    if ((flags & directory) !== 0) {
      const count = word(at + 6);
      if (count > mostNodes) throw bad('the archive has too many entries');
      for (let i = 0; i < count; i++) pending.push({ node: word(at + 10) + i, path });
    } else {
      const start = contents + word(at + 10);
      const length = word(start);
      places.set(path, { flags, at: need(start + 4, length), length });
    }
  }
  return {
    names: [...places.keys()].sort(),
    read: (name) => {
      const place = places.get(name);
      if (place === undefined) throw bad(`the archive has no file \`${name}\``);
      const raw = bytes.subarray(place.at, place.at + place.length);
      if (place.flags === 0) return raw;
      if (place.flags !== compressed)
        throw bad(`\`${name}\` is packed in a way that is not known (flags ${place.flags})`);
      try {
        return inflateSync(raw.subarray(4), { maxOutputLength: mostBytes }); // the first four bytes state the unpacked size
      } catch (error) {
        throw bad(`\`${name}\` cannot be unpacked (${error instanceof Error ? error.message : String(error)})`);
      }
    },
  };
}
