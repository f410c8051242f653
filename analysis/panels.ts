/** How the panels of a figure stand: in rows that fit on a page, with headers in lines. */
import { orderMethods, orderSettings } from './labels';
import { abreast, houseRoom, inOrder, type Room, type Spec } from './style';

/** Panels in rows that fit side by side on a page, as even as can be. */
export function pages(order: readonly string[], most = 4): string[][] {
  const across = Math.ceil(order.length / Math.ceil(order.length / most));
  return Array.from({ length: Math.ceil(order.length / across) }, (_, i) => order.slice(i * across, (i + 1) * across));
}

/** A facet channel whose panels come in this order; the parts of a panel's name stand below each other. */
export function panels(field: string, order: readonly string[], header: Spec = {}): Spec {
  return {
    field,
    type: 'nominal',
    sort: [...order],
    title: null,
    header: { title: null, labelExpr: "split(datum.label, ' · ')", ...header },
  };
}

/**
 * Columns and axes of panels in rows of at most `across`. Where the last row is not full every panel has an x axis: a
 * shared one would hang below the gap.
 */
export function inRows(count: number, across: number): Spec {
  const columns = Math.min(across, count);
  return { columns, ...(count % columns === 0 ? {} : { resolve: { axis: { x: 'independent' } } }) };
}

/** Parts of a name below each other, options in brackets too. */
const stacked = { labelExpr: "split(replace(replace(datum.label, / \\(|, /g, ' · '), ')', ''), ' · ')" };

/** Rows of panels that fit on a page. */
const mostRows = 4;

/**
 * A panel for each set-up and value of `field` that has rows: set-ups below each other and the others side by side; in
 * rows of four where either are more than fit, or where a pair is missing: in a grid with a gap Vega puts the panels
 * under each other's names.
 */
export function setupPanels<Field extends 'method' | 'setting'>(
  rows: readonly ({ panel: string } & Record<Field, string>)[],
  field: Field,
  room: Room,
): Spec {
  const setups = inOrder.panel(rows);
  const names =
    field === 'method' ? orderMethods(rows.map((row) => row[field])) : orderSettings(rows.map((row) => row[field]));
  const present = new Set(rows.map((row) => `${row.panel} · ${row[field]}`));
  const whole = present.size === setups.length * names.length;
  if (
    whole &&
    names.length <= abreast(field === 'method' ? 4 : 5, room) &&
    setups.length <= mostRows &&
    (names.length > 1 || setups.length < 3)
  ) {
    const bracketed = setups.some((setup) => setup.includes(' ('));
    return {
      facet: {
        row: panels('panel', setups, { labelOrient: 'right', labelAngle: 90, ...(bracketed ? stacked : {}) }),
        // In less than the house's width names stand in two lines.
        column: panels(field, names, room.width < houseRoom('page').width ? stacked : {}),
      },
    };
  }
  const alone = names.length === 1;
  const places = setups.flatMap((setup) =>
    alone ? [setup] : names.map((name) => `${setup} · ${name}`).filter((place) => present.has(place)),
  );
  return {
    transform: [{ calculate: alone ? 'datum.panel' : `datum.panel + ' · ' + datum.${field}`, as: 'place' }],
    facet: panels('place', places, stacked),
    ...inRows(places.length, abreast(4, room)),
  };
}
