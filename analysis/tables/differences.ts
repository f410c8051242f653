/**
 * Methods against one of them, seed by seed: pairing takes out what the seeds have in common. All against constant
 * rates here; schedulers with a regulariser against the same without it in regulariserGain.ts.
 */
import type { Journals } from '../aggregate';
import { improvementEstimate, improvementText } from '../bootstrap';
import { correctedRows, pairedDifferences, pairedEffect, pairedTest } from '../comparison';
import { numberText, seedCount } from '../figure';
import { baseline } from '../schedulers';
import { bySeed, compared } from '../scores';
import { tInterval } from '../statistics';
import { bySetting, estimateText, probabilityText, type TableColumn, type TableDefinition } from '../table';
import { testsText } from './paired';

type RunScore = { panel: string; setting: string; method: string; seed: number; choice: number };
/** One method against another in one task and setting. */
export type DifferenceRow = {
  panel: string;
  setting: string;
  method: string;
  /** seeds that both have */
  n: number;
  /** accuracy minus that of the method they are compared with */
  difference: number;
  low: number | null;
  high: number | null;
  probabilityOfImprovement: number;
  /** its bootstrap interval; null with few seeds or without spread */
  improvementLow: number | null;
  improvementHigh: number | null;
  /** Cohen's d of the pairs; null for one seed or without spread */
  effect: number | null;
  /** p-value of the paired t test, corrected by Holm over all rows of the table; null for one seed */
  corrected: number | null;
};

/** Which method the others are compared with, and which scheduler these have; any when absent. */
export interface Comparison {
  baseline: string;
  scheduler?: string;
}

/** The others against the baseline; `corrected` still holds the plain p-value. */
async function compare(journals: Journals, { baseline, scheduler }: Comparison): Promise<DifferenceRow[]> {
  const scores = await journals.rows<RunScore>(
    'select panel, setting, method, seed, choice from final join runs using (id) where choice is not null order by panel, setting, method, seed, id',
  );
  return compared(scores).flatMap(({ panel, setting, methods }) => {
    const choices = (method: string) => bySeed(methods.get(method) ?? [], (run) => run.choice);
    const base = choices(baseline);
    return [...methods.keys()]
      .filter((method) => method !== baseline && (scheduler === undefined || method.split(' ')[0] === scheduler))
      .flatMap((method): DifferenceRow[] => {
        const own = choices(method);
        const pairs = pairedDifferences(own, base);
        if (pairs.length === 0) return [];
        const apart = pairs.map((pair) => pair.difference);
        const { n, mean, low, high } = tInterval(apart);
        const of = (scoresBySeed: Map<number, number>) => pairs.map((pair) => scoresBySeed.get(pair.seed)!);
        const improvement = improvementEstimate(of(own), of(base), [panel, setting, method].join(' '));
        return [
          {
            panel,
            setting,
            method,
            n,
            difference: mean,
            low,
            high,
            probabilityOfImprovement: improvement.probability,
            improvementLow: improvement.low,
            improvementHigh: improvement.high,
            effect: pairedEffect(apart),
            corrected: pairedTest(apart),
          },
        ];
      });
  });
}

/** What a table of differences to a method says of each row. */
export const differenceColumns = (baseline: string): TableColumn<DifferenceRow>[] => [
  {
    header: `Difference to ${baseline}`,
    cell: (row) => ({ text: estimateText(row.difference, row.low, row.high), best: row.low !== null && row.low > 0 }),
  },
  { header: 'd', cell: (row) => ({ text: row.effect === null ? '' : numberText(row.effect) }) },
  {
    header: 'P(improvement)',
    cell: (row) => ({ text: estimateText(row.probabilityOfImprovement, row.improvementLow, row.improvementHigh, 2) }),
  },
  { header: 'p (Holm)', cell: (row) => ({ text: probabilityText(row.corrected) }) },
];

/** The table of one comparison. */
export function differencesTable(name: string, shows: string, comparison: Comparison): TableDefinition<DifferenceRow> {
  const { baseline, scheduler } = comparison;
  const others = scheduler === undefined ? 'another method' : `\`${scheduler}\``;
  return {
    name,
    title: `Choice accuracy ${scheduler === undefined ? '' : `of ${scheduler} `}against ${baseline}, paired by seed`,
    shows,
    needs: `finished runs of \`${baseline}\` and of ${others} with seeds and setting in common`,

    async select(journals) {
      return correctedRows(await compare(journals, comparison));
    },

    caption(rows) {
      const bootstrapped = rows.some((row) => row.improvementLow !== null) ? `, ${improvementText}` : '';
      return [
        `Final choice accuracy minus that of ${baseline}, paired by seed: mean over ${seedCount(rows)} with 95 % Student t interval (none for one seed),`,
        `and the probability that a run exceeds one of ${baseline} (ties half)${bootstrapped}.`,
        'd: mean over standard deviation of the differences.',
        `${testsText(rows)}; the intervals are not corrected.`,
        'Bold: an interval above 0.',
      ].join(' ');
    },

    layout: (rows) => bySetting(rows, differenceColumns(baseline)),
  };
}

/** Every method against constant rates. */
export const differences = differencesTable(
  'differences',
  'the accuracy of every method minus that of constant rates, paired by seed',
  { baseline },
);
