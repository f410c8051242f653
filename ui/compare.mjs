/** Compare: settings side by side. */
import { legend, lineChart } from './chart.mjs';
import { ask, inside } from './data.mjs';
import { h, section, svg, wideBox } from './dom.mjs';

const nameOf = (settings) => {
  const differs = (of) => new Set(settings.map(of)).size > 1;
  const parts = [({ panel }) => panel, ({ setting }) => setting, ({ method }) => method];
  const said = parts.filter(differs);
  return (setting) => (said.length === 0 ? parts : said).map((of) => of(setting)).join(' · ');
};

const hashOf = (experiment, keys) => `#compare?${new URLSearchParams({ experiment, settings: keys.join(',') })}`;

/** What is worth comparing: the methods of one task and one pair of rates. */
function suggestions(experiment, all) {
  const groups = new Map();
  for (const each of all) {
    const name = `${each.panel} · ${each.setting}`;
    groups.set(name, [...(groups.get(name) ?? []), each]);
  }
  const several = [...groups].filter(([, members]) => members.length > 1);
  return h(
    'ul',
    { class: 'plain' },
    ...several.map(([name, members]) =>
      h(
        'li',
        {},
        h(
          'a',
          {
            href: hashOf(
              experiment,
              members.slice(0, 8).map(({ key }) => key),
            ),
          },
          name,
        ),
        ` ${members.map(({ method }) => method).join(', ')}`,
      ),
    ),
  );
}

function differenceTable(settings, differing, name) {
  if (differing.length === 0) return h('p', { class: 'quiet' }, 'Nothing but the seed.');
  return wideBox(
    'What differs',
    h(
      'table',
      {},
      h(
        'thead',
        {},
        h(
          'tr',
          {},
          h('th', { scope: 'col' }, 'Option'),
          ...settings.map((setting) => h('th', { scope: 'col' }, name(setting))),
        ),
      ),
      h(
        'tbody',
        {},
        ...differing.map(({ path, values }) =>
          h('tr', {}, h('th', { scope: 'row' }, h('code', {}, path)), ...values.map((value) => h('td', {}, value))),
        ),
      ),
    ),
  );
}

function resultTable(experiment, { settings, paired }, name) {
  const byKey = new Map(paired.map((row) => [row.key, row]));
  const heads = [
    'Setting',
    'n',
    'Accuracy',
    'Difference to the first',
    'n of pairs',
    'd',
    'P(improvement)',
    'p (Holm)',
  ];
  const keys = settings.map(({ key }) => key);
  return wideBox(
    'Results and differences paired by seed',
    h(
      'table',
      {},
      h(
        'thead',
        {},
        h('tr', {}, ...heads.map((head, i) => h('th', { scope: 'col', class: i > 0 ? 'n' : null }, head))),
      ),
      h(
        'tbody',
        {},
        ...settings.map((setting, i) => {
          const row = byKey.get(setting.key);
          const open = setting.runs.filter(({ state }) => state !== 'done').length;
          const first =
            i === 0
              ? 'first'
              : inside !== null
                ? ''
                : h(
                    'a',
                    { href: hashOf(experiment, [setting.key, ...keys.filter((key) => key !== setting.key)]) },
                    'make first',
                  );
          return h(
            'tr',
            {},
            h('th', { scope: 'row' }, name(setting), ' ', h('small', {}, first)),
            ...[
              `${setting.n}${open === 0 ? '' : ` (+${open} unfinished)`}`,
              setting.measure !== '' ? `${setting.generation}${setting.measure}` : setting.choice,
              row?.difference || '–',
              row === undefined ? '' : String(row.n),
              row?.effect ?? '',
              row?.improvement ?? '',
              row?.p ?? '',
            ].map((text) => h('td', { class: 'n' }, text)),
          );
        }),
      ),
    ),
  );
}

/** One chart for each line of a chart, a colour a setting. */
function curveCharts(charts, settings, name) {
  return charts.flatMap((chart) =>
    chart.lines.map(({ label, curves }) => {
      const lines = settings.map((setting, i) => {
        const { steps, mean, low, high } = curves[i];
        return { label: name(setting), colour: i, dash: i, steps, values: mean, low, high };
      });
      if (lines.every(({ steps }) => steps.length === 0)) return null;
      return lineChart({ ...chart, title: label === '' ? chart.title : `${chart.title}: ${label}`, lines }).element;
    }),
  );
}

/** Widths: of the space that each axis has. */
const frame = { axis: 150, height: 260, top: 26, bottom: 20, side: 60 };

/** Where the values of the `i`-th option stand on its axis; behind the last option stands accuracy. */
function scaleOf(lines, options, i) {
  const isAccuracy = i === options;
  const values = lines.map((line) => (isAccuracy ? line.accuracy : line.values[i]));
  const distinct = isAccuracy ? [Math.min(...values), Math.max(...values)] : [...new Set(values)];
  const numeric = distinct.every((value) => typeof value === 'number');
  if (!isAccuracy) distinct.sort((a, b) => (numeric ? a - b : String(a) < String(b) ? -1 : 1));
  const at = (value) => {
    const share = isAccuracy
      ? (value - distinct[0]) / (distinct[1] - distinct[0] || 1)
      : distinct.indexOf(value) / (distinct.length - 1 || 1);
    return frame.height - frame.bottom - (frame.height - frame.bottom - frame.top) * share;
  };
  return { distinct, at };
}

/** Every setting as a line over the options that vary, accuracy last; darker is better. */
function parallelLines({ axes, lines, fewest, found }, chosen, nameOfKey) {
  if (axes.length === 0)
    return h('p', { class: 'quiet' }, `Parallel lines are drawn where ${fewest} options or more vary; here ${found}.`);
  const names = [...axes, 'accuracy'];
  const width = 2 * frame.side + frame.axis * (names.length - 1);
  const x = (i) => frame.side + frame.axis * i;
  const scales = names.map((_, i) => scaleOf(lines, axes.length, i));
  const best = scales.at(-1).distinct;
  return wideBox(
    'Options and accuracy as parallel lines',
    svg(
      'svg',
      {
        class: 'parallel',
        viewBox: `0 0 ${width} ${frame.height}`,
        width,
        height: frame.height,
        role: 'img',
        'aria-label': `Every setting over ${names.join(', ')}`,
      },
      ...lines.map(({ key, values, accuracy }) => {
        const points = [...values, accuracy].map((value, i) => `${x(i).toFixed(1)} ${scales[i].at(value).toFixed(1)}`);
        const share = (accuracy - best[0]) / (best[1] - best[0] || 1);
        return svg(
          'path',
          {
            class: `line ${chosen.includes(key) ? `c${chosen.indexOf(key)} thick` : `shade${Math.round(share * 4)}`}`,
            d: `M${points.join('L')}`,
          },
          svg('title', {}, nameOfKey(key)),
        );
      }),
      ...names.map((text, i) => [
        svg('line', { class: 'axis', x1: x(i), x2: x(i), y1: frame.top, y2: frame.height - frame.bottom }),
        svg('text', { x: x(i), y: 12, 'text-anchor': 'middle' }, text.length > 22 ? `…${text.slice(-21)}` : text),
        ...scales[i].distinct.map((value) =>
          svg(
            'text',
            { class: 'halo', x: x(i) + 4, y: scales[i].at(value) + 3.5 },
            value === null ? '–' : typeof value === 'number' ? String(Number(value.toPrecision(3))) : String(value),
          ),
        ),
      ]),
    ),
  );
}

/** The view. */
export async function comparePage({ experiment, query, again }) {
  const view = await ask('compare', { experiment, settings: query.get('settings') ?? '' });
  const { settings } = view;
  const name = nameOf(settings);
  const others = section(
    'Other comparisons',
    suggestions(experiment, view.all),
    inside !== null
      ? null
      : h(
          'p',
          { class: 'quiet' },
          'Or tick settings in ',
          h('a', { href: `#runs?${new URLSearchParams({ experiment })}` }, 'Runs'),
          '.',
        ),
  );
  const parallel = section(
    'All settings',
    parallelLines(
      view.parallel,
      settings.map(({ key }) => key),
      (key) => {
        const { panel, setting, method } = view.all.find((each) => each.key === key);
        return [panel, setting, method].join(' · ');
      },
    ),
  );
  if (settings.length === 0)
    return { element: h('div', {}, h('h2', {}, `Compare settings of ${experiment}`), others, parallel) };
  const element = h(
    'div',
    {},
    h('h2', {}, `Compare ${settings.length} settings of ${experiment}`),
    section('What differs', differenceTable(settings, view.differing, name)),
    section(
      'Results',
      resultTable(experiment, view, name),
      h(
        'p',
        { class: 'quiet' },
        'Differences are paired by seed within one task: mean with 95 % t interval; p of the paired t test, corrected by Holm for the comparisons of this table. Only finished runs count. Accuracy is by choice, of sets without choices exact match, called so.',
      ),
    ),
    section(
      'Curves',
      legend(settings.map((setting, i) => ({ label: name(setting), colour: i, dash: i }))),
      h(
        'p',
        { class: 'quiet' },
        'Mean over the seeds that have the step, with its 95 % t interval; on logarithmic axes the geometric mean. Unfinished runs are in the curves as far as they are.',
      ),
      h('div', { class: 'charts' }, ...curveCharts(view.charts, settings, name)),
    ),
    parallel,
    others,
  );
  return { element, onEvent: ({ changed }) => changed.length > 0 && again(10_000) };
}
