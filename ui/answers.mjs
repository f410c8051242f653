/** Answers: questions with their pictures and sounds, and what the run said. */
import { cards } from './cards.mjs';
import { ask, inside } from './data.mjs';
import { counted, h, section, wideBox } from './dom.mjs';

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

function kindTable({ kinds, confused }, kind, go) {
  return h(
    'div',
    { class: 'beside' },
    wideBox(
      'By kind',
      h(
        'table',
        {},
        h(
          'thead',
          {},
          h(
            'tr',
            {},
            h('th', { scope: 'col' }, 'Kind'),
            h('th', { scope: 'col', class: 'n' }, 'right'),
            h('th', { scope: 'col', class: 'n' }, 'share'),
          ),
        ),
        h(
          'tbody',
          {},
          ...kinds.map((row) =>
            h(
              'tr',
              {},
              h(
                'th',
                { scope: 'row' },
                h(
                  'button',
                  {
                    type: 'button',
                    class: 'plain',
                    'aria-pressed': String(row.kind === kind),
                    onclick: () => go({ kind: row.kind === kind ? '' : row.kind }),
                  },
                  row.kind,
                ),
              ),
              h('td', { class: 'n' }, `${row.right} of ${row.total}`),
              h('td', { class: 'n' }, (row.right / row.total).toFixed(3)),
            ),
          ),
        ),
      ),
    ),
    wideBox(
      'Most often confused',
      h(
        'table',
        {},
        h(
          'thead',
          {},
          h(
            'tr',
            {},
            ...['Kind', 'Right', 'Said'].map((head) => h('th', { scope: 'col' }, head)),
            h('th', { scope: 'col', class: 'n' }, 'times'),
          ),
        ),
        h(
          'tbody',
          {},
          ...confused.map(({ kind: of, answer, said, times }) =>
            h(
              'tr',
              {},
              h('td', {}, of),
              h('td', {}, answer),
              h('td', {}, said),
              h('td', { class: 'n' }, String(times)),
            ),
          ),
        ),
      ),
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
    const all = [...list().grid.children];
    const at = all.indexOf(document.activeElement?.closest('.card'));
    if (event.key === 'j' && at === all.length - 1) list().grow();
    const to = event.key === 'j' ? at + 1 : Math.max(0, at - 1);
    list().grid.children[to]?.focus();
    list().grid.children[to]?.scrollIntoView({ block: 'nearest' });
  };
}

/** The view. */
export async function answersPage({ experiment, query, go }) {
  const view = await ask('answers', { experiment, run: query.get('run'), other: query.get('other') });
  const head = h('h2', {}, `Answers of ${experiment}`);
  if (view.run === null || view.questions.length === 0) {
    const links = view.runs.map(({ id, words }) =>
      h('li', {}, h('a', { href: `#answers?${new URLSearchParams({ experiment, run: id })}` }, words)),
    );
    return {
      element: h(
        'div',
        {},
        head,
        h('p', {}, view.missing ?? 'This run answered nothing.'),
        h('ul', { class: 'plain' }, ...links),
      ),
    };
  }
  const show = query.get('show') ?? (view.other === null ? 'wrong' : 'disagree');
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
    const found = chosenQuestions(view, {
      show: Object.hasOwn(shows, show) ? show : 'wrong',
      kind,
      text: search.value,
    });
    told.textContent = `${counted(found.length, 'question')} of ${view.questions.length}, most confident first. j and k go from one to the next.`;
    list = cards(experiment, view.run, found);
    box.replaceChildren(list.element);
  };
  search.addEventListener('input', draw);
  draw();
  const task = view.runs.find(({ id }) => id === view.run)?.task;
  const same = view.runs.filter((run) => run.task === task);
  const element = h(
    'div',
    {},
    head,
    h(
      'div',
      { class: 'controls' },
      selectOf(
        'Run',
        view.run,
        view.runs.map(({ id, words }) => [id, words]),
        (run) => go({ run, other: '', kind: '' }),
      ),
      // A file holds no pairs of runs.
      inside !== null
        ? null
        : selectOf(
            'beside',
            view.other ?? '',
            [['', 'no other'], ...same.filter(({ id }) => id !== view.run).map(({ id, words }) => [id, words])],
            (other) => go({ run: view.run, other, show: '' }),
          ),
      selectOf(
        'Show',
        show,
        [
          ['wrong', 'wrong answers'],
          ...(view.other === null ? [] : [['disagree', 'where the two differ']]),
          ['all', 'all answers'],
        ],
        (value) => go({ show: value }),
      ),
      h('label', { for: 'search' }, 'Search '),
      search,
    ),
    view.missing === null ? null : h('p', { class: 'fault' }, view.missing),
    view.disagreement === null || view.disagreement === undefined
      ? null
      : h(
          'p',
          {},
          `Of ${view.disagreement.questions} questions the first alone is right on ${view.disagreement.first}, the other alone on ${view.disagreement.second}: McNemar’s exact p ${view.disagreement.p.startsWith('<') ? '' : '= '}${view.disagreement.p}. One pair of runs says nothing of their settings: see Compare.`,
        ),
    kindTable(view, kind, go),
    told,
    box,
    view.sources.length === 0
      ? null
      : section(
          'Where the data is from',
          h(
            'ul',
            { class: 'plain' },
            ...view.sources.map(({ source, licence }) => h('li', {}, `${source}: ${licence}`)),
          ),
        ),
  );
  return { element, onKey: keysOf(search, () => list) };
}
