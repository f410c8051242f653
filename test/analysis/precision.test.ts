/** Table precision: differences that are put into made-up journals come out, and pairs are found by everything else. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openJournals } from '../../analysis/aggregate';
import { precision } from '../../analysis/tables/precision';
import type { JsonObject } from '../../src/json';
import { syntheticSpec, writeSyntheticRun } from '../../testing/syntheticJournals';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'equipoise-precision-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** The journal with `by` more in every log kappa, and with nonsense in those of the first steps. */
const shifted = (by: number) => (text: string) =>
  text
    .trimEnd()
    .split('\n')
    .map((line) => {
      const record = JSON.parse(line) as JsonObject;
      if (record['kind'] !== 'measure') return line;
      const logKappa = (record['step'] as number) < 5 ? 99 : (record['logKappa'] as number) + by;
      return JSON.stringify({ ...record, logKappa, kappa: Math.exp(logKappa) });
    })
    .join('\n') + '\n';

test('pairs runs by everything but the precision, and says whether their kappas are alike', async () => {
  const cells = [
    ['equal rates', [0.01, 0.02, 0.03]],
    ['backbone', [0.1, 0.2, -0.3]],
  ] as const;
  for (const [setting, differences] of cells)
    differences.forEach((by, seed) => {
      const spec = syntheticSpec('emoji-icon-qa', 'constant', setting, seed, 40);
      const options = { steps: 40, every: 2, validateEvery: 0 };
      writeSyntheticRun(folder, spec, options, {}, shifted(0));
      writeSyntheticRun(folder, { ...spec, precision: 'bfloat16' }, options, {}, shifted(by));
    });
  // A run without its other half is none.
  writeSyntheticRun(folder, syntheticSpec('emoji-icon-qa', 'commit', 'equal rates', 1, 40), { steps: 40 });
  const journals = await openJournals(folder);
  const rows = await precision.select(journals);
  journals.close();
  expect(rows.map(({ setting, method, n, alike }) => [setting, method, n, alike])).toEqual([
    ['equal rates', 'constant', 3, 'yes'],
    ['backbone ×10', 'constant', 3, 'not shown'],
  ]);
  // Student's t with two degrees of freedom at 95 %: 2.919986; the standard deviation is .01.
  const half = (2.919986 * 0.01) / Math.sqrt(3);
  expect(rows[0]!.difference).toBeCloseTo(0.02, 9);
  expect(rows[0]!.low).toBeCloseTo(0.02 - half, 7);
  expect(rows[0]!.high).toBeCloseTo(0.02 + half, 7);
  expect(rows[1]!.difference).toBeCloseTo(0, 9);
});
