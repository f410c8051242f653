/** A TensorFlow library on disk: which files make it one, and whether it suits this machine. */
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  readSync,
  readdirSync,
  realpathSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { kernelSources } from './kernels';
import { addonPackageFolder, type LinkSource } from './state';
import { linkError } from './tools';

/** Oldest TensorFlow that is linked, except tfjs-node's own download: the first with CUDA 12 wheels. */
export const oldestTensorflow = '2.15';

/** Where the parts of a TensorFlow lie. Nothing in it is changed: linking makes hard links or copies. */
export interface Library {
  source: LinkSource;
  /** absolute path of libtensorflow_cc.so.2 or libtensorflow.so.2 */
  main: string;
  /** absolute path of libtensorflow_framework.so.2 */
  framework: string;
  /** folder in which `tensorflow/c/c_api.h` lies */
  include: string;
  /** folder with CUDA libraries as nvidia/<name>/lib/*.so*, or null */
  nvidia: string | null;
  /** built for NVIDIA GPUs */
  cuda: boolean;
  /** packages of CUDA libraries that it wants and that lie not in `nvidia`, where that is known */
  cudaMissing?: string[];
  /** an addon that was built against it already */
  addonFile?: string;
}

const mainNames = ['libtensorflow_cc.so.2', 'libtensorflow.so.2'];
const frameworkName = 'libtensorflow_framework.so.2';

/**
 * The library in a folder: a Python package folder (libraries beside include/), a C library archive or a `deps` folder
 * (libraries in lib/).
 * @throws UserError saying which part is missing
 */
export function libraryInFolder(folder: string, source: LinkSource, where: string): Library {
  if (!existsSync(folder)) throw linkError(where, `${folder} does not exist`);
  const find = (names: string[]) =>
    [folder, join(folder, 'lib')]
      .flatMap((base) => names.map((name) => join(base, name)))
      .find((path) => existsSync(path));
  const main = find(mainNames),
    framework = find([frameworkName]);
  if (main === undefined || framework === undefined)
    throw linkError(where, `${folder} holds no ${main === undefined ? mainNames.join(' or ') : frameworkName}`);
  const include = join(folder, 'include');
  if (!existsSync(join(include, 'tensorflow', 'c', 'c_api.h')))
    throw linkError(where, `${include} holds no tensorflow/c/c_api.h`);
  const nvidia = [join(folder, 'nvidia'), join(dirname(folder), 'nvidia')].find((path) => existsSync(path)) ?? null;
  const library: Library = {
    source,
    main: realpathSync(main),
    framework: realpathSync(framework),
    include,
    nvidia,
    cuda: isCudaBuild(folder),
  };
  checkArchitecture(library.main, where);
  return library;
}

/**
 * Whether a package folder says it was built with CUDA (python/platform/build_info.py), or a `deps` folder holds CUDA
 * libraries.
 */
function isCudaBuild(folder: string): boolean {
  const info = join(folder, 'python', 'platform', 'build_info.py');
  return existsSync(info) ? saysCuda(readFileSync(info, 'utf8')) : existsSync(join(folder, 'nvidia'));
}

/** Reads the `is_cuda_build` fact of a wheel's build_info.py. */
export function saysCuda(buildInfo: string): boolean {
  return /'is_cuda_build',\s*True/.test(buildInfo);
}

/** e_machine of the ELF format, by Node's name of the architecture. */
const elfMachine: Record<string, number> = { x64: 62, arm64: 183 };

/** Refuses a shared library that is not one, or is for another processor. @throws UserError */
export function checkArchitecture(path: string, where: string): void {
  const head = Buffer.alloc(20);
  const file = openSync(path, 'r');
  try {
    readSync(file, head, 0, head.length, 0);
  } finally {
    closeSync(file);
  }
  if (head.readUInt32BE(0) !== 0x7f454c46) throw linkError(where, `${path} is no shared library of Linux`);
  const machine = head.readUInt16LE(18);
  if (machine === elfMachine[process.arch]) return;
  const name = Object.entries(elfMachine).find(([, value]) => value === machine)?.[0] ?? `machine ${machine}`;
  throw linkError(
    where,
    `the library is built for ${name}, this machine is ${process.arch}`,
    `take a TensorFlow for ${process.arch}`,
  );
}

/** The addon's C++ files, sorted. @throws UserError when the package is not installed */
export function addonSources(): string[] {
  const folder = addonPackageFolder();
  if (folder === null) throw linkError('node_modules', '@tensorflow/tfjs-node-gpu is not installed', 'run: npm ci');
  const binding = join(folder, 'binding');
  return readdirSync(binding)
    .filter((name) => name.endsWith('.cc') || name.endsWith('.h'))
    .sort()
    .map((name) => join(binding, name));
}

/**
 * Copies the headers that addon and fused kernels include, and those that they include, out of thousands: `read` gives
 * the text of a header by its path below the include folder, or null when there is none (a system header, or one of an
 * unused branch).
 */
export async function copyHeaders(read: (path: string) => Promise<string | null>, into: string): Promise<void> {
  const included = (text: string) =>
    [...text.matchAll(/^\s*#\s*include\s+"((?:tensorflow|tsl|xla)\/[A-Za-z0-9_./-]+\.h)"/gm)]
      .map((match) => match[1]!)
      .filter((path) => !path.split('/').includes('..'));
  const waiting = [...addonSources(), ...kernelSources()].flatMap((path) => included(readFileSync(path, 'utf8')));
  const seen = new Set<string>();
  for (let path = waiting.pop(); path !== undefined; path = waiting.pop()) {
    if (seen.has(path)) continue;
    seen.add(path);
    const text = await read(path);
    if (text === null) continue;
    mkdirSync(dirname(join(into, path)), { recursive: true });
    writeFileSync(join(into, path), text);
    waiting.push(...included(text));
  }
}
