/** Answers: questions with their pictures and sounds, and what the run said. */
import { cards } from './cards.mjs';
import { ask, inside } from './data.mjs';
import { counted, h, plainList, plainTable, section } from './dom.mjs';

const shows = {
  wrong: ({ right }) => !right,
  disagree: ({ right, other, said }) => other !== null && (other.right !== right || other.said !== said),
  all: () => true,
};

function chosenQuestions(view, { show, kind, text }) {
  const words = text.toLowerCase();
  const found = view.questions.filter(
    (question) =>
      shows[show](question) &&
      (kind === '' || question.kind === kind) &&
      (words === '' ||
        [question.id, question.prompt, question.answer, question.said, question.slice].some((each) =>
          (each ?? '').toLowerCase().includes(words),
        )),
  );
  return found.sort((a, b) => (b.confidence ?? 0) - (a.confidence ?? 0));
}

function selectOf(label, value, options, onChange) {
  const field = h(
    'select',
    { onchange: (event) => onChange(event.target.value) },
    ...options.map(([key, text]) => h('option', { value: key, selected: key === value }, text)),
  );
  return h('label', {}, `${label} `, field);
}

/** Right and wrong by kind, each a filter, and what was taken for what. */
function countTables({ kinds, confused }, kind, go) {
  const filter = (name) =>
    h(
      'button',
      {
        type: 'button',
        class: 'plain',
        'aria-pressed': String(name === kind),
        onclick: () => go({ kind: name === kind ? '' : name }),
      },
      name,
    );
  const share = ({ right, total }) => [`${right} of ${total}`, (right / total).toFixed(3)];
  return h(
    'div',
    { class: 'beside' },
    plainTable(
      'By kind',
      ['Kind', '#right', '#share'],
      kinds.map((row) => [filter(row.kind), ...share(row)]),
    ),
    plainTable(
      'Most often confused',
      ['Kind', 'Right', 'Said', '#times'],
      confused.map(({ kind: of, answer, said, times }) => [of, answer, said, String(times)]),
    ),
  );
}

/** j and k go from card to card, / to the search. */
function keysOf(search, list) {
  return (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (/^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName)) return;
    if (event.key === '/') {
      event.preventDefault();
      search.focus();
    }
    if (event.key !== 'j' && event.key !== 'k') return;
    const all = [...list().querySelectorAll('.card')];
    const at = all.indexOf(document.activeElement?.closest('.card'));
    const to = all[event.key === 'j' ? at + 1 : Math.max(0, at - 1)];
    to?.focus();
    to?.scrollIntoView({ block: 'nearest' });
  };
}

/** Where there is nothing to show: why, and the runs that have answers. */
function withoutAnswers(experiment, { runs, missing }) {
  const links = runs.map(({ id, words }) =>
    h('a', { href: `#answers?${new URLSearchParams({ experiment, run: id })}` }, words),
  );
  return h(
    'div',
    {},
    h('h2', {}, `Answers of ${experiment}`),
    h('p', {}, missing ?? 'This run answered nothing.'),
    plainList(links),
  );
}

/** Which run, beside which other, and which of its answers. */
function controlsOf(view, show, search, go) {
  const named = view.runs.map(({ id, words, task }) => ({ id, words, task }));
  const task = named.find(({ id }) => id === view.run)?.task;
  const others = named.filter((run) => run.task === task && run.id !== view.run);
  const pairs = (runs) => runs.map(({ id, words }) => [id, words]);
  const kinds = [
    ['wrong', 'wrong answers'],
    ['disagree', 'where the two differ'],
    ['all', 'all answers'],
  ];
  return h(
    'div',
    { class: 'controls' },
    selectOf('Run', view.run, pairs(named), (run) => go({ run, other: '', kind: '' })),
    // A file holds no pairs of runs.
    inside !== null
      ? null
      : selectOf('beside', view.other ?? '', [['', 'no other'], ...pairs(others)], (other) =>
          go({ run: view.run, other, show: '' }),
        ),
    selectOf(
      'Show',
      show,
      kinds.filter(([key]) => key !== 'disagree' || view.other !== null),
      (value) => go({ show: value }),
    ),
    h('label', { for: 'search' }, 'Search '),
    search,
  );
}

/** How two runs differ on the same questions, in a sentence. */
function disagreementText({ disagreement }) {
  if (disagreement === null || disagreement === undefined) return null;
  const { questions, first, second, p } = disagreement;
  const probability = p.startsWith('<') ? p : `= ${p}`;
  return h(
    'p',
    {},
    `Of ${questions} questions the first alone is right on ${first}, the other alone on ${second}: McNemar’s exact p ${probability}. One pair of runs says nothing of their settings: see Compare.`,
  );
}

/** The view. */
export async function answersPage({ experiment, query, go, note }) {
  const view = await ask('answers', { experiment, run: query.get('run'), other: query.get('other') });
  if (view.run === null || view.questions.length === 0) return { element: withoutAnswers(experiment, view) };
  const asked = query.get('show') ?? '';
  const show = Object.hasOwn(shows, asked) ? asked : view.other === null ? 'wrong' : 'disagree';
  const kind = query.get('kind') ?? '';
  const search = h('input', {
    type: 'search',
    id: 'search',
    placeholder: 'press / to search',
    value: query.get('text') ?? '',
  });
  const box = h('div', {});
  const told = h('p', { class: 'lead', role: 'status' });
  let list = null;
  const draw = () => {
    const found = chosenQuestions(view, { show, kind, text: search.value });
    told.textContent = `${counted(found.length, 'question')} of ${view.questions.length}, most confident first. j and k go from one to the next.`;
    list = cards(experiment, view.run, found);
    box.replaceChildren(list);
  };
  search.addEventListener('input', () => {
    note('text', search.value);
    draw();
  });
  draw();
  const element = h(
    'div',
    {},
    h('h2', {}, `Answers of ${experiment}`),
    controlsOf(view, show, search, go),
    view.missing === null ? null : h('p', { class: 'fault' }, view.missing),
    disagreementText(view),
    countTables(view, kind, go),
    told,
    box,
    view.sources.length === 0
      ? null
      : section(
          'Where the data is from',
          plainList(view.sources.map(({ source, licence }) => `${source}: ${licence}`)),
        ),
  );
  return { element, onKey: keysOf(search, () => list) };
}
