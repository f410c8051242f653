/** The runs that claims are held against, and what is said where they are not enough. */
import type { Journals } from '../aggregate';
import type { Needs, Quantity, Side } from './claim';
import { valuesOf } from './quantities';
import { cellsOf, sideWords, type Cell, type ClaimedRun } from './sides';

/** Runs of several experiments together, each run once. */
export class Pool {
  private readonly known = new Map<string, Promise<Map<string, unknown>>>();
  readonly runs: readonly ClaimedRun[];

  constructor(private readonly sources: readonly Journals[]) {
    const all = sources.flatMap(({ runs }) => runs);
    this.runs = [...new Map(all.map(({ id, seed, file }) => [id, { id, seed, spec: file.spec }])).values()];
  }

  /** Something of every run by id, read once from each experiment. */
  read<T>(name: string, of: (journals: Journals) => Promise<Map<string, T>>): Promise<Map<string, T>> {
    const known = this.known.get(name);
    if (known !== undefined) return known as Promise<Map<string, T>>;
    const made = Promise.all(this.sources.map(of)).then((maps) => new Map(maps.flatMap((map) => [...map])));
    this.known.set(name, made);
    return made;
  }

  values = (quantity: Exclude<Quantity, 'tightness'>) =>
    this.read(quantity, (journals) => valuesOf(journals, quantity));
}

/** What cannot be evaluated, or was not tested, in words. */
export class Unmet extends Error {
  constructor(
    readonly verdict: 'not evaluable' | 'not tested',
    why: string,
  ) {
    super(why);
  }
}

const sideName = (side: Side) =>
  `${sideWords(side).join(' with ')}${side.rates === undefined ? '' : ` at ${side.rates.encoder} / ${side.rates.backbone}`}`;

/** What a claim needs, in words for the one who has not got it. */
export function needsText({ experiments, task, where, less, a, b, seeds, cells }: Needs): string {
  return [
    `needs ${seeds} seeds of ${[a, ...(b === undefined ? [] : [b])].map(sideName).join(' and of ')}`,
    ...(task === undefined ? [] : [`on ${task}`]),
    ...Object.entries(where ?? {}).map(([path, value]) =>
      less?.[path] === undefined ? `with ${path} ${value}` : `with ${path} ${value} and with ${less[path]}`,
    ),
    ...(cells === undefined ? [] : [`in ${cells} cells`]),
    `(${experiments.join(' and ')})`,
  ].join(' ');
}

/** The one set-up that the claim is about. Throws Unmet when there is none, or more than one. */
export function onlyCell(pool: Pool, needs: Needs): Cell {
  const cells = cellsOf(pool.runs, needs);
  if (cells.length > 1)
    throw new Unmet('not evaluable', `runs of ${cells.length} set-ups fit: needs.where must tell them apart`);
  if (cells.length === 0) throw new Unmet('not evaluable', needsText(needs));
  return cells[0]!;
}

/** The values where they are enough. Throws Unmet else. */
export function enough<T>(values: readonly T[], needs: Needs): readonly T[] {
  if (values.length < needs.seeds)
    throw new Unmet('not evaluable', `${needsText(needs)}; here ${values.length === 0 ? 'none' : values.length}`);
  return values;
}
