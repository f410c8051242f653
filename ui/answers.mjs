/** Answers: questions with their pictures and sounds, and what the run said. */
import { ask, fileAt } from './data.mjs';
import { counted, h, section, wideBox } from './dom.mjs';

/** Cards that are made at once. */
const cardsAtOnce = 24;

const percent = (share) => `${Math.round(100 * share)} %`;

/** The choices with their likelihoods as bars: what is right, and what was said. */
function choiceBars({ choices, answer, said, other }) {
  return h(
    'ol',
    { class: 'choices' },
    ...choices.map(({ text, share }, i) => {
      const fill = h('span', { class: 'fill' });
      fill.style.inlineSize = `${(100 * share).toFixed(1)}%`;
      const marks = [
        text === answer ? 'right' : null,
        text === said ? 'said' : null,
        other !== null && text === other.said ? 'said by the other' : null,
      ].filter(Boolean);
      return h(
        'li',
        { class: text === answer ? 'right' : text === said ? 'wrong' : null },
        h('span', { class: 'track' }, fill),
        h('span', { class: 'text' }, text, marks.length === 0 ? null : h('small', {}, ` ${marks.join(', ')}`)),
        h(
          'span',
          { class: 'n' },
          percent(share),
          other === null ? null : h('small', {}, ` / ${percent(other.choices[i].share)}`),
        ),
      );
    }),
  );
}

function mediaOf(experiment, run, { id, media, prompt }) {
  if (media === null) return null;
  const address = fileAt('media', { experiment, run, item: id });
  if (address === null) return h('p', { class: 'quiet' }, 'Its picture or sound is not in this file.');
  if (media === 'image')
    return h('img', { src: address, alt: `picture of question ${id}`, loading: 'lazy', width: 160, height: 160 });
  return h('audio', {
    src: address,
    controls: true,
    preload: 'none',
    'aria-label': `sound of question ${id}: ${prompt ?? ''}`,
  });
}

function card(experiment, run, question) {
  const { id, kind, slice, prompt, answer, said, generated, right, other, references, origins, choices } = question;
  return h(
    'article',
    { class: `card ${right ? 'is-right' : 'is-wrong'}`, tabindex: 0, 'aria-label': `question ${id}` },
    mediaOf(experiment, run, question),
    h('p', { class: 'prompt' }, prompt ?? 'The question is not on this machine.'),
    choices.length > 0 ? choiceBars(question) : h('p', {}, 'Said ', h('strong', {}, said ?? 'nothing'), '.'),
    h(
      'p',
      { class: 'verdict' },
      right ? 'Right: ' : 'Wrong: ',
      h('strong', {}, answer),
      right ? null : [' is right, it said ', h('strong', {}, said ?? 'nothing')],
      other === null ? null : `; the other said ${other.said ?? 'nothing'} (${other.right ? 'right' : 'wrong'})`,
      generated === null || choices.length === 0 ? null : `; generated: ${generated}`,
      '.',
    ),
    references.length === 0 ? null : h('p', { class: 'quiet' }, `References: ${references.join('; ')}`),
    h(
      'p',
      { class: 'quiet' },
      `${kind} · ${slice} · ${id}`,
      ...origins.map(({ source, file, licence }) => [h('br', {}), `${source}, ${file} (${licence})`]),
    ),
  );
}

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

function cards(experiment, run, questions) {
  const grid = h('div', { class: 'grid' });
  const more = h('button', { type: 'button', class: 'more' });
  let made = 0;
  const grow = () => {
    grid.append(...questions.slice(made, made + cardsAtOnce).map((question) => card(experiment, run, question)));
    made = Math.min(questions.length, made + cardsAtOnce);
    more.textContent = `Show more: ${made} of ${questions.length} shown`;
    more.hidden = made >= questions.length;
  };
  more.addEventListener('click', grow);
  grow();
  return { element: h('div', {}, grid, more), grid, grow: () => !more.hidden && grow() };
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
      selectOf(
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
