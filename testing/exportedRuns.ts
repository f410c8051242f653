/** A small experiment with answers, journals and a set in a cache folder of its own, for tests of what is exported. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { predictionLines } from '../src/train/predictions';
import { predictionsOf, setIdentity, writeStoredSet } from './storedSet';
import { syntheticSpec, writeSyntheticRun } from './syntheticJournals';

/** Where it lies; `remove` puts the cache of before back. */
export interface SmallExperiment {
  folder: string;
  experiment: string;
  /** by id: how it was made */
  runs: Map<string, { scheduler: string; seed: number }>;
  remove(): void;
}

export const prompt = 'What is "it", then?\nIt is';

/** Four finished runs of 20 steps, of which one kept no answers, and one unfinished. */
export function smallExperiment(): SmallExperiment {
  const folder = mkdtempSync(join(tmpdir(), 'equipoise-export-'));
  const experiment = join(folder, 'results', 'small');
  const cache = process.env['EQUIPOISE_CACHE'];
  process.env['EQUIPOISE_CACHE'] = join(folder, 'cache');
  writeStoredSet(join(folder, 'cache'), 'emoji-icon-qa', 4, prompt);
  const runs = new Map<string, { scheduler: string; seed: number }>();
  const options = { steps: 20, every: 5, validateEvery: 10 };
  for (const scheduler of ['constant', 'commit-clr'] as const)
    for (const seed of [1, 2]) {
      const spec = syntheticSpec('emoji-icon-qa', scheduler, 'equal rates', seed, 20);
      const data = { task: spec.task, identity: setIdentity };
      const id = writeSyntheticRun(experiment, spec, options, { data });
      runs.set(id, { scheduler, seed });
      if (scheduler === 'constant' && seed === 2) continue;
      const answers = predictionsOf(spec.task, 4, (place) => place === seed);
      writeFileSync(join(experiment, id, 'predictions.jsonl'), predictionLines(answers));
    }
  const unfinished = syntheticSpec('emoji-icon-qa', 'constant', 'equal rates', 3, 20);
  writeSyntheticRun(experiment, unfinished, options, { status: 'running', final: null, step: 10 });
  const remove = () => {
    if (cache === undefined) delete process.env['EQUIPOISE_CACHE'];
    else process.env['EQUIPOISE_CACHE'] = cache;
    rmSync(folder, { recursive: true, force: true });
  };
  return { folder, experiment, runs, remove };
}
