/** The table of settings: whatever is not at its default and stands in no name stands there. */
import { expect, it } from 'vitest';
import type { Journals } from '../../analysis/aggregate';
import { settings } from '../../analysis/tables/settings';
import type { RunSpec } from '../../src/manifest/run';
import { syntheticSpec } from '../../testing/syntheticJournals';

const rowsOf = async (specs: RunSpec[]) =>
  (await settings.select({ runs: specs.map((spec) => ({ file: { spec } })) } as unknown as Journals)).map(
    ({ task, setting, value, default: given, runs, of }) => [task, setting, value, given, `${runs}/${of}`].join(' '),
  );

/** As manifests of today fill in: the synthetic runs are older and clip each module by itself. */
const spec = (task: string, seed: number, more: Partial<RunSpec> = {}): RunSpec => {
  const base = syntheticSpec(task, 'constant', 'equal rates', seed);
  return {
    ...base,
    vocabulary: 'whole',
    optimiser: { ...base.optimiser, clipOver: 'joint' } as RunSpec['optimiser'],
    ...more,
  };
};

it('names what all runs share once, what a task shares under it, and what varies with its runs', async () => {
  const pictures = [1, 2, 3].map((seed) =>
    spec('emoji-icon-qa', seed, { vocabulary: 'task', batch: seed === 3 ? 4 : 8 }),
  );
  const sounds = [1, 2].map((seed) => spec('sound-qa', seed, { vocabulary: 'task' }));
  expect(await rowsOf([...pictures, ...sounds])).toEqual([
    'all backbone stories15m  5/5',
    'all measure.on probe batch 5/5',
    'all measure.probe 16 24 5/5',
    'all vocabulary task whole 5/5',
    'emoji-icon-qa batch 4 8 1/3',
    'emoji-icon-qa batch 8 8 2/3',
    'emoji-icon-qa encoder resnet50  3/3',
    // The synthetic runs align sounds as pictures: 120 steps of 1e-3 where 300 of 2e-3 are the default.
    'sound-qa align.learningRate 0.001 0.002 2/2',
    'sound-qa align.steps 120 300 2/2',
    'sound-qa encoder whisper-tiny  2/2',
  ]);
});

it('leaves to names what they say: methods with their options, learning rates, and a model that varies', async () => {
  const { scheduler } = syntheticSpec('emoji-icon-qa', 'commit-clr', 'backbone', 1);
  const encoders = ['resnet50', 'vit-base'].map((encoder) => ({ ...spec('emoji-icon-qa', 1), scheduler, encoder }));
  expect(await rowsOf(encoders)).toEqual([
    'emoji-icon-qa backbone stories15m  2/2',
    'emoji-icon-qa measure.on probe batch 2/2',
    'emoji-icon-qa measure.probe 16 24 2/2',
  ]);
});
