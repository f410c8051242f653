/** Claims held against runs: which verdict each gets, by its own rule, and why one cannot be had. */
import type { Journals } from '../aggregate';
import { holm, pairedDifferences } from '../comparison';
import { slopeOf } from '../figures/slopeLaw';
import { grouped } from '../grouped';
import { hasActed, manipulationBySeed, stepMeans } from '../manipulation';
import { cellEffects, randomEffects } from '../meta';
import { bySeed } from '../scores';
import { mean } from '../statistics';
import { moduleNames } from '../../src/modules';
import type { Check, Claim, Needs, Verdict } from './claim';
import {
  estimateOf,
  estimateOfCells,
  intervalOf,
  probabilityOf,
  ruleOfThree,
  verdictOf,
  type Estimate,
} from './estimate';
import { enough, needsText, onlyCell, Pool, Unmet } from './pool';
import { exceededBounds, grownDistances, meanFactors, pausedRuns } from './quantities';
import {
  cellsOf,
  leaderOf,
  needsOfLess,
  otherDifferences,
  runsOfSide,
  runsOfSides,
  type Cell,
  type ClaimedRun,
} from './sides';

/** What came of one claim on one set of runs. */
export interface Evaluation {
  claim: Claim;
  verdict: Verdict;
  estimate: Estimate | null;
  /** at the rule's level; of a count without a hit, `high` is what it leaves possible */
  low: number | null;
  high: number | null;
  /** p-value of the rule; null where it has none */
  p: number | null;
  /** corrected by Holm over all confirmatory claims, those without a p-value counted as 1; null for exploratory ones */
  corrected: number | null;
  /** why it was not tested or cannot be evaluated */
  why: string | null;
  /** what its manipulation check found, where it has one that holds */
  checked?: string;
  /** no run here is of either of its sides */
  absent?: true;
}

const valuesBySeed = (runs: readonly ClaimedRun[], values: ReadonlyMap<string, number>) =>
  bySeed(runs, ({ id }) => values.get(id));

const differencesBySeed = (cell: Cell, values: ReadonlyMap<string, number>): Map<number, number> =>
  new Map(
    pairedDifferences(valuesBySeed(cell.a, values), valuesBySeed(cell.b, values)).map((pair) => [
      pair.seed,
      pair.difference,
    ]),
  );

const differencesOf = (cell: Cell, values: ReadonlyMap<string, number>) => [
  ...differencesBySeed(cell, values).values(),
];

/**
 * What `at` gives of the claim's set-up less the same at the values of `less`, of each seed that both have. Throws Unmet
 * where the two differ in more, or have too few seeds in common.
 */
function lessOther(pool: Pool, needs: Needs, at: (own: Cell) => ReadonlyMap<number, number>): readonly number[] {
  const [cell, less] = [onlyCell(pool, needs), onlyCell(pool, needsOfLess(needs))];
  const others = otherDifferences(cell.a[0]!, less.a[0]!, needs);
  if (others.length > 0)
    throw new Unmet('not evaluable', `the runs of both set-ups differ in ${others.join(', ')}, too`);
  return enough(
    pairedDifferences(at(cell), at(less)).map(({ difference }) => difference),
    needs,
  );
}

/** The estimate of a claim, without its checks. Throws Unmet when runs are missing. */
async function estimateFor(pool: Pool, { needs, comparison, quantity }: Claim): Promise<Estimate> {
  if (quantity === 'tightness') return countFor(pool, needs);
  const values = await pool.values(quantity);
  switch (comparison) {
    case 'paired':
      return estimateOf(enough(differencesOf(onlyCell(pool, needs), values), needs));
    case 'interaction':
      return estimateOf(lessOther(pool, needs, (own) => differencesBySeed(own, values)));
    case 'setups':
      return estimateOf(lessOther(pool, needs, ({ a }) => valuesBySeed(a, values)));
    case 'level':
      return estimateOf(enough([...valuesBySeed(onlyCell(pool, needs).a, values).values()], needs));
    case 'slope':
      return estimateOf(enough(slopesFor(pool, needs, values), needs));
    default: {
      const cells = cellsOf(pool.runs, needs)
        .map((cell) => differencesOf(cell, values))
        .filter((differences) => differences.length >= needs.seeds);
      const combined = cells.length < (needs.cells ?? 2) ? null : randomEffects(cellEffects(cells));
      if (combined === null) throw new Unmet('not evaluable', `${needsText(needs)}; here ${cells.length}`);
      return estimateOfCells(combined);
    }
  }
}

/** Slopes of the seeds whose runs have two ratios of the rates or more. */
function slopesFor(pool: Pool, needs: Needs, values: ReadonlyMap<string, number>): number[] {
  const runs = runsOfSide(pool.runs, needs, needs.a).flatMap(({ id, seed, spec }) => {
    const logKappa = values.get(id);
    const ratio = spec.learningRate.backbone / spec.learningRate.encoder;
    return logKappa === undefined ? [] : [{ seed, ratio, logKappa }];
  });
  return grouped(runs, ({ seed }) => String(seed))
    .filter((own) => new Set(own.map(({ ratio }) => ratio.toPrecision(6))).size > 1)
    .map(slopeOf);
}

/** The share of values above their bound, over all runs of the side. */
async function countFor(pool: Pool, needs: Needs): Promise<Estimate> {
  const counts = await pool.read('tightness', exceededBounds);
  const own = enough(
    runsOfSide(pool.runs, needs, needs.a).flatMap(({ id }) => counts.get(id) ?? []),
    needs,
  );
  const total = own.reduce((sum, count) => sum + count.total, 0);
  const above = own.reduce((sum, count) => sum + count.above, 0);
  return { value: above / total, error: null, degrees: 0, sd: null, n: total };
}

/** Demands what must hold before the claim is tested, and says what was found. Throws Unmet when it does not hold. */
async function demand(
  pool: Pool,
  claim: Claim,
  check: Check,
  others: ReadonlyMap<string, Claim>,
): Promise<string | undefined> {
  if (check.kind === 'supported') {
    const { verdict } = await evaluateOne(pool, others.get(check.claim)!, others);
    if (verdict !== 'supported') throw new Unmet('not tested', `claim ${check.claim} is ${verdict} here`);
    return undefined;
  }
  const cell = onlyCell(pool, claim.needs);
  if (check.kind === 'sameRates') return demandFactors(pool, cell, check.within);
  if (check.kind === 'paused' || check.kind === 'estimated') return demandEach(pool, cell, check.kind);
  const found = manipulationBySeed(cell.a, cell.b, await pool.read('stepMeans', stepMeans));
  if (found === null) throw new Unmet('not tested', 'no measured steps to compare');
  const text = moduleNames
    .map(
      (module) =>
        `${module} steps × ${found.steps[module].toFixed(3)}, divergence × ${found.divergences[module].toFixed(2)}`,
    )
    .join('; ');
  if (hasActed(found, check.atLeast)) return text;
  const longer = ((check.atLeast - 1) * 100).toFixed(0);
  throw new Unmet('not tested', `steps are not ${longer} % longer with larger divergences: ${text}`);
}

/** What every run of side b must have done, and how it is read. */
const demands = {
  paused: { of: pausedRuns, words: 'have a step in which a module rests' },
  estimated: { of: grownDistances, words: 'have estimated a distance for both modules' },
} as const;

async function demandEach(pool: Pool, cell: Cell, kind: keyof typeof demands): Promise<string> {
  const { of, words } = demands[kind];
  const holds = await pool.read(kind, of);
  const n = cell.b.filter(({ id }) => holds.get(id) === true).length;
  const text = `${n} of ${cell.b.length} runs ${words}`;
  if (n < cell.b.length) throw new Unmet('not tested', `only ${text}`);
  return text;
}

/** Holds the mean factors of the followers, side b, to those of the runs of side a that they follow. */
async function demandFactors(pool: Pool, cell: Cell, within: number): Promise<undefined> {
  const factors = await pool.read('meanFactors', meanFactors);
  const pairs = cell.b.flatMap((follower) => {
    const leader = leaderOf(follower, cell.a);
    return leader === undefined ? [] : [{ own: factors.get(follower.id)!, other: factors.get(leader.id)! }];
  });
  if (pairs.length === 0) throw new Unmet('not tested', 'no run follows one of the other side');
  for (const module of moduleNames) {
    const own = mean(pairs.map((pair) => pair.own[module]));
    const other = mean(pairs.map((pair) => pair.other[module]));
    if (Math.abs(own / other - 1) > within)
      throw new Unmet(
        'not tested',
        `mean factors of the ${module} differ: ${own.toPrecision(3)}, ${other.toPrecision(3)}`,
      );
  }
}

async function evaluateOne(pool: Pool, claim: Claim, others: ReadonlyMap<string, Claim>): Promise<Evaluation> {
  const none = { claim, estimate: null, low: null, high: null, p: null, corrected: null };
  let estimate: Estimate;
  try {
    estimate = await estimateFor(pool, claim);
  } catch (error) {
    if (!(error instanceof Unmet)) throw error;
    const absent = runsOfSides(pool.runs, claim.needs).length === 0;
    return { ...none, verdict: error.verdict, why: error.message, ...(absent ? { absent } : {}) };
  }
  const { rule } = claim;
  const interval = rule.kind === 'countZero' ? countInterval(estimate, rule.level) : intervalOf(estimate, rule.level);
  const found = { ...none, estimate, low: interval?.low ?? null, high: interval?.high ?? null };
  let checked: string | undefined;
  try {
    for (const check of claim.checks ?? []) checked = (await demand(pool, claim, check, others)) ?? checked;
  } catch (error) {
    if (error instanceof Unmet) return { ...found, verdict: 'not tested', why: error.message };
    throw error;
  }
  return {
    ...found,
    p: probabilityOf(rule, estimate),
    verdict: verdictOf(rule, estimate),
    why: null,
    ...(checked === undefined ? {} : { checked }),
  };
}

/** Of a count without a hit, from 0 to what the rule of three leaves possible; none of one with hits. */
const countInterval = ({ value, n }: Estimate, level: number) =>
  value > 0 ? null : { low: 0, high: ruleOfThree(n, level) };

/**
 * Holm over the confirmatory claims, whichever could be tested: a list does not get shorter by missing runs. A verdict
 * whose corrected p-value exceeds what the rule's level allows is undecided. The p-value of an equivalence speaks for
 * it alone, so as a confirmatory claim it can be supported and never contradicted.
 */
export function correctConfirmatory(evaluations: readonly Evaluation[]): Evaluation[] {
  const list = evaluations.filter(({ claim }) => claim.tier === 'confirmatory');
  const corrected = holm(list.map(({ p }) => p ?? 1));
  const found = new Map(list.map(({ claim, p }, i) => [claim.id, p === null ? null : corrected[i]!]));
  return evaluations.map((each) => {
    const p = found.get(each.claim.id) ?? null;
    const decided = each.verdict === 'supported' || each.verdict === 'contradicted';
    const stands = !decided || p === null || p <= 1 - each.claim.rule.level;
    return { ...each, corrected: p, verdict: stands ? each.verdict : 'undecided' };
  });
}

/**
 * Every claim on the runs of the experiments that `open` gives for it, all of them pooled; what `open` cannot give does
 * not count. A claim is about set-ups, rates and methods, so any experiment that has them will do.
 */
export async function evaluateClaims(
  claims: readonly Claim[],
  sourcesFor: (claim: Claim) => readonly Journals[],
): Promise<Evaluation[]> {
  const byId = new Map(claims.map((claim) => [claim.id, claim]));
  const pools = new Map<string, Pool>();
  const evaluations: Evaluation[] = [];
  for (const claim of claims) {
    const sources = sourcesFor(claim);
    const key = JSON.stringify(sources.map(({ experiment }) => experiment));
    const pool = pools.get(key) ?? new Pool(sources);
    pools.set(key, pool);
    evaluations.push(await evaluateOne(pool, claim, byId));
  }
  return correctConfirmatory(evaluations);
}
