import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import type { DataSet } from '../../src/data/types';
import type { EncoderTower } from '../../src/models/zoo/encoders';
import { stretchMedia } from '../../src/models/inputs/stretches';
import { featureIdentity, featuresOf } from '../../src/models/inputs/features';
import { UserError } from '../../src/problems';
import { useBackend } from '../../src/tensor/backend';

/** A tower whose features of a file are its path's length and a running number, so that tests see when it ran. */
const tower = vi.hoisted(() => {
  const made = { opened: 0, closed: 0, files: [] as (string | null)[], value: 1, batch: 4, notices: false };
  const fake: Pick<EncoderTower, 'modality' | 'source' | 'version' | 'rows' | 'rowChoices' | 'width' | 'open'> = {
    modality: 'image',
    source: 'resnet50-imagenet',
    version: 1,
    rows: 2,
    rowChoices: [2, 3],
    width: 2,
    async open(rows = 2) {
      made.opened++;
      const notices: string[] = [];
      return {
        batch: made.batch,
        notices,
        async extract(files, onFile) {
          await new Promise((resolve) => setTimeout(resolve, 20));
          if (files.includes('/broken')) throw new Error('cannot be read');
          made.files.push(...files);
          if (made.notices) notices.push(...files.map((file) => `${file}: cut`));
          onFile?.(files.length);
          return files.map((file) =>
            Float32Array.from({ length: rows * 2 }, (_, i) => made.value * ((file?.length ?? 0) + i / 4)),
          );
        },
        close: () => {
          made.closed++;
        },
      };
    },
  };
  return { made, fake };
});
vi.mock('../../src/models/zoo/encoders', () => ({ findEncoder: () => tower.fake, towerSources: () => [] }));

const set = (change: Partial<DataSet> = {}): DataSet => ({
  task: 'toy',
  modality: 'image',
  identity: 'a'.repeat(64),
  items: [],
  alignment: [],
  classes: [],
  sources: [],
  media: new Map([
    ['b', '/pictures/bbb'],
    ['a', '/pictures/a'],
  ]),
  ...change,
});

beforeAll(async () => {
  await useBackend({ name: 'cpu' });
});
let cache: string;
beforeEach(() => {
  cache = mkdtempSync(join(tmpdir(), 'features-'));
  vi.stubEnv('EQUIPOISE_CACHE', cache);
  Object.assign(tower.made, { opened: 0, closed: 0, files: [], value: 1, notices: false });
});

const stored = () => readdirSync(join(cache, 'features')).filter((name) => /^[0-9a-f]{64}$/.test(name));

describe('features of a set', () => {
  it('are computed once, in the order of the keys, and read back the same', async () => {
    const heard: number[][] = [];
    const first = await featuresOf(set(), 'fake', { onProgress: (done, total) => heard.push([done, total]) });
    expect(tower.made).toMatchObject({ opened: 1, closed: 1, files: ['/pictures/a', '/pictures/bbb'] });
    expect(heard).toEqual([[2, 2]]);
    expect([first.rows, first.width]).toEqual([2, 2]);
    expect(Array.from(first.of('a'))).toEqual([11, 11.25, 11.5, 11.75]);
    expect(Array.from(first.of('b'))).toEqual([13, 13.25, 13.5, 13.75]);
    expect(() => first.of('c')).toThrow(RangeError);
    tower.made.value = 100;
    const again = await featuresOf(set({ media: new Map([...set().media].reverse()) }), 'fake');
    expect(tower.made.opened).toBe(1);
    expect(Array.from(again.of('b'))).toEqual(Array.from(first.of('b')));
    const onDisk = await featuresOf(set(), 'fake', { inMemory: 0 });
    expect(['a', 'b', 'a'].map((key) => Array.from(onDisk.of(key)))).toEqual(
      ['a', 'b', 'a'].map((key) => Array.from(first.of(key))),
    );
    expect(stored()).toEqual([featureIdentity(set(), 'fake')]);
    expect(readdirSync(join(cache, 'features'))).toEqual(stored());
  });

  it('are computed by one of two that want them at once', async () => {
    const tables = await Promise.all([featuresOf(set(), 'fake'), featuresOf(set(), 'fake')]);
    expect(tower.made.opened).toBe(1);
    expect(Array.from(tables[0].of('a'))).toEqual(Array.from(tables[1].of('a')));
  });

  describe('of more media than a stretch has', () => {
    const keys = Array.from({ length: 2 * stretchMedia + 5 }, (_, i) => `m${String(i).padStart(3, '0')}`);
    const large = set({ media: new Map(keys.map((key, i) => [key, `/p/${'x'.repeat(i)}`])) });
    const bytes = () => readFileSync(join(cache, 'features', stored()[0]!, 'features.bin'));

    it('are computed by all who want them at once, each medium once', async () => {
      const heard: number[] = [];
      const tables = await Promise.all([
        featuresOf(large, 'fake', { onProgress: (done) => heard.push(done) }),
        featuresOf(large, 'fake'),
      ]);
      expect(tower.made).toMatchObject({ opened: 2, closed: 2 });
      expect([...tower.made.files].sort()).toEqual([...large.media.values()].sort());
      expect(tables.map((table) => keys.map((key) => table.of(key)[0]))).toEqual(
        [0, 1].map(() => keys.map((_, i) => 3 + i)),
      );
      expect(heard).toEqual([...heard].sort((a, b) => a - b));
      expect(readdirSync(join(cache, 'features'))).toEqual(stored());
    });

    it('go on where an interrupted process was, to the same bytes', async () => {
      const broken = new Map(large.media).set(keys[stretchMedia + 1]!, '/broken');
      await expect(featuresOf({ ...large, media: broken }, 'fake')).rejects.toThrow(/cannot be read/);
      tower.made.files = [];
      await featuresOf(large, 'fake');
      expect(tower.made.files).toEqual([...large.media.values()].slice(stretchMedia));
      const resumed = bytes();
      vi.stubEnv('EQUIPOISE_CACHE', (cache = mkdtempSync(join(tmpdir(), 'features-'))));
      await featuresOf(large, 'fake');
      expect(resumed.equals(bytes())).toBe(true);
    });

    it('are computed again where a stretch was damaged', async () => {
      const stretch = join(cache, 'features', `${featureIdentity(large, 'fake')}.stretches`, '0');
      mkdirSync(stretch, { recursive: true });
      await expect(featuresOf(large, 'fake')).rejects.toThrow(/index is missing.*\n?.*remove this folder/s);
      rmSync(stretch, { recursive: true });
      await featuresOf(large, 'fake');
      expect(stored()).toEqual([featureIdentity(large, 'fake')]);
    });

    it('tell the first of all notices', async () => {
      tower.made.notices = true;
      const { notices } = await featuresOf(large, 'fake');
      expect(notices).toHaveLength(9);
      expect([notices[0], notices.at(-1)]).toEqual(['m000: cut', `and ${keys.length - 8} more like these`]);
    });
  });

  describe('of which a few media are asked for', () => {
    const media = new Map(
      Array.from({ length: 40 }, (_, i) => [`m${String(i).padStart(2, '0')}`, `/p/${'x'.repeat(i)}`]),
    );
    const many = set({ media });
    const ask = (...keys: string[]) => featuresOf(many, 'fake', { asked: new Set(keys) });
    const parts = () => readdirSync(join(cache, 'features', `${featureIdentity(many, 'fake')}.parts`)).length;
    const values = (key: string) => [0, 0.25, 0.5, 0.75].map((more) => media.get(key)!.length + more);

    it('are computed for these alone, each in the place that it has among all, and kept', async () => {
      const heard: number[][] = [];
      const asked = new Set(['m05', 'm01', 'm10']);
      const table = await featuresOf(many, 'fake', { asked, onProgress: (...all) => heard.push(all) });
      const path = (key: string | null) => (key === null ? null : media.get(key)!);
      expect(tower.made.files).toEqual([null, 'm01', 'm10', null, null, 'm05', null, null].map(path));
      expect(heard.at(-1)).toEqual([3, 3]);
      expect(Array.from(table.of('m05'))).toEqual(values('m05'));
      expect(() => table.of('m02')).toThrow(RangeError);
      tower.made.files = [];
      expect(Array.from((await ask('m10', 'm05')).of('m10'))).toEqual(values('m10'));
      expect(tower.made.files).toEqual([]);
      const more = await ask('m10', 'm03');
      expect(tower.made.files.filter((file) => file !== null)).toEqual([path('m03')]);
      expect(['m10', 'm03'].map((key) => Array.from(more.of(key)))).toEqual([values('m10'), values('m03')]);
      expect(parts()).toBe(2);
      expect(stored()).toEqual([]);
    });

    it('are all computed when more than a quarter is wanted in all, and then read for whoever asks', async () => {
      await ask('m00', 'm01', 'm02', 'm03', 'm04', 'm05');
      const table = await ask('m10', 'm11', 'm12', 'm13', 'm14');
      expect(stored()).toEqual([featureIdentity(many, 'fake')]);
      expect(Array.from(table.of('m39'))).toEqual(values('m39'));
      tower.made.files = [];
      await ask('m20');
      expect(tower.made.files).toEqual([]);
      expect(parts()).toBe(1);
    });

    it('are computed by one of two that want them at once', async () => {
      await Promise.all([ask('m01', 'm02'), ask('m02', 'm01')]);
      expect(tower.made.opened).toBe(1);
    });
  });

  it('have another identity for another set, rows, version or backend', async () => {
    const identities = [
      featureIdentity(set(), 'fake'),
      featureIdentity(set({ identity: 'b'.repeat(64) }), 'fake'),
      featureIdentity(set(), 'fake', 3),
      featureIdentity(set(), 'other'),
    ];
    tower.fake.version = 2;
    identities.push(featureIdentity(set(), 'fake'));
    tower.fake.version = 1;
    await useBackend({ name: 'wasm' });
    identities.push(featureIdentity(set(), 'fake'));
    await useBackend({ name: 'cpu' });
    expect(new Set(identities).size).toBe(identities.length);
    expect(featureIdentity(set(), 'fake', 2)).toBe(identities[0]);
    expect(Array.from((await featuresOf(set(), 'fake', { rows: 3 })).of('a'))).toHaveLength(6);
  });

  it('leave nothing behind when they are not numbers', async () => {
    tower.made.value = NaN;
    await expect(featuresOf(set(), 'fake')).rejects.toThrow(/\/pictures\/a.*finite/);
    expect(tower.made.closed).toBe(1);
    expect(readdirSync(join(cache, 'features'))).toEqual([]);
  });

  it('clear away what a killed process left', async () => {
    mkdirSync(join(cache, 'features', `${featureIdentity(set(), 'fake')}.1.tmp`), { recursive: true });
    await featuresOf(set(), 'fake');
    expect(readdirSync(join(cache, 'features'))).toEqual(stored());
  });

  it('refuse a set of another modality', async () => {
    await expect(featuresOf(set({ modality: 'audio' }), 'fake')).rejects.toThrow(/takes image, the task gives audio/);
  });

  it.each<[string, (folder: string) => void, RegExp]>([
    [
      'a changed value',
      (folder) => {
        const path = join(folder, 'features.bin');
        const bytes = readFileSync(path);
        bytes[5]! ^= 1;
        writeFileSync(path, bytes);
      },
      /hash/,
    ],
    [
      'a torn file',
      (folder) => {
        const path = join(folder, 'features.bin');
        writeFileSync(path, readFileSync(path).subarray(1));
      },
      /31 bytes instead of 32/,
    ],
    [
      'a torn index',
      (folder) => {
        writeFileSync(join(folder, 'index.json'), '{');
      },
      /not JSON/,
    ],
    [
      'an index of other media',
      (folder) => {
        const path = join(folder, 'index.json');
        writeFileSync(path, readFileSync(path, 'utf8').replace('"b"', '"c"'));
      },
      /other media/,
    ],
  ])('say what to do about %s', async (_name, damage, message) => {
    await featuresOf(set(), 'fake');
    const folder = join(cache, 'features', stored()[0]!);
    expect(existsSync(folder)).toBe(true);
    damage(folder);
    await expect(featuresOf(set(), 'fake')).rejects.toThrow(message);
    await expect(featuresOf(set(), 'fake')).rejects.toThrow(UserError);
    await expect(featuresOf(set(), 'fake')).rejects.toThrow(/remove this folder/);
  });
});
