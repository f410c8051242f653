/** Claims and figures: what the analysis states. */
import { ask, fileAt, inside } from './data.mjs';
import { counted, h, layoutTable, plainList, section } from './dom.mjs';

const stated = ({ title, caption, layout }) =>
  section(title, layoutTable(title, layout), h('p', { class: 'quiet' }, caption));

/** The view of claims; what the committed runs say comes when they are read. */
export async function claimsPage({ experiment }) {
  const view = await ask('claims', { experiment });
  const beside = h(
    'div',
    {},
    view.own ? h('p', { class: 'quiet' }, 'Reading the committed runs, to set yours beside them.') : null,
  );
  if (view.own)
    ask('rerun', { experiment }).then(
      (rerun) =>
        beside.replaceChildren(
          ...(rerun === null
            ? []
            : [section('Committed against yours', h('p', {}, rerun.sum)), ...rerun.tables.map(stated)]),
        ),
      (error) => beside.replaceChildren(h('p', { class: 'fault' }, error.message)),
    );
  const element = h(
    'div',
    {},
    h('h2', {}, `Claims on ${experiment}`),
    h('p', { class: 'lead' }, view.count === '' ? 'There are no claims.' : `${view.count}.`),
    h('div', { class: 'statements' }, ...view.tables.map(stated)),
    view.reasons.length === 0
      ? null
      : section(
          'What checks found, and why the rest was not tested',
          h(
            'details',
            {},
            h('summary', {}, `${view.reasons.length} claims`),
            h('ul', { class: 'plain' }, ...view.reasons.map((text) => h('li', {}, text))),
          ),
        ),
    beside,
  );
  return { element };
}

function fileLinks(experiment, name, kinds) {
  if (inside !== null) return null;
  return h(
    'p',
    { class: 'files' },
    ...kinds.flatMap((kind) => [
      h('a', { href: fileAt('drawn', { experiment, name, kind }), download: `${name}.${kind}` }, kind),
      ' ',
    ]),
  );
}

function figureOf(experiment, runs, { name, title, caption }) {
  const file = fileAt('drawn', { experiment, name, kind: 'svg' });
  // Another address with more runs: a browser shows a picture that it has at once.
  const address = inside === null ? `${file}&runs=${runs}` : file;
  return h(
    'figure',
    { class: 'drawn' },
    h('h3', {}, title),
    address === null
      ? h('p', { class: 'quiet' }, 'Not in this file.')
      : h('img', { src: address, alt: `${title}. ${caption}`, loading: 'lazy' }),
    h('figcaption', {}, caption),
    fileLinks(experiment, name, ['svg', 'pdf', 'png', 'csv', 'vl.json']),
  );
}

/** One figure or table, with its files; null where the runs do not allow it. */
const shownFigure = (experiment, runs, figure) =>
  figure.missing !== null
    ? null
    : figure.layout === null
      ? figureOf(experiment, runs, figure)
      : section(
          figure.title,
          layoutTable(figure.title, figure.layout),
          h('p', { class: 'quiet' }, figure.caption),
          fileLinks(experiment, figure.name, ['csv', 'md', 'tex']),
        );

const headOf = ({ runs }) =>
  `From ${counted(runs, 'finished run')}, drawn by the same code as equipoise figures and tables.`;

/** What stands below the figures. */
const footOf = ({ notices }, missing) => [
  missing.length === 0 ? null : section('Without runs to show', plainList(missing)),
  notices.length === 0 ? null : section('Notices', plainList(notices)),
];

/** The view of figures and tables: one after the other, since of many runs each takes a while; drawn again, all at once. */
export async function figuresPage({ experiment }) {
  const lead = h('p', { class: 'lead' });
  const list = h('div', {});
  const rest = h('p', { class: 'quiet', role: 'status' });
  const foot = h('div', {});
  const element = h('div', {}, h('h2', {}, `Figures of ${experiment}`), lead, list, rest, foot);
  const fill = async (view, isFirst) => {
    const [made, missing] = [[], []];
    for (const [i, name] of view.names.entries()) {
      if (isFirst) rest.textContent = `Reading ${i + 1} of ${view.names.length}: ${name}.`;
      const figure = await ask('figure', { experiment, name });
      if (!element.isConnected) return;
      const shown = shownFigure(experiment, view.runs, figure);
      if (shown === null) missing.push(figure.missing);
      else if (isFirst) list.append(shown);
      else made.push(shown);
    }
    rest.textContent = '';
    if (!isFirst) list.replaceChildren(...made);
    foot.replaceChildren(...footOf(view, missing).filter((part) => part !== null));
    lead.textContent = headOf(view);
  };
  const tell = (error) => rest.replaceChildren(h('span', { class: 'fault', role: 'alert' }, error.message));
  const view = await ask('figures', { experiment });
  lead.textContent = headOf(view);
  setTimeout(() => fill(view, true).catch(tell));
  let timer;
  const refill = () => ask('figures', { experiment }).then((fresh) => fill(fresh, false).catch(tell), tell);
  const onEvent = ({ changed }) => {
    if (!changed.some(({ state }) => state === 'done')) return;
    clearTimeout(timer);
    timer = setTimeout(refill, 10_000);
  };
  return { element, onEvent };
}
