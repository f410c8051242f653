/**
 * Packs a finished experiment as a crate: copies, draws, describes, checks, and only then gives the folder its name.
 */
import { spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { setSources } from '../../data';
import { hashedPlaces, lockText, pinned, pinRelease, readLock, requirePinned } from '../../data/readers/pin';
import { projectRoot, sha256, writeWhole } from '../../files';
import { experimentOf, type Manifest } from '../../manifest/content';
import { isYamlFile } from '../../manifest/parse';
import type { RunSpec } from '../../manifest/run';
import { findTask, type FoundTask } from '../../manifest/taskManifest';
import { exitCode, UserError } from '../../problems';
import { ownCheckpointFiles } from '../../sources/checkpoints';
import { contentPath, hasContent } from '../../sources/content';
import { type DataManifest, fileObjects, manifestFolder, pinsPath } from '../../sources/dataManifest';
import { findSource } from '../../sources/sources';
import { listRunIds, readRunFile } from '../folders';
import { tasksOf } from '../identify';
import { newFolder } from '../newFolder';
import { readContainer } from './container';
import { pairRuns, sourcesOf } from './content';
import {
  checkpointLockText,
  type CrateCheckpoint,
  type CratePlace,
  type CrateTask,
  type Inputs,
  maybePassedOn,
  ownCheckpointOf,
  releasedTasksOf,
  statedBy,
} from './inputs';
import { metadataOf, metadataText, type Exporter } from './metadata';
import {
  checkpointPath,
  crateNames,
  dataPath,
  lockfilePath,
  pathOf,
  pinPath,
  runFileNames,
  sourcePath,
  taskLockPath,
  taskPath,
} from './paths';
import { verifyCrate, type Draw } from './verify';

export interface ExportOptions {
  manifest: Manifest;
  /** results/<experiment> */
  folder: string;
  /** the crate's folder; must be absent or empty */
  out: string;
  draw: Draw;
  /** who packs it */
  exporter: Exporter;
  /** also put the data in, as far as their licences say that they may be passed on */
  withData?: boolean;
}

export interface Exported {
  out: string;
  runs: number;
  files: number;
  notices: string[];
}

/**
 * Writes the crate of an experiment whose manifest is all done. Equal results give equal bytes with the same program.
 * @throws UserError when a run of the manifest is not done, the place is taken, or the result would not pass `verify`,
 * as when data manifests changed since the training
 */
export async function exportCrate(options: ExportOptions): Promise<Exported> {
  const { manifest, folder, out, draw, exporter } = options;
  const experiment = experimentOf(manifest);
  const { runs, surplus } = finishedRuns(manifest, folder);
  const notices =
    surplus.length === 0
      ? []
      : [
          `left out, since the manifest does not describe them or a later run of the same combination counts: ${surplus.map(({ id }) => id).join(', ')}`,
        ];
  return newFolder(out, async (crate) => {
    if (isYamlFile(manifest.file))
      writeWhole(join(crate, crateNames.manifest), `${JSON.stringify(manifest.content, null, 2)}\n`);
    else place(crate, manifest.file, crateNames.manifest);
    for (const { file } of runs)
      for (const name of runFileNames)
        if (existsSync(join(folder, file.id, name)))
          place(crate, join(folder, file.id, name), pathOf(experiment, file.id, name));
    const inputs = placeInputs(
      crate,
      runs.map(({ spec }) => spec),
      options.withData === true,
      notices,
    );
    notices.push(...placeLocks(crate, new Map(runs.map(({ file }) => [file.code.lockfile, file.code.commit]))));
    const [figures, tables] = [join(crate, crateNames.figures), join(crate, crateNames.tables)];
    notices.push(...(await draw(join(crate, crateNames.results, experiment), figures, tables)));
    const { files } = readContainer(crate);
    const metadata = metadataOf({ manifest, runs, inputs, files, exporter });
    writeWhole(join(crate, crateNames.metadata), metadataText(metadata));
    const { checks } = await verifyCrate(crate, draw);
    const failures = checks.flatMap((check) => check.failures);
    if (failures.length > 0)
      throw new UserError(
        failures.slice(0, 20).map((what) => ({ where: `crate of ${experiment}`, what })),
        exitCode.failed,
      );
    return { out, runs: runs.length, files: files.length + 1, notices };
  });
}

/** A finished run for each combination of a manifest, and what is left over. Throws UserError when one is lacking. */
function finishedRuns(manifest: Manifest, folder: string): Omit<ReturnType<typeof pairRuns>, 'lacking'> {
  const experiment = experimentOf(manifest);
  const found = listRunIds(dirname(folder), basename(folder)).flatMap((id) => {
    const read = readRunFile(join(folder, id, 'run.json'));
    return read.state === 'read' && read.file.id === id ? [read.file] : [];
  });
  const { runs, lacking, surplus } = pairRuns(manifest, found);
  if (lacking.length === 0) return { runs, surplus };
  const shown = lacking.slice(0, 10).map((description) => ({
    where: experiment,
    what: `not finished, or trained as something else: ${description}`,
  }));
  throw new UserError(
    [
      ...shown,
      {
        where: experiment,
        what: `${lacking.length} of ${lacking.length + runs.length} runs of ${manifest.file} are not done`,
        expected: 'a finished run for each combination',
        hint: `equipoise run ${manifest.file}`,
      },
    ],
    exitCode.failed,
  );
}

function place(crate: string, from: string | Buffer, to: string): void {
  mkdirSync(dirname(join(crate, to)), { recursive: true });
  copyFileSync(from, join(crate, to));
}

/**
 * Puts the records of all that the runs have read into a crate, and with `withData` the data. Adds to `notices` what a
 * reader must know. Throws UserError when an input is not there any more.
 */
function placeInputs(crate: string, specs: readonly RunSpec[], withData: boolean, notices: string[]): Inputs {
  const names = (of: (spec: RunSpec) => readonly (string | undefined)[]) =>
    [...new Set(specs.flatMap((spec) => of(spec)))].filter((name) => name !== undefined).sort();
  const sources = names(sourcesOf).map((name) => findSource(name));
  for (const { name } of sources) {
    place(crate, join(manifestFolder, `${name}.json`), sourcePath(name));
    const pins = pinsPath(name, manifestFolder);
    if (existsSync(pins)) place(crate, pins, pinPath(name));
  }
  const tasks = names(releasedTasksOf).map((name) => placeTask(crate, findTask(name)!, withData, notices));
  const checkpoints = names((spec) => [ownCheckpointOf(spec)]).map((name) => placeCheckpoint(crate, name, notices));
  if (withData) {
    const ofSets = names((spec) => tasksOf(spec).flatMap((name) => setSources(name)));
    for (const source of sources.filter(({ name }) => ofSets.includes(name))) placeSource(crate, source, notices);
  }
  return { sources, tasks, checkpoints };
}

function placeTask(crate: string, task: FoundTask, withData: boolean, notices: string[]): CrateTask {
  const { name, license } = task.manifest;
  place(crate, task.path, taskPath(name, task.kind));
  const with_ = withData && mayPassOn(`task ${name}`, license, notices);
  const places = with_
    ? placeFiles(crate, task)
    : ((task.kind === 'published' ? readLock(name) : null) ?? pinRelease(task));
  writeWhole(join(crate, taskLockPath(name)), lockText(name, places));
  return { task, places };
}

/** Copies the files of a task into a crate, each under its hash. */
function placeFiles(crate: string, task: FoundTask): CratePlace[] {
  requirePinned(task);
  return hashedPlaces(task).map((one) => {
    for (const { path, sha256: hash } of one.files) place(crate, path, dataPath(hash));
    const contents = one.files.map(({ name, bytes, sha256: hash }) => ({ name, bytes, sha256: hash }));
    return { ...pinned(one), ...(one.isFolder ? { contents } : {}) };
  });
}

function placeSource(crate: string, source: DataManifest, notices: string[]): void {
  if (!mayPassOn(`source ${source.name}`, source.license, notices)) return;
  for (const file of fileObjects(source))
    if (hasContent(file)) place(crate, contentPath(file.sha256), dataPath(file.sha256));
    else notices.push(`${file['@id']} of ${source.name} is not in the cache, and the crate goes without`);
}

function mayPassOn(what: string, license: string, notices: string[]): boolean {
  if (maybePassedOn(license)) return true;
  notices.push(
    `${what}: its licence (${license}) is not one that is known to let its data be passed on; they stay out`,
  );
  return false;
}

function placeCheckpoint(crate: string, name: string, notices: string[]): CrateCheckpoint {
  const { folder, files } = ownCheckpointFiles(name);
  const record = { name, ...statedBy(folder), files };
  place(crate, join(folder, 'config.json'), checkpointPath(name, 'config.json'));
  writeWhole(join(crate, checkpointPath(name, 'lock.json')), checkpointLockText(record));
  if (record.license === null)
    notices.push(
      `checkpoint ${name}: its folder has no README.md that states a licence; say it before you publish the crate`,
    );
  return record;
}

/**
 * The lockfiles that the runs name: the project's own, else the one of the run's commit. Returns a notice for each that
 * is in neither.
 */
function placeLocks(crate: string, locks: ReadonlyMap<string, string | null>): string[] {
  return [...locks]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .flatMap(([hash, commit]) => {
      const own = join(projectRoot, 'package-lock.json');
      const candidates = [
        () => (existsSync(own) ? readFileSync(own) : null),
        () => (commit === null || !/^[0-9a-f]{40,64}$/.test(commit) ? null : committed(commit)),
      ];
      const content = candidates
        .map((candidate) => candidate())
        .find((bytes) => bytes !== null && sha256(bytes) === hash);
      if (content === undefined || content === null)
        return [
          `the lockfile ${hash.slice(0, 16)} that runs name is neither in this checkout nor in its history; the crate goes without`,
        ];
      writeWhole(join(crate, lockfilePath(hash)), content);
      return [];
    });
}

function committed(commit: string): Buffer | null {
  const { status, stdout } = spawnSync('git', ['-C', projectRoot, 'show', `${commit}:package-lock.json`], {
    maxBuffer: 2 ** 26,
    timeout: 10_000,
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  return status === 0 ? stdout : null;
}
