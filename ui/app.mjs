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

const main = document.getElementById('main');
const choice = document.getElementById('experiment');
const live = document.getElementById('live');

let shown = null;
let stop = () => undefined;
let followed = '';
let visit = 0;
let waiting = 0;

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
    (event) => (event === null ? render() : shown?.onEvent?.(event)),
    (state) => {
      live.textContent = state;
      live.className = state === 'live' ? 'is-live' : '';
    },
  );
}

/** Draws again, at once or in a while; what is typed meanwhile is not taken away. */
function again(wait = 0) {
  clearTimeout(waiting);
  waiting = setTimeout(() => {
    if (main.contains(document.activeElement) && /^(INPUT|SELECT)$/.test(document.activeElement.tagName)) again(2000);
    else render();
  }, wait);
}

async function render() {
  const mine = ++visit;
  const { view, query } = addressed();
  const [name, title, page] = view;
  const experiment = query.get('experiment') ?? (choice.value || null);
  choice.value = experiment ?? '';
  document.title = `${title}${experiment === null ? '' : ` · ${experiment}`} · Equipoise`;
  tellViews(view, experiment, query);
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
  main.replaceChildren(made.element);
  if (same) window.scrollTo(0, kept);
}

choice.addEventListener('change', () => {
  location.hash = `#${addressed().view[0] === 'run' ? 'runs' : addressed().view[0]}?${new URLSearchParams({ experiment: choice.value })}`;
});
document.addEventListener('keydown', (event) => shown?.onKey?.(event));
window.addEventListener('hashchange', () => {
  if (location.hash === '#main') return main.focus();
  return render();
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
