/** Manifests as people write them: JSON with comments, YAML, and what YAML has that they may not. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { identifyRuns } from '../../src/runner/identify';
import { expand } from '../../src/manifest/expand';
import { loadManifest } from '../../src/manifest/load';
import { readDocument } from '../../src/manifest/parse';
import { parseYaml, yamlSizeLimit } from '../../src/manifest/parseYaml';
import { withCache } from '../../testing/environment';
import { fixed, head } from '../../testing/manifestHelp';

const { folder } = withCache('file');

const put = (name: string, text: string): string => {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
};
const yaml = (text: string) => parseYaml('x.yaml', text, 32);
const fault = (text: string): string => {
  const { problems } = yaml(text);
  return problems === null ? 'none' : problems.map(({ where, what }) => `${where}: ${what}`).join('\n');
};

const content = { ...head, fixed: { ...fixed, learningRate: 1e-3 }, steps: 30, axes: { seed: [1, 2] } };

const commented = `// the whole
{
  "name": "test", /* a // name */
  "about": ${JSON.stringify(head.about)},
  "fixed": { "task": "emoji-icon-qa", "encoder": "resnet50", "backbone": "stories15m", "learningRate": 1e-3, },
  "steps": 30, // a comma follows
  "axes": { "seed": [1, 2,], },
}
`;

const inYaml = `# the whole
name: test
about: { what: a test, command: none, expectedTime: none, lookFor: nothing }
fixed:
  task: emoji-icon-qa
  encoder: resnet50   # not clip
  backbone: "stories15m"
  learningRate: 1e-3
steps: 30
axes:
  seed:
    - 1
    - 2
`;

describe('a manifest', () => {
  it('says the same in JSON, JSON with comments and YAML, down to the identities of its runs', () => {
    const { seed: _seed, ...rest } = content.fixed;
    const plain = put('a.json', JSON.stringify({ ...content, fixed: rest }));
    const ids = [
      plain,
      put('a.jsonc', commented),
      put('b.json', commented),
      put('a.yaml', inYaml),
      put('a.yml', inYaml),
    ]
      .map((path) => expand(loadManifest(path)))
      .map((specs) => identifyRuns(specs, 'wasm', 1).map(({ id }) => id));
    expect(ids[0]).toHaveLength(2);
    for (const each of ids) expect(each).toEqual(ids[0]);
  });

  it('is told wrong by line and column, in YAML too', () => {
    expect(() => readDocument(put('wrong.yaml', 'name: test\nsteps: [1, 2\nfixed: 3\n'))).toThrow(/wrong\.yaml:\d:\d/);
    expect(() => loadManifest(put('typo.yaml', inYaml.replace('steps', 'setps')))).toThrow(/\/setps.*did you mean/);
  });
});

describe('YAML', () => {
  it.each([
    ['an anchor', 'a: 1\nb: &x 2', 'x.yaml:2:4: cannot be read on line 2, column 4: an anchor (&)'],
    ['an alias', 'a: *x', 'an alias (*)'],
    ['a tag', 'a: !!str 1', 'x.yaml:1:4: cannot be read on line 1, column 4: a tag (!)'],
    ['a directive', '%YAML 1.1\n---\na: yes', 'a directive (%)'],
    ['two documents', 'a: 1\n---\nb: 2', 'x.yaml:2:1'],
    [
      'a key twice',
      'a: 1\nb: {c: 1, d: 2, c: 3}',
      'x.yaml /b/c: cannot be read on line 2, column 17: the key "c" is given twice',
    ],
    ['no number of JSON', 'a: [1, .inf]', 'x.yaml:1:8: cannot be read on line 1, column 8: .inf is no number'],
    ['a tabulator as indent', 'a:\n\t- 1', 'x.yaml:2:1'],
    ['nesting of brackets', '['.repeat(100_000), 'x.yaml:1:33'],
    ['nesting hidden in strings', '[ "]", '.repeat(20_000), 'more than 32 levels'],
    ['nesting of dashes', '- '.repeat(50_000), 'more than 32 levels'],
  ])('is refused with %s', (_what, text, message) => {
    expect(fault(text)).toContain(message);
  });

  it('has no merge keys, no words for truth but true and false, and own prototype keys', () => {
    const read = yaml('<<: {a: 1}\nb: yes\nc: no\nd: 2020-01-01\n__proto__: {e: 1}\nf: 1_000\ng: ~\nh: 0o17');
    expect(read.problems).toBeNull();
    const value = (read as { value: Record<string, unknown> }).value;
    expect(Object.getPrototypeOf(value)).toBe(Object.prototype);
    expect(Object.entries(value)).toEqual([
      ['<<', { a: 1 }],
      ['b', 'yes'],
      ['c', 'no'],
      ['d', '2020-01-01'],
      ['__proto__', { e: 1 }],
      ['f', '1_000'],
      ['g', null],
      ['h', 15],
    ]);
  });

  it('is read to its end at the largest size that is taken, within the time of a test', () => {
    yaml(Array.from({ length: 12_000 }, (_, i) => `key${i}: 1`).join('\n'));
    yaml('#\n'.repeat(yamlSizeLimit / 2));
    expect(() => readDocument(put('large.yaml', 'x'.repeat(yamlSizeLimit + 1)))).toThrow(/at most 200000/);
  });

  it('reads whatever JSON says as JSON does', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string({ unit: 'grapheme-ascii' }), fc.jsonValue({ maxDepth: 4 })), (value) => {
        const read = yaml(JSON.stringify(value));
        expect(read).toEqual({ problems: null, value: JSON.parse(JSON.stringify(value)) as unknown });
      }),
      { numRuns: 200 },
    );
    expect(parse('a: 1')).toEqual({ a: 1 });
  });
});
