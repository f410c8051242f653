/** The rows of `status EXPERIMENT`: its runs, or its settings with the seeds folded, chosen and ordered as asked. */
import { byText, leaves } from '../../analysis/labels';
import { resultsFolder } from '../runner/folders';
import type { StoredRun } from '../runner/results';
import { toldAccuracy } from '../train/records';
import { isObject } from '../json';
import { valueAt } from '../manifest/tree';
import type { ExperimentPlace, Library } from '../ui/library';
import type { Setting } from '../ui/fold';
import { fieldsOf as fieldsOfSetting, kappaView, runsView, type ShownSetting } from '../ui/views/runs';
import { allExperiments, staleNoticeOf } from './analysis';
import { parseConditions, placesBy, placesWhere, fieldNamed, type Condition, type Fields } from './conditions';
import { experimentNamed, noExperiment } from './names';
import { short } from './text';
import { libraryOf } from './ui';

export interface RowOptions {
  sort?: string;
  reverse?: boolean;
  where?: string[];
}

/** A library over one's own results and the committed ones. */
export const openLibrary = (): Library => libraryOf(resultsFolder());

/** The experiment that is meant, one's own or else a committed one. Throws UserError. */
export function placeNamed(library: Library, typed: string): ExperimentPlace {
  const names = allExperiments();
  const name = experimentNamed(typed, names);
  const found = library.experiments().find((place) => place.name === name);
  if (found === undefined) throw noExperiment(typed, names, 'has no results');
  return found;
}

/** Every field of a run or setting by dotted path, numbers as numbers. */
const specFields = (spec: object): Record<string, unknown> =>
  Object.fromEntries(
    [...leaves(spec).keys()].map((path) => {
      const value = valueAt(spec, path);
      return [path, isObject(value) || Array.isArray(value) ? JSON.stringify(value) : value];
    }),
  );

/** What a condition may ask of a run. */
export const fieldsOfRun = ({ id, state, step, steps, file }: StoredRun): Fields => ({
  run: id,
  state,
  step,
  steps,
  accuracy: file?.final ? toldAccuracy(file.final) : null,
  exact: file?.final?.generation?.accuracy ?? null,
  loss: file?.final?.loss ?? null,
  seconds: file === null ? null : file.times.trainSeconds + file.times.evaluateSeconds,
  ...(file === null ? {} : specFields(file.spec)),
});

const conditionsOf = ({ where = [] }: RowOptions): Condition[] => where.flatMap(parseConditions);

/** Rows as asked, and the field that orders them. */
function ordered<Row>(
  rows: readonly Row[],
  fields: (row: Row) => Fields,
  options: RowOptions,
): { rows: Row[]; field: string | null } {
  const all = rows.map(fields);
  const chosen = placesWhere(all, conditionsOf(options));
  if (options.sort === undefined) return { rows: chosen.map((place) => rows[place]!), field: null };
  const kept = new Set(chosen);
  const field = fieldNamed(options.sort, all, `--sort ${options.sort}`);
  const order = placesBy(all, field, options.reverse === true, byText).filter((place) => kept.has(place));
  return { rows: order.map((place) => rows[place]!), field };
}

/** The runs of an experiment that are asked for. */
export async function runRows(
  library: Library,
  place: ExperimentPlace,
  options: RowOptions,
): Promise<{ runs: StoredRun[]; total: number; field: string | null }> {
  const stored = await library.storedRuns(place);
  const { rows, field } = ordered(stored, fieldsOfRun, options);
  return { runs: rows, total: stored.length, field };
}

/** A setting with the mean of log kappa over its runs, as the page shows it. */
export interface SettingRow extends ShownSetting {
  kappa: number | null;
  kappaText: string;
}

export interface SettingRows {
  settings: SettingRow[];
  total: number;
  varied: string[];
  /** finished runs that stand in no number, with reasons */
  ignored: { id: string; reason: string }[];
  /** that runs among them are not what they would be now; null where none is known to be so */
  stale: string | null;
  field: string | null;
}

/** What a condition may ask of a setting. */
function fieldsOf(setting: SettingRow, spec: object): Fields {
  const { seed: _seed, ...fields } = specFields(spec);
  return { ...fieldsOfSetting(setting), kappa: setting.kappa, ...fields };
}

/** Every setting of an experiment with the fields that conditions may ask of it. */
async function allSettings(library: Library, place: ExperimentPlace): Promise<{ row: SettingRow; setting: Setting }[]> {
  const kappas = new Map((await kappaView(library, place)).kappa.map((each) => [each.key, each]));
  const view = await runsView(library, place, '');
  const { settings } = await library.settings(place);
  const shown = new Map(view.settings.map((each) => [each.key, each]));
  return settings.map((setting) => {
    const known = kappas.get(setting.key);
    return { setting, row: { ...shown.get(setting.key)!, kappa: known?.value ?? null, kappaText: known?.text ?? '–' } };
  });
}

/** The settings of an experiment that are asked for, with the numbers of `equipoise tables` and `equipoise ui`. */
export async function settingRows(library: Library, place: ExperimentPlace, options: RowOptions): Promise<SettingRows> {
  const all = await allSettings(library, place);
  const { varied, ignored } = await library.settings(place);
  const { rows, field } = ordered(all, ({ row, setting }) => fieldsOf(row, setting.spec), options);
  const stale = place.own ? staleNoticeOf(place.folder) : null;
  return { settings: rows.map(({ row }) => row), total: all.length, varied, ignored, stale, field };
}

/** A setting that conditions are held against, with the experiment that it is of. */
export interface PlacedSetting {
  place: ExperimentPlace;
  setting: Setting;
  fields: Fields;
}

/** The settings of several experiments. */
export async function placedSettings(library: Library, places: readonly ExperimentPlace[]): Promise<PlacedSetting[]> {
  const all: PlacedSetting[] = [];
  for (const place of places)
    for (const { row, setting } of await allSettings(library, place))
      all.push({ place, setting, fields: fieldsOf(row, setting.spec) });
  return all;
}

/** Those for which conditions hold. Throws UserError for a field that none has. */
export const settingsWhere = (all: readonly PlacedSetting[], conditions: readonly Condition[]): PlacedSetting[] =>
  placesWhere(
    all.map(({ fields }) => fields),
    conditions,
  ).map((at) => all[at]!);

/** Head and rows of a table of settings. */
export function settingTable({ settings, field }: SettingRows): string[][] {
  const shown = ['task', 'panel', 'setting', 'method', 'n', 'accuracy', 'exact', 'loss', 'kappa', 'lowest', 'highest'];
  const extra = field === null || shown.includes(field) ? [] : [field];
  const hasExact = settings.some(({ exact }) => exact !== null);
  return [
    [
      'task',
      'learning rates',
      'method',
      'n',
      'accuracy',
      ...(hasExact ? ['exact match'] : []),
      'loss',
      'log kappa',
      ...extra,
    ],
    ...settings.map((setting) => [
      setting.panel,
      setting.setting,
      setting.method,
      `${setting.n}${setting.n < setting.runs.length ? ` of ${setting.runs.length}` : ''}`,
      setting.choice === '' ? '–' : setting.choice,
      ...(hasExact ? [setting.generation === '' ? '–' : setting.generation] : []),
      setting.lossText === '' ? '–' : setting.lossText,
      setting.kappaText,
      ...extra.map((name) => cellText(fieldsOfSetting(setting)[name])),
    ]),
  ];
}

/** A value in a cell. */
export const cellText = (value: unknown): string =>
  value === null || value === undefined
    ? '–'
    : typeof value === 'number'
      ? short(value)
      : typeof value === 'string'
        ? value
        : JSON.stringify(value);
