/** How each method chooses its pair of learning rates on validation, and which of its runs are then reported. */
import { grouped } from '../grouped';
import { orderMethods } from '../labels';
import { baseline } from '../schedulers';
import { mean } from '../statistics';

/** A run with its last validation and its evaluation. */
export type Trial = {
  id: string;
  panel: string;
  method: string;
  seed: number;
  encoder: number;
  backbone: number;
  /** accuracy and loss of the last validation */
  validation: number;
  loss: number;
  /** at most so many questions of the evaluation split were asked; Infinity: all */
  asked: number;
  /** accuracy on them */
  accuracy: number;
};

/** What a method chose, and its runs that are reported. */
export interface Choice {
  method: string;
  /** pairs of rates that it chose among */
  pairs: number;
  /** the trials that chose, of all pairs */
  tried: Trial[];
  /** those of the pair that they chose */
  best: Trial[];
  /** runs at that pair, by seed: of seeds that chose nothing, or where no method has such, `best` itself */
  reported: Trial[];
}

/** The choices of the methods of one panel. */
export interface Choices {
  /** whether other seeds are reported than chose */
  others: boolean;
  /** seeds that chose */
  seeds: number;
  /** pairs that lacked one of these seeds and were left out, over all methods */
  incomplete: number;
  methods: Choice[];
}

const pairKey = (trial: Trial) => `${trial.encoder} ${trial.backbone}`;
const pairsOf = (trials: readonly Trial[]) => grouped(trials, pairKey);
const seedsOf = (trials: readonly Trial[]) => [...new Set(trials.map(({ seed }) => seed))];

/**
 * The pair with the highest mean validation accuracy; of equal ones that with the lower validation loss, then the
 * smaller rates.
 */
function bestPair(pairs: readonly Trial[][]): Trial[] {
  // Equal counts of right answers in another order of seeds give means with other last digits.
  const merit = (pair: readonly Trial[]) => [
    -Number(mean(pair.map((trial) => trial.validation)).toFixed(9)),
    mean(pair.map((trial) => trial.loss)),
    pair[0]!.encoder * pair[0]!.backbone,
    pair[0]!.encoder,
  ];
  return pairs
    .map((pair) => ({ pair, merit: merit(pair) }))
    .sort((a, b) => {
      const at = a.merit.findIndex((value, i) => value !== b.merit[i]);
      return at === -1 ? 0 : a.merit[at]! - b.merit[at]!;
    })[0]!.pair;
}

/**
 * Which rates of a chosen pair, `encoder` or `backbone`, are the smallest or largest that was tried beside the other
 * one of the pair; empty where neither is.
 */
export const edgeOf = ({ tried, best: [pair] }: Pick<Choice, 'tried' | 'best'>): string =>
  (['encoder', 'backbone'] as const)
    .filter((module) => {
      const other = module === 'encoder' ? 'backbone' : 'encoder';
      const rates = tried.filter((trial) => trial[other] === pair![other]).map((trial) => trial[module]);
      return pair![module] === Math.min(...rates) || pair![module] === Math.max(...rates);
    })
    .join(', ');

type Chosen = Omit<Choice, 'reported'>;
const bySeed = (trials: readonly Trial[]) => [...trials].sort((a, b) => a.seed - b.seed);

/**
 * The runs that are reported of each choice: of two or more seeds beside `choosers` that every method has at its pair,
 * asked as much as any run; without them those that chose, if they were asked no less. Null where neither is there.
 */
function reportedOf(
  all: readonly Trial[],
  chosen: readonly Chosen[],
  choosers: readonly number[],
): { others: boolean; runs: Trial[][] } | null {
  const most = Math.max(...all.map(({ asked }) => asked));
  const others = chosen.map(({ method, best }) =>
    all.filter(
      (trial) =>
        trial.method === method &&
        pairKey(trial) === pairKey(best[0]!) &&
        !choosers.includes(trial.seed) &&
        trial.asked === most,
    ),
  );
  const common = seedsOf(others.flat()).filter((seed) => others.every((own) => seedsOf(own).includes(seed)));
  if (common.length > 1)
    return { others: true, runs: others.map((own) => bySeed(own.filter(({ seed }) => common.includes(seed)))) };
  if (chosen.some(({ best }) => best.some(({ asked }) => asked < most))) return null;
  return { others: false, runs: chosen.map(({ best }) => bySeed(best)) };
}

/**
 * The choices of the methods of one panel, constant rates among them; null where there is nothing to choose or nothing
 * to report. Those seeds choose that have two pairs of rates or more under every method, among the pairs that a method
 * has with all of these seeds.
 */
export function choicesOf(all: readonly Trial[]): Choices | null {
  const methods = grouped(all, ({ method }) => method).filter((own) => pairsOf(own).length > 1);
  const seeds = seedsOf(all).filter((seed) =>
    methods.every((own) => pairsOf(own.filter((trial) => trial.seed === seed)).length > 1),
  );
  const choosers = methods.map((own) => pairsOf(own.filter(({ seed }) => seeds.includes(seed))));
  const grids = choosers.map((pairs) => pairs.filter((pair) => seedsOf(pair).length === seeds.length));
  if (grids.length < 2 || grids.some((pairs) => pairs.length < 2)) return null;
  if (!methods.some((own) => own[0]!.method === baseline)) return null;

  const chosen = grids.map((pairs): Chosen => {
    const best = bestPair(pairs);
    return { method: best[0]!.method, pairs: pairs.length, tried: pairs.flat(), best };
  });
  const reported = reportedOf(all, chosen, seeds);
  if (reported === null) return null;
  const order = orderMethods(chosen.map(({ method }) => method));
  return {
    others: reported.others,
    seeds: seeds.length,
    incomplete: choosers.flat().length - grids.flat().length,
    methods: chosen
      .map((choice, i) => ({ ...choice, reported: reported.runs[i]! }))
      .sort((a, b) => order.indexOf(a.method) - order.indexOf(b.method)),
  };
}
