/** Parts that several figures draw alike. */
import type { Json, Spec } from './style';

/**
 * Encodings of a curve or of points with intervals; `y` is the field's channel, whose bounds are the fields `low` and
 * `high`.
 */
export interface Channels {
  x: Spec;
  y: Spec;
  color: Spec;
}

/** A line at the foot of the figure that states n. */
export function footnote(text: string): Spec {
  return { text };
}

/** The name above one of several drawings that stand beside each other. */
export function panelTitle(text: Json): Spec {
  return { text, orient: 'top', anchor: 'middle', fontSize: 7.5, color: '#000000' };
}

/** A grey line at a value of one axis in every panel. */
export function ruleAt(value: number, axis: 'x' | 'y' = 'y'): Spec {
  return {
    data: { values: [{}] },
    mark: { type: 'rule', strokeWidth: 0.9, color: '#777777' },
    encoding: { [axis]: { datum: value } },
  };
}

/** The area between `low` and `high`. */
export function band({ x, y, color }: Channels, opacity: number): Spec {
  return {
    mark: { type: 'area', opacity },
    encoding: { x, y: { ...y, field: 'low' }, y2: { field: 'high' }, color },
  };
}

/** Bars from `low` to `high` where there is an interval; `where` is a further condition on the rows. */
export function intervalBars({ x, y, color }: Channels, where?: string): Spec {
  const hasInterval = 'datum.low !== null';
  return {
    transform: [{ filter: where === undefined ? hasInterval : `${where} && ${hasInterval}` }],
    mark: { type: 'rule', strokeWidth: 0.9 },
    encoding: { x, y: { ...y, field: 'low' }, y2: { field: 'high' }, color },
  };
}
