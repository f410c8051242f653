import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { canonicalJson } from '../../src/files';
import { runDefaults } from '../../src/manifest/defaults';
import { describeRun } from '../../src/manifest/identity';
import { notEmpty } from '../../testing/lists';
import { fixed, image, load, runsOf } from '../../testing/manifestHelp';

const kinds = ['constant', 'feature-cd', 'language-cd', 'commit-clr', 'commit'];

describe('resolving', () => {
  it('fills in every default', () => {
    expect(runsOf({ fixed })).toEqual([{ ...runDefaults, ...fixed }]);
  });

  it('gives each kind its own defaults and commit its regulariser', () => {
    const [clr, commit, cd] = runsOf({ fixed, axes: { scheduler: ['commit-clr', 'commit', 'feature-cd'] } });
    expect(clr?.scheduler).toEqual({
      kind: 'commit-clr',
      rule: 'symmetric',
      interval: 5,
      window: 5,
      exponent: 0.2,
      clip: 3,
    });
    expect(clr?.regulariser).toEqual({ kind: 'none' });
    expect(commit?.regulariser).toEqual({ kind: 'commit', lambda: 0.1, cap: 1 });
    expect(Object.keys(cd?.scheduler ?? {})).toEqual(['kind', 'warm', 'period']);
  });

  it('aligns sounds longer than pictures, unless told otherwise', () => {
    const sound = { task: 'sound-qa', encoder: 'whisper-tiny', backbone: 'stories15m', seed: 1 };
    expect(runsOf({ fixed: sound })[0]?.align).toEqual({ steps: 300, learningRate: 2e-3, batch: 64 });
    expect(runsOf({ fixed: { ...sound, 'align.steps': 5 } })[0]?.align).toEqual({
      steps: 5,
      learningRate: 2e-3,
      batch: 64,
    });
    expect(runsOf({ fixed })[0]?.align.steps).toBe(120);
  });

  it('reads short forms', () => {
    const [run] = runsOf({
      fixed: {
        ...fixed,
        learningRate: 0.001,
        tuning: { backbone: 'full' },
        optimiser: 'sgd',
        connector: { kind: 'qformer', tokens: 4 },
      },
      epochs: 0.5,
    });
    expect(run).toMatchObject({
      learningRate: { encoder: 0.001, backbone: 0.001 },
      tuning: { backbone: { kind: 'full' } },
      duration: { epochs: 0.5 },
      connector: { kind: 'qformer', tokens: 4 },
    });
    expect(run?.optimiser).toEqual({
      kind: 'sgd',
      momentum: 0,
      loraRatio: 1,
      weightDecay: 0,
      clip: 1,
      clipOver: 'joint',
    });
  });

  it('lays parts over wholes, wherever they are written', () => {
    const runs = runsOf({
      fixed: { ...fixed, 'scheduler.interval': 25 },
      axes: { scheduler: ['commit-clr', 'commit'] },
    });
    expect(runs.map((run) => 'interval' in run.scheduler && run.scheduler.interval)).toEqual([25, 25]);
    const [rates] = runsOf({ fixed: { 'learningRate.backbone': 0.002, ...fixed, learningRate: 0.001 } });
    expect(rates?.learningRate).toEqual({ encoder: 0.001, backbone: 0.002 });
  });

  it('gives probes their size only where kappa is measured on one', () => {
    const [batch, probe] = runsOf({
      fixed,
      measure: { every: 10 },
      include: undefined,
      axes: { 'measure.on': ['batch', 'probe'] },
    });
    expect(batch?.measure).toEqual({ every: 10, on: 'batch', variant: 'a', withoutEnd: 'off', beside: 0 });
    expect(probe?.measure).toEqual({ every: 10, on: 'probe', variant: 'a', withoutEnd: 'off', probe: 24 });
  });
});

describe('grids', () => {
  it('walks the task slowest and the seed fastest', () => {
    const runs = runsOf({
      fixed: { backbone: 'stories15m' },
      axes: { seed: [2, 1], scheduler: ['commit', 'constant'] },
      zip: [{ encoder: ['whisper-tiny', 'resnet50'], task: ['sound-qa', 'emoji-icon-qa'] }],
    });
    expect(runs.map((run) => `${run.task[0]} ${run.scheduler.kind} ${run.seed}`)).toEqual([
      's commit 2',
      's commit 1',
      's constant 2',
      's constant 1',
      'e commit 2',
      'e commit 1',
      'e constant 2',
      'e constant 1',
    ]);
  });

  it('excludes by lists, parts, short forms and defaults', () => {
    const axes = { scheduler: kinds, seed: [1, 2, 3] };
    const count = (pattern: object) => runsOf({ fixed: image, axes, exclude: [pattern] }).length;
    expect(count({ scheduler: 'commit' })).toBe(12);
    expect(count({ scheduler: ['commit', 'constant'], seed: [1, 2] })).toBe(11);
    expect(count({ scheduler: { interval: 5 } })).toBe(9);
    expect(count({ 'scheduler.warm': 0.5, seed: 3 })).toBe(13);
    expect(count({ learningRate: 3e-4, seed: 1 })).toBe(10);
    expect(count({ steps: 200, batch: 8, seed: 1 })).toBe(10);
    expect(count({ regulariser: 'commit', seed: 1 })).toBe(14);
  });

  it('multiplies the combinations that match a condition, later ones seeing earlier ones', () => {
    const runs = runsOf({
      fixed,
      axes: { scheduler: ['constant', 'commit-clr'] },
      when: [
        { if: { scheduler: 'commit-clr' }, then: { 'scheduler.rule': ['symmetric', 'lagging'] } },
        { if: { 'scheduler.rule': 'lagging' }, then: { batch: [4, 16] } },
      ],
    });
    expect(
      runs.map((run) => [run.scheduler.kind, 'rule' in run.scheduler ? run.scheduler.rule : '', run.batch]),
    ).toEqual([
      ['constant', '', 8],
      ['commit-clr', 'symmetric', 8],
      ['commit-clr', 'lagging', 4],
      ['commit-clr', 'lagging', 16],
    ]);
  });

  it('lets a condition set again what is fixed, a length by another unit too', () => {
    const runs = runsOf({
      fixed: { backbone: 'stories15m', seed: 1, batch: 8 },
      epochs: 1,
      axes: { task: ['emoji-icon-qa', 'sound-qa'] },
      when: [
        { if: { task: 'emoji-icon-qa' }, then: { encoder: ['resnet50'] } },
        { if: { task: 'sound-qa' }, then: { encoder: ['whisper-tiny'], batch: [16], steps: [70] } },
      ],
    });
    expect(runs.map((run) => [run.encoder, run.batch, run.duration])).toEqual([
      ['resnet50', 8, { epochs: 1 }],
      ['whisper-tiny', 16, { steps: 70 }],
    ]);
  });

  it('lets an include fix otherwise and starts another kind afresh', () => {
    const runs = runsOf({
      fixed: { ...fixed, scheduler: { kind: 'commit', interval: 25 } },
      epochs: 2,
      include: [{ fixed: { scheduler: 'commit-clr' }, steps: 50 }, { axes: { seed: [1, 2] } }],
    });
    expect(
      runs.map((run) => [
        run.scheduler.kind,
        'interval' in run.scheduler && run.scheduler.interval,
        run.duration,
        run.seed,
      ]),
    ).toEqual([
      ['commit-clr', 5, { steps: 50 }, 1],
      ['commit', 25, { epochs: 2 }, 1],
      ['commit', 25, { epochs: 2 }, 2],
    ]);
  });
});

describe('profiles', () => {
  const manifest = { fixed: image, axes: { scheduler: kinds, seed: [1, 2, 3] }, evaluate: { every: 20, limit: 50 } };

  it('smoke works without one in the manifest: few short runs that differ', () => {
    const runs = runsOf(manifest, 'smoke');
    expect(runs.length).toBeGreaterThan(1);
    expect(runs.length).toBeLessThanOrEqual(4);
    expect(new Set(runs.map((run) => run.scheduler.kind)).size).toBe(runs.length);
    for (const run of notEmpty(runs))
      expect(run).toMatchObject({
        duration: { steps: 6 },
        evaluate: { every: 0, limit: 8 },
        align: { steps: 3 },
        seed: 1,
      });
  });

  it('smoke keeps the runs that chosen ones follow', () => {
    const runs = runsOf({ fixed: image, axes: { scheduler: ['commit-clr', 'yoked'], seed: [1, 2, 3] } }, 'smoke');
    expect(runs.map(({ scheduler, seed }) => `${scheduler.kind} ${seed}`)).toEqual([
      'commit-clr 1',
      'commit-clr 2',
      'yoked 1',
    ]);
  });

  it("a manifest's own smoke replaces the built-in one", () => {
    const runs = runsOf(
      {
        ...manifest,
        profiles: {
          smoke: {
            keep: [
              { scheduler: 'commit', seed: 2 },
              { scheduler: 'constant', seed: 1 },
            ],
            steps: 3,
            evaluate: { limit: 4 },
          },
        },
      },
      'smoke',
    );
    expect(runs.map((run) => [run.scheduler.kind, run.seed, run.duration, run.evaluate])).toEqual([
      ['constant', 1, { steps: 3 }, { every: 20, limit: 4, validation: 64 }],
      ['commit', 2, { steps: 3 }, { every: 20, limit: 4, validation: 64 }],
    ]);
  });

  it('makes runs one that it makes equal', () => {
    expect(runsOf({ ...manifest, profiles: { one: { fixed: { seed: 7 }, epochs: 1 } } }, 'one')).toHaveLength(5);
  });

  it('changes nothing without --profile and remembers which was asked for', () => {
    expect(runsOf({ ...manifest, profiles: { one: { steps: 1 } } })).toHaveLength(15);
    expect(load(manifest, 'smoke').profile).toBe('smoke');
    expect(load(manifest).profile).toBeNull();
  });
});

/** Axes with distinct values that make no duplicates, and an order of their keys. */
const axesArbitrary = fc.record({
  scheduler: fc.uniqueArray(fc.constantFrom(...kinds), { minLength: 1 }),
  seed: fc.uniqueArray(fc.integer({ min: 0, max: 1000 }), { minLength: 1, maxLength: 4 }),
  'learningRate.backbone': fc.uniqueArray(fc.constantFrom(1e-4, 3e-4, 1e-3, 3e-3), { minLength: 1 }),
  batch: fc.uniqueArray(fc.integer({ min: 1, max: 64 }), { minLength: 1, maxLength: 3 }),
  'measure.on': fc.uniqueArray(fc.constantFrom('batch', 'probe'), { minLength: 1 }),
});

function shuffledKeys(value: unknown, turn: number): unknown {
  if (Array.isArray(value)) return value.map((inner) => shuffledKeys(inner, turn));
  if (value === null || typeof value !== 'object') return value;
  const entries = Object.entries(value).map(([key, inner]): [string, unknown] => [key, shuffledKeys(inner, turn)]);
  const at = turn % Math.max(1, entries.length);
  return Object.fromEntries([...entries.slice(at), ...entries.slice(0, at)].reverse());
}

describe('properties of expansion', () => {
  it('has as many runs as the product less the excluded ones, and none twice', () => {
    fc.assert(
      fc.property(
        axesArbitrary,
        fc.constantFrom(...kinds),
        fc.constantFrom(1e-4, 3e-4, 1e-3, 3e-3),
        (axes, kind, rate) => {
          const product = Object.values(axes).reduce((size, values) => size * values.length, 1);
          const hit =
            axes.scheduler.includes(kind) && axes['learningRate.backbone'].includes(rate)
              ? product / axes.scheduler.length / axes['learningRate.backbone'].length
              : 0;
          fc.pre(product > hit);
          const runs = runsOf({ fixed: image, axes, exclude: [{ scheduler: kind, 'learningRate.backbone': rate }] });
          expect(runs).toHaveLength(product - hit);
          expect(new Set(runs.map((run) => canonicalJson(run))).size).toBe(runs.length);
          for (const run of notEmpty(runs))
            expect(run.scheduler.kind === kind && run.learningRate.backbone === rate).toBe(false);
        },
      ),
      { numRuns: 60, seed: 1 },
    );
  });

  it('does not depend on the order of keys', () => {
    fc.assert(
      fc.property(axesArbitrary, fc.integer({ min: 1, max: 7 }), (axes, turn) => {
        const manifest = {
          fixed: image,
          axes,
          include: [
            {
              zip: [{ seed: [2001, 2002], batch: [65, 66] }],
              fixed: { scheduler: { kind: 'commit-clr', interval: 10, window: 3 } },
            },
          ],
        };
        expect(canonicalJson(runsOf(shuffledKeys(manifest, turn) as object))).toBe(canonicalJson(runsOf(manifest)));
      }),
      { numRuns: 40, seed: 2 },
    );
  });

  it('keeps the rows of a zip together', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.tuple(fc.integer({ min: 1, max: 500 }), fc.integer({ min: 1, max: 64 })), {
          minLength: 1,
          maxLength: 8,
          selector: ([seed]) => seed,
        }),
        (rows) => {
          const runs = runsOf({
            fixed: image,
            zip: [{ seed: rows.map(([seed]) => seed), batch: rows.map(([, batch]) => batch) }],
          });
          expect(runs.map((run) => [run.seed, run.batch])).toEqual(rows);
        },
      ),
      { numRuns: 40, seed: 3 },
    );
  });

  it('describes different runs of a usual sweep differently', () => {
    const runs = runsOf({
      fixed: image,
      axes: { scheduler: kinds, seed: [1, 2], learningRate: [1e-4, 3e-4], 'measure.on': ['batch', 'probe'] },
    });
    expect(new Set(runs.map((spec) => describeRun(spec))).size).toBe(runs.length);
  });
});
