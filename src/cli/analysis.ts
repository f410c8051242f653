/** What the commands `figures` and `tables` share: which experiments are meant, and how the outcome is told. */
import { statSync } from 'node:fs';
import { basename, dirname, join, relative, resolve } from 'node:path';
import { readRuns, type IgnoredRun } from '../../analysis/runs';
import { projectRoot } from '../files';
import { exitCode, userError } from '../problems';
import { projectPath } from '../project';
import { committedRuns, listExperiments, referenceFolder, resultsFolder } from '../runner/folders';
import { staleNotice } from '../runner/stale';
import { experimentNamed, noExperiment } from './names';
import { say, sayJson } from './text';

/** Where a command draws to, and from which runs. */
export interface PlaceOptions {
  /** folder below which it writes */
  out?: string;
  /** the committed reference runs, into the committed figures */
  reference?: boolean;
}

/** Options of both commands. */
export interface AnalysisOptions extends PlaceOptions {
  only?: string[];
  json?: boolean;
}

/** One experiment's outcome, figures or tables alike. */
interface AnalysisOutcome {
  written: string[];
  skipped: { name: string; reason: string }[];
  ignoredRuns: IgnoredRun[];
  runs: number;
  notices: string[];
}

/** Experiments of one's own and committed ones, sorted. */
export const allExperiments = (): string[] =>
  [...new Set([...listExperiments(resultsFolder()), ...listExperiments(committedRuns)])].sort();

/** The committed figures and tables, drawn from the committed runs alone: nothing else writes there. */
const committedFigures = join(projectRoot, 'paper-figures');

/**
 * Where the figures, tables and pages of experiments go: the folder of --out; with --reference the committed figures;
 * else EQUIPOISE_FIGURES, or what the config of the project says, or figures/ of the project, which git ignores.
 */
export function figuresFolder({ out, reference = false }: PlaceOptions): string {
  if (out !== undefined) return resolve(out);
  if (reference) return committedFigures;
  return resolve(projectPath('figures'));
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}

/**
 * The folders of the experiments that are meant: the named one (a name below the results folder, else among the
 * committed reference results, else a path), or all. Throws a UserError when there is none.
 */
export function experimentFolders(experiment: string | undefined, results = resultsFolder()): string[] {
  // A project of one's own has its results elsewhere: what is committed is found by its name there, too.
  const places = [results, join(results, referenceFolder), ...(experiment === undefined ? [] : [committedRuns])];
  const found = new Map(
    places.toReversed().flatMap((folder) => listExperiments(folder).map((name) => [name, join(folder, name)] as const)),
  );
  const names = [...found.keys()].sort();
  if (experiment === undefined) {
    if (names.length > 0) return names.map((name) => found.get(name)!);
    throw userError(
      {
        where: place(results),
        what: 'there are no results yet',
        hint: 'train first: equipoise run experiments/quickstart.json',
      },
      exitCode.unavailable,
    );
  }
  const meant = experimentNamed(experiment, names);
  const folder = found.get(meant);
  if (folder !== undefined) return [folder];
  if (/[\\/]/.test(experiment) && isFolder(experiment)) return [resolve(experiment)];
  const what = isFolder(experiment) ? 'is not a folder of results' : 'has no results';
  throw noExperiment(experiment, names, what);
}

/** The same among the committed runs alone: no path leads the figures of other runs to where committed ones are. */
export function committedFolders(experiment: string | undefined): string[] {
  const names = listExperiments(committedRuns);
  const meant = experiment === undefined ? undefined : experimentNamed(experiment, names);
  if (meant !== undefined && !names.includes(meant))
    throw userError({
      where: `experiment "${meant}"`,
      what: `is not in ${place(committedRuns)}, which alone --reference draws`,
      expected: names.join(', '),
      hint: 'leave --reference out',
    });
  return experimentFolders(meant, committedRuns);
}

/** A path as a person would write it here. */
export function place(path: string): string {
  const near = relative(process.cwd(), path);
  return near === '' ? '.' : near.startsWith('..') ? path : near;
}

/** The outcome in lines for a person: what was made, what was not and why, which runs do not count and why. */
function outcomeLines(folder: string, out: string, made: AnalysisOutcome): string[] {
  const byName = new Map<string, string[]>();
  for (const path of made.written) {
    const name = basename(path).split('.')[0]!;
    byName.set(name, [...(byName.get(name) ?? []), basename(path).slice(name.length + 1)]);
  }
  const width = Math.max(
    0,
    ...[...byName.keys()].map((name) => name.length),
    ...made.skipped.map(({ name }) => name.length),
  );
  return [
    `${basename(folder)}: ${made.runs} finished run${made.runs === 1 ? '' : 's'} in ${place(folder)}`,
    ...[...byName].map(([name, kinds]) => `  ${name.padEnd(width)}  ${kinds.join(' ')}`),
    ...made.skipped.map(({ name, reason }) => `  ${name.padEnd(width)}  skipped: ${reason}`),
    ...(made.ignoredRuns.length === 0 ? [] : [`  not counted, ${made.ignoredRuns.length}:`]),
    ...made.ignoredRuns.map(({ id, reason }) => `    ${id}  ${reason}`),
    ...made.notices.map((notice) => `  note: ${notice}`),
    made.written.length === 0 ? '  nothing was written' : `  written to ${place(out)}`,
  ];
}

/** Adds to the notices that runs of one's own are not what they would be now: drawn they are, since nobody else knows. */
function withStale(folder: string, made: AnalysisOutcome): AnalysisOutcome {
  const notice = staleNoticeOf(folder);
  return notice === null ? made : { ...made, notices: [...made.notices, notice] };
}

/** The same of a folder of results; null for a committed experiment, whose runs are what they were. */
export function staleNoticeOf(folder: string): string | null {
  if (resolve(dirname(folder)) !== resolve(resultsFolder())) return null;
  return staleNotice(readRuns(folder).runs.map(({ file }) => file));
}

/** Runs `make` for each experiment that is meant and tells the outcome, as lines or as one JSON list. */
export async function analyse(
  name: 'figures' | 'tables',
  experiment: string | undefined,
  options: AnalysisOptions,
  make: (folder: string, out: string, only: string[] | undefined) => Promise<AnalysisOutcome>,
): Promise<void> {
  const outcomes: ({ experiment: string; folder: string; out: string } & AnalysisOutcome)[] = [];
  for (const folder of options.reference === true ? committedFolders(experiment) : experimentFolders(experiment)) {
    const out = join(figuresFolder(options), basename(folder));
    const made = withStale(folder, await make(folder, out, options.only));
    outcomes.push({ experiment: basename(folder), folder, out, ...made });
    if (options.json !== true) say(outcomeLines(folder, out, made).join('\n'));
  }
  if (options.json === true) sayJson(name, { experiments: outcomes });
}
