/** The code of optimisers: that of the update rules which a run uses belongs to its identity. */
import { join } from 'node:path';
import { codeOf, type Code } from '../parts/code';
import type { OptimiserSpec } from './optimiserKinds';

/** The file of each update rule. */
const files: Readonly<Record<OptimiserSpec['kind'], string>> = {
  adamw: 'adam.ts',
  adam: 'adam.ts',
  sgd: 'optimiser.ts',
  lamb: 'lamb.ts',
  prodigy: 'prodigy.ts',
  'schedule-free': 'scheduleFree.ts',
};

/** The file that defines an optimiser. */
export const optimiserFile = (kind: OptimiserSpec['kind']): string => join(__dirname, files[kind]);

/**
 * The code of optimisers, by file: their own with what all share, and none of the others. The operations below them are
 * every run's.
 */
export const codeOfOptimisers = (kinds: readonly OptimiserSpec['kind'][]): Code =>
  codeOf([join(__dirname, 'optimiser.ts'), ...kinds.map(optimiserFile)], {
    rooms: ['src/tensor/optimiserStep.ts'],
    lists: [],
  });
