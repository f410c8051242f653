/**
 * How many questions of a kind get the commonest answer. Where all of them have the same choices, a model that does not
 * look or listen has no reason to tell them apart, and gives one answer to all.
 */
import { toldAnswer } from '../../src/train/predictions';
import type { Run } from '../aggregate';
import { predictionsOf } from '../answers';
import { seedCount } from '../figure';
import { grouped } from '../grouped';
import { orderMethods } from '../labels';
import { compared } from '../scores';
import { mean, shareInterval } from '../statistics';
import { estimateText, type TableDefinition } from '../table';
import { kindLayout } from './kindLayout';

/** The answers of one run to the questions of one kind. */
type Spread = {
  panel: string;
  setting: string;
  method: string;
  kind: string;
  questions: number;
  /** share of the questions to which the commonest answer was given */
  share: number;
  /** different answers that were given */
  distinct: number;
  /** share of the questions whose reference is the commonest one */
  reference: number;
};
type Row = {
  panel: string;
  setting: string;
  kind: string;
  method: string;
  questions: number;
  reference: number;
  /** seeds */
  n: number;
  /** mean share over seeds */
  share: number;
  low: number | null;
  high: number | null;
  /** mean over seeds */
  distinct: number;
};

/** The commonest of some texts, as a share of them, and how many different ones there are. */
function spread(texts: readonly string[]): { share: number; distinct: number } {
  const alike = grouped(texts, (text) => text);
  return { share: Math.max(...alike.map(({ length }) => length)) / texts.length, distinct: alike.length };
}

/** Of each kind whose questions all have the same choices, in whatever order, or none. */
function spreadsOf(run: Run): Spread[] {
  const { panel, setting, method, task } = run;
  const own = (predictionsOf(run) ?? []).filter((prediction) => prediction.task === task);
  return grouped(own, ({ kind }) => kind).flatMap((alike): Spread[] => {
    const choices = new Set(alike.map((prediction) => JSON.stringify([...prediction.choices].sort())));
    const told = alike.map((prediction) => toldAnswer(prediction));
    if (choices.size > 1 || told.some((answer) => answer === null)) return [];
    const references = spread(alike.map(({ answer }) => answer));
    const { kind } = alike[0]!;
    return [
      {
        ...{ panel, setting, method, kind, questions: alike.length, reference: references.share },
        ...spread(told as string[]),
      },
    ];
  });
}

/** The kinds of one task and setting, and within a kind its methods. */
const rowsOf = (spreads: readonly Spread[]): Row[] =>
  [...grouped(spreads, ({ kind }) => kind)]
    .sort(([a], [b]) => (a!.kind < b!.kind ? -1 : 1))
    .flatMap((alike) =>
      orderMethods(alike.map(({ method }) => method)).map((method): Row => {
        const own = alike.filter((each) => each.method === method);
        const { panel, setting, kind, questions, reference } = own[0]!;
        const { n, mean: share, low, high } = shareInterval(own.map((each) => each.share));
        const distinct = mean(own.map((each) => each.distinct));
        return { panel, setting, kind, method, questions, reference, n, share, low, high, distinct };
      }),
    );

export const answers: TableDefinition<Row> = {
  name: 'answers',
  title: 'Share of the commonest answer by kind of question',
  shows:
    'the share of the questions of a kind, all with the same choices, that get the commonest answer, a column a method',
  needs:
    'finished runs with their answers (predictions.jsonl; of kept runs: `equipoise keep --answers`) to questions of a kind that have the same choices',

  select: (journals) =>
    Promise.resolve(
      compared(journals.runs.flatMap(spreadsOf)).flatMap(({ methods }) => rowsOf([...methods.values()].flat())),
    ),

  caption: (rows) =>
    [
      'Share of the questions of a kind that get the commonest answer, and of how many different answers it is one, for kinds whose questions all have the same choices or none:',
      `means over ${seedCount(rows)}, in brackets the 95 % Student t interval cut to 0..1 (none for one seed).`,
      'References: the same share of the reference answers. 1.00: every question gets the same answer, whatever is seen or heard. Runs that kept no answers are not in it.',
    ].join(' '),

  layout: (rows) =>
    kindLayout(
      rows,
      ({ share, low, high, distinct }) => ({
        text: `${estimateText(share, low, high, 2)} of ${Number(distinct.toFixed(1))}`,
      }),
      { Questions: ({ questions }) => String(questions), References: ({ reference }) => reference.toFixed(2) },
    ),
};
