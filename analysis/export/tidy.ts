/**
 * Finished runs as tidy tables: a row a run, a row a number of a journal, a row an answer (columns.ts). The runs are
 * those that figures and tables count, under the same names.
 */
import { existsSync } from 'node:fs';
import { join, relative, sep } from 'node:path';
import { storedSet } from '../../src/data/sets/store';
import { cachePath, canonicalJson } from '../../src/files';
import { exitCode, userError } from '../../src/problems';
import { predictionsName } from '../../src/runner/folders';
import { readJournal } from '../../src/runner/journal';
import { isRight } from '../../src/train/predictions';
import { toldAccuracy, type EvaluateRecord, type JournalRecord } from '../../src/train/records';
import { openJournals, type Run } from '../aggregate';
import { predictionsOf } from '../answers';
import { grouped } from '../grouped';
import type { IgnoredRun } from '../runs';
import { factColumns, runColumns, type Column, type ColumnType, type TidyCell } from './columns';

export type TidyRow = Record<string, TidyCell>;

/** A number of a journal under its name, e.g. `measure/kappa`. */
export interface NamedValue {
  name: string;
  value: number;
}

/** The runs of an experiment that can be exported. */
export interface ExportedRuns {
  experiment: string;
  /** in order of id */
  runs: readonly Run[];
  ignored: readonly IgnoredRun[];
}

/** The finished runs of `folder`, results/<experiment> or a kept experiment. Throws UserError where there is none. */
export async function exportedRuns(folder: string): Promise<ExportedRuns> {
  const { experiment, runs, ignored, close } = await openJournals(folder);
  close();
  if (runs.length > 0) return { experiment, runs, ignored };
  throw userError(
    {
      where: `experiment "${experiment}"`,
      what: `has no finished run${ignored.length === 0 ? '' : `: ${ignored[0]!.reason}`}`,
      hint: 'train first: equipoise run',
    },
    exitCode.failed,
  );
}

type Leaf = string | number | boolean | null;

/** Every value below `value` by its path; a list is one value, as JSON. Empty objects have none. */
function* leavesOf(value: unknown, separator: string, path = ''): Generator<[path: string, value: Leaf]> {
  if (value === undefined) return;
  if (value !== null && typeof value === 'object' && !Array.isArray(value)) {
    for (const [key, inner] of Object.entries(value))
      yield* leavesOf(inner, separator, path === '' ? key : `${path}${separator}${key}`);
  } else yield [path, Array.isArray(value) ? canonicalJson(value) : (value as Leaf)];
}

/** The settings of a run by their paths in a manifest, e.g. `learningRate.encoder`; defaults are among them. */
export const settingsOf = ({ file }: Pick<Run, 'file'>): Record<string, Leaf> =>
  Object.fromEntries([...leavesOf(file.spec, '.')].sort(([a], [b]) => (a < b ? -1 : 1)));

/** Where the names of a record's values begin. */
function groupOf(record: Exclude<JournalRecord, { kind: 'notice' }>): string {
  if (record.kind !== 'evaluate') return record.kind;
  return record.task === undefined ? record.split : `transfer/${record.task}`;
}

/** What a record measured, in its own order; an accuracy of no question is none. Empty for a notice. */
export function namedValues(record: JournalRecord): NamedValue[] {
  if (record.kind === 'notice') return [];
  const { kind: _kind, step: _step, ...measured } = record;
  const group = groupOf(record);
  const found: [string, Leaf][] = [];
  for (const [path, value] of leavesOf(measured, '/'))
    if (typeof value === 'boolean' || (typeof value === 'number' && Number.isFinite(value))) found.push([path, value]);
  const totals = new Map(found);
  return found
    .filter(([path]) => !path.endsWith('/accuracy') || totals.get(path.replace(/accuracy$/, 'total')) !== 0)
    .map(([path, value]) => ({ name: `${group}/${path}`, value: Number(value) }));
}

/** The records of a run's journal that hold numbers, in their order. */
export const recordsOf = ({ folder }: Pick<Run, 'folder'>): JournalRecord[] =>
  readJournal(join(folder, 'metrics.jsonl')).records;

const finalOf = ({ file }: Pick<Run, 'file'>): EvaluateRecord | null => file.final;

/** The row of a run, without empty cells: its labels, settings, facts and the values of its final evaluation. */
function runRow(run: Run): TidyRow {
  const { file, panel, method, setting } = run;
  const final = finalOf(run);
  const facts = new Map(leavesOf(file, '.'));
  return {
    run: run.id,
    experiment: file.experiment,
    identity: file.identity,
    panel,
    method,
    setting,
    accuracy: final === null ? null : toldAccuracy(final),
    ...settingsOf(run),
    ...Object.fromEntries((final === null ? [] : namedValues(final)).map(({ name, value }) => [name, value])),
    ...Object.fromEntries(factColumns.map(({ name }) => [name, facts.get(name) ?? null])),
  };
}

/** The narrowest type that holds all values; what is mixed is text. */
function typeOf(values: readonly TidyCell[]): ColumnType {
  const there = values.filter((value) => value !== null);
  if (there.every((value) => typeof value === 'boolean')) return 'boolean';
  if (!there.every((value) => typeof value === 'number')) return 'text';
  return there.every(Number.isSafeInteger) ? 'integer' : 'number';
}

const asText = (value: TidyCell): string | null =>
  value === null ? null : typeof value === 'string' ? value : JSON.stringify(value);

/** The table of runs: its columns depend on what their manifests set and their tasks ask. */
export function runTable(runs: readonly Run[]): { columns: Column[]; rows: TidyRow[] } {
  const rows = runs.map(runRow);
  const stated = new Map([...runColumns, ...factColumns].map((column) => [column.name, column]));
  const names = (of: (run: Run) => string[]) => [...new Set(runs.flatMap(of))].filter((name) => !stated.has(name));
  const free = (name: string, about: string): Column => {
    const values = rows.map((row) => row[name] ?? null);
    const type = typeOf(values);
    return { name, type, about };
  };
  const results = (run: Run) => {
    const final = finalOf(run);
    return final === null ? [] : namedValues(final).map(({ name }) => name);
  };
  const columns = [
    ...runColumns,
    ...names((run) => Object.keys(settingsOf(run)))
      .sort()
      .map((name) => free(name, 'setting, by its path in the manifest')),
    ...names(results).map((name) => free(name, 'final evaluation')),
    ...factColumns,
  ];
  const cell = (row: TidyRow, { name, type }: Column) =>
    type === 'text' ? asText(row[name] ?? null) : (row[name] ?? null);
  return {
    columns,
    rows: rows.map((row) => Object.fromEntries(columns.map((column) => [column.name, cell(row, column)]))),
  };
}

/** The rows of all journals, one run after the other. */
export function* metricRows(runs: readonly Run[]): Generator<TidyRow> {
  for (const run of runs)
    for (const record of recordsOf(run))
      for (const { name, value } of namedValues(record)) yield { run: run.id, step: record.step, name, value };
}

/** The answers of the runs, each with its question; sets that are not on this machine leave question and media empty. */
export function* predictionRows(runs: readonly Run[]): Generator<TidyRow> {
  for (const alike of grouped(runs, ({ file }) => file.data.identity)) {
    const { task, identity } = alike[0]!.file.data;
    const set = storedSet(task, identity);
    for (const run of alike)
      for (const prediction of predictionsOf(run) ?? []) {
        const item = prediction.task === task ? set?.items.get(prediction.id) : undefined;
        const media = item === undefined ? undefined : set?.media.get(item.media);
        const { id, kind, slice, answer, references = [answer], choices, likelihoods } = prediction;
        yield {
          run: run.id,
          task: prediction.task,
          ...{ id, kind, slice },
          question: item?.prompt ?? null,
          media: media === undefined ? null : relative(cachePath(), media).split(sep).join('/'),
          ...{ answer, references, choices, likelihoods },
          chosen: prediction.chosen,
          generated: prediction.generated,
          correct: isRight(prediction),
          loss: prediction.loss,
          labels: prediction.labels,
        };
      }
  }
}

/** What a reader of the export must know: torn journals, answers that were not kept, sets that are not here. */
export function exportNotices(runs: readonly Run[]): string[] {
  const none = runs.filter(({ folder }) => !existsSync(join(folder, predictionsName))).length;
  const withAnswers = runs.filter(({ folder }) => existsSync(join(folder, predictionsName)));
  const sets = grouped(withAnswers, ({ file }) => file.data.identity).map(([run]) => run!.file.data);
  const absent = sets.filter(({ task, identity }) => storedSet(task, identity) === null).map(({ task }) => task);
  const torn = runs.filter(({ folder }) => readJournal(join(folder, 'metrics.jsonl')).torn);
  return [
    ...torn.map(({ id }) => `${id}: the last line of metrics.jsonl is torn; it was left out`),
    ...(none === 0 ? [] : [`${none} of ${runs.length} runs kept no answers (${predictionsName})`]),
    ...absent.map((task) => `the set of ${task} is not on this machine: its questions and media are left empty`),
  ];
}
