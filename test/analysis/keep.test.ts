/** Compact experiments: what is unpacked is what was trained, to the byte, and figures from it are the same. */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { openDatabase } from '../../analysis/database';
import { makeFigures, makeTables } from '../../analysis/index';
import { keepRuns, unpackedRuns } from '../../analysis/keep';
import { UserError } from '../../src/problems';
import { withCache } from '../../testing/environment';
import { syntheticGrid, writeSyntheticGrid } from '../../testing/syntheticJournals';

const options = { steps: 40, seeds: 2, validateEvery: 20 };
const { folder } = withCache();
const bytesOf = (path: string) =>
  readdirSync(path, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(
      (entry) =>
        [
          join(entry.parentPath, entry.name).slice(path.length),
          readFileSync(join(entry.parentPath, entry.name)).toString('base64'),
        ] as const,
    )
    .filter(([name]) => /run\.json$|metrics\.jsonl$|\.(csv|svg|pdf|png|vl\.json|md|tex)$/.test(name))
    .sort(([a], [b]) => (a < b ? -1 : 1));

beforeAll(() => {
  writeSyntheticGrid(join(folder, 'results', 'quick'), options);
});

describe('an experiment kept compact', () => {
  test('is the same bytes each time, smaller than its journals, and unpacks to them', async () => {
    const source = join(folder, 'results', 'quick');
    const kept = await keepRuns(source, join(folder, 'kept', 'quick'));
    expect(kept.runs).toBe(syntheticGrid(options).length);
    const first = readFileSync(kept.path);
    expect(readFileSync((await keepRuns(source, join(folder, 'again', 'quick'))).path).equals(first)).toBe(true);
    const plain = bytesOf(source);
    expect(kept.bytes).toBeLessThan(plain.reduce((sum, [, text]) => sum + text.length * 0.75, 0) / 2);
    expect(bytesOf(await unpackedRuns(join(folder, 'kept', 'quick')))).toEqual(plain);
  });

  test('gives the figures and tables of the journals themselves, byte for byte', async () => {
    const only = { only: ['kappa-curves'] };
    await makeFigures(join(folder, 'results', 'quick'), join(folder, 'from-journals'), only);
    await makeFigures(join(folder, 'kept', 'quick'), join(folder, 'from-kept'), only);
    await makeTables(join(folder, 'results', 'quick'), join(folder, 'from-journals'));
    await makeTables(join(folder, 'kept', 'quick'), join(folder, 'from-kept'));
    const made = bytesOf(join(folder, 'from-kept'));
    expect(made.length).toBeGreaterThan(8);
    expect(made).toEqual(bytesOf(join(folder, 'from-journals')));
  });

  test('an experiment without a finished run is refused', async () => {
    mkdirSync(join(folder, 'results', 'empty'), { recursive: true });
    await expect(keepRuns(join(folder, 'results', 'empty'), join(folder, 'kept', 'empty'))).rejects.toThrow(
      /no finished run/,
    );
  });

  test.each([
    ['a file that is no Parquet', async (path: string) => writeFileSync(path, 'no parquet'), /cannot be read/],
    [
      'a run id that leads elsewhere',
      (path: string) => parquet(path, "select '../../0000000000' as id, 'run.json' as file, '{}' as text"),
      /16 hexadecimal/,
    ],
    [
      'another file',
      (path: string) => parquet(path, "select '0123456789abcdef' as id, '.bashrc' as file, 'x' as text"),
      /only landscape.json, metrics.jsonl, predictions.jsonl, run.json/,
    ],
    ['other columns', (path: string) => parquet(path, 'select 1 as a'), /cannot be read/],
  ])('%s is refused', async (name, write, message) => {
    const at = join(folder, 'hostile', name.replaceAll(' ', '-'));
    mkdirSync(at, { recursive: true });
    await write(join(at, 'runs.parquet'));
    await expect(unpackedRuns(at)).rejects.toSatisfy(
      (error) => error instanceof UserError && message.test(error.message),
    );
  });
});

async function parquet(path: string, select: string): Promise<void> {
  const { connection, close } = await openDatabase();
  await connection.run(`copy (${select}) to '${path}' (format parquet)`);
  close();
}
