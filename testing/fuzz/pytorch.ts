/** PyTorch's files of weights as targets of the fuzz net: the whole file, and the pickle inside a sound one. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { projectRoot } from '../../src/files';
import { openPytorch } from '../../src/models/weights/pytorch';
import type { WeightTensor } from '../../src/models/weights/weight';
import { openZip } from '../../src/sources/zip';
import { zip } from '../zipFile';
import type { Target } from './fuzz';

const path = join(projectRoot, 'test', 'fixtures', 'weights', 'small.pth');

/** Every tensor of floats in a file. */
async function readAll(file: string): Promise<Record<string, WeightTensor>> {
  const open = await openPytorch(file);
  try {
    const names = [...open.tensors].filter(([name, { type }]) => /F/.test(type) && name !== 'broken');
    return Object.fromEntries(await Promise.all(names.map(async ([name]) => [name, await open.read(name)] as const)));
  } finally {
    open.close();
  }
}

const wellShaped = (read: unknown): boolean =>
  Object.values(read as Record<string, WeightTensor>).every(
    ({ shape, data }) => data.length === shape.reduce((product, side) => product * side, 1),
  );

export async function pytorchTargets(): Promise<Target[]> {
  const sound = await openZip(path, () => true);
  const members = await Promise.all(sound.names.map(async (name) => ({ name, bytes: await sound.read(name, 4096) })));
  sound.close();
  const pickle = members.find(({ name }) => name.endsWith('data.pkl'))!;
  return [
    {
      name: 'weights: PyTorch',
      sample: readFileSync(path),
      read(input, place) {
        writeFileSync(join(place, 'x.pth'), input);
        return readAll(join(place, 'x.pth'));
      },
      result: wellShaped,
    },
    {
      name: 'weights: the pickle of a PyTorch file',
      sample: pickle.bytes,
      read(input, place) {
        const changed = members.map(({ name, bytes }) => ({ name, content: name === pickle.name ? input : bytes }));
        writeFileSync(join(place, 'x.pth'), zip(changed));
        return readAll(join(place, 'x.pth'));
      },
      result: wellShaped,
    },
  ];
}
