/**
 * The numbers of an experiment for other programs, read back without Python: Parquet by DuckDB, CSV by csv-parse, event files by
 * their bytes. Other programs themselves: exportTools.test.ts.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'csv-parse/sync';
import { afterAll, beforeAll, describe, expect, it, test } from 'vitest';
import { literalPath, openDatabase } from '../../analysis/database';
import { exportMetrics } from '../../analysis/export';
import { exportPage } from '../../analysis/export/page';
import { factColumns, metricColumns, metricNames, predictionColumns, runColumns } from '../../analysis/export/columns';
import { fileHead, record, scalars, sessionEnd, sessionStart } from '../../analysis/export/eventFile';
import { eventFolders } from '../../analysis/export/tensorboard';
import { namedValues } from '../../analysis/export/tidy';
import type { Run } from '../../analysis/aggregate';
import { projectRoot } from '../../src/files';
import type { EvaluateRecord, JournalRecord } from '../../src/train/records';
import { define as metrics } from '../../src/cli/export/metrics';
import { commandOutput } from '../../testing/commandOutput';
import { prompt, smallExperiment, type SmallExperiment } from '../../testing/exportedRuns';
import { expectEvery, notEmpty } from '../../testing/lists';

let small: SmallExperiment;
beforeAll(() => {
  small = smallExperiment();
});
afterAll(() => small.remove());

const journalOf = (id: string): JournalRecord[] =>
  readFileSync(join(small.experiment, id, 'metrics.jsonl'), 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as JournalRecord);

/** Rows of a Parquet file as DuckDB reads it. */
async function parquet(file: string, select = '*', where = 'true'): Promise<Record<string, unknown>[]> {
  const { connection, close } = await openDatabase();
  try {
    return (
      await connection.runAndReadAll(`select ${select} from read_parquet(${literalPath(file)}) where ${where}`)
    ).getRowObjectsJson();
  } finally {
    close();
  }
}

describe('tables', () => {
  test('Parquet holds every run, number and answer, and says what its columns are', async () => {
    const out = join(small.folder, 'parquet');
    const made = await exportMetrics(small.experiment, { format: 'parquet', out });
    expect(made).toMatchObject({
      experiment: 'small',
      runs: 4,
      ignored: [{ reason: 'not finished: at step 10 of 20' }],
    });
    expect(made.notices).toEqual(['1 of 4 runs kept no answers (predictions.jsonl)']);
    const runs = await parquet(join(out, 'runs.parquet'));
    expect(runs.map(({ run }) => run)).toEqual([...small.runs.keys()].sort());
    for (const row of notEmpty(runs)) {
      const { scheduler, seed } = small.runs.get(String(row['run']))!;
      const final = journalOf(String(row['run'])).at(-1) as EvaluateRecord;
      expect(row).toMatchObject({
        method: scheduler,
        setting: 'equal rates',
        'scheduler.kind': scheduler,
        seed: String(seed),
        'learningRate.encoder': 3e-4,
        accuracy: final.choice.accuracy,
        'evaluation/choiceByKind/count/accuracy': final.choiceByKind['count']!.accuracy,
        'code.dirty': false,
      });
    }
    const [id] = [...small.runs.keys()];
    const values = await parquet(join(out, 'metrics.parquet'), 'step, name, value');
    const own = await parquet(join(out, 'metrics.parquet'), 'step, value', `run = '${id}' and name = 'measure/kappa'`);
    expect(values.length).toBe([...small.runs.keys()].flatMap((each) => journalOf(each).flatMap(namedValues)).length);
    expect(own).toEqual(
      journalOf(id!).flatMap((each) =>
        each.kind === 'measure' ? [{ step: String(each.step), value: each.kappa }] : [],
      ),
    );
    const answers = await parquet(join(out, 'predictions.parquet'));
    expect(answers).toHaveLength(12);
    expect(answers[1]).toMatchObject({
      id: 'q-1',
      question: prompt,
      answer: 'a',
      references: ['a'],
      choices: ['a', 'b'],
      generated: null,
    });
    expect(
      readFileSync(join(small.folder, 'cache', String(answers[1]!['media'])))
        .subarray(1, 4)
        .toString(),
    ).toBe('PNG');
    const wrong = answers.filter(({ correct }) => correct === false);
    expect(wrong.map(({ run, id: question }) => [small.runs.get(String(run))!.seed, question]).sort()).toEqual([
      [1, 'q-1'],
      [1, 'q-1'],
      [2, 'q-2'],
    ]);
    const described = JSON.parse(readFileSync(join(out, 'datapackage.json'), 'utf8')) as {
      resources: { name: string; schema: { fields: { name: string; description: string }[] } }[];
    };
    for (const [name, rows] of Object.entries({ runs, predictions: answers }))
      expect(described.resources.find((each) => each.name === name)!.schema.fields.map((field) => field.name)).toEqual(
        Object.keys(rows[0]!),
      );
    const again = join(small.folder, 'again');
    await exportMetrics(small.experiment, { format: 'parquet', out: again });
    for (const file of notEmpty(readdirSync(out)))
      expect(readFileSync(join(again, file)).equals(readFileSync(join(out, file)))).toBe(true);
  });

  test('CSV holds the same, lists as JSON', async () => {
    const out = join(small.folder, 'csv');
    await exportMetrics(small.experiment, { format: 'csv', out });
    const rows = (name: string) =>
      parse(readFileSync(join(out, name), 'utf8'), { columns: true }) as Record<string, string>[];
    expect(rows('runs.csv').map(({ run }) => run)).toEqual([...small.runs.keys()].sort());
    const [answer] = rows('predictions.csv');
    expect(answer).toMatchObject({ question: prompt, chosen: 'a', correct: 'true', loss: '1.0' });
    expect(JSON.parse(answer!['choices']!)).toEqual(['a', 'b']);
    expect(JSON.parse(answer!['likelihoods']!)).toEqual([Math.log(0.6), Math.log(0.2)]);
    const losses = rows('metrics.csv').filter(({ name, run }) => name === 'train/loss' && run === answer!['run']);
    expect(losses.map(({ value }) => Number(value))).toEqual(
      journalOf(answer!['run']!).flatMap((each) => (each.kind === 'train' ? [each.loss] : [])),
    );
  });

  test('an accuracy of no question is none; a task beside the own one is apart; notices hold no numbers', () => {
    const none = { correct: 0, total: 0, accuracy: 0 };
    const some = { correct: 1, total: 2, accuracy: 0.5 };
    const evaluated: EvaluateRecord = {
      kind: 'evaluate',
      step: 3,
      split: 'evaluation',
      task: 'daquar',
      loss: 2,
      choice: none,
      choiceByKind: {},
      choiceBySlice: {},
      generation: some,
      texts: { ciderD: { value: 4, total: 2 } },
    };
    expect(namedValues(evaluated)).toEqual(
      Object.entries({
        loss: 2,
        'choice/correct': 0,
        'choice/total': 0,
        'generation/correct': 1,
        'generation/total': 2,
        'generation/accuracy': 0.5,
        'texts/ciderD/value': 4,
        'texts/ciderD/total': 2,
      }).map(([name, value]) => ({ name: `transfer/daquar/${name}`, value })),
    );
    expect(namedValues({ kind: 'notice', step: 1, message: 'x' })).toEqual([]);
  });

  test('the page names every column and every value, and is made of the list (vitest --update writes it)', async () => {
    const page = exportPage();
    await expect(page).toMatchFileSnapshot(join(projectRoot, 'docs', 'exports.md'));
    expectEvery([...runColumns, ...factColumns, ...metricColumns, ...predictionColumns], ({ name }) =>
      page.includes(`| \`${name}\` |`),
    );
    const forms = metricNames
      .flatMap(({ names }) => names)
      .map(
        (name) =>
          new RegExp(
            `^${name
              .replace('{module}', '(encoder|backbone)')
              .replace('{part}', '(tower|connector)')
              .replace('{split}', '(validation|evaluation)')
              .replace(/<\w+>/, '.+')
              .replace(/(accuracy|value)$/, '(accuracy|value|correct|total)')}$`,
          ),
      );
    const names = new Set(
      [...small.runs.keys()].flatMap((id) => journalOf(id).flatMap(namedValues)).map(({ name }) => name),
    );
    expectEvery(names, (name) => forms.some((form) => form.test(name)));
  });
});

describe('event files', () => {
  /** Written by RecordWriter and the messages of TensorBoard 2.21. */
  const theirs = {
    head: 'GAAAAAAAAACjf0siCQAAEED8VNlBGg1icmFpbi5FdmVudDoyM40v6Q==',
    scalars: 'NwAAAAAAAADn6MpZCQAAYED8VNlBEKwCKikKEQoKdHJhaW4vbG9zcxXNzMw9ChQKDW1lYXN1cmUva2FwcGEVnOSmTQG+C78=',
    number:
      'aAAAAAAAAAD+nHrUCQAAEED8VNlBKl0KWwocX2hwYXJhbXNfL3Nlc3Npb25fc3RhcnRfaW5mb0IGCAESAhIASjMKMQoHaHBhcmFtcxImGiQKEQoEc2VlZBIJEQAAAAAAAAhAIgZhIMK3IGIpAAAQQPxU2UGbVoCb',
    text: 'cwAAAAAAAAANc3zICQAAEED8VNlBKmgKZgocX2hwYXJhbXNfL3Nlc3Npb25fc3RhcnRfaW5mb0IGCAESAhIASj4KPAoHaHBhcmFtcxIxGi8KHAoGbWV0aG9kEhIaEGNvbW1pdC1jbHIgKMOXMikiBmEgwrcgYikAABBA/FTZQWYMbq8=',
    flag: 'YAAAAAAAAAAoIcbaCQAAEED8VNlBKlUKUwocX2hwYXJhbXNfL3Nlc3Npb25fc3RhcnRfaW5mb0IGCAESAhIASisKKQoHaHBhcmFtcxIeGhwKCQoDb3duEgIgASIGYSDCtyBiKQAAEED8VNlBcMZvtQ==',
    end: 'TQAAAAAAAAA9Y9SmCQAAgED8VNlBKkIKQAoaX2hwYXJhbXNfL3Nlc3Npb25fZW5kX2luZm9CBggBEgISAEoaChgKB2hwYXJhbXMSDSILCAERAACAQPxU2UGY9BFj',
  };
  const seconds = 1700000000.25;
  const group = 'a · b';
  it.each<[keyof typeof theirs, Buffer]>([
    ['head', fileHead(seconds)],
    [
      'scalars',
      scalars(1700000001.5, 300, [
        { name: 'train/loss', value: 0.1 },
        { name: 'measure/kappa', value: 3.5e8 },
      ]),
    ],
    ['number', sessionStart(seconds, group, [['seed', 3]])],
    ['text', sessionStart(seconds, group, [['method', 'commit-clr (×2)']])],
    ['flag', sessionStart(seconds, group, [['own', true]])],
    ['end', sessionEnd(1700000002)],
  ])('%s has the bytes that TensorBoard writes', (name, ours) => {
    expect(ours.toString('base64')).toBe(theirs[name]);
  });

  test('crc32c is that of RFC 3720, rotated and moved as TFRecord keeps it', () => {
    // 32 bytes of zeros have the crc 0x8a9136aa (RFC 3720, B.4).
    const crc = 0x8a9136aa;
    expect(record(Buffer.alloc(32)).readUInt32LE(44)).toBe((((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0);
  });

  test('a folder a run, which nothing leads out of and no other run shares', () => {
    const run = (id: string, panel: string, method: string): Run =>
      ({ id, panel, method, setting: 'backbone ×10', seed: 1 }) as Run;
    expect(eventFolders([run('a', 'q · x', 'm (a/b)'), run('b', 'q · x', 'M (a|b)'), run('c', '..', '')])).toEqual([
      'q · x/m (a-b)/backbone x10/seed-1',
      'q · x/M (a-b)/backbone x10/seed-1-b',
      '_/_/backbone x10/seed-1',
    ]);
  });

  test('every run has a file whose records all hold', async () => {
    const out = join(small.folder, 'events');
    await exportMetrics(small.experiment, { format: 'tensorboard', out });
    const files = readdirSync(out, { recursive: true, encoding: 'utf8' }).filter((name) => name.includes('tfevents'));
    expect(files).toHaveLength(4);
    for (const file of notEmpty(files)) {
      const bytes = readFileSync(join(out, file));
      let records = 0;
      for (let at = 0; at < bytes.length; records++) {
        const length = Number(bytes.readBigUInt64LE(at));
        const whole = bytes.subarray(at, at + 16 + length);
        expect(record(whole.subarray(12, 12 + length)).equals(whole)).toBe(true);
        at += whole.length;
      }
      // Head, settings, 20 steps, 4 measures, 2 validations, the final evaluation, the end.
      expect(records).toBe(2 + 20 + 4 + 2 + 1 + 1);
    }
  });
});

describe('the command', () => {
  const run = (...args: string[]) => commandOutput({ metrics }, 'export', 'metrics', small.experiment, ...args);

  test('says what it wrote and what it left out', async () => {
    const out = join(small.folder, 'told');
    const told = await run(out);
    expect(told.out).toContain('small: 4 runs in ');
    expect(told.out).toMatch(/metrics\.parquet: \d+ rows\n {2}predictions\.parquet: 12 rows/);
    expect(told.err).toMatch(/is left out: not finished/);
    await expect(run(out)).rejects.toThrow(/is there already and not empty/);
  });

  test.each([
    [[], /no folder is named/],
    [['out', '--format', 'mlflow'], /none is written; name the server with --to/],
    [['out', '--to', 'http://127.0.0.1:1'], /nothing for --format parquet/],
    [['--format', 'mlflow', '--to', 'sqlite:///x.db'], /expected the address of a tracking server/],
  ])('refuses %j', async (args, words) => {
    await expect(run(...args)).rejects.toThrow(words);
  });
});
