/**
 * Kappa on the training batch against kappa on a fixed probe along one and the same training: bias, noise, and how many
 * changes of sign noise alone would give.
 */
import type { Journals, Run } from '../aggregate';
import { logAxis, stepAxis } from '../axes';
import { numberText, type FigureDefinition } from '../figure';
import { footnote, ruleAt } from '../layers';
import { pages, panels } from '../panels';
import { abreast, distinguish, inOrder, type Spec } from '../style';
import { withoutKappa } from '../schedulers';
import { noiseRates, resamples, signChangeRate } from '../signChanges';
import { alikeBeside, inBoth, measuresInBoth, partsWithout } from '../trainAlike';
import { mean, pearson, quantile, standardDeviation } from '../statistics';
import { valueAt } from '../../src/manifest/tree';

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

const resamplesText = resamples.toLocaleString('en');
/** Measures in common below which a pair says nothing. */
const fewest = 5;

export const batchAndProbe: FigureDefinition<Row> = {
  name: 'batch-and-probe',
  title: 'Balance coefficient on the training batch and on a probe',
  shows:
    'κ on the training batch against κ on a fixed probe along the same training: bias, noise, and the changes of sign that noise alone would give',
  width: 'page',
  needs: `pairs of finished runs that differ only in \`measure.on\`, under a scheduler that does not read kappa (${withoutKappa.join(', ')})`,

  select: async (journals) => (await pairsOf(journals)).flatMap(rowsOf),

  caption(rows) {
    const apart = Math.max(...rows.map((row) => row.lossApart)).toPrecision(1);
    const panels = inOrder.panel(rows).map((panel) =>
      panelText(
        panel,
        rows.filter((row) => row.panel === panel),
      ),
    );
    return [
      `κ on the training batch and on a fixed probe in two runs that train alike (training losses differ by at most ${apart} nats).`,
      'Above: one seed, log scale, grey line: κ = 1.',
      'Below: share of consecutive measures between which log κ changes sign, by seed;',
      `bar: median and 95 % interval of ${resamplesText} seeded resamples`,
      "in which each measure is the probe's plus one of the batch's own deviations from it.",
      `Means over pairs: ${panels.join('; ')}.`,
    ].join(' ');
  },

  build(rows, room) {
    const order = inOrder.panel(rows);
    const firstSeeds = new Map(order.map((panel) => [panel, firstSeed(rows, panel)]));
    const looks = distinguish('on', ['batch', 'probe'], 'points', room);
    const seeds = [...new Set(firstSeeds.values())].join(' or ');
    return {
      title: footnote(
        `Above: seed ${seeds}; below: bar: median and 95 % interval of noise alone (${resamplesText} resamples).`,
      ),
      vconcat: pages(order, abreast(order.length, room)).flatMap((shown) => [
        curves(rows, firstSeeds, looks, shown),
        signChanges(rows, shown, looks, shown.length < order.length),
      ]),
    };
  },
};

type Looks = ReturnType<typeof distinguish>;

function firstSeed(rows: readonly Row[], panel: string): number {
  return Math.min(...rows.filter((row) => row.panel === panel).map((row) => row.seed));
}

/** What the pairs of a panel say, in words. */
function panelText(panel: string, rows: readonly Row[]): string {
  const rates = (on: Row['on']) => rows.filter((row) => row.quantity === 'sign changes' && row.on === on);
  const meanRate = (on: Row['on']) => numberText(mean(rates(on).map((row) => row.value)));
  const pairs = rates('null');
  const correlations = pairs.flatMap((row) => row.correlation ?? []);
  const outside = pairs.filter((row) => {
    const rate = rates('batch').find((other) => other.seed === row.seed)!.value;
    return rate < row.low! || rate > row.high!;
  });
  const correlation =
    correlations.length === 0 ? 'no correlation' : `correlation of log κ ${numberText(mean(correlations))}`;
  return [
    `${panel} (n = ${pairs.length} pair${pairs.length === 1 ? '' : 's'}, ${pairs[0]!.measures} measures): ${correlation}`,
    `bias of the batch ${numberText(mean(pairs.map((row) => row.bias)))}`,
    `its noise ${numberText(mean(pairs.map((row) => row.noise)))}`,
    `sign changes ${meanRate('batch')} on the batch`,
    `${meanRate('probe')} on the probe`,
    `${meanRate('null')} expected of noise (${outside.length} of ${pairs.length} outside its interval)`,
  ].join(', ');
}

/** Upper row: kappa of one seed on batch and probe, in these panels; all rows of panels share the scale. */
function curves(
  rows: readonly Row[],
  firstSeeds: ReadonlyMap<string, number>,
  { color, dashOrShape }: Looks,
  shown: readonly string[],
): Spec {
  const all = rows.filter((row) => row.quantity === 'kappa' && row.seed === firstSeeds.get(row.panel));
  const values = all.map((row) => row.value);
  const y = { field: 'value', type: 'quantitative', title: 'κ (backbone / encoder)', ...logAxis(values, [1]) };
  const isFirst = (panel: string) =>
    `(datum.panel === ${JSON.stringify(panel)} && datum.seed === ${firstSeeds.get(panel)!})`;
  return {
    transform: [{ filter: `datum.quantity === 'kappa' && (${shown.map(isFirst).join(' || ')})` }],
    facet: { column: panels('panel', shown) },
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
  };
}

/** Lower row: rates of sign changes by seed, over what noise alone would give. */
function signChanges(rows: readonly Row[], order: string[], { color, dashOrShape }: Looks, someOnly: boolean): Spec {
  const rates = rows.filter((row) => row.quantity === 'sign changes');
  const highest = Math.max(...rates.map((row) => row.high ?? row.value));
  const y = {
    field: 'value',
    type: 'quantitative',
    title: 'share of sign changes',
    scale: { domain: [0, Math.min(1, Math.ceil(highest * 10 + 0.5) / 10)] },
    axis: { tickCount: 5, format: '~g', minExtent: 24 },
  };
  const x = { field: 'seed', type: 'ordinal', title: 'seed', axis: { labelAngle: 0, grid: false } };
  const ofNoise = [{ filter: "datum.on === 'null'" }];
  return {
    transform: [
      { filter: "datum.quantity === 'sign changes'" },
      ...(someOnly ? [{ filter: { field: 'panel', oneOf: order } }] : []),
    ],
    facet: { column: panels('panel', order, { labels: false }) },
    spec: {
      height: 70,
      layer: [
        {
          transform: ofNoise,
          mark: { type: 'bar', width: 7, color: '#d0d0d0' },
          encoding: { x, y: { ...y, field: 'low' }, y2: { field: 'high' } },
        },
        {
          transform: ofNoise,
          mark: { type: 'tick', width: 7, thickness: 1, color: '#555555', orient: 'horizontal' },
          encoding: { x, y },
        },
        {
          transform: [{ filter: "datum.on !== 'null'" }],
          mark: { type: 'point', size: 20, filled: true, opacity: 1 },
          encoding: { x, y, color, shape: dashOrShape },
        },
      ],
    },
  };
}

/** Two runs that train alike, of which one measures on the batch and the other on a probe. */
interface Couple {
  batch: Run;
  probe: Run;
}

/** What differs between the two runs of a couple. */
const apart = /^measure\.(on|probe|beside)$/;

async function pairsOf(journals: Journals): Promise<Pair[]> {
  const couples = alikeBeside(apart, journals.runs).flatMap((group): Couple[] => {
    const on = (which: string) => group.filter((run) => run.file.spec.measure.on === which);
    return on('batch').flatMap((batch) => on('probe').map((probe) => ({ batch, probe })));
  });
  const names = panelNames(couples);
  const pairs: Pair[] = [];
  for (const [i, couple] of couples.entries()) {
    const measures = await measuresInBoth(journals, couple.batch, couple.probe);
    if (measures.length < fewest) continue;
    const losses = await inBoth(journals, couple.batch, couple.probe, { table: 'train', value: 'loss' });
    pairs.push({
      panel: names[i]!,
      seed: couple.batch.seed,
      steps: measures.map((row) => row.step),
      batch: measures.map((row) => row.a),
      probe: measures.map((row) => row.b),
      apart: losses.reduce((largest, row) => Math.max(largest, Math.abs(row.a - row.b)), 0),
    });
  }
  return pairs.sort((a, b) => (a.panel < b.panel ? -1 : a.panel > b.panel ? 1 : a.seed - b.seed));
}

/**
 * The panel of each couple: its name without the difference that makes the couple, with method, setting and probe where
 * several occur.
 */
function panelNames(couples: readonly Couple[]): string[] {
  const several = (value: (couple: Couple) => unknown) => new Set(couples.map(value)).size > 1;
  const methods = several(({ batch }) => batch.method);
  const settings = several(({ batch }) => batch.setting);
  const questions = ({ probe }: Couple) => valueAt(probe.file.spec, 'measure.probe');
  const probes = several(questions);
  return couples.map((couple) =>
    [
      partsWithout(apart, couple.batch.panel).join(' · '),
      ...(methods ? [couple.batch.method] : []),
      ...(settings ? [couple.batch.setting] : []),
      ...(probes ? [`probe of ${String(questions(couple))}`] : []),
    ].join(' · '),
  );
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
