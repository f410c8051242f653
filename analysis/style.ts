/**
 * The house style of every figure. Lengths are points (1/72 inch), so that a font of 7 is 7 pt in print at the stated
 * column width. Colours are those of Okabe and Ito, which the common kinds of colour blindness tell apart; every colour
 * comes with a dash and a shape of its own, so that a figure also reads in grey.
 */
import { schedulerFacts, type LookName } from '../src/balance/schedulers';
import { byText, orderMethods, orderSettings } from './labels';

/** Plain JSON: a Vega-Lite specification is data. */
export type Json = string | number | boolean | null | Json[] | Spec;
export type Spec = { [key: string]: Json | undefined };

/** Widths of a figure, inches: one column, or the page. */
export const figureWidths = { column: 3.3, page: 6.75 } as const;
export type FigureWidth = keyof typeof figureWidths;

/** What a figure has to lay itself out in. */
export interface Room {
  /** points of the house style, in which a label is 7 high: fewer than the figure is wide where its text is larger */
  width: number;
  /** width of a letter over the size of the text */
  letter: number;
}

/** The room of the house's way; a letter of the condensed font is about 0.53 of its size wide. */
export const houseRoom = (width: FigureWidth): Room => ({ width: figureWidths[width] * 72, letter: 0.53 });

/** Points that a panel needs with its axis, or its labels run into those of the next. */
const panelWidth = 60;

/** How many panels stand side by side: `most` where there is room for them. */
export const abreast = (most: number, { width }: Room): number =>
  Math.max(1, Math.min(most, Math.floor(width / panelWidth)));

/** The font: DejaVu Sans Condensed, from the npm package dejavu-fonts-ttf (Bitstream Vera licence: free to embed). */
export const fontFamily = 'DejaVu Sans Condensed';

/** Size of the line at a figure's foot, points. */
export const footSize = 6.5;

const ink = '#000000';
const faint = '#d9d9d9';

/** Vega-Lite config of all figures; `panelWidth` in points. */
export function houseConfig(panelWidth: number, font = fontFamily): Spec {
  const text = {
    labelFont: font,
    labelFontSize: 7,
    labelFontWeight: 'normal',
    labelColor: ink,
    titleFont: font,
    titleFontSize: 7.5,
    titleFontWeight: 'normal',
    titleColor: ink,
  };
  return {
    background: 'white',
    padding: 2,
    font,
    view: { continuousWidth: panelWidth, discreteWidth: panelWidth, stroke: '#888888', strokeWidth: 0.5 },
    axis: {
      ...text,
      gridColor: faint,
      gridWidth: 0.4,
      domain: false,
      offset: 0,
      tickWidth: 0.5,
      tickSize: 3,
      tickColor: '#888888',
      labelFlush: false,
      labelPadding: 2,
      titlePadding: 3,
    },
    header: { ...text, titleFontSize: 7.5, labelFontSize: 7.5, labelPadding: 3 },
    legend: {
      ...text,
      orient: 'top',
      direction: 'horizontal',
      symbolSize: 32,
      symbolStrokeWidth: 1.2,
      symbolOpacity: 1,
      columnPadding: 8,
      rowPadding: 1,
      labelLimit: 200,
      titleLimit: 200,
      titleOrient: 'left',
      offset: 4,
      padding: 0,
    },
    title: {
      font,
      fontSize: footSize,
      fontWeight: 'normal',
      color: '#333333',
      anchor: 'start',
      offset: 4,
      orient: 'bottom',
      limit: 0,
    },
    line: { strokeWidth: 1.1, strokeCap: 'butt', strokeJoin: 'round' },
    facet: { spacing: 14 },
    concat: { spacing: 8 },
  };
}

interface Look {
  colour: string;
  dash: number[];
  shape: string;
}

/** In the order in which names without a look of their own take them. */
const looks: Record<LookName, Look> = {
  black: { colour: '#000000', dash: [1, 0], shape: 'circle' },
  'sky-blue': { colour: '#56b4e9', dash: [6, 2], shape: 'square' },
  orange: { colour: '#e69f00', dash: [2, 1.5], shape: 'triangle-up' },
  blue: { colour: '#0072b2', dash: [8, 1.5, 1.5, 1.5], shape: 'diamond' },
  vermilion: { colour: '#d55e00', dash: [4, 1.5], shape: 'triangle-down' },
  green: { colour: '#009e73', dash: [1, 1], shape: 'cross' },
  purple: { colour: '#cc79a7', dash: [10, 2], shape: 'triangle-right' },
  grey: { colour: '#8c8c8c', dash: [5, 1.5, 1, 1.5, 1, 1.5], shape: 'triangle-left' },
};
const lookNames = Object.keys(looks) as LookName[];

/**
 * Settings and modules that keep their look in every figure, whichever others are present; schedulers say theirs
 * themselves.
 */
const fixedLooks: Record<string, LookName> = {
  'equal rates': 'black',
  'backbone ×10': 'vermilion',
  'encoder ×10': 'blue',
  encoder: 'black',
  backbone: 'vermilion',
};

const fixedLook = (name: string): LookName | undefined => fixedLooks[name] ?? schedulerFacts(name).look;

/**
 * A look for each name, in the order given; names beyond the number of looks begin again with other dashes and shapes. The first variant of a
 * method, such as `name (option=value)`, has the method's look, and beside methods nothing else looks like constant
 * rates.
 */
function looksOf(names: readonly string[]): Look[] {
  const own = new Map<string, LookName>();
  for (const name of names) {
    const look = fixedLook(name);
    if (look !== undefined) own.set(name, look);
  }
  for (const name of names) {
    const look = fixedLook(name.split(' (')[0]!);
    if (look !== undefined && ![...own.values()].includes(look)) own.set(name, look);
  }
  const taken = new Set<LookName>([...own.values(), ...(own.size > 0 ? (['black'] as const) : [])]);
  const free = lookNames.filter((name) => !taken.has(name));
  let next = 0;
  const take = (): Look => {
    const round = Math.floor(next / Math.max(1, free.length));
    const name = free[next++ % Math.max(1, free.length)] ?? 'black';
    const { dash, shape } = looks[lookNames[(lookNames.indexOf(name) + 3 * round) % lookNames.length]!];
    return { colour: looks[name].colour, dash, shape };
  };
  return names.map((name) => {
    const look = own.get(name);
    return look === undefined ? take() : looks[look];
  });
}

/** Columns of a legend that fit side by side, each as wide as its longest entry. */
function legendColumns(names: readonly string[], marks: 'lines' | 'points', room: Room): number {
  const entry = (name: string) => name.length * 7 * room.letter + (marks === 'lines' ? 30 : 22);
  const needs = (columns: number) =>
    Array.from({ length: columns }, (_, column) =>
      Math.max(...names.filter((__, i) => i % columns === column).map(entry)),
    ).reduce((a, b) => a + b);
  let columns = names.length;
  while (columns > 1 && needs(columns) > room.width - 30) columns -= 1;
  // As many rows need no more columns than this: `4 + 4` instead of `7 + 1`.
  return Math.ceil(names.length / Math.ceil(names.length / columns));
}

/**
 * Colour and dash (lines) or shape (points) channels of a field with these names, in legend order, for a figure in this
 * room.
 */
export function distinguish(
  field: string,
  names: readonly string[],
  marks: 'lines' | 'points',
  room: Room,
): { color: Spec; dashOrShape: Spec } {
  const found = looksOf(names);
  const own: Spec = marks === 'lines' ? { symbolType: 'stroke', symbolSize: 160 } : {};
  const legend = names.length < 2 ? null : { title: null, columns: legendColumns(names, marks, room), ...own };
  const channel = (range: Json): Spec => ({
    field,
    type: 'nominal',
    sort: null,
    scale: { domain: [...names], range },
    legend,
  });
  return {
    color: channel(found.map((look) => look.colour)),
    dashOrShape: channel(found.map((look) => (marks === 'lines' ? look.dash : look.shape))),
  };
}

/** Names of a column in house order. */
export const inOrder = {
  method: (rows: readonly { method: string }[]) => orderMethods(rows.map((row) => row.method)),
  setting: (rows: readonly { setting: string }[]) => orderSettings(rows.map((row) => row.setting)),
  panel: (rows: readonly { panel: string }[]) => [...new Set(rows.map((row) => row.panel))].sort(byText),
};
