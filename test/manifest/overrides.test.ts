/** `--set`: other values for fields of a manifest's runs, under a name of their own. */
import { describe, expect, it } from 'vitest';
import { expand } from '../../src/manifest/expand';
import { loadManifest, type Manifest } from '../../src/manifest/load';
import { parseOverride } from '../../src/manifest/overrides';
import type { RunSpec } from '../../src/manifest/run';
import { fileOf, fixed, head, image } from '../../testing/manifestHelp';

const set = (content: object, texts: string[], profile?: string): Manifest =>
  loadManifest(fileOf({ ...head, ...content }), { profile, set: texts.map(parseOverride) });
const runs = (content: object, texts: string[], profile?: string): RunSpec[] => expand(set(content, texts, profile));
const faults =
  (content: object, ...texts: string[]) =>
  () =>
    set(content, texts);

const varied = {
  fixed: { ...image, 'learningRate.backbone': 0.003 },
  steps: 40,
  axes: { scheduler: ['constant', 'commit'], seed: [1, 2] },
};

describe('a value that is set', () => {
  it('is JSON where it can be, else text', () => {
    expect(parseOverride('batch=16')).toMatchObject({ field: 'batch', value: 16 });
    expect(parseOverride('scheduler=commit-clr')).toMatchObject({ value: 'commit-clr' });
    expect(parseOverride('seed=[1,2]')).toMatchObject({ value: [1, 2] });
    expect(parseOverride('scheduler={"kind":"commit"}')).toMatchObject({ value: { kind: 'commit' } });
    expect(parseOverride(' task = a=b ')).toMatchObject({ field: 'task', value: 'a=b' });
    expect(() => parseOverride('batch')).toThrow(/is no assignment/);
  });

  it('takes the place of a setting, an axis, a part of a field and another length', () => {
    expect(new Set(runs(varied, ['batch=16']).map(({ batch }) => batch))).toEqual(new Set([16]));
    expect(runs(varied, ['scheduler=constant']).map(({ scheduler, seed }) => [scheduler.kind, seed])).toEqual([
      ['constant', 1],
      ['constant', 2],
    ]);
    expect(runs(varied, ['epochs=2'])[0]!.duration).toEqual({ epochs: 2 });
    expect(runs(varied, ['learningRate=0.01'])[0]!.learningRate).toEqual({ encoder: 0.01, backbone: 0.01 });
    expect(runs(varied, ['learningRate.encoder=0.01'])[0]!.learningRate).toEqual({ encoder: 0.01, backbone: 0.003 });
  });

  it('leaves out profiles that it makes pointless, but for the one that is asked for', () => {
    const content = { ...varied, profiles: { brief: { keep: { seed: 1 } }, long: { steps: 80 } } };
    const made = set(content, ['seed=3']);
    expect(expand(made)).toHaveLength(2);
    expect(Object.keys(made.content.profiles!)).toEqual(['long']);
    expect(Object.keys(loadManifest(fileOf(JSON.parse(made.whole!) as object)).content.profiles!)).toEqual(['long']);
    expect(() => set(content, ['seed=3'], 'brief')).toThrow(/keeps no run/);
  });

  it('of several is an axis, also where nothing varied', () => {
    expect(runs({ fixed, steps: 20 }, ['seed=[4,5,6]']).map(({ seed }) => seed)).toEqual([4, 5, 6]);
    expect(runs({ fixed, steps: 20 }, ['evaluate.transfer=["pic-know-qa"]'])[0]!.evaluate.transfer).toEqual([
      'pic-know-qa',
    ]);
  });

  it('reaches included grids and groups that vary together, and adds no grid', () => {
    const content = {
      fixed: image,
      steps: 20,
      zip: [{ batch: [4, 8], warmup: [1, 2] }],
      include: [{ axes: { seed: [7] }, fixed: { batch: 2 } }],
      axes: { seed: [1] },
    };
    expect(runs(content, ['batch=16']).map(({ batch, warmup, seed }) => [batch, warmup, seed])).toEqual([
      [16, 1, 1],
      [16, 2, 1],
      [16, 10, 7],
    ]);
    const included = { fixed: image, steps: 20, include: [{ axes: { seed: [7] } }, { axes: { seed: [8] } }] };
    expect(runs(included, ['batch=[2,4]'])).toHaveLength(4);
    expect(runs(included, ['batch=2'])).toHaveLength(2);
  });

  it('holds in a profile, the built-in one among them', () => {
    const content = { ...varied, profiles: { brief: { keep: { seed: 1 }, steps: 10 } } };
    expect(runs(content, ['steps=25'], 'brief').map(({ duration }) => duration)).toEqual([
      { steps: 25 },
      { steps: 25 },
    ]);
    expect(runs(content, ['batch=16'], 'smoke')[0]).toMatchObject({ batch: 16, duration: { steps: 6 } });
  });

  it('is told wrong by its own words: nearest name, value, twice, set by a condition', () => {
    expect(faults(varied, 'batc=16')).toThrow(/^--set "batc=16": there is no field "batc".*did you mean "batch"/);
    expect(faults(varied, 'batch=many')).toThrow(/^--set "batch=many": "many" has the wrong type/);
    expect(faults(varied, 'steps=1', 'epochs=2')).toThrow(/another --set sets/);
    expect(faults(varied, 'name=Not A Name')).toThrow(/^--set "name=Not A Name"/);
    expect(faults({ ...varied, when: [{ if: { scheduler: 'commit' }, then: { batch: [2] } }] }, 'batch=16')).toThrow(
      /a condition of the manifest sets it, at \/when\/0\/then\/batch/,
    );
  });
});

describe('the experiment', () => {
  it('has a name of its own, the same for the same values in any order and another for others', () => {
    const name = (...texts: string[]) => set(varied, texts).name;
    expect(name('batch=16')).toMatch(/^test-batch-16-[0-9a-f]{6}$/);
    expect(name('batch=16', 'warmup=3')).toBe(name('warmup=3', 'batch=16'));
    expect(name('batch=16')).not.toBe(name('batch=17'));
    expect(name('scheduler=commit').length).toBeLessThanOrEqual(64);
    expect(
      set({ ...varied, name: 'x'.repeat(55) }, ['learningRate.backbone=0.00012345']).name.length,
    ).toBeLessThanOrEqual(64);
    expect(name('name=mine', 'batch=16')).toBe('mine');
  });

  it('stands on its own: its whole manifest gives the same runs', () => {
    const made = set(varied, ['batch=16', 'seed=[5]'], 'smoke');
    const again = loadManifest(fileOf(made.whole), { profile: 'smoke' });
    expect(expand(again)).toEqual(expand(made));
    expect(again).toMatchObject({ name: made.name, sha256: made.sha256 });
    expect(loadManifest(fileOf({ ...head, fixed, steps: 20 })).whole).toBeUndefined();
  });
});
