/** Stored predictions: every metric from them alone, and run.json held to them. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { metricsOf, textMetricOf } from '../../src/data/textMetric';
import { textScores } from '../../src/text/metrics/textScores';
import { define as score } from '../../src/cli/score';
import { evaluationRecord } from '../../src/train/evaluate';
import { predictionLines, readPredictions, type StoredPrediction } from '../../src/train/predictions';
import { toldAccuracy } from '../../src/train/records';
import { commandOutput } from '../../testing/commandOutput';
import { syntheticSpec, writeSyntheticRun } from '../../testing/syntheticJournals';

const ten = ['cat', 'cat', 'cat', 'cat', 'a dog', 'dog', 'bird', 'fox', 'fox', 'owl'];
const base = { slice: 'new', choices: [], chosen: null, likelihoods: [], loss: 2, labels: 2 };
const predictions: StoredPrediction[] = [
  { ...base, id: 'a', task: 'textvqa', kind: 'read', answer: 'cat', references: ten, generated: 'Cat' },
  { ...base, id: 'b', task: 'textvqa', kind: 'read', answer: 'cat', references: ten, generated: 'owl' },
  {
    ...base,
    id: 'c',
    task: 'textvqa',
    kind: 'caption',
    answer: 'rain falls on a roof',
    references: ['rain falls on a roof', 'it rains'],
    generated: 'rain falls on a roof',
  },
  {
    ...base,
    id: 'd',
    task: 'textvqa',
    kind: 'choose',
    slice: 'old',
    answer: 'red',
    choices: ['red', 'blue'],
    chosen: 'blue',
    likelihoods: [-2, -1],
    generated: 'red',
    loss: 1,
    labels: 1,
  },
];

describe('metrics by question', () => {
  it('soft accuracy for several annotators, caption metrics for captions, the exact match alone for one answer', async () => {
    const record = await evaluationRecord(predictions, 7, 'evaluation');
    expect(record.texts!.vqaAccuracy).toEqual({ value: (1 + 0.3) / 2, total: 2 });
    expect(record.texts!.bleu4).toEqual({ value: expect.closeTo(1, 6), total: 1 });
    expect(Object.keys(record.texts!).sort()).toEqual([
      'bleu1',
      'bleu2',
      'bleu3',
      'bleu4',
      'ciderD',
      'meteor',
      'rougeL',
      'vqaAccuracy',
    ]);
    expect(record.choice).toEqual({ correct: 0, total: 1, accuracy: 0 });
    expect(record.generation).toEqual({ correct: 2, total: 4, accuracy: 0.5 }); // `Cat` is no exact match
    expect(record.choiceBySlice).toEqual({ old: { correct: 0, total: 1, accuracy: 0 } });
    expect(record.loss).toBeCloseTo(7 / 7, 12);
  });

  it('a run is told by the accuracy of its choices, or of its answers where no question has choices', async () => {
    const [first, second, third, chosen] = predictions;
    expect(toldAccuracy(await evaluationRecord(predictions, 7, 'evaluation'))).toBe(0);
    expect(toldAccuracy(await evaluationRecord([{ ...chosen!, chosen: 'red' }], 7, 'evaluation'))).toBe(1);
    expect(toldAccuracy(await evaluationRecord([first!, second!, third!], 7, 'evaluation'))).toBeCloseTo(1 / 3, 12);
  });

  it("A-OKVQA's direct answers have their own accuracy", async () => {
    const metricOf = (references: string[]) => textMetricOf(metricsOf('a-okvqa'), 'direct-answer', references);
    const scores = await textScores([
      { metric: metricOf(['car', 'car', 'truck']), references: ['car', 'car', 'truck'], generated: 'car' },
      { metric: metricOf(['car', 'van', 'truck']), references: ['car', 'van', 'truck'], generated: 'Car' },
    ]);
    expect(scores).toEqual({ directAnswerAccuracy: { value: expect.closeTo((2 / 3 + 0) / 2, 12), total: 2 } });
  });
});

describe('the file', () => {
  it('gives back what was written, to the last digit', () => {
    const odd = { ...predictions[3]!, likelihoods: [Math.fround(-0.1), -1e-30], generated: 'a "b"\n\u2028c' };
    expect(readPredictions(predictionLines([odd]), 'here')).toEqual([odd]);
  });
  it.each([
    ['torn', '{"id":"a"'],
    ['incomplete', '{"id":"a"}'],
    ['of another shape', '[]'],
  ])('names the first line that is %s', (_name, line) => {
    expect(() => readPredictions(`${predictionLines(predictions)}${line}\n`, 'predictions.jsonl')).toThrow(
      /predictions.jsonl:5/,
    );
  });
});

describe('equipoise score', () => {
  let folder: string;
  let id: string;
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'equipoise-score-'));
    process.env['EQUIPOISE_RESULTS'] = folder;
    const final = await evaluationRecord(predictions, 20, 'evaluation');
    id = writeSyntheticRun(
      join(folder, 'quick'),
      { ...syntheticSpec('emoji-icon-qa', 'constant', 'equal rates', 1, 20), task: 'textvqa' },
      { steps: 20, validateEvery: 0 },
      { final },
    );
    writeFileSync(join(folder, 'quick', id, 'predictions.jsonl'), predictionLines(predictions));
  });
  afterAll(() => {
    delete process.env['EQUIPOISE_RESULTS'];
    rmSync(folder, { recursive: true, force: true });
  });
  const run = async (...argv: string[]): Promise<string> => (await commandOutput({ score }, 'score', ...argv)).out;

  it('computes every metric again and finds that run.json agrees', async () => {
    expect(await run('quick')).toMatch(new RegExp(`${id}\\s+0.000\\s+0.500\\s+vqaAccuracy 0.650.*agrees`));
    const { runs } = JSON.parse(await run('quick', '--json')) as { runs: [object] };
    expect(runs[0]).toMatchObject({ agrees: true, record: { texts: { ciderD: { total: 1 } } } });
  });

  it('fails when a prediction was changed', async () => {
    const path = join(folder, 'quick', id, 'predictions.jsonl');
    writeFileSync(path, readFileSync(path, 'utf8').replace('"generated":"owl"', '"generated":"cat"'));
    await expect(run('quick')).rejects.toThrow(/other numbers in run.json/);
  });
});
