/**
 * Heavy modules, loaded when a command first needs them, so that `--help` and `status` start at once. A dynamic import
 * would do in another set-up; here it stays a native import, which does not know TypeScript files.
 */
import { createRequire } from 'node:module';

const load = createRequire(__filename);

export const lazy = {
  /** manifests, identities and data: what a plan needs */
  sweep: () => load('./sweep') as typeof import('./sweep'),
  /** queue, progress, outcome */
  train: () => load('./train') as typeof import('./train'),
  /** submission to a Slurm cluster */
  slurm: () => load('./slurm') as typeof import('./slurm'),
  slurmTask: () => load('../runner/slurm/task') as typeof import('../runner/slurm/task'),
  calibrate: () => load('./calibrate') as typeof import('./calibrate'),
  checkModel: () => load('./checkModel') as typeof import('./checkModel'),
  doctor: () => load('./doctor') as typeof import('./doctor'),
  data: () => load('./data') as typeof import('./data'),
  probe: () => load('./probe') as typeof import('./probe'),
  /** what runs need, predicted */
  needs: () => load('./needs') as typeof import('./needs'),
  resources: () => load('./resources') as typeof import('./resources'),
  exportCrate: () => load('./export') as typeof import('./export'),
  verify: () => load('./verify') as typeof import('./verify'),
  figures: () => load('./figures') as typeof import('./figures'),
  landscape: () => load('./landscape') as typeof import('./landscape'),
  score: () => load('./score') as typeof import('./score'),
  evaluate: () => load('./evaluate') as typeof import('./evaluate'),
  keep: () => load('./keep') as typeof import('./keep'),
  report: () => load('./report') as typeof import('./report'),
  tables: () => load('./tables') as typeof import('./tables'),
};
