/** The view *Runs*: one row a setting, seeds folded, with the numbers of `equipoise tables`. */
import { tInterval } from '../../../analysis/statistics';
import { estimateText } from '../../../analysis/table';
import type { Folded, Setting } from '../fold';
import type { ExperimentPlace, Library } from '../library';
import { BadCondition, columnName, columnsOf, rowsWhere } from '../where';

/** A setting as the page shows it, without its whole specification. */
export type ShownSetting = Omit<Setting, 'spec' | 'result'> & {
  /** for sorting; null where no run counts */
  mean: number | null;
  exact: number | null;
  lowest: number | null;
  highest: number | null;
  loss: number | null;
  lossText: string;
};

export interface RunsView {
  settings: ShownSetting[];
  /** of how many */
  total: number;
  varied: string[];
  ignored: Folded['ignored'];
  /** names that a condition may use */
  columns: string[];
  /** why the condition was not used; all settings are shown then */
  fault: string | null;
}

/** What is shown of a setting. */
export function shownSetting({ spec: _spec, result, ...setting }: Setting, losses: readonly number[]): ShownSetting {
  const known = setting.runs.flatMap(({ accuracy }) => accuracy ?? []);
  const loss = losses.length === 0 ? null : tInterval(losses);
  return {
    ...setting,
    mean: result?.choice ?? null,
    exact: result?.generation ?? null,
    lowest: known.length === 0 ? null : Math.min(...known),
    highest: known.length === 0 ? null : Math.max(...known),
    loss: loss?.mean ?? null,
    lossText: loss === null ? '' : estimateText(loss.mean, loss.low, loss.high),
  };
}

/** The values of a setting by the names that a condition uses. */
export const fieldsOf = (setting: ShownSetting): Record<string, unknown> => ({
  task: setting.task,
  panel: setting.panel,
  method: setting.method,
  setting: setting.setting,
  scheduler: setting.scheduler,
  n: setting.n,
  runs: setting.runs.length,
  accuracy: setting.mean,
  lowest: setting.lowest,
  highest: setting.highest,
  exact: setting.exact,
  loss: setting.loss,
  ...setting.options,
});

/** The settings for which the condition holds, all without one. */
export async function runsView(library: Library, place: ExperimentPlace, where: string): Promise<RunsView> {
  const { settings, varied, ignored } = await library.settings(place);
  const files = new Map((await library.storedRuns(place)).map((run) => [run.id, run.file]));
  const shown = settings.map((setting) =>
    shownSetting(
      setting,
      setting.runs.filter(({ counts }) => counts).flatMap(({ id }) => files.get(id)?.final?.loss ?? []),
    ),
  );
  const rows = shown.map(fieldsOf);
  const columns = columnsOf(rows).map(({ name }) => columnName(name));
  const base = { total: shown.length, varied, ignored, columns };
  if (where.trim() === '') return { ...base, settings: shown, fault: null };
  try {
    const places = await rowsWhere(rows, where);
    return { ...base, settings: places.map((i) => shown[i]!), fault: null };
  } catch (error) {
    if (error instanceof BadCondition) return { ...base, settings: shown, fault: error.message };
    throw error;
  }
}

/**
 * What only whole journals can say, which takes longer: mean log kappa of every setting, as claims read it, what a reader
 * must know of the journals, and runs that the tables leave out for theirs.
 */
export async function kappaView(library: Library, place: ExperimentPlace) {
  const { settings } = await library.settings(place);
  const { values, ignored, notices } = await library.logKappas(place);
  const kappa = settings.flatMap(({ key, runs }) => {
    const known = runs.filter(({ counts }) => counts).flatMap(({ id }) => values.get(id) ?? []);
    if (known.length === 0) return [];
    const { mean, low, high } = tInterval(known);
    return [{ key, value: mean, text: estimateText(mean, low, high, 2) }];
  });
  return { kappa, notices, ignored };
}
