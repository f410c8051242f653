/** What holds of every figure and table, and what docs/extending.md promises of a new one. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import ts from 'typescript';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openJournals } from '../../analysis/aggregate';
import * as axes from '../../analysis/axes';
import { catalogue } from '../../analysis/catalogue';
import type { FigureDefinition } from '../../analysis/figure';
import { figures } from '../../analysis/figures/registry';
import { figureFiles, rounded } from '../../analysis/files';
import * as layers from '../../analysis/layers';
import * as panels from '../../analysis/panels';
import * as style from '../../analysis/style';
import { tables } from '../../analysis/tables/registry';
import { projectRoot } from '../../src/files';
import { syntheticGrid, writeSyntheticGrid } from '../../testing/syntheticJournals';

const options = { steps: 20, seeds: 2, validateEvery: 0 };
let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'equipoise-registry-'));
  writeSyntheticGrid(join(folder, 'quick'), options);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('every figure and table', () => {
  const all = [...figures, ...tables];

  test('has a name of its own, in the form of a file name', () => {
    const names = all.map(({ name }) => name);
    expect(names.length).toBeGreaterThan(20);
    expect(names.filter((name) => !/^[a-z]+(-[a-z]+)*$/.test(name))).toEqual([]);
    expect(new Set(names).size).toBe(names.length);
  });

  test('says what it shows and what it needs, as parts of a sentence', () => {
    const unfinished = all.filter(({ shows, needs }) =>
      [shows, needs].some((text) => text === '' || /[.\n]$/.test(text)),
    );
    expect(unfinished.map(({ name }) => name)).toEqual([]);
    expect(all.filter(({ needs }) => !/finished runs/.test(needs)).map(({ name }) => name)).toEqual([]);
  });

  test('gives nothing, and no error, for an experiment without runs', async () => {
    const journals = await openJournals(folder);
    for (const { select } of all) expect(await select(journals)).toEqual([]);
    journals.close();
  });

  test('stands on docs/figures.md as it describes itself (vitest --update writes the page)', async () => {
    await expect(catalogue()).toMatchFileSnapshot(join(projectRoot, 'docs', 'figures.md'));
  });
});

test('the figure of docs/extending.md is drawn from the journals: a point a run at equal rates', async () => {
  const page = readFileSync(join(projectRoot, 'docs', 'extending.md'), 'utf8');
  const source = /<!-- example: accuracyByMethod.ts -->\n```ts\n([\s\S]*?)```/.exec(page)![1]!;
  const { outputText } = ts.transpileModule(source, {
    compilerOptions: { module: ts.ModuleKind.CommonJS, target: ts.ScriptTarget.ES2022 },
  });
  const rooms: Record<string, unknown> = {
    '../axes': axes,
    '../layers': layers,
    '../panels': panels,
    '../style': style,
  };
  const made: { accuracyByMethod?: FigureDefinition } = {};
  new Function('exports', 'require', outputText)(made, (name: string) => rooms[name]);
  const figure = made.accuracyByMethod!;

  const journals = await openJournals(join(folder, 'quick'));
  const rows = rounded(await figure.select(journals));
  const even = syntheticGrid(options).filter(({ learningRate }) => learningRate.encoder === learningRate.backbone);
  expect(rows).toHaveLength(even.length);
  const notices: string[] = [];
  const files = await figureFiles(figure, journals, rows, notices);
  journals.close();
  expect(notices).toEqual([]);
  expect(files.map(([extension]) => extension)).toEqual(['svg', 'pdf', 'png', 'vl.json', 'csv']);
});
