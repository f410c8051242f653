/** The report's runs filtered and sorted, contents folded on narrow pages, tab stops only where something scrolls. The page is whole without it. */

const section = document.querySelector('#runs');
const body = section.querySelector('tbody');
const rows = [...body.rows];
const input = section.querySelector('input');
const shown = section.querySelector('output');

/** What a cell is sorted by: its number where it is one; what is missing stands last, whichever way is sorted. */
function keyOf(cell) {
  const text = cell.textContent.replace('−', '-');
  if (text === '–' || text === '') return null;
  return Number.isNaN(Number(text)) ? text : Number(text);
}

function compare(a, b, sign) {
  if (a === null || b === null) return a === b ? 0 : a === null ? 1 : -1;
  if (typeof a === 'number' && typeof b === 'number') return sign * (a - b);
  return sign * String(a).localeCompare(String(b), 'en', { numeric: true });
}

function sortBy(head) {
  const rising = head.getAttribute('aria-sort') !== 'ascending';
  for (const each of head.parentElement.cells) each.setAttribute('aria-sort', 'none');
  head.setAttribute('aria-sort', rising ? 'ascending' : 'descending');
  const keyed = [...body.rows].map((row) => ({ row, key: keyOf(row.cells[head.cellIndex]) }));
  keyed.sort((a, b) => compare(a.key, b.key, rising ? 1 : -1));
  body.append(...keyed.map(({ row }) => row));
}

const heads = [...section.querySelectorAll('thead th')].map((head) => head.textContent.toLowerCase().split(' ')[0]);

/** Whether a row has a word; `seed:3` asks for that very value of a column, by the first word of its head. */
function has(row, word) {
  const [name, ...value] = word.split(':');
  const column = value.length === 0 ? -1 : heads.indexOf(name);
  const texts = [...row.cells].map((cell) => cell.textContent.toLowerCase());
  return column === -1 ? texts.some((text) => text.includes(word)) : texts[column] === value.join(':');
}

/** Shows the rows that have every word. */
function filter() {
  const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
  for (const row of rows) row.hidden = !words.every((word) => has(row, word));
  shown.textContent = `${rows.filter((row) => !row.hidden).length} of ${rows.length} runs`;
}

for (const head of section.querySelectorAll('thead th')) {
  const button = document.createElement('button');
  button.type = 'button';
  button.append(...head.childNodes);
  button.addEventListener('click', () => sortBy(head));
  head.append(button);
  head.setAttribute('aria-sort', 'none');
}
input.addEventListener('input', filter);
section.querySelector('.filter').hidden = false;
filter();

/** A run that a link leads to is shown, whatever is filtered. */
function showTarget() {
  const target = rows.find((row) => `#${row.id}` === location.hash);
  if (target === undefined) return;
  if (target.hidden) {
    input.value = '';
    filter();
  }
  target.scrollIntoView({ block: 'center' });
}
addEventListener('hashchange', showTarget);
showTarget();

/** On a narrow page, where the contents stand above all else, their lists are folded; the width is the style's. */
const wide = matchMedia('(min-width: 64rem)');
const fold = () => document.querySelectorAll('#contents details').forEach((each) => (each.open = wide.matches));
wide.addEventListener('change', fold);
fold();

/** What does not scroll needs no stop of the tab key. */
const sizes = new ResizeObserver((entries) => {
  for (const { target } of entries) {
    const scrolls = target.scrollWidth > target.clientWidth || target.scrollHeight > target.clientHeight;
    if (scrolls) target.tabIndex = 0;
    else target.removeAttribute('tabindex');
  }
});
for (const box of document.querySelectorAll('.wide')) sizes.observe(box);
