/** How large a figure is drawn, in which font, and how its text is kept: the house's way, or as a paper wants it. */
import { userError } from '../src/problems';
import { houseFont, letterWidth, useFont, type FigureFont } from './fonts';
import { figureWidths, houseRoom, type FigureWidth, type Room } from './style';
import { pointsAnInch, venueNames, venues, type VenueName } from './venue';

/** A width that a user states: that of a venue's columns, or a length. */
export type PrintWidth = { venue: VenueName } | { inches: number };

/** What a user asks of figures for a paper; nothing of it for the house's way. */
export interface Print {
  /** as it was given, for the command that repeats it */
  told?: string;
  width?: PrintWidth;
  font?: FigureFont;
  /** text of the SVG as outlines; where width or font is given it always is */
  outlines?: boolean;
}

/** How one figure is drawn. */
export interface Look {
  inches: number;
  /** size of all it has over that of the house style */
  scale: number;
  font: FigureFont;
  outlines: boolean;
  room: Room;
}

/** Labels are 7 pt in the house style; at a width of the user's they are 8 pt, and titles 8.6. */
const printScale = 8 / 7;

const inchesIn: Record<string, number> = { mm: 25.4, cm: 2.54, in: 1, pt: pointsAnInch };

/** A width as a user writes it: `neurips`, `84mm`, `3.25in`, `234.9pt` (of TeX). Throws UserError. */
export function printWidth(text: string): PrintWidth {
  const venue = venueNames.find((name) => name === text.toLowerCase());
  if (venue !== undefined) return { venue };
  const [, number, unit] = /^(\d+(?:\.\d+)?)\s*(mm|cm|in|pt)$/i.exec(text.trim()) ?? [];
  const inches = number === undefined ? NaN : Number(number) / inchesIn[unit!.toLowerCase()]!;
  if (inches >= 1.5 && inches <= 20) return { inches };
  throw userError({
    where: `--width ${text}`,
    what: Number.isNaN(inches) ? 'is no width' : 'is no width of a figure',
    expected: `${venueNames.join(', ')}, or a length from 1.5in to 20in such as 84mm, 3.25in or 234.9pt`,
  });
}

/** A figure for one column is never made wider than it was laid out: on a page of one column it stays narrow. */
function inchesOf(figure: FigureWidth, width: PrintWidth | undefined): number {
  if (width === undefined) return figureWidths[figure];
  if ('inches' in width) return width.inches;
  const venue = venues[width.venue];
  return figure === 'page' ? venue.page / pointsAnInch : Math.min(venue.column / pointsAnInch, figureWidths.column);
}

/** The look of a figure of this width; its font is ready to be measured then. */
export async function lookOf(figure: FigureWidth, print: Print = {}): Promise<Look> {
  const font = print.font ?? houseFont;
  await useFont(font);
  const inches = inchesOf(figure, print.width);
  const scale = print.width === undefined ? 1 : printScale;
  const house = houseRoom(figure);
  // Columns of a legend are counted by the letters' width: as much wider or narrower as the font is.
  const letter = font === houseFont ? house.letter : (house.letter * letterWidth(font)) / letterWidth(houseFont);
  return {
    inches,
    scale,
    font,
    outlines: print.outlines === true || print.width !== undefined || print.font !== undefined,
    room: { width: (inches * 72) / scale, letter },
  };
}

/** Whether a figure at its width stands over both columns. */
export function overColumns(figure: FigureWidth, width: PrintWidth | undefined): boolean {
  if (width === undefined) return figure === 'page';
  if ('inches' in width) return width.inches > 4;
  return figure === 'page' && venues[width.venue].page > venues[width.venue].column;
}
