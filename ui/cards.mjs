/** One question as a card: its picture or sound, the choices, and what was said. */
import { fileAt } from './data.mjs';
import { h } from './dom.mjs';

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

/** Cards that grow on demand; `grow` makes more of them. */
export function cards(experiment, run, questions) {
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
