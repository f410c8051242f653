/** Rows of `status` and the tables of `compare`, on synthetic runs: the numbers are those of `equipoise tables`. */
import { spawnSync } from 'node:child_process';
import { basename, dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { committedNamed } from '../../src/cli/committedNamed';
import { define as compare } from '../../src/cli/compare';
import { openLibrary, placeNamed, runRows, settingRows, settingTable } from '../../src/cli/statusRows';
import { projectRoot } from '../../src/files';
import { readRunFile, runFolder } from '../../src/runner/folders';
import { toldAccuracy } from '../../src/train/records';
import { commandOutput } from '../../testing/commandOutput';
import { smallExperiment, type SmallExperiment } from '../../testing/exportedRuns';

const cli = join(projectRoot, 'bin', 'equipoise.cjs');
let small: SmallExperiment;
let before: string | undefined;
beforeAll(() => {
  before = process.env['EQUIPOISE_RESULTS'];
  small = smallExperiment();
  process.env['EQUIPOISE_RESULTS'] = dirname(small.experiment);
});
afterAll(() => {
  if (before === undefined) delete process.env['EQUIPOISE_RESULTS'];
  else process.env['EQUIPOISE_RESULTS'] = before;
  small.remove();
});

const rowsOf = async (options: Parameters<typeof runRows>[2]) => {
  const library = openLibrary();
  return runRows(library, placeNamed(library, 'small'), options);
};
const accuracy = (id: string): number => {
  const read = readRunFile(runFolder(dirname(small.experiment), basename(small.experiment), id).runJson);
  if (read.state !== 'read' || read.file.final === null) throw new Error(`run ${id} is not finished`);
  return toldAccuracy(read.file.final);
};
const idOf = (scheduler: string, seed: number): string =>
  [...small.runs].find(([, run]) => run.scheduler === scheduler && run.seed === seed)![0];

describe('rows', () => {
  it('are the runs that are asked for, the best first', async () => {
    const { runs, total } = await rowsOf({ sort: 'accuracy' });
    expect(total).toBe(5);
    const known = runs.slice(0, 4).map(({ id }) => accuracy(id));
    expect(known).toEqual([...known].sort((a, b) => b - a));
    expect(runs[4]!.state).not.toBe('done');
    const some = await rowsOf({ where: ['scheduler=constant', 'seed>1'], sort: 'seed', reverse: true });
    expect(some.runs.map(({ file }) => [file!.spec.scheduler.kind, file!.spec.seed])).toEqual([
      ['constant', 3],
      ['constant', 2],
    ]);
  });

  it('are settings with mean and interval over the finished seeds', async () => {
    const library = openLibrary();
    const rows = await settingRows(library, placeNamed(library, 'small'), { where: ['scheduler=constant'] });
    expect(rows).toMatchObject({ total: 2 });
    expect(rows.settings).toHaveLength(1);
    const own = [accuracy(idOf('constant', 1)), accuracy(idOf('constant', 2))];
    const mean = (own[0]! + own[1]!) / 2;
    // Student's t for one degree of freedom at 97.5 %.
    const half = (12.706204736432095 * Math.abs(own[0]! - own[1]!)) / 2;
    const [, cells] = settingTable(rows);
    const text = (value: number) => value.toFixed(3).replace('-', '−');
    expect(cells!.slice(0, 5).join(' | ')).toContain(
      `| constant | 2 of 3 | ${text(mean)} [${text(mean - half)}, ${text(mean + half)}]`,
    );
  });
});

describe('compare', () => {
  it('puts two settings side by side, paired by seed', async () => {
    const { out } = await commandOutput({ compare }, 'compare', 'scheduler=constant', 'scheduler=commit-clr', '--json');
    const said = JSON.parse(out) as {
      differences: { field: string; a: unknown; b: unknown }[];
      numbers: { name: string; difference: number; pairs: number }[];
    };
    expect(said.differences).toContainEqual({ field: 'scheduler.kind', a: 'constant', b: 'commit-clr' });
    const apart = [1, 2].map((seed) => accuracy(idOf('commit-clr', seed)) - accuracy(idOf('constant', seed)));
    const row = said.numbers.find(({ name }) => name === 'accuracy')!;
    expect(row.pairs).toBe(2);
    expect(row.difference).toBeCloseTo((apart[0]! + apart[1]!) / 2, 12);
  });

  it('puts two runs side by side', async () => {
    const [a, b] = [idOf('constant', 1), idOf('commit-clr', 1)];
    const { out } = await commandOutput({ compare }, 'compare', a.slice(0, 8), `small/${b}`);
    expect(out).toMatch(/^A: small\/[^\n]*done[^\n]*\nB: small\//);
    expect(out).toMatch(/^scheduler\.kind +constant +commit-clr$/m);
    expect(out).toMatch(new RegExp(`^accuracy +${accuracy(a).toFixed(3)} +${accuracy(b).toFixed(3)} `, 'm'));
  });

  it("finds committed runs where none of one's own is meant, and says so; why too", async () => {
    const [committed] = (await committedNamed('quickstart/')).filter(({ file }) => file!.spec.seed === 2);
    const id = committed!.id;
    const { out } = await commandOutput({ compare }, 'compare', `quickstart/${id.slice(0, 10)}`, idOf('constant', 1));
    expect(out).toMatch(new RegExp(`^A: reference/quickstart/${id}, a committed run: `));
    expect(out).toMatch(new RegExp(`^accuracy +${toldAccuracy(committed!.file!.final!).toFixed(3)} `, 'm'));
    const told = spawnSync(process.execPath, [cli, 'why', `quickstart/${id}`], { encoding: 'utf8' });
    expect(told.stdout).toMatch(
      new RegExp(`^reference/quickstart/${id}: done\n.*\n  why: finished .*; a committed run\n`),
    );
    expect(told.stdout).toContain('nearest finished run: reference/quickstart/');
  });

  it('asks again where several settings, none, or two kinds of things are meant', async () => {
    const told = (...words: string[]) => commandOutput({ compare }, 'compare', ...words);
    await expect(told('task=emoji-icon-qa', 'scheduler=constant')).rejects.toThrow(
      /holds for 2 settings.*small: .*constant/,
    );
    await expect(told('scheduler=commit', 'scheduler=constant')).rejects.toThrow(/holds for no setting/);
    await expect(told(idOf('constant', 1), 'scheduler=constant')).rejects.toThrow(
      /one is a run, the other a condition/,
    );
    await expect(told('ffff', idOf('constant', 1))).rejects.toThrow(/run "ffff": is not in the results/);
  });
});
