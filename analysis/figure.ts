/** What a figure is: a question to the journals, a picture of the answer, and a caption that says how much stands behind it. */
import type { Journals } from './aggregate';
import type { DataRow } from './database';
import type { FigureWidth, Spec } from './style';

/** One figure. Adding one is a file that exports this and a line in figures/registry.ts. */
export interface FigureDefinition<Row extends DataRow = DataRow> {
  /** of its files, e.g. `kappa-curves` */
  name: string;
  title: string;
  width: FigureWidth;
  /** the runs without which there is nothing to draw, in words: `finished runs of ...` */
  needs: string;
  /** The figure's table: the whole of what is drawn, in a stated order. Empty when the runs are missing. */
  select(journals: Journals): Promise<Row[]>;
  caption(rows: Row[]): string;
  /** The Vega-Lite specification without data, config and metadata: rows come as the data set `table`. */
  build(rows: Row[]): Spec;
}

/** `3 seeds`, or `2 to 3 seeds` when not every curve has as many. */
export function seedCount(counts: readonly number[]): string {
  const low = Math.min(...new Set(counts));
  const high = Math.max(...new Set(counts));
  return low === high ? `${high} seed${high === 1 ? '' : 's'}` : `${low} to ${high} seeds`;
}

/** What a curve and its band are, with n: `mean of 3 seeds; band: smallest to largest`, or `1 seed`. */
export function curveText(counts: readonly number[], centre: string): string {
  return counts.every((count) => count === 1)
    ? '1 seed'
    : `${centre} of ${seedCount(counts)}; band: smallest to largest`;
}

/** A line at the foot of the figure that states n. */
export function footnote(text: string): Spec {
  return { text };
}

/** A grey line at a value of y in every panel. */
export function ruleAt(value: number): Spec {
  return {
    data: { values: [{}] },
    mark: { type: 'rule', strokeWidth: 0.9, color: '#777777' },
    encoding: { y: { datum: value } },
  };
}
