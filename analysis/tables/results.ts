/** Final accuracy by task, learning-rate setting and method: the paper's main table, with intervals. */
import { fewestForBootstrap, interquartileEstimate } from '../bootstrap';
import { holmOfTested, pairedDifferences, pairedTest } from '../comparison';
import { seedCount } from '../figure';
import { bySeed, compared, type Compared } from '../scores';
import { shareInterval } from '../statistics';
import { bySetting, estimateText, type TableDefinition } from '../table';

/** What one run scored; null where no question was scored so. */
export type RunScore = {
  panel: string;
  setting: string;
  method: string;
  seed: number;
  choice: number | null;
  generation: number | null;
};
export type ResultRow = {
  panel: string;
  setting: string;
  method: string;
  /** seeds */
  n: number;
  choice: number | null;
  choiceLow: number | null;
  choiceHigh: number | null;
  /** 1 for the highest mean of its panel and setting */
  choiceBest: number;
  /** seeds with a generation score */
  generationN: number;
  generation: number | null;
  generationLow: number | null;
  generationHigh: number | null;
  generationBest: number;
  /** 1 when the paired t test, corrected by Holm, does not find it worse than the highest mean */
  choiceNear: number;
  generationNear: number;
  /** interquartile mean of choice with its bootstrap interval; null with few seeds */
  choiceMiddle: number | null;
  choiceMiddleLow: number | null;
  choiceMiddleHigh: number | null;
};

const none = { n: 0, mean: null, low: null, high: null };

/**
 * Marks the highest mean among methods of equal panel and setting; equal means share the mark, a method alone has none.
 */
export function best(values: readonly (number | null)[]): boolean[] {
  const known = values.flatMap((value) => value ?? []);
  const highest = Math.max(...known);
  return values.map((value) => known.length > 1 && value === highest);
}

/** Level of the test against the best. */
const level = 0.05;

/**
 * Marks the methods that the paired t test does not find worse than the best one, corrected by Holm for all that are
 * tested; a method with fewer than two seeds in common with the best is not tested and not marked. `scores` are by
 * seed; `marked` is what `best` gave.
 */
export function notWorse(scores: readonly ReadonlyMap<number, number>[], marked: readonly boolean[]): boolean[] {
  const top = scores[marked.indexOf(true)];
  const tests = scores.map((own, i) =>
    top === undefined || marked[i] === true
      ? null
      : pairedTest(pairedDifferences(own, top).map((pair) => pair.difference)),
  );
  return holmOfTested(tests).map((corrected) => corrected !== null && corrected >= level);
}

/** What a method has in one column: estimate and interval, and whether it is the best or not significantly worse. */
interface Column {
  n: number;
  mean: number | null;
  low: number | null;
  high: number | null;
  best: number;
  near: number;
}

/** One kind of score of the methods that are compared, in their order. */
function columnOf(methods: readonly (readonly RunScore[])[], score: 'choice' | 'generation'): Column[] {
  const estimates = methods.map((runs) => {
    const known = runs.flatMap((run) => run[score] ?? []);
    return known.length === 0 ? none : shareInterval(known);
  });
  const top = best(estimates.map(({ mean }) => mean));
  const near = notWorse(
    methods.map((runs) => bySeed(runs, (run) => run[score])),
    top,
  );
  return estimates.map((estimate, i) => ({ ...estimate, best: top[i] ? 1 : 0, near: near[i] ? 1 : 0 }));
}

/** The rows of one task and setting. */
function rowsOf({ panel, setting, methods }: Compared<RunScore>): ResultRow[] {
  const names = [...methods.keys()],
    runs = [...methods.values()];
  const choices = columnOf(runs, 'choice'),
    generations = columnOf(runs, 'generation');
  return names.map((method, i): ResultRow => {
    const choice = choices[i]!,
      generation = generations[i]!;
    const middle = interquartileEstimate(
      runs[i]!.flatMap((run) => run.choice ?? []),
      [panel, setting, method].join(' '),
    );
    return {
      panel,
      setting,
      method,
      n: runs[i]!.length,
      choice: choice.mean,
      choiceLow: choice.low,
      choiceHigh: choice.high,
      choiceBest: choice.best,
      generationN: generation.n,
      generation: generation.mean,
      generationLow: generation.low,
      generationHigh: generation.high,
      generationBest: generation.best,
      choiceNear: choice.near,
      generationNear: generation.near,
      choiceMiddle: middle.middle,
      choiceMiddleLow: middle.low,
      choiceMiddleHigh: middle.high,
    };
  });
}

/** The rows of the table from the scores of runs, in order of panel, setting, method, seed and id. */
export const resultRows = (scores: readonly RunScore[]): ResultRow[] => compared(scores).flatMap(rowsOf);

/** A star marks in papers what differs; what does not is marked otherwise. */
const nearMark = '†';
const marked = (text: string, near: number) => (near === 1 ? `${text} ${nearMark}` : text);

const withMiddle = (rows: readonly ResultRow[]) => rows.some((row) => row.choiceMiddle !== null);

export const results: TableDefinition<ResultRow> = {
  name: 'results',
  title: 'Final evaluation by task, learning-rate setting and method',
  shows:
    'final accuracy and exact match by task, learning-rate setting and method, with intervals and the methods that are not worse than the best',
  needs: 'finished runs with a final evaluation',

  async select(journals) {
    const scores = await journals.rows<RunScore>(
      'select panel, setting, method, seed, choice, generation from final join runs using (id) order by panel, setting, method, seed, id',
    );
    return resultRows(scores);
  },

  caption(rows) {
    const middle = [
      'Interquartile mean of choice accuracy with BCa bootstrap interval (95 % in name, 2,000 seeded resamples; docs/method.md section 8)',
      `for ${fewestForBootstrap} seeds or more: where it is far from the mean, single runs decide the mean.`,
    ];
    return [
      'Final evaluation: share of questions whose reference answer is the likeliest of the choices, and exact match of the greedy generation.',
      `Mean over ${seedCount(rows)} with 95 % Student t interval cut to 0..1 (none for one seed);`,
      'bold: highest mean of its task and setting;',
      `${nearMark}: not significantly worse than it (paired t test by seed at .05, corrected by Holm for the methods of the task and setting; with few seeds this says little).`,
      ...(withMiddle(rows) ? middle : []),
    ].join(' ');
  },

  layout: (rows) =>
    bySetting(rows, [
      {
        header: 'Choice accuracy',
        cell: (row) => ({
          text: marked(estimateText(row.choice, row.choiceLow, row.choiceHigh), row.choiceNear),
          best: row.choiceBest === 1,
        }),
      },
      ...(withMiddle(rows)
        ? [
            {
              header: 'Interquartile mean',
              cell: (row: ResultRow) => ({
                text: estimateText(row.choiceMiddle, row.choiceMiddleLow, row.choiceMiddleHigh),
              }),
            },
          ]
        : []),
      {
        header: 'Generation exact match',
        cell: (row) => ({
          text: marked(estimateText(row.generation, row.generationLow, row.generationHigh), row.generationNear),
          best: row.generationBest === 1,
        }),
      },
    ]),
};
