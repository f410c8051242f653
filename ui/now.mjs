/** Now: how far everything is, and the runs that run. */
import { lineChart, linesOfRun, moduleLegend } from './chart.mjs';
import { ask, inside } from './data.mjs';
import { counted, h, section, timeText, wideBox } from './dom.mjs';

const states = ['done', 'running', 'partial', 'failed'];
/** Milliseconds after which the time that an experiment has left is asked for again. */
const renewMs = 20_000;

const linkTo = (view, params, ...children) => h('a', { href: `#${view}?${new URLSearchParams(params)}` }, ...children);

const chip = (text, kind) => h('span', { class: `chip ${kind}` }, text);

function allExperiments(list) {
  const own = list.filter((each) => each.own);
  const kept = list.filter((each) => !each.own);
  const row = ({ key, name, counts }) =>
    h(
      'tr',
      {},
      h('th', { scope: 'row' }, linkTo('now', { experiment: key }, name)),
      ...states.map((state) => h('td', { class: 'n' }, String(counts[state]))),
    );
  return section(
    'All experiments',
    own.length === 0
      ? h(
          'p',
          {},
          'There are no results of your own yet. Begin with ',
          h('code', {}, 'equipoise run experiments/quickstart.json'),
          '.',
        )
      : wideBox(
          'Your experiments',
          h(
            'table',
            {},
            h(
              'thead',
              {},
              h(
                'tr',
                {},
                h('th', { scope: 'col' }, 'Yours'),
                ...states.map((state) => h('th', { scope: 'col', class: 'n' }, state)),
              ),
            ),
            h('tbody', {}, ...own.map(row)),
          ),
        ),
    kept.length === 0
      ? null
      : h(
          'p',
          {},
          'Committed with the program: ',
          ...kept.flatMap(({ key, name }, i) => [i === 0 ? '' : ', ', linkTo('runs', { experiment: key }, name)]),
          '.',
        ),
  );
}

/** How much is done, with what the manifest adds once it is found. */
function progressOf({ counts }, plan) {
  const begun = states.reduce((sum, state) => sum + counts[state], 0);
  const parts = [...states.map((state) => [state, counts[state]]), ['unbegun', plan?.unbegun ?? 0]].filter(
    ([, n]) => n > 0,
  );
  const left = plan?.secondsLeft ?? null;
  return [
    h(
      'div',
      { class: 'bar', role: 'img', 'aria-label': parts.map(([state, n]) => `${n} ${state}`).join(', ') },
      ...parts.map(([state, n]) => {
        const part = h('span', { class: state });
        part.style.flexGrow = String(n);
        return part;
      }),
    ),
    h(
      'p',
      {},
      ...parts.flatMap(([state, n]) => [chip(`${n} ${state}`, state), ' ']),
      plan === null ? `${counted(begun, 'run')} here` : `of ${counted(begun + plan.unbegun, 'run')} of the manifest`,
      left === null ? null : `; about ${timeText(left)} left`,
      '.',
    ),
    plan === null ? null : h('p', { class: 'quiet' }, plan.what),
  ];
}

function runningRun(experiment, run, charts) {
  const series = run.series;
  const made = charts.map((chart) => ({ chart, drawn: lineChart({ ...chart, lines: linesOfRun(chart, series) }) }));
  const step = h('span', { class: 'step' });
  const bar = h('progress', { max: Math.max(1, run.steps), 'aria-label': `steps of ${run.words}` });
  const tell = (at, left) => {
    bar.value = at;
    step.textContent = `step ${at} of ${run.steps}${left === null ? '' : `, about ${timeText(left)} left`}`;
  };
  tell(run.step, run.secondsLeft);
  const eachStep = run.secondsLeft === null ? null : run.secondsLeft / (run.steps - run.step);
  const element = h(
    'article',
    { class: 'running-run' },
    h('h3', {}, linkTo('run', { experiment, run: run.id }, run.words)),
    h('p', {}, bar, ' ', step),
    h('div', { class: 'charts' }, ...made.map(({ drawn }) => drawn.element)),
  );
  const add = (points, restarted) => {
    joinPoints(series, points, restarted);
    for (const { chart, drawn } of made) drawn.update(linesOfRun(chart, series));
    const last = Math.max(...Object.values(points).map(({ steps }) => steps.at(-1) ?? 0), 0);
    if (last > 0) tell(last, eachStep === null || last >= run.steps ? null : eachStep * (run.steps - last));
  };
  return { element, add };
}

/** Adds points to series, those alone that come later than what is there. */
export function joinPoints(series, points, restarted) {
  if (restarted) for (const name of Object.keys(series)) delete series[name];
  for (const [name, { steps, values }] of Object.entries(points)) {
    const known = (series[name] ??= { steps: [], values: [] });
    const last = known.steps.at(-1) ?? -1;
    const from = steps.findIndex((step) => step > last);
    if (from < 0) continue;
    known.steps.push(...steps.slice(from));
    known.values.push(...values.slice(from));
  }
}

function stoppedList(experiment, stopped) {
  if (stopped.length === 0) return null;
  return section(
    'Stopped',
    h(
      'ul',
      { class: 'plain' },
      ...stopped.map(({ id, state, why, words }) =>
        h(
          'li',
          {},
          chip(state, state),
          ' ',
          linkTo('run', { experiment, run: id }, words),
          h('span', { class: 'quiet' }, ` ${why}`),
        ),
      ),
    ),
    h('p', { class: 'quiet' }, 'The same equipoise run command goes on with them.'),
  );
}

/** The view. `onEvent` draws what is new; it asks for all again when a run begins or ends. */
export async function nowPage({ experiment, again }) {
  const list = await ask('experiments');
  if (experiment === null) return { element: h('div', {}, allExperiments(list)) };
  const now = await ask('now', { experiment });
  const runs = new Map(now.running.map((run) => [run.id, runningRun(experiment, run, now.charts)]));
  const progress = h('div', {}, ...progressOf(now, null));
  let toldAt = 0;
  const tellPlan = () => {
    toldAt = performance.now();
    ask('plan', { experiment }).then(
      (plan) => progress.replaceChildren(...progressOf(now, plan).filter((part) => part !== null)),
      () => undefined,
    );
  };
  tellPlan();
  const element = h(
    'div',
    {},
    section(experiment, progress),
    section(
      'Running',
      now.running.length === 0
        ? h('p', { class: 'quiet' }, 'Nothing runs now.')
        : [
            moduleLegend(),
            ...[...runs.values()].map((run) => run.element),
            now.undrawn.length === 0
              ? null
              : h('p', { class: 'quiet' }, `${counted(now.undrawn.length, 'more run')} not drawn here: see Runs.`),
          ],
    ),
    stoppedList(experiment, now.stopped),
    now.notices.length === 0
      ? null
      : section(
          'Last notices',
          h(
            'ul',
            { class: 'plain' },
            ...now.notices.map(({ id, text }) =>
              h('li', {}, linkTo('run', { experiment, run: id }, id.slice(0, 6)), ` ${text}`),
            ),
          ),
        ),
    inside === null ? allExperiments(list) : null,
  );
  const known = new Set([...runs.keys(), ...now.undrawn]);
  const onEvent = ({ changed, points }) => {
    if (changed.some(({ id, state }) => (state === 'running') !== known.has(id))) return again();
    if (performance.now() - toldAt > renewMs) tellPlan();
    for (const [id, { points: fresh, restarted }] of Object.entries(points)) runs.get(id)?.add(fresh, restarted);
  };
  return { element, onEvent };
}
