import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { projectRoot } from '../src/files';
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
  'codec-parser': 'LGPL-3.0-or-later',
  '@img/sharp-libvips-*': 'LGPL-3.0-or-later',
  '@img/sharp-wasm32': 'Apache-2.0 AND LGPL-3.0-or-later AND MIT',
  '@img/sharp-win32-*': 'Apache-2.0 AND LGPL-3.0-or-later',
  'dejavu-fonts-ttf': 'SEE LICENSE IN README.md AND LICENSE',
  // packages whose licence npm's index leaves out: MIT, MIT, Apache-2.0
  'png-js': 'unknown',
  '@duckdb/node-bindings-*': 'unknown',
  '@swc/core-*': 'unknown',
};

interface Entry {
  license?: string;
}

const read = (name: string) => readFileSync(join(projectRoot, name), 'utf8');
const packages = Object.entries((JSON.parse(read('package-lock.json')) as { packages: Record<string, Entry> }).packages)
  .filter(([path]) => path !== '')
  .map(([path, entry]) => ({ name: path.replace(/^.*node_modules\//, ''), license: entry.license ?? 'unknown' }));

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

  test('has nothing under the GPL, and of the optional packages nothing at all', () => {
    expectEvery(packages, ({ license }) => !/(^|[ (])A?GPL/.test(license));
    const { peerDependencies } = JSON.parse(read('package.json')) as { peerDependencies: Record<string, string> };
    const installed = new Set(packages.map(({ name }) => name));
    for (const name of Object.keys(peerDependencies)) expect(installed.has(name), name).toBe(false);
  });
});
