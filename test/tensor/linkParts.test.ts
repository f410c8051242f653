/** What a link may lack: fused kernels, CUDA libraries, a GPU; with made-up wheels and links. */
import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { diagnosis, doctorLines } from '../../src/cli/doctor';
import { chooseArithmetic } from '../../src/runner/arithmetic';
import { cudaLibraries, whyNoGpu } from '../../src/tensor/link/cuda';
import { canHaveKernels, fusedVersion, kernelsOf, kernelsPath, kernelVersion } from '../../src/tensor/link/kernels';
import { linkTensorFlow } from '../../src/tensor/link/link';
import { logLevel } from '../../src/tensor/link/load';
import { findLink, linkCommand, type Link } from '../../src/tensor/link/state';
import { withCache } from '../../testing/environment';
import { putLink } from '../../testing/linkFolder';
import { writeWheel } from '../../testing/wheelFile';

const place = withCache('test', (folder) => ({
  EQUIPOISE_TENSORFLOW: undefined,
  CXX: undefined,
  PATH: join(folder, 'tools'),
}));

/** A python3 whose pip writes down what it is asked for and finds nothing. */
function pipWithout(says: string): void {
  mkdirSync(join(place.folder, 'tools'), { recursive: true });
  const file = join(place.folder, 'tools', 'python3');
  writeFileSync(file, `#!/bin/sh\nfor last; do :; done\necho "$last" >> ${asked()}\necho "${says}" >&2\nexit 1\n`);
  chmodSync(file, 0o755);
}
const asked = () => join(place.folder, 'asked');

/** The wheel of a CUDA library beside which others may lie. */
const cublas = (folder: string) =>
  writeWheel(join(folder, 'nvidia_cublas_cu12-12.5.3.2-py3-none-manylinux2014_x86_64.whl'), {
    members: { 'nvidia/cublas/lib/libcublas.so.12': 'cublas', 'nvidia/cublas/include/cublas.h': '' },
  });

const requirements = ['nvidia-cublas-cu12<13.0,>=12.5.3.2', 'nvidia-cudnn-cu12<10.0,>=9.3', 'nvidia-nccl-cu12'];
const cudaWheel = {
  members: {
    'tensorflow/python/platform/build_info.py': "build_info = dict([('is_cuda_build', True)])\n",
    'tensorflow_cpu-2.21.0.dist-info/METADATA': [
      'Metadata-Version: 2.1',
      'Name: tensorflow',
      'Version: 2.21.0',
      ...requirements.map((requirement) => `Requires-Dist: ${requirement}; extra == "and-cuda"`),
      '',
    ].join('\n'),
  },
};

describe('CUDA libraries of a given wheel', () => {
  test('come from wheels beside it, else from pip; the others are named, and pip is not asked again without a network', async () => {
    pipWithout('WARNING: Retrying (Retry(total=1)) after connection broken by NewConnectionError');
    cublas(place.folder);
    const work = join(place.folder, 'work');
    const found = await cudaLibraries(requirements, { work, beside: place.folder, say: () => undefined, where: 'x' });
    expect(found).toEqual({
      nvidia: join(work, 'nvidia'),
      missing: ['nvidia-cudnn-cu12', 'nvidia-nccl-cu12'],
      why: 'nvidia-cudnn-cu12: cannot reach a package index',
    });
    expect(readFileSync(join(work, 'nvidia', 'cublas', 'lib', 'libcublas.so.12'), 'utf8')).toBe('cublas');
    expect(existsSync(join(work, 'nvidia', 'cublas', 'include'))).toBe(false);
    expect(readFileSync(asked(), 'utf8')).toBe(`${requirements[1]!}\n`);
  });

  test('are asked for where there is a driver, and not where there is none', async () => {
    pipWithout('ERROR: No matching distribution found');
    const wheel = join(place.folder, 'tensorflow-2.21.0-py3-none-any.whl');
    writeWheel(wheel, cudaWheel);
    process.env['EQUIPOISE_TENSORFLOW'] = wheel;
    const said: string[] = [];
    // no compiler, so the link itself is not made
    await linkTensorFlow({ nvidia: false, say: (line) => said.push(line) });
    expect(existsSync(asked())).toBe(false);
    const report = await linkTensorFlow({ nvidia: true, say: (line) => said.push(line) });
    expect(readFileSync(asked(), 'utf8').trim().split('\n')).toEqual(requirements);
    expect(said).toContain(
      'without nvidia-cublas-cu12, nvidia-cudnn-cu12, nvidia-nccl-cu12: nvidia-cublas-cu12: ERROR: No matching distribution found',
    );
    expect(report.attempts[0]!.problem).toContain('no C++ compiler is found');
  });
});

describe('why no GPU is used', () => {
  const cuda = { cuda: true };
  test.each([
    [{ cuda: false }, { driver: true, visible: undefined }, 'built without CUDA', linkCommand],
    [cuda, { driver: false, visible: undefined }, 'no NVIDIA driver', 'nvidia-smi'],
    [{ ...cuda, cudaMissing: ['nvidia-cudnn-cu12'] }, { driver: false, visible: '-1' }, 'no NVIDIA driver', 'driver'],
    [cuda, { driver: true, visible: '-1' }, 'CUDA_VISIBLE_DEVICES=-1 hides', 'unset'],
    [cuda, { driver: true, visible: '' }, 'hides every one', 'unset'],
    [
      { ...cuda, cudaMissing: ['nvidia-cudnn-cu12', 'nvidia-nccl-cu12'] },
      { driver: true, visible: '0' },
      'no CUDA libraries of its own (nvidia-cudnn-cu12, nvidia-nccl-cu12)',
      linkCommand,
    ],
    [cuda, { driver: true, visible: 'GPU-8932f937' }, 'found no usable one', 'nvidia-smi'],
  ])('%j with %j', (link, facts, why, hint) => {
    const told = whyNoGpu(link, facts);
    expect(told.why).toContain(why);
    expect(told.hint).toContain(hint);
  });
});

test('a library for GPUs that is to use none does not call that an error', () => {
  expect(logLevel({ cuda: true }, 'any', false)).toBe('3');
  expect(logLevel({ cuda: true }, 'cpu', true)).toBe('3');
  expect(logLevel({ cuda: true }, 'any', true)).toBe('2');
  expect(logLevel({ cuda: false }, 'cpu', false)).toBe('2');
});

describe('fused kernels of a link', () => {
  const built = (kernels: Link['kernels']) => {
    putLink(place.cache, 'a', kernels === undefined ? {} : { kernels });
    return findLink()!;
  };
  const whyNone = (kernels: Link['kernels']): string => {
    const found = kernelsOf(built(kernels));
    return found.file === null ? found.why : '';
  };

  test('are there only when they were built from these sources, computed rightly, and still lie there', () => {
    expect(whyNone(undefined)).toContain('by a version that had none');
    expect(whyNone({ source: 'other', problem: null })).toContain('another version');
    expect(whyNone({ source: kernelVersion(), problem: 'they could not be built: no header' })).toContain('no header');
    const link = built({ source: kernelVersion(), problem: null });
    expect(whyNone(link.kernels)).toContain('is gone');
    writeFileSync(kernelsPath(link.addonFile), '');
    expect(kernelsOf(link)).toEqual({ file: kernelsPath(link.addonFile) });
  });

  test('are tried again for an older link alone, which stays when that fails', async () => {
    expect(canHaveKernels(built({ source: kernelVersion(), problem: 'no header' }))).toBe(false);
    expect(await linkTensorFlow({ nvidia: false, complete: true })).toMatchObject({ made: false, attempts: [] });
    const older = built(undefined);
    expect(canHaveKernels(older)).toBe(true);
    expect(await linkTensorFlow({ nvidia: false })).toEqual({ link: older, made: false, attempts: [] });
    rmSync(join(place.folder, 'tools'), { recursive: true, force: true });
    process.env['TFJS_NODE_BASE_URI'] = 'http://127.0.0.1:9/libtensorflow-';
    const report = await linkTensorFlow({ nvidia: false, complete: true });
    delete process.env['TFJS_NODE_BASE_URI'];
    expect(report).toMatchObject({ link: older, made: false });
    // its own files are no source: they lack the headers
    expect(report.attempts.map(({ source }) => source)).not.toContain('earlier link of TensorFlow 2.18.0');
  });

  test('a run that asks for them is refused without them, on a processor alone', () => {
    putLink(place.cache, 'a', {});
    expect(chooseArithmetic({ backend: 'tensorflow', device: 'cpu' }).class).toBe('tensorflow-cpu');
    expect(() => chooseArithmetic({ backend: 'tensorflow', device: 'cpu', kernels: 'fused' })).toThrow(
      /kernels: fused: the linked TensorFlow has no fused kernels: .*; run: .*doctor --link/,
    );
    writeFileSync(kernelsPath(built({ source: kernelVersion(), problem: null }).addonFile), '');
    const fused = { backend: 'tensorflow', device: 'cpu', kernels: 'fused' } as const;
    expect(chooseArithmetic(fused).class).toBe(`tensorflow-cpu-fused-${fusedVersion}`);
    expect(chooseArithmetic({ ...fused, threads: 2 }).class).toBe(`tensorflow-cpu-fused-${fusedVersion}-2-threads`);
    expect(chooseArithmetic({ backend: 'wasm', device: 'cpu', kernels: 'fused' }).class).toBe('wasm');
    expect(chooseArithmetic({ backend: 'tensorflow', device: 'gpu', kernels: 'fused' }).class).toBe('tensorflow-gpu');
  });
});

test('doctor says what the link was built for, what it lacks and what mends it', () => {
  putLink(place.cache, 'a', { cuda: true, cudaMissing: ['nvidia-cudnn-cu12'] });
  const linked = diagnosis(findLink()!, false);
  expect(linked).toMatchObject({ build: 'cuda', cudaMissing: ['nvidia-cudnn-cu12'], noGpu: expect.any(String) });
  const text = (of: typeof linked) =>
    doctorLines({
      node: { version: '20.9.0', supported: true },
      system: 'linux x64',
      nvidiaDriver: false,
      backends: [],
      linked: of,
      project: { config: null, folders: [] },
      cache: { folder: 'cache', parts: [] },
      tools: [],
      missing: [],
      link: null,
    }).join('\n');
  const whole = text({ ...linked!, noGpu: 'there is no NVIDIA driver' });
  expect(whole).toContain('TensorFlow 2.18.0, built for NVIDIA GPUs and processors');
  expect(whole).toContain(
    'GPU: not used, there is no NVIDIA driver; CUDA libraries that are not beside it: nvidia-cudnn-cu12',
  );
  expect(whole).toContain(
    `fused kernels: none, TensorFlow was linked by a version that had none; to add them: ${linkCommand}`,
  );
  const plain = text({ tensorflow: '2.21.0', build: 'cpu', cudaMissing: [], noGpu: null, noKernels: null });
  expect(plain).toContain('TensorFlow 2.21.0, built for processors');
  expect(plain).toContain('fused kernels: there');
  expect(plain).not.toContain('GPU');
});
