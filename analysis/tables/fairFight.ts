/**
 * A fair fight: every method with its own best pair of learning rates, chosen on validation and, where there are other
 * seeds at the chosen pairs, told by those; constant rates so chosen are the rival `per-module-lr`.
 */
import { runDefaults } from '../../src/manifest/defaults';
import type { Journals } from '../aggregate';
import { improvementEstimate, improvementText } from '../bootstrap';
import { correctedRows, pairedDifferences } from '../comparison';
import { seedCount } from '../figure';
import { grouped } from '../grouped';
import { labelRuns } from '../labels';
import { baseline } from '../schedulers';
import { bySeed } from '../scores';
import { mean, shareInterval } from '../statistics';
import { consecutive, estimateText, probabilityText, type TableDefinition } from '../table';
import { choicesOf, edgeOf, type Trial } from './chosenRates';
import { pairedOver, testsText, type Paired } from './paired';

/** What a method chose. */
type Chosen = {
  panel: string;
  method: string;
  /** pairs of rates tried */
  pairs: number;
  /** seeds that chose among them */
  choosers: number;
  /** base rates of the best pair */
  encoder: number;
  backbone: number;
  /** pairs of the panel that lacked a seed and were left out */
  incomplete: number;
  /** which of the two rates is the smallest or largest that was tried beside the other; empty where neither is */
  edge: string;
  /** mean validation accuracy of the best pair over the seeds that chose */
  validation: number;
  /** whose accuracy is reported */
  reported: 'other seeds' | 'the same seeds';
};
/** How that ended; nulls of a difference for the rival itself. */
type Outcome = Paired & {
  /** seeds that are reported */
  n: number;
  /** accuracy on the evaluation split, mean over seeds */
  accuracy: number;
  low: number | null;
  high: number | null;
  probabilityOfImprovement: number | null;
  /** its bootstrap interval; null with few seeds or without spread */
  improvementLow: number | null;
  improvementHigh: number | null;
};
type Row = Chosen & Outcome;

/** What constant rates are called once their pair was chosen. */
const rival = 'per-module-lr';

/** How the reported runs of a method ended, beside those of the rival with the same seeds; null: they are the rival's. */
function outcomeOf(name: string, own: readonly Trial[], base: readonly Trial[] | null): Outcome {
  const { n, mean: accuracy, low, high } = shareInterval(own.map((trial) => trial.accuracy));
  const accuracies = (of: readonly Trial[]) => bySeed(of, (trial) => trial.accuracy);
  const differences = base === null ? [] : pairedDifferences(accuracies(own), accuracies(base));
  const values = (of: readonly Trial[]) => of.map((trial) => trial.accuracy);
  const improvement = base === null ? null : improvementEstimate(values(own), values(base), name);
  return {
    ...{ n, accuracy, low, high },
    ...pairedOver(differences.map(({ difference }) => difference)),
    probabilityOfImprovement: improvement?.probability ?? null,
    improvementLow: improvement?.low ?? null,
    improvementHigh: improvement?.high ?? null,
  };
}

function rowsOf(panel: string, trials: readonly Trial[]): Row[] {
  const choices = choicesOf(trials);
  if (choices === null) return [];
  const base = choices.methods.find(({ method }) => method === baseline)!;
  return choices.methods.map((choice): Row => {
    const { method, pairs, best, reported } = choice;
    const { encoder, backbone } = best[0]!;
    return {
      panel,
      method: choice === base ? rival : method,
      pairs,
      choosers: choices.seeds,
      incomplete: choices.incomplete,
      ...{ encoder, backbone },
      edge: edgeOf(choice),
      validation: mean(best.map((trial) => trial.validation)),
      reported: choices.others ? 'other seeds' : 'the same seeds',
      ...outcomeOf(`${panel} ${method}`, reported, choice === base ? null : base.reported),
    };
  });
}

/**
 * Every run's last validation and its evaluation. Runs that only chose may be evaluated on fewer questions: panels are
 * those of runs whose evaluations were alike.
 */
async function trialsOf(journals: Journals): Promise<Trial[]> {
  const alike = labelRuns(journals.runs.map(({ file }) => ({ ...file.spec, evaluate: runDefaults.evaluate })));
  const panels = new Map(journals.runs.map(({ id }, i) => [id, alike[i]!.panel]));
  const asked = new Map(journals.runs.map(({ id, file }) => [id, file.spec.evaluate.limit || Infinity]));
  const trials = await journals.rows<Omit<Trial, 'asked'>>(`
    with numbered as (
        select *, row_number() over (partition by id order by step desc) as place from evaluate where split = 'validation'),
      validated as (select id, choice as validation, loss from numbered where place = 1 and choice is not null)
    select id, panel, method, seed, rateEncoder as encoder, rateBackbone as backbone, validation, validated.loss as loss, final.choice as accuracy
    from final join runs using (id) join validated using (id)
    where final.choice is not null
    order by task, method, rateEncoder, rateBackbone, seed, id`);
  return trials.map((trial) => ({ ...trial, panel: panels.get(trial.id)!, asked: asked.get(trial.id)! }));
}

const rate = (value: number, atEdge: boolean) => `${Number(value.toPrecision(3))}${atEdge ? ' †' : ''}`;

export const fairFight: TableDefinition<Row> = {
  name: 'fair-fight',
  title: `Every method at its best pair of learning rates, against ${rival}`,
  shows:
    'every method at its own best pair of learning rates, chosen on validation, against constant rates chosen alike',
  needs: `finished runs of \`${baseline}\` and of another method with two or more pairs of learning rates and seeds in common, with validation on the way, and at the chosen pairs two seeds that were evaluated on all questions`,

  async select(journals) {
    const panels = grouped(await trialsOf(journals), ({ panel }) => panel);
    return correctedRows(panels.flatMap((trials) => rowsOf(trials[0]!.panel, trials)));
  },

  caption(rows) {
    const bootstrapped = rows.some((row) => row.improvementLow !== null) ? `, ${improvementText}` : '';
    const differ = new Set(rows.map(({ pairs }) => pairs)).size > 1;
    const incomplete = grouped(rows, ({ panel }) => panel).reduce((sum, [row]) => sum + row!.incomplete, 0);
    return [
      'Choice accuracy on the evaluation split, each method at the pair of learning rates with its highest last validation accuracy.',
      `Trials: pairs of rates × seeds that chose among them${differ ? '; methods had different numbers of pairs' : ', the same for every method'}.`,
      ...(incomplete > 0 ? [`${incomplete} pairs of a method that lack one of these seeds are left out.`] : []),
      ...(rows.some(({ edge }) => edge !== '')
        ? ['†: the smallest or largest rate that was tried beside the other one, so a wider grid might find more.']
        : []),
      `${rival}: constant rates so chosen.`,
      `Mean over ${seedCount(rows)} with 95 % Student t interval cut to 0..1;`,
      `difference to ${rival} paired by seed, with 95 % t interval;`,
      `P: probability that a run exceeds one of ${rival} (ties half)${bootstrapped}.`,
      `${testsText(rows)}.`,
      'Bold: highest mean of its task.',
      rows.some(({ reported }) => reported === 'the same seeds')
        ? 'Where the same seeds chose the pair and are reported, questions differ, seeds do not.'
        : 'Other seeds chose than are reported.',
    ].join(' ');
  },

  layout: (rows) => ({
    columns: [
      { header: 'Task', numeric: false },
      { header: 'Method', numeric: false },
      { header: 'Trials', numeric: true },
      { header: 'Reported', numeric: true },
      { header: 'Rate of encoder', numeric: true },
      { header: 'of backbone', numeric: true },
      { header: 'Validation', numeric: true },
      { header: 'Accuracy', numeric: true },
      { header: `Difference to ${rival}`, numeric: true },
      { header: 'P', numeric: true },
      { header: 'p (Holm)', numeric: true },
    ],
    groups: consecutive(rows, (row) => row.panel).map((group) =>
      group.map((row) => [
        { text: row.panel },
        { text: row.method },
        { text: `${row.pairs} × ${row.choosers}` },
        { text: `${row.n}, ${row.reported}` },
        { text: rate(row.encoder, row.edge.includes('encoder')) },
        { text: rate(row.backbone, row.edge.includes('backbone')) },
        { text: row.validation.toFixed(3) },
        {
          text: estimateText(row.accuracy, row.low, row.high),
          best: row.accuracy === Math.max(...group.map((other) => other.accuracy)),
        },
        { text: row.difference === null ? '' : estimateText(row.difference, row.differenceLow, row.differenceHigh) },
        {
          text:
            row.probabilityOfImprovement === null
              ? ''
              : estimateText(row.probabilityOfImprovement, row.improvementLow, row.improvementHigh, 2),
        },
        { text: probabilityText(row.corrected) },
      ]),
    ),
  }),
};
