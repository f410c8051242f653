/**
 * The rooms that a worker trains with: backend, data and trainer. Heavy: only worker processes, and programs that train
 * in their own, load this file.
 */
import { loadSet } from '../data';
import type { SplitName } from '../data/types';
import { stepsOf } from '../manifest/expand';
import { useBackend } from '../tensor/backend';
import { trainRun } from '../train/run';
import { firstStepFits } from '../train/trial';
import type { Rooms } from './execute';

const started = new Map<string, ReturnType<typeof useBackend>>();

async function countItems(task: string, split: SplitName): Promise<number> {
  return (await loadSet(task)).items.filter((item) => item.split === split).length;
}

export const rooms: Rooms = {
  // A process starts its backend once, however many runs it trains.
  useBackend: (request) => {
    const key = JSON.stringify(request);
    const facts = started.get(key) ?? useBackend(request);
    started.set(key, facts);
    return facts;
  },
  trainRun,
  totalSteps: async (spec) => {
    const examples = 'epochs' in spec.duration ? await countItems(spec.task, 'train') : 0;
    return stepsOf(spec, examples);
  },
  evaluationItems: (spec) => countItems(spec.task, 'evaluation'),
  firstStepFits,
};
