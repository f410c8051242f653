/** Where runs lie: results/<experiment>/<id>/, and how their run.json is read without trusting it. */
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { projectRoot } from '../files';
import { isObject } from '../json';
import { filledRun } from '../manifest/defaults';
import { isRunId } from '../manifest/identity';
import { userError } from '../problems';
import { projectPath } from '../project';
import type { RunFile } from './runFile';

/** The committed reference results: compared against, never taken for one's own run, never written by the runner. */
export const referenceFolder = 'reference';

/** The committed runs of the project, which only `keep --reference` writes. */
export const committedRuns = join(projectRoot, 'results', referenceFolder);

/** Beside a run's journal: what the finished run predicted, a line a question. */
export const predictionsName = 'predictions.jsonl';

/** Beside a run's journal, where `equipoise landscape` was asked for it. */
export const landscapeName = 'landscape.json';

/** Beside the runs of an experiment: the manifest that no file says (values that were set, or from standard input). */
export const keptManifest = 'manifest.json';

export interface RunFolder {
  folder: string;
  runJson: string;
  journal: string;
  log: string;
  claim: string;
  /** how the code differed from its commit, where it did */
  diff: string;
  /** trained parameters of a finished run */
  checkpoint: string;
  /** what a finished run predicted */
  predictions: string;
  /** trained parameters after the best validation */
  best: string;
  /** folder of what an interrupted run goes on from */
  checkpoints: string;
  /** longest journal of the interrupted attempts */
  previous: string;
}

/** The results folder: EQUIPOISE_RESULTS, else what the config of the project says, else results/ of the project. */
export const resultsFolder = (): string => projectPath('results');

/** What the folder of an experiment or a run may be called, as a part of a pattern: nothing that leads elsewhere. */
export const folderNameForm = '[A-Za-z0-9][A-Za-z0-9._-]{0,99}';

const wholeFolderName = new RegExp(`^${folderNameForm}$`);

/** The files of one run. Throws UserError when a name could lead out of the results folder. */
export function runFolder(results: string, experiment: string, id: string): RunFolder {
  for (const [what, name] of [
    ['experiment', experiment],
    ['run', id],
  ] as const) {
    if (!wholeFolderName.test(name)) {
      throw userError({
        where: `${what} ${JSON.stringify(name)}`,
        what: 'cannot be a folder name',
        expected: 'letters, digits, dot, dash and underscore, at most 100, beginning with a letter or digit',
      });
    }
  }
  if (experiment === referenceFolder)
    throw userError({
      where: `experiment "${experiment}"`,
      what: 'is the name of the committed reference results',
      hint: 'give the manifest another name',
    });
  const folder = join(results, experiment, id);
  return {
    folder,
    runJson: join(folder, 'run.json'),
    journal: join(folder, 'metrics.jsonl'),
    checkpoint: join(folder, 'checkpoint.safetensors'),
    predictions: join(folder, predictionsName),
    best: join(folder, 'best.safetensors'),
    checkpoints: join(folder, 'checkpoints'),
    previous: join(folder, 'metrics.previous.jsonl'),
    log: join(folder, 'log.txt'),
    claim: join(folder, 'claim'),
    diff: join(folder, 'code.diff'),
  };
}

/** Names of the experiments that have a folder in the results folder, sorted; the reference is left out. */
export function listExperiments(results: string): string[] {
  return subfolders(results).filter((name) => name !== referenceFolder);
}

/** Ids of the runs that have a folder in an experiment, sorted. */
export function listRunIds(results: string, experiment: string): string[] {
  return subfolders(join(results, experiment)).filter(isRunId);
}

function subfolders(folder: string): string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { withFileTypes: true })
    .filter(
      (entry) =>
        !entry.name.startsWith('.') &&
        (entry.isDirectory() || (entry.isSymbolicLink() && isFolder(join(folder, entry.name)))),
    )
    .map((entry) => entry.name)
    .sort();
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}

/** `foreign`: written by a version of this program with another format; it is never touched. */
export type RunFileRead =
  | { state: 'absent' }
  | { state: 'unreadable'; why: string }
  | { state: 'foreign'; why: string }
  | { state: 'read'; file: RunFile };

/**
 * Reads a run.json. What is not one is `unreadable` with the reason, never an exception: one bad file must not hide a
 * sweep.
 */
export function readRunFile(path: string): RunFileRead {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ENOENT'
      ? { state: 'absent' }
      : { state: 'unreadable', why: (error as Error).message };
  }
  return checkedRunFile(text);
}

/** The same of the text of a run.json. */
export function checkedRunFile(text: string): Exclude<RunFileRead, { state: 'absent' }> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    return { state: 'unreadable', why: (error as Error).message };
  }
  const format = isObject(value) ? value['format'] : undefined;
  if (typeof format === 'string' && /^equipoise-run\/\d+$/.test(format) && format !== 'equipoise-run/1') {
    return {
      state: 'foreign',
      why: `its run.json has the format ${format} of another version of this program, which knows equipoise-run/1; nothing in its folder is touched: use that version, or move the folder away to train the run again`,
    };
  }
  const why = fault(value);
  return why === null ? { state: 'read', file: withDefaults(value as RunFile) } : { state: 'unreadable', why };
}

/**
 * A run from before an option came to be has the option's default, as its identity says: without it, it would stand
 * apart from runs of today.
 */
const withDefaults = (file: RunFile): RunFile => ({ ...file, spec: filledRun({ ...file.spec }) });

const required = (
  [
    ['id', 'string'],
    ['identity', 'string'],
    ['experiment', 'string'],
    ['spec', 'object'],
    ['steps', 'number'],
    ['step', 'number'],
    ['code', 'object'],
    ['code.version', 'string'],
    ['data', 'object'],
    ['data.identity', 'string'],
    ['weights', 'object'],
    ['machine', 'object'],
    ['machine.backend', 'string'],
    ['machine.device', 'string'],
    ['machine.threads', 'number'],
    ['times', 'object'],
    ['times.started', 'string'],
    ['times.trainSeconds', 'number'],
    ['times.evaluateSeconds', 'number'],
    ['times.secondsPerStep', 'number'],
    ['spec.task', 'string'],
    ['spec.encoder', 'string'],
    ['spec.backbone', 'string'],
    ['spec.connector', 'object'],
    ['spec.scheduler', 'object'],
    ['spec.regulariser', 'object'],
    ['spec.learningRate', 'object'],
    ['spec.duration', 'object'],
    ['spec.batch', 'number'],
    ['spec.seed', 'number'],
  ] as [path: string, type: 'string' | 'number' | 'object'][]
).map(([path, type]) => [path, type, path.split('.')] as const);

function fault(value: unknown): string | null {
  if (!isObject(value)) return 'it is not a JSON object';
  if (value['format'] !== 'equipoise-run/1')
    return `its format is ${JSON.stringify(value['format'])}, not "equipoise-run/1"`;
  if (!['running', 'done', 'failed'].includes(value['status'] as string))
    return `its status is ${JSON.stringify(value['status'])}`;
  for (const [path, type, keys] of required) {
    let inner: unknown = value;
    for (const key of keys) inner = isObject(inner) ? inner[key] : undefined;
    if (type === 'object' ? !isObject(inner) : typeof inner !== type)
      return `its ${path} is not ${type === 'object' ? 'an' : 'a'} ${type}`;
  }
  if (!Array.isArray(value['notices']) || !value['notices'].every((notice) => typeof notice === 'string'))
    return 'its notices are not a list of texts';
  if (!(value['identity'] as string).startsWith(value['id'] as string))
    return 'its id is not the beginning of its identity';
  if (value['status'] === 'done' && !isObject(value['final'])) return 'it is done without a final evaluation';
  return null;
}
