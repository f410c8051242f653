/** Linear probes on features that we draw: what they read, and what each split may see. */
import { beforeAll, describe, expect, it } from 'vitest';
import type { DataSet, Item } from '../../src/data/types';
import type { FeatureTable } from '../../src/models/inputs/featureTable';
import { probeSet } from '../../src/train/probe';
import { random } from '../../src/random';
import { useBackend } from '../../src/tensor/backend';

const choices = ['red', 'green', 'blue'];
const width = 8;
const item = (split: Item['split'], i: number): Item => ({
  id: `${split}-${i}`,
  split,
  kind: 'colour',
  slice: split,
  media: `${split}-${i}`,
  prompt: 'Which?',
  answer: choices[i % 3]!,
  choices,
});
const items = [
  ...Array.from({ length: 60 }, (_, i) => item('train', i)),
  ...Array.from({ length: 30 }, (_, i) => item('validation', i)),
  ...Array.from({ length: 30 }, (_, i) => item('evaluation', i)),
];
const set = {
  task: 'made',
  modality: 'image',
  identity: 'made',
  items,
  alignment: [],
  classes: [],
  media: new Map(),
} as unknown as DataSet;

/** Features whose first three numbers say the answer, in the named splits; in the others they are noise. */
function tableOf(...telling: Item['split'][]): FeatureTable {
  const of = (media: string) => {
    const { normal } = random(1, media);
    const { split, answer } = items.find(({ id }) => id === media)!;
    return Float32Array.from(
      { length: width },
      (_, i) => (telling.includes(split) ? 3 * Number(choices[i] === answer) : 0) + 0.3 * normal(),
    );
  };
  return { rows: 1, width, of } as unknown as FeatureTable;
}

describe('linear probes', () => {
  beforeAll(() => useBackend({ name: 'cpu' }));

  it('reads separable features, and noise at chance', async () => {
    const last = (await probeSet(set, tableOf('train', 'validation', 'evaluation'))).at(-1)!;
    expect(last).toMatchObject({ total: 30, probe: 1 });
    expect(last.chance).toBeCloseTo(1 / 3, 4);
    expect((await probeSet(set, tableOf('train', 'validation'))).at(-1)!.probe).toBeLessThan(0.7);
  });

  it('read on validation, sees nothing of evaluation and does not stop by validation', async () => {
    const rows = await probeSet(set, tableOf('train', 'validation'), { split: 'validation' });
    expect(rows.map(({ slice, kind, total, probe }) => [slice, kind, total, probe])).toEqual([
      ['validation', 'colour', 30, 1],
      ['validation', 'all', 30, 1],
      ['all', 'all', 30, 1],
    ]);
    const blind = { ...set, items: items.filter(({ split }) => split !== 'evaluation') };
    expect(await probeSet(blind, tableOf('train', 'validation'), { split: 'validation' })).toEqual(rows);
    const stoppedBy: string[] = [];
    const table = tableOf('train', 'validation');
    await probeSet(
      set,
      {
        ...table,
        of: (media: string) => {
          stoppedBy.push(media);
          return table.of(media);
        },
      },
      { split: 'validation' },
    );
    expect(stoppedBy.some((media) => media.startsWith('evaluation'))).toBe(false);
  });
});
