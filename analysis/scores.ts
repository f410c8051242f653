/** Runs, or what is known of each, in the order of every table: by task, setting and method; and by seed within a method. */
import { grouped } from './grouped';
import { byText, orderMethods, orderSettings } from './labels';

/** A run's place in a table. */
export interface Place {
  panel: string;
  setting: string;
  method: string;
}

/** The runs of one task and setting, method by method. */
export interface Compared<Score> {
  panel: string;
  setting: string;
  /** in the order of methods, each with its runs as they came */
  methods: ReadonlyMap<string, readonly Score[]>;
}

/** Rows by a name of theirs, as they came. */
const named = <Row>(rows: readonly Row[], of: (row: Row) => string): Map<string, Row[]> =>
  new Map(grouped(rows, of).map((alike) => [of(alike[0]!), alike]));

/** Tasks by name, settings and methods in the order of every table. */
export function compared<Score extends Place>(scores: readonly Score[]): Compared<Score>[] {
  const byPanel = named(scores, ({ panel }) => panel);
  return [...byPanel.keys()].sort().flatMap((panel) => {
    const bySetting = named(byPanel.get(panel)!, ({ setting }) => setting);
    return orderSettings(bySetting.keys()).map((setting) => {
      const byMethod = named(bySetting.get(setting)!, ({ method }) => method);
      const methods = orderMethods(byMethod.keys()).map((method) => [method, byMethod.get(method)!] as const);
      return { panel, setting, methods: new Map(methods) };
    });
  });
}

/** One value of each run, such as a score, by its seed; runs without it are left out. */
export const bySeed = <Run extends { seed: number }, Value>(
  runs: readonly Run[],
  of: (run: Run) => Value | null | undefined,
): Map<number, Value> =>
  new Map(
    runs.flatMap((run) => {
      const value = of(run);
      return value === null || value === undefined ? [] : [[run.seed, value] as const];
    }),
  );

/** Compares by task, setting and method, in the order of every table. */
export function byPlace(all: readonly Place[]): (a: Place, b: Place) => number {
  const places = (names: readonly string[]) => new Map(names.map((name, i) => [name, i]));
  const methods = places(orderMethods(all.map(({ method }) => method)));
  const settings = places(orderSettings(all.map(({ setting }) => setting)));
  return (a, b) =>
    byText(a.panel, b.panel) ||
    settings.get(a.setting)! - settings.get(b.setting)! ||
    methods.get(a.method)! - methods.get(b.method)!;
}
