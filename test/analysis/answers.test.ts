/** The table of answers: what one answer to every question looks like, and that kept runs give it only with answers. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { makeTables } from '../../analysis/index';
import { keepRuns } from '../../analysis/keep';
import { UserError } from '../../src/problems';
import { predictionLines } from '../../src/train/predictions';
import { smallExperiment, type SmallExperiment } from '../../testing/exportedRuns';
import { predictionsOf } from '../../testing/storedSet';

let small: SmallExperiment;
const out = () => join(small.folder, 'out');
const make = (folder: string) => makeTables(folder, out(), { only: ['answers'] });
const shown = () => readFileSync(join(out(), 'answers.csv'), 'utf8');
const runOf = (scheduler: string, seed: number) =>
  [...small.runs].find(([, run]) => run.scheduler === scheduler && run.seed === seed)![0];

beforeAll(() => {
  small = smallExperiment();
  const path = join(small.experiment, runOf('commit-clr', 1), 'predictions.jsonl');
  // Eight questions, four a kind: `name` is always answered `b`, `count` once of four times.
  const answers = predictionsOf('emoji-icon-qa', 8, (place) => place % 2 === 0 || place === 1);
  const other = predictionsOf('sound-qa', 8, () => true);
  writeFileSync(path, predictionLines([...answers, ...other]));
});
afterAll(() => small.remove());

test('the share of the commonest answer by kind and method, over the seeds that kept answers', async () => {
  await make(small.experiment);
  const rows = shown()
    .trimEnd()
    .split('\n')
    .map((line) => line.split(','));
  const columns = ['kind', 'method', 'questions', 'reference', 'n', 'share', 'distinct'].map((name) =>
    rows[0]!.indexOf(name),
  );
  expect(rows.slice(1).map((row) => columns.map((at) => row[at]))).toEqual([
    ['count', 'constant', '2', '1', '1', '0.5', '2'],
    // Seed 1: three of four and two answers; seed 2, which erred at place 2: both alike.
    ['count', 'commit-clr', '4', '1', '2', '0.875', '1.5'],
    ['name', 'constant', '2', '1', '1', '1', '1'],
    // Seed 1: one answer to all four; seed 2: two of two, half each.
    ['name', 'commit-clr', '4', '1', '2', '0.75', '1.5'],
  ]);
  expect(readFileSync(join(out(), 'answers.md'), 'utf8')).toContain('| name | 2 | 1.00 | 1.00 of 1 | 0.75 [');
});

test('kept runs have the table with answers alone, the same to the byte', async () => {
  await make(small.experiment);
  const first = shown();
  const without = await keepRuns(small.experiment, join(small.folder, 'without', 'small'));
  const kept = await keepRuns(small.experiment, join(small.folder, 'with', 'small'), { answers: true });
  expect(kept.bytes).toBeGreaterThan(without.bytes);
  expect((await make(join(small.folder, 'without', 'small'))).skipped.map(({ table }) => table)).toEqual(['answers']);
  await make(join(small.folder, 'with', 'small'));
  expect(shown()).toBe(first);
});

test('damaged answers are refused, by file and line', async () => {
  const path = join(small.experiment, runOf('commit-clr', 2), 'predictions.jsonl');
  const before = readFileSync(path, 'utf8');
  writeFileSync(path, `${before}{"id":`);
  await expect(make(small.experiment)).rejects.toSatisfy(
    (error) => error instanceof UserError && /predictions\.jsonl:5.*is no prediction/s.test(error.message),
  );
  writeFileSync(path, before);
});
