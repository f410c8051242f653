/** The floor plan of docs/architecture.md: no circles, and no room knows a later one. */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { projectRoot } from '../src/files';
import { arrowsUp, circlesOf, importsOf } from '../testing/imports';

/** From left to right. */
const rooms = [
  'src/parts',
  'src/sources',
  'src/text',
  'src/tensor',
  'src/models',
  'src/balance',
  'src/ownParts',
  'src/manifest',
  'src/data',
  'src/train',
  'src/runner',
  'analysis',
  'src/ui',
  'src/cli',
  'src/api',
];
/**
 * What of the data room others share: the types of its data, what its tasks say of themselves, and how sounds are read.
 */
const shared = [
  'src/data/types.ts',
  'src/data/readers/published.ts',
  'src/data/resample.ts',
  'src/data/contentKind.ts',
  'src/data/sound',
  'src/data/audio.ts',
  ...['emojiIconQa', 'grooveCap', 'picKnowQa', 'readQa', 'sceneCap', 'soundQa'].map(
    (set) => `src/data/sets/${set}/task.ts`,
  ),
  'src/data/tasks.ts',
];
/**
 * The folders of the models' room from left to right, its own files among them: what weights are, what a model is
 * computed with, the model, the two wings of compositions, and what towers give.
 */
const modelFolders = [
  ...['weights', 'checkpoint', 'parts', 'generation'].map((folder) => `src/models/${folder}`),
  'src/models',
  ...['zoo/encoders', 'zoo/connectors', 'zoo/backbones', 'zoo'].map((folder) => `src/models/${folder}`),
  ...['published/catalogue', 'published', 'published/processors', 'inputs'].map((folder) => `src/models/${folder}`),
];
const graph = importsOf(projectRoot, ['src', 'analysis']);

const made = mkdtempSync(join(tmpdir(), 'equipoise-imports-'));
afterAll(() => rmSync(made, { recursive: true, force: true }));

test('every room is one of the plan, and the page names them in this order', () => {
  const found = new Set([...graph.keys()].map((file) => /^(src\/[^/]+|analysis)\//.exec(file)?.[1]));
  expect([...found].filter((room) => room !== undefined).sort()).toEqual([...rooms].sort());
  const page = readFileSync(join(projectRoot, 'docs', 'architecture.md'), 'utf8');
  const places = rooms.map((room) => page.indexOf(`| \`${room}\` |`));
  expect(places).not.toContain(-1);
  expect(places).toEqual([...places].sort((a, b) => a - b));
});

test('no files import each other in a circle, not even types', () => {
  expect(graph.size).toBeGreaterThan(200);
  expect(circlesOf(graph)).toEqual([]);
});

test('no room knows a later one, parts stand left of the manifest that names them, and the files of all rooms know none', () => {
  const [parts, sources, ...others] = rooms;
  expect(shared.filter((path) => !existsSync(join(projectRoot, path)))).toEqual([]);
  expect(arrowsUp(graph, [parts!, sources!, ...shared, ...others])).toEqual([]);
});

test('no folder of the models’ room knows a later one', () => {
  const models = new Map([...graph].filter(([file]) => file.startsWith('src/models/')));
  const folders = [...new Set([...models.keys()].map((file) => dirname(file)))].sort();
  expect(folders).toEqual([...modelFolders].sort());
  const inside = [...models].map(
    ([file, imported]) => [file, imported.filter((to) => to.startsWith('src/models/'))] as const,
  );
  expect(arrowsUp(new Map(inside), modelFolders)).toEqual([]);
});

test('circles and arrows up are found, whatever the kind of import', () => {
  const files: Record<string, string> = {
    'low/a.ts': "import type { B } from './b';\nexport type A = B;",
    'low/b.ts': "export type B = 1;\nexport const load = () => import('./c');",
    'low/c.ts': "export const a = (): typeof import('./a') => { throw new Error(); };",
    'low/d.ts': "export * from '../high';",
    'low/e.ts': "import { readFileSync } from 'node:fs';\nexport const e = readFileSync;",
    'high/index.ts': "import { e } from '../low/e';\nexport const high = e;",
  };
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(join(made, name, '..'), { recursive: true });
    writeFileSync(join(made, name), text);
  }
  const small = importsOf(made, ['low', 'high']);
  expect(circlesOf(small)).toEqual([['low/a.ts', 'low/b.ts', 'low/c.ts']]);
  expect(arrowsUp(small, ['low', 'high'])).toEqual(['low/d.ts -> high/index.ts']);
});
