/** The places where a TensorFlow may be found, in the order in which they are tried. */
import { cpSync, existsSync, mkdirSync, readdirSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { cudaLibraries, packageOf } from './cuda';
import { libraryInFolder, type Library } from './library';
import { isOffline, pipDownload } from '../../pip';
import { addonPackageFolder, addonPackageVersion, givenTensorflow, listLinks, napiVersion } from './state';
import { errorLine, findTool, runTool, type ToolResult } from '../../tool';
import { linkError } from './tools';
import { unpackTensorflow } from './wheel';

/**
 * One way to get a TensorFlow; `obtain` may write into `work`, and throws a UserError with one problem when there is
 * none.
 */
export interface Source {
  name: string;
  /** disk that it needs, bytes */
  disk: number;
  obtain(work: string, say: (line: string) => void): Promise<Library>;
}

/** Newest TensorFlow line this addon was tried with; wheels above it are not downloaded. */
const wheelRange = '>=2.15,<2.22';
/**
 * Python versions whose wheels are taken when there is none for the running Python: only the C library inside is used.
 */
const otherPythons = ['3.12', '3.11', '3.13', '3.10'];
const gigabyte = 2 ** 30;
const otherwise = 'set EQUIPOISE_TENSORFLOW to a TensorFlow folder or wheel';

/**
 * All sources for this machine; with an NVIDIA driver those built for CUDA come first. EQUIPOISE_TENSORFLOW excludes
 * all others. `complete`: only what lacks neither the headers of fused kernels, which earlier versions did not keep, nor
 * CUDA libraries.
 */
export function sourcesToTry(nvidia: boolean, complete = false): Source[] {
  const given = givenTensorflow();
  if (given !== null)
    return [
      {
        name: `EQUIPOISE_TENSORFLOW=${given}`,
        disk: gigabyte,
        obtain: (work, say) => fromGiven(given, nvidia, work, say),
      },
    ];
  const python: Source = { name: 'TensorFlow of python3', disk: gigabyte, obtain: () => fromPython(false) };
  const cpuWheel: Source = {
    name: 'pip download tensorflow-cpu',
    disk: 2 * gigabyte,
    obtain: (work, say) => fromPip(['tensorflow-cpu', 'tensorflow'], false, work, say),
  };
  const own: Source = {
    name: "tfjs-node's own download",
    disk: gigabyte,
    obtain: (work, say) => fromTfjsDownload(work, say),
  };
  const earlier = listLinks()
    .filter((link) => link.platform === process.platform && link.arch === process.arch && (link.cuda || !nvidia))
    .filter(
      ({ folder, cudaMissing = [] }) =>
        !complete ||
        (existsSync(join(folder, 'deps', 'include', 'tensorflow', 'c', 'kernels.h')) &&
          (!nvidia || cudaMissing.length === 0)),
    )
    .map((link): Source => ({
      name: `earlier link of TensorFlow ${link.tensorflow}`,
      disk: 0,
      obtain: async () => ({
        ...libraryInFolder(join(link.folder, 'deps'), link.source, 'earlier link'),
        cuda: link.cuda,
        ...(link.cudaMissing === undefined ? {} : { cudaMissing: link.cudaMissing }),
        ...(link.addon === addonPackageVersion() && link.napi === napiVersion ? { addonFile: link.addonFile } : {}),
      }),
    }));
  if (!nvidia) return [...earlier, python, cpuWheel, own];
  return [
    ...earlier,
    { name: 'TensorFlow of python3 with CUDA', disk: gigabyte, obtain: () => fromPython(true) },
    {
      name: 'pip download tensorflow and nvidia-*',
      disk: 9 * gigabyte,
      obtain: (work, say) => fromPip(['tensorflow'], true, work, say),
    },
    python,
    cpuWheel,
    own,
  ];
}

/**
 * A folder or a wheel that the user names. With an NVIDIA driver a wheel's CUDA libraries are taken from wheels beside it
 * or by pip; those that cannot be had are named in the link, which runs without a GPU all the same.
 */
async function fromGiven(given: string, nvidia: boolean, work: string, say: (line: string) => void): Promise<Library> {
  const where = 'EQUIPOISE_TENSORFLOW',
    source = { kind: 'given', path: given } as const;
  if (!existsSync(given))
    throw linkError(
      where,
      `${given} does not exist`,
      'name the folder of a TensorFlow package or C library, or a wheel',
    );
  if (!given.endsWith('.whl')) return libraryInFolder(given, source, where);
  const { library, nvidiaRequirements } = await unpackTensorflow(given, work, where);
  if (!library.cuda) return { ...library, source };
  const found = await cudaLibraries(nvidia ? nvidiaRequirements : [], { work, beside: dirname(given), say, where });
  const cudaMissing = nvidia ? found.missing : nvidiaRequirements.map(packageOf);
  if (found.why !== null) say(`without ${cudaMissing.join(', ')}: ${found.why}`);
  return { ...library, source, nvidia: found.nvidia, cudaMissing };
}

/** The package that `python3` would import, found without importing it. */
async function fromPython(cuda: boolean): Promise<Library> {
  const where = 'python3',
    python = findTool('python3');
  if (python === null) throw linkError(where, 'not found', 'apt-get install python3');
  const found = await runTool(
    python,
    [
      '-c',
      "import importlib.util as u; s = u.find_spec('tensorflow'); print(s.submodule_search_locations[0] if s and s.submodule_search_locations else '')",
    ],
    { seconds: 60 },
  );
  if (found.code !== 0) throw linkError(where, errorLine(found));
  const folder = found.out.trim();
  if (folder === '') throw linkError(where, 'has no package tensorflow', 'pip install tensorflow-cpu');
  const library = libraryInFolder(resolve(folder), { kind: 'python', folder: resolve(folder) }, where);
  if (cuda && !library.cuda)
    throw linkError(where, 'its TensorFlow is built without CUDA', "pip install 'tensorflow[and-cuda]'");
  return library;
}

/** The first of `names` for which pip has a wheel, with its CUDA libraries when asked. */
async function fromPip(names: string[], cuda: boolean, work: string, say: (line: string) => void): Promise<Library> {
  const where = 'pip',
    python = findTool('python3');
  if (python === null) throw linkError(where, 'python3 is not found', 'apt-get install python3 python3-pip');
  if ((await runTool(python, ['-m', 'pip', '--version'], { seconds: 60 })).code !== 0)
    throw linkError(where, 'python3 has no pip', 'apt-get install python3-pip');
  const downloads = join(work, 'download');
  mkdirSync(downloads, { recursive: true });
  let wheel: string | null = null,
    last: ToolResult | null = null;
  search: for (const name of names) {
    for (const version of [null, ...otherPythons]) {
      say(`downloading ${name} with pip${version === null ? '' : ` (wheel for Python ${version})`}`);
      last = await pipDownload(
        python,
        `${name}${wheelRange}`,
        downloads,
        version === null ? [] : ['--python-version', version],
      );
      if (last.code === 0) {
        wheel =
          readdirSync(downloads)
            .sort()
            .find((file) => file.startsWith('tensorflow') && file.endsWith('.whl')) ?? null;
        break search;
      }
      if (isOffline(last)) break search;
    }
  }
  if (wheel === null)
    throw linkError(
      where,
      last !== null && isOffline(last) ? 'cannot reach a package index' : errorLine(last!),
      otherwise,
    );
  say(`unpacking ${wheel}`);
  const { library, nvidiaRequirements } = await unpackTensorflow(join(downloads, wheel), work, where);
  if (!cuda) return library;
  if (!library.cuda) throw linkError(where, `${wheel} is built without CUDA`);
  const found = await cudaLibraries(nvidiaRequirements, { work, beside: null, say, where });
  if (found.why !== null) throw linkError(where, found.why);
  return { ...library, nvidia: found.nvidia };
}

/**
 * The C library that tfjs-node itself would download, by its own script, run in a copy of its folder because it writes
 * beside itself. Only the download is wanted: without node-pre-gyp on PATH the script stops before building.
 */
async function fromTfjsDownload(work: string, say: (line: string) => void): Promise<Library> {
  const where = "tfjs-node's own download",
    from = addonPackageFolder();
  if (from === null) throw linkError(where, '@tensorflow/tfjs-node-gpu is not installed', 'run: npm ci');
  const copy = join(work, 'tfjs-node'),
    deps = join(copy, 'deps');
  mkdirSync(copy);
  for (const part of ['scripts', 'package.json']) cpSync(join(from, part), join(copy, part), { recursive: true });
  say('downloading the C library of tfjs-node');
  const giveUp = new AbortController();
  const running = runTool(process.execPath, ['scripts/install.js', 'cpu', 'download'], {
    seconds: 1200,
    folder: copy,
    signal: giveUp.signal,
    environment: {
      PATH: '',
      NODE_PATH: [join(from, 'node_modules'), dirname(dirname(from))].join(':'),
    },
  });
  // behind a firewall that drops packets it would wait for ever
  const patience = setTimeout(() => {
    if (!existsSync(join(deps, 'lib'))) giveUp.abort();
  }, 30_000);
  const result = await running;
  clearTimeout(patience);
  if (giveUp.signal.aborted) throw linkError(where, 'nothing came within 30 seconds', otherwise);
  if (!existsSync(join(deps, 'lib', 'libtensorflow.so.2'))) throw linkError(where, errorLine(result), otherwise);
  return libraryInFolder(deps, { kind: 'tfjs-download' }, where);
}
