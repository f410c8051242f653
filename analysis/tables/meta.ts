/** Each method against constant rates over all tasks and settings of an experiment together. */
import { pairedDifferences } from '../comparison';
import { orderMethods } from '../labels';
import { cellEffects, equivalenceMargin, randomEffects } from '../meta';
import { baseline } from '../schedulers';
import { bySeed, compared } from '../scores';
import { estimateText, type TableDefinition } from '../table';

type Score = { panel: string; setting: string; method: string; seed: number; choice: number };
type Row = {
  method: string;
  /** tasks and settings that have two seeds or more in common with constant rates */
  cells: number;
  /** pairs of runs in them */
  runs: number;
  difference: number;
  low: number;
  high: number;
  /** standard deviation of the true differences between cells */
  tau: number;
  /** smallest margin within which it is shown to be equivalent to constant rates */
  margin: number;
};

/** Paired differences to constant rates of one method, a list a cell; cells with fewer than two pairs are left out. */
function cellsOf(scores: readonly Score[], method: string): number[][] {
  return compared(scores)
    .map(({ methods }) => {
      const of = (name: string) => bySeed(methods.get(name) ?? [], ({ choice }) => choice);
      return pairedDifferences(of(method), of(baseline)).map(({ difference }) => difference);
    })
    .filter((differences) => differences.length >= 2);
}

export const meta: TableDefinition<Row> = {
  name: 'meta',
  title: `Choice accuracy against ${baseline}, all tasks and settings together`,
  shows:
    'the accuracy of every method minus that of constant rates over all tasks and settings together, and the margin of equivalence',
  needs: `finished runs of \`${baseline}\` and of another method with two seeds or more in common in two tasks or settings or more`,

  async select(journals) {
    const scores = await journals.rows<Score>(
      'select panel, setting, method, seed, choice from final join runs using (id) where choice is not null order by panel, setting, method, seed, id',
    );
    return orderMethods(scores.map(({ method }) => method))
      .filter((method) => method !== baseline)
      .flatMap((method): Row[] => {
        const cells = cellsOf(scores, method);
        const combined = randomEffects(cellEffects(cells));
        if (combined === null) return [];
        const { k, mean, low, high, tau } = combined;
        const runs = cells.reduce((sum, { length }) => sum + length, 0);
        return [{ method, cells: k, runs, difference: mean, low, high, tau, margin: equivalenceMargin(combined) }];
      });
  },

  caption: () =>
    [
      `Final choice accuracy minus that of ${baseline}, paired by seed in each task and setting, then over these cells: random effects (DerSimonian and Laird, seeds equally noisy in all cells) with the 95 % interval of Hartung and Knapp.`,
      'tau: standard deviation of the true differences between cells. Equivalent within: the smallest margin for which both one-sided tests reject at .05.',
      'Cells share seeds, and settings of one experiment differ in what they are about: the mean answers for this set of cells.',
    ].join(' '),

  layout: (rows) => ({
    columns: [
      { header: 'Method', numeric: false },
      { header: 'Cells', numeric: true },
      { header: 'Pairs', numeric: true },
      { header: `Difference to ${baseline}`, numeric: true },
      { header: 'tau', numeric: true },
      { header: 'Equivalent within', numeric: true },
    ],
    groups: [
      rows.map((row) => [
        { text: row.method },
        { text: String(row.cells) },
        { text: String(row.runs) },
        { text: estimateText(row.difference, row.low, row.high), best: row.low > 0 },
        { text: row.tau.toFixed(3) },
        { text: row.margin.toFixed(3) },
      ]),
    ],
  }),
};
