/** Final accuracy by the options that have names instead of numbers: optimiser, tuning, side of the connector, connector, rule. */
import type { Journals, Run } from '../aggregate';
import { correctedRows, pairedDifferences, pairedTest } from '../comparison';
import { seedCount } from '../figure';
import { grouped } from '../grouped';
import { leaves } from '../labels';
import { shareInterval, tInterval } from '../statistics';
import { consecutive, estimateText, probabilityText, type TableDefinition } from '../table';

type Row = {
  option: string;
  task: string;
  /** what else distinguishes the runs that are compared */
  line: string;
  variant: string;
  /** seeds */
  n: number;
  accuracy: number;
  low: number | null;
  high: number | null;
  /** accuracy minus that of the usual variant, paired by seed; null for the usual one */
  difference: number | null;
  differenceLow: number | null;
  differenceHigh: number | null;
  /** p of the paired t test, corrected by Holm over the table; null for the usual variant and for one seed */
  corrected: number | null;
};

/** `at` names the variant, `inside` is what belongs to it, `usual` is what the others are compared with. An optimiser brings its rates along: no two have the same scale. */
const options = [
  { name: 'optimiser', at: 'optimiser.kind', inside: /^(optimiser\.|learningRate\.)/, usual: 'adamw' },
  { name: 'tuning of the backbone', at: 'tuning.backbone.kind', inside: /^tuning\.backbone\./, usual: 'lora' },
  { name: 'side of the connector', at: 'connectorSide', inside: /^connectorSide$/, usual: 'encoder' },
  { name: 'connector', at: 'connector.kind', inside: /^connector\./, usual: 'mlp' },
  { name: 'rule', at: 'scheduler.rule', inside: /^scheduler\.rule$/, usual: 'symmetric' },
] as const;
type Option = (typeof options)[number];

interface Point {
  task: string;
  seed: number;
  accuracy: number;
  own: Map<string, string>;
  rest: Map<string, string>;
}

const text = (of: Map<string, string>) => JSON.stringify([...of].sort());
const short = (path: string) =>
  path
    .replace(/^(scheduler|regulariser|optimiser|tuning\.backbone|connector)\./, '')
    .replace(/^learningRate\./, 'rate of ');

/** Paths at which the maps differ, sorted. */
function differing(of: readonly Map<string, string>[]): string[] {
  return [...new Set(of.flatMap((each) => [...each.keys()]))]
    .sort()
    .filter((path) => new Set(of.map((each) => each.get(path))).size > 1);
}

function pointOf({ file: { spec } }: Run, accuracy: number, option: Option): Point | null {
  const all = leaves(spec);
  if (!all.has(option.at)) return null;
  const part = (inside: boolean) =>
    new Map(
      [...all].filter(
        ([path]) => path !== 'seed' && path !== 'task' && path !== 'device' && option.inside.test(path) === inside,
      ),
    );
  return { task: spec.task, seed: spec.seed, accuracy, own: part(true), rest: part(false) };
}

/** Runs that differ in nothing but the option and the seed, as rows; none without the usual variant and another. */
function compare(option: Option, points: readonly Point[]): Row[] {
  const lines = grouped(points, (point) => JSON.stringify([point.task, text(point.rest)])).flatMap((line) => {
    const variants = grouped(line, (point) => text(point.own)).sort((a, b) =>
      text(a[0]!.own) < text(b[0]!.own) ? -1 : 1,
    );
    const usual = variants
      .filter(([first]) => first!.own.get(option.at) === option.usual)
      .sort((a, b) => b.length - a.length)[0];
    return usual === undefined || new Set(line.map((point) => point.own.get(option.at))).size < 2
      ? []
      : [{ line, usual, others: variants.filter((variant) => variant !== usual) }];
  });
  return lines.flatMap(({ line, usual, others }) => {
    const { task, rest } = line[0]!;
    // An option that only another scheduler has does not tell two lines of one scheduler apart.
    const alikeLines = lines
      .map((other) => other.line[0]!)
      .filter((other) => other.task === task && other.rest.get('scheduler.kind') === rest.get('scheduler.kind'));
    const paths = differing(alikeLines.map((other) => other.rest)).filter((path) => rest.has(path));
    const name = [rest.get('scheduler.kind') ?? '', ...paths.map((path) => `${short(path)}=${rest.get(path)!}`)].join(
      ', ',
    );
    const bySeed = (of: readonly Point[]) => new Map(of.map((point) => [point.seed, point.accuracy]));
    return [usual, ...others].map((variant): Row => {
      const kind = variant[0]!.own.get(option.at)!;
      // An option that only one kind has is not worth naming; rates are, when any two variants differ in them.
      const alike = [usual, ...others]
        .filter(([first]) => first!.own.get(option.at) === kind)
        .map(([first]) => first!.own);
      const rates = differing([usual, ...others].map(([first]) => first!.own)).filter((path) =>
        path.startsWith('learningRate.'),
      );
      const { own } = variant[0]!;
      const rateText =
        rates.length === 0
          ? []
          : [
              `rates ${[...new Set(['learningRate.encoder', 'learningRate.backbone'].map((path) => own.get(path)!))].join(' and ')}`,
            ];
      const detail = [
        ...differing(alike)
          .filter((path) => !path.startsWith('learningRate.') && own.has(path))
          .map((path) => `${short(path)}=${own.get(path)!}`),
        ...rateText,
      ];
      const { n, mean: accuracy, low, high } = shareInterval(variant.map((point) => point.accuracy));
      const about = {
        option: option.name,
        task,
        line: name,
        variant: detail.length === 0 ? kind : `${kind} (${detail.join(', ')})`,
        n,
        accuracy,
        low,
        high,
      };
      const apart = pairedDifferences(bySeed(variant), bySeed(usual)).map((pair) => pair.difference);
      if (variant === usual || apart.length === 0)
        return { ...about, difference: null, differenceLow: null, differenceHigh: null, corrected: null };
      const difference = tInterval(apart);
      return {
        ...about,
        difference: difference.mean,
        differenceLow: difference.low,
        differenceHigh: difference.high,
        corrected: pairedTest(apart),
      };
    });
  });
}

async function rowsOf(journals: Journals): Promise<Row[]> {
  const accuracies = new Map(
    (
      await journals.rows<{ id: string; choice: number }>(
        'select id, choice from final where choice is not null order by id',
      )
    ).map((row) => [row.id, row.choice]),
  );
  return options.flatMap((option) =>
    compare(
      option,
      journals.runs.flatMap((run) => {
        const accuracy = accuracies.get(run.id);
        return accuracy === undefined ? [] : (pointOf(run, accuracy, option) ?? []);
      }),
    ),
  );
}

export const variants: TableDefinition<Row> = {
  name: 'variants',
  title: 'Choice accuracy by optimiser, tuning, connector and rule',
  needs: `finished runs that differ in one of ${options.map((option) => `${option.name} (beside ${option.usual})`).join(', ')} and the seed only`,

  async select(journals) {
    return correctedRows(await rowsOf(journals));
  },

  caption: (rows) =>
    `Final choice accuracy by variant; the runs of a group are equal in everything else (optimisers have rates of their own). Mean over ${seedCount(rows.map((row) => row.n))} with 95 % Student t interval cut to 0..1; difference to the first variant of the group paired by seed, with 95 % t interval. ` +
    `p: paired t test, corrected by Holm for the ${rows.filter((row) => row.corrected !== null).length} comparisons of the table; the intervals are not corrected. Bold: an interval of the difference above 0.`,

  layout: (rows) => ({
    columns: [
      { header: 'Option', numeric: false },
      { header: 'Task', numeric: false },
      { header: 'Otherwise', numeric: false },
      { header: 'Variant', numeric: false },
      { header: 'n', numeric: true },
      { header: 'Choice accuracy', numeric: true },
      { header: 'Difference', numeric: true },
      { header: 'p (Holm)', numeric: true },
    ],
    groups: consecutive(rows, (row) => JSON.stringify([row.option, row.task, row.line])).map((group) =>
      group.map((row) => [
        { text: row.option },
        { text: row.task },
        { text: row.line },
        { text: row.variant },
        { text: String(row.n) },
        { text: estimateText(row.accuracy, row.low, row.high) },
        {
          text: row.difference === null ? '' : estimateText(row.difference, row.differenceLow, row.differenceHigh),
          best: row.differenceLow !== null && row.differenceLow > 0,
        },
        { text: probabilityText(row.corrected) },
      ]),
    ),
  }),
};
