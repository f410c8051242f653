/**
 * Evaluations of finished runs afterwards: the run's own numbers again, another task as evaluate.transfer gives it, and
 * answers from what was kept.
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { define } from '../../src/cli/evaluate';
import { setIdentity } from '../../src/data';
import { readSafetensors } from '../../src/models/weights/safetensors';
import { readEvaluation, writeEvaluation, type EvaluationKey } from '../../src/runner/evaluations';
import type { RunSpec } from '../../src/manifest/run';
import { completeSpec } from '../../src/parts/define';
import { useBackend } from '../../src/tensor/backend';
import { optimisers } from '../../src/tensor/optimiserKinds';
import { evaluationRecord } from '../../src/train/evaluate';
import { evaluateTrained, type TrainedParameters } from '../../src/train/evaluateTrained';
import { predictionLines, type StoredPrediction } from '../../src/train/predictions';
import type { Prepared } from '../../src/train/prepare';
import type { EvaluateRecord, JournalRecord } from '../../src/train/records';
import { trainPrepared, type TrainSummary } from '../../src/train/run';
import { methodVersion } from '../../src/version';
import { commandOutput } from '../../testing/commandOutput';
import { withCache } from '../../testing/environment';
import { syntheticSpec, writeSyntheticRun } from '../../testing/syntheticJournals';
import { tinyPrepared, tinySpec } from '../../testing/tinyTask';

const { folder } = withCache('file', () => ({ EQUIPOISE_RESULTS: undefined }));
beforeAll(async () => {
  await useBackend({ name: 'cpu' });
});

const readAll = '(everything)';
const base = {
  task: 'pic-know-qa',
  kind: 'object',
  slice: 'new',
  choices: ['a', 'b'],
  loss: 1,
  labels: 1,
  answer: 'a',
};
const predictions: StoredPrediction[] = [
  { ...base, id: '1', chosen: 'a', likelihoods: [-0.1, -2], generated: 'a' },
  { ...base, id: '2', chosen: 'b', likelihoods: [-3, -1], generated: 'c' },
];

describe('a trained model', () => {
  const spec = tinySpec({ duration: { steps: 8 }, evaluate: { every: 4, limit: 0, validation: 4 } });
  const prepared: Prepared = (() => {
    const own = tinyPrepared(spec);
    return {
      ...own,
      transfer: [
        {
          task: 'other',
          items: [...own.items.validation].reverse(),
          codec: own.codec,
          features: own.features,
          sizes: own.sizes,
          notices: [],
        },
      ],
    };
  })();
  const records: JournalRecord[] = [];
  let summary: TrainSummary;
  let last: TrainedParameters;
  beforeAll(async () => {
    const run = trainPrepared(spec, prepared);
    for (;;) {
      const next = await run.next();
      if (next.done) {
        summary = next.value;
        break;
      }
      records.push(next.value);
    }
    last = parameters(summary.checkpoint, 8);
  });
  function parameters(bytes: Uint8Array, step: number): TrainedParameters {
    const trained: TrainedParameters['trained'] = { encoder: {}, backbone: {} };
    for (const [name, tensor] of Object.entries(readSafetensors(bytes, 'checkpoint').tensors))
      trained[name.startsWith('encoder.') ? 'encoder' : 'backbone'][name.slice(name.indexOf('.') + 1)] = tensor;
    return { step, trained };
  }

  it('gives the numbers and predictions of the run itself, on its own task and on another', async () => {
    const own = await evaluateTrained(spec, prepared, last, spec.task);
    expect(own.record).toEqual(summary.final);
    const other = await evaluateTrained(spec, prepared, last, 'other');
    expect(JSON.stringify(other.record)).toBe(
      JSON.stringify(records.find((record) => record.kind === 'evaluate' && record.task === 'other')),
    );
    expect(predictionLines(other.predictions) + predictionLines(own.predictions)).toBe(summary.predictions);
  });

  it('of a schedule-free run is at its average, as its own was', async () => {
    const averaged: RunSpec = { ...spec, optimiser: completeSpec(optimisers, { kind: 'schedule-free' }) };
    const run = trainPrepared(averaged, prepared);
    let next = await run.next();
    while (!next.done) next = await run.next();
    const own = await evaluateTrained(averaged, prepared, parameters(next.value.checkpoint, 8), spec.task);
    expect(own.record).toEqual(next.value.final);
  });

  it('gives others with other weights', async () => {
    const weights = structuredClone(last);
    for (const tensor of Object.values(weights.trained.encoder)) tensor.data.fill(0);
    expect((await evaluateTrained(spec, prepared, weights, spec.task)).record.loss).not.toBe(summary.final.loss);
  });
});

describe('a kept evaluation', () => {
  const run = { folder: join(folder, 'run') };
  const key: EvaluationKey = {
    identity: 'i'.repeat(64),
    weights: { which: 'last', sha256: 'w' },
    data: { task: 'pic-know-qa', identity: 'd' },
    method: '1',
  };
  let record: EvaluateRecord;
  beforeEach(async () => {
    record = { ...(await evaluationRecord(predictions, 20, 'evaluation')), task: 'pic-know-qa' };
    writeEvaluation(run, key, { backend: 'cpu', device: 'cpu' }, { record, predictions });
  });
  const change = (end: string, from: string, to: string) => {
    for (const name of readdirSync(join(run.folder, 'evaluations')).filter((file) => file.endsWith(end))) {
      const path = join(run.folder, 'evaluations', name);
      writeFileSync(path, readFileSync(path, 'utf8').replace(from, to));
    }
  };

  it('is found for the same run, weights, questions and method, and for nothing else', async () => {
    expect(await readEvaluation(run, key)).toEqual({ found: { record, predictions }, refused: null });
    for (const [other, why] of [
      [{ identity: 'x' }, 'another run'],
      [{ weights: { which: 'last', sha256: 'x' } }, 'other weights'],
      [{ data: { task: 'pic-know-qa', identity: 'x' } }, 'other questions'],
      [{ method: '2' }, 'another method'],
    ] as const) {
      expect(await readEvaluation(run, { ...key, ...other }), why).toMatchObject({
        found: null,
        refused: expect.stringContaining(why) as string,
      });
    }
    expect(await readEvaluation(run, { ...key, weights: { which: 'best', sha256: 'w' } })).toEqual({
      found: null,
      refused: null,
    });
  });

  it.each([
    ['a changed prediction', '.jsonl', '"generated":"c"', '"generated":"a"', 'was changed'],
    ['a changed number', '.json', '"accuracy": 0.5', '"accuracy": 0.75', 'other numbers than its predictions give'],
    ['another format', '.json', 'equipoise-evaluation/1', 'equipoise-evaluation/9', 'equipoise-evaluation/9'],
    ['no JSON', '.json', '{', '', 'cannot be read'],
    ['nothing in it', '.json', readAll, 'null', 'has the format undefined'],
  ])('is not believed with %s', async (_what, end, from, to, why) => {
    const text =
      from === readAll ? readFileSync(join(run.folder, 'evaluations', 'pic-know-qa-last.json'), 'utf8') : from;
    change(end, text, to);
    expect(await readEvaluation(run, key)).toMatchObject({
      found: null,
      refused: expect.stringContaining(why) as string,
    });
  });
});

describe('equipoise evaluate', () => {
  const results = join(folder, 'results');
  const spec = syntheticSpec('emoji-icon-qa', 'constant', 'equal rates', 1, 20);
  const options = { steps: 20, validateEvery: 0 };
  const write = (change: object = {}, file: object = {}) =>
    writeSyntheticRun(join(results, 'made'), { ...spec, ...change }, options, {
      code: { version: '0', method: methodVersion, commit: null, dirty: false, lockfile: '' },
      ...file,
    });
  beforeAll(() => {
    process.env['EQUIPOISE_RESULTS'] = results;
  });
  const evaluate = async (...argv: string[]): Promise<string> => {
    const { out, err } = await commandOutput({ evaluate: define }, 'evaluate', ...argv);
    return out + err;
  };

  it('answers from what was kept, and says so', async () => {
    const id = write();
    const paths = { folder: join(results, 'made', id) };
    const { identity } = JSON.parse(readFileSync(join(paths.folder, 'run.json'), 'utf8')) as { identity: string };
    const record = { ...(await evaluationRecord(predictions, 20, 'evaluation')), task: 'pic-know-qa' };
    writeEvaluation(
      paths,
      {
        identity,
        weights: { which: 'last', sha256: 'none' },
        data: { task: 'pic-know-qa', identity: setIdentity('pic-know-qa') },
        method: methodVersion,
      },
      { backend: 'cpu', device: 'cpu' },
      { record, predictions },
    );
    const said = await evaluate(id.slice(0, 6), '--task', 'pic-know-qa');
    expect(said).toMatch(/object +2 +0\.500 +0\.500/);
    expect(said).toContain('nothing was computed');
    expect(JSON.parse((await evaluate(id, '--task', 'pic-know-qa', '--json')).split('\nfrom ')[0]!)).toMatchObject({
      task: 'pic-know-qa',
      weights: 'last',
      cached: true,
      record: { choice: { accuracy: 0.5 } },
    });
  });

  it.each([
    [
      'a task of the other modality',
      {},
      {},
      ['--task', 'sound-qa'],
      /sound-qa is about audio, task emoji-icon-qa of run \w+ about image/,
    ],
    ['a task that is not there', {}, {}, ['--task', 'nonsense'], /there is no task "nonsense"/],
    [
      'a run of another method',
      {},
      { code: { version: '0', method: '0.1', commit: null, dirty: false, lockfile: '' } },
      [],
      /was trained with method 0.1/,
    ],
    ['a run that is not finished', {}, { status: 'running' }, [], /expected a finished run/],
    [
      'words that a fully trained embedding has not seen',
      { tuning: { backbone: { kind: 'full' } } },
      {},
      ['--task', 'pic-know-qa'],
      /were never trained with it/,
    ],
    ['a run on data of another version', {}, {}, [], /was trained on other data than task emoji-icon-qa has now/],
  ])('refuses %s', async (_what, change, file, argv, why) => {
    await expect(evaluate(write(change, file), ...argv)).rejects.toThrow(why);
  });

  it('refuses a run that is not in the results', async () => {
    await expect(evaluate('ffffffffffffffff')).rejects.toThrow(/is not in the results/);
  });
});
