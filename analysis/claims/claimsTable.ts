/** What came of claims, as a table for the terminal and for Markdown. */
import { grouped } from '../grouped';
import { settingOf } from '../labels';
import type { PageTable } from '../reportHtml';
import { estimateText, probabilityText, type TableCell } from '../table';
import type { Claim, ClaimsFile, Needs, Reference, Rule, Side, Verdict } from './claim';
import { ruleOfThree } from './estimate';
import { sideWords } from './sides';
import type { Evaluation } from './evaluate';

const number = (value: number) =>
  String(value)
    .replace('-', '−')
    .replace(/^(−?)0\./, '$1.');

/** A rule in words: `above 0`, `within ±.3 of 2`. */
export function ruleText(rule: Rule): string {
  switch (rule.kind) {
    case 'countZero':
      return 'none';
    case 'equivalent':
      return `within ±${number(rule.margin)}${rule.around === undefined ? '' : ` of ${number(rule.around)}`}`;
    default:
      return `${rule.kind} ${number(rule.margin)}`;
  }
}

interface Shown {
  value: number;
  low: number | null;
  high: number | null;
  n: number;
}

/** An estimate with its interval; of a count how many of how many, and without a hit what that leaves possible. */
function valueText(rule: Rule, { value, low, high, n }: Shown): string {
  if (rule.kind !== 'countZero') return estimateText(value, low, high);
  const above = Math.round(value * n);
  return `${above} of ${n}${above === 0 ? `, at most ${(100 * ruleOfThree(n, rule.level)).toFixed(2)} %` : ''}`;
}

/** The estimate of an evaluation in words; a dash without one. */
export const estimateOfEvaluation = ({ claim, estimate, low, high }: Evaluation): string =>
  estimate === null ? '–' : valueText(claim.rule, { value: estimate.value, low, high, n: estimate.n });

/** The reference of a claim in words; a dash without one. */
export const referenceText = ({ rule }: Claim, reference: Reference | undefined): string =>
  reference?.estimate === undefined || reference.estimate === null
    ? '–'
    : `${valueText(rule, { ...reference, value: reference.estimate })}, n = ${reference.n}: ${reference.verdict}`;

/**
 * Whether what the committed runs support is contradicted here, or the other way round. A count without a hit and one
 * with hits are opposite verdicts only where the share of hits is more than the other's number of values leaves
 * possible.
 */
export function hasTurned({ claim: { reference, rule }, verdict, estimate }: Evaluation): boolean {
  if (reference === undefined || estimate === null) return false;
  if ([reference.verdict, verdict].sort().join() !== 'contradicted,supported') return false;
  if (rule.kind !== 'countZero') return true;
  const clean = verdict === 'supported' ? estimate.n : reference.n;
  return Math.max(estimate.value, reference.estimate ?? 0) > ruleOfThree(clean, rule.level);
}

/** How many claims have each verdict, in words. */
export function countText(evaluations: readonly Evaluation[]): string {
  const order: Verdict[] = ['supported', 'contradicted', 'undecided', 'not tested', 'not evaluable'];
  return order
    .map((verdict) => ({ verdict, n: evaluations.filter((each) => each.verdict === verdict).length }))
    .filter(({ n }) => n > 0)
    .map(({ verdict, n }) => `${n} ${verdict}`)
    .join(', ');
}

const sideText = (side: Side): string =>
  [...sideWords(side), ...(side.rates === undefined ? [] : [settingOf({ learningRate: side.rates })])].join(', ');

/** The side that a claim holds its method against; its rates where they are others than those of the method. */
function controlText({ a, b }: Needs): string {
  if (b === undefined) return '–';
  const { rates, ...method } = b;
  const same = rates?.encoder === a.rates?.encoder && rates?.backbone === a.rates?.backbone;
  return sideText(same || rates === undefined ? method : b);
}

const verdictCell = (verdict: Verdict): TableCell => ({ text: verdict, best: verdict === 'supported' });

/**
 * The table, a group a file of claims; `statements` beside ids, for a page; `reference` beside the user's own. Claims
 * that cannot be evaluated come without a row: what they need stands below the table.
 */
export function claimsTable(
  files: readonly ClaimsFile[],
  evaluations: readonly Evaluation[],
  { statements, reference }: { statements: boolean; reference: boolean },
): PageTable {
  const fileOf = new Map(files.flatMap(({ path, claims }) => claims.map(({ id }) => [id, path] as const)));
  const shown = evaluations.filter(({ verdict }) => verdict !== 'not evaluable');
  const row = (each: Evaluation): TableCell[] => [
    { text: statements ? `${each.claim.statement} (${each.claim.id})` : each.claim.id },
    { text: each.claim.by },
    ...(statements ? [{ text: controlText(each.claim.needs) }] : []),
    verdictCell(each.verdict),
    { text: estimateOfEvaluation(each) },
    { text: each.estimate === null ? '' : String(each.estimate.n) },
    { text: ruleText(each.claim.rule) },
    { text: probabilityText(each.corrected) },
    ...(reference ? [{ text: referenceText(each.claim, each.claim.reference) }] : []),
  ];
  return {
    name: 'claims',
    title: 'Claims',
    caption: [
      'By: who states it.',
      ...(statements ? ['Control: what the method is held against; none for a level, a slope or a count.'] : []),
      'Bold (on a terminal with a star): supported. Estimate with 95 % interval; n: seeds, cells of a meta-claim, values of a count. Rule: what the interval must do (for an equivalence the 90 % one).',
      'p: of the confirmatory claims, corrected by Holm over their whole list, as are their verdicts; those of exploratory claims are not corrected.',
      ...(reference ? ['Reference: the committed runs.'] : []),
    ].join(' '),
    layout: {
      columns: [
        { header: 'Claim', numeric: false },
        { header: 'By', numeric: false },
        ...(statements ? [{ header: 'Control', numeric: false }] : []),
        { header: 'Verdict', numeric: false },
        { header: 'Estimate', numeric: true },
        { header: 'n', numeric: true },
        { header: 'Rule', numeric: false },
        { header: 'p (Holm)', numeric: true },
        ...(reference ? [{ header: 'Reference', numeric: false }] : []),
      ],
      groups: grouped(shown, ({ claim }) => fileOf.get(claim.id) ?? '').map((own) => own.map(row)),
    },
  };
}

/**
 * Why claims were not tested or cannot be evaluated, and what a manipulation check found that holds, a line each. Those
 * of which there is no run at all are counted; `all` says what each of them needs.
 */
export function reasonLines(evaluations: readonly Evaluation[], all = false): string[] {
  const absent = all ? 0 : evaluations.filter((each) => each.absent === true).length;
  const lines = evaluations.flatMap(({ claim, verdict, why, checked, absent: isAbsent }) => {
    if (why !== null) return isAbsent === true && !all ? [] : [`${claim.id}: ${verdict}: ${why}`];
    return checked === undefined ? [] : [`${claim.id}: tested: ${checked}`];
  });
  const others = `${absent} claim${absent === 1 ? ' is' : 's are'} about methods, rates or tasks of which there is no run here (equipoise claims --all says which)`;
  return absent === 0 ? lines : [...lines, others];
}
