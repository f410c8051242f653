/** Scores of generated text beyond the exact match (captions, answers by several people, answers that are sets), by method. */
import { correctedRows, pairedDifferences } from '../comparison';
import { seedCount } from '../figure';
import { baseline } from '../schedulers';
import { bySeed, compared } from '../scores';
import { shareInterval, tInterval } from '../statistics';
import { bySetting, estimateText, type TableDefinition } from '../table';
import { pairedCells, pairedOver, testsText, type Paired } from './paired';

type TextScore = { panel: string; setting: string; metric: string; method: string; seed: number; value: number };
type Row = Paired & {
  panel: string;
  setting: string;
  metric: string;
  method: string;
  /** seeds */
  n: number;
  /** mean over seeds */
  value: number;
  low: number | null;
  high: number | null;
};

/** The one metric that is no share. */
const unbounded = 'ciderD';

/** Of the runs of one metric, the rows of every method in every task and setting. */
const rowsOf = (metric: string, scores: readonly TextScore[]): Row[] =>
  compared(scores).flatMap(({ panel, setting, methods }) => {
    const values = (method: string) => bySeed(methods.get(method) ?? [], (run) => run.value);
    const constant = values(baseline);
    return [...methods.keys()].map((method): Row => {
      const own = values(method);
      const { n, mean, low, high } = (metric === unbounded ? tInterval : shareInterval)([...own.values()]);
      const apart = method === baseline ? [] : pairedDifferences(own, constant).map((pair) => pair.difference);
      return { panel, setting, metric, method, n, value: mean, low, high, ...pairedOver(apart) };
    });
  });

export const textScores: TableDefinition<Row> = {
  name: 'text-scores',
  title: 'Scores of generated text by task, learning-rate setting and method',
  shows:
    'scores of generated text beyond the exact match (WUPS and accuracy of sets, VQA accuracy, BLEU, METEOR, ROUGE-L, CIDEr-D), and what each method has over constant rates',
  needs: 'finished runs with an evaluation of generated text on a task that has such scores',

  async select(journals) {
    const scores = await journals.rows<TextScore>(
      'select panel, setting, metric, method, seed, value from texts join runs using (id) order by panel, setting, metric, method, seed, id',
    );
    const metrics = [...new Set(scores.map(({ metric }) => metric))].sort();
    const rows = metrics.flatMap((metric) =>
      rowsOf(
        metric,
        scores.filter((score) => score.metric === metric),
      ),
    );
    // Metrics of one task and setting stand together.
    const places = compared(scores).map(({ panel, setting }) => ({ panel, setting }));
    return correctedRows(
      places.flatMap((place) => rows.filter((row) => row.panel === place.panel && row.setting === place.setting)),
    );
  },

  caption: (rows) =>
    [
      `Scores of the greedy generation on the evaluation split, mean over ${seedCount(rows)} with 95 % Student t interval (shares cut to 0..1; none for one seed), and minus that of ${baseline}, paired by seed.`,
      `${testsText(rows)}; the intervals are not corrected. Bold: an interval of the difference above 0.`,
    ].join(' '),

  layout: (rows) =>
    bySetting(rows, [
      { header: 'Metric', numeric: false, cell: (row) => ({ text: row.metric }) },
      { header: 'Score', cell: (row) => ({ text: estimateText(row.value, row.low, row.high) }) },
      { header: `Difference to ${baseline}`, cell: (row) => pairedCells(row)[0]! },
      { header: 'p (Holm)', cell: (row) => pairedCells(row)[1]! },
    ]),
};
