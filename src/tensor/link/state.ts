/**
 * What is linked on this machine: folders in the cache, each with a link.json written last. Reads only; never loads
 * TensorFlow.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { cachePath, commandText } from '../../files';

/** Where the library of a link came from. */
export type LinkSource =
  | {
      kind: 'given';
      /** what EQUIPOISE_TENSORFLOW named: a folder or a wheel */
      path: string;
    }
  | { kind: 'python'; folder: string }
  | {
      kind: 'wheel';
      /** file name of the wheel that pip gave */
      wheel: string;
      sha256: string;
    }
  | { kind: 'tfjs-download' };

/** The fused kernels of a link (kernels.ts). */
export interface LinkKernels {
  /** sha256 of what they were built from */
  source: string;
  /** why they could not be built, or null when they were and computed rightly */
  problem: string | null;
}

/** link.json: a TensorFlow library and an addon built against it, tried in a child process. */
export interface Link {
  format: 'equipoise-link/1';
  /** TensorFlow's own version, as the library reports it */
  tensorflow: string;
  /** version of @tensorflow/tfjs-node-gpu whose addon was built */
  addon: string;
  /** Node-API version of the addon */
  napi: number;
  platform: NodeJS.Platform;
  arch: string;
  /** whether the library was built for NVIDIA GPUs (it also runs without one) */
  cuda: boolean;
  /** packages of CUDA libraries that it wants and has not beside it; absent where all are there, or nobody knows */
  cudaMissing?: string[];
  source: LinkSource;
  /** what the check in the child process saw; it may differ on another machine that shares the cache */
  checked: { gpu: boolean; node: string };
  /** the fused kernels; absent where it was made by a version that had none */
  kernels?: LinkKernels;
}

/** A link and the folder that holds it. */
export interface FoundLink extends Link {
  /** absolute folder with link.json, lib/napi-v8 and deps/lib */
  folder: string;
  /** absolute path of the addon */
  addonFile: string;
}

/** Node-API version the addon is compiled for: the newest that every supported Node has. */
export const napiVersion = 8;
/** Path of the addon inside a link's folder; its rpath is $ORIGIN/../../deps/lib. */
export const addonPath = join('lib', `napi-v${napiVersion}`, 'tfjs_binding.node');

/** The command that links TensorFlow; named by every message about a missing link. */
export const linkCommand = commandText('doctor --link');

/** Folder in the cache that holds all links. */
export function linksFolder(): string {
  return cachePath('tensorflow');
}

/** The folder or wheel that EQUIPOISE_TENSORFLOW names, absolute, or null when it is not set. */
export function givenTensorflow(): string | null {
  const given = process.env['EQUIPOISE_TENSORFLOW'];
  return given ? resolve(given) : null;
}

/** Version of the installed @tensorflow/tfjs-node-gpu, or null when it is not installed. */
export function addonPackageVersion(): string | null {
  const folder = addonPackageFolder();
  if (folder === null) return null;
  const content = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as { version?: unknown };
  return typeof content.version === 'string' ? content.version : null;
}

/**
 * Folder of the installed @tensorflow/tfjs-node-gpu, or null. Its main module is never loaded: that one insists on an
 * addon of its own.
 */
export function addonPackageFolder(): string | null {
  try {
    return join(require.resolve('@tensorflow/tfjs-node-gpu/package.json'), '..');
  } catch {
    return null;
  }
}

/**
 * The link a run would use, or null: of those for this platform and the installed addon the one made from
 * EQUIPOISE_TENSORFLOW when that is set, else CUDA before CPU, else the newest TensorFlow.
 */
export function findLink(): FoundLink | null {
  const addon = addonPackageVersion();
  const given = givenTensorflow();
  const usable = listLinks().filter(
    (link) =>
      link.addon === addon &&
      link.platform === process.platform &&
      link.arch === process.arch &&
      link.napi === napiVersion,
  );
  const chosen =
    given === null ? usable : usable.filter((link) => link.source.kind === 'given' && link.source.path === given);
  return (
    chosen.sort(
      (a, b) =>
        Number(b.cuda) - Number(a.cuda) ||
        compareVersions(b.tensorflow, a.tensorflow) ||
        (a.folder < b.folder ? -1 : 1),
    )[0] ?? null
  );
}

/** All whole links in the cache, sorted by folder name, also those for other platforms or addons. */
export function listLinks(): FoundLink[] {
  const base = linksFolder();
  if (!existsSync(base)) return [];
  return readdirSync(base)
    .sort()
    .flatMap((name) => {
      const folder = join(base, name);
      const link = readLink(join(folder, 'link.json'));
      const addonFile = join(folder, addonPath);
      return link !== null && existsSync(addonFile) ? [{ ...link, folder, addonFile }] : [];
    });
}

function readLink(path: string): Link | null {
  try {
    const content = JSON.parse(readFileSync(path, 'utf8')) as Partial<Link>;
    return content.format === 'equipoise-link/1' &&
      typeof content.tensorflow === 'string' &&
      typeof content.source === 'object'
      ? (content as Link)
      : null;
  } catch {
    return null; // absent or torn: not a link
  }
}

/** Orders dotted version numbers by value: negative when `a` is older. */
export function compareVersions(a: string, b: string): number {
  const left = a.split('.').map((part) => parseInt(part, 10) || 0),
    right = b.split('.').map((part) => parseInt(part, 10) || 0);
  for (let i = 0; i < Math.max(left.length, right.length); i++) {
    const difference = (left[i] ?? 0) - (right[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}
