/** Kappa on the training batch against kappa on a fixed probe along one and the same training: bias, noise, and how many changes of sign noise alone would give. */
import type { Journals, Run } from '../aggregate';
import type { FigureDefinition } from '../figure';
import { footnote, ruleAt } from '../figure';
import { grouped } from '../grouped';
import { leaves } from '../labels';
import { kappaIgnored } from '../methods';
import { mean, pearson, quantile, standardDeviation } from '../statistics';
import { distinguish, inOrder, logAxis, panels, stepAxis, type Spec } from '../style';
import { isUnregularised } from '../../src/balance/regularisers';
import { valueAt } from '../../src/manifest/tree';
import { random } from '../../src/random';

interface Pair {
  /** task, and the method when there are several */
  panel: string;
  seed: number;
  /** at the steps that both measured, above the floor */
  steps: number[];
  batch: number[];
  probe: number[];
  /** largest difference of the training losses, nats */
  apart: number;
}

type Row = {
  quantity: 'kappa' | 'sign changes';
  panel: string;
  seed: number;
  on: 'batch' | 'probe' | 'null';
  /** null for the rates of sign changes */
  step: number | null;
  /** kappa, or share of consecutive measures between which log kappa changes sign */
  value: number;
  /** 95 % interval of the resampled null */
  low: number | null;
  high: number | null;
  /** measures that both runs have */
  measures: number;
  /** Pearson's, of log kappa on batch and probe; null without spread */
  correlation: number | null;
  /** mean of log kappa on the batch minus on the probe */
  bias: number;
  /** its standard deviation */
  noise: number;
  /** largest difference of the two training losses */
  lossApart: number;
};

const resamples = 2000;
/** Measures in common below which a pair says nothing. */
const fewest = 5;

/** Share of consecutive pairs whose sign differs; a value of exactly 0 has none. */
export const signChangeRate = (values: readonly number[]): number =>
  values.slice(1).filter((value, i) => value * values[i]! < 0).length / (values.length - 1);

/**
 * Rates of sign changes when each measure is the probe's value plus one of the batch's own deviations from the probe, drawn with replacement: what the batch's bias and noise
 * alone would give. Equal seeds give equal rates.
 */
export function noiseRates(probe: readonly number[], batch: readonly number[], seed: string): number[] {
  const deviations = batch.map((value, i) => value - probe[i]!);
  const source = random(seed, 'sign changes of noise');
  return Array.from({ length: resamples }, () => signChangeRate(probe.map((value) => value + source.pick(deviations))));
}

export const batchAndProbe: FigureDefinition<Row> = {
  name: 'batch-and-probe',
  title: 'Balance coefficient on the training batch and on a probe',
  width: 'page',
  needs: `pairs of finished runs that differ only in \`measure.on\`, under a scheduler that does not read kappa (${kappaIgnored.join(', ')})`,

  select: async (journals) => (await pairsOf(journals)).flatMap(rowsOf),

  caption(rows) {
    const text = (value: number) => value.toFixed(2).replace('-', '−');
    const said = inOrder.panel(rows).map((panel) => {
      const pairs = rows.filter((row) => row.panel === panel && row.on === 'null');
      const of = (on: Row['on']) =>
        rows
          .filter((row) => row.panel === panel && row.quantity === 'sign changes' && row.on === on)
          .map((row) => row.value);
      const correlations = pairs.flatMap((row) => row.correlation ?? []);
      const outside = pairs.filter((row) => {
        const rate = rows.find(
          (other) =>
            other.quantity === 'sign changes' &&
            other.on === 'batch' &&
            other.panel === panel &&
            other.seed === row.seed,
        )!.value;
        return rate < row.low! || rate > row.high!;
      }).length;
      return (
        `${panel} (n = ${pairs.length} pair${pairs.length === 1 ? '' : 's'}, ${pairs[0]!.measures} measures): ${correlations.length === 0 ? 'no correlation' : `correlation of log κ ${text(mean(correlations))}`}, bias of the batch ${text(mean(pairs.map((row) => row.bias)))}, its noise ${text(mean(pairs.map((row) => row.noise)))}, ` +
        `sign changes ${text(mean(of('batch')))} on the batch, ${text(mean(of('probe')))} on the probe, ${text(mean(of('null')))} expected of noise (${outside} of ${pairs.length} outside its interval)`
      );
    });
    return (
      `κ on the training batch and on a fixed probe in two runs that train alike (training losses differ by at most ${Math.max(...rows.map((row) => row.lossApart)).toPrecision(1)} nats). Above: one seed, log scale, grey line: κ = 1. Below: share of consecutive measures between which log κ changes sign, by seed; ` +
      `bar: median and 95 % interval of ${resamples.toLocaleString('en')} seeded resamples in which each measure is the probe's plus one of the batch's own deviations from it. Means over pairs: ${said.join('; ')}.`
    );
  },

  build(rows) {
    const order = inOrder.panel(rows);
    const { color, dashOrShape } = distinguish('on', ['batch', 'probe'], 'points', 'page');
    const firsts = order.map((panel) => Math.min(...rows.filter((row) => row.panel === panel).map((row) => row.seed)));
    const curves = rows.filter((row) => row.quantity === 'kappa' && row.seed === firsts[order.indexOf(row.panel)]);
    const y = {
      field: 'value',
      type: 'quantitative',
      title: 'κ (backbone / encoder)',
      ...logAxis(
        curves.map((row) => row.value),
        [1],
      ),
    };
    const rate = {
      field: 'value',
      type: 'quantitative',
      title: 'share of sign changes',
      scale: {
        domain: [
          0,
          Math.min(
            1,
            Math.ceil(
              Math.max(...rows.filter((row) => row.quantity !== 'kappa').map((row) => row.high ?? row.value)) * 10 +
                0.5,
            ) / 10,
          ),
        ],
      },
      axis: { tickCount: 5, format: '~g', minExtent: 24 },
    };
    const seed = { field: 'seed', type: 'ordinal', title: 'seed', axis: { labelAngle: 0, grid: false } };
    const shown = order
      .map((panel, i) => `(datum.panel === ${JSON.stringify(panel)} && datum.seed === ${firsts[i]!})`)
      .join(' || ');
    const bar = (layer: Spec): Spec => ({ transform: [{ filter: "datum.on === 'null'" }], ...layer });
    return {
      title: footnote(
        `Above: seed ${[...new Set(firsts)].join(' or ')}; below: bar: median and 95 % interval of noise alone (${resamples.toLocaleString('en')} resamples).`,
      ),
      vconcat: [
        {
          transform: [{ filter: `datum.quantity === 'kappa' && (${shown})` }],
          facet: { column: panels('panel', order) },
          spec: {
            height: 96,
            layer: [
              ruleAt(1),
              {
                mark: { type: 'line', strokeWidth: 0.8 },
                encoding: { x: stepAxis(), y: { ...y, axis: { ...y.axis, minExtent: 24 } }, color },
              },
              {
                mark: { type: 'point', size: 9, filled: true, opacity: 1 },
                encoding: { x: stepAxis(), y, color, shape: dashOrShape },
              },
            ],
          },
        },
        {
          transform: [{ filter: "datum.quantity === 'sign changes'" }],
          facet: { column: panels('panel', order, { labels: false }) },
          spec: {
            height: 70,
            layer: [
              bar({
                mark: { type: 'bar', width: 7, color: '#d0d0d0' },
                encoding: { x: seed, y: { ...rate, field: 'low' }, y2: { field: 'high' } },
              }),
              bar({
                mark: { type: 'tick', width: 7, thickness: 1, color: '#555555', orient: 'horizontal' },
                encoding: { x: seed, y: rate },
              }),
              {
                transform: [{ filter: "datum.on !== 'null'" }],
                mark: { type: 'point', size: 20, filled: true, opacity: 1 },
                encoding: { x: seed, y: rate, color, shape: dashOrShape },
              },
            ],
          },
        },
      ],
    };
  },
};

/** Whether nothing that the run does depends on where kappa is measured. */
export function ignoresKappa({ file: { spec } }: Run): boolean {
  return kappaIgnored.includes(spec.scheduler.kind) && isUnregularised(spec.regulariser);
}

async function pairsOf(journals: Journals): Promise<Pair[]> {
  const besideMeasure = (run: Run) =>
    JSON.stringify(
      [...leaves(run.file.spec)].filter(([path]) => path !== 'measure.on' && path !== 'measure.probe').sort(),
    );
  const found = grouped(journals.runs.filter(ignoresKappa), besideMeasure).flatMap((group) => {
    const on = (which: string) => group.filter((run) => run.file.spec.measure.on === which);
    return on('batch').flatMap((batch) => on('probe').map((probe) => ({ batch, probe })));
  });
  if (found.length === 0) return [];
  // The panel's name without the difference that makes the pair.
  const bare = (run: Run) => [
    run.panel
      .split(' · ')
      .map((part) =>
        part
          .split(', ')
          .filter((each) => !/^measure\.(on|probe)=/.test(each))
          .join(', '),
      )
      .filter((part) => part !== '')
      .join(' · '),
    run.method,
    run.setting,
  ];
  const names = found.map(({ batch }) => bare(batch));
  const several = [1, 2].map((place) => new Set(names.map((name) => name[place])).size > 1);
  const questions = ({ file: { spec } }: Run) => valueAt(spec, 'measure.probe');
  const probes = new Set(found.map(({ probe }) => questions(probe))).size > 1;
  const pairs: Pair[] = [];
  for (const [i, { batch, probe }] of found.entries()) {
    const both = (table: string, value: string, test: string) =>
      `select b.step as step, b.${value} as batch, p.${value} as probe from ${table} b join ${table} p using (step) where b.id = '${batch.id}' and p.id = '${probe.id}' and ${test} order by step`;
    const rows = await journals.rows<{ step: number; batch: number; probe: number }>(
      both('measure', 'logKappa', 'not b.floor and not p.floor and b.bothTrained'),
    );
    if (rows.length < fewest) continue;
    const losses = await journals.rows<{ batch: number; probe: number }>(both('train', 'loss', 'true'));
    const panel = [
      names[i]![0]!,
      ...[1, 2].filter((place) => several[place - 1]).map((place) => names[i]![place]!),
      ...(probes ? [`probe of ${String(questions(probe))}`] : []),
    ].join(' · ');
    pairs.push({
      panel,
      seed: batch.seed,
      steps: rows.map((row) => row.step),
      batch: rows.map((row) => row.batch),
      probe: rows.map((row) => row.probe),
      apart: losses.reduce((largest, row) => Math.max(largest, Math.abs(row.batch - row.probe)), 0),
    });
  }
  return pairs.sort((a, b) => (a.panel < b.panel ? -1 : a.panel > b.panel ? 1 : a.seed - b.seed));
}

function rowsOf({ panel, seed, steps, batch, probe, apart }: Pair): Row[] {
  const deviations = batch.map((value, i) => value - probe[i]!);
  const correlation = pearson(batch, probe);
  const about = {
    measures: steps.length,
    correlation: Number.isFinite(correlation) ? correlation : null,
    bias: mean(deviations),
    noise: standardDeviation(deviations),
    lossApart: apart,
  };
  const curve = (on: 'batch' | 'probe', values: number[]) =>
    values.map((value, i): Row => ({
      quantity: 'kappa',
      panel,
      seed,
      on,
      step: steps[i]!,
      value: Math.exp(value),
      low: null,
      high: null,
      ...about,
    }));
  const rate = (on: Row['on'], value: number, low: number | null = null, high: number | null = null): Row => ({
    quantity: 'sign changes',
    panel,
    seed,
    on,
    step: null,
    value,
    low,
    high,
    ...about,
  });
  const noise = noiseRates(probe, batch, `${panel} ${seed}`);
  return [
    ...curve('batch', batch),
    ...curve('probe', probe),
    rate('batch', signChangeRate(batch)),
    rate('probe', signChangeRate(probe)),
    rate('null', quantile(noise, 0.5), quantile(noise, 0.025), quantile(noise, 0.975)),
  ];
}
