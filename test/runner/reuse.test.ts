/**
 * Identity and reuse: a change retrains what it touches and nothing else, `why` names the field, and `run` does what
 * `plan` says.
 */
import fc from 'fast-check';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { canonicalJson } from '../../src/files';
import { filledRun } from '../../src/manifest/defaults';
import { describeRun, runIdentity, type IdentityContext } from '../../src/manifest/identity';
import type { RunSpec } from '../../src/manifest/run';
import { runFolder } from '../../src/runner/folders';
import { countStates, planRuns, type IdentifiedRun } from '../../src/runner/plan';
import { runQueue } from '../../src/runner/queue';
import type { RunFile } from '../../src/runner/runFile';
import { comparedOf, differencesBetween, nearestRelative, type Compared } from '../../src/runner/relatives';
import { readResults } from '../../src/runner/results';
import { methodVersion } from '../../src/version';
import { freshResults, inProcess, queueOptions, withOrders } from '../../testing/fakeRuns';
import { fakeSpec, readLedger } from '../../testing/fakeTrainer';

/** What surrounds the runs: identity of each task's data, of each encoder's weights, the method, the arithmetic. */
interface World {
  data: Record<string, string>;
  weights: Record<string, string>;
  method: string;
  backend: 'cpu' | 'wasm';
}

const world: World = {
  data: { 'emoji-icon-qa': 'a'.repeat(64), 'sound-qa': 'b'.repeat(64) },
  weights: { resnet50: 'c'.repeat(64), 'whisper-tiny': 'd'.repeat(64) },
  method: methodVersion,
  backend: 'cpu',
};

const specs: RunSpec[] = [
  ['emoji-icon-qa', 'resnet50'],
  ['sound-qa', 'whisper-tiny'],
].flatMap(([task, encoder], t) => [0, 1, 2].map((seed) => filledRun({ ...fakeSpec(10 * t + seed, 3), task, encoder })));

function identify(list: readonly RunSpec[], { data, weights, method, backend }: World): IdentifiedRun[] {
  return list.map((spec) => {
    const context: IdentityContext = {
      data: data[spec.task]!,
      weights: { [spec.encoder]: weights[spec.encoder]! },
      methodVersion: method,
      backend,
    };
    const { id, identity } = runIdentity(spec, context);
    return {
      id,
      identity,
      spec,
      description: describeRun(spec),
      data: { task: spec.task, identity: context.data },
      weights: context.weights,
      arithmetic: { backend, device: 'cpu', class: backend, gpu: false },
    };
  });
}

const compared = (run: IdentifiedRun, { method }: World): Compared => ({
  spec: run.spec,
  data: run.data.identity,
  weights: run.weights,
  method,
  backend: run.arithmetic.class,
});

/** A change, which runs it touches, and the field that `why` must name. */
interface Change {
  name: string;
  apply: (specs: RunSpec[], world: World) => { specs: RunSpec[]; world: World };
  touches: (spec: RunSpec) => boolean;
  field: string;
}

const otherByte = (text: string) => `${text.slice(0, -1)}e`;
const changes: Change[] = [
  ...Object.keys(world.data).map((task): Change => ({
    name: `a byte of the data of ${task}`,
    apply: (list, now) => ({
      specs: list,
      world: { ...now, data: { ...now.data, [task]: otherByte(now.data[task]!) } },
    }),
    touches: (spec) => spec.task === task,
    field: 'data',
  })),
  ...Object.keys(world.weights).map((name): Change => ({
    name: `a byte of the weights of ${name}`,
    apply: (list, now) => ({
      specs: list,
      world: { ...now, weights: { ...now.weights, [name]: otherByte(now.weights[name]!) } },
    }),
    touches: (spec) => spec.encoder === name,
    field: `weights of ${name}`,
  })),
  {
    name: 'the method',
    apply: (list, now) => ({ specs: list, world: { ...now, method: '999.0.0' } }),
    touches: () => true,
    field: 'method version',
  },
  {
    name: 'the backend',
    apply: (list, now) => ({ specs: list, world: { ...now, backend: 'wasm' } }),
    touches: () => true,
    field: 'backend',
  },
  ...[0, 1, 2].map((seed): Change => ({
    name: `an option of the runs with seed ${seed}`,
    apply: (list, now) => ({
      specs: list.map((spec) => (spec.seed % 10 === seed ? { ...spec, warmup: 7 } : spec)),
      world: now,
    }),
    touches: (spec) => spec.seed % 10 === seed,
    field: 'warmup',
  })),
  {
    name: 'an option inside an option',
    apply: (list, now) => ({
      specs: list.map((spec) =>
        spec.task === 'sound-qa' ? { ...spec, optimiser: { ...spec.optimiser, clip: 0.5 } } : spec,
      ),
      world: now,
    }),
    touches: (spec) => spec.task === 'sound-qa',
    field: 'optimiser.clip',
  },
  {
    name: 'the device that is asked for',
    apply: (list, now) => ({ specs: list.map((spec) => ({ ...spec, device: 'cpu' as const })), world: now }),
    touches: () => false,
    field: '',
  },
  {
    name: 'defaults left out and filled in again',
    apply: (list, now) => ({
      specs: list
        .map((spec) =>
          filledRun(Object.fromEntries(Object.entries(spec).filter(([key]) => !['evaluate', 'warmup'].includes(key)))),
        )
        .map((spec, i) => ({ ...spec, evaluate: list[i]!.evaluate, warmup: list[i]!.warmup })),
      world: now,
    }),
    touches: () => false,
    field: '',
  },
];

describe('a change', () => {
  it.each(changes.map((change) => [change.name, change] as const))(
    'of %s retrains exactly what it touches, and why says what it was',
    async (_name, change) => {
      const results = freshResults();
      const ledger = join(results, 'ledger');
      const before = identify(specs, world);
      await withOrders({}, () => runQueue(queueOptions(results, before, { start: inProcess })));
      const next = change.apply(specs, world);
      const after = identify(next.specs, next.world);
      const touched = specs.filter(change.touches).map((spec) => spec.seed);
      const plan = planRuns(results, 'test', after);
      expect(plan.filter((run) => run.state === 'new').map((run) => run.spec.seed)).toEqual(touched);
      const stored = readResults(results);
      for (const run of plan.filter(({ state }) => state === 'new')) {
        const own = stored.find(({ file }) => file!.spec.seed === run.spec.seed)!;
        // The fake runs carry the method and the data of `world`, as run.json of real ones does.
        const there = { ...comparedOf(own.file!), method: world.method };
        expect(differencesBetween(compared(run, next.world), there).map(({ field }) => field)).toEqual([change.field]);
        expect(nearestRelative(run.id, compared(run, next.world), stored)).not.toBeNull();
      }
      await withOrders({ ledger }, () =>
        runQueue(
          queueOptions(results, after, {
            start: inProcess,
            code: { version: '0', method: methodVersion, commit: null, dirty: false, lockfile: 'absent' },
          }),
        ),
      );
      expect(readLedger(ledger).sort((a, b) => a - b)).toEqual(touched);
      expect(countStates(planRuns(results, 'test', identify(specs, world))).done).toBe(specs.length); // what was there is still valid
    },
  );
});

describe('a run by another version of the method', () => {
  it('is named by the plan, also where it was asked for another device', async () => {
    const results = freshResults();
    const [spec] = specs as [RunSpec];
    const [old] = identify([{ ...spec, device: 'cpu' }], { ...world, method: '0.0.1' }) as [IdentifiedRun];
    await withOrders({}, () => runQueue(queueOptions(results, [old], { start: inProcess })));
    const path = runFolder(results, 'test', old.id).runJson;
    writeFileSync(path, readFileSync(path, 'utf8').replace(`"method": "${methodVersion}"`, '"method": "0.0.1"'));
    const plan = planRuns(results, 'test', identify([spec, { ...spec, warmup: 7 }], world));
    expect(plan.map(({ state, why }) => ({ state, why }))).toEqual([
      { state: 'new', why: `run ${old.id} is the same by version 0.0.1 of the method, this is ${methodVersion}` },
      { state: 'new', why: 'no run of this identity in the results' },
    ]);
  });
});

describe('a run whose part was edited since', () => {
  it('is new, and plan and why name the file; runs without that part stay', async () => {
    const file = 'src/balance/schedulers/brake.ts';
    const withCode = (hash: string): IdentifiedRun => {
      const [run] = identify([specs[0]!], world) as [IdentifiedRun];
      const said = { [file]: hash };
      const context = { data: run.data.identity, weights: run.weights, methodVersion, backend: 'cpu', code: said };
      return { ...run, ...runIdentity(run.spec, context), usedCode: { files: { ...said, other: 'o' }, said } };
    };
    const results = freshResults();
    const [before, after] = [withCode('a'), withCode('b')];
    expect(new Set([before.id, after.id, identify([specs[0]!], world)[0]!.id]).size).toBe(3);
    const other = identify([specs[1]!], { ...world, method: methodVersion });
    await runQueue(queueOptions(results, [{ ...before, usedCode: undefined }, ...other], { start: inProcess }));
    const path = runFolder(results, 'test', before.id).runJson;
    const stored = JSON.parse(readFileSync(path, 'utf8')) as RunFile;
    writeFileSync(path, JSON.stringify({ ...stored, code: { ...stored.code, ...before.usedCode } }));
    expect(planRuns(results, 'test', [after, ...other]).map(({ state, why }) => [state, why.split(' 2')[0]])).toEqual([
      ['new', `${file} has changed since run ${before.id}`],
      ['done', 'finished'],
    ]);
    const compare = { ...compared(after, { ...world, method: methodVersion }), ...after.usedCode };
    const there = readResults(results).find((run) => run.id === before.id)!;
    expect(differencesBetween(compare, comparedOf(there.file!))).toEqual([
      { field: `code of ${file}`, here: 'b', there: 'a' },
    ]);
  });
});

describe('canonical JSON', () => {
  it('is, for every value, what sorting keys while writing gives: identities rest on it', () => {
    const bySorting = (value: unknown) =>
      JSON.stringify(value, (_key, inner: unknown) =>
        inner !== null && typeof inner === 'object' && !Array.isArray(inner)
          ? Object.fromEntries(
              Object.entries(inner)
                .filter(([, v]) => v !== undefined)
                .sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)),
            )
          : inner,
      );
    fc.assert(
      fc.property(
        fc.anything({
          withDate: true,
          withNullPrototype: true,
          withTypedArray: true,
          key: fc.oneof(fc.string(), fc.constantFrom('__proto__', '10', '2', 'toString')),
        }),
        (value) => {
          expect(canonicalJson(value)).toBe(bySorting(value));
        },
      ),
      { numRuns: 300 },
    );
  });
});

describe('plan', () => {
  it('names what run does over several manifests that share runs, changed at random, with runs interrupted on the way', async () => {
    const pick = fc.subarray(
      specs.map((_, i) => i),
      { minLength: 1 },
    );
    const act = fc.record({
      manifest: fc.constantFrom('one', 'two', 'three'),
      runs: pick,
      change: fc.constantFrom(...changes),
      stopAfter: fc.option(fc.nat(4), { nil: undefined }),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(act, { minLength: 1, maxLength: 6 }), async (acts) => {
        const results = freshResults();
        const trained = new Map<string, number>();
        for (const { manifest, runs, change, stopAfter } of acts) {
          const next = change.apply(specs, world);
          const chosen = runs.map((i) => identify(next.specs, next.world)[i]!);
          const plan = planRuns(results, manifest, chosen);
          const stop = new AbortController();
          let ended = 0;
          const endings = await runQueue(
            queueOptions(results, chosen, {
              start: inProcess,
              experiment: manifest,
              workers: 1,
              stop: stop.signal,
              observe: (event) => {
                if (event.kind === 'ended') ended += 1;
                if (stopAfter !== undefined && ended >= stopAfter) stop.abort();
              },
            }),
          );
          for (const run of plan) {
            const ending = endings.get(run.id);
            if (run.state === 'done' && run.elsewhere === undefined) expect(ending).toBeUndefined();
            else if (ending !== undefined && ending.kind !== 'stopped')
              expect(ending.kind).toBe(run.elsewhere === undefined ? 'trained' : 'copied');
            if (ending?.kind === 'trained') trained.set(run.id, (trained.get(run.id) ?? 0) + 1);
          }
          if (stopAfter === undefined)
            expect(countStates(planRuns(results, manifest, chosen)).done).toBe(chosen.length);
        }
        for (const [id, times] of trained) expect([id, times]).toEqual([id, 1]); // over all manifests, each run once
      }),
      { numRuns: 12 },
    );
  });
});
