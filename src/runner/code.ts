/** Which code ran: the package's version, the method's version, the git commit, and the hash of the lockfile. */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import { packageFolder, projectRoot, sha256 } from '../files';
import { libraries, libraryPackages } from '../sources/libraries';
import { methodVersion } from '../version';
import type { RunFile } from './runFile';

/**
 * Facts for run.json, read once per command. Outside a git checkout of this project `commit` is null and `dirty` false.
 */
export function codeVersion(root = projectRoot): RunFile['code'] {
  const lockfile = join(root, 'package-lock.json');
  const own = isOwnRepository(root);
  return {
    version: packageVersion(join(root, 'package.json')) ?? 'unknown',
    method: methodVersion,
    commit: own ? (git(root, 'rev-parse', 'HEAD')?.trim() ?? null) : null,
    dirty: own && git(root, 'status', '--porcelain', '--', ...deciding) !== '',
    lockfile: existsSync(lockfile) ? sha256(readFileSync(lockfile)) : 'absent',
  };
}

/** What of a checkout decides results: the program and its packages; not docs, tests, manifests or drawn figures. */
const deciding = ['src', 'bin', 'package.json', 'package-lock.json'];

/** Unpacked inside somebody else's repository, that repository's commit would say nothing about this code. */
function isOwnRepository(root: string): boolean {
  const top = git(root, 'rev-parse', '--show-toplevel')?.trim();
  return top !== undefined && realpathSync(top) === realpathSync(root);
}

/** Longest diff that is kept, characters: a megabyte beside every run would be most of it. */
const longestDiff = 200_000;

/**
 * How the code that decides results differs from its commit, new files as a whole, as `git apply` takes it; cut with a
 * last line that says so where it is long. Null where nothing differs, or git cannot tell.
 */
export function codeDiff(root = projectRoot): string | null {
  if (!isOwnRepository(root)) return null;
  const changed = git(root, 'diff', 'HEAD', '--no-color', '--no-ext-diff', '--', ...deciding) ?? '';
  const added = git(root, 'ls-files', '-z', '--others', '--exclude-standard', '--', ...deciding) ?? '';
  let text = changed;
  for (const file of added.split('\0').filter((name) => name !== '')) {
    if (text.length > longestDiff) break;
    text += git(root, 'diff', '--no-color', '--no-ext-diff', '--no-index', '--', '/dev/null', file) ?? '';
  }
  if (text === '') return null;
  return text.length <= longestDiff ? text : `${text.slice(0, longestDiff)}\ncut here: the diff is longer\n`;
}

/** Installed versions of the packages whose arithmetic or decoding enters the results, by name, sorted. */
export function packageVersions(): Record<string, string> {
  const wanted = /^(@tensorflow\/|@huggingface\/|webgpu$|@audio\/|pure-rand$)/;
  const manifest = JSON.parse(readFileSync(join(projectRoot, 'package.json'), 'utf8')) as {
    dependencies: Record<string, string>;
    peerDependencies: Record<string, string>;
  };
  const names = Object.keys({ ...manifest.dependencies, ...manifest.peerDependencies }).filter((name) =>
    wanted.test(name),
  );
  const installed = names.map((name): [string, string] => {
    const folder = packageFolder(name);
    return [name, (folder === undefined ? null : packageVersion(join(folder, 'package.json'))) ?? 'absent'];
  });
  const fetched = libraries.flatMap((library) => Object.entries(libraryPackages(library)));
  return Object.fromEntries([...installed, ...fetched].sort(([one], [other]) => (one < other ? -1 : 1)));
}

function packageVersion(path: string): string | null {
  if (!existsSync(path)) return null;
  return (JSON.parse(readFileSync(path, 'utf8')) as { version?: string }).version ?? null;
}

/** What git prints; null where it fails. A difference, which `--no-index` reports as 1, is no failure. */
function git(root: string, ...args: string[]): string | null {
  const result = spawnSync('git', ['-C', root, ...args], {
    encoding: 'utf8',
    timeout: 10_000,
    maxBuffer: 2 ** 26,
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  return result.status === 0 || (result.status === 1 && args.includes('--no-index')) ? result.stdout : null;
}
