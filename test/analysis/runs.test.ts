import {
  appendFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { openJournals } from '../../analysis/aggregate';
import { equalSettingOf, labelRuns, orderMethods, orderSettings } from '../../analysis/labels';
import { projectRoot } from '../../src/files';
import { expand } from '../../src/manifest/expand';
import { loadManifest } from '../../src/manifest/load';
import type { RunSpec } from '../../src/manifest/run';
import { readRuns } from '../../analysis/runs';
import { setIdentity } from '../../src/data';
import { dataIdentity, tasksOf, weightIdentities } from '../../src/runner/identify';
import { staleNotice } from '../../src/runner/stale';
import type { JournalRecord } from '../../src/train/records';
import { usedCode } from '../../src/train/usedCode';
import { methodVersion } from '../../src/version';
import { notEmpty } from '../../testing/lists';
import { syntheticRecords, syntheticSpec, writeSyntheticRun } from '../../testing/syntheticJournals';
import { connectorOf, optimiserOf, regulariserOf, schedulerOf } from '../../testing/specs';

const options = { steps: 20, validateEvery: 10 };
const spec = (seed: number, change: Partial<RunSpec> = {}): RunSpec => ({
  ...syntheticSpec('emoji-icon-qa', 'constant', 'equal rates', seed, 20),
  ...change,
});

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "equipoise-an[a]lysis*'-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

async function open(only?: string[]) {
  const journals = await openJournals(folder, only && (({ id }) => only.includes(id)));
  const [count] =
    journals.runs.length === 0 ? [] : await journals.rows<{ n: number }>('select count(*) as n from train');
  journals.close();
  return { ...journals, trained: count?.n ?? 0 };
}

describe('which runs count', () => {
  test('finished ones; the others are listed with reasons', async () => {
    const good = writeSyntheticRun(folder, spec(0), options);
    const failed = writeSyntheticRun(folder, spec(1), options, {
      status: 'failed',
      failure: 'the loss is not finite at step 7',
      final: null,
    });
    const running = writeSyntheticRun(folder, spec(2), options, { status: 'running', step: 12, final: null });
    const badRate = writeSyntheticRun(folder, spec(3, { learningRate: { encoder: 0, backbone: 1e-4 } }), options);
    const noJournal = writeSyntheticRun(folder, spec(4), options);
    rmSync(join(folder, noJournal, 'metrics.jsonl'));
    mkdirSync(join(folder, 'feedfeedfeedfeed'));
    mkdirSync(join(folder, 'nonsense'));
    writeFileSync(join(folder, 'nonsense', 'run.json'), '{');
    writeFileSync(join(folder, 'plan.txt'), 'files are not runs');
    const { runs, ignored, trained } = await open();
    expect(runs.map((run) => run.id)).toEqual([good]);
    expect(trained).toBe(20);
    const reasons = Object.fromEntries(ignored.map(({ id, reason }) => [id, reason]));
    expect(Object.keys(reasons).sort()).toEqual(
      [failed, running, badRate, noJournal, 'feedfeedfeedfeed', 'nonsense'].sort(),
    );
    expect(reasons[failed]).toBe('failed: the loss is not finite at step 7');
    expect(reasons[running]).toBe('not finished: at step 12 of 20');
    expect(reasons[badRate]).toContain('spec.learningRate.encoder is not a positive number');
    expect(reasons[noJournal]).toBe('no metrics.jsonl');
    expect(reasons['feedfeedfeedfeed']).toBe('no run.json');
    expect(reasons['nonsense']).toContain('run.json cannot be used');
  });

  test('of equal specifications the one that would be trained now, whenever the other finished', async () => {
    const current = spec(1);
    const { files, said } = usedCode(current, tasksOf(current));
    const code = { version: '1.0.0', method: methodVersion, commit: null, dirty: false, lockfile: '', files, said };
    const known = {
      data: { task: current.task, identity: dataIdentity(current, (task) => setIdentity(task)) },
      weights: weightIdentities(current),
    };
    const kept = writeSyntheticRun(folder, current, options, { ...known, code });
    const changed = 'src/balance/schedulers/constant.ts';
    const stale = writeSyntheticRun(folder, current, options, {
      ...known,
      code: { ...code, version: '2.0.0', said: { ...said, [changed]: 'another hash' } },
      times: { started: '', finished: '2026-02-01T00:00:00Z', trainSeconds: 1, evaluateSeconds: 1, secondsPerStep: 1 },
    });
    const { runs, ignored } = await open();
    expect(runs.map((run) => run.id)).toEqual([kept]);
    expect(ignored).toEqual([
      { id: stale, reason: `same specification as ${kept}, since ${changed} changed after this one` },
    ]);
    expect(staleNotice(readRuns(folder).runs.map(({ file }) => file))).toBeNull();
    rmSync(join(folder, kept), { recursive: true });
    expect(staleNotice(readRuns(folder).runs.map(({ file }) => file))).toBe(
      `1 of 1 finished runs are not what they would be now: ${changed} changed (1); equipoise clean stale lists them`,
    );
  });

  test('of equal specifications the one that finished last', async () => {
    const code = { version: '1.0.0', commit: null, dirty: false, lockfile: '' };
    const times = (finished: string) => ({
      started: '',
      finished,
      trainSeconds: 1,
      evaluateSeconds: 1,
      secondsPerStep: 1,
    });
    const old = writeSyntheticRun(folder, spec(0), options, { code, times: times('2026-01-01T00:00:00Z') });
    const young = writeSyntheticRun(folder, spec(0), options, {
      code: { ...code, version: '2.0.0' },
      times: times('2026-02-01T00:00:00Z'),
    });
    const { runs, ignored } = await open();
    expect(runs.map((run) => run.id)).toEqual([young]);
    expect(ignored).toEqual([{ id: old, reason: `same specification as ${young}, which finished later` }]);
  });

  test('only those asked for', async () => {
    const [first, second] = [writeSyntheticRun(folder, spec(0), options), writeSyntheticRun(folder, spec(1), options)];
    const { runs, ignored } = await open([second]);
    expect(runs.map((run) => run.id)).toEqual([second]);
    expect(ignored).toEqual([{ id: first, reason: 'not among the runs asked for' }]);
  });

  test('an empty experiment has none, an absent one is an error for people', async () => {
    expect((await open()).runs).toEqual([]);
    await expect(openJournals(join(folder, 'absent'))).rejects.toThrow(/no such folder/);
  });
});

describe('journals', () => {
  test('a torn last line is cut and told', async () => {
    const id = writeSyntheticRun(folder, spec(0), options);
    const path = join(folder, id, 'metrics.jsonl');
    const text = readFileSync(path, 'utf8');
    const lastLine = text.trimEnd().split('\n').at(-1)!;
    truncateSync(path, Buffer.byteLength(text) - Math.floor(lastLine.length / 2));
    const { runs, notices, trained } = await open();
    expect(runs).toHaveLength(1);
    expect(trained).toBe(20);
    expect(notices).toEqual([`${id}: the last line of metrics.jsonl is torn; it was cut`]);
  });

  test('a whole last line without its line end is kept', async () => {
    const id = writeSyntheticRun(folder, spec(0), options, {}, (text) => text.trimEnd());
    const { runs, notices } = await open();
    expect([runs.map((run) => run.id), notices]).toEqual([[id], []]);
  });

  test('an unreadable line in the middle, or a repeated step, sets the run aside', async () => {
    const broken = writeSyntheticRun(folder, spec(0), options, {}, (text) =>
      text.replace('{"kind":"train","step":7,', '{"kind":"train","st'),
    );
    const twice = writeSyntheticRun(folder, spec(1), options);
    appendFileSync(join(folder, twice, 'metrics.jsonl'), `${JSON.stringify(syntheticRecords(spec(1), options)[0])}\n`);
    const { runs, ignored } = await open();
    expect(runs).toEqual([]);
    const reasons = new Map(ignored.map(({ id, reason }) => [id, reason]));
    expect(reasons.get(broken)).toBe('metrics.jsonl has 1 unreadable line');
    expect(reasons.get(twice)).toBe('metrics.jsonl has 1 train records more than steps');
  });

  test('a run from before a field came to be stands beside those that say its default', async () => {
    writeSyntheticRun(folder, spec(0), options);
    writeSyntheticRun(folder, spec(1, { instructions: 'one' }), options);
    writeSyntheticRun(folder, spec(2, { instructions: 'several' }), options);
    const journals = await openJournals(folder);
    journals.close();
    expect(journals.runs.map((run) => `${run.seed} ${run.panel}`).sort()).toEqual([
      '0 emoji-icon-qa · instructions=one',
      '1 emoji-icon-qa · instructions=one',
      '2 emoji-icon-qa · instructions=several',
    ]);
  });

  test('a loss that is not finite is left out and told', async () => {
    const id = writeSyntheticRun(folder, spec(0), options, {}, (text) =>
      text.replace(/("step":3,"loss":)[\d.]+/, '$1null'),
    );
    const { notices, trained } = await open();
    expect(trained).toBe(19);
    expect(notices).toEqual([`${id}: 1 records without a finite loss or kappa; they are left out`]);
  });
});

test('a set whose answers are free has no accuracy by choice: 0 of 0 is none', async () => {
  const none = { correct: 0, total: 0, accuracy: 0 };
  const free = (record: JournalRecord): JournalRecord =>
    record.kind === 'evaluate' ? { ...record, choice: none, choiceByKind: { open: none } } : record;
  const id = writeSyntheticRun(folder, spec(0), options, {}, (text) =>
    text.replace(/.+/g, (line) => JSON.stringify(free(JSON.parse(line) as JournalRecord))),
  );
  const journals = await openJournals(folder);
  const of = (table: string) => journals.rows(`select distinct id, choice from ${table}`);
  for (const table of ['evaluate', 'final', 'kinds']) expect(await of(table), table).toEqual([{ id, choice: null }]);
  const [final] = await journals.rows<{ generation: number }>('select generation from final');
  expect(final!.generation).toBeGreaterThan(0);
  journals.close();
});

describe('labels', () => {
  const rates = (encoder: number, backbone: number) => ({ learningRate: { encoder, backbone } });
  const settings = (...pairs: [number, number][]) =>
    labelRuns(pairs.map(([encoder, backbone], seed) => spec(seed, rates(encoder, backbone)))).map(
      (label) => label.setting,
    );

  test('settings say the true rates, whichever other runs there are', () => {
    expect(
      settings([3e-4, 3e-4], [3e-4, 3e-3], [3e-3, 3e-4], [3e-3, 3e-5], [3e-3, 3e-3], [3e-4, 1e-3], [1e-4, 1e-4]),
    ).toEqual([
      'equal rates',
      'backbone ×10',
      'encoder ×10',
      'encoder 3e-3, backbone 3e-5',
      'equal rates 3e-3',
      'backbone ×3.33',
      'equal rates 1e-4',
    ]);
    // A tenfold rate that all runs share is no less tenfold.
    expect(settings([3e-4, 3e-3], [3e-4, 3e-3])).toEqual(['backbone ×10', 'backbone ×10']);
    expect(settings([3e-4, 1.5e-4])).toEqual(['backbone ×0.5']);
    // The rate of a part is no other setting of the two modules, and asks for no more digits.
    const apart = [{}, { tower: 3e-5 }].map((part) => ({ learningRate: { encoder: 3e-4, backbone: 3e-3, ...part } }));
    expect(labelRuns(apart.map((change) => spec(0, change))).map(({ setting }) => setting)).toEqual([
      'backbone ×10',
      'backbone ×10',
    ]);
  });
  test('an option that is not the default is named, even where all runs share it', () => {
    const method = (scheduler: RunSpec['scheduler']) => spec(0, { scheduler });
    const of = (...schedulers: RunSpec['scheduler'][]) =>
      labelRuns(schedulers.map(method)).map((label) => label.method);
    expect(of(schedulerOf({ kind: 'commit-clr', exponent: 0.07 }))).toEqual(['commit-clr (exponent=0.07)']);
    expect(of(schedulerOf({ kind: 'commit-clr' }), { kind: 'constant' })).toEqual(['commit-clr', 'constant']);
    const strong = spec(0, {
      scheduler: schedulerOf({ kind: 'commit' }),
      regulariser: regulariserOf({ kind: 'commit', lambda: 0.3 }),
    });
    expect(labelRuns([strong])[0]!.method).toBe('commit (lambda=0.3)');
  });
  test('options make methods of their own only where they differ', () => {
    const method = (scheduler: RunSpec['scheduler']) => spec(0, { scheduler });
    expect(
      labelRuns([method({ kind: 'constant' }), method(schedulerOf({ kind: 'commit-clr', rule: 'lagging' }))]).map(
        (label) => label.method,
      ),
    ).toEqual(['constant', 'commit-clr (rule=lagging)']);
    expect(
      labelRuns(
        (['symmetric', 'lagging'] as const).map((rule) => method(schedulerOf({ kind: 'commit-clr', rule }))),
      ).map((label) => label.method),
    ).toEqual(['commit-clr', 'commit-clr (rule=lagging)']);
  });
  test('a kind speaks for the options that follow from it, and having no regulariser goes without saying', () => {
    const panels = (...changes: Partial<RunSpec>[]) =>
      labelRuns(changes.map((change) => spec(0, change))).map((label) => label.panel);
    expect(
      panels(
        { connector: connectorOf({ kind: 'mlp' }) },
        { connector: { kind: 'pixel-shuffle', factor: 2, width: 512 } },
      ),
    ).toEqual(['emoji-icon-qa · connector mlp', 'emoji-icon-qa · connector pixel-shuffle']);
    expect(
      panels(
        { optimiser: optimiserOf({ kind: 'adamw', weightDecay: 0 }) },
        { optimiser: optimiserOf({ kind: 'adamw', weightDecay: 0.1 }) },
        { optimiser: optimiserOf({ kind: 'sgd', momentum: 0.9 }) },
      ),
    ).toEqual([
      'emoji-icon-qa · optimiser adamw · weightDecay=0',
      'emoji-icon-qa · optimiser adamw · weightDecay=0.1',
      'emoji-icon-qa · optimiser sgd · weightDecay=0',
    ]);
    // A number of tokens by rule stands in no run: beside a run that names one it is the default.
    expect(
      panels({ connector: connectorOf({ kind: 'mlp' }) }, { connector: connectorOf({ kind: 'mlp', tokens: 4 }) }),
    ).toEqual(['emoji-icon-qa · connector.tokens=default', 'emoji-icon-qa · connector.tokens=4']);
    const weights = [0.1, 0.3].map((lambda) => spec(0, { regulariser: regulariserOf({ kind: 'commit', lambda }) }));
    expect(labelRuns([spec(0, { regulariser: { kind: 'none' } }), ...weights]).map((label) => label.method)).toEqual([
      'constant',
      'constant (regulariser commit, lambda=0.1)',
      'constant (regulariser commit, lambda=0.3)',
    ]);
  });
  test('every run of the manifests of the paper has labels and a seed of its own', () => {
    const paper = join(projectRoot, 'experiments', 'paper');
    for (const name of notEmpty(readdirSync(paper))) {
      const specs = expand(loadManifest(join(paper, name)));
      const said = labelRuns(specs).map((label, i) => JSON.stringify([label, specs[i]!.seed]));
      expect([name, new Set(said).size]).toEqual([name, specs.length]);
    }
  });
  test('another encoder or another length is another panel; what follows from the method is not', () => {
    expect(labelRuns([spec(0), spec(0, { encoder: 'mobilenet' })]).map((label) => label.panel)).toEqual([
      'emoji-icon-qa · resnet50',
      'emoji-icon-qa · mobilenet',
    ]);
    expect(labelRuns([spec(0), spec(0, { duration: { steps: 40 } })]).map((label) => label.panel)).toEqual([
      'emoji-icon-qa · duration.steps=20',
      'emoji-icon-qa · duration.steps=40',
    ]);
    const slow = spec(0, { scheduler: schedulerOf({ kind: 'language-cd' }), warmup: 30 });
    expect(labelRuns([spec(0), spec(1), slow]).map((label) => label.panel)).toEqual(Array(3).fill('emoji-icon-qa'));
  });
  test('equal rates: the default ones, else the smallest, else none', () => {
    expect(equalSettingOf(['backbone ×10', 'equal rates 1e-4', 'equal rates'])).toBe('equal rates');
    expect(equalSettingOf(['equal rates 1e-3', 'equal rates 3e-4', 'encoder ×10'])).toBe('equal rates 3e-4');
    expect(equalSettingOf(['backbone ×10', 'encoder ×10'])).toBeNull();
  });
  test('house order', () => {
    expect(orderMethods(['zebra', 'commit', 'commit-clr (rule=b)', 'constant', 'commit-clr (rule=a)'])).toEqual([
      'constant',
      'commit-clr (rule=a)',
      'commit-clr (rule=b)',
      'commit',
      'zebra',
    ]);
    expect(
      orderMethods(['constant (probe=12)', 'constant (probe=4)', 'constant', 'constant (probe=4, every=10)']),
    ).toEqual(['constant', 'constant (probe=4)', 'constant (probe=4, every=10)', 'constant (probe=12)']);
    expect(
      orderSettings([
        'encoder 1e-3, backbone 1e-4',
        'encoder ×10',
        'equal rates 1e-3',
        'backbone ×10',
        'equal rates 1e-4',
        'backbone ×0.1',
        'equal rates',
      ]),
    ).toEqual([
      'equal rates',
      'equal rates 1e-4',
      'equal rates 1e-3',
      'backbone ×0.1',
      'backbone ×10',
      'encoder ×10',
      'encoder 1e-3, backbone 1e-4',
    ]);
  });
});
