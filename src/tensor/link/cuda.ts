/** The CUDA libraries of a TensorFlow that was built for NVIDIA GPUs: getting them, and why a GPU is not used. */
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { errorLine, findTool } from '../../tool';
import { isOffline, pipDownload } from '../../pip';
import { linkCommand, type Link } from './state';
import { hasNvidia } from './tools';
import { unpackNvidia } from './wheel';

/** The package of a requirement: `nvidia-cublas-cu12` of `nvidia-cublas-cu12<13.0,>=12.5.3.2`. */
export const packageOf = (requirement: string): string => requirement.split(/[<>=!~; ]/)[0]!;

interface CudaLibraries {
  /** folder with nvidia/<name>/lib/*.so*, or null when there is none of them */
  nvidia: string | null;
  /** packages that could not be had */
  missing: string[];
  /** why not, of the first; null when nothing is missing */
  why: string | null;
}

/**
 * Unpacks the wheels of the requirements into `work`: those that lie in the folder `beside`, the others by pip. Throws
 * UserError for a torn or hostile wheel.
 */
export async function cudaLibraries(
  requirements: readonly string[],
  { work, beside, say, where }: { work: string; beside: string | null; say: (line: string) => void; where: string },
): Promise<CudaLibraries> {
  const missing: string[] = [];
  let why: string | null = null;
  let offline = false;
  for (const requirement of requirements) {
    const name = packageOf(requirement);
    const given = beside === null ? null : wheelOf(name, beside);
    const problem: string | null =
      given !== null ? null : offline ? 'cannot reach a package index' : await download(requirement, work, say);
    offline ||= problem === 'cannot reach a package index';
    const file = given ?? wheelOf(name, join(work, 'cuda-download'));
    if (problem === null && file !== null) {
      await unpackNvidia(file, work, where);
      continue;
    }
    missing.push(name);
    why ??= `${name}: ${problem ?? 'pip gave no wheel of it'}`;
  }
  const folder = join(work, 'nvidia');
  return { nvidia: existsSync(folder) ? folder : null, missing, why };
}

/** The last by name of a package's wheels in a folder. */
function wheelOf(name: string, folder: string): string | null {
  if (!existsSync(folder)) return null;
  const start = `${name.replaceAll('-', '_')}-`;
  const file = readdirSync(folder)
    .filter((each) => each.startsWith(start) && each.endsWith('.whl'))
    .sort()
    .at(-1);
  return file === undefined ? null : join(folder, file);
}

/** By pip into cuda-download; what went wrong, or null. */
async function download(requirement: string, work: string, say: (line: string) => void): Promise<string | null> {
  const python = findTool('python3');
  if (python === null) return 'python3 is not found';
  say(`downloading ${packageOf(requirement)} with pip`);
  const result = await pipDownload(python, requirement, join(work, 'cuda-download'));
  if (result.code === 0) return null;
  return isOffline(result) ? 'cannot reach a package index' : errorLine(result);
}

/** What of the machine decides whether TensorFlow can use a GPU. */
export interface GpuFacts {
  driver: boolean;
  /** CUDA_VISIBLE_DEVICES */
  visible: string | undefined;
}

const gpuFacts = (): GpuFacts => ({ driver: hasNvidia(), visible: process.env['CUDA_VISIBLE_DEVICES'] });

/** Why the linked TensorFlow uses no GPU, and what mends it. */
export function whyNoGpu(
  { cuda, cudaMissing = [] }: Pick<Link, 'cuda' | 'cudaMissing'>,
  { driver, visible }: GpuFacts = gpuFacts(),
): { why: string; hint: string } {
  if (!cuda) return { why: 'the linked library was built without CUDA', hint: `run: ${linkCommand}` };
  if (!driver)
    return { why: 'there is no NVIDIA driver', hint: 'install the driver of the GPU, then check nvidia-smi' };
  if (visible !== undefined && !/^\d|^GPU-|^MIG-/.test(visible.trim()))
    return { why: `CUDA_VISIBLE_DEVICES=${visible} hides every one`, hint: 'unset CUDA_VISIBLE_DEVICES' };
  if (cudaMissing.length > 0)
    return {
      why: `the link has no CUDA libraries of its own (${cudaMissing.join(', ')}), and none that suit it were found`,
      hint: `run: ${linkCommand}`,
    };
  return { why: 'the library found no usable one', hint: 'check nvidia-smi' };
}
