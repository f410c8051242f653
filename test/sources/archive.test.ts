import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { archiveLimits, unpack, zipFormat } from '../../src/sources/archive';
import { isSafePath } from '../../src/sources/contentUrl';
import { sha256 } from '../../src/files';
import { arOf, debOf, tarOf, type TarEntry } from '../../testing/fetchTools';
import { zip } from '../../testing/zipFile';

const tgz = 'application/gzip';
const deb = 'application/vnd.debian.binary-package';
let root = '';
let folder = '';
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'equipoise-archive-'));
  folder = join(root, 'inside', 'target');
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

function open(
  content: Buffer,
  format = tgz,
  choose: (name: string) => boolean = () => true,
  limits = archiveLimits(content.length),
) {
  const path = join(root, 'archive');
  writeFileSync(path, content);
  return unpack(path, format, 'none', folder, choose, limits, 'test');
}
const openTar = (entries: TarEntry[], choose?: (name: string) => boolean) =>
  open(gzipSync(tarOf(entries)), tgz, choose);
/** Everything in the root but the archive: what an escape would leave. */
const outside = () => readdirSync(root).filter((name) => name !== 'archive' && name !== 'inside');

describe('unpack of a zip', () => {
  const openZip = (members: Parameters<typeof zip>[0], choose?: (name: string) => boolean, bytes?: number) =>
    open(zip(members), zipFormat, choose, bytes === undefined ? undefined : { bytes, entries: 2 });

  it('writes the chosen files with their hashes, sorted, and nothing else', async () => {
    const files = await openZip(
      [
        { name: 'b/two', content: 'two' },
        { name: 'a', content: 'one', deflate: false },
        { name: 'c', content: 'not chosen', mode: 0o120777 },
      ],
      (name) => name !== 'c',
    );
    expect(files).toEqual([
      { path: 'a', bytes: 3, sha256: sha256('one') },
      { path: 'b/two', bytes: 3, sha256: sha256('two') },
    ]);
    expect(readdirSync(folder, { recursive: true }).sort()).toEqual(['a', 'b', 'b/two']);
  });

  it.each([
    ['a name that leaves the folder, chosen or not', [{ name: '../escape', content: 'x' }], /could leave the folder/],
    ['a link', [{ name: 'a', content: '/etc/passwd', mode: 0o120777 }], /is a link/],
    ['a name twice', [1, 2].map(() => ({ name: 'a', content: 'x' })), /twice/],
    ['more than it states', [{ name: 'a', content: 'x'.repeat(50), size: 10 }], /cannot be unpacked/],
    [
      'more than fits',
      [
        { name: 'a', content: 'x'.repeat(50) },
        { name: 'b', content: 'x'.repeat(60) },
      ],
      /unpacks to 60/,
    ],
    ['too many entries', ['a', 'b', 'c'].map((name) => ({ name, content: '' })), /more than 2 entries/],
  ])('refuses %s', async (_what, members, message) => {
    await expect(openZip(members, (name) => !name.includes('escape'), 100)).rejects.toThrow(message);
    expect(outside()).toEqual([]);
  });

  it('refuses a torn one', async () => {
    await expect(open(zip([{ name: 'a', content: 'x' }]).subarray(0, 40), zipFormat)).rejects.toThrow(/zip archive/);
  });
});

describe('unpack', () => {
  it('writes the chosen files with their hashes, sorted, and nothing else', async () => {
    const files = await openTar(
      [
        { path: 'b/two', content: 'two' },
        { path: 'b/', type: 'Directory' },
        { path: './a', content: 'one' },
        { path: 'c', content: 'not chosen' },
      ],
      (name) => name !== 'c',
    );
    expect(files).toEqual([
      { path: 'a', bytes: 3, sha256: sha256('one') },
      { path: 'b/two', bytes: 3, sha256: sha256('two') },
    ]);
    expect(readFileSync(join(folder, 'b/two'), 'utf8')).toBe('two');
    expect(existsSync(join(folder, 'c'))).toBe(false);
  });

  it.each(['../escape', 'a/../../escape', '/escape', 'a/./b', 'a//b', '..', 'a\\..\\escape', 'C:/escape', 'a\nb'])(
    'refuses the name %j even when it is not chosen',
    async (path) => {
      await expect(
        openTar(
          [
            { path: 'good', content: 'x' },
            { path, content: 'bad' },
          ],
          (name) => name === 'good',
        ),
      ).rejects.toThrow(/could leave the folder/);
      expect(outside()).toEqual([]);
    },
  );

  it('refuses names that come with a long-name header', async () => {
    const long = `${'a/'.repeat(80)}../../x`;
    const pax = `${long.length + 10} path=${long}\n`;
    const raw = tarOf([
      { path: 'PaxHeader/x', content: pax },
      { path: 'short', content: 'x' },
    ]);
    raw[156] = 'x'.charCodeAt(0);
    raw.write('        ', 148);
    raw.write(
      `${raw
        .subarray(0, 512)
        .reduce((sum, byte) => sum + byte, 0)
        .toString(8)
        .padStart(6, '0')}\0 `,
      148,
    );
    await expect(open(gzipSync(raw))).rejects.toThrow(/could leave the folder/);
    expect(outside()).toEqual([]);
  });

  it('never writes outside the folder whatever the name', async () => {
    const step = fc.constantFrom('..', '.', '', 'a', 'b', ' ', '...', '~', '-', 'CON', 'é');
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 5 }), async (steps) => {
        const path = steps.join('/');
        rmSync(join(root, 'inside'), { recursive: true, force: true });
        mkdirSync(folder, { recursive: true });
        await openTar([{ path, content: 'x' }]).catch(() => undefined);
        expect(outside()).toEqual([]);
        expect(readdirSync(join(root, 'inside'))).toEqual(['target']);
      }),
      { seed: 1, numRuns: 100 },
    );
  });

  it.each([
    ['SymbolicLink', '../../escape'],
    ['Link', 'good'],
    ['CharacterDevice', undefined],
    ['FIFO', undefined],
  ] as const)('refuses a chosen %s', async (type, linkpath) => {
    await expect(
      openTar([
        { path: 'good', content: 'x' },
        { path: 'odd', type, linkpath },
      ]),
    ).rejects.toThrow(new RegExp(`\`odd\` is a ${type}; expected a regular file`));
  });

  it('makes no link that is not chosen, and writes through none', async () => {
    const files = await openTar(
      [
        { path: 'way', type: 'SymbolicLink', linkpath: '../..' },
        { path: 'way/escape', content: 'x' },
      ],
      (name) => name !== 'way',
    );
    expect(files.map((file) => file.path)).toEqual(['way/escape']);
    expect(readFileSync(join(folder, 'way/escape'), 'utf8')).toBe('x');
    expect(outside()).toEqual([]);
  });

  it('refuses the same name twice', async () => {
    await expect(
      openTar([
        { path: 'a', content: '1' },
        { path: './a', content: '2' },
      ]),
    ).rejects.toThrow(/holds `a` twice/);
  });

  it('refuses a bomb by its unpacked size, and too many entries', async () => {
    const bomb = gzipSync(tarOf([{ path: 'zeros', content: Buffer.alloc(20 * 2 ** 20) }]));
    await expect(open(bomb, tgz, () => false)).rejects.toThrow(/unpacks to more than \d+ bytes/);
    const many = gzipSync(tarOf(Array.from({ length: 30 }, (_, index) => ({ path: `f${index}`, content: 'x' }))));
    await expect(open(many, tgz, () => true, { bytes: 1e6, entries: 20 })).rejects.toThrow(/more than 20 entries/);
  });

  it('refuses what is cut off or damaged', async () => {
    const whole = gzipSync(
      tarOf([{ path: 'a', content: Buffer.from(Array.from({ length: 5000 }, (_, index) => (index * 7919) % 251)) }]),
    );
    await expect(open(whole.subarray(0, whole.length - 9))).rejects.toThrow(/cannot be unpacked/);
    await expect(open(gzipSync(tarOf([{ path: 'a', content: 'x'.repeat(3000) }]).subarray(0, 2000)))).rejects.toThrow(
      /cannot be unpacked|ends inside/,
    );
    const checksum = tarOf([{ path: 'a', content: 'x' }]);
    checksum[0] = 'b'.charCodeAt(0);
    await expect(open(gzipSync(checksum))).rejects.toThrow(/checksum/);
    await expect(open(Buffer.from('no archive at all'))).rejects.toThrow(/cannot be unpacked/);
  });
});

describe('Debian packages', () => {
  // `chirp` in ./usr/bird.txt, packed by the real tar, xz and zstd.
  const xz =
    '/Td6WFoAAATm1rRGAgAhARwAAAAQz1jM4Cf/AG5dABcLyyeJ8u0IBPU0V8YmYunY0EZ5bVqFJP8PVxgfaWgggJ8fJ/8bXVQqdEeLQ4KDCzCI6fweQL+5Ix1vPtB2NlcbU3EfQeQXyc2+hOHOUOfzlxoCzoROvxzEC+vJ3IBVkLGLBbnXfcQXQ/zSDAcAAAAA4D5IKripdRcAAYoBgFAAAFhS+8CxxGf7AgAAAAAEWVo=';
  const zst =
    'KLUv/WQAJ20CAHIDDBGg7YBJ8tPCA8Ce3RI0GFUzpofs2nq/x1fl1FH+q0dEDLHfm30pZ9+zAWOnAkcZQAsgsJkH94Wv5ymMAWD/n2mPDuCAQQOsTKEOy/xWBA==';
  const binary: [string, Buffer] = ['debian-binary', Buffer.from('2.0\n')];

  it.each([
    ['data.tar.xz', Buffer.from(xz, 'base64')],
    ['data.tar.zst', Buffer.from(zst, 'base64')],
    ['data.tar', tarOf([{ path: './usr/bird.txt', content: 'chirp' }])],
    ['data.tar.gz/', gzipSync(tarOf([{ path: './usr/bird.txt', content: 'chirp' }]))],
  ])('reads %s', async (name, data) => {
    const files = await open(arOf([binary, ['control.tar.xz', Buffer.alloc(3)], [name, data]]), deb);
    expect(files).toEqual([{ path: 'usr/bird.txt', bytes: 5, sha256: sha256('chirp') }]);
  });

  it('refuses hostile names inside as well', async () => {
    await expect(open(debOf([{ path: './usr/../../../escape', content: 'x' }]), deb)).rejects.toThrow(
      /could leave the folder/,
    );
    expect(outside()).toEqual([]);
  });

  it.each([
    ['no ar file', Buffer.from('PK\u0003\u0004 something else')],
    ['a member that ends too early', debOf([{ path: 'a', content: 'x' }]).subarray(0, 200)],
    [
      'a size that is no number',
      Buffer.from(
        arOf([binary])
          .toString('latin1')
          .replace(/4 {9}`/, '-4        `'),
        'latin1',
      ),
    ],
    ['no data.tar', arOf([binary, ['control.tar.gz', Buffer.alloc(2)]])],
    ['two data.tar', arOf([binary, ['data.tar', tarOf([])], ['data.tar.gz', gzipSync(tarOf([]))]])],
    ['an unknown compression', arOf([binary, ['data.tar.lzma', Buffer.alloc(4)]])],
    ['broken xz', arOf([binary, ['data.tar.xz', Buffer.from(xz, 'base64').subarray(0, 100)]])],
    ['broken zstd', arOf([binary, ['data.tar.zst', Buffer.from('not zstd at all')]])],
  ])('refuses %s', async (_what, content) => {
    await expect(open(content, deb)).rejects.toMatchObject({ name: 'UserError' });
  });
});

it('isSafePath accepts exactly names that stay below', () => {
  fc.assert(
    fc.property(fc.string({ maxLength: 30 }), (path) => {
      if (isSafePath(path)) expect(join('/base/x', path).startsWith('/base/x/')).toBe(true);
    }),
    { seed: 2, numRuns: 2000 },
  );
  expect(['a', 'a/b.c', 'Music Loops/x.mp3', 'a..b', '...'].map(isSafePath)).toEqual([true, true, true, true, true]);
});
