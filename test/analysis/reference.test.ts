/** The committed reference results give the committed figures and tables, byte for byte. */
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { makeFigures, makeTables } from '../../analysis/index';
import { projectRoot } from '../../src/files';
import { withCache } from '../../testing/environment';

const reference = join(projectRoot, 'results', 'reference');
const experiments = readdirSync(reference)
  .filter((name) => existsSync(join(reference, name, 'runs.parquet')))
  .sort();
const { folder } = withCache();

describe('reference results', () => {
  test('are there, and small enough to be fetched with the code', () => {
    expect(experiments).toContain('quickstart');
    expect(
      experiments.reduce((sum, name) => sum + statSync(join(reference, name, 'runs.parquet')).size, 0),
    ).toBeLessThan(30 * 1024 ** 2);
  });

  test.each(experiments)(
    '%s: every committed figure and table comes out again',
    async (name) => {
      const out = join(folder, name);
      await makeFigures(join(reference, name), out);
      await makeTables(join(reference, name), out);
      const committed = readdirSync(join(projectRoot, 'paper-figures', name))
        .filter((file) => file !== 'report.html')
        .sort();
      expect(committed.length).toBeGreaterThanOrEqual(5);
      const different = committed.filter(
        (file) =>
          !existsSync(join(out, file)) ||
          !readFileSync(join(out, file)).equals(readFileSync(join(projectRoot, 'paper-figures', name, file))),
      );
      expect(different).toEqual([]);
    },
    120_000,
  );
});
