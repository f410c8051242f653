/**
 * From logits to a token: pure functions with sums in float64, in the order and with the ties of transformers'
 * `generate`.
 */

/** Logits [V] -> log-probabilities [V]. Throws Error when they are not finite. */
export function logProbabilities(logits: ArrayLike<number>): Float64Array {
  const total = logSumExp(logits);
  return Float64Array.from(logits, (value) => value - total);
}

/** log sum exp of logits; throws Error when it is not finite. */
export function logSumExp(logits: ArrayLike<number>): number {
  let most = -Infinity,
    sum = 0;
  for (let i = 0; i < logits.length; i++) if (logits[i]! > most) most = logits[i]!;
  for (let i = 0; i < logits.length; i++) sum += Math.exp(logits[i]! - most);
  const total = most + Math.log(sum);
  if (!Number.isFinite(total))
    throw new Error('the logits are not finite: training has diverged, or the weights are damaged');
  return total;
}

/** The place of the largest value; the first of equals. */
export function argmax(values: ArrayLike<number>): number {
  let best = 0;
  for (let i = 1; i < values.length; i++) if (values[i]! > values[best]!) best = i;
  return best;
}

/**
 * Scores of tokens that occurred are divided by `penalty` where positive, multiplied where negative (Keskar et al.
 * 2019, section 4.1).
 */
export function penalised<T extends Float32Array | Float64Array>(
  scores: T,
  occurred: Iterable<number>,
  penalty: number,
): T {
  if (penalty === 1) return scores;
  const out = scores.slice() as T;
  for (const id of new Set(occurred))
    if (id < out.length) out[id] = out[id]! < 0 ? out[id]! * penalty : out[id]! / penalty;
  return out;
}

export interface SampleFilter {
  /** divides the logits; default 1 */
  temperature?: number;
  /** only the k most probable tokens (and those that equal the k-th); default all */
  topK?: number;
  /** then only the most probable ones that together reach this probability (Holtzman et al. 2020); default 1, all */
  topP?: number;
}

/**
 * The distribution that is sampled [V]: what is filtered out has probability 0. Temperature first, then top-k, then
 * top-p.
 */
export function sampledDistribution(
  logits: ArrayLike<number>,
  { temperature = 1, topK, topP = 1 }: SampleFilter,
): Float64Array {
  const scores = Float64Array.from(logits, (value) => value / temperature);
  if (topK !== undefined && topK < scores.length) {
    const smallest = scores.slice().sort()[scores.length - topK]!;
    scores.forEach((value, id) => {
      if (value < smallest) scores[id] = -Infinity;
    });
  }
  const probabilities = logProbabilities(scores).map(Math.exp);
  if (topP >= 1) return probabilities;
  const rising = Array.from(probabilities.keys()).sort((a, b) => probabilities[a]! - probabilities[b]! || b - a);
  let below = 0,
    kept = 0;
  for (const [place, id] of rising.entries()) {
    below += probabilities[id]!;
    if (below <= 1 - topP && place < rising.length - 1) probabilities[id] = 0;
    else kept += probabilities[id]!;
  }
  return probabilities.map((value) => value / kept);
}

/** The token at `uniform` in [0, 1) of the cumulative distribution, by rising id. */
export function draw(probabilities: Float64Array, uniform: number): number {
  let below = 0,
    last = 0;
  for (let id = 0; id < probabilities.length; id++) {
    if (probabilities[id] === 0) continue;
    below += probabilities[id]!;
    last = id;
    if (uniform < below) return id;
  }
  return last; // the sum of all may round to less than `uniform`
}
