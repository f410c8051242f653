/** Which metric of generated text belongs to which question, and the scores of a set of them. */
import { captionScores, directAnswerAccuracy, vqaAccuracy, type CaptionScores } from './index';

/** Metrics of generated text beyond the exact match; all are shares but `ciderD` (0..10). */
type TextMetric = 'vqaAccuracy' | 'directAnswerAccuracy' | keyof CaptionScores;
export type TextScores = Partial<
  Record<
    TextMetric,
    {
      value: number;
      /** questions */
      total: number;
    }
  >
>;

/** A generated answer with what it is held to. */
interface AnsweredQuestion {
  task: string;
  kind: string;
  /** every reference, in the order of the release */
  references: readonly string[];
  generated: string;
}

/**
 * Captions: BLEU, METEOR, ROUGE-L and CIDEr-D over all captions of the set. A-OKVQA's direct answers: its own accuracy.
 * Other questions with several annotators (TextVQA, own tasks with several answers): soft VQA accuracy. Questions with
 * one answer have the exact match alone.
 */
function metricOf({
  task,
  kind,
  references,
}: AnsweredQuestion): 'captions' | 'directAnswerAccuracy' | 'vqaAccuracy' | null {
  if (kind === 'caption' || task === 'scene-cap') return 'captions';
  if (references.length < 2) return null;
  return task === 'a-okvqa' && kind === 'direct-answer' ? 'directAnswerAccuracy' : 'vqaAccuracy';
}

/** The scores of all questions that have such a metric; an empty object when none has. */
export async function textScores(questions: readonly AnsweredQuestion[]): Promise<TextScores> {
  const of = (metric: ReturnType<typeof metricOf>) => questions.filter((question) => metricOf(question) === metric);
  const scores: TextScores = {};
  for (const [metric, score] of [
    ['vqaAccuracy', vqaAccuracy],
    ['directAnswerAccuracy', directAnswerAccuracy],
  ] as const) {
    const own = of(metric);
    if (own.length > 0)
      scores[metric] = {
        value: own.reduce((sum, { generated, references }) => sum + score(generated, references), 0) / own.length,
        total: own.length,
      };
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
