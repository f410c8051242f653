import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { environmentFaults, variables } from '../../src/cli/environment';
import { projectRoot } from '../../src/files';

let folder: string;
let file: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'equipoise-environment-'));
  file = join(folder, 'file');
  writeFileSync(file, '');
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('environment variables', () => {
  test('folders that are there or can be made, and other programs’ variables, are sound', () => {
    const sound = {
      HOME: '',
      EQUIPOISE_RESULTS: join(folder, 'new', 'er'),
      EQUIPOISE_TASKS: folder,
      EQUIPOISE_DEBUG: '1',
      EQUIPOISE_LINK: 'off',
      EQUIPOISE_TENSORFLOW: file,
      EQUIPOISE_DEB_MIRROR: 'https://mirror.example/debian/',
      EQUIPOISE_INSTRUCTIONS: 'v3',
      EQUIPOISE_FUZZ: '2000',
    };
    expect(environmentFaults(sound)).toEqual([]);
  });

  test.each<[string, () => string, string]>([
    ['EQUIPOISE_RESULTS', () => file, 'is a file'],
    ['EQUIPOISE_CACHE', () => join(file, 'below', 'it'), 'is a file'],
    ['EQUIPOISE_CACHE', () => '', 'is empty'],
    ['EQUIPOISE_FIGURES', () => ' ', 'is empty'],
    ['EQUIPOISE_TASKS', () => join(folder, 'nope'), 'there is no folder'],
    ['EQUIPOISE_DEBUG', () => 'yes', 'is "yes"'],
    ['EQUIPOISE_TENSORFLOW', () => join(folder, 'nope'), 'there is no'],
    ['EQUIPOISE_DEB_MIRROR', () => join(folder, 'nope'), 'there is no'],
    ['EQUIPOISE_DEB_MIRROR', () => join(projectRoot, 'package.json'), 'there is no folder'],
    ['EQUIPOISE_DATA', () => join(folder, 'nope'), 'there is no folder'],
    ['EQUIPOISE_LINK', () => 'on', 'is "on"'],
    ['EQUIPOISE_INSTRUCTIONS', () => 'v9', 'is "v9"'],
    ['EQUIPOISE_FUZZ', () => 'many', 'is "many"'],
    ['EQUIPOISE_RESULT', () => folder, 'is none of this program'],
  ])('%s with a wrong value is named', (name, value, what) => {
    const [fault, ...more] = environmentFaults({ [name]: value() });
    expect(more).toEqual([]);
    expect(fault!.where).toBe(`environment variable ${name}`);
    expect(fault!.what).toContain(what);
  });

  test('the page of commands has every variable, and no other', () => {
    const page = readFileSync(join(projectRoot, 'docs', 'commands.md'), 'utf8');
    const rows = [...page.matchAll(/^\| `(EQUIPOISE_[A-Z_]+)(?:=1)?` \|/gm)].map(([, name]) => name!);
    expect(rows.sort()).toEqual(Object.keys(variables).sort());
  });
});
