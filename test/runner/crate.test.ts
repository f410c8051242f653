/** Crates: what is exported can be checked by a stranger, and no change to any of it passes. */
import {
  appendFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { drawAll } from '../../src/cli/draw';
import { define } from '../../src/cli/verify';
import { sha256 } from '../../src/files';
import { expand } from '../../src/manifest/expand';
import { runIdentity } from '../../src/manifest/identity';
import { loadManifest } from '../../src/manifest/load';
import { manifestOf } from '../../src/runner/crate/content';
import { verifyCrate, type Draw, type Verification } from '../../src/runner/crate/verify';
import { exportCrate } from '../../src/runner/crate/write';
import { identifyRuns } from '../../src/runner/identify';
import { methodVersion } from '../../src/version';
import { commandOutput } from '../../testing/commandOutput';
import { notEmpty } from '../../testing/lists';
import { writeSyntheticRun } from '../../testing/syntheticJournals';

const folder = mkdtempSync(join(tmpdir(), 'equipoise-crate-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const manifestPath = join(folder, 'sweep.json');
const results = join(folder, 'results', 'sweep');
const pattern = join(folder, 'pattern');
const content = {
  name: 'sweep',
  about: { what: 'a test', command: 'equipoise run sweep.json', expectedTime: 'none', lookFor: 'equality' },
  fixed: { task: 'emoji-icon-qa', encoder: 'resnet50', backbone: 'stories15m' },
  steps: 20,
  measure: { every: 5, on: 'batch' },
  evaluate: { every: 10 },
  axes: { scheduler: ['constant', 'commit-clr'], seed: [1, 2] },
};
const exporter = { version: '0.1.0', commit: 'c'.repeat(40) };
let ids: string[];

/**
 * Figures that stand for any that are a function of the journals alone; the real ones are drawn where that is the
 * question.
 */
const quickDraw: Draw = (experiment, figures, tables) => {
  const journals = readdirSync(experiment)
    .sort()
    .map((id) => readFileSync(join(experiment, id, 'metrics.jsonl'), 'utf8'))
    .join('');
  for (const [path, text] of [
    [join(figures, 'curves.svg'), `<svg>${sha256(journals)}</svg>`],
    [join(figures, 'curves.vl.json'), '{}'],
    [join(tables, 'results.csv'), sha256(journals)],
  ] as const) {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
  }
  return Promise.resolve([]);
};

beforeAll(async () => {
  writeFileSync(manifestPath, JSON.stringify(content));
  ids = identifyRuns(expand(loadManifest(manifestPath)), 'cpu').map(({ identity, id, spec, data, weights }) =>
    writeSyntheticRun(
      results,
      spec,
      { steps: 20, validateEvery: 10 },
      {
        identity,
        id,
        experiment: 'sweep',
        data,
        weights,
        code: {
          version: '0.1.0',
          method: methodVersion,
          commit: null,
          dirty: false,
          lockfile: sha256(readFileSync('package-lock.json')),
        },
      },
    ),
  );
  await exportCrate({
    exporter,
    manifest: manifestOf(manifestPath, 'sweep'),
    folder: results,
    out: pattern,
    draw: quickDraw,
  });
});

let made = 0;
/** A copy of the sound crate, changed. */
async function changed(change: (crate: string) => void, draw = quickDraw): Promise<Verification> {
  const crate = join(folder, `changed-${++made}`);
  cpSync(pattern, crate, { recursive: true });
  change(crate);
  return verifyCrate(crate, draw);
}
const failuresOf = ({ checks }: Verification, name: string) =>
  checks.find((check) => check.name === name)!.failures.join('\n');
const edit = (path: string, from: string | RegExp, to: string) => {
  const text = readFileSync(path, 'utf8');
  expect(text.replace(from, to)).not.toBe(text);
  writeFileSync(path, text.replace(from, to));
};
/** Makes the listing fit again, as a forger would. */
function relist(crate: string, path: string): void {
  const bytes = readFileSync(join(crate, path));
  const metadata = JSON.parse(readFileSync(join(crate, 'ro-crate-metadata.json'), 'utf8')) as {
    '@graph': Record<string, unknown>[];
  };
  Object.assign(
    metadata['@graph'].find((entity) => entity['@id'] === path)!,
    { sha256: sha256(bytes), contentSize: String(bytes.length) },
  );
  writeFileSync(join(crate, 'ro-crate-metadata.json'), JSON.stringify(metadata));
}

describe('export', () => {
  it(
    'writes the same bytes each time, with real figures, and the command checks them',
    { timeout: 60_000 },
    async () => {
      const [first, second] = [join(folder, 'first'), join(folder, 'second')];
      for (const out of [first, second])
        await exportCrate({
          exporter,
          manifest: manifestOf(manifestPath, 'sweep'),
          folder: results,
          out,
          draw: drawAll,
        });
      const files = readdirSync(first, { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile())
        .map((entry) => join(entry.parentPath, entry.name).slice(first.length + 1))
        .sort();
      expect(files).toContain('figures/kappa-curves.pdf');
      expect(files).toContain(
        'environment/package-lock-' + sha256(readFileSync('package-lock.json')).slice(0, 16) + '.json',
      );
      for (const file of notEmpty(files))
        expect(readFileSync(join(second, file)).equals(readFileSync(join(first, file))), file).toBe(true);
      const text = readFileSync(join(first, 'ro-crate-metadata.json'), 'utf8');
      const graph = (JSON.parse(text) as { '@graph': Record<string, unknown>[] })['@graph'];
      expect(graph.filter((entity) => entity['@type'] === 'CreateAction')).toHaveLength(5);
      expect(
        graph
          .filter((entity) => entity['@type'] === 'File')
          .map((entity) => entity['@id'])
          .sort(),
      ).toEqual(files.filter((file) => file !== 'ro-crate-metadata.json'));
      expect(text).not.toContain(folder);

      const verify = async (...args: string[]) => {
        process.exitCode = 0;
        const { out } = await commandOutput({ verify: define }, 'verify', ...args);
        const code = process.exitCode;
        process.exitCode = 0;
        return { code, out };
      };
      expect(await verify(first)).toMatchObject({
        code: 0,
        out: expect.stringMatching(/^sweep: 4 runs\n( {2}\w+ +ok: .*\n){9}passed\n$/) as string,
      });
      // One byte of a real figure.
      const png = readFileSync(join(first, 'figures/kappa-curves.png'));
      png[png.length >> 1]! ^= 1;
      writeFileSync(join(first, 'figures/kappa-curves.png'), png);
      relist(first, 'figures/kappa-curves.png');
      const { code, out } = await verify(first, '--json');
      expect(code).toBe(1);
      expect((JSON.parse(out) as Verification).checks.filter((check) => check.failures.length > 0)).toEqual([
        { name: 'figures', made: true, failures: ['figures/kappa-curves.png: is not what the journals give'] },
      ]);
    },
  );

  it('refuses an experiment that is not done, a place that is taken, and another manifest, and leaves nothing behind', async () => {
    const options = { exporter, manifest: manifestOf(manifestPath, 'sweep'), folder: results, draw: quickDraw };
    const before = readdirSync(folder).sort();
    await expect(exportCrate({ ...options, out: pattern })).rejects.toThrow('is there already and not empty');
    const larger = join(folder, 'larger.json');
    writeFileSync(larger, JSON.stringify({ ...content, axes: { ...content.axes, seed: [1, 2, 3] } }));
    await expect(
      exportCrate({ ...options, manifest: manifestOf(larger, 'sweep'), out: join(folder, 'none') }),
    ).rejects.toThrow(/2 of 6 runs of .* are not done/);
    rmSync(larger);
    expect(readdirSync(folder).sort()).toEqual(before);
  });

  it('leaves out runs that the manifest does not describe, and says so', async () => {
    const extra = join(folder, 'more', 'sweep');
    cpSync(results, extra, { recursive: true });
    const id = '0123456789abcdef';
    cpSync(join(results, ids[0]!), join(extra, id), { recursive: true });
    edit(join(extra, id, 'run.json'), /"id":"\w+","identity":"\w{16}/, `"id":"${id}","identity":"${id}`);
    const { notices } = await exportCrate({
      exporter,
      manifest: manifestOf(manifestPath, 'sweep'),
      folder: extra,
      out: join(folder, 'without'),
      draw: quickDraw,
    });
    expect(notices.join('\n')).toContain(id);
    expect(existsSync(join(folder, 'without', 'results', 'sweep', id))).toBe(false);
  });

  it('does not pack runs whose data manifests have changed since', async () => {
    const old = join(folder, 'old', 'sweep');
    cpSync(results, old, { recursive: true });
    const { id, spec, data, weights } = identifyRuns(expand(loadManifest(manifestPath)), 'cpu')[0]!;
    rmSync(join(old, id), { recursive: true });
    const other = { ...data, identity: 'e'.repeat(64) };
    const identity = runIdentity(spec, { data: other.identity, weights, methodVersion, backend: 'cpu' });
    writeSyntheticRun(
      old,
      spec,
      { steps: 20, validateEvery: 10 },
      {
        ...identity,
        experiment: 'sweep',
        data: other,
        weights,
        code: { version: '0.1.0', method: methodVersion, commit: null, dirty: false, lockfile: '' },
      },
    );
    await expect(
      exportCrate({
        exporter,
        manifest: manifestOf(manifestPath, 'sweep'),
        folder: old,
        out: join(folder, 'none'),
        draw: quickDraw,
      }),
    ).rejects.toThrow(/its set of emoji-icon-qa is not the one/);
  });
});

describe('verify', () => {
  it('passes what was exported, also with words and files that a publisher adds', async () => {
    expect(await changed(() => undefined)).toMatchObject({ experiment: 'sweep', runs: 4, passed: true, notes: [] });
    const found = await changed((crate) => {
      writeFileSync(join(crate, 'README.md'), 'ours\n');
      const path = join(crate, 'ro-crate-metadata.json');
      const metadata = JSON.parse(readFileSync(path, 'utf8')) as { '@graph': Record<string, unknown>[] };
      const root = metadata['@graph'].find((entity) => entity['@id'] === './')!;
      Object.assign(root, {
        name: 'Our sweep',
        author: { '@id': '#us' },
        hasPart: [...(root['hasPart'] as object[]), { '@id': 'README.md' }],
      });
      metadata['@graph'].push(
        { '@id': '#us', '@type': 'Organization', name: 'us' },
        { '@id': 'README.md', '@type': 'File', contentSize: '5', sha256: sha256('ours\n') },
      );
      writeFileSync(path, JSON.stringify(metadata));
    });
    expect(found.checks.filter((check) => check.failures.length > 0)).toEqual([]);
    expect(found.passed).toBe(true);
  });

  const run = (name: string) => (crate: string) =>
    join('results/sweep', readdirSync(join(crate, 'results/sweep')).sort()[0]!, name);
  const kinds: [string, (crate: string) => string][] = [
    ['the manifest', () => 'manifest.json'],
    ['a run.json', run('run.json')],
    ['a journal', run('metrics.jsonl')],
    ['a data manifest', () => 'data-manifests/twemoji.json'],
    ['the lockfile', (crate) => join('environment', readdirSync(join(crate, 'environment'))[0]!)],
    ['a figure', () => 'figures/curves.svg'],
    ['a specification', () => 'figures/curves.vl.json'],
    ['a table', () => 'tables/results.csv'],
  ];
  for (const [what, pathIn] of notEmpty(kinds)) {
    it(`finds a changed byte and the absence of ${what}`, async () => {
      let path = '';
      const flipped = await changed((crate) => {
        path = pathIn(crate);
        const bytes = readFileSync(join(crate, path));
        bytes[bytes.length >> 1]! ^= 1;
        writeFileSync(join(crate, path), bytes);
      });
      expect(failuresOf(flipped, 'files')).toMatch(new RegExp(`^${path}: has sha256 \\w+, not \\w+$`));
      const absent = await changed((crate) => rmSync(join(crate, path)));
      expect(failuresOf(absent, 'files')).toBe(`${path}: is listed but not there`);
      expect(absent.passed).toBe(false);
    });
  }

  it('finds a file that is not listed, one out of place, a link, a path that leads out, and a pipe', async () => {
    expect(failuresOf(await changed((crate) => writeFileSync(join(crate, 'extra.txt'), '')), 'files')).toBe(
      'extra.txt: is there but not listed',
    );
    expect(
      failuresOf(await changed((crate) => writeFileSync(join(crate, 'results/sweep/evil.sh'), '')), 'folder'),
    ).toBe('results/sweep/evil.sh: has no place in a crate');
    expect(failuresOf(await changed((crate) => writeFileSync(join(crate, '.hidden'), '')), 'folder')).toContain(
      '.hidden: has a name that a crate may not have',
    );
    const secret = join(folder, 'secret.svg');
    writeFileSync(secret, '<svg/>');
    const linked = await changed((crate) => {
      rmSync(join(crate, 'figures/curves.svg'));
      symlinkSync(secret, join(crate, 'figures/curves.svg'));
    });
    expect(failuresOf(linked, 'folder')).toBe(
      'figures/curves.svg: is a symbolic link; a crate holds files and folders only',
    );
    expect(linked.checks.find(({ name }) => name === 'runs')!.made).toBe(false);
    const folderLinked = await changed((crate) => {
      cpSync(join(crate, 'results'), join(folder, 'outside'), { recursive: true });
      rmSync(join(crate, 'results'), { recursive: true });
      symlinkSync(join(folder, 'outside'), join(crate, 'results'));
    });
    expect(failuresOf(folderLinked, 'folder')).toContain('results: is a symbolic link');
    for (const path of ['../secret.svg', '/etc/hostname', 'figures/../../secret.svg', 'file:///etc/hostname']) {
      expect(
        failuresOf(
          await changed((crate) =>
            edit(
              join(crate, 'ro-crate-metadata.json'),
              /"@id": "figures\/curves.svg",\s+"@type": "File"/,
              `"@id": ${JSON.stringify(path)}, "@type": "File"`,
            ),
          ),
          'files',
        ),
      ).toContain(`${path}: is no path inside the crate`);
    }
  });

  it('finds metadata that is no JSON, no crate, or says what the files do not', async () => {
    const metadata = (crate: string) => join(crate, 'ro-crate-metadata.json');
    expect(failuresOf(await changed((crate) => rmSync(metadata(crate))), 'metadata')).toBe(
      'ro-crate-metadata.json: is not there',
    );
    expect(failuresOf(await changed((crate) => edit(metadata(crate), '{', '{{')), 'metadata')).toMatch(
      /^is not JSON: /,
    );
    for (const text of ['[]', '{}', 'null', '{"@graph": 3}', '7'])
      expect(failuresOf(await changed((crate) => writeFileSync(metadata(crate), text)), 'metadata')).toBe(
        'has no list @graph',
      );
    expect(
      failuresOf(
        await changed((crate) =>
          writeFileSync(metadata(crate), '{"@graph": [null, 3, {"@id": "./"}, {"@id": "./", "@type": []}]}'),
        ),
        'metadata',
      ),
    ).toContain('entity 4 has no @id or no @type');
    expect(
      failuresOf(await changed((crate) => edit(metadata(crate), 'process/0.5', 'process/0.4')), 'metadata'),
    ).toContain('./: does not conform to');
    expect(
      failuresOf(
        await changed((crate) =>
          edit(metadata(crate), /"instrument": \{\s+"@id": "#equipoise-\w+"/, '"instrument": { "@id": "#nothing"'),
        ),
        'metadata',
      ),
    ).toMatch(/^#run-\w+: refers to #nothing, which is not described$/);
    expect(
      failuresOf(
        await changed((crate) => edit(metadata(crate), /"startTime": "1970/, '"startTime": "1969')),
        'description',
      ),
    ).toMatch(/#run-\w+: its startTime is not what the files of the crate give$/);
    expect(
      failuresOf(
        await changed((crate) =>
          edit(
            metadata(crate),
            '"softwareVersion": "0.1.0",\n   "description"',
            '"softwareVersion": "9",\n   "description"',
          ),
        ),
        'description',
      ),
    ).toMatch(/its softwareVersion is not/);
  });

  it('finds an edited manifest, however the listing is made to fit', async () => {
    const with_ = (from: string, to: string) =>
      changed((crate) => {
        edit(join(crate, 'manifest.json'), from, to);
        relist(crate, 'manifest.json');
      });
    const fewer = await with_('"seed":[1,2]', '"seed":[1]');
    expect(failuresOf(fewer, 'files')).toBe('');
    expect(failuresOf(fewer, 'runs').match(/is no run of the manifest/g)).toHaveLength(2);
    expect(
      failuresOf(await with_('"seed":[1,2]', '"seed":[1,2,3]'), 'runs').match(/no run has the identity of/g),
    ).toHaveLength(2);
    expect(failuresOf(await with_('"steps":20', '"steps":40'), 'runs')).toContain('no run has the identity of');
    expect(failuresOf(await with_('"commit-clr"', '"comit-clr"'), 'manifest')).toContain('commit-clr');
    expect(failuresOf(await with_('"name":"sweep"', '"name":"swept"'), 'manifest')).toBe(
      'manifest.json: is of swept, the runs are of sweep',
    );
  });

  it('finds forged runs and journals, however the listing is made to fit', async () => {
    const forge = (name: string, from: string | RegExp, to: string) =>
      changed((crate) => {
        edit(join(crate, run(name)(crate)), from, to);
        relist(crate, run(name)(crate));
      });
    expect(failuresOf(await forge('run.json', /"seed":\d/, '"seed":7'), 'runs')).toContain('is no run of the manifest');
    expect(failuresOf(await forge('run.json', '"status":"done"', '"status":"running"'), 'runs')).toContain(
      'the run is not finished',
    );
    expect(failuresOf(await forge('run.json', /"resnet50-imagenet":"\w/, '"resnet50-imagenet":"_'), 'runs')).toContain(
      'is no run of the manifest',
    );
    expect(failuresOf(await forge('run.json', /"choiceBySlice":/, '"choiceBySlices":'), 'journals')).toContain(
      'its final evaluation is not the one of run.json',
    );
    const cases: [RegExp, string, string][] = [
      [/{"kind":"train","step":7.*\n/, '', 'it has 19 train records, 20 are due'],
      [/{"kind":"measure","step":10.*\n/, '', 'it has 3 measure records, 4 are due'],
      [/"kind":"train","step":7,/, '"kind":"train","step":8,', 'its train record 7 is of step 8, step 7 was due'],
      [/{"kind":"evaluate","step":20,"split":"evaluation".*\n/, '', 'it does not end with the final evaluation'],
      [/{"kind":"train","step":7.*\n/, 'nonsense\n', 'is not a journal record'],
      [/\n$/, '', 'its last line is torn'],
    ];
    for (const [from, to, words] of cases)
      expect(failuresOf(await forge('metrics.jsonl', from, to), 'journals')).toContain(words);
    // A loss that was made nicer keeps every count: the figures tell.
    expect(failuresOf(await forge('metrics.jsonl', /("step":7,"loss":)\d/, '$10'), 'figures')).toContain(
      'figures/curves.svg: is not what the journals give',
    );
  });

  it('finds changed sources, lockfiles and figures, however the listing is made to fit', async () => {
    const forge = (path: string, change: (file: string) => void) =>
      changed((crate) => {
        change(join(crate, path));
        relist(crate, path);
      });
    expect(
      failuresOf(
        await forge('data-manifests/twemoji.json', (file) => edit(file, '"sha256": "1', '"sha256": "2')),
        'data',
      ),
    ).toContain('its set of emoji-icon-qa is not the one that this program makes');
    expect(
      failuresOf(
        await forge('data-manifests/stories15m.json', (file) => edit(file, /"sha256": "\w/, '"sha256": "_')),
        'data',
      ),
    ).not.toBe('');
    expect(
      failuresOf(
        await forge('data-manifests/twemoji.json', (file) => edit(file, /"license": "MIT/, '"license": "GPL')),
        'description',
      ),
    ).toContain('#source-twemoji: its license');
    expect(failuresOf(await forge('figures/curves.vl.json', (file) => appendFileSync(file, ' ')), 'figures')).toBe(
      'figures/curves.vl.json: is not what the journals give',
    );
    const lock = (crate: string) => join('environment', readdirSync(join(crate, 'environment'))[0]!);
    expect(
      failuresOf(
        await changed((crate) => {
          appendFileSync(join(crate, lock(crate)), ' ');
          relist(crate, lock(crate));
        }),
        'data',
      ),
    ).toContain('is no lockfile that a run names');
  });
});
