/**
 * The transfer matrix: own task on the diagonal, tasks that a run was only evaluated on beside it; and they never enter
 * the other figures.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { transferMatrix } from '../../analysis/figures/transferMatrix';
import { makeFigures, makeTables } from '../../analysis/index';
import { houseRoom } from '../../analysis/style';
import type { EvaluateRecord } from '../../src/train/records';
import { syntheticSpec, writeSyntheticRun } from '../../testing/syntheticJournals';

const options = { steps: 20, validateEvery: 0 };
let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'equipoise-transfer-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test('transfer-matrix: mean over seeds of each pair of tasks', async () => {
  const tasks = ['emoji-icon-qa', 'pic-know-qa'];
  for (const [t, task] of tasks.entries()) {
    for (const seed of [1, 2]) {
      const other: EvaluateRecord = {
        kind: 'evaluate',
        step: 20,
        split: 'evaluation',
        task: tasks[1 - t]!,
        loss: 3,
        choice: { correct: 10 * seed + t, total: 100, accuracy: (10 * seed + t) / 100 },
        choiceByKind: {},
        choiceBySlice: {},
      };
      const spec = syntheticSpec(task, 'constant', 'equal rates', seed, 20);
      writeSyntheticRun(
        join(folder, 'transfer'),
        { ...spec, evaluate: { ...spec.evaluate, transfer: [tasks[1 - t]!] } },
        options,
        {},
        (text) => {
          const lines = text.trimEnd().split('\n');
          return `${[...lines.slice(0, -1), JSON.stringify(other), lines.at(-1)!].join('\n')}\n`;
        },
      );
    }
  }
  expect(
    (await makeFigures(join(folder, 'transfer'), join(folder, 'out'), { only: ['transfer-matrix'] })).skipped,
  ).toEqual([]);
  const rows = readFileSync(join(folder, 'out', 'transfer-matrix.csv'), 'utf8')
    .trimEnd()
    .split('\n')
    .slice(1)
    .map((line) => line.split(','));
  expect(rows.map(([method, trained, evaluated, , , , n]) => [method, trained, evaluated, n])).toEqual(
    tasks.flatMap((trained) => tasks.map((evaluated) => ['constant', trained, evaluated, '2'])),
  );
  expect(rows.find(([, trained, evaluated]) => trained === tasks[0] && evaluated === tasks[1])![3]).toBe('0.15');
  expect(rows.find(([, trained, evaluated]) => trained === tasks[1] && evaluated === tasks[0])![3]).toBe('0.16');
  // pictures and sounds never meet: a panel for each block and method, with its own tasks only
  const spec = JSON.parse(readFileSync(join(folder, 'out', 'transfer-matrix.vl.json'), 'utf8')) as {
    concat: { layer: { encoding: { x: { scale: { domain: string[] } } } }[] }[];
  };
  expect(spec.concat.map((panel) => panel.layer[0]!.encoding.x.scale.domain)).toEqual([tasks]);
  const row = (trained: string, evaluated: string) => ({
    method: 'constant',
    trained,
    evaluated,
    accuracy: 0.5,
    low: null,
    high: null,
    n: 1,
  });
  const apart = [
    row('sound-qa', 'scene-cap'),
    row('read-qa', 'read-qa'),
    row('scene-cap', 'scene-cap'),
    row('read-qa', 'pic-know-qa'),
  ];
  const blocks = transferMatrix.build(apart, houseRoom('page')) as unknown as typeof spec;
  expect(blocks.concat.map((panel) => panel.layer[0]!.encoding.x.scale.domain)).toEqual([
    ['pic-know-qa', 'read-qa'],
    ['scene-cap', 'sound-qa'],
  ]);
  // the tables' own accuracy is that of the run's own task
  await makeTables(join(folder, 'transfer'), join(folder, 'out'), { only: ['results'] });
  const results = readFileSync(join(folder, 'out', 'results.csv'), 'utf8');
  expect(results.split('\n').filter((line) => line.includes('constant'))).toHaveLength(2);
  expect(results).not.toMatch(/,0\.15,|,0\.16,/);
});
