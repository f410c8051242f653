/** Run: everything of one run. */
import { legend, lineChart, linesOfRun } from './chart.mjs';
import { ask } from './data.mjs';
import { h, layoutTable, pairList, section, sizeText } from './dom.mjs';
import { joinPoints } from './now.mjs';

function copyButton(text, label) {
  const button = h('button', { type: 'button' }, label);
  button.addEventListener('click', async () => {
    try {
      await navigator.clipboard.writeText(text);
      button.textContent = 'Copied';
    } catch {
      button.textContent = 'Copying is not allowed here: select the text';
    }
  });
  return button;
}

function scoresTable(final) {
  const cell = (text) => ({ text });
  const row = (name, score) => [
    cell(name),
    cell(`${score.correct} of ${score.total}`),
    cell(score.total > 0 ? score.accuracy.toFixed(3) : '–'),
  ];
  const group = (title, scores) => Object.entries(scores ?? {}).map(([name, score]) => row(`${title} ${name}`, score));
  return layoutTable('Final evaluation', {
    columns: [
      { header: 'Of', numeric: false },
      { header: 'right', numeric: true },
      { header: 'share', numeric: true },
    ],
    groups: [
      [row('choice', final.choice), ...(final.generation === undefined ? [] : [row('exact match', final.generation)])],
      group('kind', final.choiceByKind),
      group('slice', final.choiceBySlice),
    ].filter((rows) => rows.length > 0),
  });
}

function stateText({ state, step, steps, why }) {
  if (state === 'done') return `Done, ${steps} steps.`;
  const at = steps > 0 ? `step ${step} of ${steps}` : `step ${step}`;
  return `Not finished (${state}): ${at}. ${why}`;
}

const optionRows = (options) =>
  options.map(({ path, value, own }) =>
    h(
      'tr',
      { class: own ? 'own' : null },
      h('th', { scope: 'row' }, h('code', {}, path)),
      h('td', {}, value),
      h('td', {}, own ? 'given' : 'default'),
    ),
  );

/** The view. */
export async function runPage({ experiment, query, again }) {
  const id = query.get('run');
  if (!id)
    return {
      element: h(
        'div',
        {},
        h('h2', {}, 'Run'),
        h('p', {}, 'Choose one in ', h('a', { href: `#runs?${new URLSearchParams({ experiment })}` }, 'Runs'), '.'),
      ),
    };
  const run = await ask('run', { experiment, run: id });
  const { series } = run;
  const made = run.charts.map((chart) => ({ chart, drawn: lineChart({ ...chart, lines: linesOfRun(chart, series) }) }));
  const link = (view, params, text) =>
    h('a', { class: 'button', href: `#${view}?${new URLSearchParams({ experiment, ...params })}` }, text);
  const state = h('p', { class: 'lead' }, stateText(run));
  const command = h('p', {});
  ask('plan', { experiment }).then(
    (plan) => plan === null || command.replaceChildren('With its experiment: ', h('code', {}, plan.command)),
    () => undefined,
  );
  const element = h(
    'div',
    {},
    h('h2', {}, run.words),
    state,
    run.damaged === 0
      ? null
      : h(
          'p',
          { class: 'fault' },
          `${run.damaged} lines of its journal are no records: figures and tables leave this run out.`,
        ),
    h(
      'p',
      {},
      run.hasPredictions ? link('answers', { run: id }, 'Its answers') : null,
      ' ',
      run.setting === null ? null : link('compare', { settings: run.setting }, 'Its setting'),
    ),
    section(
      'Over steps',
      legend([
        { label: 'encoder (or the only line)', colour: 0, dash: 0 },
        { label: 'backbone', colour: 1, dash: 1 },
      ]),
      h('div', { class: 'charts' }, ...made.map(({ drawn }) => drawn.element)),
    ),
    run.final === null ? null : section('Final evaluation', scoresTable(run.final)),
    section(
      'Again',
      command,
      run.manifest === null
        ? h('p', { class: 'quiet' }, 'This run cannot be said as a manifest of its own here.')
        : [
            h(
              'p',
              {},
              'Alone: save this as a file and ',
              h('code', {}, 'equipoise run'),
              ' it. ',
              copyButton(run.manifest, 'Copy as manifest'),
            ),
            h('pre', { tabindex: 0, 'aria-label': 'manifest of this run' }, run.manifest),
          ],
    ),
    run.notices.length === 0
      ? null
      : section('Notices', h('ul', { class: 'plain' }, ...run.notices.map((text) => h('li', {}, text)))),
    section('Made with', pairList([['Run', run.id], ...run.facts])),
    section(
      'Options',
      h(
        'details',
        {},
        h('summary', {}, `All ${run.options.length}, ${run.options.filter(({ own }) => own).length} of them given`),
        h(
          'div',
          { class: 'wide', tabindex: 0, role: 'region', 'aria-label': 'Options' },
          h('table', {}, h('tbody', {}, ...optionRows(run.options))),
        ),
      ),
    ),
    section(
      'Files',
      pairList(run.files.map(({ name, bytes }) => [name, sizeText(bytes)])),
      run.log === ''
        ? null
        : h(
            'details',
            {},
            h('summary', {}, 'The end of log.txt'),
            h('pre', { tabindex: 0, 'aria-label': 'log' }, run.log),
          ),
      h('details', {}, h('summary', {}, 'run.json'), h('pre', { tabindex: 0, 'aria-label': 'run.json' }, run.runJson)),
    ),
  );
  const onEvent = ({ changed, points }) => {
    const own = changed.find((each) => each.id === id);
    if (own !== undefined && own.state !== run.state) return again();
    if (own !== undefined) state.textContent = stateText({ ...run, ...own });
    const fresh = points[id];
    if (fresh === undefined) return;
    joinPoints(series, fresh.points, fresh.restarted);
    for (const { chart, drawn } of made) drawn.update(linesOfRun(chart, series));
  };
  return { element, onEvent };
}
