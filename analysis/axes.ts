/** Axes and scales of figures: steps, ratios on a log axis, accuracies. */
import type { Spec } from './style';

/** The y axis of learning-rate settings in this order; `more` goes to its axis. */
export function settingAxis(settings: readonly string[], more: Spec = {}): Spec {
  return {
    field: 'setting',
    type: 'nominal',
    title: null,
    sort: [...settings],
    axis: { grid: false, ticks: false, ...more },
    scale: { paddingInner: 0.15, paddingOuter: 0.1 },
  };
}

/** The x axis of curves over training. */
export function stepAxis(): Spec {
  return {
    field: 'step',
    type: 'quantitative',
    title: 'optimiser step',
    axis: { tickCount: 4, grid: false },
    scale: { zero: true, nice: false },
  };
}

const superscript = (exponent: number) =>
  [...String(exponent)].map((digit) => (digit === '-' ? '⁻' : ('⁰¹²³⁴⁵⁶⁷⁸⁹'[Number(digit)] ?? ''))).join('');

/** Text of a tick on a log axis. */
function tickText(value: number): string {
  const exponent = Math.round(Math.log10(value));
  return Math.abs(exponent) <= 2 ? String(Number(value.toPrecision(3))) : `10${superscript(exponent)}`;
}

/**
 * Scale and axis of a ratio: logarithmic, symmetric labels, ticks at decades (at 1, 2 and 5 in less than two decades;
 * every second or third in more than eight). `always` are values that the axis must show, such as the balance at 1.
 * Throws RangeError when a value is not positive.
 */
export function logAxis(values: readonly number[], always: readonly number[] = []): { scale: Spec; axis: Spec } {
  const all = [...values, ...always].filter((value) => Number.isFinite(value));
  if (all.length === 0 || all.some((value) => value <= 0)) throw new RangeError('a log axis needs positive values');
  const [low, high] = [
    Math.log10(all.reduce((a, b) => Math.min(a, b))),
    Math.log10(all.reduce((a, b) => Math.max(a, b))),
  ];
  const margin = Math.max(0.04 * (high - low), 0.02);
  const span = high - low + 2 * margin;
  const [from, to] = [low - margin, high + margin];
  const stride = Math.max(1, Math.ceil(span / 6));
  const steps = span < 2 ? [1, 2, 5] : [1];
  const ticks: number[] = [];
  for (let decade = Math.floor(from); decade <= Math.ceil(to); decade++) {
    if (decade % stride !== 0) continue;
    for (const step of steps) {
      const tick = Number(`${step}e${decade}`);
      if (Math.log10(tick) >= from && Math.log10(tick) <= to) ticks.push(tick);
    }
  }
  const text = Object.fromEntries(
    ticks.map((tick) => [
      String(tick),
      steps.length > 1 && Math.abs(Math.log10(tick)) <= 3 ? String(tick) : tickText(tick),
    ]),
  );
  return {
    scale: { type: 'log', domain: [10 ** from, 10 ** to].map((value) => Number(value.toPrecision(6))), nice: false },
    axis: { grid: true, values: ticks, labelExpr: `(${JSON.stringify(text)})[toString(datum.value)]` },
  };
}

/** Where methods stand along a log axis. */
export interface Beside {
  axis: ReturnType<typeof logAxis>;
  /** Vega expression of a row's place */
  calculate: string;
}

/**
 * Bars at the same value of the rows' `field` would hide each other: each method stands a little aside, by a few percent
 * of the value. Throws RangeError as `logAxis`.
 */
export function besideEachOther(
  values: readonly number[],
  methods: readonly string[],
  field: string,
  always: readonly number[] = [],
): Beside {
  const aside = (at: number) => 1.045 ** (at - (methods.length - 1) / 2);
  const ends = values.flatMap((value) => [value * aside(-1), value * aside(methods.length)]);
  const asides = methods.map((method, i) => `${JSON.stringify(method)}: ${aside(i).toPrecision(6)}`);
  return { axis: logAxis(ends, always), calculate: `datum.${field} * ({${asides.join(', ')}})[datum.method]` };
}

/** Axis of accuracies, 0..1, cut to what is there (never closer than a tenth). */
export function accuracyScale(values: readonly number[]): Spec {
  const low = values.reduce((a, b) => Math.min(a, b), 1);
  const high = values.reduce((a, b) => Math.max(a, b), 0);
  const domain = [Math.max(0, Math.floor((low - 0.02) * 10) / 10), Math.min(1, Math.ceil((high + 0.02) * 10) / 10)];
  return { domain, nice: false, zero: false };
}

/** Ticks within a decade, by the number of decades that an axis spans at least. */
const tickSteps: readonly { decades: number; steps: readonly number[] }[] = [
  { decades: 1.3, steps: [1, 2, 5] },
  { decades: 0.5, steps: [1, 1.5, 2, 3, 5, 7] },
  { decades: 0.2, steps: [1, 1.2, 1.4, 1.6, 1.8, 2, 2.5, 3, 4, 5, 6, 7, 8, 9] },
  { decades: -Infinity, steps: Array.from({ length: 90 }, (_, i) => (100 + 10 * i) / 100) },
];
/** Ticks of such an axis beyond which they are thinned out. */
const mostTicks = 7;

/** Readable ticks of a log axis that holds 1 and may span much less than a decade: 1 is always among them. */
export function ticksAroundOne(low: number, high: number): number[] {
  const span = Math.log10(high / low);
  const { steps } = tickSteps.find(({ decades }) => span > decades)!;
  const first = Math.floor(Math.log10(low));
  const last = Math.ceil(Math.log10(high));
  const decades = Array.from({ length: last - first + 1 }, (_, i) => first + i);
  const all = decades
    .flatMap((decade) => steps.map((step) => Number((step * 10 ** decade).toPrecision(3))))
    .filter((tick) => tick >= low && tick <= high);
  const every = Math.ceil(all.length / mostTicks);
  const one = Math.max(0, all.indexOf(1));
  return all.filter((_, i) => Math.abs(i - one) % every === 0);
}
