/** Needs of training steps as rows of a table: for `resources` and `plan --resources`. */
import type { ResourceNeeds } from '../train/resources';

export const gigabytes = (bytes: number): string => `${(bytes / 1e9).toFixed(2)} GB`;
const millions = (value: number): string =>
  value >= 1e9 ? `${(value / 1e9).toFixed(2)} B` : `${(value / 1e6).toFixed(2)} M`;

/** Heads of the columns of `needsRow`. */
export const needsHead = [
  'parameters',
  'trained',
  'weights',
  'optimiser',
  'activations',
  'host',
  'peak',
  'GFLOP a step',
  'with kappa',
];

/** What a step needs, a text a column. */
export const needsRow = ({ parameters, trainable, memory, step, measured }: ResourceNeeds): string[] => [
  millions(parameters),
  millions(trainable.encoder + trainable.backbone),
  gigabytes(memory.weights),
  gigabytes(memory.optimiser),
  gigabytes(memory.activations),
  gigabytes(memory.host + memory.process),
  gigabytes(memory.total),
  (step.flops / 1e9).toFixed(1),
  (measured.flops / 1e9).toFixed(1),
];
