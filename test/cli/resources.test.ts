/** What rows of `equipoise resources` are called, and runs that memory does not suffice for. */
import { expect, it } from 'vitest';
import { beyondMemory } from '../../src/cli/needs';
import { rowNames } from '../../src/cli/resources';
import type { PlannedRun } from '../../src/runner/plan';
import type { RunNeeds } from '../../src/train/runNeeds';
import { fakeRuns } from '../../testing/fakeRuns';

it('tells every two models apart, however their files are called', () => {
  expect(rowNames(['llava-1.5-7b', 'cfg/llava-13b.json', 'cfg/internvl2-8b.json'])).toEqual([
    'llava-1.5-7b',
    'llava-13b',
    'internvl2-8b',
  ]);
  expect(rowNames(['a/one/config.json', 'two/config.json'])).toEqual(['one', 'two']);
  expect(rowNames(['a/one/config.json', 'b/one/config.json', 'b/one.json'])).toEqual([
    'a/one/config.json',
    'b/one/config.json',
    'b/one.json',
  ]);
});

it('refuses runs of which one alone is predicted above what is free, a line a kind, with what asks for less', () => {
  const [first, second, third] = fakeRuns(3) as [PlannedRun, PlannedRun, PlannedRun];
  const memory = { process: 1e9, weights: 2e9, optimiser: 1e9, activations: 4e9, host: 2e9, total: 10e9 };
  const needs = new Map([first, second].map(({ id }) => [id, { memory } as RunNeeds]));
  expect(beyondMemory([first, second, third], needs, 10e9)).toEqual([]);
  expect(beyondMemory([first, second, third], needs, 9e9)).toEqual([
    {
      where: `resnet50+mlp+stories15m, batch 8 (2 runs, ${first.id} among them)`,
      what: 'a run is predicted to need 10.00 GB, and 9.00 GB are free',
      expected: 'more free memory, or a run that needs less',
      hint: '"checkpointing": "layers", "accumulate": 8, a smaller batch or backbone; equipoise run --beyond-memory starts it all the same',
    },
  ]);
  // On a GPU only the host's part is the processor's memory.
  const onGpu = { ...first, arithmetic: { ...first.arithmetic, gpu: true } };
  expect(beyondMemory([onGpu], needs, 3e9)).toEqual([]);
  expect(beyondMemory([onGpu], needs, 2.9e9)).toHaveLength(1);
});
