/** The environment variables that the program reads, and what is wrong with their values: asked before any command. */
import { existsSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { nearestName } from '../nearest';
import type { Problem } from '../problems';

/**
 * What a variable holds: `folder`, made when it is written to, or named by whatever does not find its files there;
 * `input`, a folder that must be there; `path`, a file or folder that must be there; `mirror`, an address, or a folder
 * that must be there; `text`, which the place that needs it checks; `flag`, `1` or nothing; `number`, a whole one; or
 * one of a few words.
 */
type Kind = 'folder' | 'input' | 'path' | 'mirror' | 'text' | 'flag' | 'number' | readonly string[];

/** Every variable by its name, with what it means. */
export const variables: Readonly<Record<string, { kind: Kind; about: string }>> = {
  EQUIPOISE_RESULTS: { kind: 'folder', about: 'results folder instead of results/' },
  EQUIPOISE_FIGURES: { kind: 'folder', about: 'folder of figures, tables and pages instead of figures/' },
  EQUIPOISE_CACHE: { kind: 'folder', about: 'cache instead of ~/.cache/equipoise' },
  EQUIPOISE_TASKS: { kind: 'input', about: 'folder of tasks of your own instead of tasks/' },
  EQUIPOISE_CHECKPOINTS: { kind: 'input', about: 'folder of published checkpoints instead of checkpoints/' },
  EQUIPOISE_DATA: { kind: 'input', about: 'folder of published sets instead of published/ in the cache' },
  EQUIPOISE_LOCKS: { kind: 'folder', about: 'folder of the locks of published sets' },
  EQUIPOISE_LIBRARIES: {
    kind: 'folder',
    about: 'folder of libraries fetched on first use, instead of libraries/ in the cache',
  },
  EQUIPOISE_DEB_MIRROR: { kind: 'mirror', about: 'a Debian mirror, or a folder of .deb files' },
  EQUIPOISE_PYTHON: { kind: 'text', about: 'the Python that npm run bench measures PyTorch with' },
  EQUIPOISE_TENSORFLOW: { kind: 'path', about: 'a wheel, or the folder of an unpacked one, to link' },
  EQUIPOISE_LINK: { kind: ['off'], about: 'off: set-up links no TensorFlow' },
  EQUIPOISE_INSTRUCTIONS: {
    kind: ['base', 'v3', 'v4'],
    about: 'base, v3 or v4: fused kernels use no newer instructions of the processor',
  },
  EQUIPOISE_DEBUG: { kind: 'flag', about: 'stack traces with errors' },
  EQUIPOISE_FUZZ: { kind: 'number', about: 'changed inputs a reader in the tests' },
  EQUIPOISE_FUZZ_SEED: { kind: 'number', about: 'seed of the changed inputs in the tests' },
};

/** What is wrong with the variables of `environment` that are ours, each by its name; other programs' are not read. */
export function environmentFaults(environment: NodeJS.ProcessEnv): Problem[] {
  return Object.entries(environment).flatMap(([name, value]): Problem[] => {
    if (!name.startsWith('EQUIPOISE_') || value === undefined) return [];
    const known = variables[name];
    if (known === undefined) return [unknownVariable(name)];
    const fault = valueFault(known.kind, value);
    return fault === null ? [] : [{ where: `environment variable ${name}`, ...fault }];
  });
}

function unknownVariable(name: string): Problem {
  const near = nearestName(name, Object.keys(variables));
  return {
    where: `environment variable ${name}`,
    what: 'is none of this program',
    hint: near === undefined ? 'remove it; docs/commands.md lists all' : `did you mean ${near}?`,
  };
}

function valueFault(kind: Kind, value: string): Omit<Problem, 'where'> | null {
  if (value.trim() === '') return { what: 'is empty', expected: 'a value', hint: 'unset it for the default' };
  if (typeof kind !== 'string')
    return kind.includes(value) ? null : { what: `is "${value}"`, expected: kind.join(' or ') };
  switch (kind) {
    case 'text':
      return null;
    case 'number':
      return /^\d{1,9}$/.test(value) ? null : { what: `is "${value}"`, expected: 'a whole number' };
    case 'mirror':
      if (/^https?:\/\/./.test(value)) return null;
      return isFolder(value) ? null : { what: `there is no folder ${value}`, expected: 'an http address, or a folder' };
    case 'path':
      return existsSync(value) ? null : { what: `there is no ${resolve(value)}`, expected: 'a file or folder' };
    case 'flag':
      return value === '1' ? null : { what: `is "${value}"`, expected: '1', hint: 'unset it to switch it off' };
    case 'input':
    case 'folder':
      return folderFault(kind, resolve(value));
  }
}

const isFolder = (path: string) => statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;

function folderFault(kind: 'input' | 'folder', path: string): Omit<Problem, 'where'> | null {
  const found = nearestThere(path);
  if (!found.folder) return { what: `${found.path} is a file`, expected: 'a folder' };
  if (kind === 'input' && found.path !== path) return { what: `there is no folder ${path}`, expected: 'a folder' };
  return null;
}

/** The path, or the nearest above it that exists, and whether it is a folder. */
function nearestThere(path: string): { path: string; folder: boolean } {
  try {
    return { path, folder: statSync(path).isDirectory() };
  } catch (error) {
    // A file above gives ENOTDIR; what may not be looked at is told where it is used.
    if ((error as NodeJS.ErrnoException).code === 'EACCES' || dirname(path) === path) return { path, folder: true };
    return nearestThere(dirname(path));
  }
}
