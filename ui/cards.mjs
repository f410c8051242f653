/** One question as a card: its picture or sound, the choices, and what was said. */
import { fileAt } from './data.mjs';
import { addInTurn, h } from './dom.mjs';

/** Cards of a block; a multiple of two, three, four and six, so that no row of a block is short. */
const blockCards = 12;

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

/** A card for each question, in blocks, of which the browser draws those in sight. */
export function cards(experiment, run, questions) {
  const element = h('div', {});
  const starts = Array.from({ length: Math.ceil(questions.length / blockCards) }, (_, i) => i * blockCards);
  const blockAt = (from) => () => {
    const own = questions.slice(from, from + blockCards);
    return h('div', { class: 'grid' }, ...own.map((question) => card(experiment, run, question)));
  };
  addInTurn(element, starts.map(blockAt));
  return element;
}
