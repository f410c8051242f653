import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { canonicalJson, sha256 } from '../../src/files';
import {
  fillDefaults,
  filledRun,
  kindDefaults,
  leaveOutDefaults,
  modalityDefaults,
  runDefaults,
} from '../../src/manifest/defaults';
import { fieldsByPath } from '../../src/manifest/fields';
import { valueAt } from '../../src/manifest/tree';
import { tokensByRule } from '../../src/models/zoo/connectors/connector';
import { describeRun, difference, runIdentity, stepsOf } from '../../src/manifest/identity';
import type { RunSpec } from '../../src/manifest/run';
import { methodVersion } from '../../src/version';
import { fixed, image, runsOf } from '../../testing/manifestHelp';

const context = {
  data: 'd'.repeat(64),
  weights: { resnet50: 'a'.repeat(64), stories15m: 'b'.repeat(64) },
  methodVersion: '1.0.0',
  backend: 'wasm',
};
/** What the two options whose default has changed were at first. */
const first = { vocabulary: 'task', 'optimiser.clipOver': 'module' };
const one = (more: object = {}): RunSpec => runsOf({ fixed: { ...fixed, ...more } })[0]!;
const id = (spec: RunSpec, change: object = {}) => runIdentity(spec, { ...context, ...change }).identity;

describe('identity', () => {
  it('hashes only what is not a default, at every level', () => {
    expect(leaveOutDefaults(one())).toEqual(fixed);
    expect(leaveOutDefaults(one({ scheduler: { kind: 'commit', interval: 25 }, 'tuning.backbone.rank': 4 }))).toEqual({
      ...fixed,
      scheduler: { kind: 'commit', interval: 25 },
      tuning: { backbone: { rank: 4 } },
    });
    // vocabulary and clipping as they were at first: see below
    expect(runIdentity(one(first), context).identity).toBe(
      sha256(canonicalJson({ ...context, format: 'equipoise-identity/1', run: fixed })),
    );
    expect(runIdentity(one(), context).id).toBe(id(one()).slice(0, 16));
  });

  it('is the same whether a default is written or not, and whatever device is asked for', () => {
    const written = one({
      scheduler: { kind: 'commit', rule: 'symmetric', exponent: 0.2 },
      regulariser: { kind: 'commit', cap: 1 },
      batch: 8,
      device: 'gpu',
    });
    expect(id(written)).toBe(id(one({ scheduler: 'commit' })));
    expect(id(one({ device: 'cpu' }))).toBe(id(one()));
  });

  it('does not change when RunSpec gains an option that keeps its default', () => {
    // A spec of the past lacks the option; the one of today carries its default. Both are hashed without it.
    const { warmup: _warmup, ...past } = one();
    expect(id(past as RunSpec)).toBe(id(one()));
    expect(id(one({ warmup: 11 }))).not.toBe(id(one()));
  });

  it('changes with data, weights, method and backend', () => {
    const all = [
      {},
      { data: 'e' },
      { weights: { resnet50: 'a'.repeat(64), stories15m: 'c' } },
      { methodVersion: '1.0.1' },
      { backend: 'tensorflow' },
    ].map((change) => id(one(), change));
    expect(new Set(all).size).toBe(all.length);
  });

  it('tells any two different runs apart: leaving defaults out can be undone', () => {
    const scheduler = fc.oneof(
      fc.constantFrom('constant', 'feature-cd', 'commit'),
      fc.record(
        {
          kind: fc.constantFrom('commit', 'commit-clr'),
          interval: fc.constantFrom(5, 25),
          exponent: fc.constantFrom(0.2, 0.1),
        },
        { requiredKeys: ['kind'] },
      ),
    );
    const settings = fc.record(
      {
        scheduler,
        connector: fc.oneof(
          fc.constantFrom('mlp', 'qformer'),
          fc.record({ kind: fc.constantFrom('mlp', 'qformer'), tokens: fc.constantFrom(4, 16) }),
        ),
        tuning: fc.record({ backbone: fc.constantFrom('lora', 'full', { kind: 'lora', rank: 4 }) }),
        optimiser: fc.constantFrom('adamw', 'adam', 'sgd', { kind: 'sgd', momentum: 0.9 }),
        measure: fc.constantFrom(
          { on: 'probe' },
          { on: 'batch', every: 2 },
          { on: 'probe', probe: 12 },
          { variant: 'b' },
        ),
        epochs: fc.constantFrom(1, 2),
        learningRate: fc.constantFrom(3e-4, { backbone: 3e-3 }),
      },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(settings, settings, (a, b) => {
        const [left, right] = [one(a), one(b)];
        expect(fillDefaults({ ...leaveOutDefaults(left), device: 'any' })).toEqual(left);
        expect(id(left) === id(right)).toBe(canonicalJson(left) === canonicalJson(right));
      }),
      { numRuns: 60, seed: 4 },
    );
  });

  const pinned = JSON.parse(readFileSync(join(__dirname, '..', 'fixtures', 'defaults.json'), 'utf8')) as {
    methodVersion: string;
    values: { kindDefaults: Record<string, Record<string, object>> };
  };

  it('stays valid: a default that changes keeps its first value in firstDefaults and is pinned anew; a new one is pinned as it comes', () => {
    const values = { runDefaults, kindDefaults: kindDefaults(), modalityDefaults };
    expect({ methodVersion, values }).toEqual(pinned);
  });

  it('is that of its time for an option whose default has changed, and a run.json that lacks it had its first value', () => {
    const run = leaveOutDefaults(one());
    expect(id(one(first))).toBe(sha256(canonicalJson({ format: 'equipoise-identity/1', run, ...context })));
    const today = { ...run, vocabulary: 'whole', optimiser: { clipOver: 'joint' } };
    expect(id(one())).toBe(sha256(canonicalJson({ format: 'equipoise-identity/1', run: today, ...context })));
    const { vocabulary: _vocabulary, optimiser: _optimiser, ...past } = one();
    expect(filledRun(past)).toEqual(one(first));
    expect(filledRun({ ...past, optimiser: { kind: 'sgd' } })).toEqual(one({ ...first, optimiser: 'sgd' }));
    // A checkpoint always had its whole vocabulary.
    const checkpoint = fillDefaults({ task: 'emoji-icon-qa', seed: 1, checkpoint: 'mine' });
    expect(filledRun({ task: 'emoji-icon-qa', seed: 1, checkpoint: 'mine' })).toEqual({
      ...checkpoint,
      optimiser: { ...(checkpoint['optimiser'] as object), clipOver: 'module' },
    });
  });

  it('hangs on no default that is not pinned: a resolved run of any kind has nothing else that it was not given', () => {
    for (const [union, kinds] of Object.entries(pinned.values.kindDefaults))
      for (const [kind, options] of Object.entries(kinds)) {
        // Only beside a checkpoint.
        if (kind === 'published' || (union === 'tuning.connector' && kind !== 'full')) continue;
        const axis = union === 'measure' ? 'measure.on' : union;
        const adapted = union === 'tuning.tower' && kind === 'lora'; // ResNet has no linear layer
        const run = one({ ...(adapted ? { task: 'sound-qa', encoder: 'whisper-tiny' } : {}), [axis]: kind });
        expect(valueAt(run, union), `${union} ${kind}`).toEqual(options);
      }
    expect(Object.keys(pinned.values.kindDefaults).sort()).toEqual([
      'connector',
      'measure',
      'optimiser',
      'regulariser',
      'scheduler',
      'tuning.backbone',
      'tuning.connector',
      'tuning.tower',
    ]);
  });

  it('counts every option of every kind: it has a pinned default or a rule', () => {
    const unpinned = [...fieldsByPath()].flatMap(([path, field]) =>
      field.type !== 'choice'
        ? []
        : Object.entries(field.kinds).flatMap(([kind, { options }]) =>
            Object.keys(options)
              .filter((name) => valueAt(pinned.values.kindDefaults[path]?.[kind], name) === undefined)
              .map((name) => `${path} ${kind} ${name}`),
          ),
    );
    // By a rule, which is pinned below.
    expect(unpinned).toEqual([
      'connector mlp tokens',
      'connector qformer tokens',
      'tuning.tower lora targets',
      'tuning.connector lora targets',
    ]);
    // 2 x 2 cells of a picture, 50 rows of 0.1 s of sound, 16 cells of a finer grid.
    expect([4, 16, 17, 50].map(tokensByRule)).toEqual([4, 16, 3, 10]);
  });

  it('is that of its time for a scale and a shift behind the tower, in either spelling, in parts of fields and in run.json', () => {
    const before = one({ ...first, 'tuning.encoder': 'scale-shift' });
    const spellings = [
      one({ ...first, tuning: { encoder: 'scale-shift' } }),
      one({ ...first, 'tuning.tower': 'scale-shift' }),
      one({ ...first, tuning: { tower: { kind: 'scale-shift' } } }),
      filledRun({ ...one(first), tuning: { encoder: 'scale-shift', backbone: one().tuning.backbone } }),
    ];
    for (const spec of spellings) expect(spec).toEqual(before);
    expect(before.tuning.tower).toEqual({ kind: 'scale-shift' });
    expect(valueAt(before, 'tuning.encoder')).toBeUndefined();
    // Written by the version that had one kind of it, for a canonical form without today's fields.
    const { identity } = runIdentity(before, context);
    const run = { ...leaveOutDefaults(one()), tuning: { encoder: 'scale-shift' } };
    expect(identity).toBe(sha256(canonicalJson({ format: 'equipoise-identity/1', run, ...context })));
    expect(id(one({ 'tuning.tower': 'full' }))).not.toBe(id(before));
  });

  it('is one identity whether a default of the connector is written or not', () => {
    expect(id(one({ connector: { kind: 'mlp', width: 512 } }))).toBe(id(one()));
    expect(id(one({ connector: { kind: 'mlp', width: 256 } }))).not.toBe(id(one()));
    expect(id(one({ connector: { kind: 'qformer', width: 256, layers: 2, heads: 4 } }))).toBe(
      id(one({ connector: 'qformer' })),
    );
  });

  it('fills in what a run.json of the past lacks, whatever else a foreign one says', () => {
    const { instructions: _instructions, ...past } = one({ connector: 'qformer', scheduler: 'commit-clr' });
    const old = { ...past, connector: { kind: 'qformer' }, scheduler: { kind: 'commit-clr', interval: 25 } };
    expect(fillDefaults(old)).toEqual(one({ connector: 'qformer', scheduler: { kind: 'commit-clr', interval: 25 } }));
    const strange = { ...past, checkpoint: { toString: 1 }, scheduler: { kind: { toString: 1 } }, connector: null };
    expect(() => fillDefaults(strange)).not.toThrow();
  });
});

describe('why two runs differ', () => {
  it('names each field with both values, in the order of a run', () => {
    expect(
      difference(one(), one({ scheduler: 'commit-clr', seed: 2, 'learningRate.backbone': 0.003 })).map(
        ({ field, a, b }) => [field, a, b],
      ),
    ).toEqual([
      ['learningRate.backbone', 3e-4, 0.003],
      ['scheduler.kind', 'constant', 'commit-clr'],
      ['scheduler.rule', undefined, 'symmetric'],
      ['scheduler.interval', undefined, 5],
      ['scheduler.window', undefined, 5],
      ['scheduler.exponent', undefined, 0.2],
      ['scheduler.clip', undefined, 3],
      ['seed', 1, 2],
    ]);
    expect(difference(one(), one())).toEqual([]);
  });
});

describe('length in steps', () => {
  it('counts a part of a batch as a step', () => {
    expect(stepsOf({ duration: { steps: 7 }, batch: 8 }, 2400)).toBe(7);
    expect(stepsOf({ duration: { examples: 17 }, batch: 8 }, 2400)).toBe(3);
    expect(stepsOf({ duration: { epochs: 1 }, batch: 8 }, 2401)).toBe(301);
    expect(stepsOf({ duration: { epochs: 0.1 }, batch: 1 }, 30)).toBe(3);
    expect(stepsOf({ duration: { epochs: 0.0001 }, batch: 8 }, 30)).toBe(1);
    expect(() => stepsOf({ duration: { epochs: 1 }, batch: 8 }, 0)).toThrow('empty');
  });
});

describe('a short description', () => {
  it('says the combination, and rates, length and options that are not the default', () => {
    expect(describeRun(one({ scheduler: 'commit-clr' }))).toBe(
      'emoji-icon-qa resnet50+mlp+stories15m commit-clr seed 1',
    );
    expect(
      describeRun(
        one({
          'learningRate.backbone': 0.003,
          steps: 50,
          'optimiser.clip': 2,
          scheduler: { kind: 'commit-clr', interval: 25 },
        }),
      ),
    ).toBe(
      'emoji-icon-qa resnet50+mlp+stories15m commit-clr seed 1 rates 0.0003/0.003 50 steps optimiser.clip=2 scheduler.interval=25',
    );
  });

  it('stays short', () => {
    const many = runsOf({
      fixed: {
        ...image,
        seed: 1,
        batch: 4,
        connector: { kind: 'qformer', tokens: 1, width: 2, layers: 3, heads: 2 },
        'optimiser.clip': 2,
      },
    })[0]!;
    expect(describeRun(many)).toContain('and 1 more');
  });
});
