/** The project that a user works in: which config counts, where its folders are, and what is said of one that cannot be used. */
import { Ajv2020 } from 'ajv/dist/2020';
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { projectRoot } from '../src/files';
import { UserError } from '../src/problems';
import {
  configFile,
  configuredParts,
  keepsBest,
  projectFolders,
  projectHome,
  projectPath,
  projectPlace,
  projectVariables,
} from '../src/project';
import schema from '../src/project.schema.json';
import { resultsFolder } from '../src/runner/folders';
import { lookedUp } from '../src/userFolders';

const base = realpathSync(mkdtempSync(join(tmpdir(), 'equipoise-project-')));
afterAll(() => rmSync(base, { recursive: true, force: true }));
beforeEach(() => {
  for (const name of ['RESULTS', 'FIGURES', 'TASKS', 'CHECKPOINTS']) vi.stubEnv(`EQUIPOISE_${name}`, undefined);
});
afterEach(() => {
  vi.restoreAllMocks();
  vi.unstubAllEnvs();
});

let count = 0;
/** Works in a new folder with these files; `below`: in a folder inside it. */
function workIn(files: Readonly<Record<string, string>>, below = ''): string {
  const folder = join(base, String(++count));
  mkdirSync(join(folder, below), { recursive: true });
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), text);
  }
  vi.spyOn(process, 'cwd').mockReturnValue(join(folder, below));
  return folder;
}

function said(files: Readonly<Record<string, string>>): string {
  const folder = workIn(files);
  try {
    projectPath('results');
  } catch (error) {
    expect(error).toBeInstanceOf(UserError);
    return (error as UserError).message.replaceAll(`${folder}/`, '').replaceAll(folder, '.');
  }
  throw new Error('the config was taken');
}

const json = 'equipoise.config.json';
const ts = 'equipoise.config.ts';

describe('the folders of a project', () => {
  it('are those of the checkout where there is no config', () => {
    workIn({});
    expect(configFile()).toBeNull();
    expect(projectHome()).toBe(projectRoot);
    expect(projectFolders.map(projectPath)).toEqual(projectFolders.map((name) => join(projectRoot, name)));
    expect(configuredParts()).toBeUndefined();
  });

  it('are relative to the nearest config above, and the environment wins over it', () => {
    const folder = workIn(
      {
        'tasks/.keep': '',
        'own/.keep': '',
        [json]:
          '{\n  // comments and a last comma\n  "results": "runs", "tasks": "tasks", "figures": "/drawn", "parts": "own",\n}',
        '../equipoise.config.json': '{ "results": "further-away" }',
      },
      'a/b',
    );
    vi.stubEnv('EQUIPOISE_FIGURES', 'elsewhere');
    expect(configFile()).toBe(join(folder, json));
    expect(projectFolders.map((name) => projectPlace(name))).toEqual([
      { path: join(folder, 'runs'), from: { kind: 'config' } },
      { path: 'elsewhere', from: { kind: 'variable', name: 'EQUIPOISE_FIGURES' } },
      { path: join(folder, 'tasks'), from: { kind: 'config' } },
      { path: join(folder, 'checkpoints'), from: { kind: 'default' } },
    ]);
    expect(configuredParts()).toBe(join(folder, 'own'));
    expect(resultsFolder()).toBe(join(folder, 'runs'));
    expect(projectVariables()).toEqual({ EQUIPOISE_TASKS: join(folder, 'tasks') });
    expect(lookedUp()).toMatchObject({ tasks: join(folder, 'tasks'), checkpoints: join(folder, 'checkpoints') });
    rmSync(join(base, 'equipoise.config.json'));
  });

  it('say too whether finished runs keep their best weights', () => {
    workIn({ [json]: '{ "keepBest": true }' });
    expect(keepsBest()).toBe(true);
    workIn({ [json]: '{}' });
    expect(keepsBest()).toBe(false);
    expect(said({ [json]: '{ "keepBest": "yes" }' })).toBe(
      `${json} /keepBest: "yes" has the wrong type; expected true or false`,
    );
  });

  it('may be said by a program, as a part is one', () => {
    const folder = workIn({
      [ts]: `import type { ProjectConfig } from 'equipoise';
        import { join } from 'node:path';
        import { names } from './more/names';
        export default { results: join('runs', names[0]!), figures: names[1] } satisfies ProjectConfig;`,
      'more/names.ts': "export const names: string[] = ['mine', 'drawn'];",
    });
    expect(projectPath('results')).toBe(join(folder, 'runs', 'mine'));
    expect(projectPath('figures')).toBe(join(folder, 'drawn'));
  });
});

describe('a config that cannot be used says what is wrong', () => {
  it.each<[string, Record<string, string>, string | RegExp]>([
    [
      'an unknown key',
      { [json]: '{ "result": "runs" }' },
      /^equipoise\.config\.json \/result: unknown key "result"; expected one of results, figures, tasks, checkpoints, parts, keepBest; did you mean results\?$/,
    ],
    [
      'a wrong type',
      { [json]: '{ "results": 7 }' },
      `${json} /results: 7 has the wrong type; expected a text, the name of a folder`,
    ],
    [
      'an empty text',
      { [json]: '{ "results": "" }' },
      `${json} /results: the text is empty; expected the name of a folder`,
    ],
    ['a file', { [json]: '{ "results": "x" }', x: '' }, `${json} /results: x is a file; expected a folder`],
    [
      'a folder that is not there',
      { [json]: '{ "tasks": "x" }' },
      `${json} /tasks: there is no folder x; expected a folder; make it, or leave the key out`,
    ],
    ['parts that are not there', { [json]: '{ "parts": "x" }' }, /there is no folder x/],
    ['no object', { [json]: '["results"]' }, `${json}: says ["results"]; expected an object of folders`],
    ['no JSON', { [json]: '{\n  "results" "x"\n}' }, /^equipoise\.config\.json:2: is not JSON/],
    [
      'two of them',
      { [json]: '{}', [ts]: 'export default {};' },
      `.: has two configs, ${json} and ${ts}; expected one; remove one`,
    ],
    [
      'a program without a default',
      { [ts]: 'export const results = 1;' },
      /equipoise\.config\.ts: says .*; expected export default/,
    ],
    [
      'a program that throws',
      { [ts]: "throw new Error('no luck');" },
      /^equipoise\.config\.ts: no luck; expected export default/,
    ],
    ['a program that is none', { [ts]: 'export default {' }, /^equipoise\.config\.ts.*: cannot be compiled/],
    [
      'a program that imports a package',
      { [ts]: "import sharp from 'sharp'; export default { results: String(sharp) };" },
      /imports "sharp"; expected a module of Node or a file of the same folder/,
    ],
  ])('%s', (_name, files, expected) => {
    if (typeof expected === 'string') expect(said(files)).toBe(expected);
    else expect(said(files)).toMatch(expected);
  });

  it('all of it at once', () => {
    expect(said({ [json]: '{ "figure": "a", "results": null }' }).split('\n')).toHaveLength(2);
  });
});

it('the published schema takes what a config says and names every key', () => {
  const validate = new Ajv2020({ strict: true }).compile(schema);
  expect(
    validate({ $schema: 'x', results: 'a', figures: 'b', tasks: 'c', checkpoints: 'd', parts: 'e', keepBest: true }),
  ).toBe(true);
  expect(validate({ other: 'a' })).toBe(false);
  expect(Object.keys(schema.properties)).toEqual(['$schema', ...projectFolders, 'parts', 'keepBest']);
});
