/** Frozen weights in files that TensorFlow maps: the same numbers, nothing copied, one copy for several processes, no file trusted. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  existsSync,
  readFileSync,
  readdirSync,
  statSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it, vi } from 'vitest';
import { withCache } from '../../testing/environment';
import { sumOfFile } from '../../testing/sumOfFile';
import { cachePath, projectRoot } from '../../src/files';
import { frozenTensors, openFrozenFiles, type FrozenFiles } from '../../src/models/weights/frozenFiles';
import { availableBackends, useBackend } from '../../src/tensor/backend';
import { fromBfloat16, toBfloat16 } from '../../src/tensor/bfloat16';
import { openSession, type Program, type StateValue } from '../../src/tensor/program';
import { isFile, type TensorFile } from '../../src/tensor/tensorFile';
import { need, tf } from '../../src/tensor/tf';

const linked = availableBackends().some(({ name, available }) => name === 'tensorflow' && available);
const cache = cachePath(); // with the linked TensorFlow, before each test has one of its own
withCache('test');
beforeAll(async () => {
  await useBackend({ name: linked ? 'tensorflow' : 'wasm', threads: 1 });
});

const shape = [64, 96];
const values = Float32Array.from({ length: 64 * 96 }, (_, i) => Math.sin(i) * 3);
const tensor = (isNarrow: boolean) => ({ name: 'layers.0.q', shape, isNarrow });

/** The tensor's file, made of `values` where it is not there. */
async function made(isNarrow: boolean): Promise<{ file: TensorFile; loads: number; files: FrozenFiles }> {
  let loads = 0;
  const files = openFrozenFiles({ of: 'a test' })!;
  const [stored] = await frozenTensors(files, [tensor(isNarrow)], () => {
    loads += 1;
    return Promise.resolve({ 'layers.0.q': { shape, data: values } });
  });
  if (!isFile(stored!.data)) throw new Error('not in a file');
  return { file: stored!.data, loads, files };
}

/** x w^T and the gradient of its sum of squares. */
const program: Program = {
  inputs: { x: { shape: [3, 96], dtype: 'float32' } },
  reads: ['w'],
  run(inputs, { w }) {
    const product = (x: tf.Tensor) => tf.matMul(x as tf.Tensor2D, w as tf.Tensor2D, false, true);
    const { grad } = tf.valueAndGrad((x: tf.Tensor) => tf.sum(tf.square(product(x))))(need(inputs, 'x'));
    return { outputs: { y: product(need(inputs, 'x')), grad } };
  },
};

async function outputs(data: StateValue['data']): Promise<Record<string, Float32Array>> {
  const session = openSession({ program }, { w: { shape, data } });
  try {
    expect(session.notice).toBeUndefined();
    const x = Float32Array.from({ length: 3 * 96 }, (_, i) => Math.cos(i));
    return { ...(await session.run('program', { x })), w: await session.read('w') };
  } finally {
    session.dispose();
  }
}

const mapped = () => readFileSync('/proc/self/maps', 'utf8').includes('layers.0.q');

describe.skipIf(!linked)('frozen weights in files', () => {
  it.each([false, true])('give the same bytes as values in memory; bfloat16: %s', async (isNarrow) => {
    const { file } = await made(isNarrow);
    const bits = toBfloat16(values);
    expect(await outputs(file)).toEqual(await outputs(isNarrow ? bits : values));
    expect((await outputs(file))['w']).toEqual(isNarrow ? fromBfloat16(bits) : values);
    const session = openSession({ program }, { w: { shape, data: file } });
    expect(mapped()).toBe(true); // as long as it is open: the state is the mapped memory, not a copy
    await expect(session.write('w', values)).rejects.toThrow('only read');
    session.dispose();
    expect(mapped()).toBe(false);
  });

  it('are made once, and anew when cut off, altered or touched since', async () => {
    const { file, loads } = await made(false);
    expect(loads).toBe(1);
    expect((await made(false)).loads).toBe(0);
    expect(statSync(file.path).mode & 0o222).toBe(0);
    const faults: (() => void)[] = [
      () => truncateSync(file.path, 100),
      () => writeFileSync(file.path, new Uint8Array(4 * values.length)),
      () => utimesSync(file.path, 1, 1),
    ];
    for (const fault of faults) {
      chmodSync(file.path, 0o644);
      fault();
      expect((await made(false)).loads).toBe(1);
      expect((await outputs(file))['w']).toEqual(values);
    }
  });

  it('cut off or gone behind the back of an opened model end in an error that names the file, not in a crash', async () => {
    const { file } = await made(false);
    chmodSync(file.path, 0o644);
    truncateSync(file.path, 100);
    expect(() => openSession({ program }, { w: { shape, data: file } })).toThrow(file.path);
  });

  it('are made by several at once without harm, and leave nothing beside them', async () => {
    const { file } = await made(false);
    const inode = statSync(file.path).ino;
    // one that had found no file, and comes late
    const late = openFrozenFiles({ of: 'a test' })!;
    expect(late.keep(tensor(false), { shape, data: values }).data).toEqual(file);
    expect(statSync(file.path).ino).toBe(inode);
    expect(readdirSync(join(file.path, '..'))).toEqual(['layers.0.q.float32']);
    late.discard(); // what it did not make stays
    expect(existsSync(file.path)).toBe(true);
  });

  it('that another process is about to name stay, and go a day after it was killed', async () => {
    const { file } = await made(false);
    const left = `${file.path}.4f2.tmp`;
    writeFileSync(left, '');
    utimesSync(left, statSync(file.path).atime, statSync(file.path).mtime); // as it is just before it gets its name
    const again = async () => {
      chmodSync(file.path, 0o644);
      truncateSync(file.path, 4);
      expect((await made(false)).loads).toBe(1);
      return existsSync(left);
    };
    expect(await again()).toBe(true);
    const clock = vi.spyOn(Date, 'now').mockReturnValue(Date.now() + 86_500_000);
    expect(await again()).toBe(false);
    clock.mockRestore();
  });

  it('names lead nowhere else', () => {
    const files = openFrozenFiles({ of: 'a test' })!;
    const { data } = files.keep(
      { name: '../../up/x', shape: [1], isNarrow: false },
      { shape: [1], data: values.slice(0, 1) },
    );
    expect((data as TensorFile).path.startsWith(cachePath('frozen'))).toBe(true);
    expect(readdirSync(cachePath())).toEqual(['frozen']);
  });

  it('two processes hold one copy', async () => {
    const length = 2 ** 25;
    const { files } = await made(false);
    const ones = { shape: [length], data: new Float32Array(length).fill(1) };
    const { data } = files.keep({ name: 'large', shape: [length], isNarrow: false }, ones);
    const file = data as TensorFile;
    const { session, sum } = await sumOfFile(file);
    expect(sum).toBe(length);
    const child = spawn(
      process.execPath,
      ['-r', 'ts-node/register', join(projectRoot, 'testing', 'mapsFile.ts'), file.path, String(length)],
      {
        stdio: ['pipe', 'pipe', 'inherit'],
        env: { ...process.env, EQUIPOISE_CACHE: cache, TS_NODE_TRANSPILE_ONLY: 'true' },
      },
    );
    try {
      const [said] = (await Promise.race([once(child.stdout, 'data'), once(child, 'exit')])) as unknown[];
      expect(String(said)).toContain('ready');
      const all = (4 * length) / 1024;
      const held = shareOf('self', file.path) + shareOf(child.pid!, file.path);
      expect(held).toBeGreaterThan(0.9 * all);
      expect(held).toBeLessThan(1.1 * all);
    } finally {
      child.kill();
      session.dispose();
    }
  });
});

/** Proportional share of a process in the memory of a mapped file, kilobytes. */
function shareOf(process: number | 'self', path: string): number {
  const maps = readFileSync(`/proc/${process}/smaps`, 'utf8').split(/^(?=[0-9a-f]+-[0-9a-f]+ )/m);
  return maps
    .filter((map) => map.includes(path))
    .reduce((sum, map) => sum + Number(/^Pss:\s+(\d+) kB/m.exec(map)![1]), 0);
}
