/**
 * Metrics of generated text. Scores of answers are per question, scores of captions per set; every one is computed from
 * texts alone, so that stored predictions can be scored again without the model.
 */
import { bleu } from './bleu';
import { ciderD } from './ciderD';
import { loadStemmer, meteor } from './meteor';
import { rougeL } from './rougeL';
import { captionWords } from './words';

export { directAnswerAccuracy, normaliseVqaAnswer, vqaAccuracy } from './vqaAnswer';

/** A generated caption beside those that people wrote. */
interface CaptionPair {
  generated: string;
  references: string[];
}

/**
 * Caption scores of a set, as fractions but CIDEr-D (0..10). There is no SPICE, and so no SPIDEr: SPICE parses captions
 * with programs in Java that are no part of this product. CIDEr-D is reported in its place, under its own name.
 */
export interface CaptionScores {
  bleu1: number;
  bleu2: number;
  bleu3: number;
  bleu4: number;
  meteor: number;
  rougeL: number;
  ciderD: number;
}

/** All caption scores of a set; zeros for an empty one. */
export async function captionScores(pairs: readonly CaptionPair[]): Promise<CaptionScores> {
  if (pairs.length === 0) return { bleu1: 0, bleu2: 0, bleu3: 0, bleu4: 0, meteor: 0, rougeL: 0, ciderD: 0 };
  const stem = await loadStemmer();
  const items = pairs.map(({ generated, references }) => ({
    candidate: captionWords(generated),
    references: references.map(captionWords),
  }));
  const mean = (scores: number[]) => scores.reduce((sum, score) => sum + score, 0) / scores.length;
  const [bleu1, bleu2, bleu3, bleu4] = bleu(items);
  return {
    bleu1,
    bleu2,
    bleu3,
    bleu4,
    meteor: mean(items.map((item) => meteor(item, stem))),
    rougeL: mean(items.map(rougeL)),
    ciderD: mean(ciderD(items)),
  };
}
