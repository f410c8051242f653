/** The page: which view is shown, by its address, and what is new. */
import { answersPage } from './answers.mjs';
import { comparePage } from './compare.mjs';
import { ask, follow } from './data.mjs';
import { h } from './dom.mjs';
import { nowPage } from './now.mjs';
import { runPage } from './run.mjs';
import { runsPage } from './runs.mjs';
import { claimsPage, figuresPage } from './statements.mjs';

/** Views in their order, each with its page. */
const views = [
  ['now', 'Now', nowPage],
  ['runs', 'Runs', runsPage],
  ['compare', 'Compare', comparePage],
  ['answers', 'Answers', answersPage],
  ['run', 'Run', runPage],
  ['claims', 'Claims', claimsPage],
  ['figures', 'Figures', figuresPage],
];

/** Views whose curves grow record by record. */
const liveViews = ['now', 'run'];

const main = document.getElementById('main');
const choice = document.getElementById('experiment');
const live = document.getElementById('live');

let shown = null;
let stop = () => undefined;
let followed = '';
let visit = 0;
let waiting = 0;
/** when the view is drawn again; null: not at all */
let due = null;

/** The view and its values, as the address says them: `#runs?experiment=quickstart&sort=-accuracy`. */
function addressed() {
  const [name, rest = ''] = location.hash.slice(1).split('?');
  const view = views.find(([key]) => key === name) ?? views[0];
  return { view, query: new URLSearchParams(rest) };
}

/** The address with other values; an empty one is left out. */
function addressWith(name, query, values) {
  const params = new URLSearchParams(query);
  for (const [key, value] of Object.entries(values)) {
    if (value === '') params.delete(key);
    else params.set(key, value);
  }
  return `#${name}${params.size === 0 ? '' : `?${params}`}`;
}

function tellViews([current], experiment, query) {
  const run = query.get('run');
  document.getElementById('views').replaceChildren(
    ...views.map(([name, title]) => {
      const params = new URLSearchParams(experiment === null ? {} : { experiment });
      if (run !== null && (name === 'run' || name === 'answers')) params.set('run', run);
      return h('a', { href: `#${name}?${params}`, 'aria-current': name === current ? 'page' : null }, title);
    }),
  );
}

/** Runs of `smoke` and other profiles are no full runs: every view says so. */
function tellProfile(experiment) {
  const mark = document.getElementById('profile');
  const tell = (profile) => {
    mark.hidden = profile === null;
    mark.textContent =
      profile === 'smoke' ? 'smoke profile: its numbers mean nothing' : `profile ${profile}, not the full runs`;
  };
  tell(/-smoke$/.test(experiment ?? '') ? 'smoke' : null);
  if (experiment === null) return;
  ask('plan', { experiment }).then(
    (plan) => plan !== null && experiment === followed.split(' ')[0] && tell(plan.profile),
    () => undefined,
  );
}

function listen(experiment, run) {
  const key = `${experiment} ${run}`;
  if (key === followed) return;
  stop();
  followed = key;
  live.textContent = '';
  tellProfile(experiment);
  if (experiment === null) return;
  stop = follow(
    { experiment, run },
    {
      onNews: (event) => shown?.onEvent?.(event),
      // What happened before the connection was there nobody told: curves that grow are asked for once more.
      onOpen: () => liveViews.includes(addressed().view[0]) && again(),
      // What does not change by itself stays as it is, with what is typed and where one stands.
      onReturn: () => (shown?.onEvent !== undefined ? again() : undefined),
    },
    (state) => {
      live.textContent = state;
      live.className = state === 'live' ? 'is-live' : '';
    },
  );
}

/**
 * Draws again in so many milliseconds, or earlier where that was asked for before; what is typed meanwhile is not taken
 * away.
 */
function again(wait = 0) {
  const at = performance.now() + wait;
  if (due !== null && due <= at) return;
  clearTimeout(waiting);
  due = at;
  waiting = setTimeout(() => {
    due = null;
    if (main.querySelector('input:not([type=checkbox]):focus, select:focus') !== null) again(2000);
    else render();
  }, wait);
}

/** What tells an element from others after a view was drawn anew: its words and where it leads, and which of those it is. */
const signOf = (element) =>
  [element.tagName, element.id, element.getAttribute('href'), element.getAttribute('aria-label'), element.value]
    .map((part) => part ?? '')
    .concat(element.children.length === 0 ? element.textContent : '')
    .join('\n');

/** Changes what is shown; the focus stays where it was, as far as that is there again. False: it is not. */
function keepingFocus(change) {
  const { activeElement } = document;
  const alike = (sign) => [...document.querySelectorAll(activeElement.tagName)].filter((each) => signOf(each) === sign);
  const sign = signOf(activeElement);
  const nth = alike(sign).indexOf(activeElement);
  change();
  if (document.activeElement === activeElement) return true;
  alike(sign)[nth]?.focus({ preventScroll: true });
  return document.activeElement !== document.body;
}

async function render() {
  const mine = ++visit;
  clearTimeout(waiting);
  due = null;
  const { view, query } = addressed();
  const [name, title, page] = view;
  const experiment = query.get('experiment') ?? (choice.value || null);
  choice.value = experiment ?? '';
  document.title = `${title}${experiment === null ? '' : ` · ${experiment}`} · Equipoise`;
  keepingFocus(() => tellViews(view, experiment, query));
  listen(experiment, query.get('run'));
  const own = experiment === null ? {} : { experiment };
  const go = (values) => {
    location.hash = addressWith(name, query, { ...own, ...values });
  };
  // What is typed or ticked stands in the address, too, without a view being drawn again.
  const note = (key, value) => {
    if (value === '') query.delete(key);
    else query.set(key, value);
    if (mine === visit) history.replaceState(null, '', addressWith(name, query, own));
  };
  let made;
  try {
    if (experiment === null && name !== 'now') throw new Error('There are no results to show yet.');
    made = await page({ experiment, query, go, note, again });
  } catch (error) {
    made = { element: h('p', { class: 'fault', role: 'alert' }, error.message) };
  }
  if (mine !== visit) return;
  const kept = window.scrollY;
  const same = shown?.name === name && shown.experiment === experiment;
  shown = { ...made, name, experiment };
  const held = keepingFocus(() => main.replaceChildren(made.element));
  // Whoever followed a link of the old view goes on at the beginning of the new one.
  if (!held && !same) main.focus({ preventScroll: true });
  if (same) window.scrollTo(0, kept);
}

choice.addEventListener('change', () => {
  location.hash = `#${addressed().view[0] === 'run' ? 'runs' : addressed().view[0]}?${new URLSearchParams({ experiment: choice.value })}`;
});
document.addEventListener('keydown', (event) => shown?.onKey?.(event));
window.addEventListener('hashchange', render);
document.querySelector('.skip').addEventListener('click', (event) => {
  // The address keeps naming the view.
  event.preventDefault();
  main.focus();
});

const list = await ask('experiments').catch((error) => {
  main.replaceChildren(h('p', { class: 'fault', role: 'alert' }, error.message));
  return [];
});
const group = (label, places) =>
  places.length === 0
    ? []
    : [h('optgroup', { label }, ...places.map(({ key, name }) => h('option', { value: key }, name)))];
choice.replaceChildren(
  ...group(
    'Yours',
    list.filter(({ own }) => own),
  ),
  ...group(
    'Committed',
    list.filter(({ own }) => !own),
  ),
);
const busiest = list.find(({ counts }) => counts?.running > 0) ?? list[0];
choice.value = busiest?.key ?? '';
await render();
