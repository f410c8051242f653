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
import { labelRuns, orderMethods } from '../labels';
import { baseline } from '../schedulers';
import { bySeed } from '../scores';
import { mean, shareInterval } from '../statistics';
import { consecutive, estimateText, probabilityText, type TableDefinition } from '../table';
import { pairedOver, testsText, type Paired } from './paired';

type Trial = {
  id: string;
  panel: string;
  method: string;
  seed: number;
  encoder: number;
  backbone: number;
  validation: number;
  loss: number;
  accuracy: number;
};
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
  /** which of the two rates is the smallest or largest that was tried; empty where neither is */
  edge: string;
  /** mean validation accuracy of the best pair over the seeds that chose */
  validation: number;
  /** whose accuracy is told: of other seeds than chose, or of the same */
  seeds: 'other' | 'same';
};
/** How that went; nulls of a difference for the rival itself. */
type Told = Paired & {
  /** seeds that are told */
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
type Row = Chosen & Told;

/** What constant rates are called once their pair was chosen. */
const rival = 'per-module-lr';

const pairKey = (trial: Trial) => `${trial.encoder} ${trial.backbone}`;
const distinct = <Value>(values: readonly Value[]) => [...new Set(values)];

/**
 * The trials that choose: those with the seeds that have two pairs of rates or more under every method, at the pairs
 * that a method has with all of these seeds. A method with one pair only does not take part.
 */
function choosing(all: readonly Trial[]): Trial[] {
  const pairsOf = (trials: readonly Trial[]) => distinct(trials.map(pairKey));
  const methods = grouped(all, ({ method }) => method).filter((own) => pairsOf(own).length > 1);
  const seeds = distinct(all.map(({ seed }) => seed)).filter((seed) =>
    methods.every((own) => pairsOf(own.filter((trial) => trial.seed === seed)).length > 1),
  );
  const grids = methods.map((own) =>
    grouped(
      own.filter(({ seed }) => seeds.includes(seed)),
      pairKey,
    ).filter((pair) => pair.length === seeds.length),
  );
  const isComplete = grids.length > 1 && grids.every((pairs) => pairs.length > 1);
  return isComplete && methods.some((own) => own[0]!.method === baseline) ? grids.flat(2) : [];
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

/** Which of a pair's rates are the smallest or largest of those that were tried. */
const edgeOf = (pair: Trial, tried: readonly Trial[]): string =>
  (['encoder', 'backbone'] as const)
    .filter((module) => {
      const rates = tried.map((trial) => trial[module]);
      return pair[module] === Math.min(...rates) || pair[module] === Math.max(...rates);
    })
    .join(', ');

/** The choices of all methods of a panel: those seeds are told that chose nothing, where every method has two of them. */
function choicesOf(panel: string, all: readonly Trial[]): { about: Chosen; told: Trial[] }[] {
  const choosers = choosing(all);
  const seeds = distinct(choosers.map(({ seed }) => seed));
  const chosen = orderMethods(choosers.map(({ method }) => method)).map((method) => {
    const tried = choosers.filter((trial) => trial.method === method);
    const best = bestPair(tried);
    const at = all.filter((trial) => trial.method === method && pairKey(trial) === pairKey(best[0]!));
    return { method, tried, best, others: at.filter(({ seed }) => !seeds.includes(seed)) };
  });
  const apart = chosen.every(({ others }) => others.length > 1);
  return chosen.map(({ method, tried, best, others }) => {
    const { encoder, backbone } = best[0]!;
    const about = {
      panel,
      method: method === baseline ? rival : method,
      pairs: distinct(tried.map(pairKey)).length,
      choosers: seeds.length,
      encoder,
      backbone,
      edge: edgeOf(best[0]!, tried),
      validation: mean(best.map((trial) => trial.validation)),
      seeds: apart ? ('other' as const) : ('same' as const),
    };
    return { about, told: apart ? others : best };
  });
}

/** How the trials of a method went, beside those of the rival; all nulls where they are the rival's own. */
function tell(name: string, own: readonly Trial[], base: readonly Trial[]): Told {
  const accuracies = (of: readonly Trial[]) => bySeed(of, (trial) => trial.accuracy);
  const { n, mean: accuracy, low, high } = shareInterval(own.map((trial) => trial.accuracy));
  const apart = own === base ? [] : pairedDifferences(accuracies(own), accuracies(base)).map((pair) => pair.difference);
  const { difference, differenceLow, differenceHigh, corrected } = pairedOver(apart);
  const values = (of: readonly Trial[]) => [...of].sort((a, b) => a.seed - b.seed).map((trial) => trial.accuracy);
  const improvement = apart.length === 0 ? null : improvementEstimate(values(own), values(base), name);
  return {
    ...{ n, accuracy, low, high, difference, differenceLow, differenceHigh, corrected },
    probabilityOfImprovement: improvement?.probability ?? null,
    improvementLow: improvement?.low ?? null,
    improvementHigh: improvement?.high ?? null,
  };
}

function rowsOf(panel: string, all: readonly Trial[]): Row[] {
  const choices = choicesOf(panel, all);
  const base = choices.find(({ about }) => about.method === rival)?.told ?? [];
  return choices.map(({ about, told }) => ({ ...about, ...tell(`${panel} ${about.method}`, told, base) }));
}

/**
 * Every run's last validation and its evaluation. Runs that only chose may be evaluated on fewer questions: panels are
 * those of runs whose evaluations were alike.
 */
async function trialsOf(journals: Journals): Promise<Trial[]> {
  const alike = labelRuns(journals.runs.map(({ file }) => ({ ...file.spec, evaluate: runDefaults.evaluate })));
  const panels = new Map(journals.runs.map(({ id }, i) => [id, alike[i]!.panel]));
  const trials = await journals.rows<Trial>(`
    with numbered as (
        select *, row_number() over (partition by id order by step desc) as place from evaluate where split = 'validation'),
      validated as (select id, choice as validation, loss from numbered where place = 1 and choice is not null)
    select id, panel, method, seed, rateEncoder as encoder, rateBackbone as backbone, validation, validated.loss as loss, final.choice as accuracy
    from final join runs using (id) join validated using (id)
    where final.choice is not null
    order by task, method, rateEncoder, rateBackbone, seed, id`);
  return trials.map((trial) => ({ ...trial, panel: panels.get(trial.id)! }));
}

const rate = (value: number, atEdge: boolean) => `${Number(value.toPrecision(3))}${atEdge ? ' †' : ''}`;

export const fairFight: TableDefinition<Row> = {
  name: 'fair-fight',
  title: `Every method at its best pair of learning rates, against ${rival}`,
  shows:
    'every method at its own best pair of learning rates, chosen on validation, against constant rates chosen alike',
  needs: `finished runs of \`${baseline}\` and of another method with two or more pairs of learning rates and seeds in common, with validation on the way`,

  async select(journals) {
    const panels = grouped(await trialsOf(journals), ({ panel }) => panel);
    return correctedRows(panels.flatMap((trials) => rowsOf(trials[0]!.panel, trials)));
  },

  caption(rows) {
    const bootstrapped = rows.some((row) => row.improvementLow !== null) ? `, ${improvementText}` : '';
    const differ = distinct(rows.map(({ pairs }) => pairs)).length > 1;
    return [
      'Choice accuracy on the evaluation split, each method at the pair of learning rates with its highest last validation accuracy.',
      `Trials: pairs of rates × seeds that chose among them${differ ? '; methods had different numbers of pairs' : ', the same for every method'}.`,
      ...(rows.some(({ edge }) => edge !== '')
        ? ['†: the smallest or largest rate that was tried, so a wider grid might find more.']
        : []),
      `${rival}: constant rates so chosen.`,
      `Mean over ${seedCount(rows)} with 95 % Student t interval cut to 0..1;`,
      `difference to ${rival} paired by seed, with 95 % t interval;`,
      `P: probability that a run exceeds one of ${rival} (ties half)${bootstrapped}.`,
      `${testsText(rows)}.`,
      'Bold: highest mean of its task.',
      rows.every(({ seeds }) => seeds === 'other')
        ? 'Other seeds chose the pair than are reported.'
        : 'The same seeds chose the pair and are reported: questions differ, seeds do not.',
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
        { text: `${row.pairs} × ${row.choosers}` },
        { text: String(row.n) },
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
