/** Which metric of generated text belongs to a question. */
import { lookUp } from '../parts/define';
import { definitionOf } from './tasks';
import type { TextMetric } from './types';

/**
 * Captions have the scores of captions, and what a task states has that (A-OKVQA's direct answers have their own
 * accuracy). Other questions with several annotators (TextVQA, own tasks with several answers) have soft VQA accuracy;
 * null: one with one answer has the exact match alone.
 */
export function textMetricOf(task: string, kind: string, references: readonly string[]): TextMetric | null {
  const stated = lookUp(definitionOf(task)?.metrics ?? {}, kind);
  if (kind === 'caption' || stated === 'captions') return 'captions';
  return references.length < 2 ? null : (stated ?? 'vqaAccuracy');
}
