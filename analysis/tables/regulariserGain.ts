/**
 * What a regulariser adds: schedulers that bring one against the same without it, and before that the manipulation
 * check. Where steps are no longer and divergences no larger, the comparison of accuracies tests nothing.
 */
import type { Journals } from '../aggregate';
import { grouped } from '../grouped';
import { hasActed, leastStepRatio, manipulation, stepMeans, type StepMeans } from '../manipulation';
import { regularisedPairs } from '../schedulers';
import type { TableCell, TableDefinition } from '../table';
import { differencesTable, type Comparison, type DifferenceRow } from './differences';

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
function checked(row: DifferenceRow, pairs: readonly { having: StepMeans; without: StepMeans }[]): Row {
  if (pairs.length === 0)
    return {
      ...row,
      stepEncoder: null,
      stepBackbone: null,
      divergenceEncoder: null,
      divergenceBackbone: null,
      verdict: 'not tested',
    };
  const found = manipulation(
    pairs.map(({ having }) => having),
    pairs.map(({ without }) => without),
  );
  return {
    ...row,
    stepEncoder: found.steps.encoder,
    stepBackbone: found.steps.backbone,
    divergenceEncoder: found.divergences.encoder,
    divergenceBackbone: found.divergences.backbone,
    verdict: hasActed(found) ? verdictOf(row) : 'not tested',
  };
}

/** The measured steps of each pair of runs, by task, setting and method. */
async function measuredPairs(journals: Journals, baseline: string) {
  const means = await stepMeans(journals);
  const runs = journals.runs.filter(({ id }) => means.has(id));
  const cell = ({ panel, setting }: { panel: string; setting: string }) => JSON.stringify([panel, setting]);
  const cells = new Map(grouped(runs, cell).map((own) => [cell(own[0]!), own]));
  return ({ panel, setting, method }: DifferenceRow) => {
    const here = cells.get(cell({ panel, setting })) ?? [];
    const base = new Map(here.filter((run) => run.method === baseline).map(({ seed, id }) => [seed, id]));
    return here
      .filter((run) => run.method === method && base.has(run.seed))
      .map(({ id, seed }) => ({ having: means.get(id)!, without: means.get(base.get(seed)!)! }));
  };
}

const ratio = (value: number | null): TableCell => ({ text: value === null ? '–' : value.toFixed(2) });

/** The table of one scheduler that brings a regulariser. */
function gainTable(name: string, comparison: Comparison): TableDefinition<Row> {
  const plain = differencesTable(name, 'what the regulariser adds to coordinated rates, paired by seed', comparison);
  return {
    ...plain,
    shows: `${plain.shows}, and whether it acted at all`,
    async select(journals) {
      const pairsOf = await measuredPairs(journals, comparison.baseline);
      return (await plain.select(journals)).map((row) => checked(row, pairsOf(row)));
    },
    caption: (rows) =>
      [
        plain.caption(rows),
        'Manipulation check: mean step length (over the norm of the parameters) and geometric mean of the divergence at the measured steps, with the regulariser over without, for each module.',
        `Not tested: of neither module are the steps ${((leastStepRatio - 1) * 100).toFixed(0)} % longer and the divergence larger.`,
      ].join(' '),
    layout: (rows) => {
      const { columns, groups } = plain.layout(rows);
      const headers = ['Steps: encoder', 'backbone', 'Divergence: encoder', 'backbone'];
      let next = 0;
      return {
        columns: [
          ...columns,
          ...headers.map((header) => ({ header, numeric: true })),
          { header: 'Verdict', numeric: false },
        ],
        groups: groups.map((group) =>
          group.map((cells) => {
            const row = rows[next++]!;
            const ratios = [row.stepEncoder, row.stepBackbone, row.divergenceEncoder, row.divergenceBackbone];
            return [
              ...cells.map(({ text, best }) => ({ text, best: best === true && row.verdict !== 'not tested' })),
              ...ratios.map(ratio),
              { text: row.verdict },
            ];
          }),
        ),
      };
    },
  };
}

/** What the regulariser adds to coordinated rates: one table for each scheduler that brings one. */
export const regulariserGains = regularisedPairs.map((pair, i) =>
  gainTable(i === 0 ? 'regulariser-gain' : `regulariser-gain-${pair.scheduler}`, pair),
);
