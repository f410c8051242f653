/**
 * The fused kernels of a link (kernels/*.cc): what they are built from, and whether a link has those of this version.
 * They are a library of their own beside the addon, so that an addon never fails for want of them.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { projectRoot, sha256 } from '../../files';
import { exitCode, userError } from '../../problems';
import { linkCommand, type FoundLink } from './state';

const folder = join(projectRoot, 'src', 'tensor', 'link', 'kernels');

/**
 * Raised when the kernels' numbers change: it is part of the identity of runs that ask for them, so those that were
 * computed with others keep theirs. A test holds what the kernels of this version give.
 */
export const fusedVersion = 2;

/**
 * Compiler options beside the addon's. Nothing may be contracted or reordered: results have the same bytes whatever the
 * processor's instruction set is (kernels/registers.h).
 */
export const kernelOptions = ['-O2', '-fno-math-errno', '-ffp-contract=off', '-Wno-psabi'];

/** Path of the kernels inside a link's folder, beside the addon. */
export const kernelsPath = (addonPath: string): string => join(addonPath, '..', 'fused_kernels.node');

/** The files that the kernels are made of, sorted. */
export const kernelSources = (): string[] =>
  readdirSync(folder)
    .sort()
    .map((name) => join(folder, name));

let version: string | undefined;

/** sha256 of all that the kernels are built from. */
export function kernelVersion(): string {
  version ??= sha256([...kernelOptions, ...kernelSources().map((path) => readFileSync(path, 'utf8'))].join('\n'));
  return version;
}

/** Whether a link has the kernels of this version: their file, or why not. */
export function kernelsOf({ kernels, addonFile }: FoundLink): { file: string } | { file: null; why: string } {
  const none = (why: string) => ({ file: null, why });
  if (kernels === undefined) return none('TensorFlow was linked by a version that had none');
  if (kernels.source !== kernelVersion()) return none('TensorFlow was linked with those of another version');
  if (kernels.problem !== null) return none(kernels.problem);
  const file = kernelsPath(addonFile);
  return existsSync(file) ? { file } : none(`${file} is gone`);
}

/** Whether linking again may give the link kernels: they have not been tried in this version. */
export const canHaveKernels = ({ kernels }: FoundLink): boolean => kernels?.source !== kernelVersion();

/** The library of a link's fused kernels. @throws UserError (exit code 3) saying why there is none and what mends it */
export function fusedFile(link: FoundLink): string {
  const kernels = kernelsOf(link);
  if (kernels.file !== null) return kernels.file;
  throw userError(
    {
      where: 'kernels: fused',
      what: `the linked TensorFlow has no fused kernels: ${kernels.why}`,
      hint: `run: ${linkCommand}; or leave "kernels" out`,
    },
    exitCode.unavailable,
  );
}
