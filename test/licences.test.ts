import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { projectRoot } from '../src/files';
import { libraries, libraryPackages } from '../src/sources/libraries';
import { expectEvery, notEmpty } from '../testing/lists';

/** Licences that ask for no more than their text beside the code (SPDX names). */
const permissive = new Set([
  'MIT',
  'ISC',
  'Apache-2.0',
  'BSD-2-Clause',
  'BSD-3-Clause',
  '0BSD',
  'BlueOak-1.0.0',
  'Python-2.0',
  'Unlicense',
  // a licence of single files: what is built with them is free
  'MPL-2.0',
]);

/** What the lock file names otherwise, or not at all; NOTICE says of each what it is and why it is there. */
const named: Record<string, string> = {
  'dejavu-fonts-ttf': 'SEE LICENSE IN README.md AND LICENSE',
  // packages whose licence npm's index leaves out: MIT, MIT, Apache-2.0
  'png-js': 'unknown',
  '@duckdb/node-bindings-*': 'unknown',
  '@swc/core-*': 'unknown',
};

/** Under another licence than npm's index says: mpg123, compiled, inside a package that calls itself MIT. */
const compiled = new Set(['mpg123-decoder', '@audio/decode-mp3']);

interface Entry {
  license?: string;
}

const read = (name: string) => readFileSync(join(projectRoot, name), 'utf8');
const packagesOf = (lock: string) =>
  Object.entries((JSON.parse(read(lock)) as { packages: Record<string, Entry> }).packages)
    .filter(([path]) => path !== '')
    .map(([path, entry]) => ({ name: path.replace(/^.*node_modules\//, ''), license: entry.license ?? 'unknown' }));
const packages = packagesOf('package-lock.json');

const isPermissive = (license: string) =>
  license
    .replaceAll(/[()]/g, '')
    .split(' AND ')
    .every((part) => permissive.has(part));

const nameOf = (name: string) =>
  Object.keys(named).find((known) => (known.endsWith('*') ? name.startsWith(known.slice(0, -1)) : known === name));

describe('what npm installs by default', () => {
  test('is under a permissive licence, or named in NOTICE', () => {
    expectEvery(notEmpty(packages), ({ name, license }) => {
      const known = nameOf(name);
      return isPermissive(license) || (known !== undefined && named[known] === license);
    });
  });

  test('every exception is still needed, and NOTICE names it', () => {
    const notice = read('NOTICE');
    for (const name of Object.keys(named)) {
      expect(
        packages.some((entry) => nameOf(entry.name) === name && !isPermissive(entry.license)),
        name,
      ).toBe(true);
      if (named[name] !== 'unknown') expect(notice).toContain(name.replace(/-?\*$/, ''));
    }
  });

  test('has nothing under the GPL or LGPL, and of the optional packages nothing at all', () => {
    expectEvery(packages, ({ name, license }) => !/GPL/.test(license) && !compiled.has(name));
    const { peerDependencies } = JSON.parse(read('package.json')) as { peerDependencies: Record<string, string> };
    const installed = new Set(packages.map(({ name }) => name));
    for (const name of Object.keys(peerDependencies)) expect(installed.has(name), name).toBe(false);
  });
});

describe('what is fetched on first use', () => {
  const fetched = libraries.flatMap((library) => packagesOf(`src/sources/libraries/${library}.json`));

  test('is permissive or under the LGPL, and NOTICE names what is under it', () => {
    const notice = read('NOTICE');
    const under = fetched.filter(({ name, license }) => !isPermissive(license) || compiled.has(name));
    expectEvery(notEmpty(under), ({ name, license }) => {
      const family = name.replace(/-(?:linux|linuxmusl|darwin|win32)-?.*$/, '');
      return (license === 'unknown' || compiled.has(name) || /LGPL-3\.0/.test(license)) && notice.includes(family);
    });
  });

  test('is fetched with a hash each, and none of it is installed too', () => {
    for (const library of libraries) {
      const { packages: entries } = JSON.parse(read(`src/sources/libraries/${library}.json`)) as {
        packages: Record<string, { integrity?: string }>;
      };
      for (const [path, entry] of Object.entries(entries))
        if (path !== '') expect(entry.integrity, path).toMatch(/^sha512-/);
      for (const name of Object.keys(libraryPackages(library)))
        expect(packages.some((each) => each.name === name)).toBe(false);
    }
  });
});
