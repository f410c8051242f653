/**
 * One prompt's search for a continuation, apart from any device: logits of its rows go in, the rows' next tokens come
 * out.
 */
import { argmax, draw, logProbabilities, logSumExp, penalised, sampledDistribution, type SampleFilter } from './choose';

/** Why a text ends: an end token, a stop string, or the number of new tokens. */
export type FinishReason = 'end' | 'stop' | 'length';

export interface Continued {
  /** new ids, the end token among them where one ended the text */
  tokens: number[];
  /** sum of log p of the new tokens under the model itself, nats */
  logProbability: number;
  finishReason: FinishReason;
}

export interface Search {
  /**
   * logits [V] of each of its rows (of the prompt alone at first) -> the rows' next tokens and the rows they continue,
   * or null when it is done
   */
  advance(logits: readonly Float32Array[]): { token: number; parent: number }[] | null;
  /** the best continuation; throws Error before it is done */
  result(): Continued;
}

/**
 * What a search must know: the prompt's ids, whether new tokens end the text and why, and a penalty on ids that
 * occurred.
 */
export interface SearchSetting {
  prompt: readonly number[];
  ending(tokens: readonly number[]): FinishReason | null;
  penalty: number;
}

const unfinished = () => new Error('the search is not done');

/**
 * The most probable token, or with `sample` one that is drawn; `sample.uniform` gives the number in [0, 1) of a step
 * from 0.
 */
export function singleSearch(
  { prompt, ending, penalty }: SearchSetting,
  sample?: SampleFilter & { uniform(step: number): number },
): Search {
  const tokens: number[] = [];
  let logProbability = 0;
  let finishReason: FinishReason | null = null;
  return {
    advance([logits]) {
      if (finishReason !== null) return null;
      const scores = penalised(logits!, [...prompt, ...tokens], penalty);
      const token =
        sample === undefined
          ? argmax(scores)
          : draw(sampledDistribution(scores, sample), sample.uniform(tokens.length));
      logProbability += logits![token]! - logSumExp(logits!);
      tokens.push(token);
      finishReason = ending(tokens);
      return finishReason === null ? [{ token, parent: 0 }] : null;
    },
    result() {
      if (finishReason === null) throw unfinished();
      return { tokens, logProbability, finishReason };
    },
  };
}

export interface BeamOptions {
  /** continuations kept at once */
  beams: number;
  /** a finished text's score is log p / length^penalty: above 0 favours longer texts; default 1 */
  lengthPenalty?: number;
  /**
   * true: done when `beams` texts are finished; false (default): when none that runs looks able to beat them; `never`:
   * when none can
   */
  earlyStopping?: boolean | 'never';
}

interface Beam {
  tokens: number[];
  /** penalised log p */
  score: number;
  logProbability: number;
}
interface Finished extends Beam {
  finishReason: FinishReason;
}

/** Beam search as transformers 5 does it; `ends` is the number of end tokens, `longest` that of new tokens. */
export function beamSearch(
  { prompt, ending, penalty }: SearchSetting,
  options: BeamOptions,
  ends: number,
  longest: number,
): Search {
  const { beams, lengthPenalty = 1, earlyStopping = false } = options;
  // Enough that `beams` go on even when each of them finds an end.
  const kept = Math.max(2, 1 + ends) * beams;
  let running: Beam[] = [{ tokens: [], score: 0, logProbability: 0 }];
  let finished: Finished[] = [];
  let isDone = false;
  const isFull = () => finished.length === beams;
  return {
    advance(logits) {
      if (isDone) return null;
      const length = running[0]!.tokens.length + 1;
      const best = mostProbable(
        running,
        logits,
        (scores, beam) => penalised(scores, [...prompt, ...beam.tokens], penalty),
        kept,
      );
      const next: (Beam & { parent: number })[] = [];
      const ended: Finished[] = [];
      best.forEach((candidate, rank) => {
        const finishReason = ending(candidate.tokens);
        if (finishReason === null) next.push(candidate);
        else if (rank < beams)
          ended.push({ ...candidate, score: candidate.score / length ** lengthPenalty, finishReason });
      });
      if (!(earlyStopping === true && isFull()))
        finished = [...finished, ...ended].sort((a, b) => b.score - a.score).slice(0, beams);
      const chosen = next.slice(0, beams);
      running = chosen;
      isDone = chosen.length === 0 || (isFull() && (earlyStopping === true || !canImprove(chosen[0]!.score, length)));
      if (isDone) return null;
      return Array.from({ length: beams }, (_, i) => {
        const beam = chosen[i];
        return beam === undefined ? { token: 0, parent: 0 } : { token: beam.tokens.at(-1)!, parent: beam.parent };
      });
    },
    result() {
      if (!isDone || finished.length === 0) throw unfinished();
      const { tokens, logProbability, finishReason } = finished[0]!;
      return { tokens, logProbability, finishReason };
    },
  };

  /**
   * Whether the best running text may still beat the worst finished one: judged at its present length, or with `never`
   * at the best one possible.
   */
  function canImprove(score: number, length: number): boolean {
    const at = earlyStopping === 'never' && lengthPenalty > 0 ? longest : length;
    return score / at ** lengthPenalty > finished.at(-1)!.score;
  }
}

/**
 * The `kept` best continuations by one token of all beams, best first; of equals the earlier beam, then the smaller id.
 */
function mostProbable(
  running: readonly Beam[],
  logits: readonly Float32Array[],
  penalise: (scores: Float64Array, beam: Beam) => Float64Array,
  kept: number,
): (Beam & { parent: number })[] {
  const top: { score: number; parent: number; token: number; plain: number }[] = [];
  running.forEach((beam, parent) => {
    const plain = logProbabilities(logits[parent]!);
    const scores = penalise(plain, beam);
    for (let token = 0; token < scores.length; token++) {
      const score = beam.score + scores[token]!;
      if (top.length === kept && score <= top.at(-1)!.score) continue;
      let at = top.length;
      while (at > 0 && top[at - 1]!.score < score) at--;
      top.splice(at, 0, { score, parent, token, plain: plain[token]! });
      if (top.length > kept) top.pop();
    }
  });
  return top.map(({ score, parent, token, plain }) => ({
    tokens: [...running[parent]!.tokens, token],
    score,
    logProbability: running[parent]!.logProbability + plain,
    parent,
  }));
}
