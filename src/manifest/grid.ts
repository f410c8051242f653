/**
 * From one grid (axes, zip, when, exclude) to its runs, in an order that does not depend on the order of keys in the
 * file.
 */
import { assignAll, fieldOrder, matches, settledField, settingsOf, type Assignment } from './assign';
import { pointer, type Grid, type ManifestContent } from './content';
import { fillDefaults } from './defaults';
import type { Pattern } from './pattern';
import type { Tree } from './tree';

/** Most runs that a manifest may describe. */
export const runLimit = 100_000;

/** A grid with the settings it inherits. */
export interface PlacedGrid {
  grid: Grid;
  /** JSON pointer of the grid; empty for the manifest itself */
  place: string;
  /** settings of the manifest around it */
  inherited: Assignment[];
}

/** A run before it is checked. */
export interface GridRun {
  /** what the manifest says of it */
  assigned: Tree;
  /** the same with every default */
  run: Tree;
  /** JSON pointer of its grid */
  grid: string;
  /** the values that the manifest gave it */
  given: Assignment[];
}

export interface GridExpansion {
  runs: GridRun[];
  /** a field that two matching `when` set */
  clashes: { place: string; path: string }[];
  /** places of excludes and conditions that match no combination */
  idle: string[];
  /** over the limit: nothing was expanded */
  tooMany: boolean;
}

/**
 * The grids of a manifest: its own, when it varies something or nothing is included, and each one of `include`.
 */
export function gridsOf(content: ManifestContent): PlacedGrid[] {
  const varies = content.axes !== undefined || content.zip !== undefined || content.when !== undefined;
  const included = content.include ?? [];
  return [
    ...(varies || included.length === 0 ? [{ grid: content, place: '', inherited: [] }] : []),
    ...included.map((grid, index) => ({
      grid,
      place: pointer('', 'include', index),
      inherited: settingsOf(content, ''),
    })),
  ];
}

type Dimension = Assignment[][];

function axisDimension(path: string, values: unknown[], place: string): Dimension {
  return values.map((value, index) => [{ path, value, place: pointer(place, path, index) }]);
}

function zipDimension(group: Record<string, unknown[]>, place: string): Dimension {
  const columns = sortedEntries(group).map(([path, values]) => axisDimension(path, values, place));
  return (columns[0] ?? []).map((_, row) => columns.flatMap((column) => column[row] ?? []));
}

function sortedEntries<T>(record: Record<string, T>): [string, T][] {
  return Object.entries(record).sort(([a], [b]) => fieldOrder(a) - fieldOrder(b));
}

function firstField(dimension: Dimension): number {
  return Math.min(...(dimension[0] ?? []).map((each) => fieldOrder(each.path)));
}

function* product(dimensions: Dimension[]): Generator<Assignment[]> {
  const [first, ...rest] = dimensions;
  if (first === undefined) return yield [];
  for (const choice of first) for (const others of product(rest)) yield [...choice, ...others];
}

/** A condition of the grid: the combinations that match get each of the points besides. */
interface Condition {
  pattern: Pattern;
  place: string;
  points: Assignment[][];
}

interface Exclude {
  pattern: Pattern;
  place: string;
}

/** What a grid varies, in the order of fields. */
function dimensionsOf(grid: Grid, place: string): Dimension[] {
  return [
    ...Object.entries(grid.axes ?? {}).map(([path, values]) => axisDimension(path, values, pointer(place, 'axes'))),
    ...(grid.zip ?? []).map((group, index) => zipDimension(group, pointer(place, 'zip', index))),
  ].sort((a, b) => firstField(a) - firstField(b));
}

function conditionsOf(grid: Grid, place: string): Condition[] {
  return (grid.when ?? []).map((condition, index) => {
    const then = pointer(place, 'when', index, 'then');
    const dimensions = sortedEntries(condition.then).map(([path, values]) => axisDimension(path, values, then));
    return { pattern: condition.if, place: pointer(place, 'when', index), points: [...product(dimensions)] };
  });
}

/** What a combination assigns, over what its grid inherits and sets for all of them. */
type Assigned = (given: readonly Assignment[]) => Tree;

/**
 * Assignments are made in the order of fields: those before every field that varies are the same for all runs, and are
 * made once.
 */
function assigner(
  { inherited, own }: { inherited: readonly Assignment[]; own: readonly Assignment[] },
  dimensions: readonly Dimension[],
  conditions: readonly Condition[],
): Assigned {
  const varying = [...dimensions.flat(2), ...conditions.flatMap(({ points }) => points.flat())];
  const first = Math.min(...varying.map(({ path }) => fieldOrder(path)));
  const early = own.filter(({ path }) => fieldOrder(path) < first);
  const late = own.filter(({ path }) => fieldOrder(path) >= first);
  const base = assignAll(assignAll({}, inherited), early);
  return (given) => assignAll(base, [...late, ...given]);
}

interface Combinations {
  /** null when there are too many of them to go on */
  all: Assignment[][] | null;
  clashes: GridExpansion['clashes'];
  /** places of conditions that matched */
  used: Set<string>;
  tooMany: boolean;
}

/** Every combination of the dimensions, with the points of each condition that it matches. Stops above the limit. */
function combine(dimensions: Dimension[], conditions: readonly Condition[], assigned: Assigned): Combinations {
  const used = new Set<string>();
  const clashes = new Map<string, { place: string; path: string }>();
  const all: Assignment[][] = [];
  for (const point of product(dimensions)) {
    let branches = [point];
    for (const condition of conditions) {
      branches = branches.flatMap((branch) => {
        if (!matches(condition.pattern, fillDefaults(assigned(branch)))) return [branch];
        used.add(condition.place);
        for (const { path, place: at } of condition.points[0] ?? []) {
          if (branch.some((each) => settledField(each.path) === settledField(path)))
            clashes.set(`${condition.place} ${path}`, { place: at.replace(/\/\d+$/, ''), path });
        }
        return condition.points.map((more) => [...branch, ...more]);
      });
      if (all.length + branches.length > runLimit)
        return { all: null, clashes: [...clashes.values()], used, tooMany: true };
    }
    for (const branch of branches) all.push(branch);
  }
  return { all, clashes: [...clashes.values()], used, tooMany: all.length > runLimit };
}

/**
 * The runs of one grid. Every axis must be a known field with valid values; nothing is thrown for what else is wrong
 * with a run.
 */
export function expandGrid({ grid, place, inherited }: PlacedGrid): GridExpansion {
  const own = settingsOf(grid, place);
  const dimensions = dimensionsOf(grid, place);
  const conditions = conditionsOf(grid, place);
  const excludes = (grid.exclude ?? []).map((pattern, index): Exclude => ({
    pattern,
    place: pointer(place, 'exclude', index),
  }));
  const assigned = assigner({ inherited, own }, dimensions, conditions);
  // Counted first, so that a grid without end is refused before its runs are built.
  const combinations = combine(dimensions, conditions, assigned);
  const { clashes, used, tooMany } = combinations;
  if (combinations.all === null) return { runs: [], clashes, idle: [], tooMany };
  const runs = combinations.all.flatMap((branch): GridRun[] => {
    const said = assigned(branch);
    const run = fillDefaults(said);
    const hits = excludes.filter(({ pattern }) => matches(pattern, run));
    for (const hit of hits) used.add(hit.place);
    return hits.length > 0 ? [] : [{ assigned: said, run, grid: place, given: [...inherited, ...own, ...branch] }];
  });
  const idle = [...conditions, ...excludes].map((each) => each.place).filter((each) => !used.has(each));
  return { runs, clashes, idle, tooMany };
}
