/** Metrics of generated text over a set of questions, each of which says which one is its own. */
import type { TextMetric } from '../../data/types';
import { captionScores, directAnswerAccuracy, vqaAccuracy, type CaptionScores } from './index';
import { setAccuracy, wups } from './wups';
import { loadWordSimilarity } from './wuPalmer';

/** Metrics of generated text beyond the exact match; all are shares but `ciderD` (0..10). */
export type TextScore =
  'vqaAccuracy' | 'directAnswerAccuracy' | 'setAccuracy' | 'wups0.9' | 'wups0.0' | keyof CaptionScores;
export type TextScores = Partial<
  Record<
    TextScore,
    {
      value: number;
      /** questions */
      total: number;
    }
  >
>;

/** A generated answer with what it is held to. */
interface AnsweredQuestion {
  /** null for a question that has the exact match alone */
  metric: TextMetric | null;
  /** every reference, in the order of the release */
  references: readonly string[];
  generated: string;
}

/**
 * The scores of all questions that have such a metric; an empty object when none has. `loadSimilarity` opens WordNet
 * where a question needs it.
 */
export async function textScores(
  questions: readonly AnsweredQuestion[],
  loadSimilarity: typeof loadWordSimilarity = loadWordSimilarity,
): Promise<TextScores> {
  const of = (metric: TextMetric) => questions.filter((question) => question.metric === metric);
  const scores: TextScores = {};
  const mean = (
    own: readonly AnsweredQuestion[],
    score: (generated: string, references: readonly string[]) => number,
  ) => ({
    value: own.reduce((sum, { generated, references }) => sum + score(generated, references), 0) / own.length,
    total: own.length,
  });
  for (const [metric, score] of [
    ['vqaAccuracy', vqaAccuracy],
    ['directAnswerAccuracy', directAnswerAccuracy],
  ] as const) {
    const own = of(metric);
    if (own.length > 0) scores[metric] = mean(own, score);
  }
  const sets = of('sets');
  if (sets.length > 0) {
    const similarity = await loadSimilarity();
    scores.setAccuracy = mean(sets, (generated, [truth]) => setAccuracy(generated, truth!));
    scores['wups0.9'] = mean(sets, (generated, [truth]) => wups(generated, truth!, 0.9, similarity));
    scores['wups0.0'] = mean(sets, (generated, [truth]) => wups(generated, truth!, 0, similarity));
  }
  const captions = of('captions');
  if (captions.length > 0) {
    const all = await captionScores(
      captions.map(({ generated, references }) => ({ generated, references: [...references] })),
    );
    for (const [metric, value] of Object.entries(all))
      scores[metric as keyof CaptionScores] = { value, total: captions.length };
  }
  return scores;
}
