/** Tables that are sorted by their columns; long ones are made of blocks, of which the browser draws those in sight. */
import { addInTurn, h, wideBox } from './dom.mjs';

/** Rows of a block. A browser lays a whole table out again for each row that is added to it. */
const blockRows = 25;
/** Pixels that a row is high until it has been drawn. */
const rowHeight = 34;

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
  const list = sorted(rows, columns, order);
  const rowOf = (row) =>
    h('tr', {}, ...columns.map(({ numeric, cell }) => h('td', { class: numeric ? 'n' : null }, cell(row))));
  const bodyOf = (from) => h('tbody', {}, ...list.slice(from, from + blockRows).map(rowOf));
  const first = h('table', {}, h('thead', {}, h('tr', {}, ...heads)), bodyOf(0));
  const starts = Array.from({ length: Math.ceil(list.length / blockRows) - 1 }, (_, i) => (i + 1) * blockRows);
  let widths = null;
  const blockAt = (from) => () => {
    widths ??= fixWidths(first, heads);
    const titles = columns.map(({ title }) => h('th', { scope: 'col' }, title));
    const last = Math.min(list.length, from + blockRows);
    const about = `${name}, ${from + 1} to ${last}`;
    const table = h('table', { 'aria-label': about }, h('thead', {}, h('tr', {}, ...titles)), bodyOf(from));
    setWidths(table, widths);
    const block = h('div', { class: 'block' }, table);
    block.style.containIntrinsicSize = `auto ${widths.all}px auto ${(last - from) * rowHeight}px`;
    return block;
  };
  const box = wideBox(name);
  addInTurn(box, [() => first, ...starts.map(blockAt)]);
  return box;
}

/** The widths that the columns of a table took, which it keeps from now on. */
function fixWidths(table, heads) {
  const columns = heads.map((head) => head.getBoundingClientRect().width);
  const widths = { columns, all: columns.reduce((sum, width) => sum + width, 0) };
  setWidths(table, widths);
  return widths;
}

function setWidths(table, { columns, all }) {
  table.classList.add('fixed');
  table.style.width = `${all}px`;
  const cols = columns.map((width) => {
    const col = h('col', {});
    col.style.width = `${width}px`;
    return col;
  });
  table.prepend(h('colgroup', {}, ...cols));
}
