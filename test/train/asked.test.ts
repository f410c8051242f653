/** The media that a run asks for beforehand are exactly those that it reads. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, it, vi } from 'vitest';
import { useBackend } from '../../src/tensor/backend';
import { askedMedia, chosenOf } from '../../src/train/asked';
import { encodeExample } from '../../src/train/batches';
import { trainPrepared } from '../../src/train/run';
import { tinyPrepared, tinySpec } from '../../testing/tinyTask';

const base = mkdtempSync(join(tmpdir(), 'equipoise-asked-'));
beforeAll(async () => void (await useBackend({ name: 'cpu' })));
// An alignment phase that is cached reads nothing: each run has a cache of its own.
beforeEach(({ task }) => void vi.stubEnv('EQUIPOISE_CACHE', join(base, task.id)));
afterAll(() => {
  vi.unstubAllEnvs();
  rmSync(base, { recursive: true, force: true });
});

const short = { duration: { steps: 3 }, batch: 2, align: { steps: 2, batch: 3, learningRate: 1e-2 } };

it.each<[string, object, boolean]>([
  ['a short run of pictures', { evaluate: { every: 2, limit: 2, validation: 1 } }, false],
  ['a short run of sounds, never validated', { evaluate: { every: 0, limit: 2, validation: 8 } }, true],
  ['a run with a probe', { measure: { every: 1, on: 'probe', probe: 3 }, evaluate: { every: 0, limit: 1 } }, false],
  ['a run that sees all', { duration: { steps: 12 }, evaluate: { every: 6, limit: 0, validation: 8 } }, false],
])('%s', async (_name, over, sound) => {
  const spec = tinySpec({ ...short, ...over });
  const tiny = tinyPrepared(spec, sound);
  const chosen = chosenOf(tiny.set, spec);
  const encode = (items: typeof chosen.train) =>
    items.map(({ media, prompt, answer }) => encodeExample(tiny.codec, media, prompt, answer));
  const read = new Set<string>();
  const features = (media: string) => {
    read.add(media);
    return tiny.features(media);
  };
  const { validation, evaluation, train, probe } = chosen;
  const prepared = {
    ...tiny,
    features,
    alignment: { ...tiny.alignment, features },
    examples: { train: encode(train), probe: encode(probe) },
    items: { validation, evaluation },
  };
  const records = trainPrepared(spec, prepared);
  while ((await records.next()).done !== true);
  const asked = askedMedia(tiny.set, spec, chosen);
  expect([...asked].sort()).toEqual([...read].sort());
  expect(asked.size).toBeLessThanOrEqual(tiny.set.items.length);
});
