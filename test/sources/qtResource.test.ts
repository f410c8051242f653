/** Qt resources: small archives that the test builds, whole and hostile. */
import { deflateSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { openQtResource } from '../../src/sources/qtResource';

interface Node {
  name: string;
  flags: number;
  /** of a folder: number of children and index of the first */
  children?: [number, number];
  content?: Buffer;
}

/** An archive of nodes in the order of their indices; the first is the root. */
function archive(nodes: readonly Node[], version = 3): Buffer {
  const names: Buffer[] = [];
  const contents: Buffer[] = [];
  let [nameAt, contentAt] = [0, 0];
  const tree = nodes.map((node) => {
    const entry = Buffer.alloc(version === 1 ? 14 : 22);
    const text = Buffer.from(node.name, 'utf16le').swap16();
    const name = Buffer.concat([Buffer.alloc(6), text]);
    name.writeUInt16BE(node.name.length, 0);
    entry.writeUInt32BE(nameAt, 0);
    nameAt += name.length;
    names.push(name);
    entry.writeUInt16BE(node.flags, 4);
    if (node.children !== undefined) {
      entry.writeUInt32BE(node.children[0], 6);
      entry.writeUInt32BE(node.children[1], 10);
    } else {
      entry.writeUInt32BE(contentAt, 10);
      const content = node.content ?? Buffer.alloc(0);
      const length = Buffer.alloc(4);
      length.writeUInt32BE(content.length);
      contents.push(length, content);
      contentAt += 4 + content.length;
    }
    return entry;
  });
  const parts = [Buffer.concat(tree), Buffer.concat(contents), Buffer.concat(names)];
  const head = Buffer.alloc(20);
  head.write('qres');
  [version, 20, 20 + parts[0]!.length, 20 + parts[0]!.length + parts[1]!.length].forEach((value, i) =>
    head.writeUInt32BE(value, 4 + 4 * i),
  );
  return Buffer.concat([head, ...parts]);
}

const packed = (text: string) => Buffer.concat([Buffer.from([0, 0, 0, text.length]), deflateSync(Buffer.from(text))]);
const good = (version?: number) =>
  archive(
    [
      { name: '', flags: 2, children: [2, 1] },
      { name: 'plain.txt', flags: 0, content: Buffer.from('water') },
      { name: 'folder', flags: 2, children: [1, 3] },
      { name: 'packed.txt', flags: 1, content: packed('engine') },
    ],
    version,
  );

describe('Qt resources', () => {
  it.each([1, 2, 3])('of version %i: names and contents, plain and packed', (version) => {
    const files = openQtResource(good(version), 'some.rcc');
    expect(files.names).toEqual(['folder/packed.txt', 'plain.txt']);
    expect(Buffer.from(files.read('plain.txt')).toString()).toBe('water');
    expect(Buffer.from(files.read('folder/packed.txt')).toString()).toBe('engine');
    expect(() => files.read('absent')).toThrow('some.rcc: the archive has no file `absent`');
  });

  it('refuses other files, other versions and every cut', () => {
    expect(() => openQtResource(Buffer.from('not a resource, certainly'), 'x.rcc')).toThrow(
      'does not begin with `qres`',
    );
    expect(() => openQtResource(good(9), 'x.rcc')).toThrow('format version 9');
    for (let length = 0; length < good().length; length += 3)
      expect(() => openQtResource(good().subarray(0, length), 'x.rcc')).toThrow(/x\.rcc: the archive/);
  });

  it('refuses a folder that contains itself, and unknown or broken packing', () => {
    expect(() => openQtResource(archive([{ name: '', flags: 2, children: [1, 0] }]), 'x.rcc')).toThrow(
      'contains itself',
    );
    const odd = (flags: number) =>
      openQtResource(
        archive([
          { name: '', flags: 2, children: [1, 1] },
          { name: 'a', flags, content: Buffer.from('12345678') },
        ]),
        'x.rcc',
      );
    expect(() => odd(4).read('a')).toThrow('flags 4');
    expect(() => odd(1).read('a')).toThrow('cannot be unpacked');
  });
});
