/** Curves over steps as SVG: lines with bands, a logarithmic axis, and a cursor for pointer and keyboard. */
import { h, numberText, svg } from './dom.mjs';

const size = { width: 360, height: 190, left: 50, right: 16, top: 8, bottom: 24 };
const inner = { width: size.width - size.left - size.right, height: size.height - size.top - size.bottom };

/** Round numbers in a range, about `count` of them. */
function roundTicks(low, high, count) {
  const raw = (high - low) / count;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((each) => each >= raw);
  const ticks = [];
  for (let i = Math.ceil(low / step); i * step <= high * (1 + 1e-9); i++)
    ticks.push(Number((i * step).toPrecision(12)));
  return ticks;
}

/** Powers of ten in a range, or round numbers where it holds fewer than two. */
function logTicks(low, high) {
  const from = Math.ceil(Math.log10(low) - 1e-9);
  const to = Math.floor(Math.log10(high) + 1e-9);
  if (to - from < 1) {
    const within = [from - 1, from, to + 1].flatMap((power) =>
      [1, 2, 5].map((factor) => Number((factor * 10 ** power).toPrecision(3))),
    );
    const ticks = [...new Set(within)].filter((tick) => tick >= low && tick <= high);
    return ticks.length > 1 ? ticks : roundTicks(low, high, 3).filter((tick) => tick > 0);
  }
  const every = Math.ceil((to - from + 1) / 5);
  return Array.from({ length: to - from + 1 }, (_, i) => from + i)
    .filter((power) => power % every === 0)
    .map((power) => 10 ** power);
}

/** The range of the lines, a little wider; of a logarithmic axis only what is above 0. */
function rangeOf(lines, log, mark) {
  let low = Infinity;
  let high = -Infinity;
  const see = (value) => {
    if (value === null || value === undefined || !Number.isFinite(value) || (log && value <= 0)) return;
    if (value < low) low = value;
    if (value > high) high = value;
  };
  for (const { values } of lines) values.forEach(see);
  // An interval of few seeds may go far beyond every run: it is cut where it would hide the curves.
  const room = log ? Math.log(10) : (high - low) / 2;
  const least = log ? low / Math.exp(room) : low - room;
  const most = log ? high * Math.exp(room) : high + room;
  for (const { low: lows, high: highs } of lines) {
    lows?.forEach((value) => see(value === null ? null : Math.max(value, least)));
    highs?.forEach((value) => see(value === null ? null : Math.min(value, most)));
  }
  if (low > high) return null;
  if (mark !== undefined && mark !== null) [low, high] = [Math.min(low, mark), Math.max(high, mark)];
  if (log) return low === high ? [low / 2, high * 2] : [low / 1.1, high * 1.1];
  const edge = low === high ? Math.abs(low) / 10 || 1 : (high - low) / 20;
  return [low - edge, high + edge];
}

/** How values become places. */
function scalesOf(lines, log, mark) {
  const range = rangeOf(lines, log, mark);
  if (range === null) return null;
  const last = Math.max(1, ...lines.map(({ steps }) => steps.at(-1) ?? 1));
  const [from, to] = log ? range.map(Math.log) : range;
  const y = (value) => {
    const at = log ? Math.log(Math.max(value, range[0])) : value;
    const share = Math.min(1, Math.max(0, (at - from) / (to - from)));
    return size.top + inner.height * (1 - share);
  };
  return { last, range, x: (step) => size.left + (inner.width * step) / last, y };
}

const place = (value) => value.toFixed(1);

function pathOf({ steps, values }, { x, y }, log) {
  let path = '';
  for (let i = 0; i < steps.length; i++)
    if (Number.isFinite(values[i]) && !(log && values[i] <= 0))
      path += `${path === '' ? 'M' : 'L'}${place(x(steps[i]))} ${place(y(values[i]))}`;
  return path;
}

function bandOf({ steps, low, high }, { x, y }) {
  const at = steps.map((_, i) => i).filter((i) => low[i] !== null && high[i] !== null);
  if (at.length < 2) return '';
  const edge = (i, value) => `${place(x(steps[i]))} ${place(y(value))}`;
  const upper = at.map((i) => edge(i, high[i]));
  const lower = at.map((i) => edge(i, low[i])).reverse();
  return `M${[...upper, ...lower].join('L')}Z`;
}

/** A round number, as short as it can be. */
const tickText = (tick) =>
  tick !== 0 && (Math.abs(tick) >= 1e5 || Math.abs(tick) < 1e-3)
    ? String(Number(tick.toPrecision(3)).toExponential())
        .replace('e+', 'e')
        .replace('-', '−')
    : numberText(tick);

function axes({ last, range, x, y }, log) {
  const ticks = log ? logTicks(...range) : roundTicks(...range, 4);
  const steps = roundTicks(0, last, 4);
  const bottom = size.height - size.bottom;
  return [
    ...ticks.flatMap((tick) => [
      svg('line', { class: 'grid', x1: size.left, x2: size.width - size.right, y1: y(tick), y2: y(tick) }),
      svg('text', { x: size.left - 5, y: y(tick) + 3.5, 'text-anchor': 'end' }, tickText(tick)),
    ]),
    ...steps.map((step) => svg('text', { x: x(step), y: bottom + 15, 'text-anchor': 'middle' }, String(step))),
    svg('line', { class: 'axis', x1: size.left, x2: size.width - size.right, y1: bottom, y2: bottom }),
  ];
}

/** The place in a list of ascending numbers that is nearest to a value. */
function nearestPlace(steps, step) {
  let [from, to] = [0, steps.length - 1];
  while (to - from > 1) {
    const middle = (from + to) >> 1;
    if (steps[middle] < step) from = middle;
    else to = middle;
  }
  return Math.abs(steps[from] - step) <= Math.abs(steps[to] - step) ? from : to;
}

/** The place among steps to which a key moves the cursor; null for other keys. */
function placeAfter(key, cursor, steps) {
  const last = steps.length - 1;
  const now = cursor === null ? last : nearestPlace(steps, cursor);
  const to = { ArrowLeft: now - 1, ArrowRight: now + 1, Home: 0, End: last }[key];
  return to === undefined ? null : Math.min(last, Math.max(0, to));
}

/** The line of a value that means something. */
function markOf({ y }, mark) {
  if (mark === undefined || mark === null) return [];
  return [svg('line', { class: 'mark', x1: size.left, x2: size.width - size.right, y1: y(mark), y2: y(mark) })];
}

/** Bands, and the lines above them. */
const curvesOf = (lines, scales, log) => [
  ...lines
    .filter(({ low }) => low !== undefined)
    .map((line) => svg('path', { class: `band c${line.colour}`, d: bandOf(line, scales) })),
  ...lines.map((line) =>
    svg('path', { class: `line c${line.colour} d${line.dash ?? 0}`, d: pathOf(line, scales, log) }),
  ),
];

/**
 * A chart. `lines`: `{label, colour, dash, steps, values, low, high}`, colours as numbers. `update` draws other lines in it. Arrow
 * keys move the cursor where the chart has the focus.
 */
export function lineChart({ title, log, mark, lines }) {
  const drawing = svg('svg', { viewBox: `0 0 ${size.width} ${size.height}`, role: 'img' });
  const readout = h('span', { class: 'readout' });
  const figure = h('figure', { class: 'chart', tabindex: 0 }, h('figcaption', {}, title, readout), drawing);
  let scales = null;
  let shown = lines;
  let cursor = null;
  const draw = () => {
    scales = scalesOf(shown, log, mark);
    const last = shown.map(({ label, values }) => `${label} ${numberText(values.at(-1))}`.trim()).join(', ');
    drawing.setAttribute('aria-label', scales === null ? `${title}: no values yet` : `${title}; last values: ${last}`);
    if (scales === null)
      return drawing.replaceChildren(
        svg('text', { x: size.width / 2, y: size.height / 2, 'text-anchor': 'middle' }, 'no values yet'),
      );
    drawing.replaceChildren(...axes(scales, log), ...markOf(scales, mark), ...curvesOf(shown, scales, log));
    if (cursor !== null) point(cursor);
  };
  const point = (step) => {
    cursor = step;
    drawing.querySelector('.cursor')?.remove();
    if (step === null || scales === null) return readout.replaceChildren();
    const known = shown.filter(({ steps }) => steps.length > 0);
    const at = known[0].steps[nearestPlace(known[0].steps, step)];
    cursor = at;
    drawing.append(
      svg('line', { class: 'cursor', x1: scales.x(at), x2: scales.x(at), y1: size.top, y2: size.height - size.bottom }),
    );
    const texts = known.map(({ label, colour, steps, values }) =>
      h('span', { class: `c${colour}` }, `${label} ${numberText(values[nearestPlace(steps, at)])}`),
    );
    readout.replaceChildren(`step ${at}: `, ...texts);
  };
  drawing.addEventListener('pointermove', ({ clientX }) => {
    if (scales === null) return;
    const box = drawing.getBoundingClientRect();
    const share = ((clientX - box.left) / box.width) * size.width;
    point(((share - size.left) / inner.width) * scales.last);
  });
  drawing.addEventListener('pointerleave', () => point(null));
  figure.addEventListener('blur', () => point(null));
  figure.addEventListener('keydown', (event) => {
    const steps = shown.find((line) => line.steps.length > 0)?.steps;
    const to = steps === undefined ? null : placeAfter(event.key, cursor, steps);
    if (to === null) return;
    event.preventDefault();
    point(steps[to]);
  });
  draw();
  return {
    element: figure,
    update: (fresh) => {
      shown = fresh;
      draw();
    },
  };
}

/** The lines of one run in a chart, one for each module where it has two. */
export const linesOfRun = ({ lines }, series) =>
  lines.map(({ metric, label }, i) => ({
    label,
    colour: i,
    dash: i,
    steps: series[metric]?.steps ?? [],
    values: series[metric]?.values ?? [],
  }));

/** What colours mean. */
export const legend = (entries) =>
  h(
    'ul',
    { class: 'legend' },
    ...entries.map(({ label, colour, dash }) =>
      h(
        'li',
        {},
        svg(
          'svg',
          { viewBox: '0 0 26 8', 'aria-hidden': 'true' },
          svg('path', { class: `line c${colour} d${dash ?? 0}`, d: 'M0 4L26 4' }),
        ),
        label,
      ),
    ),
  );

/** The two modules in the charts of a run. */
export const moduleLegend = () =>
  legend([
    { label: 'encoder (or the only line)', colour: 0, dash: 0 },
    { label: 'backbone', colour: 1, dash: 1 },
  ]);
