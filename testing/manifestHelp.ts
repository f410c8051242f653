/** Shared by the manifest tests: manifests in a temporary folder. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';
import { expand } from '../src/manifest/expand';
import { loadManifest, type Manifest } from '../src/manifest/load';
import type { RunSpec } from '../src/manifest/run';
import { UserError, type Problem } from '../src/problems';

const folder = mkdtempSync(join(tmpdir(), 'manifest-test-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
let count = 0;

export const head = {
  name: 'test',
  about: { what: 'a test', command: 'none', expectedTime: 'none', lookFor: 'nothing' },
};
export const image = { task: 'emoji-icon-qa', encoder: 'resnet50', backbone: 'stories15m' };
export const fixed = { ...image, seed: 1 };

/** Writes text or a value as a file and returns its path. */
export function fileOf(content: unknown): string {
  const path = join(folder, `${++count}.json`);
  writeFileSync(path, typeof content === 'string' || content instanceof Uint8Array ? content : JSON.stringify(content));
  return path;
}

export function load(content: object, profile?: string): Manifest {
  return loadManifest(fileOf({ ...head, ...content }), { profile });
}

export function runsOf(content: object, profile?: string): RunSpec[] {
  return expand(load(content, profile));
}

/** The problems of a file that must be refused, `where` without the file's path. */
export function problemsOf(content: unknown, profile?: string): Problem[] {
  const path = fileOf(content);
  try {
    loadManifest(path, { profile });
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    if (error.code !== 2) throw new Error(`exit code ${error.code}`);
    return error.problems.map((problem) => ({ ...problem, where: problem.where.replace(path, '').trim() }));
  }
  throw new Error('the manifest was accepted');
}
