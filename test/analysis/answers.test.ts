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
  // Of each kind two questions: `name` is always answered `b`, `count` once `a` and once `b`.
  const answers = predictionsOf('emoji-icon-qa', 4, (place) => place % 2 === 0 || place === 1);
  // A kind whose questions have choices of their own, and the questions of another task, say nothing.
  const own = predictionsOf('emoji-icon-qa', 2, () => true).map((each, i) => ({
    ...each,
    kind: 'own',
    choices: ['b', `c${i}`],
  }));
  const other = predictionsOf('sound-qa', 4, () => true);
  writeFileSync(path, predictionLines([...answers, ...own, ...other]));
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
    // Seed 1: two answers; seed 2, which erred at a name: one.
    ['count', 'commit-clr', '2', '1', '2', '0.75', '1.5'],
    ['name', 'constant', '2', '1', '1', '1', '1'],
    // Seed 1: one answer; seed 2: two.
    ['name', 'commit-clr', '2', '1', '2', '0.75', '1.5'],
  ]);
  expect(readFileSync(join(out(), 'answers.md'), 'utf8')).toContain('| name | 2 | 1.00 | 1.00 of 1 | 0.75 [');
});

test('kept runs have the table with answers alone, the same to the byte', async () => {
  await make(small.experiment);
  const first = shown();
  const without = await keepRuns(small.experiment, join(small.folder, 'without', 'small'));
  const kept = await keepRuns(small.experiment, join(small.folder, 'with', 'small'), { answers: true });
  expect(kept.bytes).toBeGreaterThan(without.bytes);
  expect([without.answers, kept.answers]).toEqual([0, 3]);
  expect((await make(join(small.folder, 'without', 'small'))).skipped.map(({ table }) => table)).toEqual(['answers']);
  await make(join(small.folder, 'with', 'small'));
  expect(shown()).toBe(first);
});

test('damaged answers are refused, by file and line', async () => {
  const path = join(small.experiment, runOf('commit-clr', 2), 'predictions.jsonl');
  const before = readFileSync(path, 'utf8');
  writeFileSync(path, `${before}{"id":`);
  const made = make(small.experiment).finally(() => writeFileSync(path, before));
  await expect(made).rejects.toSatisfy(
    (error) => error instanceof UserError && /predictions\.jsonl:5.*is no prediction/s.test(error.message),
  );
});
