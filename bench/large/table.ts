/** The record of the benchmark at the paper's sizes as Markdown: what is wanted, and a table for each case. */
import { mebibytes, ms, percent, table, times, type Markers } from '../markdown';
import { limitShare, overhead, spread } from '../statistics';
import { largeCases, largeEngines, wantedFloor, wantedPair, wantedPrediction, type LargeEngineName } from './cases';
import type { LargeKind } from './protocol';
import { planFor, type LargeCaseResult, type LargeRecord, type LargeResult } from './record';
import { largeSizes, rowPlaces } from './sizes';

export const largeMarkers: Markers = {
  begin: '<!-- bench large: written by npm run bench -- large --write -->',
  end: '<!-- bench large: end -->',
};

/** Steps between measurements of kappa. */
const every = 10;

const resultOf = ({ engines }: LargeCaseResult, name: LargeEngineName): LargeResult | null => {
  const outcome = engines[name];
  return outcome?.ok ? outcome : null;
};
const medianOf = (result: LargeResult | null, kind: LargeKind): number | null => {
  const values = result?.ms[kind];
  return values === undefined || values.length === 0 ? null : spread(values).median;
};
const peakOf = (result: LargeCaseResult, name: LargeEngineName, kind: LargeKind = 'plain'): number | undefined =>
  resultOf(result, name)?.memory[kind]?.peak;
const quotient = (top: number | null | undefined, bottom: number | null | undefined): number | null =>
  typeof top === 'number' && typeof bottom === 'number' ? top / bottom : null;

/**
 * The floor of a measured or regularised step: the plain step, and the products that it adds, in float32, at the speed at
 * which the plain float32 step of the same case does its own. Null where one of the numbers is missing.
 */
export function floorOf(result: LargeCaseResult, name: LargeEngineName, kind: LargeKind): number | null {
  const plain = medianOf(resultOf(result, name), 'plain');
  const float = medianOf(resultOf(result, 'float32'), 'plain');
  const [own, wide] = [result.plan[name], result.plan.float32];
  if (plain === null || float === null || own === undefined || wide === undefined) return null;
  return plain + ((own.flops[kind] - own.flops.plain) * float) / wide.flops.plain;
}

/** One thing that is wanted, and its value in a case; null where there is no number. */
interface LargeTarget {
  name: string;
  /** what is wanted of a case */
  wanted(result: LargeCaseResult): { limit: number; text: string };
  value(result: LargeCaseResult): number | null;
}

const caseOf = ({ size, batch, checkpointing }: LargeCaseResult) =>
  largeCases.find((one) => one.size === size && one.batch === batch && one.checkpointing === checkpointing)!;
const atMost = (limit: number) => ({ limit, text: `at most ${times(limit)}` });
const overFloor =
  (kind: LargeKind): LargeTarget['value'] =>
  (result) =>
    quotient(medianOf(resultOf(result, 'bfloat16'), kind), floorOf(result, 'bfloat16', kind));

export const largeTargets: readonly LargeTarget[] = [
  {
    name: 'bfloat16 step, time over PyTorch + PEFT in bfloat16',
    wanted: (result) => atMost(caseOf(result).wanted.time),
    value: (result) =>
      quotient(medianOf(resultOf(result, 'bfloat16'), 'plain'), medianOf(resultOf(result, 'torch'), 'plain')),
  },
  {
    name: 'peak memory over PyTorch',
    wanted: (result) => atMost(caseOf(result).wanted.memory),
    value: (result) => quotient(peakOf(result, 'bfloat16'), peakOf(result, 'torch')),
  },
  {
    name: 'step with kappa over its floor',
    wanted: () => atMost(wantedFloor),
    value: overFloor('kappa'),
  },
  {
    name: 'step with the regulariser over its floor',
    wanted: () => atMost(wantedFloor),
    value: overFloor('regularised'),
  },
  {
    name: 'memory of two processes on one checkpoint over that of one',
    wanted: () => atMost(wantedPair),
    value: ({ pair }) => (pair === null || 'reason' in pair ? null : pair.both / pair.one),
  },
  {
    name: 'peak memory as predicted over measured',
    wanted: () => ({ limit: 1 + wantedPrediction, text: `within ${percent(wantedPrediction)}` }),
    value: (result) => quotient(result.plan.bfloat16?.memory.plain, peakOf(result, 'bfloat16')),
  },
];

/** Whether a value is what is wanted; of a prediction also from below. */
const isMet = (name: string, value: number, limit: number): boolean =>
  value <= limit && (!name.includes('predicted') || value >= 2 - limit);

const caseName = ({ size, batch, checkpointing }: LargeCaseResult): string =>
  `${size}, batch ${batch}${checkpointing === 'none' ? '' : ', checkpointing'}`;

function targetTable(cases: readonly LargeCaseResult[]): string {
  return table(
    ['Target', ...cases.map(caseName)],
    largeTargets.map(({ name, wanted, value }) => [
      name,
      ...cases.map((result) => {
        const [number, { limit, text }] = [value(result), wanted(result)];
        if (number === null) return '';
        return `${times(number)} ${isMet(name, number, limit) ? 'met' : '**missed**'} (${text})`;
      }),
    ]),
  );
}

/** A step with kappa or the regulariser: its time, its floor and what each costs over the plain step. */
function addedCell(result: LargeCaseResult, name: LargeEngineName, kind: LargeKind): string {
  const own = resultOf(result, name);
  const [plain, value] = [medianOf(own, 'plain'), medianOf(own, kind)];
  if (plain === null || value === null) return '';
  const floor = floorOf(result, name, kind);
  const over = (time: number) => percent(overhead(time, plain), true);
  const peak = peakOf(result, name, kind);
  return `${ms(value)} (${over(value)}${floor === null ? '' : `; floor ${over(floor)}`}${peak === undefined ? '' : `; ${mebibytes(peak)} MiB`})`;
}

function caseTable(result: LargeCaseResult): string {
  const rows = (Object.keys(largeEngines) as LargeEngineName[]).flatMap((name) => {
    const outcome = result.engines[name];
    if (outcome === undefined) return [];
    const { title } = largeEngines[name];
    if (!outcome.ok)
      return [[title, `not measured: ${outcome.reason.replaceAll('|', '\\|')}`, ...Array<string>(9).fill('')]];
    const { median, low, high } = spread(outcome.ms.plain!);
    const gflops = spread(outcome.gflops).median;
    const memory = outcome.memory.plain;
    const { flops } = planFor(result, name);
    const bytes = (of: number | undefined) => (of === undefined ? '' : mebibytes(of));
    return [
      [
        outcome.gflops.length < result.rounds ? `${title}, ${outcome.gflops.length} rounds` : title, // once a round
        `**${ms(median)}** (${ms(low)}-${ms(high)})`,
        String(Math.round((1000 * result.batch * rowPlaces) / median)),
        `${percent(limitShare(flops.plain, median, gflops))} of ${Math.round(gflops)}`,
        bytes(memory?.peak),
        bytes(memory?.anonymous),
        bytes(result.plan[name]?.memory.plain),
        outcome.openSeconds.toFixed(1),
        addedCell(result, name, 'kappa'),
        addedCell(result, name, 'regularised'),
        outcome.loss.map((loss) => loss.toFixed(4)).join(', '),
      ],
    ];
  });
  const head = [
    'Engine',
    'ms a step (quartiles)',
    'tokens/s',
    'share of matmul GFLOP/s',
    'peak, MiB',
    'of it its own',
    'predicted, MiB',
    'first step done after, s',
    'step with kappa',
    'step with the regulariser',
    'first losses',
  ];
  const { plan, pair } = result;
  const one = Object.values(plan)[0]!;
  const together =
    pair === null
      ? ''
      : 'reason' in pair
        ? `\n\nTwo processes on one checkpoint: not measured, ${pair.reason}.`
        : `\n\nTwo processes on one checkpoint: ${mebibytes(pair.both)} MiB, one ${mebibytes(pair.one)} MiB.`;
  return `**${caseName(result)}** (${largeSizes[result.size].title}; ${(one.parameters / 1e6).toFixed(0)} M parameters, ${(one.trained / 1e6).toFixed(1)} M trained, ${(one.flops.plain / 1e9).toFixed(0)} GFLOP a step; ${result.date}, ${result.rounds} rounds, ${result.threads} threads)\n\n${table(head, rows)}${together}`;
}

/** What kappa costs in a run that measures it every so many steps, a line for each case that has it. */
function kappaLines(cases: readonly LargeCaseResult[]): string[] {
  return cases.flatMap((result) => {
    const own = resultOf(result, 'bfloat16');
    const [plain, value] = [medianOf(own, 'plain'), medianOf(own, 'kappa')];
    if (plain === null || value === null) return [];
    const share = overhead(value, plain) / every;
    return [
      `${caseName(result)}: kappa every ${every} steps costs ${percent(share, true)} of a run's steps in bfloat16.`,
    ];
  });
}

/** Everything of one record. */
export function renderLarge({ machine, node, cases }: LargeRecord): string {
  const versions = new Map<string, string>([['node', node]]);
  const notices = new Set<string>();
  for (const outcome of cases.flatMap(({ engines }) => Object.values(engines)))
    if (outcome.ok) {
      for (const [name, version] of Object.entries(outcome.versions)) versions.set(name, version);
      if (outcome.notice !== null) notices.add(outcome.notice);
    }
  const said = [...versions].sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, version]) => `${name} ${version}`);
  return [
    `### ${machine.cpu}, ${machine.cores} processors`,
    `${machine.platform}, ${machine.memoryGiB} GiB; ${said.join(', ')}.`,
    ...[...notices].map((notice) => `Notice: ${notice}.`),
    targetTable(cases),
    ...cases.map(caseTable),
    ...kappaLines(cases),
  ].join('\n\n');
}
