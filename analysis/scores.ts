/** Runs, or what is known of each, in the order of every table: by task, setting and method; and by seed within a method. */
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

/** Tasks by name, settings and methods in the order of every table. */
export function compared<Score extends Place>(scores: readonly Score[]): Compared<Score>[] {
  return [...new Set(scores.map((score) => score.panel))].sort().flatMap((panel) => {
    const ofPanel = scores.filter((score) => score.panel === panel);
    return orderSettings(ofPanel.map((score) => score.setting)).map((setting) => {
      const here = ofPanel.filter((score) => score.setting === setting);
      const methods = orderMethods(here.map((score) => score.method)).map(
        (method) => [method, here.filter((score) => score.method === method)] as const,
      );
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
  const methods = orderMethods(all.map(({ method }) => method));
  const settings = orderSettings(all.map(({ setting }) => setting));
  return (a, b) =>
    byText(a.panel, b.panel) ||
    settings.indexOf(a.setting) - settings.indexOf(b.setting) ||
    methods.indexOf(a.method) - methods.indexOf(b.method);
}
