/**
 * What a crate holds of the tasks and checkpoints that its runs have read, and that it is checked from that alone, where
 * none of the files are.
 */
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { writeLock } from '../../src/data/readers/pin';
import { sha256 } from '../../src/files';
import { expand } from '../../src/manifest/expand';
import { loadManifest } from '../../src/manifest/load';
import { maybePassedOn } from '../../src/runner/crate/inputs';
import { verifyCrate, type Draw } from '../../src/runner/crate/verify';
import { exportCrate } from '../../src/runner/crate/write';
import { identifyRuns } from '../../src/runner/identify';
import { methodVersion } from '../../src/version';
import { writeCheckpoint, writeTasks } from '../../testing/checkpoints';
import { withCache } from '../../testing/environment';
import { head } from '../../testing/manifestHelp';
import { put } from '../../testing/releases';
import { writeSyntheticRun } from '../../testing/syntheticJournals';

const { folder } = withCache('file', (base) => ({
  EQUIPOISE_TASKS: join(base, 'tasks'),
  EQUIPOISE_LOCKS: join(base, 'locks'),
  EQUIPOISE_CHECKPOINTS: join(base, 'checkpoints'),
  EQUIPOISE_DATA: join(base, 'data'),
}));

const draw: Draw = (experiment, _figures, tables) => {
  mkdirSync(tables, { recursive: true });
  writeFileSync(join(tables, 'runs.csv'), readdirSync(experiment).sort().join('\n'));
  return Promise.resolve([]);
};

let count = 0;
/** Exports a finished experiment of these fields; gives the crate's folder and the notices. */
async function crateOf(fixed: object, withData = false): Promise<{ crate: string; notices: string[] }> {
  const place = join(folder, `experiment-${++count}`);
  const path = join(place, 'm.json');
  const fields = { encoder: 'resnet50', backbone: 'stories15m', seed: 1, ...fixed };
  put(place, 'm.json', JSON.stringify({ ...head, fixed: fields, steps: 20, evaluate: { every: 10 } }));
  const manifest = loadManifest(path);
  for (const { id, identity, spec, data, weights } of identifyRuns(expand(manifest), 'cpu')) {
    const code = { version: '0.1.0', method: methodVersion, commit: null, dirty: false, lockfile: '' };
    const change = { identity, id, experiment: 'test', data, weights, code };
    writeSyntheticRun(join(place, 'results', 'test'), spec, { steps: 20, validateEvery: 10 }, change);
  }
  const crate = join(place, 'crate');
  const exporter = { version: '0.1.0', commit: null };
  const options = { manifest, folder: join(place, 'results', 'test'), out: crate, draw, exporter, withData };
  return { crate, notices: (await exportCrate(options)).notices };
}

/** What verify finds where none of the files are; each failure with its check. */
async function elsewhere(crate: string): Promise<string[]> {
  const names = ['TASKS', 'LOCKS', 'CHECKPOINTS', 'DATA'].map((name) => `EQUIPOISE_${name}`);
  const before = names.map((name) => process.env[name]);
  for (const name of names) process.env[name] = join(folder, 'nothing');
  try {
    const { checks, passed } = await verifyCrate(crate, draw);
    const failures = checks.flatMap(({ name, failures: found }) => found.map((failure) => `${name}: ${failure}`));
    expect(passed).toBe(failures.length === 0 && checks.every(({ made }) => made));
    return failures;
  } finally {
    names.forEach((name, i) => (process.env[name] = before[i]));
  }
}

const entitiesOf = (crate: string): Record<string, unknown>[] =>
  (JSON.parse(readFileSync(join(crate, 'ro-crate-metadata.json'), 'utf8')) as { '@graph': Record<string, unknown>[] })[
    '@graph'
  ];
const filesOf = (crate: string, below: string): string[] =>
  readdirSync(join(crate, below), { recursive: true, encoding: 'utf8' }).sort();
/** A copy of a crate without one of its files, or with another content of it, and a listing that fits. */
function changed(crate: string, path: string, content: string | null): string {
  const copy = join(folder, `changed-${++count}`);
  cpSync(crate, copy, { recursive: true });
  const metadata = join(copy, 'ro-crate-metadata.json');
  const value = JSON.parse(readFileSync(metadata, 'utf8')) as { '@graph': Record<string, unknown>[] };
  if (content === null) {
    rmSync(join(copy, path));
    value['@graph'] = value['@graph'].filter((entity) => entity['@id'] !== path);
  } else {
    mkdirSync(dirname(join(copy, path)), { recursive: true });
    writeFileSync(join(copy, path), content);
    const entity = value['@graph'].find((each) => each['@id'] === path);
    Object.assign(entity ?? {}, { contentSize: String(Buffer.byteLength(content)), sha256: sha256(content) });
  }
  writeFileSync(metadata, JSON.stringify(value));
  return copy;
}

beforeAll(async () => {
  await writeTasks(join(folder, 'tasks'));
  writeCheckpoint(join(folder, 'checkpoints', 'my-llava'), 'llava-1.5');
  writeCheckpoint(join(folder, 'checkpoints', 'carded'), 'llava-1.5', 2);
  put(
    join(folder, 'checkpoints', 'carded'),
    'README.md',
    '---\nlicense: apache-2.0\n---\n# Model\n```bibtex\n@misc{x, title={A model}}\n```\n',
  );
  writeLock('iconqa', [{ name: 'iconqa_data', files: 3, bytes: 30, sha256: 'a'.repeat(64) }]);
});

describe('a crate', () => {
  it('of an own task holds its manifest, the hashes of its files, its licence and its citation', async () => {
    const { crate, notices } = await crateOf({ task: 'colours' });
    expect(readFileSync(join(crate, 'tasks/own/colours.json'))).toEqual(
      readFileSync(join(folder, 'tasks/colours.json')),
    );
    const lock = JSON.parse(readFileSync(join(crate, 'locks/colours.json'), 'utf8')) as {
      places: { name: string; files: number; sha256: string }[];
    };
    expect(lock.places.map(({ name, files }) => [name, files])).toEqual([
      ['colours.jsonl', 1],
      ['colours', 36],
    ]);
    expect(lock.places[0]!.sha256).toBe(sha256(readFileSync(join(folder, 'tasks', 'colours.jsonl'))));
    expect(entitiesOf(crate)).toContainEqual(
      expect.objectContaining({ '@id': '#task-colours', license: 'CC0-1.0', citation: 'Made here.' }),
    );
    const run = entitiesOf(crate).find((entity) => String(entity['@id']).startsWith('#run-'))!;
    expect(run['object']).toEqual(
      expect.arrayContaining([{ '@id': 'tasks/own/colours.json' }, { '@id': 'locks/colours.json' }]),
    );
    expect(readdirSync(crate)).not.toContain('data');
    expect(notices.filter((notice) => !notice.includes('lockfile'))).toEqual([]);
    expect(await elsewhere(crate)).toEqual([]);
  });

  it('is checked by what it holds, not by the tasks of who checks it', async () => {
    const { crate } = await crateOf({ task: 'colours' });
    const lock = readFileSync(join(crate, 'locks/colours.json'), 'utf8');
    expect(await elsewhere(changed(crate, 'locks/colours.json', lock.replace(/"sha256": "./, '"sha256": "_')))).toEqual(
      expect.arrayContaining([expect.stringMatching(/^data: locks\/colours\.json: is no lock/)]),
    );
    const other = lock.replace(/"sha256": "[0-9a-f]{2}/, '"sha256": "00');
    expect(await elsewhere(changed(crate, 'locks/colours.json', other))).toEqual([
      expect.stringMatching(/^data: run \w+: its set of colours is not the one/),
    ]);
    expect(await elsewhere(changed(crate, 'locks/colours.json', null))).toEqual(
      expect.arrayContaining(['data: locks/colours.json: is not there, but runs read it']),
    );
    const none = await elsewhere(changed(crate, 'tasks/own/colours.json', null));
    expect(none).toContainEqual(expect.stringMatching(/^manifest: .*unknown value "colours"/));
    const manifest = readFileSync(join(crate, 'tasks/own/colours.json'), 'utf8');
    const relicensed = changed(crate, 'tasks/own/colours.json', manifest.replace('CC0-1.0', 'GPL-2'));
    expect(await elsewhere(relicensed)).toEqual([expect.stringContaining('#task-colours: its license')]);
  });

  it('of a published set holds the lock by which everyone trains on the same bytes', async () => {
    const { crate } = await crateOf({ task: 'iconqa' });
    expect(filesOf(crate, 'tasks')).toEqual(['published', 'published/iconqa.json']);
    expect(readFileSync(join(crate, 'locks/iconqa.json'))).toEqual(readFileSync(join(folder, 'locks/iconqa.json')));
    expect(entitiesOf(crate)).toContainEqual(
      expect.objectContaining({ '@id': '#task-iconqa', license: 'CC-BY-NC-SA-4.0' }),
    );
    expect(await elsewhere(crate)).toEqual([]);
  });

  it('from a checkpoint of one’s own holds its configuration, the hashes of its files, and what its card says', async () => {
    const { crate, notices } = await crateOf({
      task: 'colours',
      checkpoint: 'my-llava',
      encoder: undefined,
      backbone: undefined,
    });
    expect(filesOf(crate, 'checkpoints/my-llava')).toEqual(['config.json', 'lock.json']);
    const lock = readFileSync(join(crate, 'checkpoints/my-llava/lock.json'), 'utf8');
    const { files } = JSON.parse(lock) as { files: { name: string; sha256: string }[] };
    expect(files.find(({ name }) => name === 'model.safetensors')!.sha256).toBe(
      sha256(readFileSync(join(folder, 'checkpoints/my-llava/model.safetensors'))),
    );
    expect(notices.join('\n')).toMatch(/checkpoint my-llava: its folder has no README\.md that states a licence/);
    expect(await elsewhere(crate)).toEqual([]);
    const config = changed(crate, 'checkpoints/my-llava/config.json', '{"model_type": "llava"}');
    expect(await elsewhere(config)).toEqual([expect.stringMatching(/config\.json: is not the one of .*lock\.json/)]);
    const other = changed(
      crate,
      'checkpoints/my-llava/lock.json',
      lock.replace(/(tokenizer\.json",\s+"bytes": \d+,\s+"sha256": ")../, '$100'),
    );
    expect(await elsewhere(other)).toEqual([expect.stringMatching(/its checkpoint is not the one of/)]);
    const carded = await crateOf({ task: 'colours', checkpoint: 'carded', encoder: undefined, backbone: undefined });
    expect(entitiesOf(carded.crate)).toContainEqual(
      expect.objectContaining({
        '@id': '#checkpoint-carded',
        license: 'apache-2.0',
        citation: '@misc{x, title={A model}}',
      }),
    );
  });

  it('holds data only where that is asked for and the licence lets them be passed on', async () => {
    const { crate } = await crateOf({ task: 'colours' }, true);
    const hashes = readdirSync(join(folder, 'tasks', 'colours')).map((name) =>
      sha256(readFileSync(join(folder, 'tasks', 'colours', name))),
    );
    hashes.push(sha256(readFileSync(join(folder, 'tasks', 'colours.jsonl'))));
    expect(filesOf(crate, 'data')).toEqual([...new Set(hashes)].sort());
    expect(await elsewhere(crate)).toEqual([]);
    const stray = changed(crate, `data/${'0'.repeat(64)}`, 'x');
    expect((await elsewhere(stray)).join('\n')).toMatch(/data: data\/0+: has sha256 2d711642/);

    const manifest = JSON.parse(readFileSync(join(folder, 'tasks', 'colours.json'), 'utf8')) as object;
    put(join(folder, 'tasks'), 'kept.json', JSON.stringify({ ...manifest, name: 'kept', license: 'ask the authors' }));
    const kept = await crateOf({ task: 'kept' }, true);
    expect(readdirSync(kept.crate)).not.toContain('data');
    expect(kept.notices.join('\n')).toContain(
      'task kept: its licence (ask the authors) is not one that is known to let its data be passed on; they stay out',
    );
  });
});

it.each([
  ['CC0-1.0', true],
  ['CC-BY-NC-SA-4.0', true],
  ['MIT OR Apache-2.0', true],
  ['CC-BY-4.0 AND proprietary', false],
  ['CC-BY-SA-4.0; the recordings are from Jamendo', false],
  ['see LICENSE.txt of the release', false],
  ['GPL-2+', false],
])('the licence field %j lets data be passed on: %j', (license, expected) => {
  expect(maybePassedOn(license)).toBe(expected);
});
