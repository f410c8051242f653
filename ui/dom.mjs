/** Elements from plain data. Texts become text nodes and never HTML, whatever they say. */

const svgNamespace = 'http://www.w3.org/2000/svg';

function withParts(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith('on')) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? '' : String(value));
  }
  element.append(
    ...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false),
  );
  return element;
}

/** An HTML element with attributes, listeners (`onclick`) and children; null and false are left out. */
export const h = (name, attributes, ...children) => withParts(document.createElement(name), attributes, children);

/** The same of SVG. */
export const svg = (name, attributes, ...children) =>
  withParts(document.createElementNS(svgNamespace, name), attributes, children);

/** `1 run`, `2 runs`. */
export const counted = (n, noun) => `${n} ${noun}${n === 1 ? '' : 's'}`;

/** Seconds in the largest units that matter. */
export function timeText(seconds) {
  if (seconds === null || seconds === undefined || !Number.isFinite(seconds)) return '';
  const minutes = Math.round(seconds / 60);
  if (seconds < 90) return `${Math.max(1, Math.round(seconds))} s`;
  if (minutes < 90) return `${minutes} min`;
  const hours = Math.round(seconds / 360) / 10;
  return hours < 48 ? `${hours} h` : `${Math.round(hours / 24)} days`;
}

/** Bytes as kB or MB. */
export const sizeText = (bytes) => (bytes < 1e6 ? `${(bytes / 1e3).toFixed(1)} kB` : `${(bytes / 1e6).toFixed(1)} MB`);

/** A number for reading off a chart: three significant digits. */
export function numberText(value) {
  if (value === null || value === undefined || !Number.isFinite(value)) return '–';
  const size = Math.abs(value);
  if (size !== 0 && (size >= 1e5 || size < 1e-3)) return value.toExponential(2).replace('e+', 'e').replace('-', '−');
  return String(Number(value.toPrecision(3))).replace('-', '−');
}

/** A table that scrolls by itself, by keyboard too. */
export const wideBox = (name, ...children) =>
  h('div', { class: 'wide', tabindex: 0, role: 'region', 'aria-label': name }, ...children);

/** A heading with what stands below it. */
export const section = (title, ...children) => h('section', {}, h('h2', {}, title), ...children);

/** A table as the analysis lays it out: columns with headers, groups of rows of cells, the best of them bold. */
export const layoutTable = (name, { columns, groups }) =>
  wideBox(
    name,
    h(
      'table',
      { class: 'layout' },
      h(
        'thead',
        {},
        h(
          'tr',
          {},
          ...columns.map(({ header, numeric }) => h('th', { scope: 'col', class: numeric ? 'n' : null }, header)),
        ),
      ),
      ...groups.map((group) =>
        h(
          'tbody',
          {},
          ...group.map((row) =>
            h(
              'tr',
              {},
              ...row.map(({ text, best }, i) =>
                h('td', { class: columns[i]?.numeric ? 'n' : null }, best ? h('strong', {}, text) : text),
              ),
            ),
          ),
        ),
      ),
    ),
  );

/** Pairs of a name and a text. */
export const pairList = (pairs) =>
  h('dl', {}, ...pairs.flatMap(([name, text]) => [h('dt', {}, name), h('dd', {}, text)]));

/** A list of texts or elements, a line each. */
export const plainList = (lines) => h('ul', { class: 'plain' }, ...lines.map((line) => h('li', {}, line)));

/** A table of heads and rows of cells; heads that begin with `#` are of numbers, the first cell names its row. */
export const plainTable = (name, heads, rows) => {
  const side = (i) => (heads[i].startsWith('#') ? 'n' : null);
  const cells = (row) =>
    row.map((cell, i) => h(i === 0 ? 'th' : 'td', { class: side(i), scope: i === 0 ? 'row' : null }, cell));
  return wideBox(
    name,
    h(
      'table',
      {},
      h(
        'thead',
        {},
        h('tr', {}, ...heads.map((head, i) => h('th', { scope: 'col', class: side(i) }, head.replace('#', '')))),
      ),
      h('tbody', {}, ...rows.map((row) => h('tr', {}, ...cells(row)))),
    ),
  );
};

/** Something to open, with text as it is. */
export const foldedText = (title, text) =>
  h('details', {}, h('summary', {}, title), h('pre', { tabindex: 0, 'aria-label': title }, text));

/**
 * Puts the parts of something long into a box, each made by a function: the first at once, the others one after the other
 * with time between them, so that the page never stalls. It ends when the box is taken away.
 */
export function addInTurn(box, parts) {
  let made = 0;
  const next = () => {
    if (made > 0 && !box.isConnected) return;
    if (made < parts.length) box.append(parts[made]());
    made += 1;
    if (made < parts.length) setTimeout(next, 8);
  };
  next();
}
