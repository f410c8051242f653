/**
 * A fair fight: every method with its own best pair of learning rates, chosen on validation from the same grid;
 * constant rates so chosen are the rival `per-module-lr`.
 */
import { improvementEstimate, improvementText } from '../bootstrap';
import { correctedRows, pairedDifferences, pairedTest } from '../comparison';
import { seedCount } from '../figure';
import { orderMethods } from '../labels';
import { baseline } from '../schedulers';
import { bySeed } from '../scores';
import { mean, shareInterval, tInterval } from '../statistics';
import { consecutive, estimateText, probabilityText, type TableDefinition } from '../table';
import { testsText } from './paired';

type Trial = {
  panel: string;
  method: string;
  seed: number;
  encoder: number;
  backbone: number;
  validation: number;
  loss: number;
  accuracy: number;
};
type Row = {
  panel: string;
  method: string;
  /** pairs of rates tried */
  pairs: number;
  /** seeds of each pair */
  n: number;
  /** base rates of the best pair */
  encoder: number;
  backbone: number;
  /** mean validation accuracy of the best pair */
  validation: number;
  /** accuracy on the evaluation split, mean over seeds */
  accuracy: number;
  low: number | null;
  high: number | null;
  /** that minus the rival's, paired by seed; null for the rival itself */
  difference: number | null;
  differenceLow: number | null;
  differenceHigh: number | null;
  probabilityOfImprovement: number | null;
  /** its bootstrap interval; null with few seeds or without spread */
  improvementLow: number | null;
  improvementHigh: number | null;
  /** p of the paired t test, corrected by Holm over the table; null for the rival and for one seed */
  corrected: number | null;
};

/** What constant rates are called once their pair was chosen. */
const rival = 'per-module-lr';

const pairKey = (trial: Trial) => `${trial.encoder} ${trial.backbone}`;
const distinct = <Value>(values: readonly Value[]) => [...new Set(values)];

/**
 * The trials at the pairs of rates and with the seeds that all methods have; methods with one pair only do not take
 * part.
 */
function commonGrid(all: readonly Trial[]): Trial[] {
  const methods = distinct(all.map((trial) => trial.method)).filter(
    (method) => distinct(all.filter((trial) => trial.method === method).map(pairKey)).length > 1,
  );
  const taking = all.filter((trial) => methods.includes(trial.method));
  const has = (trials: readonly Trial[], method: string, pair: string) =>
    trials.filter((trial) => trial.method === method && pairKey(trial) === pair);
  const pairs = distinct(taking.map(pairKey)).filter((pair) =>
    methods.every((method) => has(taking, method, pair).length > 0),
  );
  const seeds = distinct(taking.map((trial) => trial.seed)).filter((seed) =>
    methods.every((method) => pairs.every((pair) => has(taking, method, pair).some((trial) => trial.seed === seed))),
  );
  return methods.length < 2 || !methods.includes(baseline) || pairs.length < 2
    ? []
    : taking.filter((trial) => pairs.includes(pairKey(trial)) && seeds.includes(trial.seed));
}

/**
 * The pair with the highest mean validation accuracy; of equal ones that with the lower validation loss, then the
 * smaller rates.
 */
function bestPair(trials: readonly Trial[]): Trial[] {
  const groups = distinct(trials.map(pairKey)).map((pair) => trials.filter((trial) => pairKey(trial) === pair));
  const merit = (group: readonly Trial[]) => [
    -mean(group.map((trial) => trial.validation)),
    mean(group.map((trial) => trial.loss)),
    group[0]!.encoder * group[0]!.backbone,
    group[0]!.encoder,
  ];
  return groups
    .map((group) => ({ group, merit: merit(group) }))
    .sort((a, b) => {
      const at = a.merit.findIndex((value, i) => value !== b.merit[i]);
      return at === -1 ? 0 : a.merit[at]! - b.merit[at]!;
    })[0]!.group;
}

function rowsOf(panel: string, trials: readonly Trial[]): Row[] {
  const chosen = new Map(
    orderMethods(trials.map((trial) => trial.method)).map((method) => [
      method,
      bestPair(trials.filter((trial) => trial.method === method)),
    ]),
  );
  const accuracies = (of: readonly Trial[]) => bySeed(of, (trial) => trial.accuracy);
  const base = chosen.get(baseline)!;
  return [...chosen].map(([method, own]): Row => {
    const { n, mean: accuracy, low, high } = shareInterval(own.map((trial) => trial.accuracy));
    const apart = pairedDifferences(accuracies(own), accuracies(base)).map((pair) => pair.difference);
    const difference = tInterval(apart);
    const { encoder, backbone } = own[0]!;
    const about = {
      panel,
      method: method === baseline ? rival : method,
      pairs: distinct(trials.map(pairKey)).length,
      n,
      encoder,
      backbone,
      validation: mean(own.map((trial) => trial.validation)),
      accuracy,
      low,
      high,
    };
    if (method === baseline)
      return {
        ...about,
        difference: null,
        differenceLow: null,
        differenceHigh: null,
        probabilityOfImprovement: null,
        improvementLow: null,
        improvementHigh: null,
        corrected: null,
      };
    // Both have the same seeds: the grid is common.
    const values = (of: readonly Trial[]) => [...of].sort((a, b) => a.seed - b.seed).map((trial) => trial.accuracy);
    const improvement = improvementEstimate(values(own), values(base), `${panel} ${method}`);
    return {
      ...about,
      difference: difference.mean,
      differenceLow: difference.low,
      differenceHigh: difference.high,
      probabilityOfImprovement: improvement.probability,
      improvementLow: improvement.low,
      improvementHigh: improvement.high,
      corrected: pairedTest(apart),
    };
  });
}

const rate = (value: number) => String(Number(value.toPrecision(3)));

export const fairFight: TableDefinition<Row> = {
  name: 'fair-fight',
  title: `Every method at its best pair of learning rates, against ${rival}`,
  shows:
    'every method at its own best pair of learning rates, chosen on validation from the same grid, against constant rates chosen alike',
  needs: `finished runs of \`${baseline}\` and of another method with two or more pairs of learning rates and seeds in common, with validation on the way`,

  async select(journals) {
    const trials = await journals.rows<Trial>(`
      with numbered as (
          select *, row_number() over (partition by id order by step desc) as place from evaluate where split = 'validation'),
        validated as (select id, choice as validation, loss from numbered where place = 1 and choice is not null)
      select panel, method, seed, rateEncoder as encoder, rateBackbone as backbone, validation, validated.loss as loss, final.choice as accuracy
      from final join runs using (id) join validated using (id)
      where final.choice is not null
      order by panel, method, rateEncoder, rateBackbone, seed, id`);
    const rows = distinct(trials.map((trial) => trial.panel)).flatMap((panel) => {
      const common = commonGrid(trials.filter((trial) => trial.panel === panel));
      return common.length === 0 ? [] : rowsOf(panel, common);
    });
    return correctedRows(rows);
  },

  caption(rows) {
    const bootstrapped = rows.some((row) => row.improvementLow !== null) ? `, ${improvementText}` : '';
    return [
      'Choice accuracy on the evaluation split, each method at the pair of learning rates with its highest last validation accuracy, mean over seeds.',
      'Trials: pairs of rates × seeds, the same for every method; pairs or seeds that one of them lacks are left out.',
      `${rival}: constant rates so chosen.`,
      `Mean over ${seedCount(rows)} with 95 % Student t interval cut to 0..1;`,
      `difference to ${rival} paired by seed, with 95 % t interval;`,
      `P: probability that a run exceeds one of ${rival} (ties half)${bootstrapped}.`,
      `${testsText(rows)}.`,
      'Bold: highest mean of its task.',
      'The same seeds chose the pair and are reported: questions differ, seeds do not.',
    ].join(' ');
  },

  layout: (rows) => ({
    columns: [
      { header: 'Task', numeric: false },
      { header: 'Method', numeric: false },
      { header: 'Trials', numeric: true },
      { header: 'n', numeric: true },
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
        { text: `${row.pairs} × ${row.n}` },
        { text: String(row.n) },
        { text: rate(row.encoder) },
        { text: rate(row.backbone) },
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
