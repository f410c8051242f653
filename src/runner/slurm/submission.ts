/**
 * What a submission leaves behind: results/<experiment>/.slurm/<number>/ with submission.json, and for each job array
 * its script, its runs as they were planned, and what its tasks say before they know their run. A task reads its run
 * from there, so that a manifest edited later changes nothing.
 */
import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { writeWhole } from '../../files';
import { userError } from '../../problems';
import type { CheckpointInterval } from '../messages';
import type { IdentifiedRun } from '../plan';
import type { Resources } from './request';

/** One job array of a submission. */
export interface SubmittedArray {
  /** name of its jobs in Slurm */
  name: string;
  /** null until sbatch has taken it */
  job: number | null;
  resources: Resources;
  /** ids, by index */
  runs: string[];
}

export interface Submission {
  format: 'equipoise-slurm/1';
  experiment: string;
  manifest: { file: string; sha256: string; profile: string | null };
  /** wall-clock time, for people */
  submitted: string;
  arrays: SubmittedArray[];
}

/** The runs of one array, as planned. */
export interface ArrayPlan {
  format: 'equipoise-slurm-array/1';
  experiment: string;
  /** after a crashed worker */
  retries: number;
  /** seconds */
  hang?: number;
  checkpoint?: CheckpointInterval;
  /** true: finished runs keep the weights after their best validation */
  best?: boolean;
  runs: IdentifiedRun[];
}

const submissionsFolder = (results: string, experiment: string) => join(results, experiment, '.slurm');

/** Numbers of the submissions of an experiment, ascending. */
function numbers(results: string, experiment: string): string[] {
  try {
    return readdirSync(submissionsFolder(results, experiment))
      .filter((name) => /^\d{4,}$/.test(name))
      .sort((a, b) => Number(a) - Number(b));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}

/** The folder that the next submission will have. */
export function nextFolder(results: string, experiment: string): string {
  const last = Number(numbers(results, experiment).at(-1) ?? 0);
  return join(submissionsFolder(results, experiment), String(last + 1).padStart(4, '0'));
}

/** Makes the folder of a new submission; two commands at once get two. */
export function createFolder(results: string, experiment: string): string {
  mkdirSync(submissionsFolder(results, experiment), { recursive: true });
  for (;;) {
    const folder = nextFolder(results, experiment);
    try {
      mkdirSync(folder);
      return folder;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
  }
}

/** Names of an array's files in its submission's folder. */
export function arrayFiles(index: number): { script: string; plan: string; output: string } {
  return { script: `array-${index}.sh`, plan: `array-${index}.json`, output: `array-${index}.txt` };
}

export function writeSubmission(folder: string, submission: Submission): void {
  writeWhole(join(folder, 'submission.json'), `${JSON.stringify(submission, null, 2)}\n`);
}

/** The submissions of an experiment, oldest first, and the folders of which submission.json cannot be used. */
export function readSubmissions(
  results: string,
  experiment: string,
): { submissions: Submission[]; unusable: string[] } {
  const read = numbers(results, experiment).map((number) => {
    const folder = join(submissionsFolder(results, experiment), number);
    return { folder, value: readJson(join(folder, 'submission.json')) };
  });
  return {
    submissions: read.flatMap(({ value }) => (isSubmission(value) ? [value] : [])),
    unusable: read.filter(({ value }) => !isSubmission(value)).map(({ folder }) => folder),
  };
}

/** The planned run of a task. Throws UserError when the file is not a plan or does not have the run. */
export function readPlannedRun(path: string, id: string): { plan: Omit<ArrayPlan, 'runs'>; run: IdentifiedRun } {
  const value = readJson(path) as Partial<ArrayPlan> | null;
  if (
    value?.format !== 'equipoise-slurm-array/1' ||
    typeof value.experiment !== 'string' ||
    !Number.isInteger(value.retries) ||
    !Array.isArray(value.runs)
  ) {
    throw userError({ where: path, what: 'is not the plan of a job array, or cannot be read', hint: 'submit again' });
  }
  const run = value.runs.find((each: Partial<IdentifiedRun> | null) => each?.id === id);
  if (run === undefined) throw userError({ where: path, what: `has no run ${JSON.stringify(id)}` });
  const { format, experiment, retries, hang, checkpoint, best } = value as ArrayPlan;
  return {
    plan: {
      format,
      experiment,
      retries,
      ...(hang === undefined ? {} : { hang }),
      ...(checkpoint === undefined ? {} : { checkpoint }),
      ...(best === undefined ? {} : { best }),
    },
    run,
  };
}

function readJson(path: string): unknown {
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch {
    return null; // absent or torn: the caller says what that means
  }
}

function isSubmission(value: unknown): value is Submission {
  const submission = value as Partial<Submission> | null;
  return (
    submission?.format === 'equipoise-slurm/1' &&
    Array.isArray(submission.arrays) &&
    submission.arrays.every(
      (array: Partial<SubmittedArray> | null) =>
        typeof array?.name === 'string' &&
        Array.isArray(array.runs) &&
        array.runs.every((id) => typeof id === 'string'),
    )
  );
}
