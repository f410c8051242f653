/** From a library to a link: files in place, the addon compiled against it, both tried in a child process. */
import { constants, copyFileSync, linkSync, mkdirSync, readdirSync, realpathSync, statSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { kernelOptions, kernelSources, kernelVersion, kernelsPath } from './kernels';
import { addonSources, copyHeaders, type Library } from './library';
import { addonPath, napiVersion, type LinkKernels } from './state';
import { errorLine, findTool, runTool, type ToolResult } from '../../tool';
import { linkError } from './tools';

/** What the check program saw. */
interface CheckedFacts {
  tensorflow: string;
  gpu: boolean;
}

/**
 * Builds a link in the folder `into`: deps/lib, deps/include (so that a newer addon can be built from it without
 * another download), deps/nvidia, the addon and, where they can be had, the fused kernels.
 * @throws UserError naming the missing compiler, or the compiler's first error
 */
export async function buildLink(library: Library, into: string): Promise<LinkKernels> {
  const lib = join(into, 'deps', 'lib'),
    include = join(into, 'deps', 'include'),
    addon = join(into, addonPath);
  mkdirSync(lib, { recursive: true });
  mkdirSync(dirname(addon), { recursive: true });
  const main = basename(library.main).startsWith('libtensorflow_cc') ? 'libtensorflow_cc.so.2' : 'libtensorflow.so.2';
  for (const name of [main, 'libtensorflow.so']) linkOrCopy(library.main, join(lib, name));
  for (const name of ['libtensorflow_framework.so.2', 'libtensorflow_framework.so'])
    linkOrCopy(library.framework, join(lib, name));
  if (library.nvidia !== null) placeNvidia(library.nvidia, join(into, 'deps', 'nvidia'));
  await copyHeaders((path) => readFile(join(library.include, path), 'utf8').catch(() => null), include);
  if (library.addonFile === undefined) await compileAddon(include, lib, addon);
  else copyFileSync(library.addonFile, addon);
  return { source: kernelVersion(), problem: await compileKernels(include, lib, kernelsPath(addon)) };
}

const shared = ['-std=c++17', '-fPIC', '-shared'];
/** A library in a link's lib/napi-v8 against those in its deps/lib. */
const output = (to: string, lib: string, libraries: string[]): string[] => [
  '-o',
  to,
  `-L${lib}`,
  ...libraries.map((name) => `-l${name}`),
  '-Wl,-rpath,$ORIGIN/../../deps/lib',
];

/** @throws UserError where there is none */
function compilerHere(): string {
  const compiler = findTool(...(process.env['CXX'] ? [process.env['CXX']] : ['c++', 'g++', 'clang++']));
  if (compiler !== null) return compiler;
  throw linkError(
    'compiler',
    process.env['CXX'] ? `CXX=${process.env['CXX']} is not found` : 'no C++ compiler is found',
    'apt-get install g++',
  );
}

/** Compiles the addon's C++ files with one command, against the headers of Node-API from npm. */
async function compileAddon(include: string, lib: string, to: string): Promise<void> {
  const compiler = compilerHere();
  const sources = addonSources().filter((path) => path.endsWith('.cc'));
  const result = await runTool(
    compiler,
    [
      ...shared,
      '-O2',
      `-DNAPI_VERSION=${napiVersion}`,
      `-I${dirname(dirname(sources[0] ?? '.'))}`,
      `-I${join(dirname(require.resolve('node-api-headers/package.json')), 'include')}`,
      `-I${include}`,
      ...sources,
      ...output(to, lib, ['tensorflow', 'tensorflow_framework']),
    ],
    { seconds: 600 },
  );
  if (result.code !== 0)
    throw linkError(
      'compiler',
      `${basename(compiler)} failed: ${errorLine(result)}`,
      'a C++17 compiler is needed: apt-get install g++',
    );
}

/** Compiles the fused kernels with one command. Why there are none, or null: they are never a reason not to link. */
async function compileKernels(include: string, lib: string, to: string): Promise<string | null> {
  const result = await runTool(
    compilerHere(),
    [
      ...shared,
      ...kernelOptions,
      `-I${include}`,
      ...kernelSources().filter((path) => path.endsWith('.cc')),
      ...output(to, lib, ['tensorflow_framework']),
    ],
    { seconds: 600 },
  );
  return result.code === 0 ? null : `they could not be built: ${errorLine(result)}`;
}

const runCheck = (files: string[]): Promise<ToolResult> =>
  runTool(process.execPath, [join(__dirname, 'check.cjs'), ...files], {
    seconds: 180,
    environment: {
      TF_CPP_MIN_LOG_LEVEL: '2',
      TF_NUM_INTRAOP_THREADS: '1',
      TF_NUM_INTEROP_THREADS: '1',
      TF_FORCE_GPU_ALLOW_GROWTH: 'true',
    },
  });

/** Tries the fused kernels beside their addon in a child process. Why they are no good, or null. */
export async function checkKernels(addon: string): Promise<string | null> {
  const result = await runCheck([addon, kernelsPath(addon)]);
  return result.code === 0 ? null : `they fail their check: ${errorLine(result)}`;
}

/** Tries an addon in a child process. @throws UserError with what it printed, or the signal that ended it */
export async function checkAddon(file: string, where: string): Promise<CheckedFacts> {
  const result = await runCheck([file]);
  if (result.signal === 'SIGILL')
    throw linkError(where, 'the library uses instructions that this processor does not have', 'use backend wasm');
  if (result.code !== 0) throw linkError(where, `the linked library fails its check: ${errorLine(result)}`);
  const line = result.out.trim().split('\n').at(-1) ?? '';
  try {
    const facts = JSON.parse(line) as CheckedFacts;
    if (typeof facts.tensorflow === 'string' && typeof facts.gpu === 'boolean') return facts;
  } catch {
    // told below
  }
  throw linkError(where, `the check of the linked library printed: ${line.slice(0, 200)}`);
}

/**
 * The CUDA libraries below nvidia/<name>/lib, in the same layout: the library's rpath is $ORIGIN/../nvidia/<name>/lib.
 */
function placeNvidia(from: string, to: string): void {
  for (const name of readdirSync(from).sort()) {
    const lib = join(from, name, 'lib');
    if (!statSync(join(from, name)).isDirectory() || !statSync(lib, { throwIfNoEntry: false })?.isDirectory()) continue;
    mkdirSync(join(to, name, 'lib'), { recursive: true });
    for (const file of readdirSync(lib).sort()) {
      if (/\.so[0-9.]*$/.test(file)) linkOrCopy(realpathSync(join(lib, file)), join(to, name, 'lib', file));
    }
  }
}

/** A hard link where the file system and the owner allow one, else a copy. */
function linkOrCopy(from: string, to: string): void {
  try {
    linkSync(from, to);
  } catch (error) {
    if (
      !['EXDEV', 'EPERM', 'EACCES', 'EMLINK', 'ENOTSUP', 'EOPNOTSUPP'].includes(
        (error as NodeJS.ErrnoException).code ?? '',
      )
    )
      throw error;
    copyFileSync(from, to, constants.COPYFILE_FICLONE);
  }
}
