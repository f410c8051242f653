/** Claims and figures: what the analysis states. */
import { ask, fileAt, inside } from './data.mjs';
import { h, layoutTable, section } from './dom.mjs';

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
    ...view.tables.map(stated),
    view.reasons.length === 0
      ? null
      : section(
          'Not tested, and why',
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

function figureOf(experiment, { name, title, caption }) {
  const address = fileAt('drawn', { experiment, name, kind: 'svg' });
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

/** The view of figures and tables. */
export async function figuresPage({ experiment, again }) {
  const view = await ask('figures', { experiment });
  const element = h(
    'div',
    {},
    h('h2', {}, `Figures of ${experiment}`),
    h(
      'p',
      { class: 'lead' },
      `From ${view.runs} finished runs, drawn by the same code as equipoise figures and tables.`,
    ),
    ...view.figures.map((figure) => figureOf(experiment, figure)),
    ...view.tables.map(({ name, title, caption, layout }) =>
      section(
        title,
        layoutTable(title, layout),
        h('p', { class: 'quiet' }, caption),
        fileLinks(experiment, name, ['csv', 'md', 'tex']),
      ),
    ),
    view.missing.length === 0
      ? null
      : section('Without runs to show', h('ul', { class: 'plain' }, ...view.missing.map((text) => h('li', {}, text)))),
    view.notices.length === 0
      ? null
      : section('Notices', h('ul', { class: 'plain' }, ...view.notices.map((text) => h('li', {}, text)))),
  );
  return { element, onEvent: ({ changed }) => changed.some(({ state }) => state === 'done') && again(10_000) };
}
