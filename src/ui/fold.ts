/** Runs folded into settings: seeds together, and nothing else. */
import { rounded } from '../../analysis/files';
import { grouped } from '../../analysis/grouped';
import { labelRuns, leaves, type RunLabels } from '../../analysis/labels';
import { readRuns, type FoundRun, type IgnoredRun } from '../../analysis/runs';
import { byPlace } from '../../analysis/scores';
import { estimateText } from '../../analysis/table';
import { resultRows, results, type ResultRow, type RunScore } from '../../analysis/tables/results';
import { canonicalJson, sha256 } from '../files';
import type { RunSpec } from '../manifest/run';
import { valueAt } from '../manifest/tree';
import type { StoredRun, StoredState } from '../runner/results';
import { toldAccuracy } from '../train/records';

/** One run of a setting. `counts`: it stands in the numbers, as in those of `equipoise tables`. */
export interface FoldedRun {
  id: string;
  seed: number;
  state: StoredState;
  step: number;
  steps: number;
  counts: boolean;
  /** final accuracy of a run that counts; as text with three digits, too */
  accuracy: number | null;
  text: string;
}

/** Runs that differ in nothing but the seed. */
export interface Setting extends RunLabels {
  /** of addresses: it stays the same as long as the specification does */
  key: string;
  task: string;
  scheduler: string;
  spec: RunSpec;
  runs: FoldedRun[];
  /** seeds that count */
  n: number;
  /** of finished runs; null where none counts */
  result: ResultRow | null;
  /** mean accuracy and exact match with interval and marks, as the table of results prints them */
  choice: string;
  generation: string;
  /** whether they are the best of their task and rates */
  choiceBest: boolean;
  generationBest: boolean;
  /** behind an accuracy of one of its runs: empty, or that it is exact match, of a set without choices */
  measure: '' | ' exact match';
  /** every option that differs between the settings of the experiment, by dotted path */
  options: Record<string, unknown>;
}

export interface Folded {
  settings: Setting[];
  /** paths of the options that differ between settings, sorted */
  varied: string[];
  /** runs that stand in no number, with reasons; unfinished ones are not among them */
  ignored: IgnoredRun[];
}

/** The specification of a setting: that of its runs without the seed. */
export const settingKey = (spec: RunSpec): string => sha256(canonicalJson({ ...spec, seed: 0 })).slice(0, 12);

const share = (score: { total: number; accuracy: number } | undefined) =>
  score !== undefined && score.total > 0 ? score.accuracy : null;

const byWord = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0);

/** Scores of finished runs in the order in which the tables read them. */
function scoresOf(found: readonly FoundRun[], labels: readonly RunLabels[]): RunScore[] {
  return found
    .flatMap(({ file }, i) =>
      file.final === null
        ? []
        : [
            {
              ...labels[i]!,
              id: file.id,
              seed: file.spec.seed,
              choice: share(file.final.choice),
              generation: share(file.final.generation),
            },
          ],
    )
    .sort(
      (a, b) =>
        byWord(a.panel, b.panel) ||
        byWord(a.method, b.method) ||
        byWord(a.setting, b.setting) ||
        a.seed - b.seed ||
        byWord(a.id, b.id),
    );
}

/** The cells of the table of results, by the place of their row. */
function resultCells(found: readonly FoundRun[], labels: readonly RunLabels[]) {
  const rows = rounded(resultRows(scoresOf(found, labels))) as ResultRow[];
  const { columns, groups } = results.layout(rows);
  const texts = groups.flat();
  const column = (header: string) => columns.findIndex((each) => each.header === header);
  const [choice, generation] = [column('Choice accuracy'), column('Generation exact match')];
  return new Map(
    rows.map((row, i) => [
      JSON.stringify([row.panel, row.setting, row.method]),
      { row, choice: texts[i]![choice]!, generation: texts[i]![generation]! },
    ]),
  );
}

function foldedRun({ id, state, step, steps, file }: StoredRun, counts: boolean): FoldedRun {
  const accuracy = counts && file?.final ? toldAccuracy(file.final) : null;
  const text = accuracy === null ? '' : estimateText(accuracy, null, null);
  return { id, seed: file!.spec.seed, state, step, steps, counts, accuracy, text };
}

/**
 * The settings of an experiment in the order of the tables. Runs that have not finished belong to their setting and to
 * none of its numbers. `folder`: where the runs lie unpacked; `unsound`: finished runs whose journals cannot be used.
 */
export function foldRuns(folder: string, stored: readonly StoredRun[], unsound: readonly IgnoredRun[]): Folded {
  const read = readRuns(folder);
  const bad = new Set(unsound.map(({ id }) => id));
  const found = read.runs.filter(({ file }) => !bad.has(file.id));
  const already = new Set(read.ignored.map(({ id }) => id));
  const ignored = [...read.ignored, ...unsound.filter(({ id }) => !already.has(id))];
  const known = stored.filter(({ file }) => file !== null);
  const counted = new Map(found.map(({ file }) => [file.id, file]));
  const labels = labelRuns(found.map(({ file }) => file.spec));
  const labelOf = new Map(found.map(({ file }, i) => [file.id, labels[i]!]));
  const cells = resultCells(found, labels);
  const groups = grouped(known, ({ file }) => settingKey(file!.spec));
  const firsts = groups.map((group) => group[0]!.file!.spec);
  const ownLabels = labelRuns(firsts);
  const all = firsts.map((spec) => leaves({ ...spec, seed: 0 }));
  const paths = [...new Set(all.flatMap((each) => [...each.keys()]))].sort();
  const varied = paths.filter((path) => new Set(all.map((each) => each.get(path))).size > 1);
  const settings = groups.map((group, i): Setting => {
    const spec = firsts[i]!;
    const finished = group.find(({ id }) => counted.has(id));
    const label = (finished && labelOf.get(finished.id)) ?? ownLabels[i]!;
    const cell = finished && cells.get(JSON.stringify([label.panel, label.setting, label.method]));
    return {
      ...label,
      key: settingKey(spec),
      task: spec.task,
      scheduler: spec.scheduler.kind,
      spec,
      runs: group
        .map((run) => foldedRun(run, counted.has(run.id)))
        .sort((a, b) => a.seed - b.seed || byWord(a.id, b.id)),
      n: group.filter(({ id }) => counted.has(id)).length,
      result: cell?.row ?? null,
      choice: cell?.choice.text ?? '',
      generation: cell?.generation.text ?? '',
      choiceBest: cell?.choice.best === true,
      generationBest: cell?.generation.best === true,
      measure: cell !== undefined && cell.row.choice === null ? ' exact match' : '',
      options: Object.fromEntries(varied.map((path) => [path, valueAt(spec, path) ?? null])),
    };
  });
  const unfinished = new Set(known.filter(({ state }) => state !== 'done').map(({ id }) => id));
  return {
    settings: settings.sort(byPlace(settings)),
    varied,
    ignored: ignored.filter(({ id }) => !unfinished.has(id)),
  };
}
