/** From runs to job arrays in the queue of a cluster. */
import { randomBytes } from 'node:crypto';
import { basename, join, resolve } from 'node:path';
import { cachePath, projectRoot, writeWhole } from '../../files';
import { projectVariables } from '../../project';
import type { Manifest } from '../../manifest/content';
import type { SlurmProfile } from '../../manifest/slurm';
import { identified, type IdentifiedRun } from '../plan';
import { largestArray, submissionEnvironment, submitScript } from './commands';
import { resourceClasses, type Resources } from './request';
import { arrayScript } from './script';
import {
  arrayFiles,
  createFolder,
  nextFolder,
  writeSubmission,
  type ArrayPlan,
  type Submission,
  type SubmittedArray,
} from './submission';

export interface SubmitOptions extends Pick<ArrayPlan, 'experiment' | 'retries' | 'hang' | 'checkpoint' | 'best'> {
  results: string;
  manifest: Pick<Manifest, 'file' | 'sha256' | 'profile' | 'content'>;
  profile: SlurmProfile;
  runs: readonly IdentifiedRun[];
  /** the script of the command line, e.g. bin/equipoise.cjs */
  entry: string;
}

/** A job array that is ready to be submitted. */
interface PreparedArray {
  name: string;
  resources: Resources;
  runs: IdentifiedRun[];
  script: string;
}

export interface Prepared {
  folder: string;
  arrays: PreparedArray[];
  warnings: string[];
}

/**
 * The job arrays of runs and their scripts; writes nothing. A class larger than the cluster's arrays becomes several.
 * @throws UserError as resourceClasses
 */
export function prepareArrays(
  options: SubmitOptions,
  folder = nextFolder(options.results, options.experiment),
): Prepared {
  const { classes, warnings } = resourceClasses(options.runs, options.manifest.content.slurm, options.profile);
  const largest = largestArray();
  const parts = classes.flatMap(({ resources, runs }) => {
    const chunks = chunksOf(runs, largest);
    // Each array is throttled by itself: together they keep to what was asked.
    const throttle =
      resources.throttle === undefined ? undefined : Math.max(1, Math.floor(resources.throttle / chunks.length));
    return chunks.map((chunk) => ({ resources, runs: chunk, throttle }));
  });
  // By this name the jobs are found again, also when the command dies between sbatch and the note of its answer.
  const token = randomBytes(4).toString('hex');
  const libraries = process.env['EQUIPOISE_LIBRARIES'];
  const folderOfParts = options.runs.find(({ parts }) => parts !== undefined)?.parts?.folder;
  const arrays = parts.map(({ resources, runs, throttle }, index): PreparedArray => {
    const files = arrayFiles(index);
    const name = `equipoise-${options.experiment}-${token}-${index}`;
    const script = arrayScript({
      name,
      resources,
      throttle,
      ids: runs.map((run) => run.id),
      profile: options.profile,
      plan: join(resolve(folder), files.plan),
      folder: resolve(options.results, options.experiment),
      output: files.output,
      root: projectRoot,
      node: process.execPath,
      entry: options.entry,
      ...(folderOfParts === undefined ? {} : { parts: folderOfParts }),
      environment: {
        ...projectVariables(),
        EQUIPOISE_RESULTS: resolve(options.results),
        EQUIPOISE_CACHE: cachePath(),
        ...(libraries === undefined ? {} : { EQUIPOISE_LIBRARIES: resolve(libraries) }),
      },
    });
    return { name, resources, runs, script };
  });
  return { folder, arrays, warnings };
}

/**
 * Writes the plan of a submission and gives its arrays to sbatch, one after the other.
 * @param submitted told of each array that sbatch has taken
 * @throws UserError when sbatch refuses one; those before it stay submitted
 */
export function submitArrays(
  options: SubmitOptions,
  submitted: (array: SubmittedArray) => void,
): { folder: string; arrays: SubmittedArray[]; warnings: string[] } {
  const folder = createFolder(options.results, options.experiment);
  const { arrays, warnings } = prepareArrays(options, folder);
  const { experiment, retries, hang, checkpoint, best } = options;
  const { file, sha256, profile } = options.manifest;
  const submission: Submission = {
    format: 'equipoise-slurm/1',
    experiment,
    manifest: { file: basename(file), sha256, profile },
    submitted: new Date().toISOString(),
    arrays: arrays.map(({ name, resources, runs }) => ({
      name,
      job: null,
      resources,
      runs: runs.map((run) => run.id),
    })),
  };
  for (const [index, { runs, script }] of arrays.entries()) {
    const files = arrayFiles(index);
    const plan: ArrayPlan = {
      format: 'equipoise-slurm-array/1',
      experiment,
      retries,
      hang,
      checkpoint,
      best,
      runs: runs.map(identified),
    };
    writeWhole(join(folder, files.plan), `${JSON.stringify(plan, null, 1)}\n`);
    writeWhole(join(folder, files.script), script);
  }
  writeSubmission(folder, submission);
  for (const [index, array] of submission.arrays.entries()) {
    array.job = submitScript(
      arrayFiles(index).script,
      folder,
      submissionEnvironment(process.env, decided(array.resources)),
    );
    writeSubmission(folder, submission);
    submitted(array);
  }
  return { folder, arrays: submission.arrays, warnings };
}

/** The variables of sbatch that would lie over what the script says. */
function decided({ account, partition, qos }: Resources): string[] {
  return [
    ...(account === undefined ? [] : ['SBATCH_ACCOUNT']),
    ...(partition === undefined ? [] : ['SBATCH_PARTITION']),
    ...(qos === undefined ? [] : ['SBATCH_QOS']),
  ];
}

function chunksOf<T>(values: readonly T[], size: number): T[][] {
  return Array.from({ length: Math.ceil(values.length / size) }, (_, index) =>
    values.slice(index * size, (index + 1) * size),
  );
}
