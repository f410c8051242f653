/**
 * What a figure is: a question to the journals, a picture of the answer, and a caption that says how much stands behind
 * it.
 */
import type { Journals } from './aggregate';
import type { DataRow } from './database';
import type { FigureWidth, Room, Spec } from './style';

/**
 * One figure, all that there is to say about it. Adding one is a file that exports this and a line in
 * figures/registry.ts.
 */
export interface FigureDefinition<Row extends DataRow = DataRow> {
  /** of its files, e.g. `kappa-curves` */
  name: string;
  title: string;
  /** what it shows, in one sentence, for docs/figures.md */
  shows: string;
  width: FigureWidth;
  /** its condition in words, the runs without which there is nothing to draw: `finished runs of ...` */
  needs: string;
  /** The figure's table: the whole of what is drawn, in a stated order. Empty when the condition is not met. */
  select(journals: Journals): Promise<Row[]>;
  caption(rows: Row[]): string;
  /**
   * The Vega-Lite specification without data, config and metadata: rows come as the data set `table`. `room` is what
   * the figure has, less than its `width` where a paper is narrower.
   */
  build(rows: Row[], room: Room): Spec;
}

/** `3 seeds`, or `2 to 3 seeds` when not every row has as many. */
export function seedCount(rows: readonly { n: number }[]): string {
  const counts = new Set(rows.map((row) => row.n));
  const low = Math.min(...counts);
  const high = Math.max(...counts);
  return low === high ? `${high} seed${high === 1 ? '' : 's'}` : `${low} to ${high} seeds`;
}

/** What a curve and its band are, with n: `mean of 3 seeds; band: smallest to largest`, or `1 seed`. */
export function curveText(rows: readonly { n: number }[], centre: string): string {
  return rows.every((row) => row.n === 1) ? '1 seed' : `${centre} of ${seedCount(rows)}; band: smallest to largest`;
}

/** The numbers of steps over which a loss is averaged, in words: `5`, or `5 or 12` where panels differ. */
export function windowsText(rows: readonly { averaged: number }[]): string {
  return [...new Set(rows.map((row) => row.averaged))].sort((a, b) => a - b).join(' or ');
}

/** A number for a caption, with a true minus sign. */
export const numberText = (value: number, digits = 2): string => value.toFixed(digits).replace('-', '−');
