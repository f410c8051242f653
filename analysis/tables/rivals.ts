/**
 * Every method beside the coordinated rates at the same ratio of the base rates, whatever their level: optimisers that
 * choose their rates by themselves have other base rates, and so has a recipe of the field.
 */
import type { RunSpec } from '../../src/manifest/run';
import { rivalOptimisers } from '../../src/tensor/optimiserKinds';
import type { Journals } from '../aggregate';
import { hasMethod } from '../claims/sides';
import { correctedRows, pairedDifferences } from '../comparison';
import { seedCount } from '../figure';
import { grouped } from '../grouped';
import { orderMethods, rivalOptimiser } from '../labels';
import { coordinated } from '../schedulers';
import { bySeed } from '../scores';
import { shareInterval } from '../statistics';
import { consecutive, estimateText, type TableDefinition } from '../table';
import { pairedCells, pairedOver, testsText, type Paired } from './paired';

type Score = {
  panel: string;
  ratio: number;
  method: string;
  rates: string;
  seed: number;
  choice: number;
  /** of the coordinated rates with the options that they have by default, however their name tells them from others */
  isReference: boolean;
};
type Row = Paired & {
  panel: string;
  /** base rate of the backbone over that of the encoder */
  ratio: number;
  method: string;
  /** base rates of encoder and backbone */
  rates: string;
  /** seeds */
  n: number;
  choice: number;
  low: number | null;
  high: number | null;
};

/** What the others are compared with. */
const reference = coordinated[0]!;

/** Whether a run has them, under an optimiser of which they are the rates. */
const isReference = (spec: RunSpec): boolean =>
  rivalOptimiser(spec) === undefined && hasMethod(spec, { method: reference });

async function scoresOf(journals: Journals): Promise<Score[]> {
  if (journals.runs.every(({ file }) => rivalOptimiser(file.spec) === undefined)) return [];
  const references = new Set(journals.runs.filter(({ file }) => isReference(file.spec)).map(({ id }) => id));
  const finals = await journals.rows<
    Omit<Score, 'ratio' | 'rates' | 'isReference'> & { id: string; encoder: number; backbone: number }
  >(
    'select id, panel, method, seed, rateEncoder as encoder, rateBackbone as backbone, choice from final join runs using (id) where choice is not null order by panel, method, seed, id',
  );
  return finals.map(({ id, encoder, backbone, ...score }) => ({
    ...score,
    isReference: references.has(id),
    ratio: Number((backbone / encoder).toPrecision(3)),
    rates: `${encoder} : ${backbone}`,
  }));
}

/** The rows of one task and ratio; none where nothing is to be compared. `corrected` still holds the plain p-value. */
function rowsOf(scores: readonly Score[]): Row[] {
  const choices = (of: readonly Score[]) => bySeed(of, (score) => score.choice);
  const base = choices(scores.filter((score) => score.isReference));
  if (base.size === 0) return [];
  const methods = orderMethods(scores.map(({ method }) => method));
  return methods.flatMap((method) => {
    const own = scores.filter((score) => score.method === method);
    return [...new Set(own.map(({ rates }) => rates))].sort().map((rates): Row => {
      const here = own.filter((score) => score.rates === rates);
      const { n, mean, low, high } = shareInterval(here.map(({ choice }) => choice));
      const apart = pairedDifferences(choices(here), base).map(({ difference }) => difference);
      const place = { panel: here[0]!.panel, ratio: here[0]!.ratio, method, rates, n, choice: mean, low, high };
      return { ...place, ...pairedOver(here.every((score) => score.isReference) ? [] : apart) };
    });
  });
}

export const rivals: TableDefinition<Row> = {
  name: 'rivals',
  title: `Choice accuracy of every method against ${reference} at the same ratio of the base rates`,
  shows: `the accuracy of every method minus that of \`${reference}\` at the same ratio of the base rates, whatever their level`,
  needs: `finished runs of \`${reference}\` and of an optimiser that is a method of its own (${[...rivalOptimisers, 'LoRA+'].join(', ')})`,

  async select(journals) {
    const scores = await scoresOf(journals);
    return correctedRows(
      grouped(scores, ({ panel, ratio }) => JSON.stringify([panel, ratio]))
        .sort(([a], [b]) => (a!.panel === b!.panel ? a!.ratio - b!.ratio : a!.panel < b!.panel ? -1 : 1))
        .flatMap(rowsOf),
    );
  },

  caption: (rows) =>
    [
      `Final choice accuracy, mean over ${seedCount(rows)} with 95 % Student t interval cut to 0..1, and minus that of ${reference} at the same`,
      'ratio of the base rates (backbone over encoder), paired by seed, with 95 % t interval.',
      `${testsText(rows)}; the intervals are not corrected.`,
      'Bold: an interval of the difference above 0.',
    ].join(' '),

  layout: (rows) => ({
    columns: [
      { header: 'Task', numeric: false },
      { header: 'Ratio', numeric: true },
      { header: 'Method', numeric: false },
      { header: 'Rates', numeric: false },
      { header: 'n', numeric: true },
      { header: 'Choice accuracy', numeric: true },
      { header: `Difference to ${reference}`, numeric: true },
      { header: 'p (Holm)', numeric: true },
    ],
    groups: consecutive(rows, ({ panel, ratio }) => JSON.stringify([panel, ratio])).map((group) =>
      group.map((row) => [
        { text: row.panel },
        { text: String(row.ratio) },
        { text: row.method },
        { text: row.rates },
        { text: String(row.n) },
        { text: estimateText(row.choice, row.low, row.high) },
        ...pairedCells(row),
      ]),
    ),
  }),
};
