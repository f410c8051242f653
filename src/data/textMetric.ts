/** Which metric of generated text belongs to a question. */
import { findTask } from '../manifest/taskManifest';
import { lookUp } from '../parts/define';
import { wordNetSource } from '../text/metrics/wuPalmer';
import { formatMetrics } from './readers/metrics';
import { definitionOf } from './tasks';
import type { TaskDefinition, TextMetric } from './types';

/** By kind of question, the metric of what is generated where its name and number of references do not say it. */
type Metrics = NonNullable<TaskDefinition['metrics']>;

/**
 * The metrics that a task states: a generated set by itself, released files by their format, whatever the task is
 * called; none for a task that is not there. Throws UserError for a task manifest that cannot be used.
 */
export function metricsOf(task: string): Metrics {
  const stated = definitionOf(task)?.metrics;
  if (stated !== undefined) return stated;
  const format = findTask(task)?.manifest.format;
  return (format === undefined ? undefined : formatMetrics[format]) ?? {};
}

/**
 * Captions have the scores of captions, DAQUAR's answers those of sets, and what else a task states (`metricsOf`) has
 * that (A-OKVQA's direct answers have their own accuracy). Other questions with several annotators (TextVQA, own tasks
 * with several answers) have soft VQA accuracy; null: one with one answer has the exact match alone.
 */
export function textMetricOf(metrics: Metrics, kind: string, references: readonly string[]): TextMetric | null {
  const stated = lookUp(metrics, kind);
  if (kind === 'caption' || stated === 'captions') return 'captions';
  if (stated === 'sets') return 'sets';
  return references.length < 2 ? null : (stated ?? 'vqaAccuracy');
}

/** Names of the data manifests that the metrics of a task read. Throws as `metricsOf`. */
export const metricSources = (task: string): readonly string[] =>
  Object.values(metricsOf(task)).includes('sets') ? [wordNetSource] : [];
