/** Which code ran: the package's version, the method's version, the git commit, and the hash of the lockfile. */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import { packageFolder, projectRoot, sha256 } from '../files';
import { methodVersion } from '../version';
import type { RunFile } from './runFile';

/**
 * Facts for run.json, read once per command. Outside a git checkout of this project `commit` is null and `dirty` false.
 */
export function codeVersion(): RunFile['code'] {
  const lockfile = join(projectRoot, 'package-lock.json');
  const top = git('rev-parse', '--show-toplevel');
  // Unpacked inside somebody else's repository, that repository's commit would say nothing about this code.
  const own = top !== null && realpathSync(top) === realpathSync(projectRoot);
  return {
    version: packageVersion(join(projectRoot, 'package.json')) ?? 'unknown',
    method: methodVersion,
    commit: own ? git('rev-parse', 'HEAD') : null,
    dirty: own && git('status', '--porcelain') !== '',
    lockfile: existsSync(lockfile) ? sha256(readFileSync(lockfile)) : 'absent',
  };
}

/** Installed versions of the packages whose arithmetic or decoding enters the results, by name, sorted. */
export function packageVersions(): Record<string, string> {
  const wanted = /^(@tensorflow\/|@huggingface\/|webgpu$|sharp$|@audio\/|pure-rand$)/;
  const manifest = JSON.parse(readFileSync(join(projectRoot, 'package.json'), 'utf8')) as {
    dependencies: Record<string, string>;
    peerDependencies: Record<string, string>;
  };
  const names = Object.keys({ ...manifest.dependencies, ...manifest.peerDependencies })
    .filter((name) => wanted.test(name))
    .sort();
  return Object.fromEntries(
    names.map((name) => {
      const folder = packageFolder(name);
      return [name, (folder === undefined ? null : packageVersion(join(folder, 'package.json'))) ?? 'absent'];
    }),
  );
}

function packageVersion(path: string): string | null {
  if (!existsSync(path)) return null;
  return (JSON.parse(readFileSync(path, 'utf8')) as { version?: string }).version ?? null;
}

function git(...args: string[]): string | null {
  const result = spawnSync('git', ['-C', projectRoot, ...args], {
    encoding: 'utf8',
    timeout: 10_000,
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  return result.status === 0 ? result.stdout.trim() : null;
}
