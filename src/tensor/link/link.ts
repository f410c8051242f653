/** Links a TensorFlow on this machine, once per machine and version, into the cache; nothing else is ever written. */
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  statfsSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { withLock } from '../../sources/lock';
import { UserError } from '../../problems';
import { buildLink, checkAddon, checkKernels } from './build';
import { canHaveKernels } from './kernels';
import { oldestTensorflow, type Library } from './library';
import { sourcesToTry, type Source } from './sources';
import {
  addonPackageVersion,
  addonPath,
  compareVersions,
  findLink,
  linksFolder,
  napiVersion,
  type FoundLink,
  type Link,
} from './state';
import { hasNvidia, linkError } from './tools';
import { isDiskFull } from './wheel';

export interface LinkOptions {
  /** link again although there is one */
  force?: boolean;
  /**
   * link again where something is missing that it might have: fused kernels of this version, or CUDA libraries on a
   * machine with a driver
   */
  complete?: boolean;
  /** told what is going on, a line at a time */
  say?: (line: string) => void;
  /** default: hasNvidia() */
  nvidia?: boolean;
}

/** A source that did not work: what was missing and what mends it. */
interface LinkAttempt {
  source: string;
  problem: string;
  hint?: string;
}

export interface LinkReport {
  /** the link that runs will use, or null: then wasm is the default */
  link: FoundLink | null;
  /** whether it was made now */
  made: boolean;
  attempts: LinkAttempt[];
}

const workPrefix = '.work-';

/**
 * Makes sure that TensorFlow is linked: takes the first source that gives a library which compiles, loads and computes.
 * A failed source is reported, never thrown. Several processes may call it at once; an interrupted one leaves nothing
 * that counts.
 */
export async function linkTensorFlow(options: LinkOptions = {}): Promise<LinkReport> {
  const say = options.say ?? (() => undefined);
  const nvidia = options.nvidia ?? hasNvidia();
  const enough = () => {
    const link = findLink();
    if (link === null || (options.complete && couldHaveMore(link, nvidia))) return null;
    return link.cuda || !nvidia || link.source.kind === 'given' ? link : null;
  };
  const before = enough();
  if (before !== null && !options.force) return { link: before, made: false, attempts: [] };
  if (process.platform !== 'linux')
    return failed(
      'this system',
      `TensorFlow is linked on Linux only, this is ${process.platform}`,
      'use backend wasm or webgpu',
    );
  if (addonPackageVersion() === null)
    return failed('node_modules', '@tensorflow/tfjs-node-gpu is not installed', 'run: npm ci');
  try {
    mkdirSync(linksFolder(), { recursive: true });
  } catch (error) {
    return failed(
      'cache',
      `cannot write ${linksFolder()}: ${messageOf(error)}`,
      'set EQUIPOISE_CACHE to a folder that can be written',
    );
  }
  let waited = false;
  const waiting = (owner: string) => {
    waited = true;
    say(`waiting for ${owner}, which is linking TensorFlow`);
  };
  return withLock(
    join(linksFolder(), '.lock'),
    async () => {
      const meanwhile = enough();
      if (meanwhile !== null && (waited || !options.force)) return { link: meanwhile, made: false, attempts: [] };
      // the lock is ours, so whatever lies here was left by a process that was interrupted
      for (const name of readdirSync(linksFolder()))
        if (name.startsWith(workPrefix)) rmSync(join(linksFolder(), name), { recursive: true, force: true });
      return trySources(
        sourcesToTry(nvidia, options.complete).filter((source) => !(options.force && source.disk === 0)),
        say,
      );
    },
    waiting,
  );
}

const couldHaveMore = (link: FoundLink, nvidia: boolean): boolean =>
  canHaveKernels(link) || (nvidia && (link.cudaMissing ?? []).length > 0);

async function trySources(sources: Source[], say: (line: string) => void): Promise<LinkReport> {
  const attempts: LinkAttempt[] = [];
  for (const source of sources) {
    const work = mkdtempSync(join(linksFolder(), workPrefix));
    try {
      const free = statfsSync(work);
      if (free.bavail * free.bsize < source.disk)
        throw linkError(
          'disk',
          `${gigabytes(free.bavail * free.bsize)} free in ${linksFolder()}, ${gigabytes(source.disk)} needed`,
          'set EQUIPOISE_CACHE to a larger disk',
        );
      const library = await source.obtain(work, say);
      say(`building the addon against ${source.name}`);
      return { link: await makeLink(library, work, source.name), made: true, attempts };
    } catch (error) {
      attempts.push(attemptOf(source.name, error));
    } finally {
      rmSync(work, { recursive: true, force: true });
    }
  }
  const link = findLink();
  return { link, made: false, attempts };
}

/** Builds and checks in `work`, then renames into place: a link is whole or absent. */
async function makeLink(library: Library, work: string, where: string): Promise<FoundLink> {
  const built = join(work, 'link');
  const kernels = await buildLink(library, built);
  const facts = await checkAddon(join(built, addonPath), where);
  if (library.source.kind !== 'tfjs-download' && compareVersions(facts.tensorflow, oldestTensorflow) < 0)
    throw linkError(where, `it is TensorFlow ${facts.tensorflow}`, `take ${oldestTensorflow} or newer`);
  const link: Link = {
    format: 'equipoise-link/1',
    tensorflow: facts.tensorflow,
    addon: addonPackageVersion() ?? '',
    napi: napiVersion,
    platform: process.platform,
    arch: process.arch,
    cuda: library.cuda,
    ...((library.cudaMissing ?? []).length === 0 ? {} : { cudaMissing: library.cudaMissing ?? [] }),
    source: library.source,
    checked: { gpu: facts.gpu, node: process.versions.node },
    kernels: { ...kernels, problem: kernels.problem ?? (await checkKernels(join(built, addonPath))) },
  };
  writeFileSync(join(built, 'link.json'), `${JSON.stringify(link, null, 2)}\n`);
  const name = `tensorflow-${link.tensorflow}-${link.cuda ? 'cuda' : 'cpu'}${library.source.kind === 'given' ? '-given' : ''}-tfjs-${link.addon}-${link.platform}-${link.arch}`;
  const folder = join(linksFolder(), name);
  if (existsSync(folder)) renameSync(folder, join(work, 'replaced')); // a process that has it loaded keeps its mapped files
  renameSync(built, folder);
  return { ...link, folder, addonFile: join(folder, addonPath) };
}

function attemptOf(source: string, error: unknown): LinkAttempt {
  if (error instanceof UserError && error.problems[0] !== undefined) {
    const { where, what, hint } = error.problems[0];
    return { source, problem: where === source || source.startsWith(where) ? what : `${where}: ${what}`, hint };
  }
  if (isDiskFull(error))
    return { source, problem: `the disk of ${linksFolder()} is full`, hint: 'set EQUIPOISE_CACHE to a larger disk' };
  return { source, problem: messageOf(error) };
}

function failed(source: string, problem: string, hint: string): LinkReport {
  return { link: null, made: false, attempts: [{ source, problem, hint }] };
}

function messageOf(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).split('\n')[0] ?? '';
}

function gigabytes(bytes: number): string {
  return `${(bytes / 2 ** 30).toFixed(1)} GB`;
}
