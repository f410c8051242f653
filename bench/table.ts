/** The benchmark's records as Markdown: a table for each size and one of the targets. */
import { engines, gpuEngines, type EngineName } from './engines';
import { mebibytes, ms, percent, table, times, type Markers } from './markdown';
import { limitShare, overhead, spread, throughputRatio, withMeasure } from './statistics';
import { benchConfigs } from './model';
import { probeSize, type StepKind } from './protocol';
import type { BenchRecord, EngineOutcome, SizeResult } from './record';

/** Steps between measurements of kappa. */
const every = 10;

/** The medians that the tables are made of, ms; null where there is no number. */
export interface Figures {
  plain: number;
  kappaBatch: number | null;
  kappaProbe: number | null;
  regularised: number | null;
  gflops: number;
  memory: number;
  openMs: number;
}

function figuresOf(outcome: EngineOutcome | undefined): Figures | null {
  if (outcome === undefined || !outcome.ok) return null;
  const median = (kind: StepKind) => (outcome.ms[kind]?.length ? spread(outcome.ms[kind]).median : null);
  const plain = median('plain');
  if (plain === null) return null;
  const measured = (kind: StepKind) => {
    const value = median(kind);
    return value === null ? null : withMeasure(plain, value, every);
  };
  return {
    plain,
    kappaBatch: measured('kappaBatch'),
    kappaProbe: measured('kappaProbe'),
    regularised: median('regularised'),
    gflops: spread(outcome.gflops).median,
    memory: outcome.memory.peak - outcome.memory.idle,
    openMs: outcome.openMs,
  };
}

/** One target: what is compared, its limit, and the value at one size or null where a number is missing. */
interface Target {
  name: string;
  limit: number;
  direction: 'at most' | 'at least';
  show(value: number): string;
  of(size: SizeResult): number | null;
}

/** Quotient of two engines' figures. */
const between =
  (top: EngineName, bottom: EngineName, pick: (figures: Figures) => number) =>
  (size: SizeResult): number | null => {
    const [a, b] = [figuresOf(size.engines[top]), figuresOf(size.engines[bottom])];
    return a === null || b === null ? null : pick(a) / pick(b);
  };
/** What an addition costs the recorded engine over its plain step. */
const cost =
  (pick: (figures: Figures) => number | null) =>
  (size: SizeResult): number | null => {
    const figures = figuresOf(size.engines.recorded);
    const value = figures === null ? null : pick(figures);
    return figures === null || value === null ? null : overhead(value, figures.plain);
  };

/** Share of the measured product limit that a step with fused kernels reaches at one batch size. */
const fusedShare = (batch: number, limit: number): Target => ({
  name: `with fused kernels, share of the product limit at batch ${batch}`,
  limit,
  direction: 'at least',
  show: percent,
  of(size) {
    const figures = size.batch === batch ? figuresOf(size.engines.fused) : null;
    return figures === null ? null : limitShare(size.flops, figures.plain, figures.gflops);
  },
});

export const targets: readonly Target[] = [
  {
    name: 'recorded, time over PyTorch eager',
    limit: 0.9,
    direction: 'at most',
    show: times,
    of: between('recorded', 'torch', (f) => f.plain),
  },
  {
    name: 'with fused kernels, time over PyTorch eager',
    limit: 0.95,
    direction: 'at most',
    show: times,
    of: between('fused', 'torch', (f) => f.plain),
  },
  fusedShare(4, 0.7),
  fusedShare(16, 0.8),
  {
    name: 'op by op, time over recorded',
    limit: 2.2,
    direction: 'at least',
    show: times,
    of: between('eager', 'recorded', (f) => f.plain),
  },
  {
    name: `kappa every ${every} steps on the batch`,
    limit: 0.05,
    direction: 'at most',
    show: (v) => percent(v, true),
    of: cost((f) => f.kappaBatch),
  },
  {
    name: `kappa every ${every} steps on a probe of ${probeSize}`,
    limit: 0.12,
    direction: 'at most',
    show: (v) => percent(v, true),
    of: cost((f) => f.kappaProbe),
  },
  {
    name: 'regulariser',
    limit: 0.5,
    direction: 'at most',
    show: (v) => percent(v, true),
    of: cost((f) => f.regularised),
  },
  {
    name: 'wasm, time over recorded',
    limit: 8,
    direction: 'at most',
    show: times,
    of: between('wasm', 'recorded', (f) => f.plain),
  },
  {
    name: 'two single-threaded workers over one two-threaded, throughput',
    limit: 1.6,
    direction: 'at least',
    show: times,
    of: pairRatio,
  },
  {
    name: 'memory above idle, recorded over PyTorch',
    limit: 1.3,
    direction: 'at most',
    show: times,
    of: between('recorded', 'torch', (f) => f.memory),
  },
  {
    name: 'recording and loading all programs of a run',
    limit: 3,
    direction: 'at most',
    show: (v) => `${v.toFixed(1)} s`,
    of: ({ engines: found }) => {
      const f = figuresOf(found.recorded);
      return f === null ? null : f.openMs / 1000;
    },
  },
];

/** Throughput of the two workers over that of the one. */
export function pairRatio({ pair }: SizeResult): number | null {
  return 'reason' in pair ? null : throughputRatio(2, spread(pair.together).median, spread(pair.alone).median);
}

/** Whether a value keeps to its target. */
export const isMet = ({ limit, direction }: Pick<Target, 'limit' | 'direction'>, value: number): boolean =>
  direction === 'at most' ? value <= limit : value >= limit;

const sizeName = ({ config, batch }: SizeResult): string => `${config}, batch ${batch}`;

function sizeTable(size: SizeResult, rounds: number): string {
  const rows = [...engines, ...gpuEngines].flatMap(({ name, title }) => {
    const outcome = size.engines[name];
    if (outcome === undefined) return [];
    const figures = figuresOf(outcome);
    if (!outcome.ok || figures === null)
      return [
        [
          title,
          `not measured: ${outcome.ok ? 'no step was timed' : outcome.reason.replaceAll('|', '\\|')}`,
          '',
          '',
          '',
          '',
          '',
          '',
          '',
        ],
      ];
    const { low, high } = spread(outcome.ms.plain!);
    const over = (value: number | null) =>
      value === null ? '' : `${ms(value)} (${percent(overhead(value, figures.plain), true)})`;
    const turns = outcome.gflops.length; // once a round
    return [
      [
        turns < rounds ? `${title}, ${turns} rounds` : title,
        `**${ms(figures.plain)}** (${ms(low)}-${ms(high)})`,
        over(figures.kappaBatch),
        over(figures.kappaProbe),
        over(figures.regularised),
        String(Math.round((1000 * size.tokens) / figures.plain)),
        `${percent(limitShare(size.flops, figures.plain, figures.gflops))} of ${Math.round(figures.gflops)}`,
        mebibytes(figures.memory),
        (figures.openMs / 1000).toFixed(1),
      ],
    ];
  });
  const head = [
    'Engine',
    'ms a step (quartiles)',
    `kappa every ${every}, batch`,
    `kappa every ${every}, probe of ${probeSize}`,
    'regulariser',
    'tokens/s',
    'share of matmul GFLOP/s',
    'MiB above idle',
    'open, s',
  ];
  return `**${sizeName(size)}** (${((size.parameters ?? 0) / 1e6).toFixed(1)} M parameters, ${(size.flops / 1e9).toFixed(1)} GFLOP a step)\n\n${table(head, rows)}`;
}

function targetTable(sizes: readonly SizeResult[]): string {
  const rows = targets.map((target) => [
    target.name,
    `${target.direction} ${target.show(target.limit).replace('+', '')}`,
    ...sizes.map((size) => {
      const value = target.of(size);
      return value === null ? 'no number' : `${target.show(value)} ${isMet(target, value) ? 'met' : '**missed**'}`;
    }),
  ]);
  return table(['Target', 'wanted', ...sizes.map(sizeName)], rows);
}

/** Everything of one record. */
export function renderRecord(record: BenchRecord): string {
  const { machine } = record;
  const versions = new Map<string, string>();
  for (const size of record.sizes)
    for (const outcome of Object.values(size.engines))
      if (outcome.ok) for (const [name, version] of Object.entries(outcome.versions)) versions.set(name, version);
  const notices = new Set(
    record.sizes.flatMap((size) =>
      Object.values(size.engines).flatMap((outcome) => (outcome.ok && outcome.notice !== null ? [outcome.notice] : [])),
    ),
  );
  return [
    `### ${machine.cpu}, ${machine.cores} processors${machine.gpu === null ? '' : `, ${machine.gpu}`}`,
    `${record.date}; ${machine.platform}, ${machine.memoryGiB} GiB; ${record.threads} threads; ${record.rounds} rounds; ${[
      ...versions,
    ]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, version]) => `${name} ${version}`)
      .join(', ')}.`,
    ...[...notices].map((notice) => `Notice: ${notice}.`),
    targetTable(record.sizes),
    ...record.sizes.map((one) => sizeTable(one, record.rounds)),
  ].join('\n\n');
}

export const markers: Markers = {
  begin: '<!-- bench: written by npm run bench -- --write -->',
  end: '<!-- bench: end -->',
};

/** Configurations that are benchmarked; `tiny` is for tests. */
export const benchedConfigs = (Object.keys(benchConfigs) as (keyof typeof benchConfigs)[]).filter(
  (name) => name !== 'tiny',
);
