/** Tables that are sorted by their columns and grow as they are scrolled. */
import { h, wideBox } from './dom.mjs';

/** Rows that are made at once: thousands would stall the page. */
const atOnce = 200;

const compareValues = (a, b) => {
  const [x, y] = [a ?? null, b ?? null];
  // What is missing stands last, whichever way is sorted.
  if (x === null || y === null) return x === y ? 0 : x === null ? 2 : -2;
  return x < y ? -1 : x > y ? 1 : 0;
};

/** Rows in the order of a column, `name` with a minus before it for descending; as they come without one. */
export function sorted(rows, columns, order) {
  const column = columns.find(({ name }) => name === order?.replace(/^-/, ''));
  if (column === undefined) return [...rows];
  const sign = order.startsWith('-') ? -1 : 1;
  return [...rows].sort((a, b) => {
    const found = compareValues(column.value(a), column.value(b));
    return Math.abs(found) === 2 ? found : sign * found;
  });
}

/**
 * A table over rows. A column: `{name, title, numeric, value(row), cell(row)}`, sorted by its value where it has one. `onOrder` is told
 * the order that a click asks for.
 */
export function sortedTable({ name, rows, columns, order, onOrder }) {
  const heads = columns.map(({ name: key, title, numeric, value }) => {
    const now = order === key ? 'ascending' : order === `-${key}` ? 'descending' : 'none';
    const next = now === 'descending' || (now === 'none' && !numeric) ? key : `-${key}`;
    return h(
      'th',
      { scope: 'col', class: numeric ? 'n' : null, 'aria-sort': value === undefined ? null : now },
      value === undefined ? title : h('button', { type: 'button', onclick: () => onOrder(next) }, title),
    );
  });
  const body = h('tbody', {});
  const list = sorted(rows, columns, order);
  const rowOf = (row) =>
    h('tr', {}, ...columns.map(({ numeric, cell }) => h('td', { class: numeric ? 'n' : null }, cell(row))));
  let made = 0;
  const more = h('button', { type: 'button', class: 'more' });
  const grow = () => {
    body.append(...list.slice(made, made + atOnce).map(rowOf));
    made = Math.min(list.length, made + atOnce);
    more.textContent = `Show more: ${made} of ${list.length} shown`;
    more.hidden = made >= list.length;
  };
  more.addEventListener('click', grow);
  grow();
  new IntersectionObserver((seen) => {
    if (seen.some(({ isIntersecting }) => isIntersecting) && !more.hidden) grow();
  }).observe(more);
  return h('div', {}, wideBox(name, h('table', {}, h('thead', {}, h('tr', {}, ...heads)), body)), more);
}
