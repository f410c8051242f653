/** Run: everything of one run. */
import { lineChart, linesOfRun, moduleLegend } from './chart.mjs';
import { ask } from './data.mjs';
import { foldedText, h, layoutTable, pairList, plainList, section, sizeText, wideBox } from './dom.mjs';
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

/** How the run is trained again: with its experiment, or alone. */
function againParts(experiment, { manifest }) {
  const command = h('p', {});
  ask('plan', { experiment }).then(
    (plan) => plan === null || command.replaceChildren('With its experiment: ', h('code', {}, plan.command)),
    () => undefined,
  );
  if (manifest === null)
    return [command, h('p', { class: 'quiet' }, 'This run cannot be said as a manifest of its own here.')];
  const save = ['Alone: save this as a file and ', h('code', {}, 'equipoise run'), ' it. '];
  return [
    command,
    h('p', {}, ...save, copyButton(manifest, 'Copy as manifest')),
    h('pre', { tabindex: 0, 'aria-label': 'manifest of this run' }, manifest),
  ];
}

/** What is known besides its curves. */
function factSections(experiment, run) {
  const given = run.options.filter(({ own }) => own).length;
  return [
    run.final === null ? null : section('Final evaluation', scoresTable(run.final)),
    section('Again', ...againParts(experiment, run)),
    run.notices.length === 0 ? null : section('Notices', plainList(run.notices)),
    section('Made with', pairList([['Run', run.id], ...run.facts])),
    section(
      'Options',
      h(
        'details',
        {},
        h('summary', {}, `All ${run.options.length}, ${given} of them given`),
        wideBox('Options', h('table', {}, h('tbody', {}, ...optionRows(run.options)))),
      ),
    ),
    section(
      'Files',
      pairList(run.files.map(({ name, bytes }) => [name, sizeText(bytes)])),
      run.log === '' ? null : foldedText('The end of log.txt', run.log),
      foldedText('run.json', run.runJson),
    ),
  ];
}

/** The view. */
export async function runPage({ experiment, query, again }) {
  const id = query.get('run');
  const link = (view, params, text) =>
    h('a', { class: 'button', href: `#${view}?${new URLSearchParams({ experiment, ...params })}` }, text);
  if (!id) return { element: h('div', {}, h('h2', {}, 'Run'), h('p', {}, 'Choose one: ', link('runs', {}, 'Runs'))) };
  const run = await ask('run', { experiment, run: id });
  const { series } = run;
  const made = run.charts.map((chart) => ({ chart, drawn: lineChart({ ...chart, lines: linesOfRun(chart, series) }) }));
  const state = h('p', { class: 'lead' }, stateText(run));
  const damage = `${run.damaged} lines of its journal are no records: figures and tables leave this run out.`;
  const element = h(
    'div',
    {},
    h('h2', {}, run.words),
    state,
    run.damaged === 0 ? null : h('p', { class: 'fault' }, damage),
    h(
      'p',
      {},
      run.hasPredictions ? [link('answers', { run: id }, 'Its answers'), ' '] : null,
      run.setting === null ? null : link('compare', { settings: run.setting }, 'Its setting'),
    ),
    section('Over steps', moduleLegend(), h('div', { class: 'charts' }, ...made.map(({ drawn }) => drawn.element))),
    ...factSections(experiment, run),
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
