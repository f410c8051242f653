/** Manifests, experiments and runs by name or path, alike for every command. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { experimentNamed, listManifests, manifestNamed, noExperiment, runNamed } from '../../src/cli/names';
import { projectRoot } from '../../src/files';
import { withCache } from '../../testing/environment';
import { head } from '../../testing/manifestHelp';

const { folder } = withCache('file', (base) => ({ EQUIPOISE_RESULTS: join(base, 'results') }));
const id = '0123456789abcdef';
const names = ['quickstart', 'quickstart-smoke', 'paper-rate-ratio', 'mine-3f2a91'];
const results = join(folder, 'results');
const below = (path: string) => relative(process.cwd(), join(projectRoot, 'experiments', path));

beforeAll(() => {
  for (const name of names) mkdirSync(join(results, name, id), { recursive: true });
  writeFileSync(join(results, 'mine-3f2a91', 'manifest.json'), JSON.stringify({ ...head, name: 'mine-3f2a91' }));
  writeFileSync(join(folder, 'my.jsonc'), '{ "name": "quickstart", /* of one’s own */ }');
});

describe('a manifest', () => {
  it('is meant by its path, the name of its experiment or of its file, and the experiment of a profile', () => {
    expect(manifestNamed(below('quickstart.json'))).toEqual({ path: below('quickstart.json') });
    for (const typed of ['quickstart', 'experiments/quickstart', join(results, 'quickstart'), `${results}/quickstart/`])
      expect(manifestNamed(typed), typed).toEqual({ path: below('quickstart.json') });
    expect(manifestNamed('quickstart-smoke')).toEqual({ path: below('quickstart.json'), profile: 'smoke' });
    for (const typed of ['fair-fight', 'paper/fair-fight', 'paper-fair-fight'])
      expect(manifestNamed(typed)).toEqual({ path: below(join('paper', 'fair-fight.json')) });
    expect(manifestNamed('-')).toEqual({ path: '-' });
    expect(manifestNamed(join(folder, 'my.jsonc'))).toEqual({ path: join(folder, 'my.jsonc') });
  });

  it('is one that lies beside its runs, where no file of the project says it', () => {
    expect(manifestNamed('mine-3f2a91').path).toBe(
      relative(process.cwd(), join(results, 'mine-3f2a91', 'manifest.json')),
    );
  });

  it('is asked for again where several or none are meant', () => {
    expect(() => manifestNamed('rate-ratio')).toThrow(
      /may be any of 2.*experiments\/ablations\/rate-ratio\.json, experiments\/paper\/rate-ratio\.json/,
    );
    expect(() => manifestNamed('quikstart')).toThrow(/did you mean experiments\/quickstart\.json\?/);
    expect(() => manifestNamed('experiments/quickstrat.json')).toThrow(/did you mean experiments\/quickstart\.json\?/);
    expect(() => manifestNamed('zzzzzzzzzzzzzz')).toThrow(/there are .* and \d+ more/);
  });
});

describe('an experiment', () => {
  it('is meant by its name, its folder and its manifest, by path or name', () => {
    for (const typed of [
      'quickstart',
      'experiments/quickstart.json',
      below('quickstart.json'),
      join(results, 'quickstart'),
      join(folder, 'my.jsonc'),
    ])
      expect(experimentNamed(typed, names), typed).toBe('quickstart');
    expect(experimentNamed('quickstart-smoke', names)).toBe('quickstart-smoke');
    expect(experimentNamed(below(join('paper', 'rate-ratio.json')), names)).toBe('paper-rate-ratio');
    expect(experimentNamed('paper/rate-ratio', names)).toBe('paper-rate-ratio');
    expect(experimentNamed('nothing', names)).toBe('nothing');
  });

  it('that is not there is told with the nearest one, and the manifest that trains it', () => {
    expect(String(noExperiment('quikstart', names, 'has no results'))).toMatch(/did you mean quickstart\?/);
    expect(String(noExperiment(below('daquar.json'), [], 'has no results'))).toMatch(
      /experiment "daquar": has no results.*equipoise run experiments\/daquar\.json/,
    );
  });
});

describe('a run', () => {
  it('is meant by the path of its folder, too', () => {
    expect(runNamed(join(results, 'quickstart', id))).toBe(`quickstart/${id}`);
    for (const typed of ['0123', `quickstart/${id}`, results, join(results, 'quickstart')])
      expect(runNamed(typed)).toBe(typed);
  });
});

it('manifests of every ending are listed', () => {
  expect(listManifests().length).toBeGreaterThan(20);
});
