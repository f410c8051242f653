/** Which metric of generated text belongs to a question. */
import { lookUp } from '../parts/define';
import { definitionOf } from './tasks';
import { wordNetSource } from '../text/metrics/wuPalmer';
import type { TaskDefinition, TextMetric } from './types';

/** A task of a user's own that is called `daquar-...` is a part of DAQUAR. */
const statedBy = (task: string): TaskDefinition['metrics'] =>
  definitionOf(task.startsWith('daquar-') ? 'daquar' : task)?.metrics;

/**
 * Captions have the scores of captions, DAQUAR's answers those of sets, and what else a task states has that (A-OKVQA's
 * direct answers have their own accuracy). Other questions with several annotators (TextVQA, own tasks with several answers) have soft VQA accuracy;
 * null: one with one answer has the exact match alone.
 */
export function textMetricOf(task: string, kind: string, references: readonly string[]): TextMetric | null {
  const stated = lookUp(statedBy(task) ?? {}, kind);
  if (kind === 'caption' || stated === 'captions') return 'captions';
  if (stated === 'sets') return 'sets';
  return references.length < 2 ? null : (stated ?? 'vqaAccuracy');
}

/** Names of the data manifests that the metrics of a task read. */
export const metricSources = (task: string): readonly string[] =>
  Object.values(statedBy(task) ?? {}).includes('sets') ? [wordNetSource] : [];
