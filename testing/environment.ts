/** A place of their own for tests: a temporary folder, and the environment variables that name folders in it. */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach } from 'vitest';

export interface Place {
  /** the temporary folder; empty before the first test when each test has one of its own */
  readonly folder: string;
  /** EQUIPOISE_CACHE, below it */
  readonly cache: string;
}

/**
 * Gives all tests of a file, or each of them, a temporary folder with a cache; afterwards the folder is gone and the
 * environment is as it was. `variables`: more of the environment, by the folder; undefined takes a variable away. To be
 * called before hooks that use it.
 */
export function withCache(
  scope: 'file' | 'test' = 'file',
  variables: (folder: string) => Readonly<Record<string, string | undefined>> = () => ({}),
): Place {
  let folder = '';
  let before: Record<string, string | undefined> = {};
  const make = () => {
    folder = mkdtempSync(join(tmpdir(), 'equipoise-test-'));
    mkdirSync(join(folder, 'cache'));
  };
  const enter = () => {
    const wanted = { EQUIPOISE_CACHE: join(folder, 'cache'), ...variables(folder) };
    before = Object.fromEntries(Object.keys(wanted).map((name) => [name, process.env[name]]));
    assign(wanted);
  };
  const leave = () => {
    assign(before);
    rmSync(folder, { recursive: true, force: true });
  };
  if (scope === 'file') {
    make(); // now, for what a file reads before its first test
    beforeAll(enter);
    afterAll(leave);
  } else {
    beforeEach(() => {
      make();
      enter();
    });
    afterEach(leave);
  }
  return {
    get folder() {
      return folder;
    },
    get cache() {
      return join(folder, 'cache');
    },
  };
}

function assign(variables: Readonly<Record<string, string | undefined>>): void {
  for (const [name, value] of Object.entries(variables))
    if (value === undefined) delete process.env[name];
    else process.env[name] = value;
}
