/** Runs: one row a setting, with the seeds folded into it. */
import { ask, inside } from './data.mjs';
import { counted, h, plainList, section } from './dom.mjs';
import { sortedTable } from './sorting.mjs';

const mostCompared = 8;

/** Whether a run has ended, so that the numbers of its setting are others. */
const hasEnded = (changed) => changed.some(({ state }) => state !== 'running');

/** Seeds of a setting, each a link to its run; unfinished ones are called so. */
function seedLinks(experiment, runs) {
  return h(
    'span',
    { class: 'seeds' },
    ...runs.map(({ id, seed, state, counts, text, step, steps }) =>
      h(
        'a',
        {
          href: `#run?${new URLSearchParams({ experiment, run: id })}`,
          title: `run ${id}, seed ${seed}, ${state}${counts || state !== 'done' ? '' : ', does not count'}`,
          class: counts ? null : 'open',
        },
        counts ? text : state === 'done' ? 'not counted' : `${state} ${step}/${steps || '?'}`,
      ),
    ),
  );
}

/** The best of a task and pair of rates is bold, as in the tables. */
const marked = (text, best) => (best ? h('strong', {}, text) : text);

function unfinishedText({ runs, n }) {
  const open = runs.filter(({ state }) => state !== 'done').length;
  return open === 0 ? String(n) : `${n} (+${open} unfinished)`;
}

/** The boxes to tick for a comparison; none in a file, which holds the comparisons that were prepared, and no others. */
const tickColumn = (chosen, onChoose) =>
  inside !== null
    ? []
    : [
        {
          name: 'compare',
          title: 'Compare',
          cell: ({ key, method, setting, panel }) =>
            h('input', {
              type: 'checkbox',
              'aria-label': `compare ${panel}, ${setting}, ${method}`,
              checked: chosen.has(key),
              onchange: (event) => onChoose(key, event.target),
            }),
        },
      ];

function columnsOfRuns(experiment, view, kappa, kappaCell, chosen, onChoose) {
  const text = (name, title, value) => ({ name, title, value, cell: value });
  const panels = new Set(view.settings.map(({ panel }) => panel)).size > 1;
  const number = (name, title, value, cell) => ({ name, title, numeric: true, value, cell });
  return [
    ...tickColumn(chosen, onChoose),
    ...(panels ? [text('panel', 'Task', ({ panel }) => panel)] : []),
    text('setting', 'Learning rates', ({ setting }) => setting),
    text('method', 'Method', ({ method }) => method),
    number('n', 'n', ({ n }) => n, unfinishedText),
    number(
      'accuracy',
      'Choice accuracy [95 %]',
      ({ mean }) => mean,
      ({ choice, choiceBest }) => marked(choice, choiceBest),
    ),
    number(
      'kappa',
      'Mean log κ [95 %]',
      ({ key }) => kappa.get(key)?.value ?? null,
      ({ key }) => kappaCell(key),
    ),
    number(
      'lowest',
      'Lowest',
      ({ lowest }) => lowest,
      ({ lowest, measure }) => (lowest === null ? '' : `${lowest.toFixed(3)}${measure}`),
    ),
    number(
      'highest',
      'Highest',
      ({ highest }) => highest,
      ({ highest, measure }) => (highest === null ? '' : `${highest.toFixed(3)}${measure}`),
    ),
    number(
      'exact',
      'Exact match [95 %]',
      ({ exact }) => exact,
      ({ generation, generationBest }) => marked(generation, generationBest),
    ),
    number(
      'loss',
      'Final loss [95 %]',
      ({ loss }) => loss,
      ({ lossText }) => lossText,
    ),
    { name: 'seeds', title: 'Each seed', cell: ({ runs }) => seedLinks(experiment, runs) },
  ];
}

function whereForm(view, where, go) {
  if (inside !== null) return null;
  const field = h('input', {
    id: 'where',
    type: 'text',
    value: where,
    spellcheck: 'false',
    autocomplete: 'off',
    maxlength: 500,
    placeholder: "scheduler = 'commit-clr' and accuracy > 0.6",
    'aria-describedby': 'where-help',
  });
  return h(
    'form',
    {
      class: 'where',
      onsubmit: (event) => {
        event.preventDefault();
        go({ where: field.value.trim() });
      },
    },
    h('label', { for: 'where' }, 'Where'),
    field,
    h('button', { type: 'submit' }, 'Show'),
    h(
      'details',
      { id: 'where-help' },
      h('summary', {}, 'A condition of SQL over the rows'),
      h(
        'p',
        {},
        'For example ',
        h('code', {}, "method like 'commit%' and n >= 3"),
        ' or ',
        h('code', {}, 'learningRate_backbone > learningRate_encoder'),
        '. Columns: ',
        view.columns.join(', '),
        '.',
      ),
    ),
  );
}

/** The settings that are ticked, and the link that compares them. */
function comparison(experiment, chosen, note) {
  const link = h('a', { class: 'button' });
  const tell = () => {
    link.href = `#compare?${new URLSearchParams({ experiment, settings: [...chosen].join(',') })}`;
    link.textContent =
      chosen.size < 2 ? 'Tick two settings or more to compare them' : `Compare ${chosen.size} settings`;
  };
  const onChoose = (key, field) => {
    if (!field.checked) chosen.delete(key);
    else if (chosen.size < mostCompared) chosen.add(key);
    else field.checked = false;
    note('settings', [...chosen].join());
    tell();
  };
  tell();
  return { link, onChoose };
}

const notesOf = (ignored, notices) =>
  ignored.length + notices.length === 0
    ? []
    : [
        section(
          'To know',
          plainList([...notices, ...ignored.map(({ id, reason }) => `${id} does not count: ${reason}`)]),
        ),
      ];

/** The view. */
export async function runsPage({ experiment, query, go, note, again }) {
  const where = query.get('where') ?? '';
  const view = await ask('runs', { experiment, where });
  const chosen = new Set((query.get('settings') ?? '').split(',').filter(Boolean));
  const { link, onChoose } = comparison(experiment, chosen, note);
  const box = h('div', {});
  const notes = h('div', {}, ...notesOf(view.ignored, []));
  const order = query.get('sort') ?? '';
  const kappa = new Map();
  const kappaCells = new Map();
  const kappaCell = (key) => {
    const cell = h('span', {}, kappa.get(key)?.text ?? '');
    kappaCells.set(key, cell);
    return cell;
  };
  const draw = () =>
    box.replaceChildren(
      sortedTable({
        name: 'Settings of the experiment',
        rows: view.settings,
        columns: columnsOfRuns(experiment, view, kappa, kappaCell, chosen, onChoose),
        order,
        onOrder: (sort) => go({ sort }),
      }),
    );
  draw();
  const counting = new Set(
    view.settings.flatMap(({ runs }) => runs.filter(({ counts }) => counts).map(({ id }) => id)),
  );
  // Whole journals take longer to read: their column comes when they are read, and what they say of runs.
  ask('kappa', { experiment }).then(
    ({ kappa: known, ignored, notices }) => {
      if (ignored.some(({ id }) => counting.has(id))) return again();
      for (const row of known) kappa.set(row.key, row);
      // Thousands of rows are not made anew for one column, unless they are sorted by it.
      if (/^-?kappa$/.test(order)) draw();
      else for (const [key, cell] of kappaCells) cell.textContent = kappa.get(key)?.text ?? '';
      notes.replaceChildren(...notesOf(view.ignored, notices));
    },
    (error) => notes.append(h('p', { class: 'quiet' }, `log κ: ${error.message}`)),
  );
  const amount = `${counted(view.settings.length, 'setting')}${view.settings.length === view.total ? '' : ` of ${view.total}`}`;
  const element = h(
    'div',
    {},
    h('h2', {}, `Runs of ${experiment}`),
    h(
      'p',
      { class: 'lead' },
      `${amount}, seeds folded in: mean with 95 % t interval, as in equipoise tables; bold: the best of its task and rates, †: not significantly worse. Nothing is averaged over different settings.`,
    ),
    whereForm(view, where, go),
    view.fault === null ? null : h('p', { class: 'fault', role: 'alert' }, `The condition was not used: ${view.fault}`),
    inside === null ? h('p', {}, link) : null,
    box,
    notes,
  );
  return { element, onEvent: ({ changed }) => changed.length > 0 && again(hasEnded(changed) ? 500 : 5000) };
}
