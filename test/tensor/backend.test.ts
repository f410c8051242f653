import { realpathSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, test } from 'vitest';
import { versionOf } from '../../src/optional';
import { UserError } from '../../src/problems';
import { availableBackends, chooseBackend, tensorflowBinding, useBackend } from '../../src/tensor/backend';
import { compareVersions, findLink, type Link } from '../../src/tensor/link/state';
import { hasNvidia } from '../../src/tensor/link/tools';
import { withCache } from '../../testing/environment';
import { putLink as putLinkIn } from '../../testing/linkFolder';

const require = createRequire(__filename);
const realLink = findLink();

/** The UserError that a call ends with. */
async function problemOf(work: () => unknown): Promise<UserError> {
  try {
    await work();
  } catch (error) {
    if (error instanceof UserError) return error;
    throw error;
  }
  throw new Error('no error came');
}

describe('choosing, with a cache of its own', () => {
  const place = withCache('test', () => ({ EQUIPOISE_TENSORFLOW: undefined }));

  const putLink = (name: string, link: Partial<Link>, parts?: { json?: string; addon?: boolean }) =>
    putLinkIn(place.cache, name, link, parts);

  test('without a link auto is wasm and says why', () => {
    expect(chooseBackend({ name: 'auto' })).toMatchObject({
      name: 'wasm',
      reason: expect.stringContaining('doctor --link'),
    });
    expect(availableBackends().find(({ name }) => name === 'tensorflow')).toMatchObject({
      available: false,
      hint: 'npm run equipoise -- doctor --link',
    });
  });

  test('a named backend that is not linked is refused with the command that mends it, never replaced', async () => {
    for (const request of [{ name: 'tensorflow' }, { name: 'auto', device: 'gpu' }] as const) {
      const error = await problemOf(() => useBackend(request));
      expect(error.code).toBe(3);
      expect(error.message).toContain('npm run equipoise -- doctor --link');
    }
  });

  test('a link that does not load is an error also for auto', async () => {
    putLink('a', {});
    expect(chooseBackend({ name: 'auto' })).toMatchObject({
      name: 'tensorflow',
      reason: expect.stringContaining('2.18.0'),
    });
    if (tensorflowBinding() !== null) return;
    const error = await problemOf(() => useBackend({ name: 'auto' }));
    expect(error.code).toBe(3);
    expect(error.message).toMatch(/does not load: .*; run: npm run equipoise -- doctor --link/);
  });

  test('links that are torn, without an addon, or for something else do not count', () => {
    putLink('torn', {}, { json: '{"format": "equipoise-link/1", "tens' });
    putLink('other format', { format: 'equipoise-link/0' as Link['format'] });
    putLink('no addon', {}, { addon: false });
    putLink('other addon', { addon: '4.0.0' });
    putLink('other processor', { arch: 'mips' });
    putLink('other system', { platform: 'aix' });
    putLink('.work-1', { napi: 3 });
    expect(findLink()).toBeNull();
  });

  test('of several links CUDA comes first, then the newest by number', () => {
    putLink('a', { tensorflow: '2.9.1' });
    const newest = putLink('b', { tensorflow: '2.21.0' });
    expect(findLink()?.folder).toBe(newest);
    const cuda = putLink('c', { tensorflow: '2.16.1', cuda: true });
    expect(findLink()?.folder).toBe(cuda);
  });

  test('EQUIPOISE_TENSORFLOW takes its own link or none', () => {
    putLink('a', { tensorflow: '2.21.0' });
    process.env['EQUIPOISE_TENSORFLOW'] = join(place.cache, 'mine');
    expect(findLink()).toBeNull();
    const mine = putLink('b', { source: { kind: 'given', path: join(place.cache, 'mine') } });
    expect(findLink()?.folder).toBe(mine);
  });
});

test('versions compare by number', () => {
  expect(['2.9.1', '2.21.0', '2.15', '2.15.0', '10.0'].sort(compareVersions)).toEqual([
    '2.9.1',
    '2.15',
    '2.15.0',
    '2.21.0',
    '10.0',
  ]);
});

test('backends that never use a GPU refuse one', async () => {
  for (const name of ['cpu', 'wasm'] as const) {
    const error = await problemOf(() => useBackend({ name, device: 'gpu' }));
    expect(error.code).toBe(3);
    expect(error.message).toContain('gpu was asked for');
  }
  expect((await problemOf(() => useBackend({ name: 'webgpu', device: 'cpu' }))).code).toBe(3);
});

test('a number of threads that is none is refused', async () => {
  for (const threads of [0, 1.5, -2, NaN])
    expect((await problemOf(() => useBackend({ name: 'cpu', threads }))).code).toBe(2);
});

test('there is one tfjs-core, whoever asks for it', () => {
  const from = (name: string) =>
    realpathSync(createRequire(require.resolve(`${name}/package.json`)).resolve('@tensorflow/tfjs-core'));
  const all = [
    'tfjs',
    'tfjs-backend-cpu',
    'tfjs-backend-wasm',
    ...(versionOf('@tensorflow/tfjs-backend-webgpu') === null ? [] : ['tfjs-backend-webgpu']),
    'tfjs-node-gpu',
    'tfjs-layers',
    'tfjs-data',
    'tfjs-converter',
  ].map((name) => from(`@tensorflow/${name}`));
  expect(new Set(all)).toEqual(new Set([realpathSync(require.resolve('@tensorflow/tfjs-core'))]));
});

test('cpu and wasm start, say what runs, and can follow one another', async () => {
  for (const name of ['cpu', 'wasm', 'cpu'] as const) {
    const facts = await useBackend({ name, threads: 4 });
    expect(facts).toMatchObject({
      name,
      device: 'cpu',
      gpu: false,
      threads: 1,
      tensorflow: null,
      versions: { node: process.versions.node, tfjs: '4.22.0' },
    });
    expect(facts.notices).toEqual([`${name} uses one thread in Node; 4 were asked for`]);
    expect(tf.getBackend()).toBe(name);
    expect(tensorflowBinding()).toBeNull();
  }
});

test('tensorflow starts from the link, once per process and setting', async (context) => {
  if (realLink === null) context.skip('TensorFlow is not linked on this machine');
  const facts = await useBackend({ name: 'tensorflow', threads: 1 });
  expect(facts).toMatchObject({
    name: 'tensorflow',
    threads: 1,
    tensorflow: realLink!.tensorflow,
    versions: { 'tfjs-node-gpu': '4.22.0' },
  });
  expect(process.env['TF_NUM_INTRAOP_THREADS']).toBe('1');
  expect(tensorflowBinding()?.binding.TF_Version).toBe(realLink!.tensorflow);
  expect((await problemOf(() => useBackend({ name: 'tensorflow', threads: 2 }))).message).toContain(
    'already runs with 1 threads',
  );
  await useBackend({ name: 'wasm' });
  expect(tensorflowBinding()).toBeNull();
  expect(await useBackend({ name: 'tensorflow' })).toEqual(facts); // what is left open follows what runs already
  if (!hasNvidia()) {
    const error = await problemOf(() => useBackend({ name: 'tensorflow', threads: 1, device: 'gpu' }));
    expect(error.code).toBe(3);
    expect(error.message).toContain('a gpu was asked for and is not used');
  }
});
