/**
 * Final accuracy by the options that have names instead of numbers: optimiser, tuning, side of the connector,
 * connector, rule.
 */
import { runDefaults } from '../../src/manifest/defaults';
import type { Journals, Run } from '../aggregate';
import { correctedRows, pairedDifferences } from '../comparison';
import { seedCount } from '../figure';
import { grouped } from '../grouped';
import { leaves } from '../labels';
import { defaultRule } from '../schedulers';
import { bySeed } from '../scores';
import { shareInterval } from '../statistics';
import { consecutive, estimateText, type TableDefinition } from '../table';
import { pairedCells, pairedOver, testsText, type Paired } from './paired';

type Row = Paired & {
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
};

/** The variant that runs have by default: what the others of an option are compared with. */
const { optimiser, tuning, connectorSide, connector } = runDefaults;

/**
 * `at` names the variant, `inside` is what belongs to it, `usual` is what the others are compared with. An optimiser
 * brings its rates along: no two have the same scale.
 */
const options = [
  { name: 'optimiser', at: 'optimiser.kind', inside: /^(optimiser\.|learningRate\.)/, usual: optimiser.kind },
  {
    name: 'tuning of the backbone',
    at: 'tuning.backbone.kind',
    inside: /^tuning\.backbone\./,
    usual: tuning.backbone.kind,
  },
  { name: 'side of the connector', at: 'connectorSide', inside: /^connectorSide$/, usual: connectorSide },
  { name: 'connector', at: 'connector.kind', inside: /^connector\./, usual: connector.kind },
  { name: 'rule', at: 'scheduler.rule', inside: /^scheduler\.rule$/, usual: defaultRule },
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

/** Points that differ in nothing but the option and the seed, by variant. */
interface Line {
  usual: Point[];
  others: Point[][];
}

/** The lines of an option that have the usual variant and another. */
function linesOf(option: Option, points: readonly Point[]): Line[] {
  const kindOf = (point: Point) => point.own.get(option.at);
  return grouped(points, (point) => JSON.stringify([point.task, text(point.rest)])).flatMap((line): Line[] => {
    const variants = grouped(line, (point) => text(point.own)).sort((a, b) =>
      text(a[0]!.own) < text(b[0]!.own) ? -1 : 1,
    );
    const usual = variants.filter(([first]) => kindOf(first!) === option.usual).sort((a, b) => b.length - a.length)[0];
    const kinds = new Set(line.map(kindOf));
    return usual === undefined || kinds.size < 2
      ? []
      : [{ usual, others: variants.filter((variant) => variant !== usual) }];
  });
}

/**
 * The name of a line: its scheduler, and what tells it from other lines of that scheduler and task. An option that only
 * another scheduler has does not.
 */
function lineName({ task, rest }: Point, firsts: readonly Point[]): string {
  const scheduler = rest.get('scheduler.kind');
  const alike = firsts.filter((other) => other.task === task && other.rest.get('scheduler.kind') === scheduler);
  const paths = differing(alike.map((other) => other.rest)).filter((path) => rest.has(path));
  return [scheduler ?? '', ...paths.map((path) => `${short(path)}=${rest.get(path)!}`)].join(', ');
}

/**
 * The name of a variant: its kind, the options in which variants of the kind differ, and its rates when any two
 * variants differ in them.
 */
function variantName(option: Option, own: Map<string, string>, all: readonly Map<string, string>[]): string {
  const kind = own.get(option.at)!;
  const isRate = (path: string) => path.startsWith('learningRate.');
  // An option that only one kind has is not worth naming.
  const alike = all.filter((other) => other.get(option.at) === kind);
  const detail = differing(alike)
    .filter((path) => !isRate(path) && own.has(path))
    .map((path) => `${short(path)}=${own.get(path)!}`);
  if (differing(all).some(isRate)) {
    const rates = ['learningRate.encoder', 'learningRate.backbone'].map((path) => own.get(path)!);
    detail.push(`rates ${[...new Set(rates)].join(' and ')}`);
  }
  return detail.length === 0 ? kind : `${kind} (${detail.join(', ')})`;
}

/** How a variant differs from the usual one by seed; nulls for the usual one. */
function against(usual: readonly Point[], variant: readonly Point[]): Paired {
  const accuracies = (of: readonly Point[]) => bySeed(of, (point) => point.accuracy);
  const apart = variant === usual ? [] : pairedDifferences(accuracies(variant), accuracies(usual));
  return pairedOver(apart.map((pair) => pair.difference));
}

/** The rows of an option; `corrected` still holds the plain p-value. */
function compare(option: Option, points: readonly Point[]): Row[] {
  const lines = linesOf(option, points);
  const firsts = lines.map(({ usual }) => usual[0]!);
  return lines.flatMap(({ usual, others }) => {
    const all = [usual, ...others];
    const owns = all.map((variant) => variant[0]!.own);
    return all.map((variant, i): Row => {
      const { n, mean: accuracy, low, high } = shareInterval(variant.map((point) => point.accuracy));
      return {
        option: option.name,
        task: usual[0]!.task,
        line: lineName(usual[0]!, firsts),
        variant: variantName(option, owns[i]!, owns),
        n,
        accuracy,
        low,
        high,
        ...against(usual, variant),
      };
    });
  });
}

async function rowsOf(journals: Journals): Promise<Row[]> {
  const finals = await journals.rows<{ id: string; choice: number }>(
    'select id, choice from final where choice is not null order by id',
  );
  const accuracies = new Map(finals.map((row) => [row.id, row.choice]));
  return options.flatMap((option) => {
    const points = journals.runs.flatMap((run) => {
      const accuracy = accuracies.get(run.id);
      return accuracy === undefined ? [] : (pointOf(run, accuracy, option) ?? []);
    });
    return compare(option, points);
  });
}

export const variants: TableDefinition<Row> = {
  name: 'variants',
  title: 'Choice accuracy by optimiser, tuning, connector and rule',
  shows:
    'final accuracy by the options that have names instead of numbers: optimiser, tuning, side of the connector, connector, rule',
  needs: `finished runs that differ in one of ${options.map((option) => `${option.name} (beside ${option.usual})`).join(', ')} and the seed only`,

  async select(journals) {
    return correctedRows(await rowsOf(journals));
  },

  caption: (rows) =>
    [
      'Final choice accuracy by variant; the runs of a group are equal in everything else (optimisers have rates of their own).',
      `Mean over ${seedCount(rows)} with 95 % Student t interval cut to 0..1;`,
      'difference to the first variant of the group paired by seed, with 95 % t interval.',
      `${testsText(rows)}; the intervals are not corrected.`,
      'Bold: an interval of the difference above 0.',
    ].join(' '),

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
        ...pairedCells(row),
      ]),
    ),
  }),
};
