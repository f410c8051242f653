/**
 * What a regulariser adds: schedulers that bring one against the same without it, and before that the manipulation
 * check. Where steps are no longer and divergences no larger, the comparison of accuracies tests nothing.
 */
import type { Journals } from '../aggregate';
import { grouped } from '../grouped';
import { hasActed, leastStepRatio, manipulationBySeed, stepMeans, type Manipulation } from '../manipulation';
import { regularisedPairs } from '../schedulers';
import type { Place } from '../scores';
import { bySetting, type TableCell, type TableColumn, type TableDefinition } from '../table';
import { differenceColumns, differencesTable, type Comparison, type DifferenceRow } from './differences';

type Row = DifferenceRow & {
  /** mean step length of the module with the regulariser over that without; null where kappa was not measured */
  stepEncoder: number | null;
  stepBackbone: number | null;
  /** the same of its divergences, as geometric means */
  divergenceEncoder: number | null;
  divergenceBackbone: number | null;
  /** `not tested` where the regulariser did not act */
  verdict: 'not tested' | 'above 0' | 'below 0' | 'undecided';
};

const verdictOf = ({ low, high }: DifferenceRow): Row['verdict'] =>
  low !== null && low > 0 ? 'above 0' : high !== null && high < 0 ? 'below 0' : 'undecided';

/** The row with its manipulation check, from the seeds that both methods have. */
function checked(row: DifferenceRow, found: Manipulation | null): Row {
  return {
    ...row,
    stepEncoder: found?.steps.encoder ?? null,
    stepBackbone: found?.steps.backbone ?? null,
    divergenceEncoder: found?.divergences.encoder ?? null,
    divergenceBackbone: found?.divergences.backbone ?? null,
    verdict: found !== null && hasActed(found) ? verdictOf(row) : 'not tested',
  };
}

const placeKey = ({ panel, setting, method }: Place) => JSON.stringify([panel, setting, method]);

/** What a method did over the baseline, in one task and setting; null without measured steps of both. */
async function manipulations(journals: Journals, baseline: string): Promise<(place: Place) => Manipulation | null> {
  const means = await stepMeans(journals);
  const runs = new Map(grouped(journals.runs, placeKey).map((own) => [placeKey(own[0]!), own]));
  const runsOf = (place: Place) => runs.get(placeKey(place)) ?? [];
  return (place) => manipulationBySeed(runsOf(place), runsOf({ ...place, method: baseline }), means);
}

const ratioColumn = (header: string, of: (row: Row) => number | null): TableColumn<Row> => ({
  header,
  cell: (row) => {
    const ratio = of(row);
    return { text: ratio === null ? '–' : ratio.toFixed(2) };
  },
});

const boldIfTested =
  ({ cell }: TableColumn<DifferenceRow>) =>
  (row: Row): TableCell => {
    const { text, best } = cell(row);
    return { text, best: best === true && row.verdict !== 'not tested' };
  };

/** The table of one scheduler that brings a regulariser. */
function gainTable(name: string, comparison: Comparison): TableDefinition<Row> {
  const plain = differencesTable(name, 'what the regulariser adds to coordinated rates, paired by seed', comparison);
  return {
    ...plain,
    shows: `${plain.shows}, and whether it acted at all`,
    async select(journals) {
      const manipulationOf = await manipulations(journals, comparison.baseline);
      return (await plain.select(journals)).map((row) => checked(row, manipulationOf(row)));
    },
    caption: (rows) =>
      [
        plain.caption(rows),
        'Manipulation check: mean step length (over the norm of the parameters) and geometric mean of the divergence at the measured steps, with the regulariser over without, for each module.',
        `Not tested: of neither module are the steps ${((leastStepRatio - 1) * 100).toFixed(0)} % longer and the divergence larger.`,
      ].join(' '),
    layout: (rows) =>
      bySetting(rows, [
        ...differenceColumns(comparison.baseline).map((column) => ({ ...column, cell: boldIfTested(column) })),
        ratioColumn('Steps: encoder', (row) => row.stepEncoder),
        ratioColumn('backbone', (row) => row.stepBackbone),
        ratioColumn('Divergence: encoder', (row) => row.divergenceEncoder),
        ratioColumn('backbone', (row) => row.divergenceBackbone),
        { header: 'Verdict', numeric: false, cell: (row) => ({ text: row.verdict }) },
      ]),
  };
}

/** What the regulariser adds to coordinated rates: one table for each scheduler that brings one. */
export const regulariserGains = regularisedPairs.map((pair, i) =>
  gainTable(i === 0 ? 'regulariser-gain' : `regulariser-gain-${pair.scheduler}`, pair),
);
